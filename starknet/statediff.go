package starknet

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"

	"github.com/starkd/starkd/crypto/felt"
)

// StateDiff is the set of state changes of a block. In canonical order every list ascends by its first field (storage entries by key
// within a contract), without duplicates and without contracts that have no entry. Hashes and the binary form need canonical order; Sort
// establishes it.
type StateDiff struct {
	Storage    []ContractStorage
	Nonces     []NonceUpdate
	Deployed   []ContractClassHash // contracts that did not exist
	Replaced   []ContractClassHash // contracts whose class changed
	Declared   []DeclaredClass
	Deprecated []felt.Felt // class hashes of Cairo 0 classes, which the hash formula has; this chain has none
}

// ContractStorage is the changed storage of one contract.
type ContractStorage struct {
	Address felt.Felt
	Entries []StorageEntry
}

// StorageEntry is a storage slot's new value.
type StorageEntry struct{ Key, Value felt.Felt }

// NonceUpdate is a contract's new nonce.
type NonceUpdate struct{ Address, Nonce felt.Felt }

// ContractClassHash is a contract's new class.
type ContractClassHash struct{ Address, ClassHash felt.Felt }

// DeclaredClass is a new class with the hash of its compiled form.
type DeclaredClass struct{ ClassHash, CompiledClassHash felt.Felt }

// Sort brings d into canonical order. It keeps duplicates, which callers must not have.
func (d *StateDiff) Sort() {
	d.Storage = slices.DeleteFunc(d.Storage, func(c ContractStorage) bool { return len(c.Entries) == 0 })
	sortBy(d.Storage, func(c *ContractStorage) *felt.Felt { return &c.Address })
	for _, c := range d.Storage {
		sortBy(c.Entries, func(e *StorageEntry) *felt.Felt { return &e.Key })
	}
	sortBy(d.Nonces, func(u *NonceUpdate) *felt.Felt { return &u.Address })
	sortBy(d.Deployed, func(c *ContractClassHash) *felt.Felt { return &c.Address })
	sortBy(d.Replaced, func(c *ContractClassHash) *felt.Felt { return &c.Address })
	sortBy(d.Declared, func(c *DeclaredClass) *felt.Felt { return &c.ClassHash })
	sortBy(d.Deprecated, func(hash *felt.Felt) *felt.Felt { return hash })
}

// sortBy sorts a list by a felt of its elements. It uses package sort, whose code exists once: slices.SortFunc would add 3 KB of compressed code to the
// browser's verifier for every type.
func sortBy[T any](list []T, key func(*T) *felt.Felt) {
	sort.Slice(list, func(i, j int) bool { return key(&list[i]).Cmp(key(&list[j])) < 0 })
}

// Len returns the number of changes, the state_diff_length of the block header.
func (d *StateDiff) Len() int {
	n := len(d.Nonces) + len(d.Deployed) + len(d.Replaced) + len(d.Declared) + len(d.Deprecated)
	for _, c := range d.Storage {
		n += len(c.Entries)
	}
	return n
}

// Digest is the SHA-256 of a value's canonical binary form.
type Digest [sha256.Size]byte

// String returns the digest in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Digest returns the SHA-256 of d's binary form. d must be in canonical order. Transactions use Digest where blocks use Hash, because
// Poseidon over the state difference of a token transfer would take a tenth of the transfer's execution time.
func (d *StateDiff) Digest() (Digest, error) {
	b, err := d.MarshalBinary()
	return sha256.Sum256(b), err
}
