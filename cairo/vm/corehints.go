package vm

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"sort"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// HintState is the state of a machine's core hints, in Machine.Data. If Data is nil the first hint that needs it makes one.
type HintState struct {
	// Syscall executes the SystemCall hint: it reads the request at ptr and writes the response after it.
	Syscall func(m *machine.Machine, ptr machine.Addr) error
	// TemporaryDicts makes all dictionaries of a frame but the first use temporary segments. A program (cairo/os) maps each
	// of them to the end of the one before it, which the soundness of the segment arena requires.
	TemporaryDicts bool

	frame   hintFrame
	blinded uint64 // number of blinding points used
}

// NewFrame clears the state that belongs to an entry point. A program that runs several entry points on a machine calls it
// before each.
func (s *HintState) NewFrame() { s.frame = hintFrame{} }

// stateOf returns the machine's HintState; it makes one if there is none.
func stateOf(m *machine.Machine) *HintState {
	if m.Data == nil {
		m.Data = new(HintState)
	}
	return m.Data.(*HintState)
}

// hintFrame is the state that hints share during one run of an entry point.
type hintFrame struct {
	dicts    map[int32]*classDict // by the segment that holds their accesses
	squash   squash
	excluded int          // number of the arc that assert_le excludes: 0, 1 or 2
	boxed    machine.Addr // the next free cell for AllocConstantSize; segment 0 means that there is no segment yet
}

// classDict is a Felt252Dict.
type classDict struct {
	index int // its number in the segment arena
	data  map[felt.Felt]machine.Value
}

// squash is the state of the squashing of a dictionary.
type squash struct {
	keys    []felt.Felt            // the keys that remain, descending; the last is the current one
	indices map[felt.Felt][]uint64 // by key: the indices of the accesses that remain, descending
}

// hintOperand is an operand of a hint; imm is its immediate as a Value.
type hintOperand struct {
	casm.Operand
	imm machine.Value
}

func hintCell(m *machine.Machine, c casm.Cell) (machine.Addr, error) {
	return m.FrameAddr(c.Reg == casm.FP, c.Off)
}

func cellValue(m *machine.Machine, c casm.Cell) (machine.Value, error) {
	a, err := hintCell(m, c)
	if err != nil {
		return machine.Value{}, err
	}
	return m.Memory.Value(a)
}

func (o *hintOperand) value(m *machine.Machine) (machine.Value, error) {
	switch o.Kind {
	case casm.Immediate:
		return o.imm, nil
	case casm.Deref:
		return cellValue(m, o.Cell)
	case casm.DoubleDeref:
		v, err := cellValue(m, o.Cell)
		if err != nil {
			return machine.Value{}, err
		}
		p, ok := v.Addr()
		if !ok {
			return machine.Value{}, fmt.Errorf("dereference of %v, which is no address", v)
		}
		if p, err = p.Moved(o.Off); err != nil {
			return machine.Value{}, err
		}
		return m.Memory.Value(p)
	}
	a, err := cellValue(m, o.Cell)
	if err != nil {
		return machine.Value{}, err
	}
	b := o.imm
	if o.Imm == nil {
		if b, err = cellValue(m, o.B); err != nil {
			return machine.Value{}, err
		}
	}
	switch o.Op {
	case casm.Add:
		return a.Add(b)
	case casm.Mul:
		return a.Mul(b)
	}
	return machine.Value{}, fmt.Errorf("operation %v in a hint's operand", o.Op)
}

// coreHint is a hint of a class with prepared operands.
type coreHint struct {
	kind casm.HintKind
	in   []hintOperand
	out  []casm.Cell
}

// CoreHint makes a machine's hint from a class's hint. Its state is in the machine's HintState, so that many machines can
// use the same hint.
func CoreHint(h *casm.Hint) (machine.HintFunc, error) {
	c := &coreHint{kind: h.Kind, out: h.Out}
	for _, op := range h.In {
		o := hintOperand{Operand: op}
		if op.Imm != nil {
			o.imm = machine.FeltValue(felt.FromBigInt(op.Imm))
		}
		c.in = append(c.in, o)
	}
	if len(h.In) != len(h.Kind.Inputs()) || len(h.Out) != len(h.Kind.Outputs()) {
		return nil, fmt.Errorf("vm: hint %v with %d inputs and %d outputs", h.Kind, len(h.In), len(h.Out))
	}
	f, ok := coreHints[h.Kind]
	if !ok {
		kind := h.Kind
		return func(*machine.Machine) error { return fmt.Errorf("the hint %v is not for contracts", kind) }, nil
	}
	return func(m *machine.Machine) error { return f(m, c) }, nil
}

// coreHints is the table of hints that the compiler emits. The operands have the order of the hint's JSON form.
var coreHints = map[casm.HintKind]func(m *machine.Machine, c *coreHint) error{
	casm.AllocSegment: func(m *machine.Machine, c *coreHint) error {
		return c.set(m, 0, machine.AddrValue(m.Memory.AddSegment()))
	},
	casm.AddTrace: func(*machine.Machine, *coreHint) error { return nil }, // for debuggers; it has no effect on the program
	casm.TestLessThan: func(m *machine.Machine, c *coreHint) error {
		a, b, err := c.pair(m)
		if err != nil {
			return err
		}
		return c.set(m, 0, machine.BoolValue(a.Cmp(&b) < 0))
	},
	casm.TestLessThanOrEqual:        testLessOrEqual,
	casm.TestLessThanOrEqualAddress: testLessOrEqual,
	casm.WideMul128:                 wideMul,
	casm.DivMod:                     divMod,
	casm.Uint256DivMod:              uint256DivMod,
	casm.Uint512DivModByUint256:     uint512DivMod,
	casm.SquareRoot: func(m *machine.Machine, c *coreHint) error {
		a, err := c.ints(m)
		if err != nil {
			return err
		}
		return c.setInts(m, a[0].Sqrt(a[0]))
	},
	casm.Uint256SquareRoot: uint256SquareRoot,
	casm.LinearSplit: func(m *machine.Machine, c *coreHint) error {
		a, err := c.ints(m)
		if err != nil {
			return err
		}
		value, scalar, maxX := a[0], a[1], a[2]
		if scalar.Sign() == 0 {
			return errors.New("division by zero")
		}
		x := new(big.Int).Div(value, scalar)
		if x.Cmp(maxX) > 0 {
			x = maxX
		}
		y := new(big.Int).Mul(x, scalar)
		return c.setInts(m, x, y.Sub(value, y))
	},
	casm.AllocFelt252Dict:         allocDict,
	casm.Felt252DictEntryInit:     dictEntryInit,
	casm.Felt252DictEntryUpdate:   dictEntryUpdate,
	casm.GetSegmentArenaIndex:     arenaIndex,
	casm.InitSquashData:           initSquash,
	casm.GetCurrentAccessIndex:    currentAccessIndex,
	casm.ShouldSkipSquashLoop:     func(m *machine.Machine, c *coreHint) error { return c.moreAccesses(m, false) },
	casm.ShouldContinueSquashLoop: func(m *machine.Machine, c *coreHint) error { return c.moreAccesses(m, true) },
	casm.GetCurrentAccessDelta:    currentAccessDelta,
	casm.GetNextDictKey:           nextDictKey,
	casm.AssertLeFindSmallArcs:    findSmallArcs,
	casm.AssertLeIsFirstArcExcluded: func(m *machine.Machine, c *coreHint) error {
		return c.set(m, 0, machine.BoolValue(stateOf(m).frame.excluded != 0))
	},
	casm.AssertLeIsSecondArcExcluded: func(m *machine.Machine, c *coreHint) error {
		return c.set(m, 0, machine.BoolValue(stateOf(m).frame.excluded != 1))
	},
	casm.RandomEcPoint: randomECPoint,
	casm.FieldSqrt: func(m *machine.Machine, c *coreHint) error {
		a, err := c.felts(m)
		if err != nil {
			return err
		}
		// 3 is not a square, so a or 3a is one.
		var root, x felt.Felt
		if !root.Sqrt(&a[0]) {
			three := felt.FromUint64(3)
			if !root.Sqrt(x.Mul(&a[0], &three)) {
				return fmt.Errorf("%v has no square root", machine.FeltValue(a[0]))
			}
		}
		if x.Neg(&root); x.Cmp(&root) < 0 {
			root = x
		}
		return c.set(m, 0, machine.FeltValue(root))
	},
	casm.DebugPrint: func(*machine.Machine, *coreHint) error { return nil },
	casm.AllocConstantSize: func(m *machine.Machine, c *coreHint) error {
		a, err := c.felts(m)
		if err != nil {
			return err
		}
		if !a[0].IsUint64() || a[0].Uint64() >= machine.MaxCells {
			return fmt.Errorf("an object of %v cells is too large", machine.FeltValue(a[0]))
		}
		boxed := &stateOf(m).frame.boxed
		if boxed.Segment == 0 {
			*boxed = m.Memory.AddSegment()
		}
		at := *boxed
		boxed.Offset += a[0].Uint64()
		return c.set(m, 0, machine.AddrValue(at))
	},
	casm.U256InvModN: u256InvModN,
	casm.EvalCircuit: func(m *machine.Machine, c *coreHint) error {
		var n [2]uint64
		var ptr [2]machine.Addr
		for i := range 2 {
			f, err := c.felt(m, 2*i)
			if err != nil {
				return err
			}
			if !f.IsUint64() || f.Uint64() > machine.MaxCells/machine.ModCells {
				return fmt.Errorf("a circuit of %v gates is too large", machine.FeltValue(f))
			}
			n[i] = f.Uint64()
			if ptr[i], err = c.addr(m, 2*i+1); err != nil {
				return err
			}
		}
		return evalCircuit(m, ptr[0], int(n[0]), ptr[1], int(n[1]))
	},
	casm.SystemCall: func(m *machine.Machine, c *coreHint) error {
		ptr, err := c.addr(m, 0)
		if err != nil {
			return err
		}
		answer := stateOf(m).Syscall
		if answer == nil {
			return errors.New("no system calls here")
		}
		return answer(m, ptr)
	},
	casm.AssertCurrentAccessIndicesIsEmpty: func(*machine.Machine, *coreHint) error { return nil },
	casm.AssertAllKeysUsed:                 func(*machine.Machine, *coreHint) error { return nil },
	casm.AssertLeAssertThirdArcExcluded:    func(*machine.Machine, *coreHint) error { return nil },
	casm.AssertLtAssertValidInput:          func(*machine.Machine, *coreHint) error { return nil },
}

func (c *coreHint) felt(m *machine.Machine, i int) (felt.Felt, error) {
	v, err := c.in[i].value(m)
	if err != nil {
		return felt.Felt{}, err
	}
	f, ok := v.Felt()
	if !ok {
		return felt.Felt{}, fmt.Errorf("hint %v: %v is no integer", c.kind, v)
	}
	return f, nil
}

func (c *coreHint) addr(m *machine.Machine, i int) (machine.Addr, error) {
	v, err := c.in[i].value(m)
	if err != nil {
		return machine.Addr{}, err
	}
	a, ok := v.Addr()
	if !ok {
		return machine.Addr{}, fmt.Errorf("hint %v: %v is no address", c.kind, v)
	}
	return a, nil
}

// pair reads the first two inputs, which must be integers.
func (c *coreHint) pair(m *machine.Machine) (a, b felt.Felt, err error) {
	if a, err = c.felt(m, 0); err != nil {
		return a, b, err
	}
	b, err = c.felt(m, 1)
	return a, b, err
}

// felts reads all inputs, which must be integers.
func (c *coreHint) felts(m *machine.Machine) ([]felt.Felt, error) {
	out := make([]felt.Felt, len(c.in))
	var err error
	for i := range out {
		if out[i], err = c.felt(m, i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *coreHint) ints(m *machine.Machine) ([]*big.Int, error) {
	fs, err := c.felts(m)
	if err != nil {
		return nil, err
	}
	out := make([]*big.Int, len(fs))
	for i := range fs {
		out[i] = fs[i].BigInt()
	}
	return out, nil
}

func (c *coreHint) set(m *machine.Machine, i int, v machine.Value) error {
	a, err := hintCell(m, c.out[i])
	if err != nil {
		return err
	}
	return m.Memory.Insert(a, v)
}

// setInts writes the first outputs, in order.
func (c *coreHint) setInts(m *machine.Machine, values ...*big.Int) error {
	for i, v := range values {
		if err := c.set(m, i, machine.FeltValue(felt.FromBigInt(v))); err != nil {
			return err
		}
	}
	return nil
}

var mask128 = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))

func low128(v *big.Int) *big.Int { return new(big.Int).And(v, mask128) }

// limbs128 splits v into n limbs of 128 bits, least significant first; the last limb takes all remaining bits.
func limbs128(v *big.Int, n int) []*big.Int {
	out := make([]*big.Int, n)
	for i := range out {
		out[i] = new(big.Int).Rsh(v, uint(128*i))
		if i < n-1 {
			out[i].And(out[i], mask128)
		}
	}
	return out
}

func join128(limbs []*big.Int) *big.Int {
	v := new(big.Int)
	for i, l := range limbs {
		v.Add(v, new(big.Int).Lsh(l, uint(128*i)))
	}
	return v
}

// testLessOrEqual writes whether the first input is at most the second. An address is less than any integer.
func testLessOrEqual(m *machine.Machine, c *coreHint) error {
	a, err := c.in[0].value(m)
	if err != nil {
		return err
	}
	b, err := c.in[1].value(m)
	if err != nil {
		return err
	}
	return c.set(m, 0, machine.BoolValue(!lessValue(b, a)))
}

func lessValue(a, b machine.Value) bool {
	switch {
	case a.IsAddr() && b.IsAddr():
		x, _ := a.Addr()
		y, _ := b.Addr()
		return x.Segment < y.Segment || x.Segment == y.Segment && x.Offset < y.Offset
	case a.IsAddr() != b.IsAddr():
		return a.IsAddr()
	}
	x, _ := a.Felt()
	y, _ := b.Felt()
	return x.Cmp(&y) < 0
}

// wideMul writes the high and low part of the product of two numbers. Compiled code uses numbers of 128 bits; others take
// the slow path.
func wideMul(m *machine.Machine, c *coreHint) error {
	a, b, err := c.pair(m)
	if err != nil {
		return err
	}
	x, y := a.Limbs(), b.Limbs()
	if x[2]|x[3]|y[2]|y[3] != 0 {
		p := new(big.Int).Mul(a.BigInt(), b.BigInt())
		return c.setInts(m, new(big.Int).Rsh(p, 128), low128(p))
	}
	h00, r0 := bits.Mul64(x[0], y[0])
	h01, l01 := bits.Mul64(x[0], y[1])
	h10, l10 := bits.Mul64(x[1], y[0])
	h11, l11 := bits.Mul64(x[1], y[1])
	r1, k1 := bits.Add64(h00, l01, 0)
	r1, k2 := bits.Add64(r1, l10, 0)
	r2, k3 := bits.Add64(l11, h01, k1)
	r2, k4 := bits.Add64(r2, h10, k2)
	if err := c.set(m, 0, machine.FeltValue(felt.FromUint128(h11+k3+k4, r2))); err != nil {
		return err
	}
	return c.set(m, 1, machine.FeltValue(felt.FromUint128(r1, r0)))
}

func divMod(m *machine.Machine, c *coreHint) error {
	a, b, err := c.pair(m)
	if err != nil {
		return err
	}
	x, y := a.Limbs(), b.Limbs()
	switch {
	case y == [4]uint64{}:
		return errors.New("division by zero")
	case x[1]|x[2]|x[3]|y[1]|y[2]|y[3] == 0:
		if err := c.set(m, 0, machine.UintValue(x[0]/y[0])); err != nil {
			return err
		}
		return c.set(m, 1, machine.UintValue(x[0]%y[0]))
	case y == [4]uint64{0, 0, 1, 0}: // splitting a felt into two words
		if err := c.set(m, 0, machine.FeltValue(felt.FromUint128(x[3], x[2]))); err != nil {
			return err
		}
		return c.set(m, 1, machine.FeltValue(felt.FromUint128(x[1], x[0])))
	}
	q, r := new(big.Int).DivMod(a.BigInt(), b.BigInt(), new(big.Int))
	return c.setInts(m, q, r)
}

func uint256DivMod(m *machine.Machine, c *coreHint) error {
	a, err := c.ints(m)
	if err != nil {
		return err
	}
	d := join128(a[2:4])
	if d.Sign() == 0 {
		return errors.New("division by zero")
	}
	q, r := new(big.Int).DivMod(join128(a[:2]), d, new(big.Int))
	return c.setInts(m, append(limbs128(q, 2), limbs128(r, 2)...)...)
}

func uint512DivMod(m *machine.Machine, c *coreHint) error {
	a, err := c.ints(m)
	if err != nil {
		return err
	}
	d := join128(a[4:6])
	if d.Sign() == 0 {
		return errors.New("division by zero")
	}
	q, r := new(big.Int).DivMod(join128(a[:4]), d, new(big.Int))
	return c.setInts(m, append(limbs128(q, 4), limbs128(r, 2)...)...)
}

func uint256SquareRoot(m *machine.Machine, c *coreHint) error {
	a, err := c.ints(m)
	if err != nil {
		return err
	}
	v := join128(a)
	root := new(big.Int).Sqrt(v)
	rest := new(big.Int).Mul(root, root)
	rest.Sub(v, rest)
	over := new(big.Int).Lsh(root, 1)
	flag := int64(0)
	if over.Sub(over, rest).BitLen() > 128 && over.Sign() > 0 {
		flag = 1
	}
	low64 := new(big.Int).SetUint64(1<<64 - 1)
	r := limbs128(rest, 2)
	return c.setInts(m, low64.And(low64, root), new(big.Int).Rsh(root, 64), r[0], r[1], big.NewInt(flag))
}

func findSmallArcs(m *machine.Machine, c *coreHint) error {
	ptr, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	a, err := c.felt(m, 1)
	if err != nil {
		return err
	}
	b, err := c.felt(m, 2)
	if err != nil {
		return err
	}
	stateOf(m).frame.excluded, err = machine.SmallArcs(m, a, b, ptr)
	return err
}

// randomECPoint writes the run's next blinding point. It is deterministic.
func randomECPoint(m *machine.Machine, c *coreHint) error {
	s := stateOf(m)
	p := starkcurve.Blinding(s.blinded)
	s.blinded++
	if err := c.set(m, 0, machine.FeltValue(p.X)); err != nil {
		return err
	}
	return c.set(m, 1, machine.FeltValue(p.Y))
}

func u256InvModN(m *machine.Machine, c *coreHint) error {
	a, err := c.ints(m)
	if err != nil {
		return err
	}
	b, n := join128(a[:2]), join128(a[2:4])
	one := big.NewInt(1)
	if n.Sign() == 0 {
		return errors.New("inverse modulo zero")
	}
	// Outputs: g0_or_no_inv, g1_option, s_or_r0, s_or_r1, t_or_k0, t_or_k1.
	if n.Cmp(one) == 0 {
		return c.setInts(m, one, new(big.Int), a[0], a[1], one, new(big.Int))
	}
	g := new(big.Int).GCD(nil, nil, n, b)
	if g.Cmp(one) != 0 {
		if g.Bit(0) == 0 {
			g.SetInt64(2)
		}
		gl, s, t := limbs128(g, 2), limbs128(new(big.Int).Div(b, g), 2), limbs128(new(big.Int).Div(n, g), 2)
		return c.setInts(m, gl[0], gl[1], s[0], s[1], t[0], t[1])
	}
	r := new(big.Int).ModInverse(b, n)
	k := new(big.Int).Mul(r, b)
	k.Sub(k, one).Div(k, n)
	rl, kl := limbs128(r, 2), limbs128(k, 2)
	// g1_option is not written.
	for i, v := range []*big.Int{new(big.Int), nil, rl[0], rl[1], kl[0], kl[1]} {
		if v == nil {
			continue
		}
		if err := c.set(m, i, machine.FeltValue(felt.FromBigInt(v))); err != nil {
			return err
		}
	}
	return nil
}

func allocDict(m *machine.Machine, c *coreHint) error {
	arena, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	n, err := m.Memory.Uint64(arena.Add(-2))
	if err != nil {
		return err
	}
	infos, err := m.Memory.Pointer(arena.Add(-3))
	if err != nil {
		return err
	}
	if n > machine.MaxCells {
		return fmt.Errorf("%d dictionaries are too many", n)
	}
	s := stateOf(m)
	if s.frame.dicts == nil {
		s.frame.dicts = make(map[int32]*classDict)
	}
	var start machine.Addr
	if s.TemporaryDicts && n > 0 {
		start = m.Memory.AddTemporarySegment()
	} else {
		start = m.Memory.AddSegment()
	}
	s.frame.dicts[start.Segment] = &classDict{index: len(s.frame.dicts), data: make(map[felt.Felt]machine.Value)}
	return m.Memory.Insert(infos.Add(3*int(n)), machine.AddrValue(start))
}

func dictAt(m *machine.Machine, a machine.Addr) (*classDict, error) {
	d := stateOf(m).frame.dicts[a.Segment]
	if d == nil {
		return nil, fmt.Errorf("%v points to no dictionary", a)
	}
	return d, nil
}

func dictEntryInit(m *machine.Machine, c *coreHint) error {
	at, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	key, err := c.felt(m, 1)
	if err != nil {
		return err
	}
	d, err := dictAt(m, at)
	if err != nil {
		return err
	}
	return m.Memory.Insert(at.Add(1), d.data[key])
}

func dictEntryUpdate(m *machine.Machine, c *coreHint) error {
	at, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	v, err := c.in[1].value(m)
	if err != nil {
		return err
	}
	d, err := dictAt(m, at)
	if err != nil {
		return err
	}
	key, err := m.Memory.Felt(at.Add(-3))
	if err != nil {
		return err
	}
	d.data[key] = v
	return nil
}

func arenaIndex(m *machine.Machine, c *coreHint) error {
	at, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	d, err := dictAt(m, at)
	if err != nil {
		return err
	}
	return c.set(m, 0, machine.UintValue(uint64(d.index)))
}

func initSquash(m *machine.Machine, c *coreHint) error {
	at, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	n, err := c.felt(m, 2)
	if err != nil {
		return err
	}
	if !n.IsUint64() || n.Uint64() == 0 || n.Uint64() > machine.MaxCells/3 {
		return fmt.Errorf("a dictionary of %v accesses", machine.FeltValue(n))
	}
	s := squash{indices: make(map[felt.Felt][]uint64)}
	for i := range n.Uint64() {
		key, err := m.Memory.Felt(at.Add(3 * int(i)))
		if err != nil {
			return err
		}
		if _, ok := s.indices[key]; !ok {
			s.keys = append(s.keys, key)
		}
		s.indices[key] = append(s.indices[key], i)
	}
	for _, list := range s.indices {
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}
	sort.Slice(s.keys, func(i, j int) bool { return s.keys[i].Cmp(&s.keys[j]) > 0 })
	stateOf(m).frame.squash = s
	if err := c.set(m, 0, machine.BoolValue(s.keys[0].BitLen() > 128)); err != nil {
		return err
	}
	return c.set(m, 1, machine.FeltValue(s.keys[len(s.keys)-1]))
}

// accesses returns the remaining accesses of the current key, at least one, and the key.
func accesses(m *machine.Machine) ([]uint64, felt.Felt, error) {
	s := &stateOf(m).frame.squash
	if len(s.keys) == 0 {
		return nil, felt.Felt{}, errors.New("no dictionary is being squashed")
	}
	key := s.keys[len(s.keys)-1]
	list := s.indices[key]
	if len(list) == 0 {
		return nil, key, errors.New("the key has no accesses left")
	}
	return list, key, nil
}

func currentAccessIndex(m *machine.Machine, c *coreHint) error {
	at, err := c.addr(m, 0)
	if err != nil {
		return err
	}
	list, _, err := accesses(m)
	if err != nil {
		return err
	}
	return m.Memory.Insert(at, machine.UintValue(list[len(list)-1]))
}

// moreAccesses writes whether the current key has accesses after the current one; the negation if more is false.
func (c *coreHint) moreAccesses(m *machine.Machine, more bool) error {
	list, _, err := accesses(m)
	if err != nil {
		return err
	}
	return c.set(m, 0, machine.BoolValue((len(list) > 1) == more))
}

func currentAccessDelta(m *machine.Machine, c *coreHint) error {
	list, key, err := accesses(m)
	if err != nil {
		return err
	}
	if len(list) < 2 {
		return errors.New("the key has no accesses left")
	}
	prev := list[len(list)-1]
	stateOf(m).frame.squash.indices[key] = list[:len(list)-1]
	return c.set(m, 0, machine.UintValue(list[len(list)-2]-prev-1))
}

func nextDictKey(m *machine.Machine, c *coreHint) error {
	list, key, err := accesses(m)
	if err != nil {
		return err
	}
	s := &stateOf(m).frame.squash
	if len(list) != 1 {
		return errors.New("a key is left before all of its accesses were squashed")
	}
	delete(s.indices, key)
	s.keys = s.keys[:len(s.keys)-1]
	if len(s.keys) == 0 {
		return errors.New("no keys left but remaining_accesses > 0")
	}
	return c.set(m, 0, machine.FeltValue(s.keys[len(s.keys)-1]))
}
