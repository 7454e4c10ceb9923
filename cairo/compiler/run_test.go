package compiler

import (
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
)

// runCase is a program in testdata/run with the output of the official runner; see scripts/fixtures/cairo-run.py.
type runCase struct {
	name   string // family/case
	gas    uint64
	main   sierra.FuncID
	output string
	felts  []felt.Felt // the Sierra program as it is in a class
}

// runCases reads the cases in testdata/run.
func runCases(t *testing.T) (cases []runCase) {
	paths, err := filepath.Glob(filepath.Join("testdata", "run", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no expectations in testdata/run: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		family := strings.TrimSuffix(filepath.Base(path), ".txt")
		for _, one := range strings.Split(string(text), "//! > "+strings.Repeat("=", 74)+"\n")[1:] {
			head, rest, ok := strings.Cut(one, "//! > run\n")
			output, code, ok2 := strings.Cut(rest, "//! > sierra\n")
			m := regexp.MustCompile(`^//! > (\S+)\n//! > gas (\d+)\n//! > main (\d+)\n$`).FindStringSubmatch(head)
			if !ok || !ok2 || m == nil {
				t.Fatalf("%s: malformed case: %.80q", path, one)
			}
			c := runCase{name: family + "/" + m[1], gas: uint64(number(t, m[2])), main: sierra.FuncID(number(t, m[3])), output: strings.TrimSpace(output)}
			for _, word := range strings.Fields(code) {
				f, err := felt.FromHex(word)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				c.felts = append(c.felts, f)
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// TestRun compiles the programs in testdata/run, runs them in our VM and compares the results, the panic data and the
// remaining gas with the official runner's.
func TestRun(t *testing.T) {
	cases := runCases(t)
	if len(cases) < 150 {
		t.Errorf("%d programs, want 150", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newMainRun(t, &c)
			got := r.run(t, c.gas)
			if got != c.output {
				t.Errorf("got\n%s\nwant\n%s", got, c.output)
			}
		})
	}
}

// mainRun runs a program's function main, which takes no arguments.
type mainRun struct {
	program  *Program
	registry *sierra.Registry
	main     *sierra.Function
	cost     Costs
	visited  func(pc uint64) // called before each instruction if not nil
}

// newMainRun compiles a case.
func newMainRun(t testing.TB, c *runCase) *mainRun {
	t.Helper()
	p, err := (&sierra.ContractClass{SierraProgram: c.felts}).Program()
	if err != nil {
		t.Fatal(err)
	}
	r := &mainRun{}
	if r.registry, err = sierra.NewRegistry(p); err != nil {
		t.Fatal(err)
	}
	if r.program, err = Compile(r.registry, Options{MaxBytecode: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	r.main, r.cost = &p.Funcs[c.main], r.program.Metadata.FunctionCosts[c.main]
	return r
}

// prices are the gas prices of the tokens.
var prices = Costs{Const: 1, Pedersen: 4050, Poseidon: 491, Bitwise: 583, EcOp: 4085, AddMod: 230, MulMod: 604, Blake: 3334}

// run calls main and returns the outcome in the format of the official runner. Like that runner, it first subtracts
// main's cost from the gas.
func (r *mainRun) run(t testing.TB, gas uint64) string {
	t.Helper()
	for token, n := range r.cost {
		gas -= uint64(n * prices[token])
	}
	m := machine.NewMachine()
	costs := m.Memory.AddSegment()
	check := func(_ machine.Addr, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	code, hints := r.program.Assemble()
	check(m.Memory.LoadFelts(machine.Addr{}, code...))
	extra := vm.ExtraData(costs)
	check(m.Memory.Load(machine.Addr{Offset: uint64(len(code))}, extra[:]...))
	check(m.Memory.LoadFelts(costs, vm.BuiltinCosts()...))
	for _, at := range hints {
		for i := range at.Hints {
			h, err := vm.CoreHint(&at.Hints[i])
			if err == nil {
				err = m.AddHints(machine.Addr{Offset: uint64(at.Offset)}, h)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	m.Data = &vm.HintState{Syscall: vm.NewSyscallHandler(&runChain{storage: map[felt.Felt]felt.Felt{}})}

	var stack []machine.Value
	for _, param := range r.main.Params {
		switch generic := r.registry.Type(param.Type).Generic; generic {
		case "GasBuiltin":
			stack = append(stack, machine.UintValue(gas))
		case "System":
			stack = append(stack, machine.AddrValue(m.Memory.AddSegment()))
		default:
			b, err := m.AddBuiltin(builtinNames[generic])
			if err != nil {
				t.Fatalf("parameter of type %s: %v", generic, err)
			}
			stack = append(stack, machine.AddrValue(b.Base))
		}
	}
	end := m.Memory.AddSegment()
	stack = append(stack, machine.Value{}, machine.AddrValue(end))
	check(m.Memory.Load(machine.Addr{Segment: 1}, stack...))
	m.PC = machine.Addr{Offset: uint64(r.program.Offsets[r.main.Entry])}
	m.AP = uint64(len(stack))
	m.FP = m.AP
	for m.PC != end {
		if r.visited != nil && m.PC.Segment == 0 {
			r.visited(m.PC.Offset)
		}
		if err := m.Step(); err != nil {
			t.Fatal(err)
		}
	}
	return r.outcome(t, m)
}

// outcome formats the values that main returned, which lie directly below ap; the result is the last of them.
func (r *mainRun) outcome(t testing.TB, m *machine.Machine) string {
	t.Helper()
	at := machine.Addr{Segment: 1, Offset: m.AP}
	var values []machine.Value
	var left string
	panics := false
	for _, id := range slices.Backward(r.main.Ret) {
		typ := r.registry.Type(id)
		at.Offset -= uint64(typ.Size)
		cells := make([]machine.Value, typ.Size)
		for i := range cells {
			v, ok := m.Memory.Get(at.Add(i))
			if !ok {
				t.Fatalf("no value at %v", at.Add(i))
			}
			cells[i] = v
		}
		switch {
		case typ.Generic == "GasBuiltin":
			f, ok := cells[0].Felt()
			if !ok {
				t.Fatalf("the gas counter is %v", cells[0])
			}
			left = fmt.Sprintf("\nRemaining gas: %v", f.BigInt())
		case typ.Generic == "System" || builtinNames[typ.Generic] != "":
		default:
			values = cells
			if r.isPanicResult(typ) {
				flag, _ := cells[0].Felt()
				if panics = !flag.IsZero(); !panics {
					values = cells[typ.Size-r.registry.Type(typ.Args[1].Type).Size:]
				}
			}
		}
	}
	if panics {
		start, ok := values[len(values)-2].Addr()
		stop, ok2 := values[len(values)-1].Addr()
		if !ok || !ok2 || start.Segment != stop.Segment {
			t.Fatalf("panic data from %v to %v", values[len(values)-2], values[len(values)-1])
		}
		data, err := m.Memory.Felts(start, int(stop.Offset-start.Offset))
		if err != nil {
			t.Fatal(err)
		}
		return "Run panicked with [" + strings.Join(formatPanic(data), ", ") + "]." + left
	}
	list := make([]string, len(values))
	for i, v := range values {
		f, ok := v.Felt()
		if !ok {
			t.Fatalf("result %d is %v", i, v)
		}
		list[i] = fmt.Sprintf("%#x", f.BigInt())
	}
	return "Run completed successfully, returning [" + strings.Join(list, ", ") + "]" + left
}

// isPanicResult reports whether a type is core::panics::PanicResult::<T>, by its second variant, (core::panics::Panic,
// Array<felt252>).
func (r *mainRun) isPanicResult(typ *sierra.ConcreteType) bool {
	if typ.Generic != "Enum" || len(typ.Args) != 3 {
		return false
	}
	failure := r.registry.Type(typ.Args[2].Type)
	return failure.Generic == "Struct" && len(failure.Args) == 3 && failure.Size == 2 && r.registry.Type(failure.Args[2].Type).Generic == "Array"
}

// byteArrayMagic is the first felt of a byte array in panic data.
var byteArrayMagic = felt.FromBigInt(bigInt("0x46a6158a16a947e5916b2a2ca68501a45e93d7110e81aa2d6438b1c57c879a3"))

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 0)
	if !ok {
		panic(s)
	}
	return n
}

// formatPanic formats panic data as the official runner does: byte arrays as quoted strings, felts as numbers, followed
// by the short string if it is printable.
func formatPanic(data []felt.Felt) (items []string) {
	for len(data) > 0 {
		if s, rest, ok := byteArray(data); ok {
			items, data = append(items, strconv.Quote(s)), rest
			continue
		}
		b := data[0].BigInt()
		item := fmt.Sprintf("%#x", b)
		if text := strings.TrimRight(string(b.Bytes()), "\x00"); !strings.ContainsFunc(text, unprintable) {
			item += " ('" + text + "')"
		}
		items, data = append(items, item), data[1:]
	}
	return items
}

func unprintable(r rune) bool {
	return (r <= ' ' || r > '~') && !strings.ContainsRune(" \t\n\f\r", r)
}

// byteArray decodes a byte array at the start of panic data.
func byteArray(data []felt.Felt) (s string, rest []felt.Felt, ok bool) {
	if data[0] != byteArrayMagic || len(data) < 4 || data[1].Uint64() > uint64(len(data)-4) {
		return "", nil, false
	}
	words := int(data[1].Uint64())
	for i, f := range data[2 : words+3] {
		n := uint64(31)
		if i == words {
			n = data[words+3].Uint64()
		}
		b := f.BigInt().Bytes()
		if uint64(len(b)) > n || n > 31 {
			return "", nil, false
		}
		s += strings.Repeat("\x00", int(n)-len(b)) + string(b)
	}
	return s, data[words+4:], true
}

// runChain is the initial state of the official runner: no contract is deployed, no class is declared, and all
// transaction fields are zero.
type runChain struct{ storage map[felt.Felt]felt.Felt }

var _ cairo.Syscalls = (*runChain)(nil)

// charge subtracts the official runner's price of a syscall, given in steps, range checks and bitwise operations.
func (c *runChain) charge(gas *uint64, steps, rangeChecks, bitwise uint64) error {
	n := 100*steps + 70*rangeChecks + 594*bitwise
	if *gas < n {
		return failure("Syscall out of gas")
	}
	*gas -= n
	return nil
}

func failure(texts ...string) error {
	f := &cairo.SyscallFailure{}
	for _, s := range texts {
		f.Data = append(f.Data, felt.FromShortString(s))
	}
	return f
}

func (c *runChain) StorageRead(gas *uint64, domain uint32, key felt.Felt) (felt.Felt, error) {
	if err := c.charge(gas, 50, 0, 0); err != nil {
		return felt.Felt{}, err
	}
	if domain != 0 {
		return felt.Felt{}, failure("Unsupported address domain")
	}
	return c.storage[key], nil
}

func (c *runChain) StorageWrite(gas *uint64, domain uint32, key, value felt.Felt) error {
	if err := c.charge(gas, 50, 0, 0); err != nil {
		return err
	}
	if domain != 0 {
		return failure("Unsupported address domain")
	}
	c.storage[key] = value
	return nil
}

func (c *runChain) EmitEvent(gas *uint64, keys, data []felt.Felt) error {
	return c.charge(gas, 10, 0, 0)
}

func (c *runChain) SendMessageToL1(gas *uint64, to felt.Felt, payload []felt.Felt) error {
	return c.charge(gas, 50, 0, 0)
}

// callSteps is the cost of a call in addition to the called contract's.
const callSteps = 10 + 600

func (c *runChain) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if err := c.charge(gas, callSteps, 0, 0); err != nil {
		return nil, err
	}
	return nil, failure("CONTRACT_NOT_DEPLOYED", "ENTRYPOINT_FAILED")
}

func (c *runChain) LibraryCall(gas *uint64, class, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	if err := c.charge(gas, callSteps, 0, 0); err != nil {
		return nil, err
	}
	return nil, failure("CLASS_HASH_NOT_DECLARED")
}

func (c *runChain) Deploy(gas *uint64, class, salt felt.Felt, calldata []felt.Felt, fromZero bool) (felt.Felt, []felt.Felt, error) {
	if err := c.charge(gas, 200+600, 0, 0); err != nil {
		return felt.Felt{}, nil, err
	}
	return felt.Felt{}, nil, failure("CLASS_HASH_NOT_FOUND")
}

func (c *runChain) ReplaceClass(gas *uint64, class felt.Felt) error {
	if err := c.charge(gas, 50, 0, 0); err != nil {
		return err
	}
	return failure("CLASS_HASH_NOT_FOUND")
}

func (c *runChain) MetaTxV0(gas *uint64, contract, selector felt.Felt, calldata, signature []felt.Felt) ([]felt.Felt, error) {
	return nil, failure("Meta tx is not supported.")
}

func (c *runChain) GetExecutionInfo(gas *uint64) (*cairo.ExecutionInfo, error) {
	return &cairo.ExecutionInfo{Tx: &cairo.TxInfo{}}, c.charge(gas, 10, 0, 0)
}

func (c *runChain) GetBlockHash(gas *uint64, number uint64) (felt.Felt, error) {
	if err := c.charge(gas, 50, 0, 0); err != nil {
		return felt.Felt{}, err
	}
	return felt.Felt{}, failure("GET_BLOCK_HASH_NOT_SET")
}

func (c *runChain) GetClassHashAt(gas *uint64, contract felt.Felt) (felt.Felt, error) {
	return felt.Felt{}, c.charge(gas, 50, 0, 0)
}

func (c *runChain) Meter(gas *uint64, selector cairo.Selector, units uint64) error {
	if selector == cairo.Keccak {
		return c.charge(gas, 1800*units, 0, 0)
	}
	name := strings.TrimPrefix(strings.TrimPrefix(string(selector), "Secp256k1"), "Secp256r1")
	p, ok := map[string][3]uint64{
		"Sha256ProcessBlock": {1852, 65, 1115}, "Sha512ProcessBlock": {4733, 65, 3320}, "New": {340, 36, 0}, "Add": {254, 29, 0},
		"Mul": {121810, 10739, 0}, "GetPointFromX": {260, 29, 0}, "GetXy": {24, 9, 0},
	}[name]
	if !ok {
		return fmt.Errorf("no price for %s", selector)
	}
	return c.charge(gas, p[0], p[1], p[2])
}
