// Package statement says what a proof means. The program that is proved (cairo/os/os.cairo) runs calls on the code of
// published classes and writes to its output what was called and how it ended; the proof shows that this code, on these inputs and these
// answers to its syscalls, asked exactly these syscalls and returned exactly this. Whether the inputs and the answers
// were right is decided here, without a virtual machine, from the output alone and from what validators signed:
//
//	Claim  ──Parse──▶  Output  ──Replay──▶  Outcome
//
// Parse retraces the program's control flow, which depends on output words only. Replay walks the calls in order with
// the block's transactions, the compiled classes and the state before the block: every call must enter the right class
// at the right place with the right gas and calldata, every syscall must have the answer that Starknet gives, a storage
// read sees what was written before it. What each transaction did (events, messages, fee, state difference) is compared with
// the result that validators signed of it; a transaction that no claim covers does what they signed. The state difference
// of all is for the caller to compare with the signed root.
//
// Both are total: any words give a result or an error that names what differs. docs/os.md lists the output word by word.
package statement

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Claim is the public memory of a proof: the program, and its output.
type Claim struct {
	Program       []felt.Felt
	ProgramBase   uint64 // address of Program[0]
	Output        []felt.Felt
	OutputAddress uint64 // address of Output[0]; the output holds addresses
}

// Block is what the outputs of a block are held against. All of it comes from signed data: the header, the
// transactions by the header's data hash, the classes by their compiled class hashes (which the replay compares).
type Block struct {
	ChainID      felt.Felt
	Number       uint64
	Timestamp    uint64
	Sequencer    felt.Felt
	FeeToken     felt.Felt // the contract in which fees are paid
	Transactions []starknet.Transaction
	Results      []*starknet.Result // what validators signed of each transaction
	Unproven     []Unproven         // transactions that no claim covers, ascending by index
	Validations  []Validation       // what signature checks of others left behind, ascending by index
	// Classes are the compiled classes that the outputs need, by class hash.
	Classes map[felt.Felt]*casm.Class
	// Opening are the block's own writes, made before its first transaction.
	Opening []Write
}

// Write is a storage write.
type Write struct {
	Contract felt.Felt `json:"contract"`
	Key      felt.Felt `json:"key"`
	Value    felt.Felt `json:"value"`
}

// State is the state before the block. Its answers are to be proved against a signed root by whoever supplies it; an
// answer that cannot be given is an error, never a zero.
type State interface {
	// StorageAt is the value of a slot, zero for one never written.
	StorageAt(contract, key felt.Felt) (felt.Felt, error)
	// ClassHashAt is a contract's class, zero for an address without a contract.
	ClassHashAt(contract felt.Felt) (felt.Felt, error)
	// NonceAt is a contract's nonce, zero for an address without a contract.
	NonceAt(contract felt.Felt) (felt.Felt, error)
	// CompiledClassHash is the compiled class hash of a declared class, zero for one that is not declared.
	CompiledClassHash(class felt.Felt) (felt.Felt, error)
}

// Outcome is what the transactions of the claims did.
type Outcome struct {
	Transactions []TransactionOutcome
	Diff         starknet.StateDiff // in canonical order
}

// TransactionOutcome is what one transaction did.
type TransactionOutcome struct {
	Hash     felt.Felt
	Reverted bool
	Fee      starknet.Uint128 // transferred to the sequencer
	Events   []starknet.Event
	Messages []starknet.Message
	Calls    []CallOutcome
	// UnprovenParts names what the proof does not speak of: always the signature check with what it left behind, and the
	// execution of a transaction that was aborted.
	UnprovenParts []string
	// Unproven says why no proof speaks of the transaction at all: what is said of it here is what validators signed. Nil
	// for a transaction that is covered.
	Unproven *Reason
}

// CallOutcome is how a call that came from the protocol ended. No signed data says any of it: it is what the proof shows.
type CallOutcome struct {
	Kind    CallKind
	Gas     uint64 // before the entry point's initial charge
	GasLeft uint64
	Failed  bool
	Retdata []felt.Felt
}
