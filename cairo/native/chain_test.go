package native_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

// chain answers and logs the syscalls of a call tree. Contracts in others have the class given there; all other addresses have the class
// class.
type chain struct {
	engine  cairo.Engine
	class   *cairo.Class
	others  map[felt.Felt]*cairo.Class // by contract
	storage map[felt.Felt]felt.Felt
	log     []string
	quiet   bool // syscalls are not logged
	depth   int
	session cairo.Session // the session of the running call
	apart   bool          // inner calls have sessions of their own
	left    int           // the number of syscalls until one ends the run, 0 for never
}

var errChain = errors.New("the chain is broken")

const syscallCost = 5000

func newChain(e cairo.Engine, c *cairo.Class) *chain {
	return &chain{engine: e, class: c, storage: map[felt.Felt]felt.Felt{}}
}

// run runs an outermost call.
func (c *chain) run(call cairo.Call) (cairo.Result, error) {
	c.session = c.engine.Begin()
	defer c.session.End()
	return c.session.Run(call, c)
}

// charge logs a syscall and charges gas for it.
func (c *chain) charge(gas *uint64, n uint64, format string, args ...any) error {
	if !c.quiet {
		c.log = append(c.log, fmt.Sprintf("%d gas: ", *gas)+fmt.Sprintf(format, args...))
	}
	if c.left > 0 {
		if c.left--; c.left == 0 {
			return errChain
		}
	}
	if *gas < n {
		return &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString("Out of gas")}}
	}
	*gas -= n
	return nil
}

func (c *chain) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	return c.storage[key], c.charge(gas, syscallCost, "read %v", key)
}

func (c *chain) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	if err := c.charge(gas, syscallCost, "write %v %v", key, value); err != nil {
		return err
	}
	c.storage[key] = value
	return nil
}

func (c *chain) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	return c.charge(gas, syscallCost, "event %v %v", keys, data)
}

func (c *chain) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if err := c.charge(gas, syscallCost, "call %v %v %v", contract, selector, calldata); err != nil {
		return nil, err
	}
	if c.depth++; c.depth > 20 {
		return nil, errors.New("too deep")
	}
	defer func() { c.depth-- }()
	class := c.class
	if other := c.others[contract]; other != nil {
		class = other
	}
	found := false
	for _, ep := range class.Casm.EntryPoints.External {
		found = found || ep.Selector == selector
	}
	if !found {
		return nil, &cairo.SyscallFailure{Data: []felt.Felt{felt.FromShortString("ENTRYPOINT_NOT_FOUND")}}
	}
	session := c.session
	if c.apart {
		session = c.engine.Begin()
		defer session.End()
	}
	res, err := session.Run(cairo.Call{Class: class, Selector: selector, Calldata: calldata, Gas: *gas}, c)
	if err != nil {
		return nil, err
	}
	*gas = res.GasLeft
	if res.Failed {
		return nil, &cairo.SyscallFailure{Data: append(res.Retdata, felt.FromShortString("ENTRYPOINT_FAILED"))}
	}
	return res.Retdata, nil
}

func (c *chain) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	return c.CallContract(gas, class, selector, calldata)
}

func (c *chain) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	return salt, calldata, c.charge(gas, syscallCost, "deploy %v %v %v %v", class, salt, calldata, fromZero)
}

func (c *chain) GetExecutionInfo(gas *uint64) (*cairo.ExecutionInfo, error) {
	return &cairo.ExecutionInfo{
		BlockNumber: 7, BlockTimestamp: 1700000000, Sequencer: felt.FromUint64(0x5e9),
		Caller: felt.FromUint64(0xca11e6), Contract: felt.FromUint64(0xc0), Selector: felt.One,
		Tx: &cairo.TxInfo{
			Version: felt.FromUint64(3), Account: felt.FromUint64(0xacc), Signature: []felt.Felt{felt.One, felt.FromUint64(2)},
			Hash: felt.FromUint64(0x4a54), ChainID: felt.FromShortString("TEST"), Nonce: felt.FromUint64(9),
			ResourceBounds: []cairo.ResourceBounds{
				{Resource: felt.FromShortString("L1_GAS"), MaxAmount: 1, MaxPricePerUnit: felt.FromUint128(2, 3)},
				{Resource: felt.FromShortString("L2_GAS"), MaxAmount: 4, MaxPricePerUnit: felt.FromUint64(5)},
			},
			Tip: 11, PaymasterData: []felt.Felt{felt.FromUint64(12)}, NonceDAMode: 1, FeeDAMode: 0,
			AccountDeploymentData: []felt.Felt{felt.FromUint64(13), felt.FromUint64(14)}, ProofFacts: []felt.Felt{felt.FromUint64(15)},
		},
	}, c.charge(gas, syscallCost, "info")
}

func (c *chain) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	return felt.FromUint64(number), c.charge(gas, syscallCost, "block hash %d", number)
}

func (c *chain) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	return felt.FromUint64(0xc1a55), c.charge(gas, syscallCost, "class at %v", contract)
}

func (c *chain) ReplaceClass(gas *uint64, class felt.Felt) error {
	return c.charge(gas, syscallCost, "replace %v", class)
}

func (c *chain) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	return c.charge(gas, syscallCost, "message %v %v", to, payload)
}

func (c *chain) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	return append(signature, calldata...), c.charge(gas, syscallCost, "meta %v %v %v %v", contract, selector, calldata, signature)
}

func (c *chain) Meter(gas *uint64, selector cairo.Selector, units uint64) error {
	return c.charge(gas, syscallCost*units, "%s %d", selector, units)
}

// load decodes and compiles a class.
func load(t testing.TB, name string, data []byte) *cairo.Class {
	t.Helper()
	class, err := sierra.DecodeClass(data)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	code, err := compiler.CompileClass(class, compiler.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	info, err := compiler.GasInfo(class)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	program, err := class.Program()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	abis[class.Hash()] = parseABI(class.ABI)
	return &cairo.Class{Hash: class.Hash(), CompiledHash: felt.One, Sierra: program, Casm: code, Gas: func() *sierra.GasInfo { return info }}
}

// contract returns one of our contracts by name.
func contract(t testing.TB, name string) *cairo.Class {
	t.Helper()
	data, err := contracts.ClassJSON(name)
	if err != nil {
		t.Fatal(err)
	}
	return load(t, name, data)
}

// corpusClasses returns the paths of the classes in the corpus and in testdata, by name.
func corpusClasses(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range []string{golden.Corpus(t, "sierra-casm"), golden.Corpus(t, "contracts/sierra-casm"), "testdata"} {
		paths, err := filepath.Glob(filepath.Join(dir, "*.contract_class.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			name := strings.TrimSuffix(filepath.Base(p), ".contract_class.json")
			if !strings.HasSuffix(name, "compiled") {
				out[name] = p
			}
		}
	}
	return out
}

// readClass decodes and compiles a class from a file.
func readClass(t testing.TB, path string) *cairo.Class {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return load(t, filepath.Base(path), data)
}

// newEngine returns a native engine that overwrites freed memory with garbage, except in benchmarks.
func newEngine(t testing.TB) *native.Engine {
	t.Helper()
	e, err := native.NewEngine(vm.NewEngine(), native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if _, ok := t.(*testing.T); ok {
		e.Poison()
	}
	return e
}

// comparer runs calls on both engines, each with a chain of its own that keeps its storage between calls.
type comparer struct {
	vm, native *chain
}

func newComparer(e *native.Engine, class *cairo.Class) *comparer {
	return &comparer{vm: newChain(vm.NewEngine(), class), native: newChain(e, class)}
}

// call runs a call on both engines and returns a description of the difference, "" if there is none, and the result.
func (c *comparer) call(call cairo.Call) (string, cairo.Result) {
	c.vm.log, c.native.log = nil, nil
	want, wantErr := c.vm.run(call)
	got, gotErr := c.native.run(call)
	c.vm.depth, c.native.depth = 0, 0
	if f, ok := errors.AsType[*cairo.FallbackError](gotErr); ok && (f.Reason == native.ReasonStack || f.Reason == native.ReasonMemory) {
		c.native.storage = maps.Clone(c.vm.storage) // the executor would run the call again on the VM
		return "", want
	}
	want.Steps, got.Steps = 0, 0
	a, b := fmt.Sprint(want, wantErr, c.vm.log), fmt.Sprint(got, gotErr, c.native.log)
	if a == b {
		return "", got
	}
	for i := range min(len(c.vm.log), len(c.native.log)) {
		if c.vm.log[i] != c.native.log[i] {
			return fmt.Sprintf("syscall %d:\n vm     %s\n native %s", i, c.vm.log[i], c.native.log[i]), got
		}
	}
	return fmt.Sprintf("\n vm     %v %v (%d syscalls)\n native %v %v (%d syscalls)", want, wantErr, len(c.vm.log), got, gotErr, len(c.native.log)), got
}
