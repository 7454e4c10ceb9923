package state

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// StateProof shows classes, contracts and storage slots under the state commitment of one block, as
// starknet_getStorageProof does.
type StateProof struct {
	Height        uint64
	BlockHash     felt.Felt
	ContractsRoot felt.Felt
	ClassesRoot   felt.Felt
	Classes       trie.Proof
	Contracts     trie.Proof
	Leaves        []trie.Contract // of each contract asked for
	Storage       []trie.Proof    // of each contract whose slots were asked for
}

// Prove makes the proof at a height; false when the chain has no such block. Every height can be proved, since trie nodes
// are never pruned.
func (s *Store) Prove(height uint64, classes, contracts []felt.Felt, slots []starknet.ContractSlots) (*StateProof, bool, error) {
	_, head, ok, err := s.Header(height)
	if err != nil || !ok {
		return nil, false, err
	}
	p := &StateProof{Height: height, BlockHash: head.BlockHash, ContractsRoot: head.ContractsRoot, ClassesRoot: head.ClassesRoot}
	if p.Classes, err = trie.Prove(s, p.ClassesRoot, classes...); err != nil {
		return nil, false, err
	}
	if p.Contracts, err = trie.Prove(s, p.ContractsRoot, contracts...); err != nil {
		return nil, false, err
	}
	at := &reader{s, height}
	for _, address := range contracts {
		leaf, err := (&contract{}).complete(at, address)
		if err != nil {
			return nil, false, err
		}
		p.Leaves = append(p.Leaves, leaf)
	}
	for _, of := range slots {
		root, err := at.value(storageRootPrefix, of.Contract)
		if err != nil {
			return nil, false, err
		}
		proof, err := trie.Prove(s, root, of.Keys...)
		if err != nil {
			return nil, false, err
		}
		p.Storage = append(p.Storage, proof)
	}
	return p, true, nil
}
