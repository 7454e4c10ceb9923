package state

import (
	"encoding/binary"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/trie"
)

// StorageUpdatedAt returns the height of the last block up to height that changed a storage slot, or 0 if none did.
func (s *Store) StorageUpdatedAt(contract, slot felt.Felt, height uint64) (uint64, error) {
	felts := []felt.Felt{contract, slot}
	start := key(storagePrefix, felts, ^height)
	it, err := s.db.Iterator(start, append(key(storagePrefix, felts, ^uint64(0)), 0))
	if err != nil {
		return 0, fmt.Errorf("state: reading %x: %w", start, err)
	}
	defer it.Close()
	if !it.Valid() {
		return 0, it.Error()
	}
	// A versioned key ends in the complement of its height, so newer versions come first.
	k := it.Key()
	return ^binary.BigEndian.Uint64(k[len(k)-8:]), it.Error()
}

// ContractAt returns a function that reads the leaves of the contracts trie after the block at a height.
func (s *Store) ContractAt(height uint64) func(address felt.Felt) (trie.Contract, error) {
	at := &reader{s, height}
	return func(address felt.Felt) (trie.Contract, error) { return (&contract{}).complete(at, address) }
}
