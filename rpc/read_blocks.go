package rpc

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// Methods that read the chain: its head, blocks and transactions.

func specVersion(c *call) (any, error) { return c.version, nil }

func chainID(c *call) (any, error) { return c.backend.ChainID(), nil }

func syncing(c *call) (any, error) {
	if s := c.backend.Syncing(c); s != nil {
		return s, nil
	}
	return false, nil
}

func blockNumber(c *call) (any, error) {
	head, err := c.latest()
	return head.Number, err
}

func blockHashAndNumber(c *call) (any, error) {
	head, err := c.latest()
	return struct {
		Hash   felt.Felt `json:"block_hash"`
		Number uint64    `json:"block_number"`
	}{head.Hash, head.Number}, err
}

const flagProofFacts = "INCLUDE_PROOF_FACTS"

func getBlockWithTxHashes(c *call) (any, error) {
	return c.blockWith(func(b *starknet.Block, _ TransactionStatus) any {
		hashes := make([]felt.Felt, len(b.Receipts))
		for i := range hashes {
			hashes[i] = b.Receipts[i].TransactionHash
		}
		return hashes
	})
}

func getBlockWithTxs(c *call) (any, error) {
	proofFacts := c.flags("response_flags", false, flagProofFacts)[flagProofFacts]
	return c.blockWith(func(b *starknet.Block, _ TransactionStatus) any {
		txs := make([]*transactionJSON, len(b.Transactions))
		for i, tx := range b.Transactions {
			txs[i] = newTransactionJSON(tx, proofFacts)
			txs[i].Hash = &b.Receipts[i].TransactionHash
		}
		return txs
	})
}

// transactionWithReceiptJSON is an element of BLOCK_BODY_WITH_RECEIPTS.
type transactionWithReceiptJSON struct {
	Transaction *transactionJSON `json:"transaction"`
	Receipt     *receiptJSON     `json:"receipt"`
}

func getBlockWithReceipts(c *call) (any, error) {
	proofFacts := c.flags("response_flags", false, flagProofFacts)[flagProofFacts]
	return c.blockWith(func(b *starknet.Block, status TransactionStatus) any {
		txs := make([]transactionWithReceiptJSON, len(b.Transactions))
		for i, tx := range b.Transactions {
			txs[i] = transactionWithReceiptJSON{newTransactionJSON(tx, proofFacts), newReceiptJSON(&b.Receipts[i], status)}
		}
		return txs
	})
}

// blockWith returns the block of the parameter block_id, with the transactions that body returns. A pre-confirmed block is empty, because
// blocks are decided as a whole.
func (c *call) blockWith(body func(*starknet.Block, TransactionStatus) any) (any, error) {
	at := c.block("block_id")
	if c.err != nil {
		return nil, c.err
	}
	if at.Next {
		next, err := c.backend.NextHeader(c)
		if err != nil {
			return nil, err
		}
		return struct {
			pendingHeaderJSON
			Transactions any `json:"transactions"`
		}{newPendingHeaderJSON(&next), []any{}}, nil
	}
	b, err := c.backend.Block(c, at.Block)
	if err != nil {
		return nil, err
	}
	status, err := c.finality(at.Block)
	if err != nil {
		return nil, err
	}
	header := newHeaderJSON(&b.Header, b.BlockHash, status)
	if c.old() {
		return struct {
			Status TransactionStatus `json:"status"`
			oldHeaderJSON
			Transactions any `json:"transactions"`
		}{status, header.oldHeaderJSON, body(b, status)}, nil
	}
	return struct {
		headerJSON
		Transactions any `json:"transactions"`
	}{header, body(b, status)}, nil
}

func getBlockTransactionCount(c *call) (any, error) {
	at := c.block("block_id")
	if c.err != nil {
		return nil, c.err
	}
	if at.Next {
		return 0, nil
	}
	h, _, err := c.backend.Header(c, at.Block)
	if err != nil {
		return nil, err
	}
	return h.TransactionCount, nil
}

// stateUpdateJSON is a STATE_UPDATE or, without hash and new root, a PRE_CONFIRMED_STATE_UPDATE.
type stateUpdateJSON struct {
	BlockHash *felt.Felt     `json:"block_hash,omitempty"`
	NewRoot   *felt.Felt     `json:"new_root,omitempty"`
	OldRoot   felt.Felt      `json:"old_root"`
	StateDiff *stateDiffJSON `json:"state_diff"`
}

func getStateUpdate(c *call) (any, error) {
	at := c.block("block_id")
	var contracts *[]felt.Felt
	c.optional("contract_addresses", &contracts)
	if c.err != nil {
		return nil, c.err
	}
	h, hash, err := c.backend.Header(c, at.Block)
	if err != nil {
		return nil, err
	}
	if at.Next {
		return stateUpdateJSON{OldRoot: h.StateRoot, StateDiff: newStateDiffJSON(&starknet.StateDiff{}, c.old())}, nil
	}
	update := stateUpdateJSON{BlockHash: &hash, NewRoot: &h.StateRoot}
	if at.Block > 0 {
		parent, _, err := c.backend.Header(c, at.Block-1)
		if err != nil {
			return nil, err
		}
		update.OldRoot = parent.StateRoot
	}
	diff, err := c.backend.StateDiff(c, at.Block)
	if err != nil {
		return nil, err
	}
	if contracts != nil {
		diff = filterDiff(diff, *contracts)
	}
	update.StateDiff = newStateDiffJSON(diff, c.old())
	return update, nil
}

// filterDiff returns the changes of d to the given contracts, and all declarations.
func filterDiff(d *starknet.StateDiff, contracts []felt.Felt) *starknet.StateDiff {
	wanted := make(map[felt.Felt]bool, len(contracts))
	for _, a := range contracts {
		wanted[a] = true
	}
	f := &starknet.StateDiff{Declared: d.Declared, Deprecated: d.Deprecated}
	for _, s := range d.Storage {
		if wanted[s.Address] {
			f.Storage = append(f.Storage, s)
		}
	}
	for _, n := range d.Nonces {
		if wanted[n.Address] {
			f.Nonces = append(f.Nonces, n)
		}
	}
	other := func(x starknet.ContractClassHash) bool { return !wanted[x.Address] }
	f.Deployed = slices.DeleteFunc(slices.Clone(d.Deployed), other)
	f.Replaced = slices.DeleteFunc(slices.Clone(d.Replaced), other)
	return f
}

// transactionStatusJSON is a TXN_STATUS_RESULT.
type transactionStatusJSON struct {
	Finality  TransactionStatus `json:"finality_status"`
	Execution string            `json:"execution_status,omitempty"`
	Failure   string            `json:"failure_reason,omitempty"`
}

func getTransactionStatus(c *call) (any, error) {
	hash := c.felt("transaction_hash")
	if c.err != nil {
		return nil, c.err
	}
	status, _, err := c.transactionStatus(hash)
	if err != nil {
		return nil, err
	}
	return status, nil
}

// transactionStatus returns the status of a transaction and the number of its block, if it is in one. The error may be ErrTransactionNotFound.
func (c *call) transactionStatus(hash felt.Felt) (*transactionStatusJSON, uint64, error) {
	place, err := c.backend.FindTransaction(c, hash)
	if errors.Is(err, ErrTransactionNotFound) {
		if status, ok := c.backend.PoolStatus(c, hash); ok {
			return &transactionStatusJSON{Finality: status}, 0, nil
		}
		// It may have moved from the pool to a block between the two look-ups.
		place, err = c.backend.FindTransaction(c, hash)
	}
	if err != nil {
		return nil, 0, err
	}
	_, receipt, err := c.backend.Transaction(c, place)
	if err != nil {
		return nil, 0, err
	}
	status, err := c.finality(place.Block)
	if err != nil {
		return nil, 0, err
	}
	result := &transactionStatusJSON{Finality: status, Execution: executionStatus(receipt)}
	if receipt.Reverted {
		result.Failure = receipt.RevertReason
	}
	return result, place.Block, nil
}

// getMessagesStatus returns ErrTransactionNotFound for every L1 transaction, because this chain receives no messages from L1.
func getMessagesStatus(c *call) (any, error) {
	var hash string
	if c.get("transaction_hash", &hash); c.err != nil {
		return nil, c.err
	}
	return nil, ErrTransactionNotFound
}

func getTransactionByHash(c *call) (any, error) {
	hash := c.felt("transaction_hash")
	proofFacts := c.flags("response_flags", false, flagProofFacts)[flagProofFacts]
	if c.err != nil {
		return nil, c.err
	}
	place, err := c.backend.FindTransaction(c, hash)
	if errors.Is(err, ErrTransactionNotFound) {
		if tx, ok := c.backend.PoolTransaction(c, hash); ok {
			j := newTransactionJSON(tx, proofFacts)
			j.Hash = &hash
			return j, nil
		}
		// It may have moved from the pool to a block between the two look-ups.
		place, err = c.backend.FindTransaction(c, hash)
	}
	if err != nil {
		return nil, err
	}
	return c.transactionAt(place, proofFacts)
}

func (c *call) transactionAt(place starknet.Position, proofFacts bool) (any, error) {
	tx, receipt, err := c.backend.Transaction(c, place)
	if err != nil {
		return nil, err
	}
	j := newTransactionJSON(tx, proofFacts)
	j.Hash = &receipt.TransactionHash
	return j, nil
}

func getTransactionByBlockIDAndIndex(c *call) (any, error) {
	at := c.block("block_id")
	var index int64
	c.get("index", &index)
	proofFacts := c.flags("response_flags", false, flagProofFacts)[flagProofFacts]
	if c.err != nil {
		return nil, c.err
	}
	if index < 0 {
		return nil, jsonrpc.ErrInvalidParams.With(fmt.Sprintf("index %d is negative", index))
	}
	if at.Next {
		return nil, errInvalidTransactionIndex
	}
	h, _, err := c.backend.Header(c, at.Block)
	if err != nil {
		return nil, err
	}
	if uint64(index) >= h.TransactionCount {
		return nil, errInvalidTransactionIndex
	}
	return c.transactionAt(starknet.Position{Block: at.Block, Index: uint64(index)}, proofFacts)
}

func getTransactionReceipt(c *call) (any, error) {
	hash := c.felt("transaction_hash")
	if c.err != nil {
		return nil, c.err
	}
	place, err := c.backend.FindTransaction(c, hash)
	if err != nil {
		return nil, err
	}
	_, receipt, err := c.backend.Transaction(c, place)
	if err != nil {
		return nil, err
	}
	_, blockHash, err := c.backend.Header(c, place.Block)
	if err != nil {
		return nil, err
	}
	status, err := c.finality(place.Block)
	if err != nil {
		return nil, err
	}
	j := newReceiptJSON(receipt, status)
	j.BlockHash, j.BlockNumber = &blockHash, &place.Block
	return j, nil
}
