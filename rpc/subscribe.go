package rpc

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// The subscriptions of starknet_ws_api.json. Only starknet_subscribeTransactionStatus tells when a block becomes ACCEPTED_ON_L1. A subscription with the parameter block_id begins at that block, by default the latest; a
// subscription without that parameter begins at the next block. Blocks are decided as a whole and are final. There are no PRE_CONFIRMED or
// CANDIDATE transactions, so a subscription to those statuses alone receives nothing, and starknet_subscriptionReorg is never sent.

// subscriptionMethods are the methods of a websocket if the backend is a Notifier.
var subscriptionMethods = []method{
	{"starknet_subscribeNewHeads", []string{"block_id"}, reads, subscribeNewHeads},
	{"starknet_subscribeEvents", []string{"from_address", "keys", "block_id", "finality_status"}, reads, subscribeEvents},
	{"starknet_subscribeTransactionStatus", []string{"transaction_hash"}, reads, subscribeTransactionStatus},
	{"starknet_subscribeNewTransactionReceipts", []string{"finality_status", "sender_address"}, reads, subscribeNewTransactionReceipts},
	{"starknet_subscribeNewTransactions", []string{"finality_status", "sender_address", "tags"}, reads, subscribeNewTransactions},
	{"starknet_unsubscribe", []string{"subscription_id"}, reads, unsubscribe},
}

// maxBlocksBack is how many blocks before the latest a subscription may begin.
const maxBlocksBack = 1024

// firstBlock returns the number of the block of the parameter block_id (SUBSCRIPTION_BLOCK_ID), or of the latest block if it is absent.
func (c *call) firstBlock() (uint64, error) {
	id := BlockID{tag: tagLatest}
	c.optional("block_id", &id)
	if c.err != nil {
		return 0, c.err
	}
	if id.tag == tagPreConfirmed || id.tag == tagL1Accepted {
		return 0, jsonrpc.ErrInvalidParams.With(fmt.Sprintf("block_id: a subscription cannot begin at %s", id.tag))
	}
	at, err := c.resolve(&id)
	if err != nil {
		return 0, err
	}
	head, err := c.latest()
	if err != nil {
		return 0, err
	}
	if head.Number-at.Block > maxBlocksBack {
		return 0, errTooManyBlocksBack
	}
	return at.Block, nil
}

// nextNumber returns the number of the block after the latest.
func (c *call) nextNumber() (uint64, error) {
	head, err := c.latest()
	if errors.Is(err, ErrNoBlocks) {
		return 0, nil
	}
	return head.Number + 1, err
}

func subscribeNewHeads(c *call) (any, error) {
	first, err := c.firstBlock()
	if err != nil {
		return nil, err
	}
	old := c.old()
	return c.subscribe(&subscription{notification: "starknet_subscriptionNewHeads", next: first, block: func(b *blockNews, to emit) error {
		header := newBareHeaderJSON(b.header, b.hash)
		if old {
			return to(header.oldHeaderJSON)
		}
		return to(header)
	}})
}

// emittedEventWithStatusJSON is an EMITTED_EVENT with the status of its transaction.
type emittedEventWithStatusJSON struct {
	emittedEventJSON
	Finality TransactionStatus `json:"finality_status"`
}

// oldEmittedEventWithStatusJSON is an emittedEventWithStatusJSON of version 0.9.
type oldEmittedEventWithStatusJSON struct {
	oldEmittedEventJSON
	Finality TransactionStatus `json:"finality_status"`
}

func subscribeEvents(c *call) (any, error) {
	var keys [][]felt.Felt
	addresses := c.addresses(c.object, "from_address")
	c.optional("keys", &keys)
	finality := AcceptedOnL2
	c.optional("finality_status", &finality)
	if c.err == nil && finality != AcceptedOnL2 && finality != preConfirmed {
		c.err = fmt.Errorf("finality_status: %.40q is neither %s nor %s", finality, preConfirmed, AcceptedOnL2)
	}
	if c.err != nil {
		return nil, c.err
	}
	selector, err := c.server.config.newEventSelector(addresses, keys)
	if err != nil {
		return nil, err
	}
	first, err := c.firstBlock()
	if err != nil {
		return nil, err
	}
	old := c.old()
	return c.subscribe(&subscription{notification: "starknet_subscriptionEvents", next: first, block: func(news *blockNews, to emit) error {
		if news.header.EventCount == 0 {
			return nil
		}
		b, err := news.read()
		if err != nil {
			return err
		}
		status, err := news.status()
		if err != nil {
			return err
		}
		for i := range b.Receipts {
			r := &b.Receipts[i]
			for j := range r.Events {
				if !selector.matches(&r.Events[j]) {
					continue
				}
				event := newEmittedEventJSON(b, i, j)
				var result any = emittedEventWithStatusJSON{event, status}
				if old {
					result = oldEmittedEventWithStatusJSON{event.oldEmittedEventJSON, status}
				}
				if err := to(result); err != nil {
					return err
				}
			}
		}
		return nil
	}})
}

// newTransactionStatusJSON is a NEW_TXN_STATUS.
type newTransactionStatusJSON struct {
	Hash   felt.Felt              `json:"transaction_hash"`
	Status *transactionStatusJSON `json:"status"`
}

// subscribeTransactionStatus sends the status of a transaction, once it is known, and each change of the status. Between two polls the status may
// change more than once; then only the last one is sent.
func subscribeTransactionStatus(c *call) (any, error) {
	hash := c.felt("transaction_hash")
	if c.err != nil {
		return nil, c.err
	}
	var last TransactionStatus
	var in uint64 // the transaction's block, if last is AcceptedOnL2
	poll := func(c *call, to emit) error {
		switch last {
		case AcceptedOnL1:
			return nil
		case AcceptedOnL2:
			if now, err := c.finality(in); err != nil || now == last {
				return err
			}
		}
		status, number, err := c.transactionStatus(hash)
		if errors.Is(err, ErrTransactionNotFound) || err == nil && status.Finality == last {
			return nil
		}
		if err != nil {
			return err
		}
		last, in = status.Finality, number
		return to(newTransactionStatusJSON{hash, status})
	}
	matches := func(news *poolNews) bool { return news.hash == hash }
	return c.subscribe(&subscription{notification: "starknet_subscriptionTransactionStatus", poll: poll, matches: matches})
}

// finalities reads the parameter finality_status, a list. Its default is ACCEPTED_ON_L2.
func (c *call) finalities(allowed ...TransactionStatus) map[TransactionStatus]bool {
	given := []TransactionStatus{AcceptedOnL2}
	c.optional("finality_status", &given)
	set := map[TransactionStatus]bool{}
	for _, f := range given {
		if c.err == nil && !slices.Contains(allowed, f) {
			c.err = fmt.Errorf("finality_status: %.40q is not among %v", f, allowed)
		}
		set[f] = true
	}
	return set
}

// senders reads the parameter sender_address, a list; an empty set means all.
func (c *call) senders() map[felt.Felt]bool {
	var given []felt.Felt
	c.optional("sender_address", &given)
	if c.err == nil && len(given) > c.server.config.MaxAddresses {
		c.err = errTooManyAddresses
	}
	return setOf(given)
}

// everyTransaction returns a subscription.block that calls notify for the transactions of a block from the senders. An empty set means all
// senders.
func everyTransaction(senders map[felt.Felt]bool, notify func(b *starknet.Block, i int, to emit) error) func(*blockNews, emit) error {
	return func(news *blockNews, to emit) error {
		if news.header.TransactionCount == 0 {
			return nil
		}
		b, err := news.read()
		if err != nil {
			return err
		}
		for i, tx := range b.Transactions {
			if len(senders) > 0 && !senders[tx.Sender()] {
				continue
			}
			if err := notify(b, i, to); err != nil {
				return err
			}
		}
		return nil
	}
}

// noBlocks implements subscription.block and sends nothing. A subscription with it still follows the chain, and is closed like others if
// it is too far behind.
func noBlocks(*blockNews, emit) error { return nil }

func subscribeNewTransactionReceipts(c *call) (any, error) {
	finality, senders := c.finalities(preConfirmed, AcceptedOnL2), c.senders()
	if c.err != nil {
		return nil, c.err
	}
	next, err := c.nextNumber()
	if err != nil {
		return nil, err
	}
	sub := &subscription{notification: "starknet_subscriptionNewTransactionReceipts", next: next, block: noBlocks}
	if finality[AcceptedOnL2] {
		sub.block = everyTransaction(senders, func(b *starknet.Block, i int, to emit) error {
			j := newReceiptJSON(&b.Receipts[i], AcceptedOnL2)
			j.BlockHash, j.BlockNumber = &b.BlockHash, &b.Number
			return to(j)
		})
	}
	return c.subscribe(sub)
}

// transactionWithStatusJSON is a TXN_WITH_HASH with its finality status.
type transactionWithStatusJSON struct {
	*transactionJSON
	Finality TransactionStatus `json:"finality_status"`
}

func subscribeNewTransactions(c *call) (any, error) {
	finality, senders := c.finalities(Received, candidate, preConfirmed, AcceptedOnL2), c.senders()
	proofFacts := c.flags("tags", false, flagProofFacts)[flagProofFacts]
	if c.err != nil {
		return nil, c.err
	}
	next, err := c.nextNumber()
	if err != nil {
		return nil, err
	}
	notify := func(tx starknet.Transaction, hash felt.Felt, status TransactionStatus, to emit) error {
		j := newTransactionJSON(tx, proofFacts)
		j.Hash = &hash
		return to(transactionWithStatusJSON{j, status})
	}
	sub := &subscription{notification: "starknet_subscriptionNewTransaction", next: next, block: noBlocks}
	if finality[AcceptedOnL2] {
		sub.block = everyTransaction(senders, func(b *starknet.Block, i int, to emit) error {
			return notify(b.Transactions[i], b.Receipts[i].TransactionHash, AcceptedOnL2, to)
		})
	}
	if finality[Received] {
		sub.matches = func(news *poolNews) bool { return len(senders) == 0 || senders[news.sender] }
		sub.received = func(news *poolNews, to emit) error { return notify(news.tx, news.hash, Received, to) }
	}
	return c.subscribe(sub)
}
