package cairo

import (
	"errors"
	"runtime"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

// scripted is an engine that runs the function for a call's selector.
type scripted map[felt.Felt]func(sys Syscalls) (Result, error)

func (s scripted) Begin() Session { return s }

func (scripted) End() {}

func (s scripted) Run(call Call, sys Syscalls) (Result, error) { return s[call.Selector](sys) }

// system answers the syscalls that the tests make. It runs nested calls in session.
type system struct {
	Syscalls
	session Session
}

func (s *system) StorageRead(gas *uint64, _ uint32, key felt.Felt) (felt.Felt, error) {
	*gas -= 10
	return *new(felt.Felt).Add(&key, &key), nil
}

func (s *system) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	*gas -= 100
	result, err := s.session.Run(Call{Contract: contract, Selector: selector, Calldata: calldata, Gas: *gas}, s)
	if err != nil {
		return nil, err
	}
	*gas = result.GasLeft
	if result.Failed {
		return nil, &SyscallFailure{Data: result.Retdata}
	}
	return result.Retdata, nil
}

func (s *system) GetExecutionInfo(*uint64) (*ExecutionInfo, error) { return &ExecutionInfo{}, nil }

func (s *system) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, _ []felt.Felt) ([]felt.Felt, error) {
	return s.CallContract(gas, contract, selector, calldata)
}

// n returns v as a field element.
func n(v uint64) felt.Felt { return felt.FromUint64(v) }

// TestTracerKeepsTheTree checks that a Tracer records nested calls, failed ones and runs that end with an error.
func TestTracerKeepsTheTree(t *testing.T) {
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
		calldata[0] = n(8) // must not change the recorded calldata
		_, err := sys.CallContract(&gas, n(9), n(3), calldata)
		if _, ok := errors.AsType[*SyscallFailure](err); !ok {
			return Result{}, err
		}
		return Result{GasLeft: gas}, nil
	}
	broken := RunErrorf("broken")
	scripts[n(4)] = func(Syscalls) (Result, error) { return Result{}, broken }
	tracer := &Tracer{Engine: scripts}
	session := tracer.Begin()
	sys := &system{session: session}

	if _, err := session.Run(Call{Selector: n(1)}, sys); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Run(Call{Selector: n(4)}, sys); err != broken {
		t.Fatalf("got %v, want %v", err, broken)
	}
	calls := tracer.Take()
	if len(calls) != 2 || len(tracer.Take()) != 0 {
		t.Fatalf("got %d calls, want 2 from the first Take and none from the second", len(calls))
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

// TestTracerBoundsArrays checks that a trace with more than MaxWords array words is dropped, also if a contract passes the same array many
// times, and that the calls themselves are not affected.
func TestTracerBoundsArrays(t *testing.T) {
	const words = 1 << 10
	array := make([]felt.Felt, words)
	ran := 0
	scripts := scripted{
		n(2): func(Syscalls) (Result, error) { ran++; return Result{}, nil },               // takes an array
		n(3): func(Syscalls) (Result, error) { ran++; return Result{Retdata: array}, nil }, // returns an array, which counts twice
		n(4): func(Syscalls) (Result, error) { ran++; return Result{Failed: true, Retdata: array}, nil },
	}
	calls := func(selector uint64, calldata []felt.Felt, times int) {
		scripts[n(1)] = func(sys Syscalls) (Result, error) {
			gas := uint64(1) << 40
			for range times {
				_, err := sys.CallContract(&gas, n(9), n(selector), calldata)
				if _, failed := errors.AsType[*SyscallFailure](err); err != nil && !failed {
					return Result{}, err
				}
			}
			return Result{Retdata: []felt.Felt{n(5)}, GasLeft: gas}, nil
		}
	}
	for name, c := range map[string]struct {
		selector uint64
		calldata []felt.Felt
		times    int
		words    uint64
	}{
		"calldata": {2, array, 10, 10*words + 1},
		"returned": {3, nil, 10, 20*words + 1},
		"panicked": {4, nil, 10, 20*words + 1},
		"far":      {2, array, 20_000, 20_000*words + 1}, // 655 MB
	} {
		t.Run(name, func(t *testing.T) {
			for _, bound := range []uint64{c.words, c.words - 1, words + 1} {
				if c.times > 10 && bound > words+1 {
					continue
				}
				tracer := &Tracer{Engine: scripts, MaxWords: bound}
				calls(c.selector, c.calldata, c.times)
				ran = 0
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				result, err := runTraced(tracer)
				runtime.ReadMemStats(&after)
				if err != nil || ran != c.times || len(result.Retdata) != 1 {
					t.Fatalf("%d calls, %+v, %v", ran, result, err)
				}
				root := tracer.Take()[0]
				if dropped := root.Dropped > 0; dropped != (bound < c.words) || dropped != (len(root.Syscalls) == 0) || dropped && root.Dropped <= bound {
					t.Errorf("%d of %d words may be kept: %d syscalls, dropped after %d", bound, c.words, len(root.Syscalls), root.Dropped)
				}
				if allocated := after.TotalAlloc - before.TotalAlloc; c.times > 10 && allocated > 64<<20 {
					t.Errorf("%d bytes are allocated", allocated)
				}
				// The next call is recorded again.
				calls(2, nil, 1)
				if _, err := runTraced(tracer); err != nil {
					t.Fatal(err)
				}
				if root := tracer.Take()[0]; len(root.Syscalls) != 1 || root.Dropped != 0 || root.Syscalls[0].Inner == nil || len(root.Result.Retdata) != 1 {
					t.Errorf("the next call: %+v", root)
				}
			}
		})
	}
}

// TestTracerKeepsMetaTransactions checks that the call of a MetaTxV0 is recorded as that of a CallContract is, and counts towards
// MaxWords.
func TestTracerKeepsMetaTransactions(t *testing.T) {
	array := make([]felt.Felt, 100)
	scripts := scripted{n(2): func(sys Syscalls) (Result, error) {
		gas := uint64(0)
		_, err := sys.GetExecutionInfo(&gas)
		return Result{Retdata: array}, err
	}}
	scripts[n(1)] = func(sys Syscalls) (Result, error) {
		gas := uint64(1000)
		_, err := sys.MetaTxV0(&gas, n(9), n(2), array, array)
		return Result{}, err
	}
	for _, bound := range []uint64{300, 299} { // calldata, returned data, response
		tracer := &Tracer{Engine: scripts, MaxWords: bound}
		if _, err := runTraced(tracer); err != nil {
			t.Fatal(err)
		}
		root := tracer.Take()[0]
		if bound == 299 {
			if root.Dropped == 0 || len(root.Syscalls) != 0 {
				t.Errorf("got %+v, want a dropped trace", root)
			}
			continue
		}
		if len(root.Syscalls) != 1 || root.Syscalls[0].Selector != MetaTxV0 || len(root.Syscalls[0].Response) != 100 || root.Dropped != 0 {
			t.Fatalf("got %+v, want one syscall with its response", root)
		}
		if inner := root.Syscalls[0].Inner; inner == nil || inner.Call.Selector != n(2) || len(inner.Syscalls) != 1 {
			t.Errorf("got the inner call %+v", inner)
		}
	}
}

// runTraced runs the function of selector 1. Its nested calls run in the same session.
func runTraced(tracer *Tracer) (Result, error) {
	session := tracer.Begin()
	defer session.End()
	return session.Run(Call{Selector: n(1)}, &system{session: session})
}

// TestTracerDropsFallbacks checks that an outermost call that falls back leaves no trace.
func TestTracerDropsFallbacks(t *testing.T) {
	runs := 0
	tracer := &Tracer{Engine: scripted{n(1): func(sys Syscalls) (Result, error) {
		gas := uint64(100)
		if _, err := sys.StorageRead(&gas, 0, n(5)); err != nil {
			return Result{}, err
		}
		if runs++; runs == 1 {
			return Result{}, &FallbackError{Reason: "test"}
		}
		return Result{GasLeft: gas}, nil
	}}}
	if _, err := runTraced(tracer); !errors.Is(err, ErrFallback) {
		t.Fatalf("got %v, want %v", err, ErrFallback)
	}
	if _, err := runTraced(tracer); err != nil {
		t.Fatal(err)
	}
	calls := tracer.Take()
	if len(calls) != 1 || calls[0].Err != nil || len(calls[0].Syscalls) != 1 {
		t.Errorf("got %d calls, want only that of the second run", len(calls))
	}
}

// TestTracerDropsSteps checks that a call with Call.Steps, at the top or inside, drops the trace of its outermost call only.
func TestTracerDropsSteps(t *testing.T) {
	var tracer *Tracer
	var session Session
	tracer = &Tracer{Engine: scripted{
		n(1): func(sys Syscalls) (Result, error) {
			gas := uint64(100)
			if _, err := sys.StorageRead(&gas, 0, n(5)); err != nil {
				return Result{}, err
			}
			_, err := session.Run(Call{Selector: n(2), Steps: &StepBudget{Left: 5}}, sys)
			return Result{GasLeft: gas}, err
		},
		n(2): func(sys Syscalls) (Result, error) {
			gas := uint64(100)
			_, err := sys.StorageRead(&gas, 0, n(5))
			return Result{GasLeft: gas}, err
		},
	}}
	session = tracer.Begin()
	defer session.End()
	sys := &system{session: session}
	for _, call := range []Call{{Selector: n(1)}, {Selector: n(2), Steps: &StepBudget{Left: 5}}, {Selector: n(2)}} {
		if _, err := session.Run(call, sys); err != nil {
			t.Fatal(err)
		}
	}
	calls := tracer.Take()
	if len(calls) != 3 {
		t.Fatalf("%d calls, want 3", len(calls))
	}
	for i, want := range []uint64{DroppedSteps, DroppedSteps, 0} {
		if c := calls[i]; c.Dropped != want || len(c.Syscalls) != 0 && want != 0 || len(c.Syscalls) != 1 && want == 0 {
			t.Errorf("call %d: dropped %d with %d syscalls, want %d", i, c.Dropped, len(c.Syscalls), want)
		}
	}
}

// TestBothCompareSteps checks that two engines that use different resources, or a different part of a budget, differ.
func TestBothCompareSteps(t *testing.T) {
	engine := func(steps, left uint64) Engine {
		return budgeted(func(call Call, sys Syscalls) (Result, error) {
			call.Steps.Left -= left
			gas := uint64(100)
			_, err := sys.StorageRead(&gas, 0, n(5))
			call.Steps.Left -= steps
			return Result{Resources: constants.Resources{Steps: steps}}, err
		})
	}
	for name, c := range map[string]struct {
		steps, left uint64
		differ      bool
	}{"equal": {3, 2, false}, "another resource": {4, 2, true}, "steps before a syscall": {3, 3, true}} {
		both := Both(engine(3, 2), engine(c.steps, c.left))
		budget := &StepBudget{Left: 10}
		_, err := Run(both, Call{Class: &Class{}, Steps: budget}, &system{})
		if _, differ := errors.AsType[*DifferenceError](err); differ != c.differ || !differ && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if budget.Left != 5 {
			t.Errorf("%s: %d steps left, want 5: only the first engine takes them", name, budget.Left)
		}
	}
}

// budgeted is an engine of one function.
type budgeted func(call Call, sys Syscalls) (Result, error)

func (f budgeted) Begin() Session                              { return f }
func (f budgeted) End()                                        {}
func (f budgeted) Run(call Call, sys Syscalls) (Result, error) { return f(call, sys) }
