package native_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
)

const callsClass = "testdata/calls.contract_class.json"

// callers returns a comparer whose contracts 1 to 5 have classes with different hashes and the code of callsClass; contract 6 has the
// class edgesClass.
func callers(t testing.TB, e *native.Engine) *comparer {
	class := readClass(t, callsClass)
	c := newComparer(e, class)
	c.vm.others = map[felt.Felt]*cairo.Class{}
	for i := uint64(1); i <= 5; i++ {
		other := *class
		other.Hash = felt.FromUint64(i)
		c.vm.others[other.Hash] = &other
	}
	c.vm.others[felt.FromUint64(6)] = readClass(t, edgesClass)
	c.native.others = c.vm.others
	return c
}

// TestCalls checks that random trees of calls have the VM's results. Their frames share a memory and pass spans to each other; some frames
// panic, some run out of gas, and some runs end with an error. Some runs get a new arena. Memory that nothing may read holds garbage.
func TestCalls(t *testing.T) {
	n := 300
	if os.Getenv("STARKD_FULL") != "" {
		n = 10_000
	}
	e := newEngine(t)
	c := callers(t, e)
	r := rand.New(rand.NewPCG(3, 1))
	pair := cairo.Both(e, vm.NewEngine())
	calls, panics, broken := 0, 0, 0
	for i := range n {
		if c.native.engine = e; r.IntN(4) == 0 {
			c.native.engine = pair
		}
		data := make([]felt.Felt, r.IntN(30))
		if r.IntN(10) == 0 {
			data = make([]felt.Felt, r.IntN(3000))
		}
		for i := range data {
			data[i] = randomFelt(r)
		}
		args := append(felts(r.Uint64(), uint64(1+r.IntN(5)), uint64(len(data))), data...)
		call := cairo.Call{Class: c.vm.class, Selector: selector("weave"), Calldata: args, Gas: 1_000_000_000}
		if r.IntN(3) == 0 {
			call.Gas = uint64(r.IntN(30_000_000))
		}
		if r.IntN(5) == 0 {
			c.vm.left = 1 + r.IntN(40)
			c.native.left = c.vm.left
		}
		if r.IntN(4) == 0 {
			e.Garble(r)
		}
		if r.IntN(4) == 0 {
			e.Forget()
		}
		diff, res := c.call(call)
		if diff != "" {
			t.Fatalf("run %d of %v with %d gas: %s", i, args, call.Gas, diff)
		}
		if c.vm.left == 0 && res.GasLeft == 0 {
			broken++
		}
		c.vm.left, c.native.left = 0, 0
		calls += len(c.native.log)
		if res.Failed {
			panics++
		}
	}
	t.Logf("%d runs with %d syscalls, %d panicked, %d ended with an error, %v", n, calls, panics, broken, e.Stats())
	if s := e.Stats(); len(s) != 1 || s["native"] < uint64(2*n) || panics == 0 || broken == 0 {
		t.Errorf("runs were %v, want more than %d, all of them native", s, 2*n)
	}
}

// TestCallsAcrossEngines checks trees of calls in one session in which some classes run on the VM. The results must equal those of the VM
// with a session for every call, where all arrays are copied.
func TestCallsAcrossEngines(t *testing.T) {
	n := 100
	if os.Getenv("STARKD_FULL") != "" {
		n = 3000
	}
	for _, onVM := range [][]uint64{{5}, {4}, {3, 5}} { // contracts that weave calls
		e := newEngine(t)
		c := callers(t, e)
		c.vm.apart = true
		for _, i := range onVM {
			c.vm.others[felt.FromUint64(i)].Gas = nil
		}
		r := rand.New(rand.NewPCG(5, 8))
		for i := range n {
			data := make([]felt.Felt, r.IntN(300))
			for i := range data {
				data[i] = randomFelt(r)
			}
			args := append(felts(r.Uint64(), uint64(1+r.IntN(5)), uint64(len(data))), data...)
			e.Garble(r)
			diff, _ := c.call(cairo.Call{Class: c.vm.class, Selector: selector("weave"), Calldata: args, Gas: 1_000_000_000})
			if diff != "" {
				t.Fatalf("classes %v on the VM, run %d of %v: %s", onVM, i, args, diff)
			}
		}
		if s := e.Stats(); len(s) != 2 || s["native"] < uint64(n) || s[native.ReasonClass] < uint64(n)/2 {
			t.Errorf("classes %v on the VM: runs were %v, want some hundred on each engine", onVM, s)
		}
	}
}

// TestSpansStay checks that passing a span to another frame and back, any number of times, does not copy it.
func TestSpansStay(t *testing.T) {
	e := newEngine(t)
	c := callers(t, e)
	for _, n := range []uint64{0, 1, 40, 3000} {
		for back := range uint64(2) {
			call := cairo.Call{Class: c.vm.class, Selector: selector("send"), Calldata: felts(n, 30, back), Gas: 1 << 50}
			if diff, res := c.call(call); diff != "" || res.Failed != (n == 0 && back == 1) {
				t.Fatalf("send%v: %v, %s", call.Calldata, res, diff)
			}
		}
	}
	chain := newChain(e, c.vm.class)
	chain.quiet, chain.others = true, c.vm.others
	call := cairo.Call{Class: c.vm.class, Selector: selector("send"), Calldata: felts(100_000, 30, 1), Gas: 1 << 50}
	for i := range 2 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, err := chain.run(call)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; err != nil || res.Failed || i > 0 && n > 1<<20 {
			t.Errorf("%v, %v: %d bytes are allocated outside of the memory", res, err, n)
		}
	}
	const most = 16 << 20 // the numbers take 3.2 MB, and twice that as their array grows
	if _, _, _, memory := e.Classes(); memory > most {
		t.Errorf("%d bytes of memory, at most %d are needed", memory, most)
	}
}

// TestSpansStayOnTheVM checks that the VM reads a span once even if it goes to another frame and back many times, with the results that it
// has when it copies spans.
func TestSpansStayOnTheVM(t *testing.T) {
	e := newEngine(t)
	class, others := callers(t, e).vm.class, callers(t, e).vm.others
	for back := range uint64(2) {
		var results [2]cairo.Result
		for i := range results {
			chain := newChain(vm.NewEngine(), class)
			chain.quiet, chain.others = true, others
			call := cairo.Call{Class: class, Selector: selector("send"), Calldata: felts(20_000, 200, back), Gas: 1 << 50}
			chain.apart = i == 1 // so that spans are copied
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			res, err := chain.run(call)
			runtime.ReadMemStats(&after)
			if err != nil || res.Failed {
				t.Fatalf("%+v, %v", res, err)
			}
			results[i] = res
			if n := after.TotalAlloc - before.TotalAlloc; i == 0 && n > 32<<20 {
				t.Errorf("back %d: %d bytes are allocated, 200 copies of the span are 128 MB", back, n)
			}
		}
		if a, b := results[0], results[1]; !slices.Equal(a.Retdata, b.Retdata) || a.GasLeft != b.GasLeft || a.Steps != b.Steps {
			t.Errorf("back %d: %+v, with copies %+v", back, a, b)
		}
	}
}

// TestBlame checks that a class that takes too much stack or memory runs on the VM after some fallbacks, and that classes that call it or
// are called by it stay native.
func TestBlame(t *testing.T) {
	e := newEngine(t)
	innocent, deep := readClass(t, callsClass), readClass(t, edgesClass)
	greedy, other := *innocent, *innocent
	greedy.Hash, other.Hash = felt.One, felt.FromUint64(2)
	run := func(class *cairo.Class, gas uint64, args ...felt.Felt) (string, error) {
		chain := newChain(e, class)
		chain.quiet, chain.others = true, map[felt.Felt]*cairo.Class{felt.One: &greedy, felt.FromUint64(2): &other, felt.FromUint64(3): deep}
		before := e.Stats()
		_, err := chain.run(cairo.Call{Class: class, Selector: selector("relay"), Calldata: args, Gas: gas})
		var what []string
		for reason, n := range e.Stats() {
			what = append(what, fmt.Sprintf("%d %s", n-before[reason], reason))
		}
		slices.Sort(what)
		what = slices.DeleteFunc(what, func(s string) bool { return s[0] == '0' })
		return strings.Join(what, ", "), err
	}
	num := felt.FromUint64
	recurse := []felt.Felt{num(0), num(3), selector("recursion"), num(1), num(1 << 31)}
	// The greedy class holds 128 MB while the other class allocates as much.
	const half = 1 << 21
	hold := []felt.Felt{num(0), num(1), selector("relay"), num(7), num(half), num(2), selector("send"), num(3), num(2 * half), num(1), num(0)}
	for i := range 8 {
		if what, err := run(innocent, 1<<60, recurse...); what != "2 stack" || !errors.Is(err, cairo.ErrFallback) {
			t.Errorf("recursion, time %d: %v, %v", i, what, err)
		}
		if what, err := run(innocent, 1<<60, hold...); what != "3 memory" || !errors.Is(err, cairo.ErrFallback) {
			t.Errorf("memory, time %d: %v, %v", i, what, err)
		}
	}
	if what, err := run(innocent, 1e6, recurse...); what != "1 native, 1 often" || err != nil {
		t.Errorf("recursion: %v, %v, want a call on the VM from native code", what, err)
	}
	hold[4], hold[8] = num(1), num(1)
	if what, err := run(innocent, 1e8, hold...); what != "2 native, 2 often" || err != nil {
		t.Errorf("memory: %v, %v, want a call on the VM from native code, which calls native code, which calls the first again", what, err)
	}
}

// BenchmarkCalls runs calls of another contract that send numbers and get their count or the numbers back.
func BenchmarkCalls(b *testing.B) {
	class := readClass(b, callsClass)
	for name, e := range map[string]cairo.Engine{"native": newEngine(b), "vm": vm.NewEngine()} {
		for _, n := range []uint64{1, 100, 1000} {
			for back, what := range []string{"sent", "returned"} {
				b.Run(fmt.Sprintf("%s/%d/%s", name, n, what), func(b *testing.B) {
					const times = 500
					call := cairo.Call{Class: class, Selector: selector("send"), Calldata: felts(n, times, uint64(back)), Gas: 1 << 50}
					runBench(b, e, call, times)
				})
			}
		}
	}
}
