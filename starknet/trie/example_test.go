package trie_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/trie"
)

// nodes is a store of nodes in memory.
type nodes map[felt.Felt][]byte

func (n nodes) TrieNode(hash felt.Felt) ([]byte, error) { return n[hash], nil }

// Example sets two leaves in an empty trie. It then proves the value of one of them and the absence of a third key under the root.
func Example() {
	store := nodes{}
	roots, written, err := trie.Commit(store, trie.Poseidon, []trie.Update{{Leaves: []trie.Leaf{
		{Key: felt.FromUint64(5), Value: felt.FromUint64(50)},
		{Key: felt.FromUint64(6), Value: felt.FromUint64(60)},
	}}})
	if err != nil {
		panic(err)
	}
	for _, node := range written {
		store[node.Hash] = node.Node.Encode()
	}
	proof, err := trie.Prove(store, roots[0], felt.FromUint64(5), felt.FromUint64(7))
	if err != nil {
		panic(err)
	}
	fmt.Println(roots[0])
	for _, key := range []uint64{5, 7} {
		value, err := trie.VerifyProof(trie.Poseidon, roots[0], felt.FromUint64(key), proof)
		fmt.Println(key, value, err)
	}
	// Output:
	// 0xd868e47b8dbc85196955305bc0f8ece1732f4033ce3db20c2339bf517758ef
	// 5 0x32 <nil>
	// 7 0x0 <nil>
}
