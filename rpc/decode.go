package rpc

import (
	"encoding/json"
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/starkd/starkd/starknet"
)

// Functions for clients: they decode results into the protocol's types and encode transactions to send.

// DecodeBlock decodes the result of starknet_getBlockWithReceipts for a decided block. Its DECLAREs have no classes.
func DecodeBlock(result []byte) (*starknet.Block, error) {
	var j struct {
		headerJSON
		Transactions []struct {
			Transaction json.RawMessage `json:"transaction"`
			Receipt     receiptJSON     `json:"receipt"`
		} `json:"transactions"`
	}
	if err := jsonv2.Unmarshal(result, &j); err != nil {
		return nil, err
	}
	b := &starknet.Block{Header: j.header(), BlockHash: j.Hash}
	for i := range j.Transactions {
		tx, err := DecodeTransaction(j.Transactions[i].Transaction)
		if err != nil {
			return nil, fmt.Errorf("block %d, transaction %d: %w", b.Number, i, err)
		}
		b.Transactions = append(b.Transactions, tx)
		b.Receipts = append(b.Receipts, j.Transactions[i].Receipt.receipt())
	}
	return b, nil
}

// DecodeStateDiff decodes the state difference in the result of starknet_getStateUpdate, in canonical order.
func DecodeStateDiff(result []byte) (*starknet.StateDiff, error) {
	var j stateUpdateJSON
	if err := jsonv2.Unmarshal(result, &j); err != nil {
		return nil, err
	}
	if j.StateDiff == nil {
		return nil, errors.New("no state_diff")
	}
	return j.StateDiff.diff(), nil
}

// DecodeTransaction decodes a transaction in a block (TXN).
func DecodeTransaction(result []byte) (starknet.Transaction, error) {
	o := parseObject("transaction", result)
	return o.transaction(func(d *starknet.Declare) { o.get("class_hash", &d.ClassHash) })
}

// DecodeReceipt decodes a receipt outside a block, and returns it with the number of its block.
func DecodeReceipt(result []byte) (*starknet.Receipt, uint64, error) {
	var j receiptJSON
	if err := jsonv2.Unmarshal(result, &j); err != nil {
		return nil, 0, err
	}
	if j.BlockNumber == nil {
		return nil, 0, errors.New("no block_number")
	}
	r := j.receipt()
	return &r, *j.BlockNumber, nil
}

// EncodeTransaction returns a value whose JSON is the form in which a transaction is sent (BROADCASTED_TXN).
func EncodeTransaction(tx starknet.Transaction) any { return broadcastJSON(tx) }

// UnmarshalJSON decodes a FEE_ESTIMATE.
func (e *FeeEstimate) UnmarshalJSON(raw []byte) error {
	var j feeEstimateJSON
	err := jsonv2.Unmarshal(raw, &j)
	*e = j.estimate()
	return err
}

// UnmarshalJSON decodes the result of starknet_getStorageProof.
func (p *StorageProof) UnmarshalJSON(raw []byte) error {
	var j storageProofJSON
	err := jsonv2.Unmarshal(raw, &j)
	*p = *j.proof()
	return err
}
