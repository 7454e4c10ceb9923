package vm

import (
	"errors"
	"sync"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// ExtraData returns the two cells that follow a class's bytecode in memory: a ret instruction, which a contract calls to
// learn its own address, and a pointer to the builtin costs, which start at costs.
func ExtraData(costs machine.Addr) [2]machine.Value {
	ret := felt.FromUint64(constants.RetWord)
	return [2]machine.Value{machine.FeltValue(ret), machine.AddrValue(costs)}
}

// BuiltinCosts returns the builtin costs, as the pointer of ExtraData finds them in memory.
func BuiltinCosts() []felt.Felt {
	costs := constants.BuiltinGas()
	out := make([]felt.Felt, len(costs))
	for i, c := range costs {
		out[i] = felt.FromUint64(c)
	}
	return out
}

// costsSegment is the segment of the builtin costs. It is the same in all runs, so that they can share a class's cells.
const costsSegment = 2

// maxCachedWords bounds the total bytecode of the cached classes: 2^21 words take some 120 MB.
const maxCachedWords = 1 << 21

// Engine runs contract classes on the VM. Make one with NewEngine. It is safe for concurrent use.
type Engine struct {
	mu      sync.Mutex
	classes map[classKey]*machine.Code
	order   []classKey // least recently used first
	words   int
	pool    machine.Pool
}

var (
	_ cairo.Engine      = (*Engine)(nil)
	_ cairo.StepCounter = (*Engine)(nil)
)

// NewEngine returns an engine with an empty cache.
func NewEngine() *Engine {
	return &Engine{classes: make(map[classKey]*machine.Code)}
}

// classKey identifies a class: by its hashes, or by pointer if one of them is not known.
type classKey struct {
	hash, compiled felt.Felt
	casm           *casm.Class
}

func keyOf(c *cairo.Class) classKey {
	if c.Hash.IsZero() || c.CompiledHash.IsZero() {
		return classKey{casm: c.Casm}
	}
	return classKey{hash: c.Hash, compiled: c.CompiledHash}
}

// load returns the code of a class, from the cache or newly made.
func (e *Engine) load(c *cairo.Class) (*machine.Code, error) {
	key := keyOf(c)
	e.mu.Lock()
	l, ok := e.classes[key]
	if ok {
		for i, k := range e.order {
			if k == key {
				e.order = append(append(e.order[:i], e.order[i+1:]...), key)
				break
			}
		}
	}
	e.mu.Unlock()
	if ok {
		return l, nil
	}
	l, err := loadClass(c.Casm)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.classes[key]; ok {
		return l, nil
	}
	e.classes[key] = l
	e.order = append(e.order, key)
	e.words += l.Size()
	for e.words > maxCachedWords && len(e.order) > 1 {
		e.words -= e.classes[e.order[0]].Size()
		delete(e.classes, e.order[0])
		e.order = e.order[1:]
	}
	return l, nil
}

// loadClass makes the code of a class from its bytecode, the extra data and its hints.
func loadClass(c *casm.Class) (*machine.Code, error) {
	if err := c.Validate(); err != nil {
		return nil, cairo.RunErrorf("%v", err)
	}
	words := make([]machine.Value, 0, len(c.Bytecode)+2)
	for _, f := range c.Bytecode {
		words = append(words, machine.FeltValue(f))
	}
	extra := ExtraData(machine.Addr{Segment: costsSegment})
	code := machine.NewCode(append(words, extra[:]...))
	for _, at := range c.Hints {
		for i := range at.Hints {
			h, err := CoreHint(&at.Hints[i])
			if err != nil {
				return nil, cairo.RunErrorf("%v", err)
			}
			code.AddHint(uint64(at.Offset), h)
		}
	}
	return code, nil
}

// classBuiltins lists the builtins that a contract may use, in the order in which an entry point takes them.
var classBuiltins = []string{
	machine.BuiltinPedersen, machine.BuiltinRangeCheck, machine.BuiltinBitwise, machine.BuiltinECOp, machine.BuiltinPoseidon, machine.BuiltinSegmentArena,
	machine.BuiltinRangeCheck96, machine.BuiltinAddMod, machine.BuiltinMulMod,
}

// CountsSteps implements cairo.StepCounter.
func (e *Engine) CountsSteps() {}

// Begin implements cairo.Engine.
func (e *Engine) Begin() cairo.Session { return &session{engine: e} }

// session is the state that the calls of a transaction share: the cells of the arrays that a call passes to the next one. A
// nil list means that the array must be copied.
type session struct {
	engine   *Engine
	calldata *machine.Cells // the calldata of the call that a syscall is about to make
	retdata  *machine.Cells // the return data of the call that a syscall has made
}

// End implements cairo.Session.
func (s *session) End() {}

// nested executes a syscall that may make a call; calldata holds the cells of the calldata. It returns the cells of the
// call's return data.
func (s *session) nested(calldata *machine.Cells, syscall func()) (retdata *machine.Cells) {
	s.calldata, s.retdata = calldata, nil
	syscall()
	retdata = s.retdata
	s.calldata, s.retdata = nil, nil
	return retdata
}

// Run runs an entry point as Starknet's sequencer does. A call with less gas than constants.EntryPointGas panics with
// "Out of gas" and keeps its gas.
func (s *session) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	e, calldata := s.engine, s.calldata
	s.calldata, s.retdata = nil, nil
	if call.Class == nil || call.Class.Casm == nil {
		return cairo.Result{}, cairo.RunErrorf("a call without a compiled class")
	}
	ep := call.Class.Casm.EntryPoint(call.Type, call.Selector)
	if ep == nil {
		return cairo.Result{}, cairo.RunErrorf("entry point %v not found in contract", call.Selector)
	}
	l, err := e.load(call.Class)
	if err != nil {
		return cairo.Result{}, err
	}
	if call.Gas < constants.EntryPointGas {
		return cairo.Result{Failed: true, Retdata: []felt.Felt{errOutOfGas}, GasLeft: call.Gas}, nil
	}
	m := e.pool.Get(l)
	defer e.pool.Put(m)
	m.Stop = call.Stop
	f := &frame{sys: sys, session: s, budget: call.Steps}
	res, retdata, err := f.runEntryPoint(m, ep, l, call, calldata)
	f.settle(m)
	if err == nil {
		s.retdata = retdata
		return res, nil
	}
	res = cairo.Result{}
	if err == cairo.ErrInterrupted {
		return res, err
	}
	step, inStep := errors.AsType[*machine.RunError](err)
	if inStep && f.budget != nil {
		res.Stopped = &cairo.Location{PC: m.PC.Offset}
		for _, at := range m.Callers() {
			res.Stopped.Callers = append(res.Stopped.Callers, at.Offset)
		}
	}
	if own, ok := errors.AsType[*syscallError](err); ok {
		return res, own.err
	}
	if inStep {
		err = step.Err
	}
	if f.budget != nil && errors.Is(err, machine.ErrMaxSteps) {
		return res, cairo.ErrSteps
	}
	if f.budget != nil && errors.Is(err, machine.ErrMaxWork) {
		return res, cairo.ErrWork
	}
	return res, cairo.RunErrorf("%v", err)
}

// readOnlySegment adds a read-only segment. finishEntryPoint checks that nothing was written after its end, because a proof
// of the run places the segments by their sizes.
func (f *frame) readOnlySegment(m *machine.Machine, values ...felt.Felt) (start, end machine.Addr, err error) {
	start = m.Memory.AddSegment()
	end, err = m.Memory.LoadFelts(start, values...)
	f.readOnly = append(f.readOnly, readOnly{start.Segment, uint64(len(values))})
	return start, end, err
}

// runEntryPoint runs a call from its first instruction to its last. calldata holds the caller's cells of the calldata, retdata
// the cells of the result; either is nil if the cells are not shared.
func (f *frame) runEntryPoint(m *machine.Machine, ep *casm.EntryPoint, l *machine.Code, call cairo.Call, calldata *machine.Cells) (res cairo.Result, retdata *machine.Cells, err error) {
	m.Data = &HintState{Syscall: f.syscall}
	// This segment is costsSegment. It has a few cells, so it cannot reach the memory's limit.
	_, _, _ = f.readOnlySegment(m, BuiltinCosts()...)
	var stack []machine.Value
	next := 0
	for _, name := range ep.Builtins {
		for next < len(classBuiltins) && classBuiltins[next] != name {
			next++
		}
		if next == len(classBuiltins) {
			return res, nil, cairo.RunErrorf("builtin %q of the entry point is unknown or out of order", name)
		}
		b, err := m.AddBuiltin(name)
		if err != nil {
			return res, nil, err
		}
		stack = append(stack, machine.AddrValue(b.Base))
	}
	start, startEnd, err := f.arraySegment(m, call.Calldata, calldata)
	if err != nil {
		return res, nil, err
	}
	syscallPtr := m.Memory.AddSegment()
	end := m.Memory.AddSegment()
	stack = append(stack, machine.UintValue(call.Gas-constants.EntryPointGas), machine.AddrValue(syscallPtr), machine.AddrValue(start), machine.AddrValue(startEnd))
	stack = append(stack, machine.Value{}, machine.AddrValue(end)) // the caller's fp is 0
	if _, err := m.Memory.Load(machine.Addr{Segment: 1}, stack...); err != nil {
		return res, nil, err
	}
	m.PC = machine.Addr{Offset: uint64(ep.Offset)}
	m.AP = uint64(len(stack))
	// The compiler charges at least 100 gas a step, so this limit is generous; only hand-written CASM exceeds it.
	m.MaxSteps = call.Gas/50 + 1<<20
	m.FP = m.AP
	if f.limit(m); f.budget != nil {
		m.Accessing = true
		if f.budget.Left == 0 {
			return res, nil, &machine.RunError{PC: m.PC, Hint: -1, Err: machine.ErrMaxSteps}
		}
	}
	if err := m.Run(end); err != nil {
		return res, nil, err
	}
	arguments := len(stack) - 2
	if res, retdata, err = f.finishEntryPoint(m, ep, l, call); err == nil && f.budget != nil {
		m.Memory.MarkAccessed(machine.Addr{Segment: 1}, arguments)
		res.Resources = f.resources(m)
	}
	return res, retdata, err
}

// resources returns what the run used. The Starknet OS reads all of the arguments and of the segments that it provides, so their cells
// are not holes.
func (f *frame) resources(m *machine.Machine) constants.Resources {
	for _, s := range f.readOnly {
		m.Memory.MarkAccessed(machine.Addr{Segment: s.segment}, int(s.size))
	}
	for _, s := range f.structs {
		m.Memory.MarkAccessed(machine.Addr{Segment: s}, int(m.Memory.SegmentSize(s)))
	}
	r := constants.Resources{Steps: m.Steps, MemoryHoles: m.Memory.Holes(), Blakes: m.Blakes()}
	for _, b := range m.Builtins() {
		n := b.Instances(&m.Memory)
		switch b.Name {
		case machine.BuiltinPedersen:
			r.Pedersens = n
		case machine.BuiltinRangeCheck:
			r.RangeChecks = n
		case machine.BuiltinBitwise:
			r.Bitwises = n
		case machine.BuiltinECOp:
			r.ECOps = n
		case machine.BuiltinPoseidon:
			r.Poseidons = n
		case machine.BuiltinSegmentArena:
			r.SegmentArenas = n
		case machine.BuiltinRangeCheck96:
			r.RangeChecks96 = n
		case machine.BuiltinAddMod:
			r.AddMods = n
		case machine.BuiltinMulMod:
			r.MulMods = n
		}
	}
	return r
}

// finishEntryPoint checks that the run could be part of a proof, and reads its results, which are below ap: the builtin
// pointers, the gas, the syscall pointer, the panic flag and the ends of the returned array.
func (f *frame) finishEntryPoint(m *machine.Machine, ep *casm.EntryPoint, l *machine.Code, call cairo.Call) (res cairo.Result, retdata *machine.Cells, err error) {
	const values = 5
	if m.AP < uint64(values+len(ep.Builtins)) {
		return res, nil, cairo.RunErrorf("ap is %d after the run", m.AP)
	}
	sizes := make(map[int32]uint64)
	for i, name := range ep.Builtins {
		b := m.Builtin(name)
		size, err := b.Finish(&m.Memory, false)
		if err != nil {
			return res, nil, err
		}
		stop, err := m.Memory.Pointer(machine.Addr{Segment: 1, Offset: m.AP - values - uint64(len(ep.Builtins)-i)})
		if err != nil {
			return res, nil, err
		}
		if stop.Segment != b.Base.Segment {
			return res, nil, cairo.RunErrorf("the final pointer of %s is %v, outside of its segment %d", name, stop, b.Base.Segment)
		}
		if name == machine.BuiltinRangeCheck96 {
			// A circuit uses only some of the cells that it reserves; the rest are zero.
			for off := range stop.Offset {
				if _, ok := m.Memory.Get(machine.Addr{Segment: stop.Segment, Offset: off}); !ok {
					if err := m.Memory.Insert(machine.Addr{Segment: stop.Segment, Offset: off}, machine.Value{}); err != nil {
						return res, nil, err
					}
				}
			}
			size = max(size, stop.Offset)
		}
		sizes[b.Base.Segment] = size
	}
	if m.Memory.SegmentSize(0) > uint64(l.Size()) {
		return res, nil, cairo.RunErrorf("out of bounds access to program segment")
	}
	for _, s := range f.readOnly {
		if n := m.Memory.SegmentSize(s.segment); n != s.size {
			return res, nil, cairo.RunErrorf("segment %d is read-only, but its size went from %d to %d", s.segment, s.size, n)
		}
	}
	if err := m.Memory.NoTemporary(); err != nil {
		return res, nil, err
	}
	list := make([]uint64, m.Memory.Segments())
	for i, n := range sizes {
		list[i] = n
	}
	for _, b := range m.Builtins() {
		if err := b.Secure(&m.Memory, list); err != nil {
			return res, nil, err
		}
	}
	if m.FP != 0 {
		return res, nil, cairo.RunErrorf("fp is %d after the run, want 0", m.FP)
	}
	return f.readResult(m, machine.Addr{Segment: 1, Offset: m.AP - values}, call.Gas)
}

// readResult reads the gas, the panic flag and the returned array.
func (f *frame) readResult(m *machine.Machine, at machine.Addr, gas uint64) (res cairo.Result, retdata *machine.Cells, err error) {
	res.Steps = m.Steps
	if res.GasLeft, err = m.Memory.Uint64(at); err != nil {
		return res, nil, err
	}
	if res.GasLeft > gas {
		return res, nil, cairo.RunErrorf("unexpected remaining gas: %d of %d", res.GasLeft, gas)
	}
	flag, err := m.Memory.Felt(at.Add(2))
	if err != nil {
		return res, nil, err
	}
	switch flag {
	case felt.Zero:
	case felt.One:
		res.Failed = true
	default:
		return res, nil, cairo.RunErrorf("failure flag expected to be either 0 or 1, got %v", flag)
	}
	start, err := m.Memory.Pointer(at.Add(3))
	if err != nil {
		return res, nil, err
	}
	end, err := m.Memory.Pointer(at.Add(4))
	if err != nil {
		return res, nil, err
	}
	if start.Segment != end.Segment || end.Offset < start.Offset || end.Offset-start.Offset > machine.MaxCells {
		return res, nil, cairo.RunErrorf("return data from %v to %v", start, end)
	}
	if res.Retdata, err = f.array(m, start, int(end.Offset-start.Offset)); err != nil {
		return res, nil, err
	}
	if start.Segment > 1 { // the pool reuses the cells of segment 1
		retdata = f.shareable(m, start, len(res.Retdata))
	}
	return res, retdata, nil
}
