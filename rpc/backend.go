package rpc

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Backend is the chain as the server needs it. All methods may be called concurrently, and must not keep or change what they
// are given; what they return is only read. An *Error is sent to the client as it is; any other error becomes an
// internal error whose text only the log sees. Block numbers passed in are at most the head's of a moment before.
type Backend interface {
	// ChainID is the felt in transaction hashes.
	ChainID() felt.Felt
	// Head is the latest block; ErrNoBlocks before genesis.
	Head(ctx context.Context) (Head, error)
	// NextHeader is what is known of the block after the head: number, timestamp, sequencer, prices, mode and version.
	NextHeader(ctx context.Context) (starknet.Header, error)
	// BlockNumber finds a block by its hash, or answers ErrBlockNotFound.
	BlockNumber(ctx context.Context, hash felt.Felt) (uint64, error)
	// Header is the header of block n and its hash, or ErrBlockNotFound (it may have been pruned).
	Header(ctx context.Context, n uint64) (*starknet.Header, felt.Felt, error)
	// Block is block n. Declares come without their classes.
	Block(ctx context.Context, n uint64) (*starknet.Block, error)
	// Transaction is one transaction of a block with its receipt; the place comes from FindTransaction or is inside the block.
	Transaction(ctx context.Context, place starknet.Position) (starknet.Transaction, *starknet.Receipt, error)
	// StateDiff is what block n changed.
	StateDiff(ctx context.Context, n uint64) (*starknet.StateDiff, error)
	// FindTransaction finds a transaction in the blocks, or answers ErrTransactionNotFound.
	FindTransaction(ctx context.Context, hash felt.Felt) (starknet.Position, error)
	// PoolStatus is Received for a transaction that waits in the mempool, and false for others.
	PoolStatus(ctx context.Context, hash felt.Felt) (TransactionStatus, bool)
	// PoolTransaction is a transaction that waits in the mempool, and false for others.
	PoolTransaction(ctx context.Context, hash felt.Felt) (starknet.Transaction, bool)
	// State is the state after block n, or ErrBlockNotFound where it is no longer held.
	State(ctx context.Context, n uint64) (State, error)

	// Call runs an entry point without a transaction. Errors: ErrContractNotFound, ErrEntryPointNotFound, ContractError.
	Call(ctx context.Context, at starknet.At, call FunctionCall) ([]felt.Felt, error)
	// Simulate runs transactions one after the other on the state at that block. A transaction that reverts has a result that
	// says so; one that could not be in a block (validation, balance, nonce) ends the run with TransactionExecutionError,
	// or with UndeployedSender. What the run read of the state is returned if asked for.
	Simulate(ctx context.Context, at starknet.At, txs []starknet.Transaction, flags SimulationFlags) ([]Simulation, *starknet.StateReads, error)
	// Submit hands a transaction to the mempool and returns its hash, or one of the errors of the write API.
	Submit(ctx context.Context, tx starknet.Transaction) (felt.Felt, error)

	// StorageProof proves values against the state roots of block n, or answers ErrStorageProofNotSupported.
	StorageProof(ctx context.Context, n uint64, request *StorageProofRequest) (*StorageProof, error)
	// CompiledClass is the CASM of a declared class in the compiler's JSON, or ErrClassNotFound.
	CompiledClass(ctx context.Context, classHash felt.Felt) (json.RawMessage, error)
	// Syncing is nil on a node that has caught up.
	Syncing(ctx context.Context) *SyncStatus
}

// Tracer is a Backend that can also run a block again and say what happened.
type Tracer interface {
	// TraceBlock is the trace of each transaction of block n and, if asked for, what they read of the state before the block.
	TraceBlock(ctx context.Context, n uint64, reads bool) ([]Trace, *starknet.StateReads, error)
}

// EventIndexer is a Backend that knows where events are. Without one their blocks are read one by one.
type EventIndexer interface {
	// EventBlocks are the blocks from one to another, both included, that may hold events of a filter, in order. All that do are
	// among them.
	EventBlocks(ctx context.Context, filter *starknet.EventFilter, from, to uint64) iter.Seq2[uint64, error]
}

// State is the state after some block.
type State interface {
	// ClassHashAt is the class of a contract, zero where there is none.
	ClassHashAt(contract felt.Felt) (felt.Felt, error)
	// NonceAt is the nonce of a contract.
	NonceAt(contract felt.Felt) (felt.Felt, error)
	// StorageAt is the value of a storage slot.
	StorageAt(contract, key felt.Felt) (felt.Felt, error)
	// StorageUpdatedAt is the number of the block that last wrote the slot, 0 where none did.
	StorageUpdatedAt(contract, key felt.Felt) (uint64, error)
	// Class is a declared class, nil where it is not declared.
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

// SimulationFlags say what a simulation leaves out, and what it returns.
type SimulationFlags struct {
	SkipValidate  bool // no __validate__, so the signature does not matter
	SkipFeeCharge bool // no fee transfer, and no check of bounds or balance
	Trace         bool // Simulation.Trace is wanted
	InitialReads  bool // the second result is wanted
}

// Simulation is what a transaction did in a simulation.
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

// Trace is what happened inside a transaction (TRANSACTION_TRACE). Of the invocations, those that a transaction of that type
// does not have, or that were skipped, are nil.
type Trace struct {
	Type         starknet.TransactionType
	Validate     *Invocation
	Execute      *Invocation // INVOKE; nil when it reverted
	Constructor  *Invocation // DEPLOY_ACCOUNT
	FeeTransfer  *Invocation
	RevertReason string
	StateDiff    *starknet.StateDiff
	Resources    starknet.GasVector
}

// Invocation is one call with the calls inside it (FUNCTION_INVOCATION).
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

// OrderedEvent is an event with its place among the transaction's events.
type OrderedEvent struct {
	Order      int
	Keys, Data []felt.Felt
}

// OrderedMessage is a message with its place among the transaction's messages.
type OrderedMessage struct {
	Order int
	starknet.Message
}

// TransactionStatus is how far a transaction has come (TXN_STATUS).
type TransactionStatus string

// The stages of a transaction, and of a block from preConfirmed on.
const (
	Received     TransactionStatus = "RECEIVED"
	candidate    TransactionStatus = "CANDIDATE"
	preConfirmed TransactionStatus = "PRE_CONFIRMED"
	AcceptedOnL2 TransactionStatus = "ACCEPTED_ON_L2"
)

// SyncStatus is how far a node has caught up (SYNC_STATUS).
type SyncStatus struct {
	StartingBlockHash felt.Felt `json:"starting_block_hash"`
	StartingBlockNum  uint64    `json:"starting_block_num"`
	CurrentBlockHash  felt.Felt `json:"current_block_hash"`
	CurrentBlockNum   uint64    `json:"current_block_num"`
	HighestBlockHash  felt.Felt `json:"highest_block_hash"`
	HighestBlockNum   uint64    `json:"highest_block_num"`
}

// StorageProofRequest says what is to be proved.
type StorageProofRequest struct {
	ClassHashes       []felt.Felt
	ContractAddresses []felt.Felt
	Slots             []starknet.ContractSlots
}

// StorageProof holds, for each tree, the nodes on the paths from the root to what was asked for, each once.
type StorageProof struct {
	ContractsRoot, ClassesRoot, BlockHash felt.Felt
	Classes                               []ProofNode
	Contracts                             []ProofNode
	ContractLeaves                        []ContractLeaf // by StorageProofRequest.ContractAddresses; zero where there is no contract
	Storage                               [][]ProofNode  // by StorageProofRequest.Slots
}

// ContractLeaf is what the leaf of the contracts tree is the hash of.
type ContractLeaf struct {
	Nonce       felt.Felt `json:"nonce"`
	ClassHash   felt.Felt `json:"class_hash"`
	StorageRoot felt.Felt `json:"storage_root"`
}

// ProofNode is a node of a Merkle–Patricia tree with its hash: binary when Length is 0, an edge otherwise.
type ProofNode struct {
	Hash        felt.Felt
	Left, Right felt.Felt // of a binary node
	Child, Path felt.Felt // of an edge
	Length      uint8
}
