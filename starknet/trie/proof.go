package trie

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Proof proves the values of keys under one root. It has the nodes on the paths from the root to each key, parents before children, each
// node once. For an absent key the last node is an edge whose path is not the key's. The proof under root 0 is empty.
//
// starknet_getStorageProof returns it as a list of nodes.
type Proof []Node

// Prove returns a proof of the keys under a root. It does not depend on the trie's hash function.
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

// VerifyProof returns the value that a proof proves for a key: 0 if it proves that the key is absent. It returns an error if the proof proves
// neither. It accepts any input and takes time linear in the proof.
func VerifyProof(h Hash, root, key felt.Felt, proof Proof) (felt.Felt, error) {
	return Open(h, proof).Value(root, key)
}

// ProofSet holds the nodes of a proof by their hashes, to look up several keys.
type ProofSet map[felt.Felt]Node

// Open hashes a proof's nodes. It checks nothing; Value checks the nodes that it uses.
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

// Value returns the value of a key as [VerifyProof] does. It ignores nodes that are not on the key's path.
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
