package cairo

import (
	"errors"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// CallTrace is the record of a call: its syscalls with their answers, in order, and how it ended. The calls that it made are
// inside the syscalls that made them, so a transaction is a few trees.
type CallTrace struct {
	Call     Call
	Syscalls []SyscallTrace
	Result   Result
	// Err says why the call has no result: the program broke a rule of the machine, or a syscall ended the run. Such a run
	// cannot be repeated to its end, so it cannot be proved.
	Err error
	// Dropped, if not 0, says that the trace was dropped when the arrays of this outermost call had reached that many words,
	// which is more than Tracer.MaxWords. It has no Syscalls then, and its result no data.
	Dropped uint64
}

// SyscallTrace is a syscall's answer, with what it takes to recognise the request when the call is run again.
type SyscallTrace struct {
	Selector Selector
	Gas      uint64 // as the contract sent it
	GasLeft  uint64
	Failed   bool
	// Response is what the contract received: the panic data when Failed, else the value read, the returned data, the
	// hash; empty for a syscall without a response and for one that the engine computes (see Syscalls.Meter).
	Response []felt.Felt
	Contract felt.Felt      // of Deploy: the new contract
	Info     *ExecutionInfo // of GetExecutionInfo
	Inner    *CallTrace     // the call that the syscall made; nil when it made none
}

// Tracer is an engine that records the calls that another engine runs. It keeps the trees of outermost calls until Take. Of
// MetaTxV0, which no proof covers, it keeps neither the call nor the answer. A Tracer belongs to one goroutine, with all of
// its sessions.
type Tracer struct {
	Engine Engine
	// MaxWords bounds, for each outermost call, the words of calldata of the calls inside it, and of what all of them return and
	// syscalls answer by array; 0 is no bound. A contract can pass the same array from call to call without paying for its words.
	MaxWords uint64

	roots []*CallTrace
	open  []*tracedCall // calls that are running, outermost first
	words uint64        // of the outermost call that is running
	off   int           // not 0 while nothing is recorded
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

// Run runs the call and records it. An outermost call that ends in a fallback leaves no trace, since it is run again.
func (s *tracedSession) Run(call Call, sys Syscalls) (Result, error) {
	t := s.Tracer
	outermost := len(t.open) == 0
	if !outermost && (t.off > 0 || !t.take(len(call.Calldata))) {
		return s.session.Run(call, sys)
	}
	trace := &CallTrace{Call: call}
	trace.Call.Calldata, trace.Call.Stop = slices.Clone(call.Calldata), nil
	if outermost {
		t.roots = append(t.roots, trace)
		t.words, t.off = 0, 0
	} else {
		t.open[len(t.open)-1].inner = trace
	}
	frame := &tracedCall{tracer: t, trace: trace}
	t.open = append(t.open, frame)
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

// take reports whether n more words may be kept. If not, what is kept of the outermost call is dropped.
func (t *Tracer) take(n int) bool {
	if t.off > 0 {
		return false
	}
	if t.words += uint64(n); t.MaxWords == 0 || t.words <= t.MaxWords {
		return true
	}
	t.off++ // until the outermost call ends
	for _, c := range t.open {
		c.trace.Syscalls, c.inner = nil, nil
	}
	t.open[0].trace.Dropped = t.words
	return false
}

// tracedCall is a call that is running.
type tracedCall struct {
	tracer *Tracer
	trace  *CallTrace
	inner  *CallTrace // begun by the syscall that is being answered
}

// syscall passes a syscall on and records the answer.
func (c *tracedCall) syscall(req request, gas *uint64, pass func() answer) answer {
	record := SyscallTrace{Selector: req.selector, Gas: *gas}
	if req.selector == MetaTxV0 {
		c.tracer.off++
		a := pass()
		c.tracer.off--
		record.GasLeft = *gas
		c.keep(record)
		return a
	}
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
	case req.selector == CallContract, req.selector == LibraryCall, req.selector == Deploy:
		if !c.tracer.take(len(a.array)) {
			return a
		}
		if in := record.Inner; in != nil && len(in.Result.Retdata) == len(a.array) {
			record.Response = in.Result.Retdata // the trace of a call that ended well has the array already
		} else {
			record.Response = slices.Clone(a.array)
		}
		record.Contract = a.value
	}
	c.keep(record)
	return a
}

// keep adds a syscall to the call's trace, unless nothing is recorded.
func (c *tracedCall) keep(record SyscallTrace) {
	if c.tracer.off == 0 {
		c.trace.Syscalls = append(c.trace.Syscalls, record)
	}
}
