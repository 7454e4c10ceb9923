package os

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// runState is the state of a run of the program. The program only appends to the output, so a hint that chooses words writes
// them at the end of the output.
type runState struct {
	out  int32 // number of the output segment
	core *vm.HintState
	code []codeRange // code of the classes published so far

	blocks       int          // number of blocks begun
	begun        int          // number of transactions begun
	exact        machine.Addr // BlockInfo of the current block
	rounded      machine.Addr // the rounded BlockInfo of validation
	transactions []*plan      // of the current block, not begun yet
	current      *plan        // the current transaction
	txInfo       machine.Addr // its TxInfo
	calldata     machine.Addr // its calldata, in version 2
	roots        int          // number of its calls from the protocol that are begun
	blockInfo    machine.Addr // BlockInfo for the current call from the protocol
	checked      uint64       // number of cells of range_check96 that are known
	ecOps        machine.Addr // start of the segment of instances of ec_op; segment 0 if there is none yet

	entering *frame   // a call that is prepared but not entered yet, or nil
	frames   []*frame // the calls that are entered, outermost first; only the last one runs or publishes syscalls
}

// codeRange is the offset and size of a class's code in the output.
type codeRange struct{ start, size uint64 }

// frame is a call whose code runs or whose syscalls the program publishes.
type frame struct {
	execution *cairo.CallTrace
	info      machine.Addr // its ExecutionInfo
	txInfo    machine.Addr // the TxInfo that it sees
	answered  []answered   // the syscalls that are answered
	published int          // number of syscalls that inner has handled
	metaInfo  machine.Addr // the TxInfo for the inner call of the next MetaTxV0
	computed  *computed    // carries out the syscalls that only compute; nil until there is one
	// returns is the temporary array with the data that the call returns, as its caller sees it; segment 0 if there is none. The
	// hint os.leave maps it to the array of the call.
	returns machine.Addr
}

// answered is a syscall that is answered.
type answered struct {
	request machine.Addr
	retdata machine.Addr // a temporary array with the data that its inner call will return; segment 0 if there is none
}

// hints returns the hints of os.cairo, by their code.
func (j *job) hints() map[string]cairo0.ProgramHint {
	hints := make(map[string]cairo0.ProgramHint)
	for code, f := range map[string]func(*machine.Machine) error{
		"os.header":      j.header,
		"os.class":       j.class,
		"os.block":       j.block,
		"os.transaction": j.transaction,
		"os.call":        j.root,
		"os.arena":       arena,
		"os.enter":       j.enter,
		"os.adjoin":      adjoin,
		"os.inner":       j.inner,
		"os.meta":        j.meta,
	} {
		hints[code] = func(m *machine.Machine, _ *cairo0.IDs) error { return f(m) }
	}
	hints["os.ec_op"], hints["os.leave"] = j.ecOp, j.leave
	return hints
}

// end returns the end of the output.
func (j *job) end(m *machine.Machine) machine.Addr {
	return machine.Addr{Segment: j.run.out, Offset: m.Memory.SegmentSize(j.run.out)}
}

// append writes words at the end of the output.
func (j *job) append(m *machine.Machine, words ...machine.Value) error {
	at := j.end(m)
	if _, err := m.Memory.Load(at, words...); err != nil {
		return err
	}
	m.Memory.MarkAccessed(at, len(words)) // public words are not memory holes
	return nil
}

// feltValues returns words as values of memory cells.
func feltValues(words []felt.Felt) []machine.Value {
	values := make([]machine.Value, len(words))
	for i, w := range words {
		values[i] = machine.FeltValue(w)
	}
	return values
}

// header writes the header.
func (j *job) header(m *machine.Machine) error {
	output := m.Builtin(machine.BuiltinOutput)
	if output == nil {
		return fmt.Errorf("the machine has no output builtin")
	}
	j.run.out = output.Base.Segment
	j.run.core = &vm.HintState{Syscall: j.syscall, TemporaryDicts: true}
	m.Data = j.run.core
	if j.version.number == 1 {
		j.run.exact, j.run.rounded = j.at(blockInfoV1), j.at(validateBlockInfoV1)
		j.run.transactions = j.sections[0].transactions
	}
	return j.append(m, j.headerWords()...)
}

// at returns the address of a word of the output.
func (j *job) at(offset uint64) machine.Addr { return machine.Addr{Segment: j.run.out, Offset: offset} }

// block writes the header of the next block and the hashes of its transactions.
func (j *job) block(m *machine.Machine) error {
	s := &j.sections[j.run.blocks]
	j.run.blocks++
	j.run.exact = j.end(m)
	j.run.rounded = j.run.exact.Add(3)
	j.run.transactions = s.transactions
	return j.append(m, append(blockWords(s.block), hashes(s)...)...)
}

// class writes the next class, and attaches the class's hints to its code.
func (j *job) class(m *machine.Machine) error {
	class := j.classes[len(j.run.code)]
	code := class.Casm.Bytecode
	if err := j.append(m, machine.FeltValue(class.Hash), machine.UintValue(uint64(len(code)))); err != nil {
		return err
	}
	start := j.end(m)
	if err := j.append(m, feltValues(code)...); err != nil {
		return err
	}
	j.run.code = append(j.run.code, codeRange{start.Offset, uint64(len(code))})
	for i := range class.Casm.Hints {
		at := &class.Casm.Hints[i]
		for k := range at.Hints {
			hint, err := vm.CoreHint(&at.Hints[k])
			if err != nil {
				return err
			}
			if err := m.AddHints(start.Add(at.Offset), hint); err != nil {
				return err
			}
		}
	}
	return nil
}

// transaction writes the next transaction up to the number of its calls.
func (j *job) transaction(m *machine.Machine) error {
	if j.version != version1 && j.end(m).Offset > MaxOutput {
		return errLongOutput
	}
	p := j.run.transactions[0]
	j.run.transactions, j.run.current = j.run.transactions[1:], p
	j.run.begun++
	j.run.roots = 0
	j.run.txInfo = j.end(m).Add(2)
	info := infoWords(p.info, j.run.txInfo)
	j.run.calldata = j.run.txInfo.Add(len(info))
	if j.version.shares {
		info = append(info, p.calldata()...)
	}
	words := append([]machine.Value{machine.UintValue(uint64(1 + len(info))), machine.UintValue(p.outcome)}, info...)
	return j.append(m, append(words, machine.UintValue(uint64(len(p.calls))))...)
}

// calldata returns the calldata of the transaction's calls: of the signature check, which ends with that of __execute__ or of the
// constructor, and of the fee transfer.
func (p *plan) calldata() []machine.Value {
	var words []machine.Value
	for _, kind := range []uint64{validateCall, feeTransferCall} {
		for _, call := range p.calls {
			if call.kind == kind {
				words = append(words, feltValues(call.execution.Call.Calldata)...)
			}
		}
	}
	return words
}

// calldataAt returns where the calldata of a call from the protocol is in the calldata of the transaction: it starts at from and
// ends at to.
func (p *plan) calldataAt(call *plannedCall) (from, to int, err error) {
	for _, c := range p.calls {
		if c.kind == validateCall {
			to = len(c.execution.Call.Calldata)
		}
	}
	own := len(call.execution.Call.Calldata)
	if call.kind == feeTransferCall {
		to += own
	}
	if own > to {
		return 0, 0, fmt.Errorf("a call of %v has %d words of calldata, the signature check only %d", call.execution.Call.Contract, own, to)
	}
	return to - own, to, nil
}

// infoWords returns the TxInfo of get_execution_info version 3, of which the earlier versions are prefixes, and after it the
// arrays that it points to. at is the address for the first word.
func infoWords(info *cairo.TxInfo, at machine.Addr) []machine.Value {
	const size = 19
	var words, arrays []machine.Value
	put := func(values ...machine.Value) { words = append(words, values...) }
	span := func(array []machine.Value) {
		start := at.Add(size + len(arrays))
		put(machine.AddrValue(start), machine.AddrValue(start.Add(len(array))))
		arrays = append(arrays, array...)
	}
	var bounds []machine.Value
	for _, b := range info.ResourceBounds {
		bounds = append(bounds, machine.FeltValue(b.Resource), machine.UintValue(b.MaxAmount), machine.FeltValue(b.MaxPricePerUnit))
	}
	put(machine.FeltValue(info.Version), machine.FeltValue(info.Account), machine.FeltValue(info.MaxFee))
	span(feltValues(info.Signature))
	put(machine.FeltValue(info.Hash), machine.FeltValue(info.ChainID), machine.FeltValue(info.Nonce))
	span(bounds)
	put(machine.UintValue(info.Tip))
	span(feltValues(info.PaymasterData))
	put(machine.UintValue(uint64(info.NonceDAMode)), machine.UintValue(uint64(info.FeeDAMode)))
	span(feltValues(info.AccountDeploymentData))
	span(feltValues(info.ProofFacts))
	return append(words, arrays...)
}

// root writes the next call from the protocol.
func (j *job) root(m *machine.Machine) error {
	call := &j.run.current.calls[j.run.roots]
	j.run.roots++
	j.run.blockInfo = j.run.exact
	if call.kind == constructorCall || call.kind == validateCall {
		j.run.blockInfo = j.run.rounded
	}
	words := []machine.Value{machine.UintValue(call.kind)}
	if j.version.shares {
		from, to, err := j.run.current.calldataAt(call)
		if err != nil {
			return err
		}
		words = append(words, machine.AddrValue(j.run.calldata.Add(from)), machine.AddrValue(j.run.calldata.Add(to)))
	}
	if err := j.append(m, words...); err != nil {
		return err
	}
	return j.prepare(m, &frame{execution: call.execution, txInfo: j.run.txInfo}, true)
}

// prepare writes a call at the end of the output. In version 1 the calldata follows if calldata is set; for an inner call the
// program copies the calldata from the array that the syscall names.
func (j *job) prepare(m *machine.Machine, f *frame, calldata bool) error {
	call := &f.execution.Call
	entry := entryPoint(call)
	f.info = j.end(m)
	code := j.run.code[j.classIndex(call.Class)]
	words := []machine.Value{
		machine.AddrValue(j.run.blockInfo), machine.AddrValue(f.txInfo),
		machine.FeltValue(call.Caller), machine.FeltValue(call.Contract), machine.FeltValue(call.Selector),
		machine.AddrValue(j.at(code.start + uint64(entry.Offset))),
	}
	gas := machine.UintValue(call.Gas - constants.EntryPointGas)
	if j.version.number == 1 {
		for _, name := range j.version.builtins {
			words = append(words, machine.BoolValue(slices.Contains(entry.Builtins, name)))
		}
		words = append(words, gas, machine.UintValue(uint64(len(call.Calldata))))
		if calldata {
			words = append(words, feltValues(call.Calldata)...)
		}
	} else {
		set := slices.Index(j.sets, setOf(entry))
		words = append(words, machine.AddrValue(j.at(headerSize+uint64(set)*builtinSetSize)), gas)
	}
	j.run.entering = f
	return j.append(m, words...)
}

// ecOp sets the local ec_ops to the array for the instances of ec_op of a call. All calls use one segment.
func (j *job) ecOp(m *machine.Machine, ids *cairo0.IDs) (err error) {
	if j.run.ecOps.Segment == 0 {
		if j.run.ecOps, err = m.AddInstances(machine.BuiltinECOp); err != nil {
			return err
		}
	}
	const cells = 7 // of an instance
	used := (m.Memory.SegmentSize(j.run.ecOps.Segment) + cells - 1) / cells * cells
	return ids.Set(m, "ec_ops", machine.AddrValue(j.run.ecOps.Add(int(used))))
}

// arena makes the segment arena of a call and writes its address to the first local of the running function.
func arena(m *machine.Machine) error {
	at := m.Memory.AddSegment()
	if err := m.Memory.Insert(at, machine.AddrValue(m.Memory.AddSegment())); err != nil {
		return err
	}
	return m.Memory.Insert(m.FPAddr(), machine.AddrValue(at))
}

// adjoin moves the second of two dictionaries, to which the running function's first argument points, to the cell after the
// gap that follows the first.
func adjoin(m *machine.Machine) error {
	const end, next = 1, 3 // offsets in the list of dictionaries, which has three words for each
	infos, err := m.Memory.Pointer(m.FPAddr().Add(-4))
	if err != nil {
		return err
	}
	before, err := m.Memory.Pointer(infos.Add(end))
	if err != nil {
		return err
	}
	start, err := m.Memory.Pointer(infos.Add(next))
	if err != nil {
		return err
	}
	return m.Memory.AddRelocationRule(start, before.Add(1))
}

// enter makes the prepared call the running one, before its first instruction.
func (j *job) enter(m *machine.Machine) error {
	f := j.run.entering
	if f == nil || j.calls == len(j.order) || j.order[j.calls] != f.execution {
		return fmt.Errorf("the program entered a call that was not planned")
	}
	j.calls++
	j.run.entering = nil
	j.run.frames = append(j.run.frames, f)
	j.run.core.NewFrame()
	return nil
}

// top returns the call whose code runs or whose syscalls the program publishes.
func (j *job) top() (*frame, error) {
	if len(j.run.frames) == 0 {
		return nil, fmt.Errorf("no call is running")
	}
	return j.run.frames[len(j.run.frames)-1], nil
}

// next returns the top call, its next syscall that can make a call, and the index of that syscall.
func (j *job) next() (*frame, *cairo.SyscallTrace, int, error) {
	f, err := j.top()
	if err != nil {
		return nil, nil, 0, err
	}
	for i := f.published; i < len(f.answered); i++ {
		if s := &f.execution.Syscalls[i]; j.version.answers[s.Selector].calls {
			return f, s, i, nil
		}
	}
	return nil, nil, 0, fmt.Errorf("the call of %v made fewer calls than the program publishes", f.execution.Call.Contract)
}

// inner finds the call's next syscall that can make a call. It writes 1 and the call, or 0 if the syscall entered no code.
func (j *job) inner(m *machine.Machine) error {
	f, s, i, err := j.next()
	if err != nil {
		return err
	}
	f.published = i + 1
	if !entered(s) {
		return j.append(m, machine.UintValue(0))
	}
	if err := j.append(m, machine.UintValue(1)); err != nil {
		return err
	}
	callee := &frame{execution: s.Inner, txInfo: f.txInfo, returns: f.answered[i].retdata}
	if s.Selector == cairo.MetaTxV0 {
		callee.txInfo = f.metaInfo
	}
	return j.prepare(m, callee, false)
}

// meta writes the TxInfo for the inner call of a MetaTxV0: the number of words and the words, or 0 if the syscall entered no code.
func (j *job) meta(m *machine.Machine) error {
	f, s, i, err := j.next()
	if err != nil {
		return err
	}
	if !entered(s) {
		return j.append(m, machine.UintValue(0))
	}
	const signature = 4 // the index of the signature's addresses in the request
	_, words, err := arrayAt(m, f.answered[i].request.Add(signature))
	if err != nil {
		return err
	}
	call := &s.Inner.Call
	chain := j.sections[0].block.ChainID
	legacy := starknet.LegacyTransaction{Address: call.Contract, Selector: call.Selector, Calldata: call.Calldata}
	f.metaInfo = j.end(m).Add(1)
	info := infoWords(&cairo.TxInfo{Account: call.Contract, Signature: words, Hash: legacy.HashInvokeV0(chain), ChainID: chain}, f.metaInfo)
	return j.append(m, append([]machine.Value{machine.UintValue(uint64(len(info)))}, info...)...)
}

// arrayAt reads the array whose two addresses are at a cell.
func arrayAt(m *machine.Machine, at machine.Addr) (start machine.Addr, words []felt.Felt, err error) {
	if start, err = m.Memory.Pointer(at); err != nil {
		return start, nil, err
	}
	end, err := m.Memory.Pointer(at.Add(1))
	if err != nil {
		return start, nil, err
	}
	if start.Segment != end.Segment || end.Offset < start.Offset || end.Offset-start.Offset > machine.MaxCells {
		return start, nil, fmt.Errorf("array from %v to %v", start, end)
	}
	words, err = m.Memory.Felts(start, int(end.Offset-start.Offset))
	return start, words, err
}

// leave ends the last call, after its syscalls are published.
func (j *job) leave(m *machine.Machine, ids *cairo0.IDs) error {
	f, err := j.top()
	if err != nil {
		return err
	}
	if got, want := len(f.answered), len(f.execution.Syscalls); got != want {
		return fmt.Errorf("the call of %v made %d syscalls, want %d", f.execution.Call.Contract, got, want)
	}
	j.run.frames = j.run.frames[:len(j.run.frames)-1]
	if j.version.number > 1 {
		if err := j.fillRangeChecks(m, ids); err != nil {
			return err
		}
	}
	if f.returns.Segment == 0 {
		return nil
	}
	returned, err := ids.Pointer(m, "returned")
	if err != nil {
		return err
	}
	const start = 3 // the index of retdata_start in the values that an entry point returns
	to, err := m.Memory.Pointer(returned.Add(start))
	if err != nil {
		return err
	}
	return m.Memory.AddRelocationRule(f.returns, to)
}

// fillRangeChecks writes 0 to the cells of range_check96 that the last call has skipped. Compiled circuits skip those of gates whose
// value is not computed.
func (j *job) fillRangeChecks(m *machine.Machine, ids *cairo0.IDs) error {
	b := m.Builtin(machine.BuiltinRangeCheck96)
	after, err := ids.Addr(m, "after")
	if err != nil {
		return err
	}
	const rangeCheck96 = 4 // the index in Builtins
	end, err := m.Memory.Pointer(after.Add(rangeCheck96))
	if err != nil {
		return err
	}
	if b == nil || end.Segment != b.Base.Segment || end.Offset > m.Memory.Limit {
		return fmt.Errorf("range_check96 ends at %v", end)
	}
	for ; j.run.checked < end.Offset; j.run.checked++ {
		at := machine.Addr{Segment: end.Segment, Offset: j.run.checked}
		if _, known := m.Memory.Get(at); known {
			continue
		}
		if err := m.Memory.Insert(at, machine.UintValue(0)); err != nil {
			return err
		}
		m.Memory.MarkAccessed(at, 1)
	}
	return nil
}
