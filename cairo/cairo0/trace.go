package cairo0

import (
	"fmt"
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

// makeTrace relocates registers and memory, and in proof mode also makes the public and private input.
func (r *run) makeTrace() (*cairo.Trace, error) {
	t := &cairo.Trace{Layout: r.layout.name, Registers: make([]cairo.Registers, len(r.m.Trace()))}
	for i, e := range r.m.Trace() {
		pc, err := r.relocated(machine.Addr{Segment: e.PCSegment, Offset: uint64(e.PCOffset)})
		if err != nil {
			return nil, err
		}
		t.Registers[i] = cairo.Registers{AP: r.table[1] + uint64(e.AP), FP: r.table[1] + uint64(e.FP), PC: pc}
	}
	if err := r.relocateMemory(&t.Memory); err != nil {
		return nil, err
	}
	if !r.opt.ProofMode {
		return t, nil
	}
	if r.layout.stwo {
		if err := r.completeMemory(&t.Memory); err != nil {
			return nil, err
		}
	}
	if err := r.publicInput(t); err != nil {
		return nil, err
	}
	return t, r.privateInput(&t.Private)
}

func (r *run) relocateMemory(mem *cairo.Memory) error {
	end := uint64(1)
	for i := range r.m.Memory.Segments() {
		if n := r.m.Memory.SegmentSize(int32(i)); n > 0 {
			end = max(end, r.table[i]+n)
		}
	}
	mem.Value, mem.Known = make([]felt.Felt, end), make([]bool, end)
	for i := range r.m.Memory.Segments() {
		cells := written(&r.m.Memory, int32(i))
		for k := range cells {
			c := &cells[k]
			if !c.Known() {
				continue
			}
			f, ok := c.Felt()
			if !ok {
				a, _ := c.Value().Addr()
				n, err := r.relocated(a)
				if err != nil {
					return err
				}
				f = felt.FromUint64(n)
			}
			at := r.table[i] + uint64(k)
			mem.Value[at], mem.Known[at] = f, true
		}
	}
	return nil
}

// completeMemory gives every address a value, as S-two needs it. Instances that were added to a builtin's segment are copies of its last one;
// other cells without a value are 0.
func (r *run) completeMemory(mem *cairo.Memory) error {
	last := len(r.sizes) - 1
	if n := r.table[last] + r.segmentSize(last); n > uint64(len(mem.Value)) {
		more := int(n) - len(mem.Value)
		mem.Value, mem.Known = append(mem.Value, make([]felt.Felt, more)...), append(mem.Known, make([]bool, more)...)
	}
	for _, b := range r.builtins {
		cells, used := b.InstanceCells(), b.usedCells(r.sizes)
		if cells == 0 || used == 0 {
			continue
		}
		base := r.table[b.Base.Segment]
		for i := range r.segmentSize(int(b.Base.Segment)) {
			if i >= used {
				mem.Value[base+i], mem.Known[base+i] = mem.Value[base+i-cells], true
			} else if !mem.Known[base+i] {
				return fmt.Errorf("cairo0: cell %d of the %s builtin has no value, and S-two needs whole instances", i, b.Name)
			}
		}
	}
	for a := range mem.Known[1:] {
		mem.Known[a+1] = true
	}
	return nil
}

func (r *run) publicInput(t *cairo.Trace) error {
	lo, hi, ok := r.rangeCheckLimits()
	if !ok || len(t.Registers) == 0 {
		return fmt.Errorf("cairo0: a proof needs at least one step")
	}
	first, last := t.Registers[0], t.Registers[len(t.Registers)-1]
	p := &t.Public
	p.Layout, p.Steps, p.RangeCheckMin, p.RangeCheckMax = r.layout.name, uint64(len(t.Registers)), lo, hi
	p.Segments = []cairo.Segment{{Name: "program", Begin: first.PC, End: last.PC}, {Name: "execution", Begin: first.AP, End: last.AP}}
	for _, b := range r.builtins {
		if r.layout.stwo && !slices.Contains(r.p.Builtins, b.Name) {
			continue // the builtin has no pointer in a claim of S-two
		}
		begin := r.table[b.Base.Segment]
		p.Segments = append(p.Segments, cairo.Segment{Name: b.Name, Begin: begin, End: begin + b.stop})
	}
	for _, c := range r.public {
		at, err := r.relocated(c.at)
		if err != nil {
			return err
		}
		if at >= uint64(len(t.Memory.Value)) || !t.Memory.Known[at] {
			return fmt.Errorf("cairo0: the public cell %v has no value", c.at)
		}
		p.Memory = append(p.Memory, cairo.PublicCell{Address: at, Value: t.Memory.Value[at], Page: uint32(c.page)})
	}
	return nil
}

// privateInput lists the instances of every builtin, omitting those without all inputs.
func (r *run) privateInput(p *cairo.PrivateInput) error {
	mem := &r.m.Memory
	for _, b := range r.builtins {
		size := mem.SegmentSize(b.Base.Segment)
		// each calls f for every instance whose n inputs are known.
		each := func(n uint64, f func(index uint64, in []felt.Felt)) {
			in := make([]felt.Felt, n)
			for i := uint64(0); i*b.InstanceCells() < size; i++ {
				ok := true
				for k := range in {
					v, err := mem.Felt(machine.Addr{Segment: b.Base.Segment, Offset: i*b.InstanceCells() + uint64(k)})
					ok = ok && err == nil
					in[k] = v
				}
				if ok {
					f(i, in)
				}
			}
		}
		pairs := func() []cairo.PairInstance {
			list := []cairo.PairInstance{}
			each(2, func(i uint64, in []felt.Felt) { list = append(list, cairo.PairInstance{Index: i, X: in[0], Y: in[1]}) })
			return list
		}
		values := func() []cairo.RangeCheckInstance {
			list := []cairo.RangeCheckInstance{}
			each(1, func(i uint64, in []felt.Felt) { list = append(list, cairo.RangeCheckInstance{Index: i, Value: in[0]}) })
			return list
		}
		switch b.Name {
		case machine.BuiltinPedersen:
			p.Pedersen = pairs()
		case machine.BuiltinBitwise:
			p.Bitwise = pairs()
		case machine.BuiltinRangeCheck:
			p.RangeCheck = values()
		case machine.BuiltinRangeCheck96:
			p.RangeCheck96 = values()
		case machine.BuiltinPoseidon:
			p.Poseidon = []cairo.PoseidonInstance{}
			each(3, func(i uint64, in []felt.Felt) {
				p.Poseidon = append(p.Poseidon, cairo.PoseidonInstance{Index: i, S: [3]felt.Felt(in)})
			})
		case machine.BuiltinKeccak:
			p.Keccak = []cairo.KeccakInstance{}
			each(8, func(i uint64, in []felt.Felt) {
				p.Keccak = append(p.Keccak, cairo.KeccakInstance{Index: i, S: [8]felt.Felt(in)})
			})
		case machine.BuiltinECOp:
			p.ECOp = []cairo.ECOpInstance{}
			each(5, func(i uint64, in []felt.Felt) {
				p.ECOp = append(p.ECOp, cairo.ECOpInstance{Index: i, PX: in[0], PY: in[1], QX: in[2], QY: in[3], M: in[4]})
			})
		case machine.BuiltinECDSA:
			p.ECDSA = []cairo.ECDSAInstance{}
			each(2, func(i uint64, in []felt.Felt) {
				sig, ok := b.Signatures[2*i]
				if !ok {
					return
				}
				w := new(big.Int)
				if w.ModInverse(sig.S.BigInt(), starkcurve.Order()) == nil {
					w.SetInt64(0)
				}
				p.ECDSA = append(p.ECDSA, cairo.ECDSAInstance{Index: i, PubKey: in[0], Msg: in[1], SigR: sig.R, SigW: felt.FromBigInt(w)})
			})
		case machine.BuiltinAddMod:
			in, err := r.modInput(b.Builtin)
			if err != nil {
				return err
			}
			p.AddMod = in
		case machine.BuiltinMulMod:
			in, err := r.modInput(b.Builtin)
			if err != nil {
				return err
			}
			p.MulMod = in
		}
	}
	return nil
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
