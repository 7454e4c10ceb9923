package rpc

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Backend is the chain behind a server. All methods may be called concurrently. They must not keep or change their arguments,
// and the server does not change their results. An *Error is sent to the client unchanged; the client sees any other error as an
// internal error, and its text is logged. Block numbers in arguments are at most that of the head shortly before the call.
type Backend interface {
	// ChainID returns the chain id as in transaction hashes.
	ChainID() felt.Felt
	// Head returns the latest block, or ErrNoBlocks before genesis.
	Head(ctx context.Context) (Head, error)
	// NextHeader returns the known fields of the next block's header: number, timestamp, sequencer, prices, mode and version.
	NextHeader(ctx context.Context) (starknet.Header, error)
	// BlockNumber returns the number of the block with a hash, or ErrBlockNotFound.
	BlockNumber(ctx context.Context, hash felt.Felt) (uint64, error)
	// Header returns the header of block n and its hash, or ErrBlockNotFound (the block may have been pruned).
	Header(ctx context.Context, n uint64) (*starknet.Header, felt.Felt, error)
	// Block returns block n. Its DECLAREs have no classes.
	Block(ctx context.Context, n uint64) (*starknet.Block, error)
	// Transaction returns a transaction of a block with its receipt. place is from FindTransaction or exists in the block.
	Transaction(ctx context.Context, place starknet.Position) (starknet.Transaction, *starknet.Receipt, error)
	// StateDiff returns the state difference of block n.
	StateDiff(ctx context.Context, n uint64) (*starknet.StateDiff, error)
	// FindTransaction returns the position of a transaction in the blocks, or ErrTransactionNotFound.
	FindTransaction(ctx context.Context, hash felt.Felt) (starknet.Position, error)
	// PoolStatus returns Received for a transaction that waits in the mempool, and false for others.
	PoolStatus(ctx context.Context, hash felt.Felt) (TransactionStatus, bool)
	// PoolTransaction returns a transaction that waits in the mempool, and false for others.
	PoolTransaction(ctx context.Context, hash felt.Felt) (starknet.Transaction, bool)
	// State returns the state after block n, or ErrBlockNotFound if it is no longer stored.
	State(ctx context.Context, n uint64) (State, error)

	// Call runs an entry point outside a transaction. Errors: ErrContractNotFound, ErrEntryPointNotFound, ContractError.
	Call(ctx context.Context, at starknet.At, call FunctionCall) ([]felt.Felt, error)
	// Simulate executes transactions one after the other on the state at a position. A reverted transaction has a result. A
	// transaction that cannot be in a block (validation, balance, nonce) ends the simulation with a TransactionExecutionError or
	// an UndeployedSender. With SimulationFlags.InitialReads it returns the values that the transactions read from the state.
	Simulate(ctx context.Context, at starknet.At, txs []starknet.Transaction, flags SimulationFlags) ([]Simulation, *starknet.StateReads, error)
	// Submit adds a transaction to the mempool and returns its hash, or one of the errors of the write API.
	Submit(ctx context.Context, tx starknet.Transaction) (felt.Felt, error)

	// StorageProof proves values against the state roots of block n, or returns ErrStorageProofNotSupported.
	StorageProof(ctx context.Context, n uint64, request *StorageProofRequest) (*StorageProof, error)
	// CompiledClass returns the CASM of a declared class in the compiler's JSON, or ErrClassNotFound.
	CompiledClass(ctx context.Context, classHash felt.Felt) (json.RawMessage, error)
	// Syncing returns nil on a node that has caught up.
	Syncing(ctx context.Context) *SyncStatus
}

// Tracer is a Backend that can also execute a block again and trace it.
type Tracer interface {
	// TraceBlock returns the traces of the transactions of block n and, with reads, the values that they read from the state before
	// the block.
	TraceBlock(ctx context.Context, n uint64, reads bool) ([]Trace, *starknet.StateReads, error)
}

// EventIndexer is a Backend with an index of events. Without it every block of a range is read for its events.
type EventIndexer interface {
	// EventBlocks returns the blocks from one number to another, both included, that may have events that a filter selects, in
	// order. It misses no such block.
	EventBlocks(ctx context.Context, filter *starknet.EventFilter, from, to uint64) iter.Seq2[uint64, error]
}

// Prover is a Backend whose validators vote about proofs. Without it no block is ACCEPTED_ON_L1.
type Prover interface {
	// Proved returns the height up to which more than two thirds of the validators had seen every block proved when block n was decided,
	// or false if the validators of the chain do not vote about proofs. The height of later blocks is not lower.
	Proved(ctx context.Context, n uint64) (height uint64, ok bool, err error)
}

// State is the state after a block.
type State interface {
	// ClassHashAt returns the class hash of a contract, zero if there is no contract.
	ClassHashAt(contract felt.Felt) (felt.Felt, error)
	// NonceAt returns the nonce of a contract.
	NonceAt(contract felt.Felt) (felt.Felt, error)
	// StorageAt returns the value of a storage slot.
	StorageAt(contract, key felt.Felt) (felt.Felt, error)
	// StorageUpdatedAt returns the number of the last block that changed the slot, 0 if none did.
	StorageUpdatedAt(contract, key felt.Felt) (uint64, error)
	// Class returns a declared class, nil if the class is not declared.
	Class(classHash felt.Felt) (*starknet.ContractClass, error)
}

// Head is the latest block.
type Head struct {
	Number uint64
	Hash   felt.Felt
}

// FunctionCall is a call of a contract's entry point (FUNCTION_CALL).
type FunctionCall struct {
	ContractAddress    felt.Felt   `json:"contract_address"`
	EntryPointSelector felt.Felt   `json:"entry_point_selector"`
	Calldata           []felt.Felt `json:"calldata"`
}

// SimulationFlags select the steps and the results of a simulation.
type SimulationFlags struct {
	SkipValidate  bool // does not run __validate__, so the signature is ignored
	SkipFeeCharge bool // does not transfer the fee and does not check bounds and balance
	Trace         bool // sets Simulation.Trace
	InitialReads  bool // returns the state reads
}

// Simulation is the result of a transaction in a simulation.
type Simulation struct {
	Receipt  starknet.Receipt
	Estimate FeeEstimate
	Trace    *Trace
}

// FeeEstimate is the resources that a transaction needs, at the block's prices (FEE_ESTIMATE). The fee is in FRI.
type FeeEstimate struct {
	L1GasConsumed, L2GasConsumed, L1DataGasConsumed uint64
	L1GasPrice, L2GasPrice, L1DataGasPrice          starknet.Uint128
	OverallFee                                      starknet.Uint128
}

// Trace is the trace of a transaction (TRANSACTION_TRACE). An invocation is nil if the transaction type does not have it or if it
// was skipped.
type Trace struct {
	Type         starknet.TransactionType
	Validate     *Invocation
	Execute      *Invocation // INVOKE; nil if the transaction reverted
	Constructor  *Invocation // DEPLOY_ACCOUNT
	FeeTransfer  *Invocation
	RevertReason string
	StateDiff    *starknet.StateDiff
	Resources    starknet.GasVector
}

// Invocation is one call with its inner calls (FUNCTION_INVOCATION).
type Invocation struct {
	FunctionCall
	Caller         felt.Felt
	ClassHash      felt.Felt
	EntryPointType EntryPointType
	Library        bool // a library call
	Result         []felt.Felt
	Calls          []Invocation
	Events         []OrderedEvent
	Messages       []OrderedMessage
	L1Gas, L2Gas   uint64
	Reverted       bool
}

// EntryPointType is the kind of an entry point in a trace.
type EntryPointType string

// The kinds of entry point.
const (
	External    EntryPointType = "EXTERNAL"
	L1Handler   EntryPointType = "L1_HANDLER"
	Constructor EntryPointType = "CONSTRUCTOR"
)

// OrderedEvent is an event with its number among the transaction's events.
type OrderedEvent struct {
	Order      int
	Keys, Data []felt.Felt
}

// OrderedMessage is a message with its number among the transaction's messages.
type OrderedMessage struct {
	Order int
	starknet.Message
}

// TransactionStatus is the finality status of a transaction or a block (TXN_STATUS).
type TransactionStatus string

// The statuses of a transaction, in order. A block has preConfirmed or a later one.
const (
	Received     TransactionStatus = "RECEIVED"
	candidate    TransactionStatus = "CANDIDATE"
	preConfirmed TransactionStatus = "PRE_CONFIRMED"
	AcceptedOnL2 TransactionStatus = "ACCEPTED_ON_L2"
	AcceptedOnL1 TransactionStatus = "ACCEPTED_ON_L1" // proved, and the proofs verified by more than two thirds of the validators
)

// SyncStatus is the progress of a node that catches up with the chain (SYNC_STATUS).
type SyncStatus struct {
	StartingBlockHash felt.Felt `json:"starting_block_hash"`
	StartingBlockNum  uint64    `json:"starting_block_num"`
	CurrentBlockHash  felt.Felt `json:"current_block_hash"`
	CurrentBlockNum   uint64    `json:"current_block_num"`
	HighestBlockHash  felt.Felt `json:"highest_block_hash"`
	HighestBlockNum   uint64    `json:"highest_block_num"`
}

// StorageProofRequest is the classes, contracts and storage slots to prove.
type StorageProofRequest struct {
	ClassHashes       []felt.Felt
	ContractAddresses []felt.Felt
	Slots             []starknet.ContractSlots
}

// StorageProof has, for each trie, the nodes on the paths from the root to the requested keys, each once.
type StorageProof struct {
	ContractsRoot, ClassesRoot, BlockHash felt.Felt
	Classes                               []ProofNode
	Contracts                             []ProofNode
	ContractLeaves                        []ContractLeaf // one for each of StorageProofRequest.ContractAddresses; zero if there is no contract
	Storage                               [][]ProofNode  // one for each of StorageProofRequest.Slots
}

// ContractLeaf is the contents of a leaf of the contracts trie, which is their hash.
type ContractLeaf struct {
	Nonce       felt.Felt `json:"nonce"`
	ClassHash   felt.Felt `json:"class_hash"`
	StorageRoot felt.Felt `json:"storage_root"`
}

// ProofNode is a node of a Merkle–Patricia trie with its hash: a binary node if Length is 0, else an edge.
type ProofNode struct {
	Hash        felt.Felt
	Left, Right felt.Felt // of a binary node
	Child, Path felt.Felt // of an edge
	Length      uint8
}
