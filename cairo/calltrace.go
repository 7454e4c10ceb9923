package cairo

import (
	"errors"
	"math"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// CallTrace is the record of a call: its result, and its syscalls with their answers, in order. A nested call is in the trace of the
// syscall that made it, so each outermost call of a transaction is a tree.
type CallTrace struct {
	Call     Call
	Syscalls []SyscallTrace
	Result   Result
	// Err is the reason why the call has no result, nil if it has one: the program broke a rule of the machine, or a syscall ended
	// the run. Such a run cannot be repeated to its end, so it cannot be proved.
	Err error
	// Dropped, if not 0, means that the trace was dropped because the arrays of this outermost call have that many words, more than
	// Tracer.MaxWords, or, if it is DroppedSteps, because a call in it has Call.Steps. Syscalls and Result.Retdata are then nil.
	Dropped uint64
}

// DroppedSteps is CallTrace.Dropped of a call in which code is billed by what it uses of the machine: no proof says how much that is.
const DroppedSteps = math.MaxUint64

// SyscallTrace is a syscall's answer, and the part of its request that identifies it when the call is run again.
type SyscallTrace struct {
	Selector Selector
	Gas      uint64 // as the contract sent it
	GasLeft  uint64
	Failed   bool
	// Response is the panic data if Failed, else the value read, the hash or the returned data. It is empty for a syscall without a
	// response and for one that the engine carries out itself (see Syscalls.Meter).
	Response []felt.Felt
	Contract felt.Felt      // the new contract, for Deploy
	Info     *ExecutionInfo // for GetExecutionInfo
	Inner    *CallTrace     // the call that the syscall made, nil if it made none
}

// Tracer is an engine that records the calls that another engine runs. It keeps the trees of outermost calls until Take. A Tracer
// and all its sessions belong to one goroutine.
type Tracer struct {
	Engine Engine
	// MaxWords bounds the array words that are recorded for each outermost call, 0 for no bound: the calldata of nested calls, the
	// return data of all calls and the arrays in answers. Gas does not bound them, because a contract can pass the same array from
	// call to call without paying for its words.
	MaxWords uint64

	roots []*CallTrace
	open  []*tracedCall // running calls, outermost first
	words uint64        // array words of the running outermost call
	off   int           // recording is off while this is not 0
}

// Begin begins a session whose calls are recorded.
func (t *Tracer) Begin() Session { return &tracedSession{t, t.Engine.Begin()} }

// Take returns the calls recorded since the last Take, in the order in which they began.
func (t *Tracer) Take() []*CallTrace {
	roots := t.roots
	t.roots = nil
	return roots
}

type tracedSession struct {
	*Tracer
	session Session
}

func (s *tracedSession) End() { s.session.End() }

// Run runs the call and records it. An outermost call that ends with ErrFallback leaves no trace, because it is run again.
func (s *tracedSession) Run(call Call, sys Syscalls) (Result, error) {
	t := s.Tracer
	outermost := len(t.open) == 0
	if !outermost && t.off == 0 && call.Steps != nil {
		t.drop(DroppedSteps)
	}
	if !outermost && (t.off > 0 || !t.take(len(call.Calldata))) {
		return s.session.Run(call, sys)
	}
	trace := &CallTrace{Call: call}
	trace.Call.Calldata, trace.Call.Stop, trace.Call.Steps = slices.Clone(call.Calldata), nil, nil
	if outermost {
		t.roots = append(t.roots, trace)
		t.words, t.off = 0, 0
	} else {
		t.open[len(t.open)-1].inner = trace
	}
	frame := &tracedCall{tracer: t, trace: trace}
	t.open = append(t.open, frame)
	if outermost && call.Steps != nil {
		t.drop(DroppedSteps)
	}
	defer func() { t.open = t.open[:len(t.open)-1] }()
	result, err := s.session.Run(call, &interceptor{sys, frame.syscall})
	if outermost && errors.Is(err, ErrFallback) {
		t.roots = t.roots[:len(t.roots)-1]
		return result, err
	}
	trace.Result, trace.Err = result, err
	trace.Result.Retdata = nil
	if t.take(len(result.Retdata)) {
		trace.Result.Retdata = slices.Clone(result.Retdata)
	}
	return result, err
}

// take counts n more array words and reports whether they may be recorded. If not, it drops the trace of the outermost call.
func (t *Tracer) take(n int) bool {
	if t.off > 0 {
		return false
	}
	if t.words += uint64(n); t.MaxWords == 0 || t.words <= t.MaxWords {
		return true
	}
	t.drop(t.words)
	return false
}

// drop drops the trace of the outermost call.
func (t *Tracer) drop(why uint64) {
	t.off++ // until the outermost call ends
	for _, c := range t.open {
		c.trace.Syscalls, c.inner = nil, nil
	}
	t.open[0].trace.Dropped = why
}

// tracedCall is a running call that is recorded.
type tracedCall struct {
	tracer *Tracer
	trace  *CallTrace
	inner  *CallTrace // the call that the syscall in progress made, nil if none
}

// syscall passes a syscall on and records the answer.
func (c *tracedCall) syscall(req request, gas *uint64, pass func() answer) answer {
	record := SyscallTrace{Selector: req.selector, Gas: *gas}
	a := pass()
	record.GasLeft, record.Inner = *gas, c.inner
	c.inner = nil
	record.Info = a.info
	failure, failed := errors.AsType[*SyscallFailure](a.err)
	switch {
	case failed:
		record.Failed = true
		if !c.tracer.take(len(failure.Data)) {
			return a
		}
		record.Response = slices.Clone(failure.Data)
	case a.err != nil:
	case req.selector == StorageRead, req.selector == GetBlockHash, req.selector == GetClassHashAt:
		record.Response = []felt.Felt{a.value}
	case req.selector == CallContract, req.selector == LibraryCall, req.selector == Deploy, req.selector == MetaTxV0:
		if !c.tracer.take(len(a.array)) {
			return a
		}
		if in := record.Inner; in != nil && len(in.Result.Retdata) == len(a.array) {
			record.Response = in.Result.Retdata // share the array with the nested call's trace
		} else {
			record.Response = slices.Clone(a.array)
		}
		record.Contract = a.value
	}
	c.keep(record)
	return a
}

// keep adds a syscall to the call's trace, unless recording is off.
func (c *tracedCall) keep(record SyscallTrace) {
	if c.tracer.off == 0 {
		c.trace.Syscalls = append(c.trace.Syscalls, record)
	}
}
