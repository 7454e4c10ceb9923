package starknet

import "github.com/starkd/starkd/crypto/felt"

// This file has the types of queries to a chain: positions, event filters, the state that an execution read, and a listener.

// At says on which state a call runs: the state after a block. The call sees the info of that block or, if Next is set, of the block after
// it.
type At struct {
	Block uint64
	Next  bool
}

// Position is a transaction's place in the chain.
type Position struct {
	Block uint64
	Index uint64 // in the block, from 0
}

// EventFilter selects events. An empty list matches everything.
type EventFilter struct {
	From []felt.Felt   // the contracts that emit the events
	Keys [][]felt.Felt // Keys[i] are the values allowed for an event's key i
}

// ContractSlots are storage slots of one contract.
type ContractSlots struct {
	Contract felt.Felt
	Keys     []felt.Felt
}

// StateReads holds the values that transactions read from the state before the first of them, each once.
type StateReads struct {
	Storage     []StorageRead     // ascending by contract, then key
	Nonces      []NonceRead       // ascending by contract
	ClassHashes []ClassHashRead   // ascending by contract; 0 where nothing is deployed
	Declared    []DeclarationRead // ascending by class
}

// StorageRead is the value of a storage slot.
type StorageRead struct{ Contract, Key, Value felt.Felt }

// NonceRead is the nonce of a contract.
type NonceRead struct{ Contract, Nonce felt.Felt }

// ClassHashRead is the class of a contract.
type ClassHashRead struct{ Contract, ClassHash felt.Felt }

// DeclarationRead says whether a class is declared.
type DeclarationRead struct {
	ClassHash felt.Felt
	Declared  bool
}

// Listener receives notifications from a chain. Its functions may be nil. They may be called concurrently; they must return at once and must
// not call the chain.
type Listener struct {
	// Block is called when a new latest block is durable.
	Block func()
	// Transaction is called when a transaction enters the mempool.
	Transaction func(tx Transaction, hash felt.Felt)
}
