package machine

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// The builtins, in the order in which programs declare them.
const (
	BuiltinOutput       = "output"
	BuiltinPedersen     = "pedersen"
	BuiltinRangeCheck   = "range_check"
	BuiltinECDSA        = "ecdsa"
	BuiltinBitwise      = "bitwise"
	BuiltinECOp         = "ec_op"
	BuiltinKeccak       = "keccak"
	BuiltinPoseidon     = "poseidon"
	BuiltinSegmentArena = "segment_arena"
	BuiltinRangeCheck96 = "range_check96"
	BuiltinAddMod       = "add_mod"
	BuiltinMulMod       = "mul_mod"
)

// BuiltinOrder lists the builtins in the order in which programs declare them.
var BuiltinOrder = []string{
	BuiltinOutput, BuiltinPedersen, BuiltinRangeCheck, BuiltinECDSA, BuiltinBitwise, BuiltinECOp, BuiltinKeccak,
	BuiltinPoseidon, BuiltinSegmentArena, BuiltinRangeCheck96, BuiltinAddMod, BuiltinMulMod,
}

// builtinRule is the rule of all builtins of a name. A builtin's segment is a list of instances. The program writes the
// inputs, which are the first cells of an instance; the rule deduces the others from them.
type builtinRule struct {
	cells, inputs uint64 // of an instance
	component     uint64 // number of instances that a layout's ratio counts as one
	bits          int    // of a range check; else 0
	work          uint64 // of deduce, see Memory.Work
	remembers     bool   // deduce stores all outputs of the instance as deduced
	// check returns an error if the value v, just written at a, is not allowed; nil allows all values.
	check func(b *Builtin, m *Memory, a Addr, v Value) error
	// deduce computes the cell at offset index of the instance that starts at a; false if an input is missing.
	deduce func(b *Builtin, m *Memory, a Addr, index uint64) (Value, bool, error)
}

var builtinRules = map[string]*builtinRule{
	BuiltinOutput:       {},
	BuiltinPedersen:     {cells: 3, inputs: 2, component: 1, work: constants.PedersenGas / constants.StepGas, deduce: deducePedersen},
	BuiltinRangeCheck:   {cells: 1, inputs: 1, component: 1, bits: 128, check: rangeCheck(128)},
	BuiltinECDSA:        {cells: 2, inputs: 2, component: 1, check: checkSignature},
	BuiltinBitwise:      {cells: 5, inputs: 2, component: 1, remembers: true, work: constants.BitwiseGas / constants.StepGas, deduce: deduceBitwise},
	BuiltinECOp:         {cells: 7, inputs: 5, component: 1, remembers: true, work: constants.EcOpGas / constants.StepGas, deduce: deduceECOp},
	BuiltinKeccak:       {cells: 16, inputs: 8, component: 16, remembers: true, work: constants.KeccakGas / constants.StepGas, deduce: deduceKeccak},
	BuiltinPoseidon:     {cells: 6, inputs: 3, component: 1, remembers: true, work: constants.PoseidonGas / constants.StepGas, deduce: deducePoseidon},
	BuiltinSegmentArena: {cells: 3, inputs: 3, component: 1},
	BuiltinRangeCheck96: {cells: 1, inputs: 1, component: 1, bits: 96, check: rangeCheck(96)},
	BuiltinAddMod:       {cells: 7, inputs: 7, component: 1, work: constants.AddModGas / constants.StepGas},
	BuiltinMulMod:       {cells: 7, inputs: 7, component: 1, work: constants.MulModGas / constants.StepGas},
}

// Builtin is a builtin of one machine: a segment and its rule.
type Builtin struct {
	Name string
	Base Addr // the pointer that the program gets: the segment's start, or after the initial instance for segment_arena

	rule  *builtinRule
	check func(m *Memory, a Addr, v Value) error
	// Signatures holds the ecdsa builtin's signatures by the offset of their instance.
	Signatures map[uint64]Signature
	// Pages holds the output builtin's pages of public memory, except page 0, by their number.
	Pages map[int]Page
	// Attributes holds the output builtin's attributes, which a PIE includes.
	Attributes map[string][]uint64

	verified []bool // pedersen, by instance: the output is deduced or compared already
}

// Signature is an ECDSA signature over the Stark curve.
type Signature struct{ R, S felt.Felt }

// Page is a range of the output segment.
type Page struct{ Start, Size uint64 }

// InstanceCells returns the number of cells of an instance, or 0 for output, which has no instances.
func (b *Builtin) InstanceCells() uint64 { return b.rule.cells }

// Instances returns the number of instances that were begun.
func (b *Builtin) Instances(m *Memory) uint64 {
	cells := m.SegmentSize(b.Base.Segment)
	if b.Name == BuiltinSegmentArena {
		cells -= b.rule.cells // the initial one
	}
	return (cells + b.rule.cells - 1) / b.rule.cells
}

// ComponentInstances returns the number of instances that a layout's ratio counts as one.
func (b *Builtin) ComponentInstances() uint64 { return b.rule.component }

// Verified returns the numbers of the pedersen instances whose output was deduced or compared with the program's.
func (b *Builtin) Verified() []uint64 {
	var list []uint64
	for i, ok := range b.verified {
		if ok {
			list = append(list, uint64(i))
		}
	}
	return list
}

// AddBuiltin adds a builtin with its segment. For segment_arena it first adds the info segment.
func (m *Machine) AddBuiltin(name string) (*Builtin, error) {
	rule, ok := builtinRules[name]
	if !ok {
		return nil, fmt.Errorf("vm: unknown builtin %q", name)
	}
	b := &Builtin{Name: name, rule: rule}
	if rule.check != nil {
		b.check = func(m *Memory, a Addr, v Value) error { return rule.check(b, m, a, v) }
	}
	if name == BuiltinSegmentArena {
		info := m.Memory.AddSegment()
		b.Base = m.Memory.AddSegment()
		end, err := m.Memory.Load(b.Base, AddrValue(info), Value{}, Value{})
		if err != nil {
			return nil, err
		}
		b.Base = end
	} else {
		b.Base = m.Memory.AddSegment()
	}
	m.Memory.segment(b.Base.Segment).builtin = b
	m.builtins = append(m.builtins, b)
	return b, nil
}

// AddInstances adds a segment in which the rule of a builtin holds, but which is not the machine's builtin: no prover has to know it. It
// returns the segment's start.
func (m *Machine) AddInstances(name string) (Addr, error) {
	rule, ok := builtinRules[name]
	if !ok || rule.deduce == nil {
		return Addr{}, fmt.Errorf("vm: no instances of %q", name)
	}
	at := m.Memory.AddSegment()
	m.Memory.segment(at.Segment).builtin = &Builtin{Name: name, Base: at, rule: rule}
	return at, nil
}

// Builtins returns the machine's builtins in the order in which they were added.
func (m *Machine) Builtins() []*Builtin { return m.builtins }

// Builtin returns the machine's builtin of that name, or nil.
func (m *Machine) Builtin(name string) *Builtin {
	for _, b := range m.builtins {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// AddSignature adds the signature of the ecdsa instance at a.
func (b *Builtin) AddSignature(a Addr, s Signature) error {
	if b.Name != BuiltinECDSA || a.Segment != b.Base.Segment || a.Offset%2 != 0 {
		return fmt.Errorf("vm: no signature goes to %v of the %s builtin", a, b.Name)
	}
	if b.Signatures == nil {
		b.Signatures = make(map[uint64]Signature)
	}
	b.Signatures[a.Offset] = s
	return nil
}

// deduceCell deduces the cell at a by the rule of the builtin in whose segment a is; false if there is none.
func (m *Machine) deduceCell(a Addr) (Value, bool, error) {
	s := m.Memory.segment(a.Segment)
	if s == nil || s.builtin == nil || s.builtin.rule.deduce == nil {
		return Value{}, false, nil
	}
	return s.builtin.deduceAt(&m.Memory, a)
}

func (b *Builtin) deduceAt(m *Memory, a Addr) (Value, bool, error) {
	index := a.Offset % b.rule.cells
	if index < b.rule.inputs {
		return Value{}, false, nil
	}
	if c := m.cell(a); c != nil && c[3]&deducedBit != 0 {
		return c.Value(), true, nil
	}
	v, ok, err := b.rule.deduce(b, m, Addr{a.Segment, a.Offset - index}, index)
	if ok && err == nil {
		err = m.spend(b.rule.work)
	}
	return v, ok && err == nil, err
}

// mark sets an instance's entry in list and returns the entry's previous value.
func mark(list *[]bool, instance uint64) bool {
	if n := uint64(len(*list)); instance >= n {
		*list = append(*list, make([]bool, instance+1-n)...)
	}
	before := (*list)[instance]
	(*list)[instance] = true
	return before
}

// remember stores out, the outputs of the instance that starts at a, in its cells and returns the one at offset index. The cells
// do not become known.
func (b *Builtin) remember(m *Memory, a Addr, index uint64, out []felt.Felt) (Value, bool, error) {
	s := m.segment(a.Segment)
	for i := range out {
		v, at := FeltValue(out[i]), a.Add(int(b.rule.inputs)+i)
		c := s.at(at.Offset)
		if c == nil {
			if err := m.grow(s, at); err != nil {
				return Value{}, false, err
			}
			c = s.at(at.Offset)
		}
		switch {
		case !c.Known():
			*c = Cell{v.l[0], v.l[1], v.l[2], v.l[3] | deducedBit | c[3]&accessedBit}
		case c.is(&v):
			c[3] |= deducedBit
		}
	}
	return FeltValue(out[index-b.rule.inputs]), true, nil
}

// Finish deduces every output that the rule gives and compares it with memory. With fill it also writes the outputs that
// are missing (the holes), and rounds the segment's size up to whole instances. It returns the segment's size.
func (b *Builtin) Finish(m *Memory, fill bool) (size uint64, err error) {
	s := m.segment(b.Base.Segment)
	size = s.size()
	if b.Name == BuiltinOutput || b.Name == BuiltinSegmentArena {
		return size, nil
	}
	if fill {
		size = (size + b.rule.cells - 1) / b.rule.cells * b.rule.cells
		if size > 0 && s.at(size-1) == nil {
			if err := m.grow(s, Addr{b.Base.Segment, size - 1}); err != nil {
				return 0, err
			}
		}
	}
	if b.rule.deduce == nil {
		return size, nil
	}
	for start := uint64(0); start < size; start += b.rule.cells {
		for index := b.rule.inputs; index < b.rule.cells && start+index < size; index++ {
			a := Addr{b.Base.Segment, start + index}
			if b.verified != nil && start/b.rule.cells < uint64(len(b.verified)) && b.verified[start/b.rule.cells] {
				continue
			}
			c := s.at(a.Offset)
			if c != nil && c[3]&(deducedBit|knownBit) == deducedBit|knownBit {
				continue
			}
			v, ok, err := b.deduceAt(m, a)
			switch {
			case err != nil:
				return 0, err
			case !ok:
			case c.Known():
				if have := c.Value(); have != v {
					return 0, fmt.Errorf("inconsistent auto-deduction for builtin %s, expected %v, got %v", b.Name, v, have)
				}
			case fill:
				c.set(&v)
			}
		}
	}
	return size, nil
}

// Secure checks that a finished builtin segment holds whole instances: every input is known, and the rule gives every
// output. Otherwise a prover could choose the values of the missing cells. sizes are the segments' sizes by number.
func (b *Builtin) Secure(m *Memory, sizes []uint64) error {
	if b.Name == BuiltinOutput || b.Name == BuiltinSegmentArena {
		return nil
	}
	if b.Name == BuiltinAddMod || b.Name == BuiltinMulMod {
		if err := b.secureMod(m, sizes); err != nil {
			return err
		}
	}
	s := m.segment(b.Base.Segment)
	size := s.size()
	if size == 0 {
		return nil
	}
	n := (size-1)/b.rule.cells + 1
	known := uint64(0)
	for _, cells := range m.Written(b.Base.Segment) {
		for i := range cells {
			if cells[i].Known() {
				known++
			}
		}
	}
	if n > known/b.rule.inputs {
		return fmt.Errorf("missing memory cells for %s", b.Name)
	}
	written := func(off uint64) bool {
		c := s.at(off)
		return c != nil && c.Known()
	}
	for i := range n {
		for j := range b.rule.inputs {
			if off := i*b.rule.cells + j; !written(off) {
				return fmt.Errorf("missing memory cells for %s: [%d]", b.Name, off)
			}
		}
		// The rule must give the outputs that the program did not read, too.
		for j := b.rule.inputs; j < b.rule.cells && b.rule.deduce != nil; j++ {
			if off := i*b.rule.cells + j; !written(off) {
				if _, _, err := b.deduceAt(m, Addr{b.Base.Segment, off}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// AddPage makes the size cells at start, which must be in the output segment, the page of public memory with number id.
func (b *Builtin) AddPage(id int, start Addr, size uint64) error {
	if b.Name != BuiltinOutput || start.Segment != b.Base.Segment || id < 1 || size > MaxCells {
		return fmt.Errorf("vm: page %d of %d cells at %v is not in the output segment", id, size, start)
	}
	if b.Pages == nil {
		b.Pages = make(map[int]Page)
	}
	b.Pages[id] = Page{start.Offset, size}
	return nil
}
