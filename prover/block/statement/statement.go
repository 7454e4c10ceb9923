// Package statement defines what the proofs of a block mean, and checks it. The proved program (cairo/os/os.cairo) executes
// calls on the code of published classes, and writes to its output which calls it executed and how they ended. A proof shows
// that this code, given these inputs and these responses to its syscalls, made exactly these syscalls and returned exactly
// these values. Whether the inputs and the responses were right is decided here, without a virtual machine, from the output and
// from what validators signed:
//
//	Claim  ──Parse──▶  Output  ──Check──▶  Outcome
//
// Parse follows the program's control flow, which depends on output words only. Check replays the calls in order, with the
// block's transactions, the compiled classes and the state before the block. Every call must enter the right class at the right
// address with the right gas and calldata. Every syscall must have the response that Starknet gives, and a storage read must
// return the last write. The effects of each transaction (events, messages, fee, state difference) are compared with the result
// that validators signed for it. For an unproven transaction, the signed result is applied. The caller compares the state
// difference of the block with the signed state root.
//
// Parse and Check accept any words: they return a result or an error that names the difference. docs/os.md lists the output
// word by word.
package statement

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Claim is the part of a proof's public memory that the proof binds: the program and its output.
type Claim struct {
	Program       []felt.Felt
	ProgramBase   uint64 // address of Program[0]
	Output        []felt.Felt
	OutputAddress uint64 // address of Output[0]; the output contains memory addresses
}

// Block is what the claims are compared with. All of it comes from signed data: from the header, the transactions through the
// header's data hash, and the classes through their compiled class hashes, which the replay compares.
type Block struct {
	ChainID      felt.Felt
	Number       uint64
	Timestamp    uint64
	Sequencer    felt.Felt
	FeeToken     felt.Felt // contract address of the fee token
	Transactions []starknet.Transaction
	Results      []*starknet.Result // signed result of each transaction
	Unproven     []Unproven         // transactions that no claim covers, ascending by index
	// Validations are the effects of the signature checks of proven transactions, ascending by index. Only FormatStone has any.
	Validations []Validation
	// Format is the format of the claims, 0 if any is accepted. Without claims, 0 means FormatStwo.
	Format Format
	// Classes are the compiled classes that the replay needs, by class hash.
	Classes map[felt.Felt]*casm.Class
	// Load, if not nil, returns a declared class that Classes does not have; the replay adds it to Classes.
	Load func(class felt.Felt) (*casm.Class, error)
	// Opening are the storage writes that the block makes before its first transaction.
	Opening []Write
}

// Write is a storage write.
type Write struct {
	Contract felt.Felt `json:"contract"`
	Key      felt.Felt `json:"key"`
	Value    felt.Felt `json:"value"`
}

// State is the state before the block. The implementation must check its answers against a signed root. If it cannot answer, it
// returns an error, never zero.
type State interface {
	// StorageAt returns the value of a storage slot, zero if it was never written.
	StorageAt(contract, key felt.Felt) (felt.Felt, error)
	// ClassHashAt returns a contract's class hash, zero for an address without a contract.
	ClassHashAt(contract felt.Felt) (felt.Felt, error)
	// NonceAt returns a contract's nonce, zero for an address without a contract.
	NonceAt(contract felt.Felt) (felt.Felt, error)
	// CompiledClassHash returns the compiled class hash of a class, zero for a class that is not declared.
	CompiledClassHash(class felt.Felt) (felt.Felt, error)
}

// Outcome holds the effects of the block's transactions.
type Outcome struct {
	Transactions []TransactionOutcome
	Diff         starknet.StateDiff // in canonical order
}

// TransactionOutcome holds the effects of one transaction.
type TransactionOutcome struct {
	Hash     felt.Felt
	Reverted bool
	Fee      starknet.Uint128 // transferred to the sequencer
	Events   []starknet.Event
	Messages []starknet.Message
	Calls    []CallOutcome
	// UnprovenParts names the parts of the transaction that no proof covers: the execution if it was aborted and, in FormatStone,
	// the signature check and its effects.
	UnprovenParts []string
	// Unproven is the reason why no proof covers the transaction. The other fields are then what validators signed. It is nil
	// for a proven transaction.
	Unproven *Reason
}

// CallOutcome describes how a call from the protocol ended. No signed data contains it; the proof shows it.
type CallOutcome struct {
	Kind    CallKind
	Gas     uint64 // gas before the entry point's initial charge
	GasLeft uint64
	Failed  bool
	Retdata []felt.Felt
}
