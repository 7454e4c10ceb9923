package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// method is a row of the method table: the name, the parameters in the order of the specification, and the implementation.
type method struct {
	name   string
	params []string
	runs   work
	run    func(*call) (any, error)
}

// work is the kind of work that a method does. It selects the gate of its requests: see Server.gate.
type work int

const (
	reads     work = iota
	executes       // runs Cairo, for a fee or for a short time
	simulates      // runs Cairo without a fee
	declares       // runs the Sierra compiler
)

// methods are the methods of the specification that every chain has.
var methods = []method{
	{"starknet_specVersion", nil, reads, specVersion},
	{"starknet_chainId", nil, reads, chainID},
	{"starknet_syncing", nil, reads, syncing},
	{"starknet_blockNumber", nil, reads, blockNumber},
	{"starknet_blockHashAndNumber", nil, reads, blockHashAndNumber},

	{"starknet_getBlockWithTxHashes", []string{"block_id"}, reads, getBlockWithTxHashes},
	{"starknet_getBlockWithTxs", []string{"block_id", "response_flags"}, reads, getBlockWithTxs},
	{"starknet_getBlockWithReceipts", []string{"block_id", "response_flags"}, reads, getBlockWithReceipts},
	{"starknet_getBlockTransactionCount", []string{"block_id"}, reads, getBlockTransactionCount},
	{"starknet_getStateUpdate", []string{"block_id", "contract_addresses"}, reads, getStateUpdate},

	{"starknet_getTransactionStatus", []string{"transaction_hash"}, reads, getTransactionStatus},
	{"starknet_getMessagesStatus", []string{"transaction_hash"}, reads, getMessagesStatus},
	{"starknet_getTransactionByHash", []string{"transaction_hash", "response_flags"}, reads, getTransactionByHash},
	{"starknet_getTransactionByBlockIdAndIndex", []string{"block_id", "index", "response_flags"}, reads, getTransactionByBlockIDAndIndex},
	{"starknet_getTransactionReceipt", []string{"transaction_hash"}, reads, getTransactionReceipt},
	{"starknet_getEvents", []string{"filter"}, reads, getEvents},

	{"starknet_getStorageAt", []string{"contract_address", "key", "block_id", "response_flags"}, reads, getStorageAt},
	{"starknet_getNonce", []string{"block_id", "contract_address"}, reads, getNonce},
	{"starknet_getClassHashAt", []string{"block_id", "contract_address"}, reads, getClassHashAt},
	{"starknet_getClass", []string{"block_id", "class_hash"}, reads, getClass},
	{"starknet_getClassAt", []string{"block_id", "contract_address"}, reads, getClassAt},
	{"starknet_getCompiledCasm", []string{"class_hash"}, reads, getCompiledCasm},
	{"starknet_getStorageProof", []string{"block_id", "class_hashes", "contract_addresses", "contracts_storage_keys"}, reads, getStorageProof},

	{"starknet_call", []string{"request", "block_id"}, executes, callContract},
	{"starknet_estimateFee", []string{"request", "simulation_flags", "block_id"}, simulates, estimateFee},
	{"starknet_estimateMessageFee", []string{"message", "block_id"}, reads, estimateMessageFee},
	{"starknet_simulateTransactions", []string{"block_id", "transactions", "simulation_flags"}, simulates, simulateTransactions},

	{"starknet_addInvokeTransaction", []string{"invoke_transaction"}, executes, addInvokeTransaction},
	{"starknet_addDeclareTransaction", []string{"declare_transaction"}, declares, addDeclareTransaction},
	{"starknet_addDeployAccountTransaction", []string{"deploy_account_transaction"}, executes, addDeployAccountTransaction},
}

// traceMethods are the methods that need a Tracer.
var traceMethods = []method{
	{"starknet_traceTransaction", []string{"transaction_hash"}, simulates, traceTransaction},
	{"starknet_traceBlockTransactions", []string{"block_id", "trace_flags"}, simulates, traceBlockTransactions},
}

// since010 are the parameters, by method, that version 0.10 added. Under 0.9 they are ignored as unknown names.
var since010 = map[string]string{
	"starknet_getBlockWithTxs":                 "response_flags",
	"starknet_getBlockWithReceipts":            "response_flags",
	"starknet_getStateUpdate":                  "contract_addresses",
	"starknet_getTransactionByHash":            "response_flags",
	"starknet_getTransactionByBlockIdAndIndex": "response_flags",
	"starknet_getStorageAt":                    "response_flags",
	"starknet_traceBlockTransactions":          "trace_flags",
	"starknet_subscribeNewTransactions":        "tags",
}

// call is one request that is being answered. Its object has the parameters by name and the error of the first parameter that could
// not be read, which the method must return.
type call struct {
	context.Context
	*object
	server  *Server
	backend Backend
	version string
	request *jsonrpc.Call // nil when a subscription polls

	head   *Head   // nil until latest reads it
	proved *proved // nil until accepted reads it
}

// proved is the height up to which blocks are ACCEPTED_ON_L1. ok is false if no block ever is.
type proved struct {
	height uint64
	ok     bool
}

// old reports whether the client uses version 0.9.
func (c *call) old() bool { return c.version == SpecVersion09 }

// felt reads a parameter of type FELT.
func (c *call) felt(name string) (f felt.Felt) {
	c.get(name, &f)
	return f
}

// latest returns the head of the chain. It stays the same during a request.
func (c *call) latest() (Head, error) {
	if c.head == nil {
		h, err := c.backend.Head(c)
		if err != nil {
			return Head{}, err
		}
		c.head = &h
	}
	return *c.head, nil
}

// accepted returns the height up to which blocks are ACCEPTED_ON_L1, according to the state after the head. It stays the same during a request.
func (c *call) accepted() (proved, error) {
	if c.proved != nil {
		return *c.proved, nil
	}
	p := new(proved)
	if backend, ok := c.backend.(Prover); ok {
		head, err := c.latest()
		if err != nil {
			return proved{}, err
		}
		if p.height, p.ok, err = backend.Proved(c, head.Number); err != nil {
			return proved{}, err
		}
	}
	c.proved = p
	return *p, nil
}

// finality returns the status of block n and of its transactions.
func (c *call) finality(n uint64) (TransactionStatus, error) {
	p, err := c.accepted()
	if err != nil || !p.ok || n > p.height {
		return AcceptedOnL2, err
	}
	return AcceptedOnL1, nil
}

// block reads a parameter of type BLOCK_ID and resolves it. Like all parameters it sets err if it cannot be read or if the block does
// not exist.
func (c *call) block(name string) starknet.At {
	var id BlockID
	c.get(name, &id)
	if c.err != nil {
		return starknet.At{}
	}
	at, err := c.resolve(&id)
	if err != nil {
		c.err = failure{err}
	}
	return at
}

// resolve returns the position of a block. The tag l1_accepted names no block if the validators do not vote about proofs.
func (c *call) resolve(id *BlockID) (starknet.At, error) {
	head, err := c.latest()
	if errors.Is(err, ErrNoBlocks) {
		return starknet.At{}, ErrBlockNotFound
	}
	if err != nil {
		return starknet.At{}, err
	}
	switch {
	case id.tag == tagPreConfirmed:
		return starknet.At{Block: head.Number, Next: true}, nil
	case id.tag == tagLatest:
		return starknet.At{Block: head.Number}, nil
	case id.tag == tagL1Accepted:
		p, err := c.accepted()
		if err == nil && !p.ok {
			err = ErrBlockNotFound
		}
		return starknet.At{Block: p.height}, err
	case id.hash != nil:
		n, err := c.backend.BlockNumber(c, *id.hash)
		return starknet.At{Block: n}, err
	case id.number != nil && *id.number <= head.Number:
		return starknet.At{Block: *id.number}, nil
	}
	return starknet.At{}, ErrBlockNotFound
}

// flags reads a list of flags. Each must be one of allowed. Unless required is set, the list may be absent.
func (c *call) flags(name string, required bool, allowed ...string) map[string]bool {
	var given []string
	if required {
		c.get(name, &given)
	} else {
		c.optional(name, &given)
	}
	set := map[string]bool{}
	for _, flag := range given {
		known := false
		for _, a := range allowed {
			known = known || a == flag
		}
		if !known && c.err == nil {
			c.err = fmt.Errorf("%s: unknown flag %.40q", name, flag)
		}
		set[flag] = true
	}
	return set
}

// transactions reads a list of transactions to simulate. If the list has a DECLARE, the request moves to the gate of classes, so that other
// simulations do not wait while its class is compiled.
func (c *call) transactions(name string) []starknet.Transaction {
	var list json.RawMessage
	c.get(name, &list)
	if c.err != nil {
		return nil
	}
	raws, more, err := bounded.First(list, c.server.config.MaxSimulated)
	if err != nil {
		c.err = fmt.Errorf("%s: %w", name, err)
		return nil
	}
	if more {
		c.err = fmt.Errorf("%s: too many transactions, at most %d", name, c.server.config.MaxSimulated)
		return nil
	}
	txs := make([]starknet.Transaction, len(raws))
	for i, raw := range raws {
		if err := c.Context.Err(); err != nil { // the client has gone, or the request has timed out
			c.err = failure{err}
			return nil
		}
		if txs[i], c.err = parseBroadcast(raw); c.err != nil {
			return nil
		}
	}
	if slices.ContainsFunc(txs, func(tx starknet.Transaction) bool { return tx.Type() == starknet.DeclareType }) {
		if err := c.request.Wait(c.server.classes); err != nil {
			c.err = err
			return nil
		}
	}
	return txs
}
