package vm

import (
	"errors"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

// counted runs an entry point with a budget.
func (c *testChain) counted(name string, budget *cairo.StepBudget, calldata ...uint64) (cairo.Result, error) {
	call := cairo.Call{Class: c.class, Selector: keccak.Starknet([]byte(name)), Gas: 1e10, Steps: budget}
	for _, v := range calldata {
		call.Calldata = append(call.Calldata, felt.FromUint64(v))
	}
	return cairo.Run(c.engine, call, c)
}

// TestStepBudget checks that a run takes its steps from the budget, that it succeeds with exactly so many and fails with one less, where it
// says that it stopped, and that counting does not change what the run returns.
func TestStepBudget(t *testing.T) {
	c := newTestChain(t, projectClass(t, "fibonacci"))
	const n = 40
	plain, err := c.call("fib", 1e10, n)
	if err != nil {
		t.Fatal(err)
	}
	budget := &cairo.StepBudget{Left: 1e6, Work: 1e6}
	got, err := c.counted("fib", budget, n)
	if err != nil {
		t.Fatal(err)
	}
	if got.Steps != plain.Steps || got.GasLeft != plain.GasLeft || got.Retdata[0] != plain.Retdata[0] {
		t.Errorf("%d steps, %d gas left, %v; without counting %d, %d, %v", got.Steps, got.GasLeft, got.Retdata, plain.Steps, plain.GasLeft, plain.Retdata)
	}
	if got.Resources.Steps != got.Steps || budget.Left != 1e6-got.Steps || got.Resources.RangeChecks == 0 {
		t.Errorf("resources %+v of a run of %d steps, which leave %d of 1000000", got.Resources, got.Steps, budget.Left)
	}
	exact := &cairo.StepBudget{Left: got.Steps}
	if res, err := c.counted("fib", exact, n); err != nil || exact.Left != 0 || res.Resources != got.Resources {
		t.Errorf("with exactly %d steps: %v, %d left", got.Steps, err, exact.Left)
	}
	for _, left := range []uint64{0, 1, got.Steps / 2, got.Steps - 1} {
		short := &cairo.StepBudget{Left: left}
		res, err := c.counted("fib", short, n)
		if !errors.Is(err, cairo.ErrSteps) || short.Left != 0 || res.Stopped == nil {
			t.Fatalf("with %d of %d steps: %v, %d left, stopped %v", left, got.Steps, err, short.Left, res.Stopped)
		}
		entry := c.class.Casm.EntryPoint(cairo.External, keccak.Starknet([]byte("fib")))
		if left == 0 && (res.Stopped.PC != uint64(entry.Offset) || len(res.Stopped.Callers) != 0) {
			t.Errorf("a run without steps stopped at %v, want %d", res.Stopped, entry.Offset)
		}
		if left == got.Steps/2 && len(res.Stopped.Callers) == 0 {
			t.Errorf("a run stopped in a loop, at %v, without callers", res.Stopped)
		}
	}
}

// TestWorkBudget checks that slow builtins use up a budget's work.
func TestWorkBudget(t *testing.T) {
	c := newTestChain(t, projectClass(t, "erc20"))
	budget := &cairo.StepBudget{Left: 1e6, Work: 1e6}
	res, err := c.counted("balance_of", budget, 7)
	if err != nil {
		t.Fatal(err)
	}
	used := 1e6 - budget.Work
	if res.Resources.Pedersens == 0 || used != res.Resources.Pedersens*40 {
		t.Fatalf("%d work for %d Pedersen hashes of 40 each", used, res.Resources.Pedersens)
	}
	for _, extra := range []uint64{0, 1} {
		_, err := c.counted("balance_of", &cairo.StepBudget{Left: 1e6, Work: used - extra}, 7)
		if errors.Is(err, cairo.ErrWork) != (extra == 1) {
			t.Errorf("with %d of %d work: %v", used-extra, used, err)
		}
	}
}
