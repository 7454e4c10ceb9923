package os

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
)

// callee answers the only syscall of the probe's function survive: a call of the probe.
type callee struct {
	cairo.Syscalls
	session cairo.Session
	class   *cairo.Class
}

func (c *callee) CallContract(gas *uint64, contract, selector felt.Felt, calldata []felt.Felt) ([]felt.Felt, error) {
	call := cairo.Call{Class: c.class, Selector: selector, Contract: contract, Caller: contract, Calldata: calldata, Gas: *gas}
	result, err := c.session.Run(call, c)
	if err != nil {
		return nil, err
	}
	*gas = result.GasLeft
	if result.Failed {
		return nil, &cairo.SyscallFailure{Data: result.Retdata}
	}
	return result.Retdata, nil
}

// handsOn returns a block with a transaction whose call passes an array of words on to an inner call. The Tracer of the call
// has the bound maxWords.
func handsOn(t *testing.T, words int, maxWords uint64) *Block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "probe.compiled_contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := casm.DecodeClass(text)
	if err != nil {
		t.Fatal(err)
	}
	tracer := &cairo.Tracer{Engine: vm.NewEngine(), MaxWords: maxWords}
	c := &callee{session: tracer.Begin(), class: &cairo.Class{Hash: felt.FromUint64(0x9b), Casm: code}}
	calldata := append([]felt.Felt{felt.One, keccak.Starknet([]byte("spin")), felt.FromUint64(uint64(words))}, make([]felt.Felt, words)...)
	result, err := c.session.Run(cairo.Call{
		Class: c.class, Selector: keccak.Starknet([]byte("survive")), Contract: felt.One, Caller: felt.FromUint64(2), Calldata: calldata, Gas: 1_000_000_000,
	}, c)
	if err != nil || result.Failed {
		t.Fatalf("%+v, %v", result, err)
	}
	return &Block{Transactions: []Transaction{{Info: cairo.TxInfo{Hash: felt.FromUint64(100)}, Calls: tracer.Take()}}}
}

// TestCopySteps checks that a word of calldata takes copySteps steps between the choice of an inner call and its entry.
// MaxWords relies on this.
func TestCopySteps(t *testing.T) {
	steps := func(words int) uint64 {
		r, err := newRunner([]*Block{handsOn(t, words, 0)}, Options{Layout: Layout, MaxSteps: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.plan(Ref{}); err != nil {
			t.Fatal(err)
		}
		hints := r.join([]Ref{{}}).hints()
		var from, to uint64
		inner, enter := hints["os.inner"], hints["os.enter"]
		hints["os.inner"] = func(m *machine.Machine, ids *cairo0.IDs) error { from = m.Steps; return inner(m, ids) }
		hints["os.enter"] = func(m *machine.Machine, ids *cairo0.IDs) error { to = m.Steps; return enter(m, ids) }
		calls := 0
		hints["os.leave"] = func(*machine.Machine, *cairo0.IDs) error { // of the inner call: stop here
			calls++
			return errors.New("stop")
		}
		if _, err := cairo0.RunProgram(programV1, cairo0.RunOptions{Layout: Layout, ProofMode: true, MaxSteps: 1 << 20, Hints: hints}); err == nil || calls != 1 {
			t.Fatalf("%d calls, %v", calls, err)
		}
		return to - from
	}
	if few, many := steps(10), steps(110); many-few != 100*copySteps {
		t.Errorf("100 words take %d steps, want %d", many-few, 100*copySteps)
	}
}

// TestDroppedRecords checks that a transaction whose arrays alone take too many steps is a TooLongError, also if its call
// trace was dropped, and that a call trace that was dropped too early is an error.
func TestDroppedRecords(t *testing.T) {
	const maxSteps = 1 << 17
	most := Options{MaxSteps: maxSteps}.MaxWords()
	words := int(most)
	never := func(Part) error { return errors.New("a part") }
	long := handsOn(t, words+1, most)
	if call := long.Transactions[0].Calls[0]; call.Dropped <= most || call.Syscalls != nil {
		t.Fatalf("the call trace is not dropped: %d words", call.Dropped)
	}
	for name, block := range map[string]*Block{"dropped": long, "whole": handsOn(t, words+1, 0)} {
		unproven, err := RunParts([]*Block{block}, Options{MaxSteps: maxSteps}, never)
		if err != nil || len(unproven) != 1 {
			t.Fatalf("%s: %v, %v", name, unproven, err)
		}
		if e, ok := errors.AsType[*TooLongError](unproven[0].Err); !ok || e.MaxSteps != maxSteps || e.First != felt.FromUint64(100) {
			t.Errorf("%s: got %v, want a TooLongError", name, unproven[0].Err)
		}
	}
	if _, err := RunParts([]*Block{handsOn(t, 100, 50)}, Options{MaxSteps: maxSteps}, never); err == nil {
		t.Error("no error for a call trace that was dropped too early")
	}
	// An aborted call is unproven, so its call trace is not needed.
	long.Transactions[0].Calls[0].Err, long.Transactions[0].Reverted = cairo.RunErrorf("broken"), true
	long.Transactions[0].Calls[0].Call.Caller, long.Transactions[0].Calls[0].Call.Selector = felt.Zero, executeSelector
	if unproven, err := RunParts([]*Block{long}, Options{MaxSteps: maxSteps}, func(Part) error { return nil }); err != nil || len(unproven) != 0 {
		t.Errorf("an aborted call: %v, %v", unproven, err)
	}
}

// TestMaxWords checks the bounds on the arrays of a call trace: in version 1 those that can be copied in MaxAlone steps, in version 2 at most maxWordsV2.
func TestMaxWords(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    uint64
	}{
		{Options{MaxSteps: 1 << 17}, 21845},
		{Options{MaxSteps: 1 << 17, MaxAlone: 1 << 21}, 349525},
		{Options{MaxSteps: 1 << 21, MaxAlone: 1 << 17}, 349525},
		{Options{Layout: LayoutStwo, MaxSteps: 1 << 17}, 21845},
		{Options{Layout: LayoutStwo, MaxSteps: 1 << 17, MaxAlone: 1 << 19}, 87381},
		{Options{Layout: LayoutStwo, MaxSteps: 1 << 17, MaxAlone: 1 << 20}, 1 << 17},
		{Options{Layout: LayoutStwo}, 1 << 17},
	} {
		if got := c.options.MaxWords(); got != c.want {
			t.Errorf("%+v: %d words, want %d", c.options, got, c.want)
		}
	}
}

// TestStop checks that Stop ends RunParts between two parts.
func TestStop(t *testing.T) {
	block := handsOn(t, 5000, 0)
	for range 7 {
		block.Transactions = append(block.Transactions, block.Transactions[0])
	}
	var stop atomic.Bool
	parts := 0
	_, err := RunParts([]*Block{block}, Options{MaxSteps: 1 << 17, Stop: &stop}, func(Part) error {
		parts++
		stop.Store(true)
		return nil
	})
	if parts != 1 || !errors.Is(err, cairo.ErrInterrupted) {
		t.Errorf("%d parts, %v; want 1 and %v", parts, err, cairo.ErrInterrupted)
	}
}

// TestLength checks that instances of builtins count as steps.
func TestLength(t *testing.T) {
	trace := &cairo.Trace{Registers: make([]cairo.Registers, 1000)}
	trace.Public.Segments = []cairo.Segment{{Name: "output", Begin: 10, End: 5000}, {Name: "range_check", Begin: 1, End: 100}}
	if n := Length(trace); n != 1000 {
		t.Errorf("without rare builtins: %d", n)
	}
	for name, want := range map[string]uint64{"pedersen": 7 * 12, "poseidon": 7 * 10, "bitwise": 7, "range_check96": 7 / 4, "add_mod": 7, "mul_mod": 7} {
		cells := map[string]uint64{"pedersen": 3, "poseidon": 6, "bitwise": 5, "range_check96": 1, "add_mod": 7, "mul_mod": 7}[name]
		trace.Public.Segments[1] = cairo.Segment{Name: name, Begin: 100, End: 100 + 7*cells}
		if n := Length(trace); n != 1000+want {
			t.Errorf("7 instances of %s: %d, want %d", name, n, 1000+want)
		}
	}
}
