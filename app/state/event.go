package state

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// The index of events says which blocks hold an event of a contract, or one with some key at some place. It is written with each
// block, is no part of the state that validators sign, and may say too much but never too little. Entries are block by block; those of
// the contract and the first key that older versions wrote for every event begin in the same way and serve as well. Later keys
// those versions did not write: the index knows for which blocks it has them, and for the others they do not narrow the search.

const (
	// indexedKeys is how many keys of an event are in the index: the selector and three more, which holds what tokens' events
	// have there. Later ones do not narrow a search.
	indexedKeys = 4
	// maxSeeks bounds the entries that are looked up from one block to the next: parts of a filter that are met in turn, but never
	// together, can ask for one at every block. Beyond it the block that the search has come to is taken for one that may match.
	maxSeeks = 10_000
)

// nowhere is a height that no block has.
const nowhere = math.MaxUint64

// keyIndex says for which blocks the index has the keys after the first: from one to another, both in it.
type keyIndex struct{ from, to uint64 }

func (x *keyIndex) has(height uint64) bool { return x != nil && x.from <= height && height <= x.to }

func (s *Store) readKeyIndex() (*keyIndex, error) {
	b, err := s.get([]byte{keyIndexPrefix})
	if err != nil || b == nil {
		return nil, err
	}
	if len(b) != 16 {
		return nil, fmt.Errorf("state: range of the index of events of %d bytes, want 16", len(b))
	}
	return &keyIndex{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, nil
}

// events writes a block's entries and returns for which blocks the index then has later keys. If the block before was written
// by a version that does not know them, they begin anew.
func (w *writer) events(b *starknet.Block, before *keyIndex) *keyIndex {
	seen := map[string]bool{}
	add := func(k []byte) {
		if !seen[string(k)] {
			seen[string(k)] = true
			w.set(k, []byte{})
		}
	}
	for i := range b.Receipts {
		for _, e := range b.Receipts[i].Events {
			add(key(fromPrefix, one(e.From), b.Number))
			for place, k := range e.Keys[:min(len(e.Keys), indexedKeys)] {
				add(keyEntry(place, k, b.Number))
			}
		}
	}
	after := &keyIndex{b.Number, b.Number}
	if b.Number > 0 && before.has(b.Number-1) {
		after.from = before.from
	}
	w.set([]byte{keyIndexPrefix}, key(0, nil, after.from, after.to)[1:])
	return after
}

// keyEntry returns the entry of a key at a place of an event.
func keyEntry(place int, k felt.Felt, height uint64) []byte {
	if place == 0 {
		return key(keyPrefix, one(k), height)
	}
	b := key(laterKeyPrefix, one(k), height)
	return append(b[:1:1], append([]byte{byte(place)}, b[1:]...)...)
}

// EventBlocks returns the blocks between two heights, both included, that may hold events that f selects, in order: all that do are
// among them. A range that begins or ends beyond the head holds none there.
func (s *Store) EventBlocks(f *starknet.EventFilter, from, to uint64) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		head := s.Head()
		if head == nil {
			return
		}
		to := min(to, head.Height)
		search := s.newEventSearch(f)
		for n := from; n <= to; n++ {
			var err error
			if n, err = search.next(n, to); err != nil {
				yield(0, err)
				return
			}
			if n > to || !yield(n, nil) {
				return
			}
		}
	}
}

// eventSearch looks for blocks of which every part of a filter says that they may match.
type eventSearch struct {
	store *Store
	parts []eventPart
	most  int // seeks from one block to the next, maxSeeks
}

// eventPart is a list of a filter: a block may match if it has an entry of one of the values.
type eventPart struct {
	values []eventValue
	later  bool // of keys that the index does not have for all blocks
}

// eventValue walks the entries of a value.
type eventValue struct {
	prefix []byte
	height uint64 // of the entry it stands at, the first at or after the height sought last; nowhere if there is none
	begun  bool
}

func (s *Store) newEventSearch(f *starknet.EventFilter) *eventSearch {
	search := &eventSearch{store: s, most: maxSeeks}
	part := func(felts []felt.Felt, later bool, entry func(felt.Felt) []byte) {
		if len(felts) == 0 {
			return
		}
		p := eventPart{later: later}
		for _, v := range felts {
			k := entry(v)
			p.values = append(p.values, eventValue{prefix: k[:len(k)-8]})
		}
		search.parts = append(search.parts, p)
	}
	part(f.From, false, func(v felt.Felt) []byte { return key(fromPrefix, one(v), 0) })
	for place, allowed := range f.Keys[:min(len(f.Keys), indexedKeys)] {
		part(allowed, place > 0, func(v felt.Felt) []byte { return keyEntry(place, v, 0) })
	}
	return search
}

// next returns the first block from n on that may match, or one after to.
func (s *eventSearch) next(n, to uint64) (uint64, error) {
	later := s.store.keyIndex.Load()
	for seeks := 0; seeks < s.most; {
		moved := false
		for i := range s.parts {
			p := &s.parts[i]
			if p.later && !later.has(n) {
				continue // nothing is known
			}
			height, err := p.seek(s.store, n, &seeks)
			if err != nil {
				return 0, err
			}
			if height > n {
				if p.later && height > later.to {
					height = later.to + 1
				}
				n, moved = height, true
			}
			if n > to {
				return n, nil
			}
		}
		if !moved {
			break
		}
	}
	return n, nil
}

// seek returns the first height from n on where one of the values has an entry, nowhere if there is none.
func (p *eventPart) seek(s *Store, n uint64, seeks *int) (uint64, error) {
	first := uint64(nowhere)
	for i := range p.values {
		v := &p.values[i]
		if !v.begun || v.height < n {
			*seeks++
			if err := v.seek(s, n); err != nil {
				return 0, err
			}
		}
		first = min(first, v.height)
	}
	return first, nil
}

// seek opens an iterator for one entry: one that stays open would hold some databases up.
func (v *eventValue) seek(s *Store, n uint64) error {
	v.begun, v.height = true, nowhere
	start := binary.BigEndian.AppendUint64(v.prefix[:len(v.prefix):len(v.prefix)], n)
	it, err := s.db.Iterator(start, prefixEnd(v.prefix))
	if err != nil {
		return fmt.Errorf("state: reading the index of events: %w", err)
	}
	defer it.Close()
	if it.Valid() {
		v.height = binary.BigEndian.Uint64(it.Key()[len(v.prefix):])
	}
	return it.Error()
}
