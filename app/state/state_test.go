package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

func u(v uint64) felt.Felt { return felt.FromUint64(v) }

type fataler interface{ Fatal(...any) }

func open(t fataler, db dbm.DB) *Store {
	s, err := Open(db)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// next returns the block after the head with a difference and no transactions, and its change.
func next(t fataler, s *Store, diff *starknet.StateDiff) (*starknet.Block, *Change) {
	ch, err := s.Apply(diff)
	if err != nil {
		t.Fatal(err)
	}
	b := &starknet.Block{Header: starknet.Header{Version: starknet.Version, StateRoot: ch.Commitment, Timestamp: 1000}}
	if head := s.Head(); head != nil {
		b.Number, b.Parent, b.Timestamp = head.Height+1, head.BlockHash, head.Timestamp+1
	}
	b.Seal(nil, nil, diff)
	b.BlockHash = b.Hash()
	return b, ch
}

func commit(t fataler, s *Store, diff *starknet.StateDiff) {
	b, ch := next(t, s, diff)
	if err := s.Commit(b, ch, nil); err != nil {
		t.Fatal(err)
	}
}

// model is a state as plain maps.
type model struct {
	storage        map[Slot]felt.Felt
	nonce, classOf map[felt.Felt]felt.Felt
}

func newModel() *model {
	return &model{map[Slot]felt.Felt{}, map[felt.Felt]felt.Felt{}, map[felt.Felt]felt.Felt{}}
}

func (m *model) clone() *model {
	c := newModel()
	for k, v := range m.storage {
		c.storage[k] = v
	}
	for k, v := range m.nonce {
		c.nonce[k] = v
	}
	for k, v := range m.classOf {
		c.classOf[k] = v
	}
	return c
}

// check compares a Reader with the model on all small keys.
func (m *model) check(t *rapid.T, name string, r Reader) {
	for c := range uint64(4) {
		for k := range uint64(4) {
			slot := Slot{u(c), u(k)}
			if got, err := r.StorageAt(slot.Contract, slot.Key); err != nil || got != m.storage[slot] {
				t.Fatalf("%s: storage of %d at %d: got %v %v, want %v", name, c, k, got, err, m.storage[slot])
			}
		}
		if got, err := r.NonceAt(u(c)); err != nil || got != m.nonce[u(c)] {
			t.Fatalf("%s: nonce of %d: got %v %v, want %v", name, c, got, err, m.nonce[u(c)])
		}
		if got, err := r.ClassHashAt(u(c)); err != nil || got != m.classOf[u(c)] {
			t.Fatalf("%s: class of %d: got %v %v, want %v", name, c, got, err, m.classOf[u(c)])
		}
	}
}

// act makes one random change to an overlay and to the model.
func act(t *rapid.T, o *Overlay, m *model) {
	c, k, v := u(rapid.Uint64Range(0, 3).Draw(t, "contract")), u(rapid.Uint64Range(0, 3).Draw(t, "key")), u(rapid.Uint64Range(0, 2).Draw(t, "value"))
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		o.SetNonce(c, v)
		m.nonce[c] = v
	case 1:
		o.SetClassHash(c, u(v.Uint64()+1))
		m.classOf[c] = u(v.Uint64() + 1)
	default:
		o.SetStorage(c, k, v)
		m.storage[Slot{c, k}] = v
	}
}

// TestAgainstModel compares the store with a model, for blocks of random changes with rollbacks and nested overlays. Every height must
// stay readable, and the tries must commit to the values that are read.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, history := open(t, dbm.NewMemDB()), []*model{}
		want := newModel()
		for range rapid.IntRange(1, 4).Draw(t, "blocks") {
			block := NewOverlay(s.Latest())
			for range rapid.IntRange(0, 3).Draw(t, "transactions") {
				tx, inTx := NewOverlay(block), want.clone()
				for range rapid.IntRange(0, 6).Draw(t, "changes") {
					act(t, tx, inTx)
				}
				at, kept := tx.Snapshot(), inTx.clone()
				for range rapid.IntRange(0, 4).Draw(t, "undone") {
					act(t, tx, inTx)
				}
				if rapid.Bool().Draw(t, "roll back") {
					tx.Rollback(at)
					inTx = kept
				}
				inTx.check(t, "transaction", tx)
				if rapid.Bool().Draw(t, "keep") {
					tx.MergeInto(block)
					want = inTx
				}
			}
			want.check(t, "block", block)
			diff, err := block.Diff()
			if err != nil {
				t.Fatal(err)
			}
			if !diff.IsSorted() {
				t.Fatalf("difference is not in canonical order: %+v", diff)
			}
			commit(t, s, diff)
			history = append(history, want.clone())
		}
		for h, m := range history {
			m.check(t, fmt.Sprint("height ", h), s.At(uint64(h)))
			m.checkProofs(t, s, uint64(h))
		}
		again := open(t, s.db)
		if d := cmp.Diff(s.Head(), again.Head()); d != "" {
			t.Fatalf("head after opening again: %s", d)
		}
	})
}

// checkProofs proves every small key under the state commitment of a height.
func (m *model) checkProofs(t *rapid.T, s *Store, height uint64) {
	keys := []felt.Felt{u(0), u(1), u(2), u(3)}
	var slots []starknet.ContractSlots
	for _, c := range keys {
		slots = append(slots, starknet.ContractSlots{Contract: c, Keys: keys})
	}
	p, ok, err := s.Prove(height, keys, keys, slots)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	header, _, _, err := s.Header(height)
	if err != nil {
		t.Fatal(err)
	}
	if got := starknet.StateCommitment(p.ContractsRoot, p.ClassesRoot); got != header.StateRoot {
		t.Fatalf("roots of the proof commit to %v, the header to %v", got, header.StateRoot)
	}
	for i, c := range keys {
		leaf := p.Leaves[i]
		if leaf.ClassHash != m.classOf[c] || leaf.Nonce != m.nonce[c] {
			t.Fatalf("contract %v: leaf %+v", c, leaf)
		}
		if got, err := trie.VerifyProof(trie.Pedersen, p.ContractsRoot, c, p.Contracts); err != nil || got != trie.ContractLeaves([]trie.Contract{leaf})[0] {
			t.Fatalf("contract %v: proof shows %v, %v; leaf is %+v", c, got, err, leaf)
		}
		for _, k := range keys {
			if got, err := trie.VerifyProof(trie.Pedersen, leaf.StorageRoot, k, p.Storage[i]); err != nil || got != m.storage[Slot{c, k}] {
				t.Fatalf("slot %v of %v: proof shows %v, %v, want %v", k, c, got, err, m.storage[Slot{c, k}])
			}
		}
	}
}

// TestDiff checks that Diff has the values that differ from the base, not all writes.
func TestDiff(t *testing.T) {
	s := open(t, dbm.NewMemDB())
	base := NewOverlay(s.Latest())
	base.SetStorage(u(1), u(1), u(5))
	base.SetClassHash(u(1), u(7))
	base.SetNonce(u(1), u(1))
	o := NewOverlay(base)
	o.SetStorage(u(1), u(1), u(6))
	o.SetStorage(u(1), u(1), u(5)) // the base's value
	o.SetStorage(u(2), u(9), u(1))
	o.SetStorage(u(2), u(3), u(1))
	o.SetStorage(u(2), u(4), u(0))
	o.SetClassHash(u(1), u(8))
	o.SetClassHash(u(2), u(8))
	o.SetNonce(u(1), u(1))
	got, err := o.Diff()
	if err != nil {
		t.Fatal(err)
	}
	want := &starknet.StateDiff{
		Storage:  []starknet.ContractStorage{{Address: u(2), Entries: []starknet.StorageEntry{{Key: u(3), Value: u(1)}, {Key: u(9), Value: u(1)}}}},
		Deployed: []starknet.ContractClassHash{{Address: u(2), ClassHash: u(8)}},
		Replaced: []starknet.ContractClassHash{{Address: u(1), ClassHash: u(8)}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("diff (-want +got):\n%s", d)
	}
	if n, err := o.Allocated(); n != 2 || err != nil {
		t.Errorf("%d slots allocated (%v), want 2", n, err)
	}
}

// TestDeclare checks that a class is readable, with all its fields, from the height that declares it.
func TestDeclare(t *testing.T) {
	s := open(t, dbm.NewMemDB())
	commit(t, s, &starknet.StateDiff{})
	class := &Class{
		Hash: u(77), CompiledHash: u(78), Casm: []byte(`{"casm":1}`),
		Definition: &starknet.ContractClass{SierraProgram: []felt.Felt{u(1), u(2)}, Version: "0.1.0", ABI: "[]"},
	}
	o := NewOverlay(s.Latest())
	at := o.Snapshot()
	o.Declare(class)
	o.Rollback(at)
	if got, err := o.Class(u(77)); got != nil || err != nil {
		t.Errorf("class after rollback: %v %v", got, err)
	}
	o.Declare(class)
	diff, err := o.Diff()
	if err != nil {
		t.Fatal(err)
	}
	b, ch := next(t, s, diff)
	if err := s.Commit(b, ch, o.Declared()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{s, open(t, s.db)} {
		if got, err := s.At(0).CompiledClassHash(u(77)); !got.IsZero() || err != nil {
			t.Errorf("declared too early: %v %v", got, err)
		}
		got, err := s.At(1).Class(u(77))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(class, got); d != "" {
			t.Errorf("class (-want +got):\n%s", d)
		}
	}
	p, _, err := s.Prove(1, []felt.Felt{u(77), u(79)}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := trie.VerifyProof(trie.Poseidon, p.ClassesRoot, u(77), p.Classes); err != nil || got != trie.ClassLeaf(u(78)) {
		t.Errorf("class proof shows %v %v", got, err)
	}
}

// TestBlocks checks that blocks, transactions and receipts are read as they were committed, and are found by hash.
func TestBlocks(t *testing.T) {
	s := open(t, dbm.NewMemDB())
	for h := range uint64(6) {
		b := commitEvents(t, s, func(h, i uint64) (events []starknet.Event) {
			for j := range i + 2 {
				events = append(events, starknet.Event{From: u(j % 2), Keys: []felt.Felt{u(h % 2), u(j)}, Data: []felt.Felt{u(h), u(i), u(j)}})
			}
			return events
		}, h%3)
		got, _, err := s.Block(h)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b, got); d != "" {
			t.Errorf("block %d (-want +got):\n%s", h, d)
		}
		for i, r := range b.Receipts {
			if at, ok, err := s.TransactionByHash(r.TransactionHash); err != nil || !ok || at != (starknet.Position{Block: h, Index: uint64(i)}) {
				t.Errorf("transaction %d of block %d is found at %v %v %v", i, h, at, ok, err)
			}
		}
		if at, ok, err := s.BlockByHash(b.BlockHash); err != nil || !ok || at != h {
			t.Errorf("block %d is found at %d %v %v", h, at, ok, err)
		}
	}
}

// TestNotYetTheHead checks that a block that is on disk but not yet the head is not found by hash, nor are its transactions.
func TestNotYetTheHead(t *testing.T) {
	db := dbm.NewMemDB()
	s := open(t, db)
	late := open(t, db) // a store that does not see later commits
	commitEvents(t, s, nil, 0)
	late.head.Store(s.Head())
	b := commitEvents(t, s, nil, 1)
	for _, c := range []struct {
		store *Store
		want  bool
	}{{s, true}, {late, false}} {
		if _, ok, err := c.store.BlockByHash(b.BlockHash); ok != c.want || err != nil {
			t.Errorf("block: %v, %v, want %v", ok, err, c.want)
		}
		if _, ok, err := c.store.TransactionByHash(b.Receipts[0].TransactionHash); ok != c.want || err != nil {
			t.Errorf("transaction: %v, %v, want %v", ok, err, c.want)
		}
	}
}

// faulty is a database whose batch writes fail. The databases promise atomic batches; the test shows that a block is written by its
// batch only.
type faulty struct {
	dbm.DB
	fail bool
}

func (f *faulty) NewBatch() dbm.Batch {
	if f.fail {
		return &faultyBatch{f.DB.NewBatch()}
	}
	return f.DB.NewBatch()
}

type faultyBatch struct{ dbm.Batch }

var errDisk = errors.New("disk full")

func (*faultyBatch) Write() error     { return errDisk }
func (*faultyBatch) WriteSync() error { return errDisk }

// TestCommitFails checks that a failed commit leaves the old height, in memory and on disk, and can be repeated.
func TestCommitFails(t *testing.T) {
	db := &faulty{DB: dbm.NewMemDB()}
	s := open(t, db)
	diff := func(v uint64) *starknet.StateDiff {
		return &starknet.StateDiff{Nonces: []starknet.NonceUpdate{{Address: u(1), Nonce: u(v)}}}
	}
	commit(t, s, diff(1))
	b, ch := next(t, s, diff(2))
	db.fail = true
	if err := s.Commit(b, ch, nil); !errors.Is(err, errDisk) {
		t.Fatalf("commit on a full disk: %v", err)
	}
	for _, s := range []*Store{s, open(t, db)} {
		if got := s.Head().Height; got != 0 {
			t.Errorf("height after a failed commit: %d", got)
		}
		if n, err := s.Latest().NonceAt(u(1)); n != u(1) || err != nil {
			t.Errorf("nonce after a failed commit: %v %v", n, err)
		}
	}
	db.fail = false
	if err := s.Commit(b, ch, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(b, ch, nil); err == nil {
		t.Error("a block was committed twice")
	}
	at, err := s.StorageUpdatedAt(u(1), u(1), 1)
	if at != 0 || err != nil {
		t.Errorf("a slot that was never written was updated at %d (%v)", at, err)
	}
	if n, err := open(t, db).Latest().NonceAt(u(1)); n != u(2) || err != nil {
		t.Errorf("nonce after the commit: %v %v", n, err)
	}
}

// TestCommitRejects checks that a block is committed only at the height after the head and with the state root of its change.
func TestCommitRejects(t *testing.T) {
	s := open(t, dbm.NewMemDB())
	diff := func(v uint64) *starknet.StateDiff {
		return &starknet.StateDiff{Nonces: []starknet.NonceUpdate{{Address: u(1), Nonce: u(v)}}}
	}
	rejected := func(name, why string, change func(*starknet.Block)) {
		t.Helper()
		b, ch := next(t, s, diff(7))
		change(b)
		if err := s.Commit(b, ch, nil); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want an error about %q", name, err, why)
		}
	}
	rejected("a first block that is not 0", "before genesis", func(b *starknet.Block) { b.Number = 1 })
	commit(t, s, diff(1))
	commit(t, s, diff(2))
	rejected("a height after the next", "after block 1", func(b *starknet.Block) { b.Number++ })
	rejected("the head again", "after block 1", func(b *starknet.Block) { b.Number-- })
	rejected("another state root", "commits to", func(b *starknet.Block) { b.StateRoot.Add(&b.StateRoot, &felt.One) })
	rejected("a transaction that has no encoding", "query", func(b *starknet.Block) {
		b.Transactions = []starknet.Transaction{&starknet.Invoke{Common: starknet.Common{Query: true}}, &starknet.Invoke{}}
		b.Receipts = make([]starknet.Receipt, 2)
	})
	b, ch := next(t, s, diff(7))
	unversioned := &Class{Hash: u(5), CompiledHash: u(6), Definition: new(starknet.ContractClass)}
	if err := s.Commit(b, ch, []*Class{unversioned}); err == nil || !strings.Contains(err.Error(), "class 0x5") {
		t.Errorf("a class that has no encoding: %v", err)
	}
	if n, err := s.Latest().NonceAt(u(1)); n != u(2) || s.Head().Height != 1 || err != nil {
		t.Errorf("height %d with nonce %v (%v) after rejected commits, want 1 and 2", s.Head().Height, n, err)
	}
	commit(t, s, diff(3))
}
