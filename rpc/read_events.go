package rpc

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// starknet_getEvents. A page ends when it is full or when Config.MaxScan blocks have been read. Its token is the start of the next page:
// block number, "-", and the number of events of that block to skip. Blocks that are not in the backend's index do not count.

// emittedEventJSON is an EMITTED_EVENT.
type emittedEventJSON struct {
	oldEmittedEventJSON
	TransactionIndex int `json:"transaction_index"`
	EventIndex       int `json:"event_index"`
}

// oldEmittedEventJSON is an EMITTED_EVENT of version 0.9.
type oldEmittedEventJSON struct {
	eventJSON
	BlockHash       felt.Felt `json:"block_hash"`
	BlockNumber     uint64    `json:"block_number"`
	TransactionHash felt.Felt `json:"transaction_hash"`
}

// newEmittedEventJSON returns the form of event j of transaction i of a block.
func newEmittedEventJSON(b *starknet.Block, i, j int) emittedEventJSON {
	r := &b.Receipts[i]
	return emittedEventJSON{
		oldEmittedEventJSON: oldEmittedEventJSON{
			eventJSON: newEventJSON(&r.Events[j]), BlockHash: b.BlockHash, BlockNumber: b.Number, TransactionHash: r.TransactionHash,
		},
		TransactionIndex: i, EventIndex: j,
	}
}

// eventsChunkJSON is an EVENTS_CHUNK.
type eventsChunkJSON struct {
	Events []emittedEventJSON `json:"events"`
	Token  string             `json:"continuation_token,omitempty"`
}

// oldEventsChunkJSON is an EVENTS_CHUNK of version 0.9.
type oldEventsChunkJSON struct {
	Events []oldEmittedEventJSON `json:"events"`
	Token  string                `json:"continuation_token,omitempty"`
}

// eventFilter is an EVENT_FILTER and RESULT_PAGE_REQUEST, resolved.
type eventFilter struct {
	*eventSelector
	from, to uint64
	skip     uint64 // the number of events of block from to skip
	chunk    int
}

// eventSelector selects events by contract and keys, in any block.
type eventSelector struct {
	filter  starknet.EventFilter
	address map[felt.Felt]bool   // an empty set matches all contracts
	keys    []map[felt.Felt]bool // by position; an empty set matches all keys and a missing key
}

// newEventSelector returns the selector for a client's addresses and keys. Both may be nil.
func (c *Config) newEventSelector(addresses *feltOrList, keys [][]felt.Felt) (*eventSelector, error) {
	s := &eventSelector{filter: starknet.EventFilter{Keys: keys}}
	count := len(keys)
	for _, position := range keys {
		s.keys = append(s.keys, setOf(position))
		count += len(position)
	}
	if count > c.MaxKeys {
		return nil, errTooManyKeys
	}
	if addresses != nil {
		if len(*addresses) > c.MaxAddresses {
			return nil, jsonrpc.ErrInvalidParams.With(fmt.Sprintf("filter: %d addresses, at most %d", len(*addresses), c.MaxAddresses))
		}
		s.filter.From, s.address = *addresses, setOf(*addresses)
	}
	return s, nil
}

func setOf(felts []felt.Felt) map[felt.Felt]bool {
	set := make(map[felt.Felt]bool, len(felts))
	for _, f := range felts {
		set[f] = true
	}
	return set
}

func (f *eventSelector) matches(e *starknet.Event) bool {
	if len(f.address) > 0 && !f.address[e.From] {
		return false
	}
	for i, set := range f.keys {
		if len(set) > 0 && (i >= len(e.Keys) || !set[e.Keys[i]]) {
			return false
		}
	}
	return true
}

func getEvents(c *call) (any, error) {
	chunk, err := c.eventPage()
	if err != nil {
		return nil, err
	}
	if c.old() {
		events := mapped(chunk.Events, func(e *emittedEventJSON) oldEmittedEventJSON { return e.oldEmittedEventJSON })
		return oldEventsChunkJSON{events, chunk.Token}, nil
	}
	return chunk, nil
}

// eventPage reads the parameters and returns a page of events.
func (c *call) eventPage() (*eventsChunkJSON, error) {
	f, err := c.eventFilter()
	if err != nil {
		return nil, err
	}
	chunk := &eventsChunkJSON{Events: []emittedEventJSON{}}
	scanned := 0
	for n, err := range c.eventBlocks(f) {
		if err != nil {
			return nil, err
		}
		if scanned++; scanned > c.server.config.MaxScan {
			chunk.Token = continuation(n, 0)
			return chunk, nil
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
		h, _, err := c.backend.Header(c, n)
		if err != nil {
			return nil, err
		}
		if h.EventCount == 0 {
			continue
		}
		b, err := c.backend.Block(c, n)
		if err != nil {
			return nil, err
		}
		seen := uint64(0)
		for i := range b.Receipts {
			r := &b.Receipts[i]
			for j := range r.Events {
				seen++
				if n == f.from && seen <= f.skip || !f.matches(&r.Events[j]) {
					continue
				}
				if len(chunk.Events) == f.chunk {
					chunk.Token = continuation(n, seen-1)
					return chunk, nil
				}
				chunk.Events = append(chunk.Events, newEmittedEventJSON(b, i, j))
			}
		}
	}
	return chunk, nil
}

// eventBlocks returns the blocks that may have events of a filter.
func (c *call) eventBlocks(f *eventFilter) iter.Seq2[uint64, error] {
	if index, ok := c.backend.(EventIndexer); ok {
		return index.EventBlocks(c, &f.filter, f.from, f.to)
	}
	return func(yield func(uint64, error) bool) {
		for n := f.from; n <= f.to && yield(n, nil); n++ {
		}
	}
}

// addresses reads a member that is an address or, since version 0.10, a list of addresses. It returns nil if the member is absent.
func (c *call) addresses(o *object, name string) *feltOrList {
	var list *feltOrList
	if !c.old() {
		o.optional(name, &list)
		return list
	}
	var one *felt.Felt
	if o.optional(name, &one); one != nil {
		list = &feltOrList{*one}
	}
	return list
}

// eventFilter reads the parameter filter.
func (c *call) eventFilter() (*eventFilter, error) {
	var members jsonObject
	c.get("filter", &members)
	if c.err != nil {
		return nil, c.err
	}
	o := &object{members: members}
	from, to := BlockID{number: new(uint64)}, BlockID{tag: tagPreConfirmed}
	var keys [][]felt.Felt
	var token string
	f := &eventFilter{}
	o.optional("from_block", &from)
	o.optional("to_block", &to)
	addresses := c.addresses(o, "address")
	o.optional("keys", &keys)
	o.optional("continuation_token", &token)
	o.get("chunk_size", &f.chunk)
	if o.err != nil {
		return nil, jsonrpc.ErrInvalidParams.With("filter: " + o.err.Error())
	}

	limits := &c.server.config
	switch {
	case f.chunk < 1:
		return nil, jsonrpc.ErrInvalidParams.With(fmt.Sprintf("chunk_size %d, at least 1", f.chunk))
	case f.chunk > limits.MaxChunk:
		return nil, errPageSizeTooBig
	}
	var err error
	if f.eventSelector, err = limits.newEventSelector(addresses, keys); err != nil {
		return nil, err
	}
	fromAt, err := c.resolve(&from)
	if err != nil {
		return nil, err
	}
	toAt, err := c.resolve(&to)
	if err != nil {
		return nil, err
	}
	f.from, f.to = fromAt.Block, toAt.Block
	if fromAt.Next { // the pre-confirmed block is empty
		f.from = f.to + 1
	}
	if token != "" {
		n, skip, ok := parseContinuation(token)
		if !ok || n < f.from || n > f.to {
			return nil, errInvalidContinuationToken
		}
		f.from, f.skip = n, skip
	}
	return f, nil
}

func continuation(block, skip uint64) string { return fmt.Sprintf("%d-%d", block, skip) }

func parseContinuation(token string) (block, skip uint64, ok bool) {
	b, s, ok := strings.Cut(token, "-")
	block, err1 := strconv.ParseUint(b, 10, 64)
	skip, err2 := strconv.ParseUint(s, 10, 64)
	return block, skip, ok && err1 == nil && err2 == nil
}
