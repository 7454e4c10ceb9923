package machine

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync/atomic"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
)

// HintFunc is a hint. It runs before the instruction that it is attached to.
type HintFunc func(m *Machine) error

// Machine is a bare Cairo machine. Make one with NewMachine, fill segment 0 with a program and segment 1 with a stack,
// attach hints, set the registers and call Run.
type Machine struct {
	Memory Memory
	PC     Addr
	AP, FP uint64 // offsets in segment 1
	Steps  uint64

	// MaxSteps bounds Steps: Step fails with ErrMaxSteps once it is reached. 0 means no bound.
	MaxSteps uint64
	// Stop, if not nil and set, makes Run return cairo.ErrInterrupted within stopSteps steps.
	Stop *atomic.Bool
	// Tracing makes the machine record the registers of every step, the least and greatest instruction offset, and which
	// cells are accessed. Proof mode and the count of memory holes need these.
	Tracing bool
	// Accessing makes the machine record which cells are accessed, and nothing else that Tracing records. Holes needs it.
	Accessing bool
	// Data holds the state of the hints. The machine does not use it.
	Data any

	exec     *segment  // segment 1
	trace    [][]State // full parts
	last     []State   // the part that grows
	rcMin    uint16
	rcMax    uint16
	rcSeen   bool
	blakes   uint64
	skip     bool // a hint called SkipInstruction
	slow     bool // disables the fast path, for tests
	builtins []*Builtin
}

// State holds the registers before a step. AP and FP are offsets in segment 1.
type State struct {
	AP, FP    uint32
	PCSegment int32
	PCOffset  uint32
}

// Trace yields the states before each step so far, if Tracing is set, in parts.
func (m *Machine) Trace() iter.Seq[[]State] {
	return func(yield func([]State) bool) {
		for _, part := range m.trace {
			if !yield(part) {
				return
			}
		}
		yield(m.last)
	}
}

// OffsetLimits returns the least and the greatest biased offset of the instructions traced so far, which the 16-bit range
// checks of a proof must cover; ok is false if no instruction was traced.
func (m *Machine) OffsetLimits() (lo, hi uint16, ok bool) { return m.rcMin, m.rcMax, m.rcSeen }

// Blakes returns the number of instructions so far that compressed a BLAKE2s block.
func (m *Machine) Blakes() uint64 { return m.blakes }

// maxCallers is the largest number of calls that Callers returns.
const maxCallers = 20

// Callers returns the addresses of the call instructions of the running functions, outermost first: the official runner's traceback. It
// returns the innermost maxCallers of them.
func (m *Machine) Callers() []Addr {
	var list []Addr
	for fp := m.FP; len(list) < maxCallers && fp >= 2; {
		ret, err := m.Memory.Pointer(Addr{1, fp - 1})
		if err != nil {
			break
		}
		caller, err := m.Memory.Pointer(Addr{1, fp - 2})
		if err != nil || caller == (Addr{1, fp}) {
			break
		}
		fp = caller.Offset
		at, ok := m.callBefore(ret)
		if !ok {
			break
		}
		list = append(list, at)
	}
	slices.Reverse(list)
	return list
}

// callBefore returns the address of the call instruction, of one or two words, that returns to ret.
func (m *Machine) callBefore(ret Addr) (Addr, bool) {
	for size := uint64(1); size <= min(2, ret.Offset); size++ {
		at := Addr{ret.Segment, ret.Offset - size}
		word, err := m.Memory.Felt(at)
		if err != nil {
			break
		}
		if in, err := decode(word); err == nil && in.opcode == opCall && in.res == resOp1 {
			return at, true
		}
	}
	return Addr{}, false
}

// ErrMaxSteps is the error of a run that reached MaxSteps.
var ErrMaxSteps = errors.New("vm: step limit reached")

// NewMachine returns a machine with the two segments that every run has: 0 for the program, 1 for the execution.
func NewMachine() *Machine {
	m := &Machine{}
	m.Memory.Limit = MaxCells
	m.Memory.AddSegment()
	m.Memory.AddSegment()
	m.exec = m.Memory.segs[1]
	return m
}

// AddHints attaches hints to the instruction at pc, after its other hints.
func (m *Machine) AddHints(pc Addr, hints ...HintFunc) error {
	s := m.Memory.segment(pc.Segment)
	if s == nil {
		return memErrorf(pc, "hint at %v: no such segment", pc)
	}
	if s.code == nil {
		s.code = &code{}
	}
	if s.code.sealed {
		return memErrorf(pc, "hint at %v: the segment is a class's", pc)
	}
	s.code.add(pc.Offset, hints)
	return nil
}

// APAddr returns ap as an address.
func (m *Machine) APAddr() Addr { return Addr{1, m.AP} }

// FPAddr returns fp as an address.
func (m *Machine) FPAddr() Addr { return Addr{1, m.FP} }

// SkipInstruction makes the machine skip the instruction whose hints are running. A skipped instruction is not a step.
func (m *Machine) SkipInstruction() { m.skip = true }

// RunError is a failed step.
type RunError struct {
	PC   Addr
	Hint int // index of the hint that failed, or -1
	Err  error
}

func (e *RunError) Error() string { return fmt.Sprintf("Error at pc=%v:\n%v", e.PC, e.Err) }
func (e *RunError) Unwrap() error { return e.Err }

// stopSteps is the number of steps between two checks of Stop; a power of two. A step takes some 20 ns.
const stopSteps = 1 << 10

// Run executes steps until pc is end.
func (m *Machine) Run(end Addr) error {
	for m.PC != end {
		if m.Stop != nil && m.Steps%stopSteps == 0 && m.Stop.Load() {
			return cairo.ErrInterrupted
		}
		if err := m.Step(); err != nil {
			return err
		}
	}
	return nil
}

// Step runs the hints of the instruction at pc and then the instruction.
func (m *Machine) Step() error {
	if m.MaxSteps != 0 && m.Steps >= m.MaxSteps {
		return m.fail(-1, ErrMaxSteps)
	}
	s := m.Memory.segment(m.PC.Segment)
	if s == nil {
		return m.fail(-1, memErrorf(m.PC, "unknown value for memory cell %v", m.PC))
	}
	var in *instruction
	if s.code != nil && m.PC.Offset < uint64(len(s.code.at)) {
		in = &s.code.at[m.PC.Offset]
	}
	if in == nil || in.size == 0 {
		if s.code != nil && s.code.index[m.PC.Offset] != 0 { // hints run even before a word that does not decode
			if err := m.runHints(s.code.hints[s.code.index[m.PC.Offset]-1]); err != nil {
				return err
			}
		}
		var err error
		if in, err = m.decodeAt(s, m.PC); err != nil {
			return m.fail(-1, err)
		}
	} else if in.hints != 0 {
		if err := m.runHints(s.code.hints[in.hints-1]); err != nil {
			return err
		}
		in = &s.code.at[m.PC.Offset] // a hint may have reallocated the slice
	}
	if m.skip {
		m.skip = false
		m.PC.Offset += uint64(in.size)
		return nil
	}
	if !m.slow && m.fast(in) {
		return nil
	}
	if err := m.step(in); err != nil {
		return m.fail(-1, err)
	}
	return nil
}

func (m *Machine) runHints(hints []HintFunc) error {
	for i, h := range hints {
		if err := h(m); err != nil {
			return m.fail(i, err)
		}
	}
	return nil
}

func (m *Machine) fail(hint int, err error) error {
	return &RunError{m.PC, hint, err}
}

// operand is an operand's address and value; ok is false if its cell is not written and its value not deduced.
type operand struct {
	at Addr
	v  Value
	ok bool
}

// step executes an instruction as the paper describes it (section 4.5): it reads the operands, deduces the missing one,
// checks the opcode's assertion and updates the registers. fast does the same for the common shapes.
func (m *Machine) step(in *instruction) error {
	var dst, op0, op1 operand
	var err error
	if dst.at, err = m.FrameAddr(in.dstFP, in.off0); err != nil {
		return err
	}
	dst.v, dst.ok = m.Memory.Get(dst.at)
	if op0.at, err = m.FrameAddr(in.op0FP, in.off1); err != nil {
		return err
	}
	op0.v, op0.ok = m.Memory.Get(op0.at)
	if op1.at, err = m.op1Addr(in, op0); err != nil {
		return err
	}
	op1.v, op1.ok = m.Memory.Get(op1.at)

	var res Value
	resKnown := false
	op0Deduced, op1Deduced, dstDeduced := !op0.ok, !op1.ok, false
	if !op0.ok {
		if op0.v, op0.ok, err = m.deduceCell(op0.at); err != nil {
			return err
		}
		if !op0.ok {
			if op0.v, op0.ok, err = m.deduceOp0(in, dst, op1); err != nil {
				return err
			}
			if op0.ok && in.opcode == opAssertEq {
				res, resKnown = dst.v, true
			}
		}
		if !op0.ok {
			return fmt.Errorf("failed to compute or deduce op0 at %v", op0.at)
		}
	}
	if !op1.ok {
		if op1.v, op1.ok, err = m.deduceCell(op1.at); err != nil {
			return err
		}
		if !op1.ok {
			if op1.v, op1.ok, err = m.deduceOp1(in, dst, op0); err != nil {
				return err
			}
			if op1.ok && !resKnown {
				res, resKnown = dst.v, true
			}
		}
		if !op1.ok {
			return fmt.Errorf("failed to compute or deduce op1 at %v", op1.at)
		}
	}
	if !resKnown && in.res != resUnconstrained {
		if res, err = computeRes(in, op0.v, op1.v); err != nil {
			return err
		}
		resKnown = true
	}
	if !dst.ok {
		dstDeduced = true
		switch {
		case in.opcode == opAssertEq && resKnown:
			dst.v = res
		case in.opcode == opCall:
			dst.v = AddrValue(m.FPAddr())
		default:
			return errors.New("couldn't compute or load dst")
		}
	}

	if op0Deduced {
		if err := m.Memory.Insert(op0.at, op0.v); err != nil {
			return err
		}
	}
	if op1Deduced {
		if err := m.Memory.Insert(op1.at, op1.v); err != nil {
			return err
		}
	}
	if dstDeduced {
		if err := m.Memory.Insert(dst.at, dst.v); err != nil {
			return err
		}
	}

	switch in.opcode {
	case opAssertEq:
		if !resKnown {
			return errors.New("res.UNCONSTRAINED cannot be used with Opcode.ASSERT_EQ")
		}
		if res != dst.v {
			return fmt.Errorf("An ASSERT_EQ instruction failed: %v != %v.", dst.v, res)
		}
	case opCall:
		ret := AddrValue(m.PC.Add(int(in.size)))
		if op0.v != ret {
			return fmt.Errorf("call failed to write return-pc (inconsistent op0): %v != %v. Did you forget to increment ap?", op0.v, ret)
		}
		if fp := AddrValue(m.FPAddr()); dst.v != fp {
			return fmt.Errorf("call failed to write return-fp (inconsistent dst): %v != %v. Did you forget to increment ap?", dst.v, fp)
		}
	}
	if m.Tracing {
		m.record(in)
	}
	if m.Tracing || m.Accessing {
		m.Memory.mark(dst.at)
		m.Memory.mark(op0.at)
		m.Memory.mark(op1.at)
		m.Memory.mark(m.PC)
	}
	if in.ext == casm.ExtBlake2s || in.ext == casm.ExtBlake2sLast {
		if err := m.blake2s(in, dst.at, op0.at, op1.at); err != nil {
			return err
		}
		m.blakes++
	}
	return m.updateRegisters(in, dst.v, op1.v, res, resKnown)
}

func (m *Memory) mark(a Addr) {
	if s := m.segment(a.Segment); s != nil && !s.shared {
		if c := s.at(a.Offset); c != nil {
			c[3] |= accessedBit
		}
	}
}

// record appends the state to the trace and includes the instruction's offsets in the range-check limits.
func (m *Machine) record(in *instruction) {
	if len(m.last) == cap(m.last) {
		m.nextPart()
	}
	m.last = append(m.last, State{uint32(m.AP), uint32(m.FP), m.PC.Segment, uint32(m.PC.Offset)})
	if in.seen {
		return
	}
	in.seen = true
	for _, off := range [3]int16{in.off0, in.off1, in.off2} {
		biased := uint16(off) + 0x8000
		if !m.rcSeen {
			m.rcMin, m.rcMax, m.rcSeen = biased, biased, true
		}
		m.rcMin, m.rcMax = min(m.rcMin, biased), max(m.rcMax, biased)
	}
}

// partStates is the number of states in a part of the trace (1 MB); the first part is shorter.
const partStates = 1 << 16

// nextPart begins a new part of the trace.
func (m *Machine) nextPart() {
	size := partStates
	if m.last == nil {
		size = partStates / 64
	} else {
		m.trace = append(m.trace, m.last)
	}
	m.last = make([]State, 0, size)
}

// FrameAddr returns the address ap + off, or fp + off if fp is set.
func (m *Machine) FrameAddr(fp bool, off int16) (Addr, error) {
	base := m.AP
	if fp {
		base = m.FP
	}
	return Addr{1, base}.Moved(off)
}

// Moved returns a + off, or an error if the result is negative or does not fit in 64 bits.
func (a Addr) Moved(off int16) (Addr, error) {
	if off < 0 && a.Offset < uint64(-int64(off)) {
		return a, fmt.Errorf("operation failed: %v - %d, offsets cannot be negative", a, -int64(off))
	}
	if off > 0 && a.Offset > math.MaxUint64-uint64(off) {
		return a, fmt.Errorf("operation failed: %v + %d, maximum offset value exceeded", a, off)
	}
	return a.Add(int(off)), nil
}

func (m *Machine) op1Addr(in *instruction, op0 operand) (Addr, error) {
	switch in.op1 {
	case op1FP:
		return m.FPAddr().Moved(in.off2)
	case op1AP:
		return m.APAddr().Moved(in.off2)
	case op1Imm:
		if in.off2 != 1 {
			return Addr{}, errors.New("in immediate mode, off2 should be 1")
		}
		return m.PC.Add(1), nil
	}
	if !op0.ok {
		return Addr{}, errors.New("op0 must be known in double dereference")
	}
	a, ok := op0.v.Addr()
	if !ok {
		return Addr{}, errors.New("memory addresses must be relocatable")
	}
	return a.Moved(in.off2)
}

// deduceOp0 deduces op0 from the instruction: for a call it is the return pc; for an asserted sum or product whose other
// two operands are known it is the solution.
func (m *Machine) deduceOp0(in *instruction, dst, op1 operand) (Value, bool, error) {
	switch {
	case in.opcode == opCall:
		return AddrValue(m.PC.Add(int(in.size))), true, nil
	case in.opcode != opAssertEq || !dst.ok || !op1.ok:
		return Value{}, false, nil
	case in.res == resAdd:
		v, err := subtract(in, dst.v, op1.v)
		return v, err == nil, err
	case in.res == resMul && !dst.v.IsAddr() && !op1.v.IsAddr() && !op1.v.IsZero():
		v, err := divide(in, dst.v, op1.v)
		return v, err == nil, err
	}
	return Value{}, false, nil
}

// deduceOp1 deduces op1 from the instruction: if res is op1 it is dst; for an asserted sum or product whose other two
// operands are known it is the solution.
func (m *Machine) deduceOp1(in *instruction, dst, op0 operand) (Value, bool, error) {
	if in.opcode != opAssertEq || !dst.ok {
		return Value{}, false, nil
	}
	switch {
	case in.res == resOp1:
		return dst.v, true, nil
	case in.res == resAdd && op0.ok:
		v, err := subtract(in, dst.v, op0.v)
		return v, err == nil, nil
	case in.res == resMul && op0.ok && !dst.v.IsAddr() && !op0.v.IsAddr() && !op0.v.IsZero():
		v, err := divide(in, dst.v, op0.v)
		return v, err == nil, err
	}
	return Value{}, false, nil
}

func subtract(in *instruction, a, b Value) (Value, error) {
	if in.ext == casm.ExtQM31 {
		return qm31Op(a, b, qm31Sub)
	}
	if in.ext != casm.ExtNone {
		return Value{}, errors.New("invalid typed opcode extension for subtraction")
	}
	return a.Sub(b)
}

func divide(in *instruction, a, b Value) (Value, error) {
	if in.ext == casm.ExtQM31 {
		return qm31Op(a, b, qm31Div)
	}
	x, y := felt.Felt(a.l), felt.Felt(b.l)
	return Value{*x.Div(&x, &y)}, nil
}

func computeRes(in *instruction, op0, op1 Value) (Value, error) {
	switch {
	case in.res == resOp1:
		return op1, nil
	case in.ext == casm.ExtQM31 && in.res == resAdd:
		return qm31Op(op0, op1, qm31Add)
	case in.ext == casm.ExtQM31:
		return qm31Op(op0, op1, qm31Mul)
	case in.res == resAdd:
		return op0.Add(op1)
	}
	return op0.Mul(op1)
}

// updateRegisters updates fp, ap and pc (paper, section 4.5: "the state transition function").
func (m *Machine) updateRegisters(in *instruction, dst, op1, res Value, resKnown bool) error {
	fp, ap, pc := m.FP, m.AP, m.PC
	switch in.opcode {
	case opCall:
		fp = m.AP + 2
	case opRet:
		if dst.IsAddr() {
			fp = dst.l[0]
		} else if f := felt.Felt(dst.l); f.IsUint64() {
			fp = f.Uint64()
		} else {
			return fmt.Errorf("the frame pointer %v does not fit in 64 bits", dst)
		}
	}
	switch in.ap {
	case apAdd:
		if !resKnown {
			return errors.New("res.UNCONSTRAINED cannot be used with ApUpdate.ADD")
		}
		if res.IsAddr() {
			return fmt.Errorf("cannot add two relocatable values: %v + %v", m.APAddr(), res)
		}
		off, ok := moveOffset(m.AP, res.l, false)
		if !ok {
			return fmt.Errorf("operation failed: %v + %v, maximum offset value exceeded", m.APAddr(), res)
		}
		ap = off
	case apAdd1:
		ap++
	case apAdd2:
		ap += 2
	}
	switch in.pc {
	case pcRegular:
		pc = pc.Add(int(in.size))
	case pcJump:
		a, ok := res.Addr()
		if !resKnown || !ok {
			return errors.New("an integer value as Jump target (res.UNCONSTRAINED cannot be used with PcUpdate.JUMP)")
		}
		pc = a
	case pcJumpRel:
		if !resKnown {
			return errors.New("res.UNCONSTRAINED cannot be used with PcUpdate.JUMP_REL")
		}
		if res.IsAddr() {
			return errors.New("relocatable jump offset")
		}
		off, ok := moveOffset(pc.Offset, res.l, false)
		if !ok {
			return fmt.Errorf("operation failed: %v + %v, maximum offset value exceeded", pc, res)
		}
		pc.Offset = off
	case pcJnz:
		if dst.IsZero() {
			pc = pc.Add(int(in.size))
			break
		}
		if op1.IsAddr() {
			return fmt.Errorf("cannot add two relocatable values: %v + %v", pc, op1)
		}
		off, ok := moveOffset(pc.Offset, op1.l, false)
		if !ok {
			return fmt.Errorf("operation failed: %v + %v, maximum offset value exceeded", pc, op1)
		}
		pc.Offset = off
	}
	if ap > maxOffset || fp > maxOffset {
		return fmt.Errorf("ap %d or fp %d is beyond the machine's memory", ap, fp)
	}
	m.FP, m.AP, m.PC = fp, ap, pc
	m.Steps++
	return nil
}

// maxOffset bounds ap and fp: a State holds each in 32 bits.
const maxOffset = 1<<32 - 1<<17
