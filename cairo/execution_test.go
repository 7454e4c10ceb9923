package cairo

import (
	"errors"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// scripted is an engine whose calls do what script says for their selector.
type scripted map[felt.Felt]func(sys Syscalls) (Result, error)

func (s scripted) Run(call Call, sys Syscalls) (Result, error) { return s[call.Selector](sys) }

// system answers the syscalls that the test makes; calls go back to the engine.
type system struct {
	Syscalls
	engine Engine
}

func (s *system) StorageRead(gas *uint64, _ uint32, key felt.Felt) (felt.Felt, error) {
	*gas -= 10
	return *new(felt.Felt).Add(&key, &key), nil
}

func (s *system) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	*gas -= 100
	result, err := s.engine.Run(Call{Contract: contract, Selector: selector, Calldata: calldata, Gas: *gas}, s)
	if err != nil {
		return nil, err
	}
	*gas = result.GasLeft
	if result.Failed {
		return nil, &SyscallFailure{Data: result.Retdata}
	}
	return result.Retdata, nil
}

func n(v uint64) felt.Felt { return felt.FromUint64(v) }

func TestRecorderKeepsTheTree(t *testing.T) {
	leaf := func(failed bool) func(Syscalls) (Result, error) {
		return func(sys Syscalls) (Result, error) {
			gas := uint64(500)
			v, err := sys.StorageRead(&gas, 0, n(21))
			return Result{Failed: failed, Retdata: []felt.Felt{v}, GasLeft: gas}, err
		}
	}
	scripts := scripted{n(2): leaf(false), n(3): leaf(true)}
	scripts[n(1)] = func(sys Syscalls) (Result, error) {
		gas := uint64(1000)
		calldata := []felt.Felt{n(7)}
		if _, err := sys.CallContract(&gas, n(9), n(2), calldata); err != nil {
			return Result{}, err
		}
		calldata[0] = n(8) // the recorder keeps what was sent
		_, err := sys.CallContract(&gas, n(9), n(3), calldata)
		if _, ok := errors.AsType[*SyscallFailure](err); !ok {
			return Result{}, err
		}
		return Result{GasLeft: gas}, nil
	}
	broken := RunErrorf("broken")
	scripts[n(4)] = func(Syscalls) (Result, error) { return Result{}, broken }
	recorder := &Recorder{Engine: scripts}
	sys := &system{engine: recorder}

	if _, err := recorder.Run(Call{Selector: n(1)}, sys); err != nil {
		t.Fatal(err)
	}
	if _, err := recorder.Run(Call{Selector: n(4)}, sys); err != broken {
		t.Fatalf("got %v, want %v", err, broken)
	}
	calls := recorder.Take()
	if len(calls) != 2 || len(recorder.Take()) != 0 {
		t.Fatalf("got %d calls, want 2, and none after", len(calls))
	}
	if calls[1].Err != broken {
		t.Errorf("the second call's error is %v, want %v", calls[1].Err, broken)
	}
	root := calls[0]
	if len(root.Syscalls) != 2 {
		t.Fatalf("got %d syscalls, want 2", len(root.Syscalls))
	}
	for i, want := range []struct {
		selector, calldata uint64
		gas, left          uint64
		failed             bool
	}{{2, 7, 1000, 490, false}, {3, 8, 490, 490, true}} {
		got := root.Syscalls[i]
		if got.Selector != CallContract || got.Gas != want.gas || got.GasLeft != want.left || got.Failed != want.failed {
			t.Errorf("syscall %d: %+v, want %+v", i, got, want)
		}
		if len(got.Response) != 1 || got.Response[0] != n(42) {
			t.Errorf("syscall %d: response %v, want [42]", i, got.Response)
		}
		inner := got.Inner
		if inner == nil || inner.Call.Selector != n(want.selector) || inner.Call.Calldata[0] != n(want.calldata) {
			t.Fatalf("syscall %d: inner call %+v, want %+v", i, inner, want)
		}
		if len(inner.Syscalls) != 1 || inner.Syscalls[0].Gas != 500 || inner.Syscalls[0].GasLeft != 490 || inner.Syscalls[0].Inner != nil {
			t.Errorf("syscall %d: the inner call's syscalls are %+v", i, inner.Syscalls)
		}
	}
}
