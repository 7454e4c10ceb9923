// Package state stores the chain's state and its history: storage, nonces and class hashes of contracts, declared classes,
// the two tries that commit to them, and all blocks, transactions, receipts and events.
//
// [Store] uses a cometbft-db database. [Store.Commit] writes a block in one atomic batch, so after a crash at any time the
// store is at the height before the block or at its height. Values are stored under (key, height) and never overwritten, so a
// [Reader] of any height stays valid while later blocks are written, and needs no lock.
//
// [Overlay] is a set of changes on top of a Reader, with nested rollback and a difference from its base.
package state

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Reader reads the state at one height. Values that were never written are zero. An error means that the store is broken.
type Reader interface {
	// StorageAt returns the value of a contract's storage slot.
	StorageAt(contract, key felt.Felt) (felt.Felt, error)
	// NonceAt returns a contract's nonce.
	NonceAt(contract felt.Felt) (felt.Felt, error)
	// ClassHashAt returns a contract's class hash, 0 if no contract is deployed at the address.
	ClassHashAt(contract felt.Felt) (felt.Felt, error)
	// CompiledClassHash returns the compiled class hash of a class, 0 if the class is not declared.
	CompiledClassHash(class felt.Felt) (felt.Felt, error)
	// Class returns a declared class, nil if the class is not declared. The class is shared and must not be modified.
	Class(class felt.Felt) (*Class, error)
}

// Class is a declared class as the store has it.
type Class struct {
	Hash         felt.Felt
	CompiledHash felt.Felt
	Definition   *starknet.ContractClass
	Casm         []byte // the compiled class as JSON
}

// Slot is a storage slot of a contract.
type Slot struct{ Contract, Key felt.Felt }
