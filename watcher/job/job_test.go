package job_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
	"github.com/starkd/starkd/watcher/job"
)

func classFile(t testing.TB, path ...string) *starknet.ContractClass {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{golden.ModuleRoot(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	class := new(starknet.ContractClass)
	if err := json.Unmarshal(b, class); err != nil {
		t.Fatal(err)
	}
	return class
}

var (
	chainOnce   sync.Once
	chainBlocks []*cairoos.Block
)

// chain returns two blocks of a chain with an account, a token and a contract of many syscalls: transfers, poseidon, and a transaction that
// is reverted.
func chain(t testing.TB) []*cairoos.Block {
	t.Helper()
	chainOnce.Do(func() { chainBlocks = makeChain(t) })
	if chainBlocks == nil {
		t.Fatal("no chain")
	}
	return chainBlocks
}

func makeChain(t testing.TB) []*cairoos.Block {
	key, address, probe := felt.FromUint64(4711), felt.FromUint64(0xacc), felt.FromUint64(0x9b)
	public, err := starkcurve.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var g app.Genesis
	deploy := func(address felt.Felt, class *starknet.ContractClass, constructor ...felt.Felt) {
		g.Classes = append(g.Classes, class)
		g.Contracts = append(g.Contracts, app.GenesisContract{Address: address, ClassHash: class.Hash(), Constructor: &constructor})
	}
	deploy(address, classFile(t, "contracts", "classes", contracts.Account+".contract_class.json"), public)
	deploy(starknet.StrkAddress, classFile(t, "contracts", "classes", contracts.ERC20+".contract_class.json"),
		felt.FromShortString("Starknet Token"), felt.FromShortString("STRK"), felt.FromUint64(18), felt.Zero, felt.Zero, address)
	deploy(probe, classFile(t, "cairo", "os", "testdata", "probe.contract_class.json"))
	funds, _ := starknet.NewUint128(1_000_000_000_000_000_000).Mul64(1000)
	g.Balances = []app.GenesisBalance{{Address: address, Amount: funds}}
	genesis, err := json.Marshal(&g)
	if err != nil {
		t.Fatal(err)
	}
	store, err := state.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(store, vm.NewEngine(), executor.CompileClass, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.InitGenesis("TEST", 1_700_000_000, genesis); err != nil {
		t.Fatal(err)
	}
	w := &wallet.Wallet{Chain: felt.FromShortString("TEST"), Key: key, Address: address}
	nonce := uint64(0)
	invoke := func(calls ...wallet.Call) []byte {
		tx := w.Invoke(calls...)
		tx.Nonce = felt.FromUint64(nonce)
		nonce++
		tx.ResourceBounds.L2Gas = starknet.ResourceBound{MaxAmount: 400_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}
		if err := w.Sign(tx); err != nil {
			t.Fatal(err)
		}
		raw, err := starknet.MarshalTransaction(tx)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	to := felt.FromUint64(0xbe)
	hades := wallet.Call{To: probe, Name: "hades", Calldata: []felt.Felt{felt.FromUint64(3)}}
	broke := wallet.Transfer(to, 0)
	broke.Calldata[2] = felt.One // the high word of the amount
	var blocks []*cairoos.Block
	for height, txs := range [][][]byte{
		{invoke(wallet.Transfer(to, 1)), invoke(hades, wallet.Transfer(to, 2)), invoke(broke)},
		{invoke(wallet.Transfer(to, 4), wallet.Transfer(to, 5))},
	} {
		number := uint64(height + 1)
		f, err := a.Finalize(&app.Block{Height: number, Timestamp: 1_700_000_000 + number, Proposer: bytes.Repeat([]byte{7}, 20), Txs: txs})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range f.Results {
			if r.Err != nil {
				t.Fatalf("transaction %d: %v", i, r.Err)
			}
		}
		if err := a.Commit(); err != nil {
			t.Fatal(err)
		}
		trace, err := a.TraceCalls(t.Context(), number, vm.NewEngine(), 0)
		if err != nil {
			t.Fatal(err)
		}
		block := &cairoos.Block{ChainID: trace.ChainID, Number: number, Timestamp: trace.Header.Timestamp, Sequencer: trace.Header.Sequencer}
		for i := range trace.Transactions {
			tx := &trace.Transactions[i]
			block.Transactions = append(block.Transactions, cairoos.Transaction{Info: *tx.Info, Reverted: tx.Outcome.Receipt.Reverted, Calls: tx.Calls})
		}
		blocks = append(blocks, block)
	}
	if !blocks[0].Transactions[2].Reverted {
		t.Fatal("the transfer of too much was not reverted")
	}
	return blocks
}

// TestRunOfDecodedJob checks that the OS program makes the same trace of a job that was encoded and decoded: the same registers, memory and
// output, in both layouts.
func TestRunOfDecodedJob(t *testing.T) {
	blocks := chain(t)
	data, err := job.Encode(blocks)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := job.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		layout      string
		first, last int // blocks
	}{{cairoos.LayoutStwo, 0, 2}, {cairoos.Layout, 1, 2}} {
		options := cairoos.Options{Layout: c.layout}
		want, err := cairoos.Run(blocks[c.first:c.last], options)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cairoos.Run(decoded[c.first:c.last], options)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("layout %s: %d steps", c.layout, want.Public.Steps)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("layout %s: the trace of the decoded job has %d steps and differs from that of the job, which has %d", c.layout, got.Public.Steps, want.Public.Steps)
		}
	}
}

// TestCanonical checks that equal inputs have equal bytes, and that a decoded job is encoded to the same bytes.
func TestCanonical(t *testing.T) {
	blocks := chain(t)
	first, err := job.Encode(blocks)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := job.Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	// Copied classes and arrays are equal ones.
	for range 3 {
		again, err := job.Encode(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("a decoded job has other bytes")
		}
		if decoded, err = job.Decode(again); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := job.Digest(first), job.Digest(bytes.Clone(first)); got != want || len(got) != 64 {
		t.Errorf("digests %s and %s", got, want)
	}
	one, err := job.Encode(blocks[1:])
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, one) {
		t.Error("two jobs have equal bytes")
	}
}

// small returns a block whose call uses every part of a call trace and of a class.
func small() *cairoos.Block {
	cell := casm.Cell{Reg: casm.FP, Off: -3}
	hints := []casm.Hint{
		{Kind: casm.TestLessThan, In: []casm.Operand{casm.At(cell), {Kind: casm.DoubleDeref, Cell: cell, Off: 300}}, Out: []casm.Cell{{Reg: casm.AP, Off: 2}}},
		{Kind: casm.TestLessThan, In: []casm.Operand{casm.Imm(-5), casm.AddConst(cell, 7)}, Out: []casm.Cell{{}}},
		{Kind: casm.TestLessThan, In: []casm.Operand{{Kind: casm.BinOp, Op: casm.Mul, Cell: cell, B: casm.Cell{Off: 9}}, casm.ImmBig(new(big.Int))}, Out: []casm.Cell{{}}},
		{Kind: casm.DebugPrint, In: []casm.Operand{casm.At(cell), casm.At(cell)}},
	}
	class := &cairo.Class{Hash: felt.FromUint64(77), CompiledHash: felt.FromInt64(-1), Casm: &casm.Class{
		Bytecode: []felt.Felt{felt.Zero, felt.One, felt.FromInt64(-1), felt.FromUint64(256)},
		Segments: &casm.Segments{Children: []casm.Segments{{Length: 1}, {Children: []casm.Segments{{Length: 2}, {Length: 1}}}, {Children: []casm.Segments{}}}},
		Hints:    []casm.HintsAt{{Offset: 0, Hints: hints}, {Offset: 3, Hints: hints[:1]}},
		EntryPoints: casm.EntryPoints{
			External:    []casm.EntryPoint{{Selector: felt.One, Offset: 2, Builtins: []string{"range_check", "poseidon"}}},
			L1Handler:   []casm.EntryPoint{{Selector: felt.FromUint64(9)}},
			Constructor: []casm.EntryPoint{{Offset: 3, Builtins: []string{"mul_mod"}}},
		},
	}}
	words := []felt.Felt{felt.One, felt.FromInt64(-2), felt.Zero}
	inner := &cairo.CallTrace{
		Call:   cairo.Call{Class: class, Type: cairo.L1Handler, Selector: felt.One, Contract: felt.One, Caller: felt.Zero, Calldata: words, Gas: 1 << 63},
		Result: cairo.Result{Failed: true, Retdata: words[:1], GasLeft: 300},
	}
	root := &cairo.CallTrace{
		Call: cairo.Call{Class: class, Selector: felt.FromUint64(5), Contract: felt.FromUint64(6), Caller: felt.FromUint64(7), Calldata: words},
		Syscalls: []cairo.SyscallTrace{
			{Selector: cairo.StorageRead, Gas: 100, GasLeft: 50, Response: words[1:2]},
			{Selector: cairo.Deploy, Gas: 50, GasLeft: 20, Failed: true, Response: inner.Result.Retdata, Contract: felt.FromUint64(99), Inner: inner},
		},
		Err: cairo.RunErrorf("out of gas"), Dropped: 12,
	}
	return &cairoos.Block{
		ChainID: felt.FromShortString("TEST"), Number: 1 << 40, Timestamp: 1_700_000_000, Sequencer: felt.FromUint64(0x5e9),
		Transactions: []cairoos.Transaction{{
			Info: cairo.TxInfo{
				Version: felt.FromUint64(3), Account: felt.FromUint64(6), MaxFee: felt.One, Signature: words, Hash: felt.FromUint64(0x7a5), ChainID: felt.FromShortString("TEST"),
				Nonce: felt.FromUint64(8), ResourceBounds: []cairo.ResourceBounds{{Resource: felt.One, MaxAmount: 1<<64 - 1, MaxPricePerUnit: felt.FromUint128(1, 2)}},
				Tip: 3, PaymasterData: words[:2], NonceDAMode: 1, FeeDAMode: 1<<32 - 1, AccountDeploymentData: words[2:], ProofFacts: words[1:],
			},
			Reverted: true, Calls: []*cairo.CallTrace{root, inner},
		}},
	}
}

// TestRoundTrip checks that every field that a job has is the same after encoding and decoding.
func TestRoundTrip(t *testing.T) {
	want := small()
	data, err := job.Encode([]*cairoos.Block{want, {Number: 2}})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := job.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(decoded) != 2 || decoded[1].Number != 2 {
		t.Fatalf("decoded %+v", decoded)
	}
	got := decoded[0]
	root := got.Transactions[0].Calls[0]
	if root.Err == nil || root.Err.Error() != "cairo: out of gas" {
		t.Errorf("the error is %v", root.Err)
	}
	root.Err = want.Transactions[0].Calls[0].Err
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got.Transactions[0], want.Transactions[0])
	}
}

// TestBounds checks the last good and the first bad value of the bounds.
func TestBounds(t *testing.T) {
	class := small().Transactions[0].Calls[0].Call.Class
	nested := func(depth int) []*cairoos.Block {
		var call *cairo.CallTrace
		for range depth {
			outer := &cairo.CallTrace{Call: cairo.Call{Class: class}}
			if call != nil {
				outer.Syscalls = []cairo.SyscallTrace{{Selector: cairo.CallContract, Inner: call}}
			}
			call = outer
		}
		return []*cairoos.Block{{Transactions: []cairoos.Transaction{{Calls: []*cairo.CallTrace{call}}}}}
	}
	words := func(n, uses int) []*cairoos.Block {
		list := make([]felt.Felt, n)
		tx := cairoos.Transaction{Calls: make([]*cairo.CallTrace, uses)}
		for i := range tx.Calls {
			tx.Calls[i] = &cairo.CallTrace{Call: cairo.Call{Class: class, Calldata: list}}
		}
		return []*cairoos.Block{{Transactions: []cairoos.Transaction{tx}}}
	}
	text := func(n int) []*cairoos.Block {
		blocks := nested(1)
		blocks[0].Transactions[0].Calls[0].Err = errors.New(strings.Repeat("x", n))
		return blocks
	}
	for _, c := range []struct {
		name   string
		blocks []*cairoos.Block
		what   string
	}{
		{"depth", nested(constants.MaxCallDepth), ""},
		{"depth + 1", nested(constants.MaxCallDepth + 1), "nested calls"},
		{"words", words(1<<12, job.MaxWords>>12), ""},
		{"words + 1", words(1<<12, job.MaxWords>>12+1), "words in arrays"},
		{"a long error", text(1 << 20), ""},
	} {
		data, err := job.Encode(c.blocks)
		if e, ok := errors.AsType[*job.BoundError](err); (c.what == "") != (err == nil) || err != nil && (!ok || e.What != c.what) {
			t.Errorf("%s: %v, want %q", c.name, err, c.what)
		}
		if err == nil {
			if _, err := job.Decode(data); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	if _, err := job.Encode([]*cairoos.Block{{Transactions: []cairoos.Transaction{{Calls: []*cairo.CallTrace{{}}}}}}); err == nil {
		t.Error("a call without a class was encoded")
	}
	if _, err := job.Decode(make([]byte, job.MaxBytes+1)); err == nil {
		t.Error("too many bytes were decoded")
	}
}

// TestRefused checks that what is not a canonical job is refused with one line.
func TestRefused(t *testing.T) {
	good, err := job.Encode([]*cairoos.Block{small()})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name string, data []byte) {
		t.Helper()
		_, err := job.Decode(data)
		if err == nil || strings.ContainsAny(err.Error(), "\r\n") || !strings.HasPrefix(err.Error(), "job: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused("nothing", nil)
	refused("JSON", []byte("{}"))
	refused("another version", append([]byte("starkdjob\x02"), good[10:]...))
	refused("a byte more", append(bytes.Clone(good), 0))
	for i := range good {
		refused(fmt.Sprintf("the first %d bytes", i), good[:i])
	}
	// A class that no call uses, and an array that nothing uses.
	refused("an unused class", append(append([]byte("starkdjob\x01\x01"), classBytes(t)...), 0, 0))
	refused("an unused array", []byte("starkdjob\x01\x00\x01\x01\x01\x05\x00"))
	refused("many classes", []byte("starkdjob\x01\xff\xff\x03"))
	refused("a padded number", []byte("starkdjob\x01\x80\x00\x00\x00"))
	if blocks, err := job.Decode([]byte("starkdjob\x01\x00\x00\x00")); err != nil || len(blocks) != 0 {
		t.Errorf("a job without blocks: %v, %v", blocks, err)
	}
}

// classBytes returns the encoding of the class of small.
func classBytes(t *testing.T) []byte {
	block := small()
	block.Transactions[0] = cairoos.Transaction{Calls: []*cairo.CallTrace{{Call: cairo.Call{Class: block.Transactions[0].Calls[0].Call.Class}}}}
	with, err := job.Encode([]*cairoos.Block{block})
	if err != nil {
		t.Fatal(err)
	}
	block.Transactions[0].Calls = nil
	without, err := job.Encode([]*cairoos.Block{block})
	if err != nil {
		t.Fatal(err)
	}
	const head, call = len("starkdjob\x01\x01"), 14
	return with[head : head+len(with)-len(without)-call]
}

// FuzzDecode checks that no input makes Decode panic, that what it accepts is encoded to the same bytes, and that the OS program, run on it
// for a few steps, ends with a result or an error.
func FuzzDecode(f *testing.F) {
	for _, blocks := range [][]*cairoos.Block{nil, {small()}} {
		data, err := job.Encode(blocks)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, err := job.Decode(data)
		if err != nil {
			return
		}
		again, err := job.Encode(blocks)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("a decoded job has other bytes, %v", err)
		}
		if trace, err := cairoos.Run(blocks, cairoos.Options{Layout: cairoos.LayoutStwo, MaxSteps: 1 << 14}); err == nil && trace == nil {
			t.Error("neither a trace nor an error")
		}
	})
}

// BenchmarkJob encodes and decodes a job of two blocks.
func BenchmarkJob(b *testing.B) {
	blocks := chain(b)
	data, err := job.Encode(blocks)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := job.Encode(blocks); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := job.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
