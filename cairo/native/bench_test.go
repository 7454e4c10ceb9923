package native_test

import (
	"syscall"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
)

// benchRows are functions of the contract in scripts/bench/engine, which repeat their work n times.
var benchRows = []struct {
	name string
	n    uint64
}{
	{"fib", 100_000}, {"factorial", 100_000}, {"felt_mul", 100_000}, {"u128_arithmetic", 20_000}, {"u256_arithmetic", 5_000},
	{"array_append", 64_000}, {"array_sum", 64_000}, {"span_at", 50_000}, {"dict_insert", 20_000}, {"dict_entry", 20_000},
	{"sort", 2_000}, {"hades", 500}, {"pedersen", 200},
}

const benchClass = "../../scripts/bench/engine/bench.contract_class.json"

func benchCall(class *cairo.Class, name string, n uint64) cairo.Call {
	return cairo.Call{Class: class, Selector: selector(name), Calldata: felts(n), Gas: 1 << 50}
}

// TestBenchRows checks that the measured functions have the same results on both engines, with few repetitions.
func TestBenchRows(t *testing.T) {
	class := readClass(t, benchClass)
	e := newEngine(t)
	if err := e.Prepare(class); err != nil {
		t.Fatal(err)
	}
	c := newComparer(e, class)
	for _, row := range benchRows {
		diff, res := c.call(benchCall(class, row.name, row.n/50+3))
		if diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
		if res.Failed {
			t.Errorf("%s panics: %v", row.name, res.Retdata)
		}
	}
}

// runBench measures a call whose work is n iterations.
func runBench(b *testing.B, e cairo.Engine, call cairo.Call, n uint64) {
	c := newChain(e, call.Class)
	c.quiet = true
	// Measure processor time, since the machine is rarely idle.
	cpu := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := cpu()
	for b.Loop() {
		res, err := c.run(call)
		if err != nil || res.Failed {
			b.Fatal(res, err)
		}
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N)/float64(n), "cpu-ns/iteration")
}

// BenchmarkNative runs benchRows on the native engine.
func BenchmarkNative(b *testing.B) {
	class := readClass(b, benchClass)
	e := newEngine(b)
	for _, row := range benchRows {
		b.Run(row.name, func(b *testing.B) { runBench(b, e, benchCall(class, row.name, row.n), row.n) })
	}
}

// BenchmarkVM runs benchRows on the VM, with fewer iterations.
func BenchmarkVM(b *testing.B) {
	class := readClass(b, benchClass)
	for _, row := range benchRows {
		n := row.n/20 + 10
		b.Run(row.name, func(b *testing.B) { runBench(b, vm.NewEngine(), benchCall(class, row.name, n), n) })
	}
}

// transfer returns a transfer of 0 ERC20 tokens, which reads and writes balances as a transfer of any amount does.
func transfer(c *chain) cairo.Call {
	return cairo.Call{Class: c.class, Selector: selector("transfer"), Contract: felt.FromUint64(0xc0), Calldata: felts(0x12, 0, 0), Gas: 100_000_000}
}

// BenchmarkTransfer runs an ERC20 transfer on each engine.
func BenchmarkTransfer(b *testing.B) {
	class := contract(b, contracts.ERC20)
	for name, e := range map[string]cairo.Engine{"native": newEngine(b), "vm": vm.NewEngine()} {
		b.Run(name, func(b *testing.B) {
			c := newChain(e, class)
			runBench(b, e, transfer(c), 1)
		})
	}
}
