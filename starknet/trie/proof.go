package trie

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Proof is what shows the values of some keys under one root: the nodes on the paths from the root to each key, parents
// before children, without repetition. It proves an absent key by the edge that leaves the key's path. A root of 0 has
// the empty proof.
//
// It is the node list of starknet_getStorageProof.
type Proof []Node

// Prove collects the proof of keys under a root, whatever the hash.
func Prove(s Store, root felt.Felt, keys ...felt.Felt) (Proof, error) {
	var proof Proof
	seen := map[felt.Felt]bool{}
	for _, key := range keys {
		k, err := keyBits(key)
		if err != nil {
			return nil, err
		}
		hash, depth := root, 0
		for !hash.IsZero() && depth < Height {
			n, err := load(s, hash)
			if err != nil {
				return nil, err
			}
			if !seen[hash] {
				seen[hash] = true
				proof = append(proof, n)
			}
			hash, depth = n.step(k, depth)
		}
	}
	return proof, nil
}

// VerifyProof returns the value that a proof shows for a key, 0 when it shows that the key is absent. It fails when the proof
// shows neither, on whatever input, in time linear in the proof.
func VerifyProof(h Hash, root, key felt.Felt, proof Proof) (felt.Felt, error) {
	return Open(h, proof).Value(root, key)
}

// ProofSet is a proof with its nodes found by hash, for reading many keys.
type ProofSet map[felt.Felt]Node

// Open hashes a proof's nodes. It judges nothing: Value does.
func Open(h Hash, proof Proof) ProofSet {
	set := make(ProofSet, len(proof))
	a, b := make([]felt.Felt, len(proof)), make([]felt.Felt, len(proof))
	for i, n := range proof {
		a[i], b[i] = n.Left, n.Right
		if n.Length > 0 {
			a[i], b[i] = n.Child, n.Path
		}
	}
	if len(proof) > 0 {
		h(a, a, b)
	}
	for i, n := range proof {
		length := felt.FromUint64(uint64(n.Length))
		set[*a[i].Add(&a[i], &length)] = n
	}
	return set
}

// Value is as [VerifyProof]; nodes that are not on the key's path play no part.
func (s ProofSet) Value(root, key felt.Felt) (felt.Felt, error) {
	k, err := keyBits(key)
	if err != nil {
		return felt.Felt{}, err
	}
	hash, depth := root, 0
	for !hash.IsZero() && depth < Height {
		n, ok := s[hash]
		if !ok {
			return felt.Felt{}, fmt.Errorf("trie: proof of %v has no node %v, needed at depth %d", key, hash, depth)
		}
		if err := n.check(depth); err != nil {
			return felt.Felt{}, fmt.Errorf("proof of %v: %w", key, err)
		}
		hash, depth = n.step(k, depth)
	}
	return hash, nil
}
