package native_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// TestConstants checks that the engine's builtin costs are the VM's.
func TestConstants(t *testing.T) {
	costs := vm.BuiltinCosts()
	// The VM's order is pedersen, bitwise, ec_op, poseidon, add_mod, mul_mod, blake. A GasInfo's order differs.
	for token, at := range map[int]int{1: 0, 3: 1, 4: 2, 2: 3, 5: 4, 6: 5, 7: 6} {
		if got := felt.FromUint64(native.GasTokens[token]); got != costs[at] {
			t.Errorf("token %d costs %v, the VM says %v", token, got, costs[at])
		}
	}
	if native.GasTokens[0] != 1 {
		t.Errorf("gas costs %d", native.GasTokens[0])
	}
}

// TestFallback checks that a class whose gas costs are not known runs on the VM, and that a class does so until it is compiled.
func TestFallback(t *testing.T) {
	e, err := native.NewEngine(vm.NewEngine(), native.Options{Background: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	class := contract(t, contracts.Fibonacci)
	ep := class.Casm.EntryPoints.External[0]
	call := cairo.Call{Class: class, Selector: ep.Selector, Calldata: felts(10), Gas: 1e8}
	for i := range 3 {
		if i == 2 {
			if err := e.Prepare(class); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := newChain(e, class).run(call); err != nil {
			t.Fatal(err)
		}
	}
	without := *class
	without.Gas = nil
	without.Hash = felt.FromUint64(5)
	call.Class = &without
	if _, err := newChain(e, &without).run(call); err != nil {
		t.Fatal(err)
	}
	s := e.Stats()
	if s[native.ReasonClass] != 1 || s["native"] < 1 || s["native"]+s[native.ReasonPending] != 3 {
		t.Errorf("runs were %v", s)
	}
}

// TestPrecompile checks that Precompile compiles a class in the background, so that its first call is native.
func TestPrecompile(t *testing.T) {
	e, err := native.NewEngine(vm.NewEngine(), native.Options{Background: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	class := contract(t, contracts.Fibonacci)
	e.Precompile(class)
	if n, _, _, _ := e.Classes(); n != 1 {
		t.Fatalf("%d classes, want the one that Precompile named", n)
	}
	if err := e.Prepare(class); err != nil { // waits
		t.Fatal(err)
	}
	call := cairo.Call{Class: class, Selector: class.Casm.EntryPoints.External[0].Selector, Calldata: felts(10), Gas: 1e8}
	if _, err := newChain(e, class).run(call); err != nil {
		t.Fatal(err)
	}
	e.Precompile(class)
	e.Precompile(&cairo.Class{})
	if s := e.Stats(); s["native"] != 1 || len(s) != 1 {
		t.Errorf("runs were %v, want one native one", s)
	}
	waits := newEngine(t) // compiles a class on its first call
	waits.Precompile(class)
	if n, _, _, _ := waits.Classes(); n != 0 {
		t.Errorf("an engine that does not compile in the background has %d classes, want 0", n)
	}
}

// TestUnknownEntryPoint checks that calls without an entry point, or with too little gas for one, end as on the VM.
func TestUnknownEntryPoint(t *testing.T) {
	e := newEngine(t)
	class := contract(t, contracts.ERC20)
	c := newComparer(e, class)
	for _, call := range []cairo.Call{
		{Class: class, Selector: felt.One, Gas: 1e8},
		{Class: class, Selector: felt.One, Gas: 0},
		{Class: class, Selector: selector("transfer"), Gas: 9999},
		{Class: class, Type: cairo.L1Handler, Selector: selector("transfer"), Gas: 1e8},
		{Class: class, Selector: selector("transfer"), Gas: 1 << 63},
	} {
		if diff, _ := c.call(call); diff != "" {
			t.Errorf("%v with %d gas: %s", call.Selector, call.Gas, diff)
		}
	}
}

// TestInterpreter checks that wazero's interpreter has the VM's results.
func TestInterpreter(t *testing.T) {
	e, err := native.NewEngine(vm.NewEngine(), native.Options{Interpreter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	runs, failed := differ(t, e, readClass(t, edgesClass), 12, 8)
	t.Logf("%d runs, %d failed, %v", runs, failed, e.Stats())
}

// TestConcurrent checks that concurrent runs of several classes have the VM's results.
func TestConcurrent(t *testing.T) {
	e := newEngine(t)
	var classes []*cairo.Class
	for _, name := range contracts.Names() {
		classes = append(classes, contract(t, name))
	}
	reference := vm.NewEngine()
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(k), 3))
			deadline := time.Now().Add(2 * time.Second)
			for i := 0; i < 60 && time.Now().Before(deadline); i++ {
				class := classes[r.IntN(len(classes))]
				ep := class.Casm.EntryPoints.External[r.IntN(len(class.Casm.EntryPoints.External))]
				args, _ := abis[class.Hash].arguments(r, ep.Selector)
				call := cairo.Call{Class: class, Selector: ep.Selector, Calldata: args, Gas: 3_000_000}
				a, b := newChain(reference, class), newChain(e, class)
				want, wantErr := a.run(call)
				got, gotErr := b.run(call)
				want.Steps = 0
				if x, y := fmt.Sprint(want, wantErr, a.log), fmt.Sprint(got, gotErr, b.log); x != y {
					t.Errorf("%v(%v):\n vm     %s\n native %s", ep.Selector, args, x, y)
				}
			}
		})
	}
	wg.Wait()
}

// TestEviction checks that an engine that keeps two classes compiles evicted classes again, with equal results, and frees their code.
func TestEviction(t *testing.T) {
	e, err := native.NewEngine(vm.NewEngine(), native.Options{MaxClasses: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for range 2 {
		for _, name := range contracts.Names() {
			differ(t, e, contract(t, name), 21, 3)
		}
	}
	n, instances, counted, real := e.Classes()
	if n > 2 || instances > 2 || instances == 0 || counted != real || real == 0 {
		t.Errorf("%d classes, %d free instances, %d bytes counted, %d in free arenas", n, instances, counted, real)
	}
}

// TestSignature checks that a contract that verifies signatures accepts valid ones and rejects others, on both engines.
func TestSignature(t *testing.T) {
	e := newEngine(t)
	class := readClass(t, "testdata/curves.contract_class.json")
	c := newComparer(e, class)
	for i := range uint64(6) {
		key, hash := felt.FromUint64(12345+i), felt.FromUint64(1<<40+i*i)
		public, err := starkcurve.PublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		r, s, err := starkcurve.Sign(key, hash)
		if err != nil {
			t.Fatal(err)
		}
		want := felt.One
		if i%2 == 1 {
			hash.Add(&hash, &felt.One)
			want = felt.Zero
		}
		diff, res := c.call(cairo.Call{Class: class, Selector: selector("signature"), Calldata: []felt.Felt{hash, public, r, s}, Gas: 1e8})
		if diff != "" {
			t.Error(diff)
		}
		if res.Failed || len(res.Retdata) != 1 || res.Retdata[0] != want {
			t.Errorf("signature %d: %v, want %v", i, res, want)
		}
	}
	if n := e.Stats()["native"]; n != 6 {
		t.Errorf("%d native runs, want 6: %v", n, e.Stats())
	}
}
