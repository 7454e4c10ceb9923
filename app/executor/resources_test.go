package executor

import (
	"errors"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// age makes a class one of a Sierra version.
func (b *bench) age(class felt.Felt, minor int) {
	b.x.Classes.find(class).Sierra = &sierra.Program{Version: sierra.Version{Major: 1, Minor: minor}}
}

// steps returns a contract that takes steps of a budget and returns v. Without a budget it takes gas for them.
func steps(n uint64, v ...felt.Felt) contract {
	return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		if f.Steps == nil {
			f.gas -= n * constants.StepGas
			return v, nil, nil
		}
		if n > f.Steps.Left {
			f.Steps.Left = 0
			return nil, nil, cairo.ErrSteps
		}
		f.Steps.Left -= n
		f.used = f.used.Plus(constants.Resources{Steps: n}, 1)
		return v, nil, nil
	}
}

// TestTracked checks which calls are billed in VM resources: those of classes of Sierra 1.4 to 1.6, and all calls inside them.
func TestTracked(t *testing.T) {
	for minor, want := range map[int]bool{3: false, 4: true, 6: true, 7: false} {
		b := newBench(t)
		b.user(map[string]contract{"inner": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.CallContract(&f.gas, tokenAt, Selector("steps"), nil)
			return nil, nil, err
		}})
		b.e[tokenClass][Selector("steps")] = steps(1000)
		token := b.x.Classes.find(tokenClass)
		token.Casm.EntryPoints.External = append(token.Casm.EntryPoints.External, casm.EntryPoint{Selector: Selector("steps")})
		b.age(userClass, minor)
		out := b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.CallContract(&f.gas, userAt, Selector("inner"), nil)
			return nil, nil, err
		})
		top := out.Execute
		inner := top.Inner[0]
		innermost := inner.Inner[0]
		if top.CairoSteps || inner.CairoSteps != want || innermost.CairoSteps != want {
			t.Errorf("Sierra 1.%d: billed in VM resources: %t, %t, %t", minor, top.CairoSteps, inner.CairoSteps, innermost.CairoSteps)
		}
		if want && (inner.Gas != constants.InfiniteGas || innermost.Gas != constants.InfiniteGas || inner.GasConsumed != 0 || innermost.Resources.Steps != 1000) {
			t.Errorf("Sierra 1.%d: gas %d and %d, %d consumed, %d steps", minor, inner.Gas, innermost.Gas, inner.GasConsumed, innermost.Resources.Steps)
		}
		if call, _ := constants.Syscall("CallContract"); want && top.Resources.Steps != 1000+call.Constant.Steps {
			t.Errorf("Sierra 1.%d: %d steps", minor, top.Resources.Steps)
		}
		if class, ok := out.BilledBySteps(); ok != want || want && class != userClass {
			t.Errorf("Sierra 1.%d: BilledBySteps is %v, %t", minor, class, ok)
		}
	}
}

// TestStepBounds checks the last good and the first bad number of steps of each bound, in validation and in execution.
func TestStepBounds(t *testing.T) {
	overhead := invokeOverhead.resources(0).Steps
	for name, c := range map[string]struct{ gas, validate, execute, most uint64 }{
		"execution":            {10_000_000_000, 0, 1, constants.MaxExecuteSteps - overhead},
		"execution, by bound":  {2_000_000, 0, 1, 20_000 - overhead},
		"after validation":     {2_000_000, 5_000, 1, 20_000 - overhead - 5_000},
		"validation":           {10_000_000_000, 1, 0, constants.MaxValidateSteps},
		"validation, by bound": {2_000_000, 1, 0, 20_000},
	} {
		for _, extra := range []uint64{0, 1} {
			b := newBench(t)
			b.b.L2GasPrice = starknet.NewUint128(1)
			b.age(accountClass, 6)
			validation, execution := c.validate, c.most+extra
			if c.execute == 0 {
				validation, execution = c.most+extra, 0
			}
			b.e[accountClass][validateSelector] = steps(validation, validated)
			tx := b.invoke(steps(execution))
			tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: c.gas, MaxPricePerUnit: starknet.NewUint128(1)}
			out, err := b.x.Execute(b.st, b.b, tx, Options{})
			text := ""
			if r, ok := errors.AsType[*Rejection](err); ok {
				text = r.Detail
			} else if err != nil {
				t.Fatal(err)
			} else {
				text = out.Receipt.RevertReason
			}
			if got := strings.Contains(text, noSteps); got != (extra == 1) {
				t.Errorf("%s, %d steps: %q", name, c.most+extra, text)
			}
		}
	}
}

// TestWorkBounds checks that the work of syscalls of classes that are billed in VM resources is bounded, and counts towards a block's gas.
func TestWorkBounds(t *testing.T) {
	read, _ := costOf(cairo.StorageRead)
	each := gasOf(read.Constant) / constants.StepGas
	reads := func(n uint64) contract {
		return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			for range n {
				if _, err := f.StorageRead(&f.gas, 0, u(1)); err != nil {
					return nil, nil, err
				}
			}
			return nil, nil, nil
		}
	}
	for _, extra := range []uint64{0, 1} {
		b := newBench(t)
		b.b.L2GasPrice = starknet.NewUint128(1)
		b.age(accountClass, 4)
		n := maxExecuteWork/each + extra
		tx := b.invoke(reads(n))
		tx.ResourceBounds.L2Gas.MaxAmount = 10_000_000_000
		out, err := b.x.Execute(b.st, b.b, tx, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if out.Receipt.Reverted != (extra == 1) || out.Receipt.Reverted && !strings.Contains(out.Receipt.RevertReason, noWork) {
			t.Errorf("%d reads: reverted %t, %q", n, out.Receipt.Reverted, out.Receipt.RevertReason)
		}
		if least := maxExecuteWork / each * each * constants.StepGas; out.SierraGas < least {
			t.Errorf("%d reads count %d gas in a block, want at least %d", n, out.SierraGas, least)
		}
	}
}

// TestStepsAfterInner checks that a call that is billed in Sierra gas fails if a call inside it has left no steps, as on blockifier.
func TestStepsAfterInner(t *testing.T) {
	for _, left := range []uint64{1, 0} {
		b := newBench(t)
		b.user(map[string]contract{"steps": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			return steps(f.Steps.Left - left)(f)
		}})
		b.age(userClass, 5)
		f := func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.CallContract(&f.gas, userAt, Selector("steps"), nil)
			return nil, nil, err
		}
		b.st.SetStorage(tokenAt, BalanceKey(accountAt), u(1<<62))
		tx := b.invoke(f)
		tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 10_000_000_000, MaxPricePerUnit: starknet.NewUint128(20)}
		out, err := b.x.Execute(b.st, b.b, tx, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if out.Receipt.Reverted != (left == 0) {
			t.Errorf("%d steps left: reverted %t, %q", left, out.Receipt.Reverted, out.Receipt.RevertReason)
		}
	}
}

// TestTxInfoFor checks which classes see another transaction info.
func TestTxInfoFor(t *testing.T) {
	three := &cairo.TxInfo{Version: u(3), Tip: constants.V1BoundMaxTip, ResourceBounds: make([]cairo.ResourceBounds, 3)}
	change := func(f func(*cairo.TxInfo)) *cairo.TxInfo {
		info := *three
		f(&info)
		return &info
	}
	query := felt.FromLimbs([4]uint64{3, 0, 1, 0})
	v1, data := felt.MustHex(constants.V1BoundAccounts()[6]), felt.MustHex(constants.DataGasAccounts()[3])
	for name, c := range map[string]struct {
		class   felt.Felt
		info    *cairo.TxInfo
		version felt.Felt
		bounds  int
	}{
		"another class":        {u(9), three, u(3), 3},
		"version 1":            {v1, three, u(1), 3},
		"version 1 of a query": {v1, change(func(i *cairo.TxInfo) { i.Version = query }), felt.FromLimbs([4]uint64{1, 0, 1, 0}), 3},
		"a tip too high":       {v1, change(func(i *cairo.TxInfo) { i.Tip++ }), u(3), 3},
		"a meta transaction":   {v1, &cairo.TxInfo{}, felt.Felt{}, 0},
		"no data gas":          {data, three, u(3), 2},
	} {
		got := TxInfoFor(c.class, c.info)
		if got.Version != c.version || len(got.ResourceBounds) != c.bounds {
			t.Errorf("%s: version %v with %d bounds, want %v with %d", name, got.Version, len(got.ResourceBounds), c.version, c.bounds)
		}
	}
	if len(three.ResourceBounds) != 3 || three.Version != u(3) {
		t.Error("the transaction's own info was changed")
	}
}
