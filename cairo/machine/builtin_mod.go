package machine

import (
	"fmt"
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
)

// The modular builtins check a op b = c mod p for numbers of four 96-bit words. An instance consists of the words of p, a
// pointer to the values, a pointer to the offsets of a, b and c in the values, and n, the number of operations that remain.
// All layouts use one operation per instance. All cells are inputs, which a hint fills through FillMod; Secure checks the
// equations after the run.
const (
	ModWords    = 4      // cells of a number
	modWordBits = 96     // bits of a cell
	ModValues   = 4      // offset of the pointer to the values
	ModOffsets  = 5      // offset of the pointer to the offsets
	modN        = 6      // offset of n
	ModCells    = 7      // cells of an instance
	ModFillMax  = 100000 // the largest n that FillMod accepts
)

// ModInputs holds the cells of an instance of a modular builtin.
type ModInputs struct {
	P       *big.Int
	Words   [ModWords]felt.Felt // of P
	Values  Addr
	Offsets Addr
	N       uint64
}

// ReadWords reads a number of ModWords words at a. The value is nil if a word is not written.
func ReadWords(m *Memory, a Addr) (words [ModWords]felt.Felt, value *big.Int, err error) {
	value = new(big.Int)
	for i := range words {
		v, ok := m.Get(a.Add(i))
		if !ok {
			return words, nil, nil
		}
		f, ok := v.Felt()
		if !ok {
			return words, nil, memErrorf(a, "expected integer at address %v", a.Add(i))
		}
		if f.BitLen() > modWordBits {
			return words, nil, fmt.Errorf("expected integer at address %v to be smaller than 2^%d, got %v", a.Add(i), modWordBits, FeltValue(f))
		}
		words[i] = f
		value.Add(value, new(big.Int).Lsh(f.BigInt(), uint(modWordBits*i)))
	}
	return words, value, nil
}

// WriteWords writes a number as ModWords words at a and marks them as accessed.
func WriteWords(m *Memory, a Addr, value *big.Int) error {
	if value.BitLen() > ModWords*modWordBits {
		return fmt.Errorf("the value %v does not fit in %d words of %d bits", value, ModWords, modWordBits)
	}
	mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), modWordBits), big.NewInt(1))
	for i := range ModWords {
		w := new(big.Int).Rsh(value, uint(modWordBits*i))
		if err := m.insertAccessed(a.Add(i), FeltValue(felt.FromBigInt(w.And(w, mask)))); err != nil {
			return err
		}
	}
	return nil
}

func (m *Memory) insertAccessed(a Addr, v Value) error {
	if err := m.Insert(a, v); err != nil {
		return err
	}
	m.mark(a)
	return nil
}

// ReadMod reads the instance at a.
func (b *Builtin) ReadMod(m *Memory, a Addr) (in ModInputs, err error) {
	if in.Values, err = m.Pointer(a.Add(ModValues)); err != nil {
		return in, err
	}
	if in.Offsets, err = m.Pointer(a.Add(ModOffsets)); err != nil {
		return in, err
	}
	if in.N, err = m.Uint64(a.Add(modN)); err != nil {
		return in, err
	}
	if in.N < 1 {
		return in, fmt.Errorf("%s builtin: n must be at least 1, got %d", b.Name, in.N)
	}
	in.Words, in.P, err = ReadWords(m, a)
	if err == nil && in.P == nil {
		err = fmt.Errorf("%s builtin: missing value at address %v", b.Name, a.Add(ModWords))
	}
	return in, err
}

// operands returns the addresses and values of a, b and c of the operation with number index; a value is nil if it is
// not written.
func (b *Builtin) operands(m *Memory, in *ModInputs, index int) (at [3]Addr, v [3]*big.Int, err error) {
	for i := range at {
		off, err := m.Felt(in.Offsets.Add(3*index + i))
		if err != nil {
			return at, v, err
		}
		sum, err := AddrValue(in.Values).Add(FeltValue(off))
		if err != nil {
			return at, v, err
		}
		at[i] = sum.addr()
		if _, v[i], err = ReadWords(m, at[i]); err != nil {
			return at, v, err
		}
	}
	return at, v, nil
}

// apply returns x op y - kp for the largest k that the builtin allows and that leaves no negative result: k < 2 for a sum,
// k < 2^384 for a product.
func (b *Builtin) apply(x, y, p *big.Int) (*big.Int, error) {
	full, bound := new(big.Int), big.NewInt(2)
	if b.Name == BuiltinMulMod {
		full.Mul(x, y)
		bound.Lsh(big.NewInt(1), ModWords*modWordBits)
	} else {
		full.Add(x, y)
	}
	limit := new(big.Int).Mul(bound, p)
	if full.Cmp(limit) < 0 { // so p is not 0
		return full.Mod(full, p), nil
	}
	return full.Sub(full, limit.Sub(limit, p)), nil
}

// solve returns the operand x with x op known = result modulo p.
func (b *Builtin) solve(known, result, p *big.Int) (*big.Int, error) {
	v := new(big.Int)
	if b.Name == BuiltinAddMod {
		if v.Sub(result, known); v.Sign() < 0 {
			v.Add(v, p)
		}
		if v.Sign() < 0 {
			return nil, fmt.Errorf("%s builtin: no operand with %v gives %v modulo %v", b.Name, known, result, p)
		}
		return v, nil
	}
	if p.Sign() == 0 || v.ModInverse(known, p) == nil {
		return nil, fmt.Errorf("%s builtin: %v has no inverse modulo %v", b.Name, known, p)
	}
	v.Mul(v, result)
	return v.Mod(v, p), nil
}

// fillValue computes the missing value of an operation, if any; false if more than one is missing.
func (b *Builtin) fillValue(m *Memory, in *ModInputs, index int) (bool, error) {
	at, v, err := b.operands(m, in, index)
	if err != nil {
		return false, err
	}
	var out *big.Int
	var to Addr
	switch {
	case v[0] != nil && v[1] != nil && v[2] != nil:
		return true, nil
	case v[0] != nil && v[1] != nil:
		to = at[2]
		out, err = b.apply(v[0], v[1], in.P)
	case v[0] != nil && v[2] != nil:
		to = at[1]
		out, err = b.solve(v[0], v[2], in.P)
	case v[1] != nil && v[2] != nil:
		to = at[0]
		out, err = b.solve(v[1], v[2], in.P)
	default:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, WriteWords(m, to, out)
}

// ModBatch is a batch of operations for FillMod: the address of its first instance, and the number of operations in the
// table of offsets.
type ModBatch struct {
	Ptr Addr
	N   int
}

// FillMod does what the official runner's fill_memory does: for each builtin it writes the instances after the first and
// pads the table of offsets. Then it computes the missing values, in an order in which each operation has at most one. A
// batch with N = 0 is ignored.
func (m *Machine) FillMod(add, mul ModBatch) error {
	var in [2]ModInputs
	var builtins [2]*Builtin
	batches := [2]ModBatch{add, mul}
	if add.N == 0 && mul.N == 0 {
		return fmt.Errorf("fill_memory: at least one of add_mod and mul_mod must be given")
	}
	for k, name := range [2]string{BuiltinAddMod, BuiltinMulMod} {
		if batches[k].N == 0 {
			continue
		}
		b := m.Builtin(name)
		if b == nil {
			return fmt.Errorf("could not find the %s builtin", name)
		}
		builtins[k] = b
		var err error
		if in[k], err = b.ReadMod(&m.Memory, batches[k].Ptr); err != nil {
			return err
		}
		if in[k].N > ModFillMax {
			return fmt.Errorf("%s builtin: fill_memory is bounded by %d operations, got %d", name, ModFillMax, in[k].N)
		}
		if err := m.Memory.spend(in[k].N * b.rule.work); err != nil {
			return err
		}
		if err := m.fillInstances(batches[k], &in[k]); err != nil {
			return err
		}
	}
	done := [2]int{}
	for done[0] < batches[0].N || done[1] < batches[1].N {
		progress := false
		for k, b := range builtins {
			if b == nil || done[k] >= batches[k].N {
				continue
			}
			ok, err := b.fillValue(&m.Memory, &in[k], done[k])
			if err != nil {
				return err
			}
			if ok {
				done[k]++
				progress = true
				break
			}
		}
		if !progress {
			return fmt.Errorf("could not fill the values table, add_mod_index=%d, mul_mod_index=%d", done[0], done[1])
		}
	}
	return nil
}

func (m *Machine) fillInstances(batch ModBatch, in *ModInputs) error {
	for i := 1; i < int(in.N); i++ {
		at := batch.Ptr.Add(i * ModCells)
		for j, w := range in.Words {
			if err := m.Memory.insertAccessed(at.Add(j), FeltValue(w)); err != nil {
				return err
			}
		}
		rest := [3]Value{AddrValue(in.Values), AddrValue(in.Offsets.Add(3 * i)), UintValue(in.N - uint64(i))}
		for j, v := range rest {
			if err := m.Memory.insertAccessed(at.Add(ModValues+j), v); err != nil {
				return err
			}
		}
	}
	for i := range 3 {
		if int(in.N) <= batch.N {
			break
		}
		v, ok := m.Memory.Get(in.Offsets.Add(i))
		if !ok {
			return memErrorf(in.Offsets, "unknown value for memory cell %v", in.Offsets.Add(i))
		}
		for k := batch.N; k < int(in.N); k++ {
			if err := m.Memory.insertAccessed(in.Offsets.Add(3*k+i), v); err != nil {
				return err
			}
		}
	}
	return nil
}

// secureMod checks that consecutive instances continue each other and that a op b = c mod p in each.
func (b *Builtin) secureMod(m *Memory, sizes []uint64) error {
	n := (sizes[b.Base.Segment] + ModCells - 1) / ModCells
	var prev ModInputs
	for i := range int(n) {
		in, err := b.ReadMod(m, Addr{b.Base.Segment, uint64(i) * ModCells})
		if err != nil {
			return err
		}
		if i > 0 && prev.N > 1 {
			switch {
			case in.Words != prev.Words:
				return fmt.Errorf("%s builtin: p changes at instance %d", b.Name, i)
			case in.Values != prev.Values:
				return fmt.Errorf("%s builtin: values_ptr changes at instance %d", b.Name, i)
			case in.Offsets != prev.Offsets.Add(3):
				return fmt.Errorf("%s builtin: offsets_ptr does not advance at instance %d", b.Name, i)
			case in.N != prev.N-1:
				return fmt.Errorf("%s builtin: n is %d at instance %d, want %d", b.Name, in.N, i, prev.N-1)
			}
		}
		_, v, err := b.operands(m, &in, 0)
		if err != nil {
			return err
		}
		if v[0] == nil || v[1] == nil || v[2] == nil {
			return fmt.Errorf("%s builtin: missing value at instance %d", b.Name, i)
		}
		got, err := b.apply(v[0], v[1], in.P)
		if err != nil {
			return err
		}
		if got.Sub(got, v[2]); in.P.Sign() == 0 && got.Sign() != 0 || in.P.Sign() != 0 && got.Mod(got, in.P).Sign() != 0 {
			return fmt.Errorf("%s builtin: expected a op b == c (mod p) at instance %d, p=%v, a=%v, b=%v, c=%v", b.Name, i, in.P, v[0], v[1], v[2])
		}
		prev = in
	}
	if n > 0 && prev.N != 1 {
		return fmt.Errorf("%s builtin: n is %d in the last instance, want 1", b.Name, prev.N)
	}
	return nil
}
