package starknet

import "github.com/starkd/starkd/crypto/felt"

// What is asked of a chain: places in it, filters, what an execution read of its state, and what is new.

// At is where something runs: on the state after a block, with that block's info or, if Next, with the info of the block after it.
type At struct {
	Block uint64
	Next  bool
}

// Position is a transaction's place in the chain.
type Position struct {
	Block uint64
	Index uint64 // in the block
}

// EventFilter selects events. An empty list selects all.
type EventFilter struct {
	From []felt.Felt   // contracts
	Keys [][]felt.Felt // Keys[i] are the values allowed for an event's key i
}

// ContractSlots are storage slots of one contract.
type ContractSlots struct {
	Contract felt.Felt
	Keys     []felt.Felt
}

// StateReads is what transactions read of the state before the first of them, each value once.
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

// Listener is told what is new in a chain. Its functions may be nil. They may be called concurrently, return at once, and call nothing of
// the chain.
type Listener struct {
	// Block is called when a block is durable and the latest.
	Block func()
	// Transaction is called when a transaction enters the mempool.
	Transaction func(tx Transaction, hash felt.Felt)
}
