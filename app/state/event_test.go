package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	"pgregory.net/rapid"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// commitEvents commits a block of txs transactions. events returns the events of each; nil means none.
func commitEvents(t fataler, s *Store, events func(height, index uint64) []starknet.Event, txs uint64) *starknet.Block {
	b, ch := next(t, s, &starknet.StateDiff{})
	for i := range txs {
		tx := &starknet.Invoke{SenderAddress: u(b.Number), Calldata: []felt.Felt{u(i)}}
		r := starknet.Receipt{TransactionHash: tx.Hash(u(1)), Type: starknet.InvokeType}
		if events != nil {
			r.Events = events(b.Number, i)
		}
		b.Transactions, b.Receipts = append(b.Transactions, tx), append(b.Receipts, r)
	}
	b.Seal(b.Transactions, b.Receipts, ch.Diff)
	b.BlockHash = b.Hash()
	if err := s.Commit(b, ch, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// eventBlocks returns the blocks of EventBlocks as a list, and checks that they are in order and in the range.
func eventBlocks(t fataler, s *Store, f *starknet.EventFilter, from, to uint64) (heights []uint64) {
	for n, err := range s.EventBlocks(f, from, to) {
		if err != nil {
			t.Fatal(err)
		}
		if n < from || n > to || len(heights) > 0 && n <= heights[len(heights)-1] {
			t.Fatal(fmt.Sprintf("%+v from %d to %d: %d after %v", f, from, to, n, heights))
		}
		heights = append(heights, n)
	}
	return heights
}

// mayHold reports whether the index should list a block: for each indexed part of the filter some event matches it.
func mayHold(f *starknet.EventFilter, b *starknet.Block, later bool) bool {
	some := func(so func(e *starknet.Event) bool) bool {
		return slices.ContainsFunc(b.Receipts, func(r starknet.Receipt) bool {
			return slices.ContainsFunc(r.Events, func(e starknet.Event) bool { return so(&e) })
		})
	}
	if len(f.From) > 0 && !some(func(e *starknet.Event) bool { return slices.Contains(f.From, e.From) }) {
		return false
	}
	for i, allowed := range f.Keys {
		if len(allowed) == 0 || i >= indexedKeys || i > 0 && !later {
			continue
		}
		if !some(func(e *starknet.Event) bool { return len(e.Keys) > i && slices.Contains(allowed, e.Keys[i]) }) {
			return false
		}
	}
	return true
}

// asOldVersion replaces the index by that of older versions: entries for the contract and the first key of every event, and none for
// later keys.
func asOldVersion(t fataler, db dbm.DB, blocks []*starknet.Block) {
	var stale [][]byte
	for _, prefix := range []byte{fromPrefix, keyPrefix, laterKeyPrefix, keyIndexPrefix} {
		it, err := db.Iterator([]byte{prefix}, []byte{prefix + 1})
		if err != nil {
			t.Fatal(err)
		}
		for ; it.Valid(); it.Next() {
			stale = append(stale, bytes.Clone(it.Key()))
		}
		it.Close()
	}
	for _, k := range stale {
		if err := db.Delete(k); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range blocks {
		for i, r := range b.Receipts {
			for j, e := range r.Events {
				keys := [][]byte{key(fromPrefix, one(e.From), b.Number, uint64(i), uint64(j))}
				if len(e.Keys) > 0 {
					keys = append(keys, key(keyPrefix, one(e.Keys[0]), b.Number, uint64(i), uint64(j)))
				}
				for _, k := range keys {
					if err := db.Set(k, []byte{}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// TestEventBlocks compares EventBlocks with a scan of all blocks, for random chains, some of whose first blocks an older version wrote.
func TestEventBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := func(name string) felt.Felt { return u(rapid.Uint64Range(0, 5).Draw(t, name)) }
		smalls := func(name string, most int) (fs []felt.Felt) {
			for range rapid.IntRange(0, most).Draw(t, "number of "+name) {
				fs = append(fs, small(name))
			}
			return fs
		}
		db := dbm.NewMemDB()
		s := open(t, db)
		var blocks []*starknet.Block
		grow := func() {
			blocks = append(blocks, commitEvents(t, s, func(_, _ uint64) (events []starknet.Event) {
				for range rapid.IntRange(0, 2).Draw(t, "events") {
					events = append(events, starknet.Event{From: small("contract"), Keys: smalls("keys", 6)})
				}
				return events
			}, rapid.Uint64Range(0, 2).Draw(t, "transactions")))
		}
		for range rapid.IntRange(1, 10).Draw(t, "blocks") {
			grow()
		}
		old := 0
		if rapid.Bool().Draw(t, "old") {
			old = len(blocks)
			asOldVersion(t, db, blocks)
			s = open(t, db)
		}
		for range rapid.IntRange(0, 10).Draw(t, "more blocks") {
			grow()
		}
		if rapid.Bool().Draw(t, "restart") {
			s = open(t, db)
		}
		for range 5 {
			f := &starknet.EventFilter{From: smalls("contracts", 2)}
			for range rapid.IntRange(0, 6).Draw(t, "places") {
				f.Keys = append(f.Keys, smalls("allowed", 2))
			}
			from := rapid.Uint64Range(0, uint64(len(blocks)+1)).Draw(t, "from")
			to := rapid.Uint64Range(0, uint64(len(blocks)+1)).Draw(t, "to")
			var want []uint64
			for _, b := range blocks {
				if b.Number >= from && b.Number <= to && mayHold(f, b, int(b.Number) >= old) {
					want = append(want, b.Number)
				}
			}
			if got := eventBlocks(t, s, f, from, to); !slices.Equal(got, want) {
				t.Errorf("%+v from %d to %d: %v, want %v; %d blocks of an older version", f, from, to, got, want, old)
			}
		}
	})
}

// TestIndexGap checks that blocks which an older version wrote after this one are a gap in the index of later keys, and that the
// range starts again after it.
func TestIndexGap(t *testing.T) {
	db := dbm.NewMemDB()
	s := open(t, db)
	events := func(h, _ uint64) []starknet.Event {
		return []starknet.Event{{From: u(1), Keys: []felt.Felt{u(2), u(h)}}}
	}
	var blocks []*starknet.Block
	for range 3 {
		blocks = append(blocks, commitEvents(t, s, events, 1))
	}
	marker, err := db.Get([]byte{keyIndexPrefix})
	if err != nil || !bytes.Equal(marker, key(0, nil, 0, 2)[1:]) {
		t.Fatalf("range of the index: %x, %v", marker, err)
	}
	for range 2 {
		blocks = append(blocks, commitEvents(t, s, events, 1))
	}
	asOldVersion(t, db, blocks)
	for h := range uint64(3) { // blocks 0 to 2 are by this version, 3 and 4 by an older one
		if err := db.Set(keyEntry(1, u(h), h), []byte{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Set([]byte{keyIndexPrefix}, marker); err != nil {
		t.Fatal(err)
	}
	s = open(t, db)
	second := func(k uint64) *starknet.EventFilter { return &starknet.EventFilter{Keys: [][]felt.Felt{{}, {u(k)}}} }
	if got, want := eventBlocks(t, s, second(1), 0, 99), []uint64{1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("after an older version: %v, want %v", got, want)
	}
	for range 2 {
		commitEvents(t, s, events, 1)
	}
	for _, s := range []*Store{s, open(t, db)} {
		if got, want := eventBlocks(t, s, second(6), 0, 99), []uint64{0, 1, 2, 3, 4, 6}; !slices.Equal(got, want) {
			t.Errorf("after two blocks of this version: %v, want %v", got, want)
		}
	}
	if err := db.Set([]byte{keyIndexPrefix}, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(db); err == nil {
		t.Error("a range of one byte was accepted")
	}
}

// TestManySeeks checks that a search makes at most maxSeeks lookups per result if two parts of a filter match alternating blocks but
// never the same one.
func TestManySeeks(t *testing.T) {
	s := open(t, dbm.NewMemDB())
	const blocks = 500
	for range blocks {
		commitEvents(t, s, func(h, _ uint64) []starknet.Event {
			return []starknet.Event{{From: u(h % 2), Keys: []felt.Felt{u(h % 2)}}}
		}, 1)
	}
	for most, want := range map[int]int{maxSeeks: 0, 100: 5} {
		search := s.newEventSearch(&starknet.EventFilter{From: []felt.Felt{u(0)}, Keys: [][]felt.Felt{{u(1)}}})
		search.most = most
		got := 0
		for n := uint64(0); n < blocks; n++ {
			var err error
			if n, err = search.next(n, blocks-1); err != nil {
				t.Fatal(err)
			}
			if n >= blocks {
				break
			}
			got++
		}
		if got < want/2 || got > want {
			t.Errorf("with %d seeks per result, %d blocks of %d may match, want about %d", most, got, blocks, want)
		}
	}
}

// TestIndexEntries checks the index entries of a block.
func TestIndexEntries(t *testing.T) {
	db := dbm.NewMemDB()
	s := open(t, db)
	commitEvents(t, s, func(_, i uint64) []starknet.Event {
		return []starknet.Event{{From: u(7), Keys: []felt.Felt{u(1), u(2), u(3), u(4), u(5), u(6)}}, {From: u(7), Keys: []felt.Felt{u(1), u(9)}}, {From: u(8 + i)}}
	}, 2)
	var got []string
	for _, prefix := range []byte{fromPrefix, keyPrefix, laterKeyPrefix} {
		it, err := db.Iterator([]byte{prefix}, []byte{prefix + 1})
		if err != nil {
			t.Fatal(err)
		}
		for ; it.Valid(); it.Next() {
			k := it.Key()
			place := ""
			if prefix == laterKeyPrefix {
				place, k = fmt.Sprint(k[1], " "), k[1:]
			}
			got = append(got, fmt.Sprintf("%c %s%d at %d", prefix, place, k[32], binary.BigEndian.Uint64(k[33:])))
		}
		it.Close()
	}
	want := []string{"e 7 at 0", "e 8 at 0", "e 9 at 0", "E 1 at 0", "F 1 2 at 0", "F 1 9 at 0", "F 2 3 at 0", "F 3 4 at 0"}
	if !slices.Equal(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
}
