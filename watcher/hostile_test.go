package watcher

import (
	"context"
	"errors"
	"strings"
	"testing"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/watcher/proofstore"
)

// handOn returns a call of the probe that passes an array of so many words from call to call, 45 deep. The innermost call fails, and the
// others handle the failure.
func handOn(words int) wallet.Call {
	calldata := append([]felt.Felt{probe, executor.Selector("spin"), felt.FromUint64(uint64(words))}, make([]felt.Felt, words)...)
	for range 44 {
		calldata = append([]felt.Felt{probe, executor.Selector("survive"), felt.FromUint64(uint64(len(calldata)))}, calldata...)
	}
	return wallet.Call{To: probe, Name: "survive", Calldata: calldata}
}

// words returns the number of words of the arrays of a call and of its inner calls.
func words(e *cairo.CallTrace) int {
	n := len(e.Call.Calldata) + len(e.Result.Retdata)
	for i := range e.Syscalls {
		n += len(e.Syscalls[i].Response)
		if inner := e.Syscalls[i].Inner; inner != nil {
			n += words(inner)
		}
	}
	return n
}

// TestArrayThatIsHandedOn checks a transaction that passes one array from call to call. It pays for few words, but its recording would have many: the
// watcher does not keep them, and leaves the transaction out of the proof because it has too many steps. The other transactions are proved.
func TestArrayThatIsHandedOn(t *testing.T) {
	l := newLocal(t)
	to := felt.FromUint64(0xbe)
	l.block(
		l.invoke(l.wallet.Address, wallet.Transfer(to, 1)),
		l.invoke(l.wallet.Address, handOn(1000)),
		l.invoke(l.wallet.Address, wallet.Transfer(to, 2)),
	)
	b, results := l.verified(1)
	most := cairoos.Options{MaxSteps: l.watcher.config.MaxSteps}.MaxWords()
	trace, err := l.app.TraceCalls(t.Context(), 1, vm.NewEngine(), most)
	if err != nil {
		t.Fatal(err)
	}
	for i := range trace.Transactions {
		kept := 0
		for _, call := range trace.Transactions[i].Calls {
			kept += words(call)
		}
		if trace.Transactions[i].Outcome.Receipt.Reverted || kept > 5000 {
			t.Errorf("transaction %d: %d words are kept, reverted: %q", i, kept, trace.Transactions[i].Outcome.Receipt.RevertReason)
		}
	}
	whole, err := l.app.TraceCalls(t.Context(), 1, vm.NewEngine(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := words(whole.Transactions[1].Calls[1]); n < 2*int(most) {
		t.Fatalf("the transaction hands on %d words, want many more than %d", n, most)
	}

	proof, claims, failed := claimsOf(t, trace, cairoos.Options{MaxSteps: l.watcher.config.MaxSteps})
	unproven, err := unprovenOf(trace, failed)
	if err != nil {
		t.Fatal(err)
	}
	if len(claims) != 1 || len(unproven) != 1 || unproven[0].Index != 1 || unproven[0].Reason != (statement.Reason{MaxSteps: 1 << 17}) {
		t.Fatalf("%d claims, uncovered %+v", len(claims), unproven)
	}
	if err := l.watcher.witness(b, results, trace, unproven, proof); err != nil {
		t.Fatal(err)
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: l.watcher.trusted})
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := proof.Witness.Check(anchor, claims)
	if err != nil {
		t.Fatal(err)
	}
	for i, tx := range verdict.Outcome.Transactions {
		if (tx.Unproven != nil) != (i == 1) {
			t.Errorf("transaction %d: uncovered is %v", i, tx.Unproven)
		}
	}

	// A block with only such a transaction has a record with the reason, and the watcher continues.
	l.block(l.invoke(l.wallet.Address, handOn(1000)))
	b, results = l.verified(2)
	record, bundle, err := l.watcher.proveBlock(t.Context(), b, results)
	if err != nil || bundle != nil || record.Status != proofstore.NotProved || len(record.Unproven) != 1 ||
		record.Unproven[0].Reason != "it needs more than 131072 steps" {
		t.Errorf("record %+v, %v", record, err)
	}
}

// cancelling is an engine that cancels a context before or after its n-th run of a call from the protocol.
type cancelling struct {
	cairo.Engine
	n, depth int
	after    bool
	cancel   context.CancelFunc
}

func (c *cancelling) Begin() cairo.Session { return &cancellingSession{c.Engine.Begin(), c} }

type cancellingSession struct {
	cairo.Session
	*cancelling
}

func (c *cancellingSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > 1 {
		return c.Session.Run(call, sys)
	}
	if c.n--; c.n == 0 && !c.after {
		c.cancel()
	}
	result, err := c.Session.Run(call, sys)
	if c.n == 0 && c.after {
		c.cancel()
	}
	return result, err
}

// TestProvingEndsWithItsContext checks that a watcher whose context ends stops recording calls, and stops running them in the OS.
func TestProvingEndsWithItsContext(t *testing.T) {
	l := newLocal(t)
	l.block(l.invoke(l.wallet.Address, wallet.Call{To: probe, Name: "spin", Calldata: []felt.Felt{felt.FromUint64(100_000)}}))
	b, results := l.verified(1)
	for name, c := range map[string]struct {
		n     int
		after bool
		want  error
	}{
		"recording": {2, false, context.Canceled},    // of __validate__, __execute__ and the fee transfer
		"os":        {3, true, cairo.ErrInterrupted}, // after recording
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			engine := &cancelling{Engine: vm.NewEngine(), n: c.n, after: c.after, cancel: cancel}
			l.watcher.engine = engine
			_, _, err := l.watcher.proveBlock(ctx, b, results)
			if !errors.Is(err, c.want) || engine.n > 0 || !c.after && engine.n != 0 {
				t.Errorf("got %v after all but %d runs, want %v", err, engine.n, c.want)
			}
		})
	}
}

// TestHaltsOnReadsOfTheWitness checks that a replica that cannot be read while the witness is made halts the watcher, because the block is not
// the cause.
func TestHaltsOnReadsOfTheWitness(t *testing.T) {
	l := newLocal(t)
	l.block(l.invoke(l.wallet.Address, wallet.Transfer(felt.FromUint64(0xbe), 1)))
	for name, prefix := range map[string]byte{"trie nodes": 't', "state": 's'} {
		t.Run(name, func(t *testing.T) {
			db := &unreadableDB{DB: dbm.NewMemDB()}
			f := follow(t, l, l.watcher.config.Genesis, db, "mem://")
			f.Watcher.alone = func(ctx context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
				trace, err := f.Watcher.app.TraceCalls(ctx, 1, f.engine, 0)
				if err != nil {
					return nil, nil, err
				}
				proof := &block.Bundle{Chain: "TEST", Block: 1}
				if _, err := cairoos.RunParts([]*cairoos.Block{osBlock(trace)}, cairoos.Options{}, func(part cairoos.Part) error {
					proof.Proofs = append(proof.Proofs, &block.Proof{Stone: &stone.Proof{PublicInput: &part.Trace.Public}})
					return nil
				}); err != nil {
					return nil, nil, err
				}
				db.prefix = prefix
				return nil, nil, f.witness(b, results, trace, nil, proof)
			}
			f.halts(t, errDisk.Error(), "reading the state before it")
		})
	}
}

// unreadableDB is a database whose keys that begin with prefix cannot be read, once prefix is set.
type unreadableDB struct {
	dbm.DB
	prefix byte
}

func (d *unreadableDB) Get(key []byte) ([]byte, error) {
	if d.prefix != 0 && strings.HasPrefix(string(key), string([]byte{d.prefix})) {
		return nil, errDisk
	}
	return d.DB.Get(key)
}

func (d *unreadableDB) Iterator(start, end []byte) (dbm.Iterator, error) {
	if d.prefix != 0 && strings.HasPrefix(string(start), string([]byte{d.prefix})) {
		return nil, errDisk
	}
	return d.DB.Iterator(start, end)
}

// TestLostTrieNode checks that a trie node that the replica lacks is an error, and that watchedNodes keeps it.
func TestLostTrieNode(t *testing.T) {
	l := newLocal(t)
	_, roots, _, err := l.app.Store().Header(0)
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	nodes := &watchedNodes{l.app.Store(), &failed}
	if node, err := nodes.TrieNode(roots.ContractsRoot); err != nil || node == nil || failed != nil {
		t.Errorf("the root: %x, %v, kept is %v", node, err, failed)
	}
	if _, err := nodes.TrieNode(felt.FromUint64(0x123)); err == nil || failed != err {
		t.Errorf("a node that is not there: %v, kept is %v", err, failed)
	}
}
