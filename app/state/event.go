package state

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// The index of events has, for each contract and for each key at each of the first places, the blocks with such an event. It is
// written with each block and is not part of the state that validators sign. It may list blocks without a match but never misses one.
//
// There is one entry per contract, key and block. Older versions of the store wrote an entry for every event, with the same prefix, so
// their entries work too. They had no entries for keys after the first. keyIndex has the range of blocks that have them; in other
// blocks later keys do not narrow a search.

const (
	// indexedKeys is the number of an event's keys that are in the index: the selector and three more, which suffice for the
	// events of tokens. Later keys do not narrow a search.
	indexedKeys = 4
	// maxSeeks bounds the lookups between two results: parts of a filter that match alternating blocks, but never the same one,
	// can need a lookup for every block. At the bound the search returns the block that it has reached as a possible match.
	maxSeeks = 10_000
)

// nowhere is larger than every block's height.
const nowhere = math.MaxUint64

// keyIndex is the range of blocks for which the index has keys after the first. Both ends are included.
type keyIndex struct{ from, to uint64 }

func (x *keyIndex) has(height uint64) bool { return x != nil && x.from <= height && height <= x.to }

func (s *Store) readKeyIndex() (*keyIndex, error) {
	b, err := s.get([]byte{keyIndexPrefix})
	if err != nil || b == nil {
		return nil, err
	}
	if len(b) != 16 {
		return nil, fmt.Errorf("state: range of the event index has %d bytes, want 16", len(b))
	}
	return &keyIndex{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, nil
}

// events writes a block's entries and returns the new range of blocks with later keys. If the previous block has no later keys,
// because an older version wrote it, the range starts at this block.
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

// keyEntry returns the database key of the entry for an event key at a place, counted from 0.
func keyEntry(place int, k felt.Felt, height uint64) []byte {
	if place == 0 {
		return key(keyPrefix, one(k), height)
	}
	b := key(laterKeyPrefix, one(k), height)
	return append(b[:1:1], append([]byte{byte(place)}, b[1:]...)...)
}

// EventBlocks returns the blocks from one height to another, both included, that may have events that f selects, in order. It misses
// no such block, but may return blocks without matches. It returns no blocks above the head.
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

// eventSearch searches for blocks that may match every part of a filter.
type eventSearch struct {
	store *Store
	parts []eventPart
	most  int // maxSeeks, less in tests
}

// eventPart is one list of a filter: a block may match if it has an entry of one of the values.
type eventPart struct {
	values []eventValue
	later  bool // keys after the first, which the index does not have for all blocks
}

// eventValue is a position among the entries of a value.
type eventValue struct {
	prefix []byte
	height uint64 // of the first entry at or after the last sought height; nowhere if there is none
	begun  bool   // height is set
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

// next returns the first block at or after n that may match, or a height above to if there is none.
func (s *eventSearch) next(n, to uint64) (uint64, error) {
	later := s.store.keyIndex.Load()
	for seeks := 0; seeks < s.most; {
		moved := false
		for i := range s.parts {
			p := &s.parts[i]
			if p.later && !later.has(n) {
				continue // not indexed: the block may match
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

// seek returns the first height at or after n at which one of the values has an entry, or nowhere. It adds its lookups to seeks.
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

// seek moves to the first entry at or after n. It opens an iterator for each lookup, because an open iterator blocks writes of some
// databases.
func (v *eventValue) seek(s *Store, n uint64) error {
	v.begun, v.height = true, nowhere
	start := binary.BigEndian.AppendUint64(v.prefix[:len(v.prefix):len(v.prefix)], n)
	it, err := s.db.Iterator(start, prefixEnd(v.prefix))
	if err != nil {
		return fmt.Errorf("state: reading the event index: %w", err)
	}
	defer it.Close()
	if it.Valid() {
		v.height = binary.BigEndian.Uint64(it.Key()[len(v.prefix):])
	}
	return it.Error()
}
