package state

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/trie"
)

// StateProof proves classes, contracts and storage slots against the state commitment of one block. It is the result of
// starknet_getStorageProof.
type StateProof struct {
	Height        uint64
	BlockHash     felt.Felt
	ContractsRoot felt.Felt
	ClassesRoot   felt.Felt
	Classes       trie.Proof
	Contracts     trie.Proof
	Leaves        []trie.Contract // one for each requested contract
	Storage       []trie.Proof    // one for each contract with requested slots
}

// Prove returns a proof of the state at a height, or false if the chain has no such block. It works at every height, because
// trie nodes are never pruned.
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
