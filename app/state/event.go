package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// EventFilter selects events. The zero value of a list selects all.
type EventFilter struct {
	From []felt.Felt // contracts
	// Keys[i] are the values allowed for an event's key i; an empty list allows any value, but the key must be there.
	Keys               [][]felt.Felt
	FromBlock, ToBlock uint64 // inclusive
}

// EventPosition is an event's place in the chain. Places are ordered as their fields are.
type EventPosition struct{ Height, Transaction, Event uint64 }

// EmittedEvent is an event with its place.
type EmittedEvent struct {
	starknet.Event
	EventPosition
	BlockHash       felt.Felt
	TransactionHash felt.Felt
}

// maxScan bounds the index entries and blocks that one call of Events looks at.
const maxScan = 20_000

// Events lists up to limit events that match a filter, in chain order, from a place on. more is the place to go on from,
// nil when there is nothing after the last one.
func (s *Store) Events(f *EventFilter, from EventPosition, limit int) (events []EmittedEvent, more *EventPosition, err error) {
	head := s.Head()
	if head == nil {
		return nil, nil, nil
	}
	to := min(f.ToBlock, head.Height)
	if from.Height < f.FromBlock {
		from = EventPosition{Height: f.FromBlock}
	}
	q := eventQuery{store: s, filter: f, limit: limit}
	switch {
	case from.Height > to:
	case len(f.From) == 1:
		more, err = q.index(key(fromPrefix, f.From), from, to)
	case len(f.Keys) > 0 && len(f.Keys[0]) == 1:
		more, err = q.index(key(keyPrefix, f.Keys[0]), from, to)
	default:
		more, err = q.blocks(from, to)
	}
	return q.found, more, err
}

// eventQuery is one call of Events under way.
type eventQuery struct {
	store  *Store
	filter *EventFilter
	limit  int
	found  []EmittedEvent
	looked int

	// the receipt and block looked at last
	at        Position
	receipt   *starknet.Receipt
	blockHash felt.Felt
}

// index walks the entries of one index under a prefix.
func (q *eventQuery) index(prefix []byte, from EventPosition, to uint64) (more *EventPosition, err error) {
	start := slices.Concat(prefix, key(0, nil, from.Height, from.Transaction, from.Event)[1:])
	end := prefixEnd(slices.Concat(prefix, key(0, nil, to)[1:]))
	it, err := q.store.db.Iterator(start, end)
	if err != nil {
		return nil, fmt.Errorf("state: reading events: %w", err)
	}
	defer func(it dbm.Iterator) { err = firstError(err, it.Error(), it.Close()) }(it)
	for ; it.Valid(); it.Next() {
		k := it.Key()[len(prefix):]
		at := EventPosition{binary.BigEndian.Uint64(k), binary.BigEndian.Uint64(k[8:]), binary.BigEndian.Uint64(k[16:])}
		if q.full() {
			return &at, nil
		}
		q.looked++
		if err := q.look(at); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// blocks walks all events of a range of blocks.
func (q *eventQuery) blocks(from EventPosition, to uint64) (*EventPosition, error) {
	for h := from.Height; h <= to; h++ {
		header, _, _, err := q.store.Header(h)
		if err != nil {
			return nil, err
		}
		at := EventPosition{Height: h}
		if h == from.Height {
			at = from
		}
		if q.looked++; header.EventCount == 0 {
			if q.full() && h < to {
				return &EventPosition{Height: h + 1}, nil
			}
			continue
		}
		for ; at.Transaction < header.TransactionCount; at.Transaction, at.Event = at.Transaction+1, 0 {
			if err := q.load(Position{h, at.Transaction}); err != nil {
				return nil, err
			}
			for ; at.Event < uint64(len(q.receipt.Events)); at.Event++ {
				if q.full() {
					return &at, nil
				}
				q.looked++
				if err := q.look(at); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, nil
}

func (q *eventQuery) full() bool { return len(q.found) == q.limit || q.looked >= maxScan }

// load reads a receipt, unless it is the one read last.
func (q *eventQuery) load(at Position) (err error) {
	if q.receipt != nil && q.at == at {
		return nil
	}
	if q.receipt == nil || q.at.Height != at.Height {
		r, err := q.store.record(at.Height)
		if err != nil {
			return err
		}
		q.blockHash = r.blockHash
	}
	q.at = at
	q.receipt, err = q.store.receipt(at)
	return err
}

// look adds the event at a place if it matches.
func (q *eventQuery) look(at EventPosition) error {
	if err := q.load(Position{at.Height, at.Transaction}); err != nil {
		return err
	}
	e := q.receipt.Events[at.Event]
	if q.filter.Matches(&e) {
		q.found = append(q.found, EmittedEvent{e, at, q.blockHash, q.receipt.TransactionHash})
	}
	return nil
}

// Matches reports whether an event is selected, whatever its block.
func (f *EventFilter) Matches(e *starknet.Event) bool {
	if len(f.From) > 0 && !slices.Contains(f.From, e.From) {
		return false
	}
	if len(e.Keys) < len(f.Keys) {
		return false
	}
	for i, allowed := range f.Keys {
		if len(allowed) > 0 && !slices.Contains(allowed, e.Keys[i]) {
			return false
		}
	}
	return true
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
