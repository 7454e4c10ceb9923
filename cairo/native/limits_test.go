package native_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
)

const edgesClass = "testdata/edges.contract_class.json"

// TestGarbage checks that garbage in the memory of free arenas changes no result.
func TestGarbage(t *testing.T) {
	e := newEngine(t)
	class := readClass(t, edgesClass)
	r := rand.New(rand.NewPCG(8, 9))
	c := newComparer(e, class)
	garbled := 0
	for range 6 {
		for _, ep := range class.Casm.EntryPoints.External {
			args, _ := abis[class.Hash].arguments(r, ep.Selector)
			if diff, _ := c.call(cairo.Call{Class: class, Selector: ep.Selector, Calldata: args, Gas: 20_000_000}); diff != "" {
				t.Errorf("%v(%v): %s", ep.Selector, args, diff)
			}
			garbled += e.Garble(r)
		}
	}
	if garbled < 50 {
		t.Errorf("only %d instances were garbled", garbled)
	}
}

// TestStacks checks that the stack of a deep recursion is freed with its run, and that functions with small stacks are kept.
func TestStacks(t *testing.T) {
	e := newEngine(t)
	class := readClass(t, edgesClass)
	var heap [2]uint64
	for i, n := range []uint64{10, 200_000} {
		call := cairo.Call{Class: class, Selector: selector("recursion"), Calldata: felts(n), Gas: 1 << 60}
		if res, err := newChain(e, class).run(call); err != nil || res.Failed {
			t.Fatal(res, err)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[i] = m.HeapAlloc
	}
	if heap[1] > heap[0]+8<<20 {
		t.Errorf("%d bytes are held after a deep recursion, %d before", heap[1], heap[0])
	}
	c := callers(t, e)
	for range 3 {
		for _, n := range []uint64{1, 100} {
			if diff, _ := c.call(cairo.Call{Class: c.vm.class, Selector: selector("send"), Calldata: felts(n, 3, 1), Gas: 1e9}); diff != "" {
				t.Error(diff)
			}
		}
	}
	if n := e.Kept(); n != 2 {
		t.Errorf("%d functions are kept, want those of send and give", n)
	}
}

// TestCeilings checks that a run that exceeds the limit of stack or memory ends with ErrFallback, and that the engine works afterwards.
func TestCeilings(t *testing.T) {
	e := newEngine(t)
	class := readClass(t, edgesClass)
	for _, c := range []struct {
		name   string
		n      uint64
		reason string
	}{
		{"recursion", 10_000, ""},
		{"recursion", 1 << 31, native.ReasonStack},
		{"memory", 10_000, ""},
		{"memory", 1 << 31, native.ReasonMemory},
	} {
		start := time.Now()
		chain := newChain(e, class)
		_, err := chain.run(cairo.Call{Class: class, Selector: selector(c.name), Calldata: felts(c.n), Gas: 1 << 60})
		took := time.Since(start)
		var f *cairo.FallbackError
		if errors.As(err, &f); (f == nil) != (c.reason == "") || f != nil && f.Reason != c.reason {
			t.Errorf("%s(%d): %v, want the reason %q", c.name, c.n, err, c.reason)
		}
		if err != nil && !errors.Is(err, cairo.ErrFallback) {
			t.Errorf("%s(%d): %v is not ErrFallback", c.name, c.n, err)
		}
		t.Logf("%s(%d) took %v", c.name, c.n, took)
	}
	// A class that fell back 8 times runs on the VM.
	deep := cairo.Call{Class: class, Selector: selector("recursion"), Calldata: felts(1 << 31), Gas: 1 << 60}
	for range 6 {
		if _, err := newChain(e, class).run(deep); !errors.Is(err, cairo.ErrFallback) {
			t.Errorf("recursion: %v, want ErrFallback", err)
		}
	}
	deep.Gas = 1_000_000
	if res, err := newChain(e, class).run(deep); err != nil || !res.Failed {
		t.Errorf("recursion without gas: %v, %v", res, err)
	}
	if s := e.Stats(); s[native.ReasonOften] != 1 || s[native.ReasonStack] != 7 {
		t.Errorf("runs were %v, want 7 without stack and one that began on the VM", s)
	}
	t.Log(fmt.Sprint(e.Stats()))
}
