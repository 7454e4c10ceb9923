package os

import (
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// version is the first word of the output.
var version = felt.FromShortString("STARKD_OS_1")

// coverage says which calls are in the output: constructors (bit 0), __execute__ (bit 1) and the fee transfer (bit 2). Bit 3
// is for signature checks, which are not in the output.
const coverage = 0b0111

// Offsets in the output of the BlockInfo that contracts see, and of the rounded BlockInfo that constructors of accounts see.
const (
	blockInfo         = 2
	validateBlockInfo = 5
)

// runState is the state of a run of the program. The program only appends to the output, so a hint that chooses words writes
// them at the end of the output.
type runState struct {
	out  int32 // number of the output segment
	core *vm.HintState
	code []codeRange // code of the classes published so far

	transactions int          // number of transactions begun
	txInfo       machine.Addr // TxInfo of the current transaction
	roots        int          // number of its calls from the protocol that are begun
	blockInfo    uint64       // offset of the BlockInfo for the current call from the protocol

	entering *frame   // a call that is prepared but not entered yet, or nil
	frames   []*frame // the calls that are entered, outermost first; only the last one runs or publishes syscalls
}

// codeRange is the offset and size of a class's code in the output.
type codeRange struct{ start, size uint64 }

// frame is a call whose code runs or whose syscalls the program publishes.
type frame struct {
	execution *cairo.CallTrace
	info      machine.Addr // its ExecutionInfo
	answered  int          // number of syscalls that are answered
	published int          // number of syscalls that inner has handled
}

// hints returns the hints of os.cairo, by their code.
func (j *job) hints() map[string]cairo0.ProgramHint {
	hints := make(map[string]cairo0.ProgramHint)
	for code, f := range map[string]func(*machine.Machine) error{
		"os.header":      j.header,
		"os.class":       j.class,
		"os.transaction": j.transaction,
		"os.call":        j.root,
		"os.arena":       arena,
		"os.enter":       j.enter,
		"os.adjoin":      adjoin,
		"os.inner":       j.inner,
		"os.leave":       j.leave,
	} {
		hints[code] = func(m *machine.Machine, _ *cairo0.IDs) error { return f(m) }
	}
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

// header writes the header and the hashes of the transactions.
func (j *job) header(m *machine.Machine) error {
	output := m.Builtin(machine.BuiltinOutput)
	if output == nil {
		return fmt.Errorf("the machine has no output builtin")
	}
	j.run.out = output.Base.Segment
	j.run.core = &vm.HintState{Syscall: j.syscall, TemporaryDicts: true}
	m.Data = j.run.core
	b := j.block
	words := []machine.Value{
		machine.FeltValue(version), machine.FeltValue(b.ChainID),
		machine.UintValue(b.Number), machine.UintValue(b.Timestamp), machine.FeltValue(b.Sequencer),
		machine.UintValue(b.Number - b.Number%constants.RoundBlock), machine.UintValue(b.Timestamp - b.Timestamp%constants.RoundTime), machine.UintValue(0),
		machine.UintValue(coverage), machine.UintValue(uint64(len(j.classes))), machine.UintValue(uint64(len(j.transactions))),
	}
	for i := range j.transactions {
		words = append(words, machine.FeltValue(j.transactions[i].info.Hash))
	}
	return j.append(m, words...)
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
	planned := &j.transactions[j.run.transactions]
	j.run.transactions++
	j.run.roots = 0
	j.run.txInfo = j.end(m).Add(2)
	info := infoWords(planned.info, j.run.txInfo)
	words := append([]machine.Value{machine.UintValue(uint64(1 + len(info))), machine.UintValue(planned.outcome)}, info...)
	return j.append(m, append(words, machine.UintValue(uint64(len(planned.calls))))...)
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
	call := j.transactions[j.run.transactions-1].calls[j.run.roots]
	j.run.roots++
	j.run.blockInfo = blockInfo
	if call.kind == constructorCall {
		j.run.blockInfo = validateBlockInfo
	}
	if err := j.append(m, machine.UintValue(call.kind)); err != nil {
		return err
	}
	return j.prepare(m, call.execution, true)
}

// prepare writes a call at the end of the output, with its calldata if calldata is set. For an inner call the program copies
// the calldata from the array that the syscall names.
func (j *job) prepare(m *machine.Machine, e *cairo.CallTrace, calldata bool) error {
	call := &e.Call
	entry := entryPoint(call)
	at := j.end(m)
	words := []machine.Value{
		machine.AddrValue(machine.Addr{Segment: j.run.out, Offset: j.run.blockInfo}), machine.AddrValue(j.run.txInfo),
		machine.FeltValue(call.Caller), machine.FeltValue(call.Contract), machine.FeltValue(call.Selector),
	}
	code := j.run.code[j.classIndex(call.Class)]
	words = append(words, machine.AddrValue(machine.Addr{Segment: j.run.out, Offset: code.start + uint64(entry.Offset)}))
	next := 0
	for _, name := range builtins {
		used := uint64(0)
		if next < len(entry.Builtins) && entry.Builtins[next] == name {
			used = 1
			next++
		}
		words = append(words, machine.UintValue(used))
	}
	words = append(words, machine.UintValue(call.Gas-constants.EntryPointGas), machine.UintValue(uint64(len(call.Calldata))))
	if calldata {
		words = append(words, feltValues(call.Calldata)...)
	}
	j.run.entering = &frame{execution: e, info: at}
	return j.append(m, words...)
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

// inner finds the call's next syscall that can make a call. It writes 1 and the call, or 0 if the syscall entered no code.
func (j *job) inner(m *machine.Machine) error {
	f, err := j.top()
	if err != nil {
		return err
	}
	for ; f.published < f.answered; f.published++ {
		s := &f.execution.Syscalls[f.published]
		if !answers[s.Selector].calls {
			continue
		}
		f.published++
		if !entered(s) {
			return j.append(m, machine.UintValue(0))
		}
		if err := j.append(m, machine.UintValue(1)); err != nil {
			return err
		}
		return j.prepare(m, s.Inner, false)
	}
	return fmt.Errorf("the call of %v made fewer calls than the program publishes", f.execution.Call.Contract)
}

// leave ends the last call, after its syscalls are published.
func (j *job) leave(*machine.Machine) error {
	f, err := j.top()
	if err != nil {
		return err
	}
	if want := len(f.execution.Syscalls); f.answered != want {
		return fmt.Errorf("the call of %v made %d syscalls, want %d", f.execution.Call.Contract, f.answered, want)
	}
	j.run.frames = j.run.frames[:len(j.run.frames)-1]
	return nil
}
