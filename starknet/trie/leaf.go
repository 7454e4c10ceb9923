package trie

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
)

var classLeafVersion = felt.FromShortString("CONTRACT_CLASS_LEAF_V0")

// ClassLeaf returns the leaf of a declared class in the classes trie, given its compiled class hash. The leaf's key is the class hash.
func ClassLeaf(compiled felt.Felt) felt.Felt { return poseidon.Hash(classLeafVersion, compiled) }

// Contract holds the values to which a contract's leaf in the contracts trie commits. The leaf's key is the address.
type Contract struct{ ClassHash, StorageRoot, Nonce felt.Felt }

// ContractLeaves returns the contracts' leaves, H(H(H(class hash, storage root), nonce), 0) with Pedersen. A contract whose values are all 0
// does not exist, and its leaf is 0.
func ContractLeaves(contracts []Contract) []felt.Felt {
	leaves, with := make([]felt.Felt, len(contracts)), make([]felt.Felt, len(contracts))
	if len(contracts) == 0 {
		return leaves
	}
	for i, c := range contracts {
		leaves[i], with[i] = c.ClassHash, c.StorageRoot
	}
	Pedersen(leaves, leaves, with)
	for i, c := range contracts {
		with[i] = c.Nonce
	}
	Pedersen(leaves, leaves, with)
	for i := range with {
		with[i] = felt.Felt{}
	}
	Pedersen(leaves, leaves, with)
	for i, c := range contracts {
		if c == (Contract{}) {
			leaves[i] = felt.Felt{}
		}
	}
	return leaves
}
