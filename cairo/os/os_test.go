package os_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/starknet/constants"
)

// storage answers the syscalls of a class that only reads and writes one storage slot.
type storage struct {
	cairo.Syscalls
	value felt.Felt
}

func (s *storage) StorageRead(gas *uint64, _ uint32, _ felt.Felt) (felt.Felt, error) {
	*gas -= 14_070
	return s.value, nil
}

func (s *storage) StorageWrite(gas *uint64, _ uint32, _, value felt.Felt) error {
	*gas -= 49_970
	s.value = value
	return nil
}

// blockOf returns a block of n transactions, each with the trace of a call that stores a Fibonacci number.
func blockOf(t testing.TB, n int, terms uint64) *cairoos.Block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(golden.ModuleRoot(t), "contracts", "testdata", "fibonacci.compiled_contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := casm.DecodeClass(text)
	if err != nil {
		t.Fatal(err)
	}
	class := &cairo.Class{Hash: felt.FromUint64(0xf1b), Casm: code}
	tracer := &cairo.Tracer{Engine: vm.NewEngine()}
	block := &cairoos.Block{Number: 5, Timestamp: 6, Sequencer: felt.FromUint64(7)}
	for i := range n {
		call := cairo.Call{
			Class: class, Selector: keccak.Starknet([]byte("store")), Contract: felt.FromUint64(1), Caller: felt.FromUint64(2),
			Calldata: []felt.Felt{felt.FromUint64(terms)}, Gas: 1_000_000_000,
		}
		result, err := cairo.Run(tracer, call, &storage{})
		if err != nil || result.Failed {
			t.Fatalf("%+v, %v", result, err)
		}
		info := cairo.TxInfo{Hash: felt.FromUint64(uint64(100 + i)), Signature: []felt.Felt{felt.One}}
		block.Transactions = append(block.Transactions, cairoos.Transaction{Info: info, Calls: tracer.Take()})
	}
	return block
}

// programs are the names of the two versions of the program, without extension.
var programs = []string{"v1/os", "os"}

// TestProgramsAreCompiledFromSource checks that the official compiler compiles os.cairo to os.json.
func TestProgramsAreCompiledFromSource(t *testing.T) {
	compiler, err := exec.LookPath("cairo-compile")
	if err != nil {
		t.Skip("cairo-compile of cairo-lang 0.14.0.1 is not on PATH")
	}
	for _, name := range programs {
		out := filepath.Join(t.TempDir(), "os.json")
		if text, err := exec.Command(compiler, "--proof_mode", "--no_debug_info", name+".cairo", "--output", out).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		got, err := os.ReadFile(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s.json differs from the compiled %s.cairo: run build.sh", name, name)
		}
	}
}

// TestProgramConstants compares constants in the programs with those of the package starknet/constants, and the version of the compiler.
func TestProgramConstants(t *testing.T) {
	for _, name := range programs {
		text, err := os.ReadFile(name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var program struct {
			Version     string   `json:"compiler_version"`
			Data        []string `json:"data"`
			Identifiers map[string]struct {
				PC    int         `json:"pc"`
				Value json.Number `json:"value"`
			} `json:"identifiers"`
		}
		if err := json.Unmarshal(text, &program); err != nil {
			t.Fatal(err)
		}
		if program.Version != "0.14.0.1" {
			t.Errorf("%s: compiled by %q, want 0.14.0.1", name, program.Version)
		}
		if got, want := program.Identifiers["__main__.RET"].Value, strconv.Itoa(constants.RetWord); got.String() != want {
			t.Errorf("%s: RET is %s, want %s", name, got, want)
		}
		table := program.Data[program.Identifiers["__main__.builtin_costs"].PC:]
		for i, want := range constants.BuiltinGas() {
			if got, err := strconv.ParseUint(table[i], 0, 64); err != nil || got != want {
				t.Errorf("%s: builtin %d costs %s, want %d", name, i, table[i], want)
			}
		}
	}
}

// TestPages checks that with CodePages page 1 has the code of the only class.
func TestPages(t *testing.T) {
	block := blockOf(t, 1, 10)
	trace, err := cairoos.Run([]*cairoos.Block{block}, cairoos.Options{CodePages: true})
	if err != nil {
		t.Fatal(err)
	}
	code := block.Transactions[0].Calls[0].Call.Class.Casm.Bytecode
	var page []cairo.PublicCell
	for _, cell := range trace.Public.Memory {
		if cell.Page > 1 {
			t.Fatalf("cell %d is on page %d, want at most 1", cell.Address, cell.Page)
		}
		if cell.Page == 1 {
			page = append(page, cell)
		}
	}
	if len(page) != len(code) {
		t.Fatalf("page 1 has %d cells, the code %d", len(page), len(code))
	}
	for i, cell := range page {
		if cell.Value != code[i] || cell.Address != page[0].Address+uint64(i) {
			t.Fatalf("word %d of page 1 is %v at %d, want %v at %d", i, cell.Value, cell.Address, code[i], page[0].Address+uint64(i))
		}
	}
}

// withBuiltin returns a copy of e whose class's entry points take one more builtin.
func withBuiltin(e *cairo.CallTrace, name string) *cairo.CallTrace {
	changed, class, code := *e, *e.Call.Class, *e.Call.Class.Casm
	code.EntryPoints.External = slices.Clone(code.EntryPoints.External)
	for i := range code.EntryPoints.External {
		entry := &code.EntryPoints.External[i]
		entry.Builtins = append(slices.Clone(entry.Builtins), name)
	}
	class.Casm, changed.Call.Class = &code, &class
	return &changed
}

// TestRunParts checks which transactions are in which part, and which are unproven.
func TestRunParts(t *testing.T) {
	const transactions = 5
	block := blockOf(t, transactions, 3000) // about 40,000 steps each
	// A transaction that is too long even alone and one that cannot be proved are unproven, and do not end a part.
	long, other := blockOf(t, 1, 30_000).Transactions[0], blockOf(t, 1, 10).Transactions[0]
	other.Calls[0] = withBuiltin(other.Calls[0], "poseidon")
	block.Transactions = slices.Insert(block.Transactions, 1, other, long)
	var counts []int
	var order []int
	unproven, err := cairoos.RunParts([]*cairoos.Block{block}, cairoos.Options{MaxSteps: 1 << 17}, func(p cairoos.Part) error {
		if len(p.Transactions) == 0 || p.Trace.Public.Steps > 1<<17 {
			t.Errorf("part of transactions %v, %d steps", p.Transactions, p.Trace.Public.Steps)
		}
		for _, ref := range p.Transactions {
			order = append(order, ref.Transaction)
		}
		counts = append(counts, len(p.Transactions))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 3, 4, 5, 6}; !slices.Equal(order, want) || len(counts) < 2 {
		t.Errorf("parts of %v transactions %v, want %v in more than one part", counts, order, want)
	}
	for _, n := range counts[:len(counts)-1] {
		if n != counts[0] || n < 2 {
			t.Errorf("parts of %v transactions, want equal parts but the last", counts)
		}
	}
	if len(unproven) != 2 || unproven[0].Transaction != 1 || unproven[1].Transaction != 2 {
		t.Fatalf("unproven are %v, want two", unproven)
	}
	if e, ok := errors.AsType[*cairoos.UnprovableError](unproven[0].Err); !ok || e.Builtin != "poseidon" {
		t.Errorf("got %v, want poseidon", unproven[0].Err)
	}
	if e, ok := errors.AsType[*cairoos.TooLongError](unproven[1].Err); !ok || e.Transactions != 1 || e.MaxSteps != 1<<17 {
		t.Errorf("got %v, want a TooLongError of one transaction", unproven[1].Err)
	}
	block = &cairoos.Block{Transactions: []cairoos.Transaction{long, other}}
	unproven, err = cairoos.RunParts([]*cairoos.Block{block}, cairoos.Options{MaxSteps: 1 << 17}, func(cairoos.Part) error { return errors.New("a part") })
	if err != nil || len(unproven) != 2 || unproven[0].Transaction != 0 {
		t.Errorf("two transactions that cannot be proved: %v, %v", unproven, err)
	}

	_, err = cairoos.Run([]*cairoos.Block{blockOf(t, 1, 30_000)}, cairoos.Options{MaxSteps: 1 << 17})
	if e, ok := errors.AsType[*cairoos.TooLongError](err); !ok || e.First != felt.FromUint64(100) || e.Transactions != 1 {
		t.Errorf("got %v, want a TooLongError", err)
	}
	want := errors.New("stop")
	if _, err := cairoos.RunParts([]*cairoos.Block{blockOf(t, 1, 10)}, cairoos.Options{}, func(cairoos.Part) error { return want }); err != want {
		t.Errorf("got %v, want %v", err, want)
	}
	if _, err := cairoos.Run([]*cairoos.Block{{}}, cairoos.Options{}); err == nil {
		t.Error("a block without transactions was run")
	}
}

// TestRunPartsOfBlocks checks that a part has whole blocks, as many as fit, or transactions of one block that is too long for a part.
func TestRunPartsOfBlocks(t *testing.T) {
	const steps = 1 << 17 // of about three transactions
	number := uint64(0)
	block := func(terms ...uint64) *cairoos.Block {
		number++
		b := &cairoos.Block{Number: number}
		for _, n := range terms {
			b.Transactions = append(b.Transactions, blockOf(t, 1, n).Transactions...)
		}
		return b
	}
	const third, long = 3000, 30_000
	blocks := []*cairoos.Block{
		block(third), block(), block(third), // together
		block(third, third),               // does not fit with the ones before it, nor with the one after it
		block(third, third, third, third), // in two parts, the second not with the block after it
		block(10),
		block(10, long, 10), block(10), // together, without the long one
	}
	var got [][]cairoos.Ref
	unproven, err := cairoos.RunParts(blocks, cairoos.Options{Layout: cairoos.LayoutStwo, MaxSteps: steps}, func(p cairoos.Part) error {
		if p.Trace.Public.Steps > steps {
			t.Errorf("a part of %d steps", p.Trace.Public.Steps)
		}
		got = append(got, p.Transactions)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]cairoos.Ref{
		{{0, 0}, {2, 0}}, {{3, 0}, {3, 1}}, {{4, 0}, {4, 1}, {4, 2}}, {{4, 3}}, {{5, 0}}, {{6, 0}, {6, 2}, {7, 0}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parts %v, want %v", got, want)
	}
	if len(unproven) != 1 || unproven[0].Ref != (cairoos.Ref{Block: 6, Transaction: 1}) {
		t.Errorf("unproven are %v, want transaction 1 of block 6", unproven)
	}
	for name, wrong := range map[string][]*cairoos.Block{"descending": {blocks[1], blocks[0]}, "twice": {blocks[0], blocks[0]}} {
		if _, err := cairoos.Run(wrong, cairoos.Options{Layout: cairoos.LayoutStwo}); err == nil || !strings.Contains(err.Error(), "want ascending numbers") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cairoos.Run(blocks[:2], cairoos.Options{}); err == nil || !strings.Contains(err.Error(), "want at most 1") {
		t.Errorf("two blocks in version 1: %v", err)
	}
}

// TestRunPartsAlone checks that a transaction that is too long for MaxSteps has a part alone, and that MaxAlone bounds this part: at the length of its
// trace, and one step below.
func TestRunPartsAlone(t *testing.T) {
	const (
		steps              = 1 << 14
		short, third, long = 10, 350, 3000 // terms: about 5,000 and 40,000 steps
	)
	number := uint64(0)
	block := func(terms ...uint64) *cairoos.Block {
		number++
		b := &cairoos.Block{Number: number}
		for _, n := range terms {
			b.Transactions = append(b.Transactions, blockOf(t, 1, n).Transactions...)
		}
		return b
	}
	blocks := []*cairoos.Block{
		block(short), block(third, long, third), // the long one has a part alone, between those of the short ones
		block(short),                   // not with the end of the block before it
		block(long, long), block(long), // two after each other, and a whole block
		block(short, short),
	}
	type part struct {
		refs  []cairoos.Ref
		alone bool
	}
	run := func(maxAlone uint64) (parts []part, unproven []cairoos.Ref, longest uint64) {
		t.Helper()
		options := cairoos.Options{Layout: cairoos.LayoutStwo, MaxSteps: steps, MaxAlone: maxAlone}
		left, err := cairoos.RunParts(blocks, options, func(p cairoos.Part) error {
			n := uint64(len(p.Trace.Registers))
			if n > max(steps, maxAlone) || n > steps && len(p.Transactions) > 1 {
				t.Errorf("a part of %d transactions with %d steps", len(p.Transactions), n)
			}
			parts, longest = append(parts, part{p.Transactions, n > steps}), max(longest, n)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range left {
			unproven = append(unproven, u.Ref)
			if e, ok := errors.AsType[*cairoos.TooLongError](u.Err); !ok || e.MaxSteps != max(steps, maxAlone) || e.Transactions != 1 {
				t.Errorf("%v: got %v, want a TooLongError with the bound %d", u.Ref, u.Err, max(steps, maxAlone))
			}
		}
		return parts, unproven, longest
	}

	all := []part{
		{[]cairoos.Ref{{0, 0}}, false},
		{[]cairoos.Ref{{1, 0}}, false}, {[]cairoos.Ref{{1, 1}}, true}, {[]cairoos.Ref{{1, 2}}, false},
		{[]cairoos.Ref{{2, 0}}, false},
		{[]cairoos.Ref{{3, 0}}, true}, {[]cairoos.Ref{{3, 1}}, true}, {[]cairoos.Ref{{4, 0}}, true},
		{[]cairoos.Ref{{5, 0}, {5, 1}}, false},
	}
	got, unproven, longest := run(1 << 17)
	if !reflect.DeepEqual(got, all) || len(unproven) != 0 {
		t.Errorf("parts %v, want %v; unproven %v", got, all, unproven)
	}
	if got, unproven, n := run(longest); !reflect.DeepEqual(got, all) || len(unproven) != 0 || n != longest {
		t.Errorf("with the bound %d: parts %v, want %v; unproven %v", longest, got, all, unproven)
	}
	few := []part{
		{[]cairoos.Ref{{0, 0}}, false}, {[]cairoos.Ref{{1, 0}}, false}, {[]cairoos.Ref{{1, 2}}, false}, {[]cairoos.Ref{{2, 0}}, false}, {[]cairoos.Ref{{5, 0}, {5, 1}}, false},
	}
	left := []cairoos.Ref{{1, 1}, {3, 0}, {3, 1}, {4, 0}}
	if got, unproven, _ := run(longest - 1); !reflect.DeepEqual(got, few) || !reflect.DeepEqual(unproven, left) {
		t.Errorf("with the bound %d: parts %v, want %v; unproven %v, want %v", longest-1, got, few, unproven, left)
	}
	// Without MaxAlone the long ones do not end a part.
	joined := []part{{[]cairoos.Ref{{0, 0}}, false}, {[]cairoos.Ref{{1, 0}, {1, 2}, {2, 0}}, false}, {[]cairoos.Ref{{5, 0}, {5, 1}}, false}}
	if got, unproven, _ := run(0); !reflect.DeepEqual(got, joined) || !reflect.DeepEqual(unproven, left) {
		t.Errorf("without a bound: parts %v, want %v; unproven %v, want %v", got, joined, unproven, left)
	}
}

// TestRunPartsOutput checks that no part has an output of more than MaxOutput words, which no verifier accepts: the last good and the first bad length,
// and a block whose transactions together are too long. Their signatures fill the output.
func TestRunPartsOutput(t *testing.T) {
	one := blockOf(t, 1, 10).Transactions[0]
	block := func(signatures ...int) *cairoos.Block {
		b := &cairoos.Block{Number: 5}
		for _, n := range signatures {
			tx := one
			tx.Info.Signature = make([]felt.Felt, n)
			b.Transactions = append(b.Transactions, tx)
		}
		return b
	}
	words := func(trace *cairo.Trace) int {
		for _, s := range trace.Public.Segments {
			if s.Name == "output" {
				return int(s.End - s.Begin)
			}
		}
		t.Fatal("no output")
		return 0
	}
	options := cairoos.Options{Layout: cairoos.LayoutStwo, MaxSteps: 1 << 16}
	trace, err := cairoos.Run([]*cairoos.Block{block(10)}, options)
	if err != nil {
		t.Fatal(err)
	}
	most := cairoos.MaxOutput - words(trace) + 10
	for _, c := range []struct {
		blocks   []*cairoos.Block
		parts    []int // transactions
		unproven []cairoos.Ref
	}{
		{[]*cairoos.Block{block(most)}, []int{1}, nil},
		{[]*cairoos.Block{block(most + 1)}, nil, []cairoos.Ref{{0, 0}}},
		{[]*cairoos.Block{block(10, most+1, 10)}, []int{2}, []cairoos.Ref{{0, 1}}},
		{[]*cairoos.Block{block(400_000, 400_000, 400_000, 10)}, []int{2, 2}, nil},
		{[]*cairoos.Block{block(400_000), {Number: 6, Transactions: block(400_000).Transactions}, {Number: 7, Transactions: block(400_000).Transactions}}, []int{2, 1}, nil},
	} {
		var parts []int
		unproven, err := cairoos.RunParts(c.blocks, options, func(p cairoos.Part) error {
			if n := words(p.Trace); n > cairoos.MaxOutput {
				t.Errorf("an output of %d words", n)
			}
			parts = append(parts, len(p.Transactions))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var left []cairoos.Ref
		for _, u := range unproven {
			if left = append(left, u.Ref); !errors.As(u.Err, new(*cairoos.TooLongError)) {
				t.Errorf("%v: got %v, want a TooLongError", u.Ref, u.Err)
			}
		}
		if !slices.Equal(parts, c.parts) || !slices.Equal(left, c.unproven) {
			t.Errorf("parts of %v transactions, want %v; unproven %v, want %v", parts, c.parts, left, c.unproven)
		}
	}
}

// TestRunNone checks that a run without transactions has a block without transactions in its output.
func TestRunNone(t *testing.T) {
	block := blockOf(t, 2, 10)
	trace, err := cairoos.RunNone(block, cairoos.Options{Layout: cairoos.LayoutStwo})
	if err != nil {
		t.Fatal(err)
	}
	var output []felt.Felt
	for _, s := range trace.Public.Segments {
		if s.Name == "output" {
			output = trace.Memory.Value[s.Begin:s.End]
		}
	}
	want := []felt.Felt{felt.FromShortString("STARKD_OS_2"), felt.Zero, felt.One, felt.Zero, felt.Zero}
	for _, n := range []uint64{5, 6, 7, 0, 0, 0, 0} { // BlockInfo, the rounded one, no transactions
		want = append(want, felt.FromUint64(n))
	}
	if !slices.Equal(output, want) {
		t.Errorf("output %v, want %v", output, want)
	}
	if _, err := cairoos.RunNone(block, cairoos.Options{}); err == nil {
		t.Error("version 1 ran no transactions")
	}
}
