// Package state is the chain's state and its history: contract storage, nonces and classes, declared classes, the two
// tries that commit to them, and the blocks, transactions, receipts and events that led there.
//
// [Store] keeps it on a cometbft-db. A block is written by one atomic batch ([Store.Commit]); a crash at any instant leaves
// the height before it or the height after it. Values are stored under (key, height) and never overwritten, so a
// [Reader] at any height is a plain value that stays right while later blocks are written, and needs no lock.
//
// [Overlay] is a state under change above a Reader, with nested rollback and the difference to what is below.
package state

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Reader reads the state at one height. What was never written is zero; an error means that the store is broken.
type Reader interface {
	// StorageAt is the value of a contract's storage slot.
	StorageAt(contract, key felt.Felt) (felt.Felt, error)
	// NonceAt is a contract's nonce.
	NonceAt(contract felt.Felt) (felt.Felt, error)
	// ClassHashAt is a contract's class hash, 0 where nothing is deployed.
	ClassHashAt(contract felt.Felt) (felt.Felt, error)
	// CompiledClassHash is a declared class's compiled class hash, 0 for a class that is not declared.
	CompiledClassHash(class felt.Felt) (felt.Felt, error)
	// Class is a declared class, nil for a class that is not declared. It is shared: do not modify it.
	Class(class felt.Felt) (*Class, error)
}

// Class is a declared class as the chain stores it.
type Class struct {
	Hash         felt.Felt
	CompiledHash felt.Felt
	Definition   *starknet.ContractClass
	Casm         []byte // compiled class, JSON
}

// Slot is a storage slot of a contract.
type Slot struct{ Contract, Key felt.Felt }
