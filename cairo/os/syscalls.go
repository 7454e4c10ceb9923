package os

import (
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/starknet/constants"
)

// answer says how to answer a syscall from its trace.
type answer struct {
	request int  // words of the request
	calls   bool // whether the syscall can make a call
	// respond returns the response of a syscall that did not fail in the trace. request is the address of the request. The
	// error *cairo.SyscallFailure makes the syscall fail.
	respond func(j *job, m *machine.Machine, f *frame, s *cairo.SyscallTrace, request machine.Addr) ([]machine.Value, error)
}

// answers holds the syscalls that os.cairo knows.
var answers = map[cairo.Selector]answer{
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
	cairo.Keccak:           {request: 2, respond: keccakDigest},
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
	n := f.answered
	if n == len(f.execution.Syscalls) {
		return fmt.Errorf("the call of %v made syscall %v, but its trace has only %d", f.execution.Call.Contract, selector, n)
	}
	s := &f.execution.Syscalls[n]
	if selector != felt.FromShortString(string(s.Selector)) || gas != s.Gas {
		return fmt.Errorf("the call of %v made syscall %d, %v, with %d gas, want %s with %d",
			f.execution.Call.Contract, n, selector, gas, s.Selector, s.Gas)
	}
	f.answered++
	row := answers[s.Selector]
	response, failed, err := j.response(m, f, s, ptr.Add(2), row)
	if err != nil {
		return fmt.Errorf("syscall %d, %s: %w", n, s.Selector, err)
	}
	words := append([]machine.Value{machine.UintValue(s.GasLeft), machine.UintValue(0)}, response...)
	if failed {
		words[1] = machine.UintValue(1)
	}
	_, err = m.Memory.Load(ptr.Add(2+row.request), words...)
	return err
}

// response returns the words of the response after the gas and the failure flag, and the flag.
func (j *job) response(m *machine.Machine, f *frame, s *cairo.SyscallTrace, request machine.Addr, row answer) (words []machine.Value, failed bool, err error) {
	data := s.Response
	if !s.Failed {
		words, err = row.respond(j, m, f, s, request)
		failure, ok := err.(*cairo.SyscallFailure)
		if !ok {
			return words, false, err
		}
		data = failure.Data
	}
	words, err = array(m, data)
	return words, true, err
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

func nothing(*job, *machine.Machine, *frame, *cairo.SyscallTrace, machine.Addr) ([]machine.Value, error) {
	return nil, nil
}

func oneWord(_ *job, _ *machine.Machine, _ *frame, s *cairo.SyscallTrace, _ machine.Addr) ([]machine.Value, error) {
	if len(s.Response) != 1 {
		return nil, fmt.Errorf("response of %d words, want 1", len(s.Response))
	}
	return feltValues(s.Response), nil
}

func retdata(_ *job, m *machine.Machine, _ *frame, s *cairo.SyscallTrace, _ machine.Addr) ([]machine.Value, error) {
	return array(m, s.Response)
}

func deployed(_ *job, m *machine.Machine, _ *frame, s *cairo.SyscallTrace, _ machine.Addr) ([]machine.Value, error) {
	words, err := array(m, s.Response)
	return append([]machine.Value{machine.FeltValue(s.Contract)}, words...), err
}

// executionInfo returns the address of the call's first words in the output, which are its ExecutionInfo.
func executionInfo(_ *job, _ *machine.Machine, f *frame, _ *cairo.SyscallTrace, _ machine.Addr) ([]machine.Value, error) {
	return []machine.Value{machine.AddrValue(f.info)}, nil
}

// keccakDigest hashes the words that the request names. A call trace has no response of this syscall, because engines compute
// it.
func keccakDigest(_ *job, m *machine.Machine, _ *frame, _ *cairo.SyscallTrace, request machine.Addr) ([]machine.Value, error) {
	start, err := m.Memory.Pointer(request)
	if err != nil {
		return nil, err
	}
	end, err := m.Memory.Pointer(request.Add(1))
	if err != nil {
		return nil, err
	}
	if start.Segment != end.Segment || end.Offset < start.Offset || end.Offset-start.Offset > machine.MaxCells {
		return nil, fmt.Errorf("input from %v to %v", start, end)
	}
	words, err := m.Memory.Felts(start, int(end.Offset-start.Offset))
	if err != nil {
		return nil, err
	}
	if len(words)%constants.KeccakBlock != 0 {
		return nil, &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString(constants.InvalidInputLength)}}
	}
	var state [25]uint64
	for i, w := range words {
		state[i%constants.KeccakBlock] ^= w.Uint64()
		if i%constants.KeccakBlock == constants.KeccakBlock-1 {
			keccak.F1600(&state)
		}
	}
	return []machine.Value{
		machine.FeltValue(felt.FromUint128(state[1], state[0])), machine.FeltValue(felt.FromUint128(state[3], state[2])),
	}, nil
}
