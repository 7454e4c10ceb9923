package native_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
)

// stopWithin bounds the time until a stopped run ends. It usually takes a hundredth of that, but the machine may be busy.
const stopWithin = 10 * time.Second

// stopped runs f, which would take very long, and checks that it ends soon after its stop flag is set.
func stopped(t *testing.T, name string, f func(stop *atomic.Bool) error) {
	t.Helper()
	stop := new(atomic.Bool)
	ended := make(chan error, 1)
	go func() { ended <- f(stop) }()
	time.Sleep(20 * time.Millisecond)
	select {
	case err := <-ended:
		t.Fatalf("%s ends before it is stopped: %v", name, err)
	default:
	}
	stop.Store(true)
	began := time.Now()
	select {
	case err := <-ended:
		if !errors.Is(err, cairo.ErrInterrupted) {
			t.Fatalf("%s ends with %v", name, err)
		}
		t.Logf("%s ends after %v", name, time.Since(began))
	case <-time.After(stopWithin):
		t.Fatalf("%s still runs %v after it was stopped", name, stopWithin)
	}
}

// TestStop checks that each engine ends a run soon after its Stop is set, and that it works afterwards.
func TestStop(t *testing.T) {
	class := readClass(t, benchClass)
	e := newEngine(t)
	if err := e.Prepare(class); err != nil {
		t.Fatal(err)
	}
	for name, engine := range map[string]cairo.Engine{"native": e, "vm": vm.NewEngine(), "both": cairo.Both(e, vm.NewEngine())} {
		c := newChain(engine, class)
		for _, row := range []string{"fib", "pedersen", "dict_insert"} {
			stopped(t, name+" "+row, func(stop *atomic.Bool) error {
				call := benchCall(class, row, 1<<31)
				call.Stop, call.Gas = stop, 1<<62
				_, err := c.run(call)
				return err
			})
		}
		call := benchCall(class, "fib", 10)
		call.Stop = new(atomic.Bool)
		res, err := c.run(call)
		if err != nil || res.Failed {
			t.Errorf("%s after an interruption: %v, %v", name, res, err)
		}
		set := new(atomic.Bool)
		set.Store(true)
		call = benchCall(class, "fib", 100_000)
		call.Stop = set
		if _, err := c.run(call); !errors.Is(err, cairo.ErrInterrupted) {
			t.Errorf("%s with Stop set before: %v", name, err)
		}
	}
}

// doublings returns a program that withdraws no gas, in which each of n functions calls the previous one twice.
func doublings(n int) string {
	var b strings.Builder
	b.WriteString("type felt252 = felt252;\n\nlibfunc felt252_mul = felt252_mul;\nlibfunc dup = dup<felt252>;\nlibfunc store = store_temp<felt252>;\n")
	for i := range n {
		fmt.Fprintf(&b, "libfunc call%d = function_call<user@[%d]>;\n", i, i)
	}
	b.WriteString("\ndup([0]) -> ([0], [1]);\nfelt252_mul([0], [1]) -> ([2]);\nstore([2]) -> ([2]);\nreturn([2]);\n")
	for i := range n {
		fmt.Fprintf(&b, "store([0]) -> ([0]);\ncall%d([0]) -> ([1]);\nstore([1]) -> ([1]);\ncall%d([1]) -> ([2]);\nstore([2]) -> ([2]);\nreturn([2]);\n", i, i)
	}
	b.WriteString("\n[0]@0([0]: felt252) -> (felt252);\n")
	for i := range n {
		fmt.Fprintf(&b, "[%d]@%d([0]: felt252) -> (felt252);\n", i+1, 4+6*i)
	}
	return b.String()
}

// TestStopWithoutWithdrawals checks that code that runs for long without a withdrawal of gas can be stopped.
func TestStopWithoutWithdrawals(t *testing.T) {
	const depth = 19
	p, err := sierra.ParseText(doublings(depth))
	if err != nil {
		t.Fatal(err)
	}
	r, err := sierra.NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	info, err := compiler.GasInfoOf(r, sierra.EntryPoints{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := newEngine(t).Functions(p, info)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// The first run is not stopped and leaves the count of statements at an arbitrary value.
	stop := new(atomic.Bool)
	for _, set := range []bool{false, true, false} {
		stop.Store(set)
		f.Begin(nil)
		f.Stop(stop)
		if _, err := f.Call(depth, []uint64{3, 0, 0, 0}); errors.Is(err, cairo.ErrInterrupted) != set || !set && err != nil {
			t.Fatalf("with Stop %t it ends with %v", set, err)
		}
	}
}
