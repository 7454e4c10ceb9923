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

// covered says which calls are in the output: constructors, __execute__ and the fee transfer (bits 0, 1 and 2); signature
// checks would be bit 3.
const covered = 0b0111

// Offsets in the output of what contracts see of the block, and of what those see that run before an account is validated.
const (
	blockInfo         = 2
	validateBlockInfo = 5
)

// runState is where a run of the program has got to. The program appends to the output, so that a hint that chooses
// words writes them at the end of what is there.
type runState struct {
	out  int32 // output segment
	core *vm.HintState
	code []codeRange // of the classes published so far

	transactions int          // begun
	txInfo       machine.Addr // of the last one begun
	roots        int          // calls from the protocol begun in it
	blockInfo    uint64       // offset of what the last of them sees of the block

	entering *frame   // prepared, not entered yet
	frames   []*frame // entered; those below the last one wait for it to publish its syscalls
}

// codeRange is a class's code in the output.
type codeRange struct{ start, size uint64 }

// frame is a call that is being run, or whose syscalls are being published.
type frame struct {
	execution *cairo.CallTrace
	info      machine.Addr // its ExecutionInfo
	answered  int          // syscalls
	published int          // syscalls whose inner calls have been looked at
}

// hints returns the hints of os.cairo.
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
	m.Memory.MarkAccessed(at, len(words)) // public words are no holes in memory
	return nil
}

func feltValues(words []felt.Felt) []machine.Value {
	values := make([]machine.Value, len(words))
	for i, w := range words {
		values[i] = machine.FeltValue(w)
	}
	return values
}

func (j *job) header(m *machine.Machine) error {
	output := m.Builtin(machine.BuiltinOutput)
	if output == nil {
		return fmt.Errorf("the machine has no output")
	}
	j.run.out = output.Base.Segment
	j.run.core = &vm.HintState{Syscall: j.syscall, TemporaryDicts: true}
	m.Data = j.run.core
	b := j.block
	words := []machine.Value{
		machine.FeltValue(version), machine.FeltValue(b.ChainID),
		machine.UintValue(b.Number), machine.UintValue(b.Timestamp), machine.FeltValue(b.Sequencer),
		machine.UintValue(b.Number - b.Number%constants.RoundBlock), machine.UintValue(b.Timestamp - b.Timestamp%constants.RoundTime), machine.UintValue(0),
		machine.UintValue(covered), machine.UintValue(uint64(len(j.classes))), machine.UintValue(uint64(len(j.transactions))),
	}
	for i := range j.transactions {
		words = append(words, machine.FeltValue(j.transactions[i].info.Hash))
	}
	return j.append(m, words...)
}

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

func (j *job) transaction(m *machine.Machine) error {
	planned := &j.transactions[j.run.transactions]
	j.run.transactions++
	j.run.roots = 0
	j.run.txInfo = j.end(m).Add(2)
	info := infoWords(planned.info, j.run.txInfo)
	words := append([]machine.Value{machine.UintValue(uint64(1 + len(info))), machine.UintValue(planned.outcome)}, info...)
	return j.append(m, append(words, machine.UintValue(uint64(len(planned.calls))))...)
}

// infoWords returns the TxInfo of get_execution_info version 3 (the earlier versions are beginnings of it) as it lies at an
// address, and after it the arrays that it points to.
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

// prepare writes a call at the end of the output: for one from the protocol with its calldata, for an inner one without,
// since the program copies that from where the syscall names it.
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

// arena makes the segment arena of a call, whose address is the function's first local.
func arena(m *machine.Machine) error {
	at := m.Memory.AddSegment()
	if err := m.Memory.Insert(at, machine.AddrValue(m.Memory.AddSegment())); err != nil {
		return err
	}
	return m.Memory.Insert(m.FPAddr(), machine.AddrValue(at))
}

// adjoin puts the second of the dictionaries that the function's first argument points to right after the first.
func adjoin(m *machine.Machine) error {
	const end, next = 1, 3 // in the list of dictionaries, three words each
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

// top returns the call whose code is running, or whose syscalls are being published.
func (j *job) top() (*frame, error) {
	if len(j.run.frames) == 0 {
		return nil, fmt.Errorf("no call is running")
	}
	return j.run.frames[len(j.run.frames)-1], nil
}

// inner writes whether the next of the call's syscalls that can call did, and the call.
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

func (j *job) leave(*machine.Machine) error {
	f, err := j.top()
	if err != nil {
		return err
	}
	if want := len(f.execution.Syscalls); f.answered != want {
		return fmt.Errorf("the call of %v made %d syscalls, %d were recorded", f.execution.Call.Contract, f.answered, want)
	}
	j.run.frames = j.run.frames[:len(j.run.frames)-1]
	return nil
}
