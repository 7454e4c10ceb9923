package trie

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
)

var classLeafVersion = felt.FromShortString("CONTRACT_CLASS_LEAF_V0")

// ClassLeaf returns a declared class's leaf in the classes trie, at its class hash.
func ClassLeaf(compiled felt.Felt) felt.Felt { return poseidon.Hash(classLeafVersion, compiled) }

// Contract is what a contract's leaf in the contracts trie commits to, at its address.
type Contract struct{ ClassHash, StorageRoot, Nonce felt.Felt }

// ContractLeaves returns the contracts' leaves: H(H(H(class hash, storage root), nonce), 0). A contract of only zeros, which
// never existed, has leaf 0.
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
