package executor

import (
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
)

// In these tests classes are Go functions, which make exactly the syscalls under test. The tests of package app run compiled
// contracts on the VM.

func u(v uint64) felt.Felt { return felt.FromUint64(v) }

// frame is a running Go contract.
type frame struct {
	cairo.Call
	cairo.Syscalls
	gas  uint64
	used constants.Resources // its Result.Resources
}

// contract is an entry point in Go. It returns its return data, or non-nil panic data.
type contract func(f *frame) (retdata, panicked []felt.Felt, err error)

// engine runs Go contracts by class hash and selector.
type engine map[felt.Felt]map[felt.Felt]contract

func (e engine) Begin() cairo.Session { return e }

func (engine) End() {}

func (engine) CountsSteps() {}

func (e engine) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	f := &frame{Call: call, Syscalls: sys, gas: call.Gas - constants.EntryPointGas}
	retdata, panicked, err := e[call.Class.Hash][call.Selector](f)
	if err != nil {
		if failed, ok := err.(*cairo.SyscallFailure); ok {
			return cairo.Result{Failed: true, Retdata: failed.Data, GasLeft: f.gas}, nil // as unwrap_syscall does
		}
		return cairo.Result{}, err
	}
	if panicked != nil {
		return cairo.Result{Failed: true, Retdata: panicked, GasLeft: f.gas}, nil
	}
	return cairo.Result{Retdata: retdata, GasLeft: f.gas, Steps: 7, Resources: f.used}, nil
}

// bench is a state with an account, a fee token and contracts in Go.
type bench struct {
	t  *testing.T
	x  *Executor
	e  engine
	st *state.Overlay
	b  *Block
}

// Classes and addresses of the bench.
var (
	accountClass, tokenClass = u(0xa), u(0xf)
	accountAt, tokenAt       = u(0xacc), u(0xfee)
	userClass, userAt        = u(0x1), u(0x100)
	sequencerAt              = u(0x5e9)
)

func newBench(t *testing.T) *bench {
	b := &bench{t: t, e: engine{}, st: state.NewOverlay(nothing{})}
	b.x = &Executor{Engine: b.e, Classes: NewClasses(nil)}
	b.b = &Block{Number: 1234, Timestamp: 1_700_000_001, Sequencer: sequencerAt, ChainID: felt.FromShortString("BENCH"), L2GasPrice: starknet.NewUint128(10), FeeToken: tokenAt}
	b.declare(accountClass, map[string]contract{
		"__validate__": returning(validated), "__validate_deploy__": returning(validated), "__validate_declare__": returning(validated),
	})
	b.declare(tokenClass, map[string]contract{"transfer": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		for i, who := range []felt.Felt{f.Caller, f.Calldata[0]} {
			held, err := f.StorageRead(&f.gas, 0, BalanceKey(who))
			if err != nil {
				return nil, nil, err
			}
			if i == 0 {
				held.Sub(&held, &f.Calldata[1])
			} else {
				held.Add(&held, &f.Calldata[1])
			}
			if err := f.StorageWrite(&f.gas, 0, BalanceKey(who), held); err != nil {
				return nil, nil, err
			}
		}
		return []felt.Felt{felt.One}, nil, f.EmitEvent(&f.gas, []felt.Felt{u(0x7)}, f.Calldata)
	}})
	b.st.SetClassHash(accountAt, accountClass)
	b.st.SetClassHash(tokenAt, tokenClass)
	b.st.SetStorage(tokenAt, BalanceKey(accountAt), u(1<<60))
	return b
}

// nothing is an empty state.
type nothing struct{}

func (nothing) StorageAt(_, _ felt.Felt) (felt.Felt, error)    { return felt.Felt{}, nil }
func (nothing) NonceAt(felt.Felt) (felt.Felt, error)           { return felt.Felt{}, nil }
func (nothing) ClassHashAt(felt.Felt) (felt.Felt, error)       { return felt.Felt{}, nil }
func (nothing) CompiledClassHash(felt.Felt) (felt.Felt, error) { return felt.Felt{}, nil }
func (nothing) Class(felt.Felt) (*state.Class, error)          { return nil, nil }

func returning(v ...felt.Felt) contract {
	return func(*frame) ([]felt.Felt, []felt.Felt, error) { return v, nil, nil }
}

func panicking(v ...felt.Felt) contract {
	return func(*frame) ([]felt.Felt, []felt.Felt, error) { return nil, v, nil }
}

// declare declares a class whose entry points are Go functions, by name.
func (b *bench) declare(hash felt.Felt, entries map[string]contract) {
	code := &casm.Class{}
	b.e[hash] = map[felt.Felt]contract{}
	for name, f := range entries {
		ep := casm.EntryPoint{Selector: Selector(name)}
		b.e[hash][ep.Selector] = f
		if name == "constructor" {
			code.EntryPoints.Constructor = append(code.EntryPoints.Constructor, ep)
		} else {
			code.EntryPoints.External = append(code.EntryPoints.External, ep)
		}
	}
	b.x.Classes.keep(&cairo.Class{Hash: hash, CompiledHash: hash, Sierra: &sierra.Program{}, Casm: code})
	b.st.Declare(&state.Class{Hash: hash, CompiledHash: hash, Definition: &starknet.ContractClass{}})
}

// invoke returns an INVOKE whose __execute__ is f.
func (b *bench) invoke(f contract) *starknet.Invoke {
	b.e[accountClass][executeSelector] = f
	class := b.x.Classes.find(accountClass)
	if class.Casm.EntryPoint(cairo.External, executeSelector) == nil {
		class.Casm.EntryPoints.External = append(class.Casm.EntryPoints.External, casm.EntryPoint{Selector: executeSelector})
	}
	nonce, _ := b.st.NonceAt(accountAt)
	tx := &starknet.Invoke{SenderAddress: accountAt, Common: starknet.Common{Nonce: nonce}}
	tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 1_000_000_000, MaxPricePerUnit: starknet.NewUint128(20)}
	return tx
}

// run executes f in a transaction and fails the test if it is rejected.
func (b *bench) run(f contract) *Outcome {
	b.t.Helper()
	out, err := b.x.Execute(b.st, b.b, b.invoke(f), Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// accept executes f in a transaction and fails the test if it is rejected or reverted.
func (b *bench) accept(f contract) *Outcome {
	b.t.Helper()
	out := b.run(f)
	if out.Receipt.Reverted {
		b.t.Fatal(out.Receipt.RevertReason)
	}
	return out
}

// reverts executes f in a transaction that must revert with a reason that contains text.
func (b *bench) reverts(name, text string, f contract) *Outcome {
	b.t.Helper()
	out := b.run(f)
	if !out.Receipt.Reverted || !strings.Contains(out.Receipt.RevertReason, text) {
		b.t.Errorf("%s: reverted %v: %q, want %q", name, out.Receipt.Reverted, out.Receipt.RevertReason, text)
	}
	return out
}

// user deploys a contract in Go at userAt.
func (b *bench) user(entries map[string]contract) {
	b.declare(userClass, entries)
	b.st.SetClassHash(userAt, userClass)
}

func (b *bench) storage(at, key felt.Felt) felt.Felt {
	v, err := b.st.StorageAt(at, key)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// TestSyscallGas checks that every syscall charges its cost in the versioned constants less the base cost, once, and fails without
// effects if the gas is one unit too low.
func TestSyscallGas(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{"f": returning()})
	calls := map[cairo.Selector]func(f *frame, gas *uint64) error{
		cairo.StorageRead:      func(f *frame, g *uint64) error { _, err := f.StorageRead(g, 0, u(1)); return err },
		cairo.StorageWrite:     func(f *frame, g *uint64) error { return f.StorageWrite(g, 0, u(1), u(1)) },
		cairo.EmitEvent:        func(f *frame, g *uint64) error { return f.EmitEvent(g, nil, nil) },
		cairo.GetExecutionInfo: func(f *frame, g *uint64) error { _, err := f.GetExecutionInfo(g); return err },
		cairo.GetBlockHash:     func(f *frame, g *uint64) error { _, err := f.GetBlockHash(g, 3); return err },
		cairo.GetClassHashAt:   func(f *frame, g *uint64) error { _, err := f.GetClassHashAt(g, userAt); return err },
		cairo.ReplaceClass:     func(f *frame, g *uint64) error { return f.ReplaceClass(g, accountClass) },
		cairo.SendMessageToL1:  func(f *frame, g *uint64) error { return f.SendMessageToL1(g, u(1), []felt.Felt{u(1), u(2), u(3)}) },
		cairo.Secp256k1Mul:     func(f *frame, g *uint64) error { return f.Meter(g, cairo.Secp256k1Mul, 1) },
		cairo.Keccak:           func(f *frame, g *uint64) error { return f.Meter(g, cairo.Keccak, 3) },
	}
	linear := map[cairo.Selector]uint64{cairo.SendMessageToL1: 3, cairo.Keccak: 3}
	for name, call := range calls {
		want := price(name).gas(linear[name]) - constants.SyscallBaseGas
		b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			gas := want
			if err := call(f, &gas); err != nil || gas != 0 {
				t.Errorf("%s with %d gas: %v, %d left", name, want, err, gas)
			}
			if want == 0 {
				return nil, nil, nil // it costs the base cost only
			}
			gas = want - 1
			err := call(f, &gas)
			failed, ok := err.(*cairo.SyscallFailure)
			if !ok || !slices.Equal(failed.Data, []felt.Felt{outOfGas}) || gas != want-1 && name != cairo.Keccak {
				t.Errorf("%s with %d gas: %v, %d left", name, want-1, err, gas)
			}
			return nil, nil, nil
		})
	}
	// Calls and deployments also pay for the code that they run.
	b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		before := f.gas
		if _, err := f.CallContract(&f.gas, userAt, Selector("f"), nil); err != nil {
			t.Error(err)
		}
		if got, want := before-f.gas, price(cairo.CallContract).gas(0)-constants.SyscallBaseGas+constants.EntryPointGas; got != want {
			t.Errorf("call of a contract: %d gas, want %d", got, want)
		}
		before = f.gas
		if _, _, err := f.Deploy(&f.gas, tokenClass, u(1), nil, false); err != nil {
			t.Error(err)
		}
		if got, want := before-f.gas, price(cairo.Deploy).gas(0)-constants.SyscallBaseGas; got != want {
			t.Errorf("deployment without constructor: %d gas, want %d", got, want)
		}
		return nil, nil, nil
	})
}

// TestInnerFailure checks that a failed call leaves no storage, event, message, class or contract. The caller gets its panic data
// followed by ENTRYPOINT_FAILED, and its gas is spent.
func TestInnerFailure(t *testing.T) {
	b := newBench(t)
	var deployed felt.Felt
	b.user(map[string]contract{"bad": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		var err error
		for _, e := range []error{
			f.StorageWrite(&f.gas, 0, u(1), u(2)), f.EmitEvent(&f.gas, []felt.Felt{u(9)}, nil), f.SendMessageToL1(&f.gas, u(9), nil), f.ReplaceClass(&f.gas, tokenClass),
		} {
			err = errors.Join(err, e)
		}
		deployed, _, err = f.Deploy(&f.gas, tokenClass, u(5), nil, false)
		return nil, []felt.Felt{u(66)}, err
	}})
	out := b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		if err := f.EmitEvent(&f.gas, []felt.Felt{u(1)}, nil); err != nil {
			return nil, nil, err
		}
		before := f.gas
		_, err := f.CallContract(&f.gas, userAt, Selector("bad"), nil)
		failed, ok := err.(*cairo.SyscallFailure)
		if !ok || !slices.Equal(failed.Data, []felt.Felt{u(66), entrypointFailed}) {
			t.Errorf("failing call: %v", err)
		}
		if before-f.gas < 200_000 {
			t.Errorf("failing call cost %d", before-f.gas)
		}
		return nil, nil, f.EmitEvent(&f.gas, []felt.Felt{u(2)}, nil)
	})
	if got := b.storage(userAt, u(1)); !got.IsZero() {
		t.Errorf("storage of a failed call: %v", got)
	}
	for at, want := range map[felt.Felt]felt.Felt{userAt: userClass, deployed: {}} {
		if got, _ := b.st.ClassHashAt(at); got != want {
			t.Errorf("class at %v: %v, want %v", at, got, want)
		}
	}
	if len(out.Receipt.Messages) != 0 {
		t.Errorf("messages %v", out.Receipt.Messages)
	}
	var keys []felt.Felt
	for _, e := range out.Receipt.Events {
		keys = append(keys, e.Keys[0])
	}
	if !slices.Equal(keys, []felt.Felt{u(1), u(2), u(7)}) {
		t.Errorf("events with keys %v, want the account's two and the fee transfer's", keys)
	}
	inner := out.Execute.Inner[0]
	if !inner.Failed || len(inner.Events) != 0 || len(inner.Messages) != 0 || out.Execute.Events[1].Order != 1 {
		t.Errorf("frames %+v", out.Execute)
	}
}

// TestFailures checks that errors that no contract can catch revert the transaction, with a text that is the same on every node.
func TestFailures(t *testing.T) {
	b := newBench(t)
	self := Selector("self")
	b.user(map[string]contract{
		"self": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			r, err := f.CallContract(&f.gas, userAt, self, nil)
			return r, nil, err
		},
		"machine": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			return nil, nil, cairo.RunErrorf("pc 0:17 of this engine alone")
		},
	})
	b.declare(u(2), map[string]contract{"constructor": panicking(u(0x626164))})
	one := func(call func(f *frame) error) contract {
		return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			if err := f.StorageWrite(&f.gas, 0, u(1), u(1)); err != nil {
				return nil, nil, err
			}
			return nil, nil, call(f)
		}
	}
	top := felt.FromLimbs([4]uint64{3: 1 << 59}) // 2^251
	for name, c := range map[string]struct {
		text string
		call func(f *frame) error
	}{
		"no contract":        {"Requested contract address 0x" + strings.Repeat("0", 60) + "dead is not deployed.", func(f *frame) error { _, err := f.CallContract(&f.gas, u(0xdead), self, nil); return err }},
		"no class":           {"Class with hash 0x" + strings.Repeat("0", 60) + "dead is not declared.", func(f *frame) error { _, err := f.LibraryCall(&f.gas, u(0xdead), self, nil); return err }},
		"replace by nothing": {"is not declared", func(f *frame) error { return f.ReplaceClass(&f.gas, u(0xdead)) }},
		"depth":              {"recursion depth exceeded", func(f *frame) error { _, err := f.CallContract(&f.gas, userAt, self, nil); return err }},
		"machine":            {"1: Error in the called contract (contract address: 0x" + strings.Repeat("0", 61) + "100, ", func(f *frame) error { _, err := f.CallContract(&f.gas, userAt, Selector("machine"), nil); return err }},
		"constructor":        {"1: Error in the contract class constructor", func(f *frame) error { _, _, err := f.Deploy(&f.gas, u(2), u(1), nil, false); return err }},
		"no constructor": {"Cannot pass calldata to a contract with no constructor", func(f *frame) error {
			_, _, err := f.Deploy(&f.gas, userClass, u(1), []felt.Felt{u(1)}, false)
			return err
		}},
		"deploy twice": {"contract already deployed", func(f *frame) error {
			_, _, _ = f.Deploy(&f.gas, userClass, u(1), nil, true)
			_, _, err := f.Deploy(&f.gas, userClass, u(1), nil, true)
			return err
		}},
		"deploy nothing": {"is not declared", func(f *frame) error { _, _, err := f.Deploy(&f.gas, u(0xdead), u(1), nil, true); return err }},
		"domain":         {"Invalid address domain: 1.", func(f *frame) error { _, err := f.StorageRead(&f.gas, 1, u(1)); return err }},
		"domain, no gas": {"Invalid address domain: 1.", func(f *frame) error { _, err := f.StorageRead(new(uint64), 1, u(1)); return err }},
		"write, no gas":  {"Invalid address domain: 2.", func(f *frame) error { return f.StorageWrite(new(uint64), 2, u(1), u(1)) }},
		"key":            {"Out of range [0x0, 0x8000", func(f *frame) error { return f.StorageWrite(&f.gas, 0, top, u(1)) }},
		"address":        {"Out of range [0x0, 0x8000", func(f *frame) error { _, err := f.CallContract(&f.gas, top, self, nil); return err }},
		"L1 address":     {"Out of range 3618502788666131106986593281521497120414687020801267626233049500247285301248.", func(f *frame) error { return f.SendMessageToL1(&f.gas, top, nil) }},
		"event keys":     {"maximum keys length", func(f *frame) error { return f.EmitEvent(&f.gas, make([]felt.Felt, 51), nil) }},
		"event data":     {"maximum data length", func(f *frame) error { return f.EmitEvent(&f.gas, nil, make([]felt.Felt, 301)) }},
		"events": {"maximum number of events", func(f *frame) (err error) {
			for range 1001 {
				if err = f.EmitEvent(&f.gas, nil, nil); err != nil {
					return err
				}
			}
			return nil
		}},
		"meter": {"Invalid syscall selector", func(f *frame) error { return f.Meter(&f.gas, "Nothing", 1) }},
	} {
		out := b.reverts(name, c.text, one(c.call))
		if got := b.storage(accountAt, u(1)); !got.IsZero() {
			t.Errorf("%s: the write before it stayed", name)
		}
		if out.Receipt.ActualFee.IsZero() || strings.Contains(out.Receipt.RevertReason, "pc 0:17") {
			t.Errorf("%s: %+v", name, out.Receipt)
		}
	}
	// The gas of a failed call counts up to its last syscall.
	gas := func(n int) uint64 {
		return b.reverts("gas", "broken", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			for range n {
				if _, err := f.StorageRead(&f.gas, 0, u(1)); err != nil {
					return nil, nil, err
				}
			}
			return nil, nil, cairo.RunErrorf("x")
		}).Receipt.Resources.L2Gas
	}
	if got, want := gas(3)-gas(1), 2*(price(cairo.StorageRead).gas(0)-constants.SyscallBaseGas); got != want {
		t.Errorf("two more syscalls before a failure: %d gas, want %d", got, want)
	}
}

// TestCatchable checks the panic data of errors that a contract can catch: they are *cairo.SyscallFailure.
func TestCatchable(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{"f": returning()})
	b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		for name, c := range map[string]struct {
			want []felt.Felt
			call func() error
		}{
			"no entry point": {[]felt.Felt{entrypointNotFound, entrypointFailed}, func() error { _, err := f.CallContract(&f.gas, userAt, Selector("g"), nil); return err }},
			"no gas to enter": {[]felt.Felt{outOfGas, entrypointFailed}, func() error {
				gas := price(cairo.CallContract).gas(0) - constants.SyscallBaseGas + constants.EntryPointGas - 1
				_, err := f.CallContract(&gas, userAt, Selector("f"), nil)
				return err
			}},
			"__execute__":        {[]felt.Felt{invalidArgument}, func() error { _, err := f.CallContract(&f.gas, userAt, executeSelector, nil); return err }},
			"meta selector":      {[]felt.Felt{invalidArgument}, func() error { _, err := f.MetaTxV0(&f.gas, userAt, Selector("f"), nil, nil); return err }},
			"recent block":       {[]felt.Felt{blockNumberOutRange}, func() error { _, err := f.GetBlockHash(&f.gas, 1225); return err }},
			"keccak without gas": {[]felt.Felt{outOfGas}, func() error { return f.Meter(&f.gas, cairo.Keccak, 1<<60) }},
		} {
			failed, ok := c.call().(*cairo.SyscallFailure)
			if !ok || !slices.Equal(failed.Data, c.want) {
				t.Errorf("%s: %v, want %v", name, failed, c.want)
			}
		}
		return nil, nil, nil
	})
}

// TestContexts checks the contract, caller, class and storage that code sees in a call, in a library call (another class on the
// caller's storage, with the caller's caller), after replace_class and in a deployment.
func TestContexts(t *testing.T) {
	b := newBench(t)
	b.st.SetStorage(starknet.BlockHashAddress, u(1224), u(0xb10c))
	write := func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		info, err := f.GetExecutionInfo(&f.gas)
		if err != nil {
			return nil, nil, err
		}
		if info.Contract != f.Contract || info.Caller != f.Caller || info.Selector != f.Selector || info.BlockNumber != 1234 || info.Sequencer != sequencerAt {
			t.Errorf("execution info %+v of %+v", info, f.Call)
		}
		return []felt.Felt{info.Caller, info.Contract}, nil, f.StorageWrite(&f.gas, 0, u(1), f.Calldata[0])
	}
	b.declare(u(2), map[string]contract{"w": write})
	b.user(map[string]contract{
		"w": write,
		"library": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			r, err := f.LibraryCall(&f.gas, u(2), Selector("w"), f.Calldata)
			return r, nil, err
		},
		"replace": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			class, err := f.GetClassHashAt(&f.gas, userAt)
			return []felt.Felt{class}, nil, errors.Join(err, f.ReplaceClass(&f.gas, u(2)))
		},
	})
	out := b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		call := func(name string, arg uint64, want ...felt.Felt) {
			t.Helper()
			if r, err := f.CallContract(&f.gas, userAt, Selector(name), []felt.Felt{u(arg)}); err != nil || !slices.Equal(r, want) {
				t.Errorf("%s: %v %v, want %v", name, r, err, want)
			}
		}
		call("w", 5, accountAt, userAt)
		call("library", 6, accountAt, userAt)
		call("replace", 0, userClass)
		call("w", 7, accountAt, userAt)
		if _, err := f.CallContract(&f.gas, userAt, Selector("library"), nil); err == nil {
			t.Error("the replaced class still runs")
		}
		if hash, err := f.GetBlockHash(&f.gas, 1224); err != nil || hash != u(0xb10c) {
			t.Errorf("block hash %v %v", hash, err)
		}
		address, _, err := f.Deploy(&f.gas, u(2), u(3), nil, false)
		if want := starknet.ContractAddress(accountAt, u(3), u(2), nil); err != nil || address != want {
			t.Errorf("deployed at %v (%v), want %v", address, err, want)
		}
		return nil, nil, f.SendMessageToL1(&f.gas, u(0x11), []felt.Felt{u(1)})
	})
	if got := b.storage(userAt, u(1)); got != u(7) {
		t.Errorf("storage %v, want 7", got)
	}
	if f := out.Execute.Inner[1].Inner[0]; !f.Library || f.ClassHash != u(2) || f.Contract != userAt || f.Caller != accountAt {
		t.Errorf("library frame %+v", f)
	}
	if f, want := out.Execute.Inner[len(out.Execute.Inner)-1], starknet.ContractAddress(accountAt, u(3), u(2), nil); f.Contract != want || f.ClassHash != u(2) || f.Caller != accountAt {
		t.Errorf("the last frame %+v is not the constructor of %v", f, want)
	}
	if d := cmp.Diff([]starknet.Message{{From: accountAt, To: u(0x11), Payload: []felt.Felt{u(1)}}}, out.Receipt.Messages); d != "" {
		t.Error(d)
	}
}

// TestSiblingCalls checks that consecutive calls do not add to the call depth.
func TestSiblingCalls(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{"nothing": returning()})
	b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		for range 3 * constants.MaxCallDepth {
			if _, err := f.CallContract(&f.gas, userAt, Selector("nothing"), nil); err != nil {
				return nil, nil, err
			}
		}
		return nil, nil, nil
	})
}

// TestMetaTransaction checks that a contract called by meta_tx_v0 sees itself in a transaction of version 0 of the called account,
// and that the caller's transaction info is restored.
func TestMetaTransaction(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{"__execute__": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		info, err := f.GetExecutionInfo(&f.gas)
		if err != nil {
			return nil, nil, err
		}
		meta := starknet.LegacyTransaction{Address: userAt, Selector: executeSelector, Calldata: f.Calldata}
		want := &cairo.TxInfo{Account: userAt, Signature: []felt.Felt{u(8)}, Hash: meta.HashInvokeV0(b.b.ChainID), ChainID: b.b.ChainID}
		if d := cmp.Diff(want, info.Tx); d != "" || !info.Caller.IsZero() {
			t.Errorf("caller %v, transaction (-want +got):\n%s", info.Caller, d)
		}
		return []felt.Felt{u(9)}, nil, nil
	}})
	b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		if r, err := f.MetaTxV0(&f.gas, userAt, executeSelector, []felt.Felt{u(1), u(2)}, []felt.Felt{u(8)}); err != nil || !slices.Equal(r, []felt.Felt{u(9)}) {
			t.Errorf("meta transaction: %v %v", r, err)
		}
		info, err := f.GetExecutionInfo(&f.gas)
		if err != nil || info.Tx.Version != u(3) || info.Tx.Account != accountAt {
			t.Errorf("after it: %+v %v", info, err)
		}
		return nil, nil, err
	})
}

// TestValidation checks that validation sees rounded block info and that the transaction is rejected if validation fails, calls
// another contract, or reads something that may change before the block.
func TestValidation(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{"f": returning()})
	for name, c := range map[string]struct {
		text string
		run  contract
	}{
		"info": {"", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			info, err := f.GetExecutionInfo(&f.gas)
			if err == nil && (info.BlockNumber != 1200 || info.BlockTimestamp != 1_700_000_001/3600*3600 || !info.Sequencer.IsZero()) {
				t.Errorf("validation sees block %+v", info)
			}
			return []felt.Felt{validated}, nil, err
		}},
		"not VALID": {"should return 'VALID'", returning(u(1))},
		"nothing":   {"should return 'VALID'", returning()},
		"panic":     {"The `validate` entry point panicked with:\nError in contract", panicking(felt.FromShortString("no"))},
		"call": {"Unauthorized syscall call_contract in execution mode Validate.", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.CallContract(&f.gas, userAt, Selector("f"), nil)
			return nil, nil, err
		}},
		"class hash": {"Unauthorized syscall get_class_hash_at", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.GetClassHashAt(&f.gas, userAt)
			return nil, nil, err
		}},
		"block hash": {"Unauthorized syscall get_block_hash on recent blocks", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.GetBlockHash(&f.gas, 1230)
			return nil, nil, err
		}},
		"deploy": {"Unauthorized syscall deploy", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, _, err := f.Deploy(&f.gas, userClass, u(1), nil, true)
			return nil, nil, err
		}},
		"meta": {"Unauthorized syscall meta_tx_v0", func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.MetaTxV0(&f.gas, userAt, executeSelector, nil, nil)
			return nil, nil, err
		}},
		"machine": {"Transaction validation has failed:\n0: ", func(*frame) ([]felt.Felt, []felt.Felt, error) { return nil, nil, cairo.RunErrorf("x") }},
	} {
		b.e[accountClass][validateSelector] = c.run
		before, _ := b.st.NonceAt(accountAt)
		_, err := b.x.Execute(b.st, b.b, b.invoke(returning()), Options{})
		r, rejected := errors.AsType[*Rejection](err)
		switch {
		case c.text == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.text != "" && (!rejected || r.Reason != ValidationFailure || !strings.Contains(r.Detail, c.text)):
			t.Errorf("%s: %v, want %q", name, err, c.text)
		}
		if after, _ := b.st.NonceAt(accountAt); c.text != "" && after != before {
			t.Errorf("%s: a rejected transaction used the nonce", name)
		}
	}
}

// TestOurFaults checks that errors of the engine or the store are neither rejections nor reverts.
func TestOurFaults(t *testing.T) {
	b := newBench(t)
	broken := errors.New("disk")
	for name, f := range map[string]contract{
		"store": func(*frame) ([]felt.Felt, []felt.Felt, error) { return nil, nil, broken },
		"much gas": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			f.gas += 2 * constants.EntryPointGas
			return nil, nil, nil
		},
		"one gas": func(f *frame) ([]felt.Felt, []felt.Felt, error) { f.gas = f.Call.Gas + 1; return nil, nil, nil },
	} {
		_, err := b.x.Execute(b.st, b.b, b.invoke(f), Options{})
		if _, rejected := errors.AsType[*Rejection](err); err == nil || rejected {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPrices checks the prices that a transaction pays in addition to Sierra gas: for events, messages, slots, calldata and signature.
func TestPrices(t *testing.T) {
	b := newBench(t)
	cost := func(f contract, change func(*starknet.Invoke)) uint64 {
		tx := b.invoke(f)
		if change != nil {
			change(tx)
		}
		out, err := b.x.Execute(b.st, b.b, tx, Options{})
		if err != nil || out.Receipt.Reverted {
			t.Fatal(err, out)
		}
		if want, _ := starknet.NewUint128(10 + tx.Tip).Mul64(out.Receipt.Resources.L2Gas); out.Receipt.ActualFee != want {
			t.Errorf("fee %v, want %v", out.Receipt.ActualFee, want)
		}
		return out.Receipt.Resources.L2Gas
	}
	cost(returning(), nil) // allocates the slot of the sequencer's balance
	base := cost(returning(), nil)
	syscall := func(name cairo.Selector, n uint64) uint64 { return price(name).gas(n) - constants.SyscallBaseGas }
	for name, c := range map[string]struct {
		more   uint64
		f      contract
		change func(*starknet.Invoke)
	}{
		"event": {syscall(cairo.EmitEvent, 0) + (2*2+3)*constants.FeltGas, func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			return nil, nil, f.EmitEvent(&f.gas, make([]felt.Felt, 2), make([]felt.Felt, 3))
		}, nil},
		"message": {syscall(cairo.SendMessageToL1, 2) + 5*constants.FeltGas, func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			return nil, nil, f.SendMessageToL1(&f.gas, u(1), make([]felt.Felt, 2))
		}, nil},
		"slot": {syscall(cairo.StorageWrite, 0) + constants.AllocatedSlotGas, func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			return nil, nil, f.StorageWrite(&f.gas, 0, u(77), u(1))
		}, nil},
		"slot that was set": {syscall(cairo.StorageWrite, 0), func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			return nil, nil, f.StorageWrite(&f.gas, 0, u(77), u(2))
		}, nil},
		"signature": {4 * constants.FeltGas, returning(), func(tx *starknet.Invoke) { tx.Signature = make([]felt.Felt, 4) }},
		"calldata":  {1000*constants.FeltGas + vmGas(invokeOverhead.resources(1000), 0) - vmGas(invokeOverhead.resources(0), 0), returning(), func(tx *starknet.Invoke) { tx.Calldata = make([]felt.Felt, 1000) }},
		"tip":       {0, returning(), func(tx *starknet.Invoke) { tx.Tip = 3 }},
	} {
		if name == "slot that was set" {
			b.st.SetStorage(accountAt, u(77), u(1))
		} else if name == "slot" {
			b.st.SetStorage(accountAt, u(77), felt.Felt{})
		}
		if got := cost(c.f, c.change) - base; got != c.more {
			t.Errorf("%s: %d more gas, want %d", name, got, c.more)
		}
	}
}

// TestObserve checks that Options.Observe is called for every run, in order and with its phase.
func TestObserve(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{"f": returning()})
	var seen []string
	tx := b.invoke(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
		_, err := f.CallContract(&f.gas, userAt, Selector("f"), nil)
		return nil, nil, err
	})
	out, err := b.x.Execute(b.st, b.b, tx, Options{Observe: func(p Phase, c cairo.Call, s cairo.Syscalls) (cairo.Syscalls, func(cairo.Result, error)) {
		seen = append(seen, p.String()+" of "+c.Contract.String())
		return s, func(r cairo.Result, err error) { seen = append(seen, "end") }
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"validate of 0xacc", "end", "execute of 0xacc", "execute of 0x100", "end", "end", "fee transfer of 0xfee", "end"}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
	if out.Steps != 4*7 {
		t.Errorf("%d steps, want those of four frames", out.Steps)
	}
}

// TestLongRevert checks that the revert reason of a long panic is shortened in the middle.
func TestLongRevert(t *testing.T) {
	b := newBench(t)
	out := b.reverts("long panic", "\n...\n", panicking(make([]felt.Felt, 5000)...))
	if n := len(out.Receipt.RevertReason); n > 2*starknet.MaxRevertText {
		t.Errorf("reason of %d bytes", n)
	}
}

// TestAllGasLeft checks that an engine may return all of a call's gas. In TestOurFaults it returns one unit more.
func TestAllGasLeft(t *testing.T) {
	b := newBench(t)
	b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) { f.gas = f.Call.Gas; return nil, nil, nil })
}

// TestCallNotFound checks that starknet_call reports a missing entry point only if the called contract lacks it, not if an inner
// call does.
func TestCallNotFound(t *testing.T) {
	b := newBench(t)
	b.user(map[string]contract{
		"calls": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, _ = f.CallContract(&f.gas, userAt, Selector("nothing"), nil)
			return nil, []felt.Felt{entrypointNotFound}, nil
		},
	})
	for name, want := range map[string]Reason{"nothing": EntrypointNotFound, "calls": ContractError} {
		_, err := b.x.Call(b.st, b.b, userAt, Selector(name), nil)
		if r, ok := errors.AsType[*Rejection](err); !ok || r.Reason != want {
			t.Errorf("%s: %v, want reason %d", name, err, want)
		}
	}
}

// TestOrderPerPhase checks that events and messages are numbered from 0 in each phase, and that a receipt has those of validation
// first.
func TestOrderPerPhase(t *testing.T) {
	b := newBench(t)
	two := func(first uint64, retdata ...felt.Felt) contract {
		return func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			for i := range uint64(2) {
				if err := errors.Join(f.EmitEvent(&f.gas, []felt.Felt{u(first + i)}, nil), f.SendMessageToL1(&f.gas, u(first+i), nil)); err != nil {
					return nil, nil, err
				}
			}
			return retdata, nil, nil
		}
	}
	b.e[accountClass][validateSelector] = two(10, validated)
	out := b.accept(two(20))
	for _, f := range []*Frame{out.Validate, out.Execute} {
		for i := range uint64(2) {
			if f.Events[i].Order != i || f.Messages[i].Order != i {
				t.Errorf("event and message %d have numbers %d and %d", i, f.Events[i].Order, f.Messages[i].Order)
			}
		}
	}
	for i, want := range []uint64{10, 11, 20, 21} {
		if r := out.Receipt; r.Messages[i].To != u(want) || r.Events[i].Keys[0] != u(want) {
			t.Errorf("receipt has event %v and message %v as number %d, want %d", r.Events[i].Keys, r.Messages[i].To, i, want)
		}
	}
}

// TestMetaVersion checks that a meta transaction has version 0, with the query bit 2^128 inside a query.
func TestMetaVersion(t *testing.T) {
	for _, query := range []bool{false, true} {
		b := newBench(t)
		var want felt.Felt
		if query {
			want = felt.MustHex("0x100000000000000000000000000000000")
		}
		seen := false
		b.user(map[string]contract{"__execute__": func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			info, err := f.GetExecutionInfo(&f.gas)
			if err != nil {
				return nil, nil, err
			}
			seen = true
			legacy := starknet.LegacyTransaction{Version: want, Address: userAt, Selector: executeSelector, Calldata: []felt.Felt{u(7)}}
			if info.Tx.Version != want || info.Tx.Hash != legacy.HashInvokeV0(b.b.ChainID) || info.Tx.Account != userAt {
				t.Errorf("query %v: the contract sees version %v, hash %v", query, info.Tx.Version, info.Tx.Hash)
			}
			return nil, nil, nil
		}})
		tx := b.invoke(func(f *frame) ([]felt.Felt, []felt.Felt, error) {
			_, err := f.MetaTxV0(&f.gas, userAt, executeSelector, []felt.Felt{u(7)}, nil)
			return nil, nil, err
		})
		tx.Query = query
		out, err := b.x.Execute(b.st, b.b, tx, Options{Query: query})
		if err != nil || out.Receipt.Reverted || !seen {
			t.Errorf("query %v: %v %v", query, err, out)
		}
	}
}

// TestValidationLeaves checks Outcome.Validation for each kind of effect, and that it is nil without effects.
func TestValidationLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(f *frame) error
		want *Validation
	}{
		"nothing":    {func(*frame) error { return nil }, nil},
		"same value": {func(f *frame) error { return f.StorageWrite(&f.gas, 0, u(1), felt.Zero) }, nil},
		"storage": {func(f *frame) error {
			return errors.Join(f.StorageWrite(&f.gas, 0, u(9), u(3)), f.StorageWrite(&f.gas, 0, u(2), u(5)))
		}, &Validation{Storage: []starknet.StorageEntry{{Key: u(2), Value: u(5)}, {Key: u(9), Value: u(3)}}}},
		"class":   {func(f *frame) error { return f.ReplaceClass(&f.gas, tokenClass) }, &Validation{ClassHash: tokenClass}},
		"event":   {func(f *frame) error { return f.EmitEvent(&f.gas, nil, nil) }, &Validation{Events: 1}},
		"message": {func(f *frame) error { return f.SendMessageToL1(&f.gas, u(1), nil) }, &Validation{Messages: 1}},
	} {
		b := newBench(t)
		b.e[accountClass][validateSelector] = func(f *frame) ([]felt.Felt, []felt.Felt, error) { return []felt.Felt{validated}, nil, c.do(f) }
		b.e[tokenClass][executeSelector] = returning()
		class := b.x.Classes.find(tokenClass)
		class.Casm.EntryPoints.External = append(class.Casm.EntryPoints.External, casm.EntryPoint{Selector: executeSelector})
		out := b.accept(func(f *frame) ([]felt.Felt, []felt.Felt, error) { return nil, nil, f.EmitEvent(&f.gas, nil, nil) })
		if d := cmp.Diff(c.want, out.Validation); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestOptions checks the effects of the Options.
func TestOptions(t *testing.T) {
	b := newBench(t)
	out, err := b.x.Execute(b.st, b.b, b.invoke(returning()), Options{Hash: u(77), Diff: true})
	if err != nil || out.Receipt.TransactionHash != u(77) || out.Diff == nil || out.Receipt.Type != starknet.InvokeType {
		t.Errorf("a hash that is known: %+v %v", out, err)
	}
	if out, err = b.x.Execute(b.st, b.b, b.invoke(returning()), Options{}); err != nil || out.Diff != nil || out.FeeTransfer == nil {
		t.Errorf("no options: %+v %v", out, err)
	}
	if want := b.invoke(returning()).Hash(b.b.ChainID); out.Receipt.TransactionHash == want {
		t.Errorf("hash of another nonce: %v", want)
	}
	b.b.L2GasPrice = starknet.Uint128{}
	if out, err = b.x.Execute(b.st, b.b, b.invoke(returning()), Options{}); err != nil || out.FeeTransfer != nil || !out.Receipt.ActualFee.IsZero() {
		t.Errorf("price 0: %+v %v", out, err)
	}
	b.b.L2GasPrice = starknet.NewUint128(10)
	before := b.storage(tokenAt, BalanceKey(accountAt))
	tx := b.invoke(needing(big.NewInt(constants.MaxExecuteGas)))
	tx.ResourceBounds.L2Gas.MaxAmount = 0
	if out, err = b.x.Execute(b.st, b.b, tx, Options{SkipFee: true}); err != nil || out.FeeTransfer != nil || out.Receipt.ActualFee.IsZero() || out.Receipt.Reverted {
		t.Errorf("no fee, no bound: %+v %v", out, err)
	}
	if b.storage(tokenAt, BalanceKey(accountAt)) != before {
		t.Error("a fee that is left out is taken")
	}
	b.e[accountClass][validateSelector] = panicking(u(1))
	if out, err = b.x.Execute(b.st, b.b, b.invoke(returning()), Options{SkipValidate: true}); err != nil || out.Validate != nil {
		t.Errorf("no validation: %+v %v", out, err)
	}
	b.e[accountClass][validateSelector] = returning(validated)
	tx = b.invoke(panicking(u(1)))
	if out, err = b.x.Execute(b.st, b.b, tx, Options{ValidateOnly: true}); err != nil || out.Execute != nil || out.Validate == nil || out.FeeTransfer != nil {
		t.Errorf("validation alone: %+v %v", out, err)
	}
	tx = b.invoke(returning())
	tx.Nonce.Add(&tx.Nonce, u2(5))
	if _, err = b.x.Execute(b.st, b.b, tx, Options{FutureNonce: true}); err != nil {
		t.Errorf("a nonce of the future: %v", err)
	}
	tx = b.invoke(returning())
	tx.Nonce.Sub(&tx.Nonce, u2(1))
	if _, err = b.x.Execute(b.st, b.b, tx, Options{FutureNonce: true}); err == nil {
		t.Error("a nonce of the past is taken for one of the future")
	}
	if _, err := b.x.Execute(b.st, b.b, &starknet.Declare{SenderAddress: accountAt, Common: b.invoke(returning()).Common}, Options{}); err == nil {
		t.Error("a DECLARE without its class is executed")
	}
}

func u2(v uint64) *felt.Felt { return ptr(u(v)) }

// TestReasons checks that the numbers of the reasons are the error codes of the specification.
func TestReasons(t *testing.T) {
	raw, err := os.ReadFile(golden.Corpus(t, "rpc-spec/v0.10.2/starknet_api_openrpc.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Components struct {
			Errors map[string]struct{ Code int }
		}
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(golden.Corpus(t, "rpc-spec/v0.10.2/starknet_write_api.json")); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &spec); err != nil { // into the same map
		t.Fatal(err)
	}
	for name, r := range map[string]Reason{
		"CONTRACT_NOT_FOUND": ContractNotFound, "ENTRYPOINT_NOT_FOUND": EntrypointNotFound, "CONTRACT_ERROR": ContractError,
		"CLASS_ALREADY_DECLARED": ClassAlreadyDeclared, "INVALID_TRANSACTION_NONCE": InvalidTransactionNonce,
		"INSUFFICIENT_RESOURCES_FOR_VALIDATE": InsufficientResources,
		"INSUFFICIENT_ACCOUNT_BALANCE":        InsufficientAccountBalance,
		"VALIDATION_FAILURE":                  ValidationFailure,
		"COMPILATION_FAILED":                  CompilationFailed,
		"CONTRACT_CLASS_SIZE_IS_TOO_LARGE":    ContractClassSizeTooLarge,
		"NON_ACCOUNT":                         NonAccount,
		"COMPILED_CLASS_HASH_MISMATCH":        CompiledClassHashMismatch,
		"UNSUPPORTED_TX_VERSION":              UnsupportedTxVersion,
		"UNSUPPORTED_CONTRACT_CLASS_VERSION":  UnsupportedContractClassVersion,
		"UNEXPECTED_ERROR":                    UnexpectedError,
		"FEE_BELOW_MINIMUM":                   FeeBelowMinimum,
		"INVALID_PROOF":                       InvalidProof,
	} {
		if got := spec.Components.Errors[name].Code; got != int(r) {
			t.Errorf("%s: %d, the specification has %d", name, r, got)
		}
	}
}

// TestSierraVersion checks that a class below Sierra 1.7, whose execution Starknet charges in VM steps, is rejected.
func TestSierraVersion(t *testing.T) {
	raw, err := contracts.ClassJSON(contracts.Counter)
	if err != nil {
		t.Fatal(err)
	}
	definition := new(starknet.ContractClass)
	if err := definition.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	for minor, want := range map[uint64]Reason{6: UnsupportedContractClassVersion, 7: CompilationFailed} {
		definition.SierraProgram[1] = u(minor)
		c := NewClasses(func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error) {
			return nil, errors.New("compiled")
		})
		_, err := c.Compile(u(1), definition)
		r, ok := errors.AsType[*Rejection](err)
		if !ok || r.Reason != want {
			t.Errorf("Sierra 1.%d: %v, want reason %d", minor, err, want)
		}
		if reached := ok && strings.Contains(r.Detail, "compiled"); reached != (minor == 7) {
			t.Errorf("Sierra 1.%d: %v", minor, err)
		}
	}
}
