package rpc

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// The JSON forms of blocks, receipts, events and state differences.

type resourcePriceJSON struct {
	Fri hexUint128 `json:"price_in_fri"`
	Wei hexUint128 `json:"price_in_wei"`
}

// pendingHeaderJSON is the header of a block that is not decided yet (PRE_CONFIRMED_BLOCK_HEADER).
type pendingHeaderJSON struct {
	Number         uint64            `json:"block_number"`
	Timestamp      uint64            `json:"timestamp"`
	Sequencer      felt.Felt         `json:"sequencer_address"`
	L1GasPrice     resourcePriceJSON `json:"l1_gas_price"`
	L2GasPrice     resourcePriceJSON `json:"l2_gas_price"`
	L1DataGasPrice resourcePriceJSON `json:"l1_data_gas_price"`
	DAMode         string            `json:"l1_da_mode"`
	Version        string            `json:"starknet_version"`
}

// headerJSON is a block's header with its status.
type headerJSON struct {
	Status TransactionStatus `json:"status"`
	bareHeaderJSON
}

// bareHeaderJSON is a block's header (BLOCK_HEADER).
type bareHeaderJSON struct {
	oldHeaderJSON
	EventCommitment       felt.Felt `json:"event_commitment"`
	TransactionCommitment felt.Felt `json:"transaction_commitment"`
	ReceiptCommitment     felt.Felt `json:"receipt_commitment"`
	StateDiffCommitment   felt.Felt `json:"state_diff_commitment"`
	EventCount            uint64    `json:"event_count"`
	TransactionCount      uint64    `json:"transaction_count"`
	StateDiffLength       uint64    `json:"state_diff_length"`
}

// oldHeaderJSON is a block's header in version 0.9.
type oldHeaderJSON struct {
	pendingHeaderJSON
	Hash    felt.Felt `json:"block_hash"`
	Parent  felt.Felt `json:"parent_hash"`
	NewRoot felt.Felt `json:"new_root"`
}

func newPendingHeaderJSON(h *starknet.Header) pendingHeaderJSON {
	price := func(p starknet.GasPrice) resourcePriceJSON {
		return resourcePriceJSON{Fri: hexUint128(p.Fri), Wei: hexUint128(p.Wei)}
	}
	return pendingHeaderJSON{
		Number: h.Number, Timestamp: h.Timestamp, Sequencer: h.Sequencer,
		L1GasPrice: price(h.L1GasPrice), L2GasPrice: price(h.L2GasPrice), L1DataGasPrice: price(h.L1DataGasPrice),
		DAMode: h.DAMode.String(), Version: h.Version,
	}
}

func newHeaderJSON(h *starknet.Header, hash felt.Felt, status TransactionStatus) headerJSON {
	return headerJSON{Status: status, bareHeaderJSON: newBareHeaderJSON(h, hash)}
}

func newBareHeaderJSON(h *starknet.Header, hash felt.Felt) bareHeaderJSON {
	return bareHeaderJSON{
		oldHeaderJSON:   oldHeaderJSON{pendingHeaderJSON: newPendingHeaderJSON(h), Hash: hash, Parent: h.Parent, NewRoot: h.StateRoot},
		EventCommitment: h.EventCommitment, TransactionCommitment: h.TransactionCommitment,
		ReceiptCommitment: h.ReceiptCommitment, StateDiffCommitment: h.StateDiffCommitment,
		EventCount: h.EventCount, TransactionCount: h.TransactionCount, StateDiffLength: h.StateDiffLength,
	}
}

// header returns the header of which j is the JSON form.
func (j *headerJSON) header() starknet.Header {
	price := func(p resourcePriceJSON) starknet.GasPrice {
		return starknet.GasPrice{Fri: starknet.Uint128(p.Fri), Wei: starknet.Uint128(p.Wei)}
	}
	h := starknet.Header{
		Number: j.Number, Parent: j.Parent, Timestamp: j.Timestamp, Sequencer: j.Sequencer, StateRoot: j.NewRoot,
		L1GasPrice: price(j.L1GasPrice), L1DataGasPrice: price(j.L1DataGasPrice), L2GasPrice: price(j.L2GasPrice),
		Version: j.Version, TransactionCount: j.TransactionCount, EventCount: j.EventCount, StateDiffLength: j.StateDiffLength,
		TransactionCommitment: j.TransactionCommitment, EventCommitment: j.EventCommitment,
		ReceiptCommitment: j.ReceiptCommitment, StateDiffCommitment: j.StateDiffCommitment,
	}
	if j.DAMode == starknet.Blob.String() {
		h.DAMode = starknet.Blob
	}
	return h
}

type feePaymentJSON struct {
	Amount hexUint128 `json:"amount"`
	Unit   string     `json:"unit"`
}

type resourcesJSON struct {
	L1Gas     uint64 `json:"l1_gas"`
	L1DataGas uint64 `json:"l1_data_gas"`
	L2Gas     uint64 `json:"l2_gas"`
}

type eventJSON struct {
	From felt.Felt   `json:"from_address"`
	Keys []felt.Felt `json:"keys"`
	Data []felt.Felt `json:"data"`
}

type messageJSON struct {
	From    felt.Felt   `json:"from_address"`
	To      felt.Felt   `json:"to_address"`
	Payload []felt.Felt `json:"payload"`
}

// receiptJSON is a receipt (TXN_RECEIPT). A receipt outside a block has the block's hash and number.
type receiptJSON struct {
	Type            string            `json:"type"`
	Hash            felt.Felt         `json:"transaction_hash"`
	ActualFee       feePaymentJSON    `json:"actual_fee"`
	ExecutionStatus string            `json:"execution_status"`
	RevertReason    *string           `json:"revert_reason,omitempty"`
	FinalityStatus  TransactionStatus `json:"finality_status"`
	BlockHash       *felt.Felt        `json:"block_hash,omitempty"`
	BlockNumber     *uint64           `json:"block_number,omitempty"`
	Messages        []messageJSON     `json:"messages_sent"`
	Events          []eventJSON       `json:"events"`
	Resources       resourcesJSON     `json:"execution_resources"`
	ContractAddress *felt.Felt        `json:"contract_address,omitempty"`
}

// executionStatus returns a receipt's TXN_EXECUTION_STATUS.
func executionStatus(r *starknet.Receipt) string {
	if r.Reverted {
		return "REVERTED"
	}
	return "SUCCEEDED"
}

func newReceiptJSON(r *starknet.Receipt, status TransactionStatus) *receiptJSON {
	j := &receiptJSON{
		Type: r.Type.String(), Hash: r.TransactionHash, ActualFee: feePaymentJSON{hexUint128(r.ActualFee), "FRI"},
		ExecutionStatus: executionStatus(r), FinalityStatus: status,
		Messages: mapped(r.Messages, newMessageJSON), Events: mapped(r.Events, newEventJSON), Resources: resourcesJSON(r.Resources),
	}
	if r.Reverted {
		j.RevertReason = &r.RevertReason
	}
	if r.Type == starknet.DeployAccountType {
		j.ContractAddress = &r.ContractAddress
	}
	return j
}

// receipt returns the receipt of which j is the JSON form.
func (j *receiptJSON) receipt() starknet.Receipt {
	r := starknet.Receipt{
		TransactionHash: j.Hash, ActualFee: starknet.Uint128(j.ActualFee.Amount), Reverted: j.ExecutionStatus == "REVERTED",
		Resources: starknet.GasVector(j.Resources),
		Events:    mapped(j.Events, func(e *eventJSON) starknet.Event { return starknet.Event(*e) }),
		Messages:  mapped(j.Messages, func(m *messageJSON) starknet.Message { return starknet.Message(*m) }),
	}
	for _, t := range []starknet.TransactionType{starknet.InvokeType, starknet.DeclareType, starknet.DeployAccountType} {
		if t.String() == j.Type {
			r.Type = t
		}
	}
	if j.RevertReason != nil {
		r.RevertReason = *j.RevertReason
	}
	if j.ContractAddress != nil {
		r.ContractAddress = *j.ContractAddress
	}
	return r
}

func newEventJSON(e *starknet.Event) eventJSON {
	return eventJSON{From: e.From, Keys: list(e.Keys), Data: list(e.Data)}
}

func newMessageJSON(m *starknet.Message) messageJSON {
	return messageJSON{From: m.From, To: m.To, Payload: list(m.Payload)}
}

// stateDiffJSON is a STATE_DIFF.
type stateDiffJSON struct {
	Storage    []contractStorageJSON  `json:"storage_diffs"`
	Deprecated []felt.Felt            `json:"deprecated_declared_classes"`
	Declared   []declaredClassJSON    `json:"declared_classes"`
	Migrated   []declaredClassJSON    `json:"migrated_compiled_classes,omitzero"` // nil in version 0.9
	Deployed   []deployedContractJSON `json:"deployed_contracts"`
	Replaced   []replacedClassJSON    `json:"replaced_classes"`
	Nonces     []nonceJSON            `json:"nonces"`
}

type contractStorageJSON struct {
	Address felt.Felt          `json:"address"`
	Entries []storageEntryJSON `json:"storage_entries"`
}

type storageEntryJSON struct {
	Key   felt.Felt `json:"key"`
	Value felt.Felt `json:"value"`
}

type declaredClassJSON struct {
	ClassHash         felt.Felt `json:"class_hash"`
	CompiledClassHash felt.Felt `json:"compiled_class_hash"`
}

type deployedContractJSON struct {
	Address   felt.Felt `json:"address"`
	ClassHash felt.Felt `json:"class_hash"`
}

type replacedClassJSON struct {
	Address   felt.Felt `json:"contract_address"`
	ClassHash felt.Felt `json:"class_hash"`
}

type nonceJSON struct {
	Address felt.Felt `json:"contract_address"`
	Nonce   felt.Felt `json:"nonce"`
}

// newStateDiffJSON returns the JSON form of d, that of version 0.9 if old is set.
func newStateDiffJSON(d *starknet.StateDiff, old bool) *stateDiffJSON {
	migrated := []declaredClassJSON{} // this chain has only ever had one hash of compiled classes
	if old {
		migrated = nil
	}
	return &stateDiffJSON{
		Storage: mapped(d.Storage, func(c *starknet.ContractStorage) contractStorageJSON {
			return contractStorageJSON{c.Address, mapped(c.Entries, func(e *starknet.StorageEntry) storageEntryJSON { return storageEntryJSON(*e) })}
		}),
		Deprecated: list(d.Deprecated),
		Declared:   mapped(d.Declared, func(c *starknet.DeclaredClass) declaredClassJSON { return declaredClassJSON(*c) }),
		Migrated:   migrated,
		Deployed:   mapped(d.Deployed, func(c *starknet.ContractClassHash) deployedContractJSON { return deployedContractJSON(*c) }),
		Replaced:   mapped(d.Replaced, func(c *starknet.ContractClassHash) replacedClassJSON { return replacedClassJSON(*c) }),
		Nonces:     mapped(d.Nonces, func(n *starknet.NonceUpdate) nonceJSON { return nonceJSON(*n) }),
	}
}

// diff returns the difference of which j is the JSON form, in canonical order.
func (j *stateDiffJSON) diff() *starknet.StateDiff {
	d := &starknet.StateDiff{
		Storage: mapped(j.Storage, func(c *contractStorageJSON) starknet.ContractStorage {
			return starknet.ContractStorage{Address: c.Address, Entries: mapped(c.Entries, func(e *storageEntryJSON) starknet.StorageEntry { return starknet.StorageEntry(*e) })}
		}),
		Deprecated: j.Deprecated,
		Declared:   mapped(j.Declared, func(c *declaredClassJSON) starknet.DeclaredClass { return starknet.DeclaredClass(*c) }),
		Deployed:   mapped(j.Deployed, func(c *deployedContractJSON) starknet.ContractClassHash { return starknet.ContractClassHash(*c) }),
		Replaced:   mapped(j.Replaced, func(c *replacedClassJSON) starknet.ContractClassHash { return starknet.ContractClassHash(*c) }),
		Nonces:     mapped(j.Nonces, func(n *nonceJSON) starknet.NonceUpdate { return starknet.NonceUpdate(*n) }),
	}
	d.Sort()
	return d
}

// feeEstimateJSON is a FEE_ESTIMATE.
type feeEstimateJSON struct {
	L1GasConsumed     hexUint64  `json:"l1_gas_consumed"`
	L1GasPrice        hexUint128 `json:"l1_gas_price"`
	L2GasConsumed     hexUint64  `json:"l2_gas_consumed"`
	L2GasPrice        hexUint128 `json:"l2_gas_price"`
	L1DataGasConsumed hexUint64  `json:"l1_data_gas_consumed"`
	L1DataGasPrice    hexUint128 `json:"l1_data_gas_price"`
	OverallFee        hexUint128 `json:"overall_fee"`
	Unit              string     `json:"unit"`
}

func newFeeEstimateJSON(e *FeeEstimate) feeEstimateJSON {
	return feeEstimateJSON{
		hexUint64(e.L1GasConsumed), hexUint128(e.L1GasPrice), hexUint64(e.L2GasConsumed), hexUint128(e.L2GasPrice),
		hexUint64(e.L1DataGasConsumed), hexUint128(e.L1DataGasPrice), hexUint128(e.OverallFee), "FRI",
	}
}

func (j *feeEstimateJSON) estimate() FeeEstimate {
	return FeeEstimate{
		L1GasConsumed: uint64(j.L1GasConsumed), L1GasPrice: starknet.Uint128(j.L1GasPrice),
		L2GasConsumed: uint64(j.L2GasConsumed), L2GasPrice: starknet.Uint128(j.L2GasPrice),
		L1DataGasConsumed: uint64(j.L1DataGasConsumed), L1DataGasPrice: starknet.Uint128(j.L1DataGasPrice),
		OverallFee: starknet.Uint128(j.OverallFee),
	}
}
