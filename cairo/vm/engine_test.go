package vm

import (
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet/constants"
)

// testChain answers the syscalls of one contract.
type testChain struct {
	engine  *Engine
	class   *cairo.Class
	storage map[felt.Felt]felt.Felt
	events  [][]felt.Felt
	fail    error // the error of StorageRead, or nil
	depth   int
}

const testSyscallCost = 5000

func (c *testChain) charge(gas *uint64, n uint64) error {
	if *gas < n {
		return &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString("Out of gas")}}
	}
	*gas -= n
	return nil
}

func (c *testChain) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	if c.fail != nil {
		return felt.Felt{}, c.fail
	}
	return c.storage[key], c.charge(gas, testSyscallCost)
}

func (c *testChain) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	if err := c.charge(gas, testSyscallCost); err != nil {
		return err
	}
	c.storage[key] = value
	return nil
}

func (c *testChain) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	c.events = append(c.events, append(append([]felt.Felt{}, keys...), data...))
	return c.charge(gas, testSyscallCost)
}

func (c *testChain) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if err := c.charge(gas, testSyscallCost); err != nil {
		return nil, err
	}
	if c.depth++; c.depth > 20 {
		return nil, errors.New("too deep")
	}
	defer func() { c.depth-- }()
	if c.class.Casm.EntryPoint(cairo.External, selector) == nil {
		return nil, &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString("ENTRYPOINT_NOT_FOUND")}}
	}
	res, err := cairo.Run(c.engine, cairo.Call{Class: c.class, Selector: selector, Calldata: calldata, Gas: *gas}, c)
	if err != nil {
		return nil, err
	}
	*gas = res.GasLeft
	if res.Failed {
		return nil, &cairo.SyscallFailure{Data: append(res.Retdata, felt.FromShortString("ENTRYPOINT_FAILED"))}
	}
	return res.Retdata, nil
}

func (c *testChain) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	return c.CallContract(gas, felt.Felt{}, selector, calldata)
}

func (c *testChain) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	return salt, nil, c.charge(gas, testSyscallCost)
}

func (c *testChain) GetExecutionInfo(gas *uint64) (*cairo.ExecutionInfo, error) {
	return &cairo.ExecutionInfo{
		BlockNumber: 7, BlockTimestamp: 1700000000, Sequencer: felt.FromUint64(0x5e9),
		Caller: felt.FromUint64(0xca11e6), Contract: felt.FromUint64(0xc0), Selector: felt.One,
		Tx: &cairo.TxInfo{Version: felt.FromUint64(3), Signature: []felt.Felt{felt.One}},
	}, c.charge(gas, testSyscallCost)
}

func (c *testChain) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	return felt.FromUint64(number), c.charge(gas, testSyscallCost)
}

func (c *testChain) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	return felt.FromUint64(0xc1a55), c.charge(gas, testSyscallCost)
}

func (c *testChain) ReplaceClass(gas *uint64, class felt.Felt) error {
	return c.charge(gas, testSyscallCost)
}

func (c *testChain) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	return c.charge(gas, testSyscallCost)
}

func (c *testChain) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	return nil, c.charge(gas, testSyscallCost)
}

func (c *testChain) Meter(gas *uint64, selector cairo.Selector, units uint64) error {
	return c.charge(gas, testSyscallCost*units)
}

func newTestChain(t testing.TB, path string) *testChain {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	class, err := casm.DecodeClass(text)
	if err != nil {
		t.Fatal(err)
	}
	return &testChain{engine: NewEngine(), class: &cairo.Class{Casm: class}, storage: make(map[felt.Felt]felt.Felt)}
}

func projectClass(t testing.TB, name string) string {
	return filepath.Join(golden.ModuleRoot(t), "contracts", "testdata", name+".compiled_contract_class.json")
}

func (c *testChain) call(name string, gas uint64, calldata ...uint64) (cairo.Result, error) {
	var data []felt.Felt
	for _, v := range calldata {
		data = append(data, felt.FromUint64(v))
	}
	return cairo.Run(c.engine, cairo.Call{Class: c.class, Selector: keccak.Starknet([]byte(name)), Calldata: data, Gas: gas}, c)
}

func (c *testChain) mustCall(t testing.TB, name string, calldata ...uint64) []felt.Felt {
	t.Helper()
	res, err := c.call(name, 1_000_000_000, calldata...)
	if err != nil {
		t.Fatalf("%s%v: %v", name, calldata, err)
	}
	if res.Failed {
		t.Fatalf("%s%v panicked: %v", name, calldata, res.Retdata)
	}
	return res.Retdata
}

// TestFibonacciContract checks the results of the fibonacci class.
func TestFibonacciContract(t *testing.T) {
	c := newTestChain(t, projectClass(t, "fibonacci"))
	a, b := big.NewInt(0), big.NewInt(1)
	for n := range uint64(200) {
		got := c.mustCall(t, "fib", n)
		if len(got) != 1 || got[0] != felt.FromBigInt(a) {
			t.Fatalf("fib(%d) = %v, want %v", n, got, a)
		}
		a, b = b, new(big.Int).Add(a, b)
	}
	c.mustCall(t, "store", 50)
	if got := c.mustCall(t, "stored"); got[0] != felt.FromUint64(12586269025) {
		t.Errorf("stored fib(50) = %v", got)
	}
}

// TestCounterContract checks storage, events, panics and inner calls of the counter class.
func TestCounterContract(t *testing.T) {
	c := newTestChain(t, projectClass(t, "counter"))
	res, err := cairo.Run(c.engine, cairo.Call{
		Class: c.class, Type: cairo.Constructor, Selector: keccak.Starknet([]byte("constructor")),
		Calldata: []felt.Felt{felt.FromUint64(1)}, Gas: 1e8,
	}, c)
	if err != nil || res.Failed {
		t.Fatalf("constructor: %v %v", res, err)
	}
	c.mustCall(t, "increment")
	if got := c.mustCall(t, "get"); got[0] != felt.FromUint64(2) {
		t.Errorf("count = %v, want 2", got)
	}
	if len(c.events) != 1 || c.events[0][len(c.events[0])-1] != felt.FromUint64(2) {
		t.Errorf("events: %v", c.events)
	}
	c.mustCall(t, "decrement")
	c.mustCall(t, "decrement")
	res, err = c.call("decrement", 1e8)
	if err != nil || !res.Failed || res.Retdata[0] != felt.FromShortString("Counter: below zero") {
		t.Errorf("decrement at 0: %+v %v", res, err)
	}
	// A contract can handle the failure of an inner call.
	if got := c.mustCall(t, "try_decrement_other", 5); !got[0].IsZero() {
		t.Errorf("try_decrement_other = %v, want 0", got)
	}
}

// TestEngineOutcomes checks calls without gas, calls that fail, and the gas and steps of calls that succeed.
func TestEngineOutcomes(t *testing.T) {
	c := newTestChain(t, projectClass(t, "fibonacci"))
	res, err := c.call("fib", constants.EntryPointGas-1, 5)
	if err != nil || !res.Failed || res.GasLeft != constants.EntryPointGas-1 || res.Retdata[0] != felt.FromShortString("Out of gas") {
		t.Errorf("without the entry budget: %+v %v", res, err)
	}
	if res, err = c.call("fib", 20000, 100000); err != nil || !res.Failed || res.Retdata[0] != felt.FromShortString("Out of gas") {
		t.Errorf("out of gas: %+v %v", res, err)
	}
	if _, err := c.call("nothing", 1e6); err == nil {
		t.Error("an unknown entry point ran")
	} else if _, ok := errors.AsType[*cairo.RunError](err); !ok {
		t.Errorf("unknown entry point: %T", err)
	}
	// An error of Syscalls is returned unchanged.
	c.fail = errors.New("disk on fire")
	if _, err := c.call("stored", 1e8); !errors.Is(err, c.fail) {
		t.Errorf("error of Syscalls: %v", err)
	}
	// The gas is proportional to the work.
	c.fail = nil
	small, _ := c.call("fib", 1e9, 10)
	large, _ := c.call("fib", 1e9, 1010)
	if d := small.GasLeft - large.GasLeft; d%1000 != 0 || d == 0 {
		t.Errorf("1000 iterations cost %d gas", d)
	}
	if small.Steps == 0 || large.Steps <= small.Steps {
		t.Errorf("steps: %d and %d", small.Steps, large.Steps)
	}
}

// TestCorpusClasses calls every entry point of the corpus's classes with a few arguments. It does not check the results,
// only that compiled code never breaks a rule of the machine.
func TestCorpusClasses(t *testing.T) {
	var files []string
	for _, dir := range golden.ClassFolders(t) {
		more, _ := filepath.Glob(filepath.Join(dir, "*.compiled_contract_class.json"))
		files = append(files, more...)
	}
	if want := golden.Count(t, 40, 13); len(files) < want {
		t.Fatalf("%d classes, want %d", len(files), want)
	}
	calls, returned, panicked := 0, 0, 0
	for _, path := range files {
		c := newTestChain(t, path)
		lists := [][]casm.EntryPoint{c.class.Casm.EntryPoints.External, c.class.Casm.EntryPoints.L1Handler, c.class.Casm.EntryPoints.Constructor}
		for kind, list := range lists {
			for _, ep := range list {
				for n := range 8 {
					var calldata []felt.Felt
					for i := range n {
						calldata = append(calldata, felt.FromUint64(uint64((i*7+n)%5)))
					}
					calls++
					res, err := cairo.Run(c.engine, cairo.Call{
						Class: c.class, Type: cairo.EntryPointType(kind), Selector: ep.Selector, Calldata: calldata, Gas: 1e7,
					}, c)
					switch {
					case err != nil && err.Error() != "too deep":
						t.Errorf("%s %v%v: %v", filepath.Base(path), ep.Selector, calldata, err)
					case res.Failed:
						panicked++
					case err == nil:
						returned++
					}
					if res.GasLeft > 1e7 {
						t.Errorf("%s %v%v: %d gas left", filepath.Base(path), ep.Selector, calldata, res.GasLeft)
					}
				}
			}
		}
	}
	t.Logf("%d calls: %d returned, %d panicked", calls, returned, panicked)
	if want := golden.Count(t, 100, 80); returned < want {
		t.Errorf("%d calls returned, want %d", returned, want)
	}
}

// TestEngineConcurrent uses one engine in many goroutines, for the race detector.
func TestEngineConcurrent(t *testing.T) {
	c := newTestChain(t, projectClass(t, "fibonacci"))
	done := make(chan error, 8)
	for i := range 8 {
		go func() {
			res, err := c.call("fib", 1e9, uint64(i+10))
			if err == nil && res.Failed {
				err = errors.New("panicked")
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkFibonacciContract runs a long call and reports steps per second.
func BenchmarkFibonacciContract(b *testing.B) {
	c := newTestChain(b, projectClass(b, "fibonacci"))
	var steps uint64
	for b.Loop() {
		res, err := c.call("fib", 1e10, 10000)
		if err != nil || res.Failed {
			b.Fatal(res, err)
		}
		steps += res.Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds()/1e6, "Msteps/s")
}

// BenchmarkSmallCall runs a call with very few steps.
func BenchmarkSmallCall(b *testing.B) {
	c := newTestChain(b, projectClass(b, "fibonacci"))
	for b.Loop() {
		if res, err := c.call("fib", 1e10, 1); err != nil || res.Failed {
			b.Fatal(res, err)
		}
	}
}

// TestFinalFP checks that an entry point that jumps to its caller without restoring fp is an error.
func TestFinalFP(t *testing.T) {
	for name, c := range map[string]struct {
		last string
		good bool
	}{"ret": {"0x208b7fff7fff7ffe", true}, "jmp abs [fp - 1]": {"0x8b7fff7fff7fff", false}} {
		class := new(casm.Class)
		for _, word := range []string{
			"0x480a7ffa7fff8000",        // [ap] = [fp - 6], ap++: the gas
			"0x480a7ffb7fff8000",        // [ap] = [fp - 5], ap++: the syscall pointer
			"0x480680017fff8000", "0x0", // [ap] = 0, ap++: no panic
			"0x480a7ffc7fff8000", "0x480a7ffc7fff8000", // [ap] = [fp - 4], ap++: an empty array
			c.last,
		} {
			class.Bytecode = append(class.Bytecode, felt.MustHex(word))
		}
		class.EntryPoints.External = []casm.EntryPoint{{Selector: felt.One}}
		_, err := cairo.Run(NewEngine(), cairo.Call{Class: &cairo.Class{Hash: felt.One, Casm: class}, Selector: felt.One, Gas: 1_000_000}, &testChain{})
		if (err == nil) != c.good {
			t.Errorf("%s: %v, want an error: %v", name, err, !c.good)
		}
		if _, ok := errors.AsType[*cairo.RunError](err); err != nil && (!ok || !strings.Contains(err.Error(), "fp is 6 after the run")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
