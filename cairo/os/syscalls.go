package os

import (
	"fmt"
	"maps"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
)

// answer says how to answer a syscall from its trace.
type answer struct {
	request int  // words of the request
	calls   bool // whether the syscall can make a call
	// respond returns the response of a syscall that did not fail in the trace. It is nil for a syscall that only computes.
	respond func(j *job, m *machine.Machine, f *frame, s *cairo.SyscallTrace) ([]machine.Value, error)
}

// answersV1 holds the syscalls that version 1 of the program knows.
var answersV1 = map[cairo.Selector]answer{
	cairo.StorageRead:      {request: 2, respond: oneWord},
	cairo.StorageWrite:     {request: 3, respond: nothing},
	cairo.EmitEvent:        {request: 4, respond: nothing},
	cairo.CallContract:     {request: 4, respond: retdata, calls: true},
	cairo.LibraryCall:      {request: 4, respond: retdata, calls: true},
	cairo.Deploy:           {request: 5, respond: deployed, calls: true},
	cairo.GetExecutionInfo: {request: 0, respond: executionInfo},
	cairo.GetClassHashAt:   {request: 1, respond: oneWord},
	cairo.GetBlockHash:     {request: 1, respond: oneWord},
	cairo.ReplaceClass:     {request: 1, respond: nothing},
	cairo.SendMessageToL1:  {request: 3, respond: nothing},
	cairo.Keccak:           {},
}

// answersV2 holds the syscalls that version 2 of the program knows: all.
var answersV2 = func() map[cairo.Selector]answer {
	all := maps.Clone(answersV1)
	all[cairo.MetaTxV0] = answer{request: 6, respond: retdata, calls: true}
	for _, selector := range []cairo.Selector{
		cairo.Sha256ProcessBlock, cairo.Sha512ProcessBlock,
		cairo.Secp256k1New, cairo.Secp256k1Add, cairo.Secp256k1Mul, cairo.Secp256k1GetPointFromX, cairo.Secp256k1GetXy,
		cairo.Secp256r1New, cairo.Secp256r1Add, cairo.Secp256r1Mul, cairo.Secp256r1GetPointFromX, cairo.Secp256r1GetXy,
	} {
		all[selector] = answer{}
	}
	return all
}()

// computed carries out the syscalls of a call that only compute, with the charges of their traces.
type computed struct {
	cairo.Syscalls
	trace  *cairo.SyscallTrace // of the syscall in progress
	handle func(m *machine.Machine, ptr machine.Addr) error
}

// Meter implements cairo.Syscalls.
func (c *computed) Meter(gas *uint64, _ cairo.Selector, _ uint64) error {
	*gas = c.trace.GasLeft
	if c.trace.Failed {
		return &cairo.SyscallFailure{Data: c.trace.Response}
	}
	return nil
}

// syscall answers the syscall at ptr as in the call trace, and checks that it is the same syscall.
func (j *job) syscall(m *machine.Machine, ptr machine.Addr) error {
	f, err := j.top()
	if err != nil {
		return err
	}
	selector, err := m.Memory.Felt(ptr)
	if err != nil {
		return err
	}
	gas, err := m.Memory.Uint64(ptr.Add(1))
	if err != nil {
		return err
	}
	n := len(f.answered)
	if n == len(f.execution.Syscalls) {
		return fmt.Errorf("the call of %v made syscall %v, but its trace has only %d", f.execution.Call.Contract, selector, n)
	}
	s := &f.execution.Syscalls[n]
	if selector != felt.FromShortString(string(s.Selector)) || gas != s.Gas {
		return fmt.Errorf("the call of %v made syscall %d, %v, with %d gas, want %s with %d",
			f.execution.Call.Contract, n, selector, gas, s.Selector, s.Gas)
	}
	f.answered = append(f.answered, answered{request: ptr.Add(2)})
	row := j.version.answers[s.Selector]
	if row.respond == nil {
		if f.computed == nil {
			f.computed = new(computed)
			f.computed.handle = vm.NewSyscallHandler(f.computed)
		}
		f.computed.trace = s
		return f.computed.handle(m, ptr)
	}
	var response []machine.Value
	if s.Failed {
		response, err = array(m, s.Response)
	} else {
		response, err = row.respond(j, m, f, s)
	}
	if err != nil {
		return fmt.Errorf("syscall %d, %s: %w", n, s.Selector, err)
	}
	words := append([]machine.Value{machine.UintValue(s.GasLeft), machine.BoolValue(s.Failed)}, response...)
	_, err = m.Memory.Load(ptr.Add(2+row.request), words...)
	return err
}

// array writes words to a new segment and returns its start and end. Each array gets its own segment, because a class may
// append to panic data. The program copies every array to the output.
func array(m *machine.Machine, words []felt.Felt) ([]machine.Value, error) {
	start := m.Memory.AddSegment()
	end, err := m.Memory.LoadFelts(start, words...)
	if err != nil {
		return nil, err
	}
	return []machine.Value{machine.AddrValue(start), machine.AddrValue(end)}, nil
}

func nothing(*job, *machine.Machine, *frame, *cairo.SyscallTrace) ([]machine.Value, error) {
	return nil, nil
}

func oneWord(_ *job, _ *machine.Machine, _ *frame, s *cairo.SyscallTrace) ([]machine.Value, error) {
	if len(s.Response) != 1 {
		return nil, fmt.Errorf("response of %d words, want 1", len(s.Response))
	}
	return feltValues(s.Response), nil
}

// retdata returns the array that an inner call returned. The call runs later, so in version 2 the array is temporary until then.
func retdata(j *job, m *machine.Machine, f *frame, s *cairo.SyscallTrace) ([]machine.Value, error) {
	if !j.version.shares || !entered(s) {
		return array(m, s.Response)
	}
	start := m.Memory.AddTemporarySegment()
	f.answered[len(f.answered)-1].retdata = start
	end, err := m.Memory.LoadFelts(start, s.Response...)
	if err != nil {
		return nil, err
	}
	return []machine.Value{machine.AddrValue(start), machine.AddrValue(end)}, nil
}

func deployed(j *job, m *machine.Machine, f *frame, s *cairo.SyscallTrace) ([]machine.Value, error) {
	words, err := retdata(j, m, f, s)
	return append([]machine.Value{machine.FeltValue(s.Contract)}, words...), err
}

// executionInfo returns the address of the call's first words in the output, which are its ExecutionInfo.
func executionInfo(_ *job, _ *machine.Machine, f *frame, _ *cairo.SyscallTrace) ([]machine.Value, error) {
	return []machine.Value{machine.AddrValue(f.info)}, nil
}
