package cairo0

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/big"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// relocated returns the address of a in the trace's memory, which has no segments.
func (r *run) relocated(a machine.Addr) (uint64, error) {
	if a.Segment < 0 || int(a.Segment) >= len(r.table) {
		return 0, fmt.Errorf("cairo0: cannot relocate %v", a)
	}
	return r.table[a.Segment] + a.Offset, nil
}

// WriteRegisters writes the trace file of a run with Trace or ProofMode.
func (r *RunResult) WriteRegisters(w io.Writer) error {
	out := cairo.NewRegistersWriter(w)
	for regs, err := range r.run.registers() {
		if err != nil {
			return err
		}
		if err := out.Write(regs); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteMemory writes the memory file.
func (r *RunResult) WriteMemory(w io.Writer) error {
	if r.run.overlapping() {
		var mem cairo.Memory
		if err := r.run.relocateMemory(&mem); err != nil {
			return err
		}
		return mem.WriteMemory(w)
	}
	out := cairo.NewMemoryWriter(w)
	for c, err := range r.run.memory() {
		if err != nil {
			return err
		}
		if err := out.Write(c.address, c.limbs()); err != nil {
			return err
		}
	}
	return out.Flush()
}

// overlapping reports whether cells were written after the end that the layout or a PIE gives to their segment. They share addresses with
// the next segment; the later segment's values count.
func (r *run) overlapping() bool {
	for i := range r.m.Memory.Segments() {
		if r.m.Memory.SegmentSize(int32(i)) > r.segmentSize(i) {
			return true
		}
	}
	return false
}

// WritePublic writes the AIR public input of a run in proof mode.
func (r *RunResult) WritePublic(w io.Writer) error {
	b, err := json.MarshalIndent(r.run.publicInput, "", "    ")
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// WritePrivate writes the AIR private input of a run in proof mode. It names the trace and memory files.
func (r *RunResult) WritePrivate(w io.Writer, tracePath, memoryPath string) error {
	sections, err := r.run.privateSections()
	if err != nil {
		return err
	}
	return sections.WriteJSON(w, tracePath, memoryPath)
}

// makeTrace relocates registers and memory, and in proof mode also makes the public and private input.
func (r *run) makeTrace() (*cairo.Trace, error) {
	t := &cairo.Trace{Layout: r.layout.name, Registers: make([]cairo.Registers, 0, r.m.Steps)}
	for regs, err := range r.registers() {
		if err != nil {
			return nil, err
		}
		t.Registers = append(t.Registers, regs)
	}
	if err := r.relocateMemory(&t.Memory); err != nil {
		return nil, err
	}
	if !r.opt.ProofMode {
		return t, nil
	}
	t.Public = *r.publicInput
	sections, err := r.privateSections()
	if err != nil {
		return nil, err
	}
	t.Private = sections.Collect()
	return t, nil
}

// registers yields the relocated registers before each step, or an error as the last.
func (r *run) registers() iter.Seq2[cairo.Registers, error] {
	return func(yield func(cairo.Registers, error) bool) {
		for part := range r.m.Trace() {
			for i := range part {
				e := &part[i]
				pc, err := r.relocated(machine.Addr{Segment: e.PCSegment, Offset: uint64(e.PCOffset)})
				regs := cairo.Registers{AP: r.table[1] + uint64(e.AP), FP: r.table[1] + uint64(e.FP), PC: pc}
				if !yield(regs, err) || err != nil {
					return
				}
			}
		}
	}
}

// relocateMemory sets mem to the relocated memory.
func (r *run) relocateMemory(mem *cairo.Memory) error {
	end := uint64(1)
	for i := range r.m.Memory.Segments() {
		n := r.m.Memory.SegmentSize(int32(i))
		if r.layout.stwo && r.opt.ProofMode {
			n = max(n, r.segmentSize(i))
		}
		if n > 0 {
			end = max(end, r.table[i]+n)
		}
	}
	mem.Value, mem.Known = make([]felt.Felt, end), make([]bool, end)
	for c, err := range r.memory() {
		if err != nil {
			return err
		}
		mem.Value[c.address], mem.Known[c.address] = c.felt(), true
	}
	return nil
}

// relocatedCell is a cell of the relocated memory. Its value is pointer if it held an address.
type relocatedCell struct {
	address   uint64
	value     felt.Felt
	pointer   uint64
	isPointer bool
}

// felt returns the cell's value.
func (c *relocatedCell) felt() felt.Felt {
	if c.isPointer {
		return felt.FromUint64(c.pointer)
	}
	return c.value
}

// limbs returns the cell's value as an integer, the least significant limb first.
func (c *relocatedCell) limbs() [4]uint64 {
	if c.isPointer {
		return [4]uint64{c.pointer}
	}
	return c.value.Limbs()
}

// memory yields the cells of the relocated memory that have a value, segment by segment, or an error as the last. In proof mode for S-two
// every address has a value: instances that were added to a builtin's segment are copies of its last one, and other cells are 0.
func (r *run) memory() iter.Seq2[relocatedCell, error] {
	return func(yield func(relocatedCell, error) bool) {
		complete := r.layout.stwo && r.opt.ProofMode
		builtins := make([]*builtin, r.m.Memory.Segments())
		for _, b := range r.builtins {
			if b.InstanceCells() != 0 {
				builtins[b.Base.Segment] = b
			}
		}
		for i, b := range builtins {
			base, used := r.table[i], uint64(0)
			if b != nil {
				used = b.usedCells(r.sizes)
			}
			next := uint64(0)
			// fill yields the cells without a value before end.
			fill := func(end uint64) bool {
				for ; next < end && complete; next++ {
					var c relocatedCell
					var err error
					switch {
					case used == 0:
					case next < used:
						err = fmt.Errorf("cairo0: cell %d of the %s builtin has no value, and S-two needs whole instances", next, b.Name)
					default:
						last := used - b.InstanceCells() + (next-used)%b.InstanceCells()
						c, err = r.relocateAt(machine.Addr{Segment: b.Base.Segment, Offset: last})
					}
					c.address = base + next
					if !yield(c, err) || err != nil {
						return false
					}
				}
				return true
			}
			for first, cells := range r.m.Memory.Written(int32(i)) {
				for k := range cells {
					if !cells[k].Known() {
						continue
					}
					offset := first + uint64(k)
					if offset > next && !fill(offset) {
						return
					}
					c, err := r.relocateCell(&cells[k])
					c.address = base + offset
					if !yield(c, err) || err != nil {
						return
					}
					next = offset + 1
				}
			}
			if !fill(r.segmentSize(i)) {
				return
			}
		}
	}
}

// relocateCell returns the value of a known cell, without its address.
func (r *run) relocateCell(c *machine.Cell) (out relocatedCell, err error) {
	if f, ok := c.Felt(); ok {
		out.value = f
		return out, nil
	}
	a, _ := c.Value().Addr()
	out.isPointer = true
	out.pointer, err = r.relocated(a)
	return out, err
}

// relocateAt returns the value of the cell at a, which must be known.
func (r *run) relocateAt(a machine.Addr) (relocatedCell, error) {
	c := r.m.Memory.Cell(a)
	if c == nil || !c.Known() {
		return relocatedCell{}, fmt.Errorf("cairo0: the cell %v has no value", a)
	}
	return r.relocateCell(c)
}

// makePublicInput sets r.publicInput.
func (r *run) makePublicInput() error {
	lo, hi, ok := r.rangeCheckLimits()
	if !ok || r.m.Steps == 0 {
		return fmt.Errorf("cairo0: a proof needs at least one step")
	}
	var first, last machine.State
	some := false
	for part := range r.m.Trace() {
		if len(part) == 0 {
			continue
		}
		if !some {
			first, some = part[0], true
		}
		last = part[len(part)-1]
	}
	program := cairo.Segment{Name: "program"}
	var err error
	if program.Begin, err = r.relocated(machine.Addr{Segment: first.PCSegment, Offset: uint64(first.PCOffset)}); err != nil {
		return err
	}
	if program.End, err = r.relocated(machine.Addr{Segment: last.PCSegment, Offset: uint64(last.PCOffset)}); err != nil {
		return err
	}
	execution := cairo.Segment{Name: "execution", Begin: r.table[1] + uint64(first.AP), End: r.table[1] + uint64(last.AP)}
	p := &cairo.PublicInput{
		Layout: r.layout.name, Steps: r.m.Steps, RangeCheckMin: lo, RangeCheckMax: hi, Segments: []cairo.Segment{program, execution},
	}
	for _, b := range r.builtins {
		if r.layout.stwo && !slices.Contains(r.p.Builtins, b.Name) {
			continue // the builtin has no pointer in a claim of S-two
		}
		begin := r.table[b.Base.Segment]
		p.Segments = append(p.Segments, cairo.Segment{Name: b.Name, Begin: begin, End: begin + b.stop})
	}
	p.Memory = make([]cairo.PublicCell, 0, len(r.public))
	for _, c := range r.public {
		at, err := r.relocated(c.at)
		if err != nil {
			return err
		}
		var v relocatedCell
		if cell := r.m.Memory.Cell(c.at); cell != nil && cell.Known() {
			if v, err = r.relocateCell(cell); err != nil {
				return err
			}
		} else if !r.layout.stwo {
			return fmt.Errorf("cairo0: the public cell %v has no value", c.at)
		}
		p.Memory = append(p.Memory, cairo.PublicCell{Address: at, Value: v.felt(), Page: uint32(c.page)})
	}
	r.publicInput = p
	return nil
}

// privateSections lists the instances of every builtin, omitting those without all inputs.
func (r *run) privateSections() (*cairo.PrivateSections, error) {
	p := &cairo.PrivateSections{}
	for _, b := range r.builtins {
		switch b.Name {
		case machine.BuiltinPedersen:
			p.Pedersen = r.pairs(b)
		case machine.BuiltinBitwise:
			p.Bitwise = r.pairs(b)
		case machine.BuiltinRangeCheck:
			p.RangeCheck = r.values(b)
		case machine.BuiltinRangeCheck96:
			p.RangeCheck96 = r.values(b)
		case machine.BuiltinPoseidon:
			p.Poseidon = instances(r, b, 3, func(i uint64, in []felt.Felt) (cairo.PoseidonInstance, bool) {
				return cairo.PoseidonInstance{Index: i, S: [3]felt.Felt(in)}, true
			})
		case machine.BuiltinKeccak:
			p.Keccak = instances(r, b, 8, func(i uint64, in []felt.Felt) (cairo.KeccakInstance, bool) {
				return cairo.KeccakInstance{Index: i, S: [8]felt.Felt(in)}, true
			})
		case machine.BuiltinECOp:
			p.ECOp = instances(r, b, 5, func(i uint64, in []felt.Felt) (cairo.ECOpInstance, bool) {
				return cairo.ECOpInstance{Index: i, PX: in[0], PY: in[1], QX: in[2], QY: in[3], M: in[4]}, true
			})
		case machine.BuiltinECDSA:
			p.ECDSA = instances(r, b, 2, func(i uint64, in []felt.Felt) (cairo.ECDSAInstance, bool) {
				sig, ok := b.Signatures[2*i]
				w := new(big.Int)
				if !ok || w.ModInverse(sig.S.BigInt(), starkcurve.Order()) == nil {
					w.SetInt64(0)
				}
				return cairo.ECDSAInstance{Index: i, PubKey: in[0], Msg: in[1], SigR: sig.R, SigW: felt.FromBigInt(w)}, ok
			})
		case machine.BuiltinAddMod:
			in, err := r.modInput(b.Builtin)
			if err != nil {
				return nil, err
			}
			p.AddMod = in
		case machine.BuiltinMulMod:
			in, err := r.modInput(b.Builtin)
			if err != nil {
				return nil, err
			}
			p.MulMod = in
		}
	}
	return p, nil
}

// pairs yields the instances of a builtin with two inputs.
func (r *run) pairs(b *builtin) iter.Seq[cairo.PairInstance] {
	return instances(r, b, 2, func(i uint64, in []felt.Felt) (cairo.PairInstance, bool) {
		return cairo.PairInstance{Index: i, X: in[0], Y: in[1]}, true
	})
}

// values yields the instances of a range-check builtin.
func (r *run) values(b *builtin) iter.Seq[cairo.RangeCheckInstance] {
	return instances(r, b, 1, func(i uint64, in []felt.Felt) (cairo.RangeCheckInstance, bool) {
		return cairo.RangeCheckInstance{Index: i, Value: in[0]}, true
	})
}

// instances yields what f makes of the instances of b whose n inputs are known and felts. It omits those for which f returns false.
func instances[T any](r *run, b *builtin, n uint64, f func(index uint64, in []felt.Felt) (T, bool)) iter.Seq[T] {
	return func(yield func(T) bool) {
		mem := &r.m.Memory
		size := mem.SegmentSize(b.Base.Segment)
		in := make([]felt.Felt, n)
		for i := uint64(0); i*b.InstanceCells() < size; i++ {
			ok := true
			for k := range in {
				c := mem.Cell(machine.Addr{Segment: b.Base.Segment, Offset: i*b.InstanceCells() + uint64(k)})
				known := false
				if c != nil {
					in[k], known = c.Felt()
				}
				ok = ok && known
			}
			if !ok {
				continue
			}
			if v, ok := f(i, in); ok && !yield(v) {
				return
			}
		}
	}
}

func (r *run) modInput(b *machine.Builtin) (*cairo.ModInput, error) {
	mem := &r.m.Memory
	out := &cairo.ModInput{Instances: []cairo.ModInstance{}}
	var err error
	if out.ZeroValueAddress, err = r.relocated(r.zero); err != nil {
		return nil, err
	}
	for i := uint64(0); (i+1)*machine.ModCells <= r.sizes[b.Base.Segment]; i++ {
		in, err := b.ReadMod(mem, machine.Addr{Segment: b.Base.Segment, Offset: i * machine.ModCells})
		if err != nil {
			return nil, err
		}
		inst := cairo.ModInstance{Index: i, P: in.Words, N: in.N}
		if inst.ValuesPtr, err = r.relocated(in.Values); err != nil {
			return nil, err
		}
		if inst.OffsetsPtr, err = r.relocated(in.Offsets); err != nil {
			return nil, err
		}
		for k, v := range []struct {
			offset *uint64
			words  *[4]felt.Felt
		}{{&inst.AOffset, &inst.A}, {&inst.BOffset, &inst.B}, {&inst.COffset, &inst.C}} {
			if *v.offset, err = mem.Uint64(in.Offsets.Add(k)); err != nil {
				return nil, err
			}
			if *v.words, _, err = machine.ReadWords(mem, in.Values.Add(int(*v.offset))); err != nil {
				return nil, err
			}
		}
		out.Instances = append(out.Instances, inst)
	}
	return out, nil
}
