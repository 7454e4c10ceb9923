package cairo

import (
	"errors"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// Execution is the record of a call: what it asked of the system and was answered, in order, and how it ended. The calls
// that it made are inside the syscalls that made them, so a transaction is a few trees.
type Execution struct {
	Call     Call
	Syscalls []SyscallRecord
	Result   Result
	// Err says why the call has no result: the program broke a rule of the machine, or a syscall ended the run. Such a run
	// cannot be repeated to its end, and so not be proved.
	Err error
	// Dropped, if not 0, says that the record was dropped once the arrays of this call from the protocol had that many words, which is
	// more than Recorder.MaxWords. It has no Syscalls then, and its result no data.
	Dropped uint64
}

// SyscallRecord is a syscall's answer, with what it takes to recognise the question when the call is run again.
type SyscallRecord struct {
	Selector Selector
	Gas      uint64 // as the contract sent it
	GasLeft  uint64
	Failed   bool
	// Response is what the contract received: the panic data when Failed, else the value read, the returned data, the
	// hash; empty for a syscall without a response and for one that the engine computes (see Syscalls.Meter).
	Response []felt.Felt
	Contract felt.Felt      // of Deploy: the new contract
	Info     *ExecutionInfo // of GetExecutionInfo
	Inner    *Execution     // the call that the syscall made; nil when it made none
}

// Recorder is an engine that records what another engine runs. It keeps the trees of calls that did not come from within
// another recorded call until Take. Of MetaTxV0, which no proof covers, it keeps neither the call nor the answer. A
// Recorder belongs to one goroutine.
type Recorder struct {
	Engine Engine
	// MaxWords bounds, for each outermost call, the words of calldata of the calls inside it, and of what all of them return and
	// syscalls answer by array; 0 is no bound. A contract can hand the same array on from call to call without paying for its words.
	MaxWords uint64

	roots []*Execution
	open  []*recording // calls that are running, outermost first
	words uint64       // of the outermost call that is running
	off   int          // not 0 while nothing is recorded
}

// Run runs the call on the recorder's engine.
func (r *Recorder) Run(call Call, sys Syscalls) (Result, error) {
	outermost := len(r.open) == 0
	if !outermost && (r.off > 0 || !r.take(len(call.Calldata))) {
		return r.Engine.Run(call, sys)
	}
	execution := &Execution{Call: call}
	execution.Call.Calldata, execution.Call.Shared = slices.Clone(call.Calldata), nil
	execution.Call.Stop = nil
	if outermost {
		r.roots = append(r.roots, execution)
		r.words, r.off = 0, 0
	} else {
		r.open[len(r.open)-1].inner = execution
	}
	frame := &recording{recorder: r, sys: sys, execution: execution}
	r.open = append(r.open, frame)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	result, err := r.Engine.Run(call, frame)
	execution.Result, execution.Err = result, err
	execution.Result.Retdata = nil
	if r.take(len(result.Retdata)) {
		execution.Result.Retdata = slices.Clone(result.Retdata)
	}
	return result, err
}

// take reports whether n more words may be kept. If not, what is kept of the outermost call is dropped.
func (r *Recorder) take(n int) bool {
	if r.off > 0 {
		return false
	}
	if r.words += uint64(n); r.MaxWords == 0 || r.words <= r.MaxWords {
		return true
	}
	r.off++ // until the outermost call ends
	for _, frame := range r.open {
		frame.execution.Syscalls, frame.inner = nil, nil
	}
	r.open[0].execution.Dropped = r.words
	return false
}

// Take returns the calls recorded since the last Take, in the order in which they began.
func (r *Recorder) Take() []*Execution {
	roots := r.roots
	r.roots = nil
	return roots
}

// recording passes a frame's syscalls on and notes the answers.
type recording struct {
	recorder  *Recorder
	sys       Syscalls
	execution *Execution
	inner     *Execution // begun by the syscall that is being answered
}

// note records the answer to a syscall that had gas when it was asked. It may return a record that is not kept.
func (r *recording) note(selector Selector, gas uint64, left *uint64, err error, response ...felt.Felt) *SyscallRecord {
	record := SyscallRecord{Selector: selector, Gas: gas, GasLeft: *left, Inner: r.inner}
	r.inner = nil
	failure, failed := errors.AsType[*SyscallFailure](err)
	switch {
	case r.recorder.off > 0:
		return &record
	case failed:
		record.Failed = true
		if !r.recorder.take(len(failure.Data)) {
			return &record
		}
		record.Response = slices.Clone(failure.Data)
	case err == nil:
		record.Response = slices.Clone(response)
	}
	r.execution.Syscalls = append(r.execution.Syscalls, record)
	return &r.execution.Syscalls[len(r.execution.Syscalls)-1]
}

// noteCall is note for a syscall that returns an array. The record of a call that ended well has the array already.
func (r *recording) noteCall(selector Selector, gas uint64, left *uint64, err error, retdata []felt.Felt) *SyscallRecord {
	if err != nil || !r.recorder.take(len(retdata)) {
		return r.note(selector, gas, left, err)
	}
	inner := r.inner
	record := r.note(selector, gas, left, nil)
	if inner != nil && len(inner.Result.Retdata) == len(retdata) {
		record.Response = inner.Result.Retdata
	} else {
		record.Response = slices.Clone(retdata)
	}
	return record
}

func (r *recording) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	before := *gas
	value, err := r.sys.StorageRead(gas, domain, key)
	r.note(StorageRead, before, gas, err, value)
	return value, err
}

func (r *recording) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	before := *gas
	err := r.sys.StorageWrite(gas, domain, key, value)
	r.note(StorageWrite, before, gas, err)
	return err
}

func (r *recording) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	before := *gas
	err := r.sys.EmitEvent(gas, keys, data)
	r.note(EmitEvent, before, gas, err)
	return err
}

func (r *recording) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	before := *gas
	retdata, err := r.sys.CallContract(gas, contract, selector, calldata)
	r.noteCall(CallContract, before, gas, err, retdata)
	return retdata, err
}

func (r *recording) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	before := *gas
	retdata, err := r.sys.LibraryCall(gas, class, selector, calldata)
	r.noteCall(LibraryCall, before, gas, err, retdata)
	return retdata, err
}

func (r *recording) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	before := *gas
	contract, retdata, err := r.sys.Deploy(gas, class, salt, calldata, fromZero)
	r.noteCall(Deploy, before, gas, err, retdata).Contract = contract
	return contract, retdata, err
}

func (r *recording) GetExecutionInfo(gas *uint64) (*ExecutionInfo, error) {
	before := *gas
	info, err := r.sys.GetExecutionInfo(gas)
	r.note(GetExecutionInfo, before, gas, err).Info = info
	return info, err
}

func (r *recording) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	before := *gas
	hash, err := r.sys.GetBlockHash(gas, number)
	r.note(GetBlockHash, before, gas, err, hash)
	return hash, err
}

func (r *recording) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	before := *gas
	class, err := r.sys.GetClassHashAt(gas, contract)
	r.note(GetClassHashAt, before, gas, err, class)
	return class, err
}

func (r *recording) ReplaceClass(gas *uint64, class felt.Felt) error {
	before := *gas
	err := r.sys.ReplaceClass(gas, class)
	r.note(ReplaceClass, before, gas, err)
	return err
}

func (r *recording) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	before := *gas
	err := r.sys.SendMessageToL1(gas, to, payload)
	r.note(SendMessageToL1, before, gas, err)
	return err
}

func (r *recording) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	before := *gas
	r.recorder.off++
	retdata, err := r.sys.MetaTxV0(gas, contract, selector, calldata, signature)
	r.recorder.off--
	r.note(MetaTxV0, before, gas, nil)
	return retdata, err
}

func (r *recording) Meter(gas *uint64, selector Selector, units uint64) error {
	before := *gas
	err := r.sys.Meter(gas, selector, units)
	r.note(selector, before, gas, err)
	return err
}
