package native

import (
	"errors"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// session runs the calls of a transaction in one arena, and falls back to the VM for calls that native code cannot run. After a
// fallback during a run, the VM runs the rest of the transaction.
type session struct {
	engine   *Engine
	arena    *arena        // nil until a call needs it
	vm       cairo.Session // runs the VM calls made from the innermost native frame; nil until there is one
	fellBack bool          // a run fell back: all further calls run on the VM
	// calldata is the calldata of the call that a syscall is about to make; retdata is that call's return data.
	calldata, retdata span
}

// span is the address range of an array in the arena's memory that frames pass to each other without copying. The zero value means
// that the array has to be copied.
type span struct{ start, end uint64 }

// holds reports whether the span is set and has the length of list.
func (s span) holds(list []felt.Felt) bool {
	return len(list) > 0 && s.end-s.start == uint64(len(list))*felt.Bytes
}

// Begin implements cairo.Engine.
func (e *Engine) Begin() cairo.Session { return &session{engine: e} }

// End implements cairo.Session.
func (s *session) End() {
	if s.arena != nil {
		s.engine.put(s.arena)
		s.arena = nil
	}
	s.endVM()
}

// onVM runs a call on the VM.
func (s *session) onVM(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	if s.vm == nil {
		s.vm = s.engine.vm.Begin()
	}
	res, err := s.vm.Run(call, sys)
	s.retdata = span{} // it may be set by a native call inside this one
	return res, err
}

// endVM ends the VM's session, if there is one.
func (s *session) endVM() {
	if s.vm != nil {
		s.vm.End()
		s.vm = nil
	}
}

// Run implements cairo.Session. A call whose class is not compiled runs on the VM.
func (s *session) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	e, c, calldata := s.engine, call.Class, s.calldata
	s.calldata, s.retdata = span{}, span{}
	if s.fellBack {
		return s.onVM(call, sys)
	}
	if call.Steps != nil {
		e.count(ReasonSteps)
		return s.onVM(call, sys)
	}
	if !runnable(c) {
		e.count(ReasonClass)
		return s.onVM(call, sys)
	}
	cl := e.class(c)
	defer e.leave(cl)
	if e.opts.Background && !cl.isReady() {
		e.count(ReasonPending)
		return s.onVM(call, sys)
	}
	<-cl.ready
	if cl.err != nil {
		e.count(ReasonClass)
		return s.onVM(call, sys)
	}
	if cl.fallbacks.Load() >= maxFallbacks {
		e.count(ReasonOften)
		return s.onVM(call, sys)
	}
	id, ok := cl.entryPoint(&call)
	if !ok {
		return cairo.Result{}, cairo.RunErrorf("entry point %v not found in contract", call.Selector)
	}
	if call.Gas < constants.EntryPointGas {
		return cairo.Result{Failed: true, Retdata: []felt.Felt{errOutOfGas}, GasLeft: call.Gas}, nil
	}
	if s.arena == nil {
		var err error
		if s.arena, err = e.take(s); err != nil {
			return cairo.Result{}, s.fell(&call, &cairo.FallbackError{Reason: ReasonInternal, Detail: err.Error()})
		}
	}
	// A VM session takes a run that begins during one of its syscalls to be the call that the syscall makes. VM calls from inside this
	// native call are not, so they get a session of their own, and the current one is put aside until this call ends.
	vm := s.vm
	s.vm = nil
	res, retdata, err := s.arena.call(cl, id, &call, calldata, sys)
	s.endVM()
	s.vm = vm
	if s.arena.depth == 0 && !s.arena.settle() {
		s.arena.close()
		s.arena = nil
	}
	if f, ok := errors.AsType[*cairo.FallbackError](err); ok {
		return res, s.fell(&call, f)
	}
	if err != nil {
		return res, err
	}
	s.retdata = retdata
	e.count("native")
	return res, nil
}

// fell switches the session to the VM.
func (s *session) fell(call *cairo.Call, f *cairo.FallbackError) error {
	s.fellBack = true
	s.engine.count(f.Reason)
	if f.Reason == ReasonInternal && s.engine.opts.Defect != nil {
		s.engine.opts.Defect(call, f.Detail)
	}
	return f
}

// nested runs a syscall that may make a call. The calldata is the span from start to end. nested returns the slots of the array that
// the syscall returns, which is not copied if it is in the arena already.
func (r *run) nested(start, end uint64, call func(calldata []felt.Felt) ([]felt.Felt, error)) ([]uint64, error) {
	s := r.arena.session
	s.calldata, s.retdata = span{start, end}, span{}
	list, err := call(r.view(start, end))
	ret := s.retdata
	s.calldata, s.retdata = span{}, span{}
	if err == nil && ret.holds(list) {
		return []uint64{ret.start, ret.end, ret.end}, nil
	}
	return r.arrayOf(list, err)
}
