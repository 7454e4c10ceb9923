// Package trie implements Starknet's Merkle–Patricia trie: a binary trie of height 251 whose leaves are felts, where a path without
// branches is a single edge node. A leaf of value 0 is an absent leaf and an empty trie has root 0. A trie is therefore a function from
// keys below 2^251 to felts that is 0 almost everywhere, and equal functions have equal roots.
//
//	binary node  H(left, right)
//	edge node    H(child, path) + length
//	leaf         its value
//
// H is Pedersen for contracts and their storage, Poseidon for classes.
//
// Nodes are stored under their hashes and never change, so that every committed root stays readable and provable as long as its nodes are
// kept (they are not pruned). The package does no I/O: [Commit] returns the new nodes, and the caller writes them in the same
// atomic batch as the rest of a block.
//
// Reference: docs.starknet.io, "Starknet state"; the reference sequencer's starknet_patricia.
package trie

import (
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/parallel"
)

// Height is the number of edges from the root to a leaf.
const Height = 251

// Hash hashes pairs: it sets dst[i] = H(a[i], b[i]). The slices have the same length; dst may be a or b.
type Hash func(dst, a, b []felt.Felt)

// Pedersen hashes the nodes of the contracts trie and of storage tries. It is a [Hash].
func Pedersen(dst, a, b []felt.Felt) {
	parallel.Chunks(len(dst), pairsPerCore, func(start, end int) { pedersen.HashPairs(dst[start:end], a[start:end], b[start:end]) })
}

// pairsPerCore is the least number of pairs for which another core is used. In smaller batches Pedersen hashes are slower.
const pairsPerCore = 64

// Poseidon hashes the nodes of the classes trie. It is a [Hash].
func Poseidon(dst, a, b []felt.Felt) {
	parallel.Chunks(len(dst), pairsPerCore, func(start, end int) {
		for i := start; i < end; i++ {
			dst[i] = poseidon.Hash(a[i], b[i])
		}
	})
}

// one hashes a single pair.
func (h Hash) one(a, b felt.Felt) felt.Felt {
	dst := [1]felt.Felt{}
	h(dst[:], []felt.Felt{a}, []felt.Felt{b})
	return dst[0]
}

// Node is an inner node. Length is 0 for a binary node. For an edge node it is the length of the path in bits, at most 251, and the path is
// the low Length bits of Path.
type Node struct {
	Left, Right felt.Felt // of a binary node
	Child, Path felt.Felt // of an edge node
	Length      uint8
}

// Hash returns the node's hash under h.
func (n *Node) Hash(h Hash) felt.Felt {
	if n.Length == 0 {
		return h.one(n.Left, n.Right)
	}
	sum, length := h.one(n.Child, n.Path), felt.FromUint64(uint64(n.Length))
	return *sum.Add(&sum, &length)
}

// Encode returns the node's stored form. A binary node is a 0 byte and both children; an edge node is the length, the child, and the path
// in ceil(length/8) bytes.
func (n *Node) Encode() []byte {
	if n.Length == 0 {
		left, right := n.Left.Bytes(), n.Right.Bytes()
		return append(append(append(make([]byte, 0, 65), 0), left[:]...), right[:]...)
	}
	child, path := n.Child.Bytes(), n.Path.Bytes()
	b := append(append(make([]byte, 0, 65), n.Length), child[:]...)
	return append(b, path[32-pathBytes(n.Length):]...)
}

// DecodeNode decodes the output of [Node.Encode].
func DecodeNode(b []byte) (Node, error) {
	if len(b) == 0 {
		return Node{}, fmt.Errorf("trie: node of 0 bytes")
	}
	n := Node{Length: b[0]}
	want := 65
	if n.Length != 0 {
		want = 33 + pathBytes(n.Length)
	}
	if n.Length > Height || len(b) != want {
		return Node{}, fmt.Errorf("trie: node with tag %d has %d bytes, want %d", n.Length, len(b), want)
	}
	first, err := felt.FromBytes(b[1:33])
	if err != nil {
		return Node{}, fmt.Errorf("trie: node: %w", err)
	}
	second, err := felt.FromBytes(append(make([]byte, 65-want, 32), b[33:]...))
	if err != nil {
		return Node{}, fmt.Errorf("trie: node: %w", err)
	}
	if n.Length == 0 {
		n.Left, n.Right = first, second
	} else {
		n.Child, n.Path = first, second
	}
	return n, n.check(0)
}

// check returns an error if no trie can have the node at the given depth.
func (n *Node) check(depth int) error {
	switch {
	case n.Length == 0 && (n.Left.IsZero() || n.Right.IsZero()):
		return fmt.Errorf("trie: binary node with an empty child")
	case n.Length == 0 && depth >= Height, depth+int(n.Length) > Height:
		return fmt.Errorf("trie: node at depth %d with length %d reaches below the leaves at %d", depth, n.Length, Height)
	case n.Length > 0 && n.Child.IsZero():
		return fmt.Errorf("trie: edge node with an empty child")
	case n.Length > 0 && n.Path.BitLen() > int(n.Length):
		return fmt.Errorf("trie: edge path %v does not fit in %d bits", n.Path, n.Length)
	}
	return nil
}

func pathBytes(length uint8) int { return (int(length) + 7) / 8 }

// Store is a store of encoded nodes.
type Store interface {
	// TrieNode returns the encoded node with the given hash, or nil and no error if it is not stored.
	TrieNode(hash felt.Felt) ([]byte, error)
}

// load reads a node. It returns an error if the node is not stored.
func load(s Store, hash felt.Felt) (Node, error) {
	b, err := s.TrieNode(hash)
	if err != nil {
		return Node{}, fmt.Errorf("trie: reading node %v: %w", hash, err)
	}
	if b == nil {
		return Node{}, fmt.Errorf("trie: node %v is not stored", hash)
	}
	return DecodeNode(b)
}

// Get returns the value of a key under a root, 0 if the key is absent.
func Get(s Store, root, key felt.Felt) (felt.Felt, error) {
	k, err := keyBits(key)
	if err != nil {
		return felt.Felt{}, err
	}
	hash, depth := root, 0
	for !hash.IsZero() && depth < Height {
		n, err := load(s, hash)
		if err != nil {
			return felt.Felt{}, err
		}
		hash, depth = n.step(k, depth)
	}
	return hash, nil
}

// step follows key k through node n at the given depth. It returns the hash and depth of the next node; the hash is 0 if the key is absent.
func (n *Node) step(k path, depth int) (felt.Felt, int) {
	switch {
	case n.Length == 0 && k.bit(depth) == 0:
		return n.Left, depth + 1
	case n.Length == 0:
		return n.Right, depth + 1
	case k.slice(depth, int(n.Length)) == path(n.Path.Limbs()):
		return n.Child, depth + int(n.Length)
	}
	return felt.Felt{}, Height
}

// path is a string of up to 251 bits as an integer, least significant limb first. Its length is kept separately. Bit 0 of a key is the
// most significant of its 251 bits, which selects a child of the root.
type path [4]uint64

// keyBits returns a key's path from root to leaf.
func keyBits(key felt.Felt) (path, error) {
	if n := key.BitLen(); n > Height {
		return path{}, fmt.Errorf("trie: key %v has %d bits, more than %d", key, n, Height)
	}
	return path(key.Limbs()), nil
}

// bit returns bit i of a full key.
func (p path) bit(i int) uint64 {
	i = Height - 1 - i
	return p[i/64] >> (i % 64) & 1
}

// slice returns bits [from, from+n) of a full key.
func (p path) slice(from, n int) path { return p.shiftRight(Height - from - n).low(n) }

// shiftRight returns p >> n.
func (p path) shiftRight(n int) path {
	var z path
	for i := range z {
		if j := i + n/64; j < 4 {
			z[i] = p[j] >> (n % 64)
			if n%64 != 0 && j+1 < 4 {
				z[i] |= p[j+1] << (64 - n%64)
			}
		}
	}
	return z
}

// shiftLeft returns p << n.
func (p path) shiftLeft(n int) path {
	var z path
	for i := range z {
		if j := i - n/64; j >= 0 {
			z[i] = p[j] << (n % 64)
			if n%64 != 0 && j > 0 {
				z[i] |= p[j-1] >> (64 - n%64)
			}
		}
	}
	return z
}

// low returns the lowest n bits of p.
func (p path) low(n int) path {
	for i := range p {
		switch {
		case n <= i*64:
			p[i] = 0
		case n < i*64+64:
			p[i] &= 1<<(n-i*64) - 1
		}
	}
	return p
}

// bitLen returns the number of bits up to the highest set bit, 0 for p = 0.
func (p path) bitLen() int {
	for i := 3; i >= 0; i-- {
		if p[i] != 0 {
			return i*64 + bits.Len64(p[i])
		}
	}
	return 0
}

// join returns p followed by q, which has n bits.
func (p path) join(q path, n int) path {
	z := p.shiftLeft(n)
	for i := range z {
		z[i] |= q[i]
	}
	return z
}

// common returns the length of the longest common prefix of two strings of n bits.
func common(p, q path, n int) int {
	for i := range p {
		p[i] ^= q[i]
	}
	return n - p.bitLen()
}

// less reports whether p < q as integers.
func (p path) less(q path) bool {
	for i := 3; i >= 0; i-- {
		if p[i] != q[i] {
			return p[i] < q[i]
		}
	}
	return false
}

func (p path) felt() felt.Felt { return felt.FromLimbs(p) }
