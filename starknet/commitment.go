package starknet

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/parallel"
)

// The commitment to a list of a block is the root of a Merkle–Patricia tree of height 64 with Poseidon. The leaf at index i is the hash of
// the i-th element. The commitment to an empty list is 0.

// commitmentHeight is the height of the trees, the number of bits of an index.
const commitmentHeight = 64

// TransactionCommitment commits to a list of transactions, given by their hashes and signatures.
func TransactionCommitment(hashes []felt.Felt, signatures [][]felt.Felt) felt.Felt {
	leaves := make([]felt.Felt, len(hashes))
	parallel.For(len(leaves), func(i int) { leaves[i] = transactionLeaf(hashes[i], signatures[i]) })
	return merkleRoot(leaves)
}

func transactionLeaf(hash felt.Felt, signature []felt.Felt) felt.Felt {
	var h poseidon.Hasher
	h.Write(hash)
	h.Write(signature...)
	return h.Sum()
}

// EventCommitment commits to all events of the receipts, in order.
func EventCommitment(receipts []Receipt) felt.Felt {
	first := make([]int, len(receipts)+1) // index of each receipt's first event
	for i := range receipts {
		first[i+1] = first[i] + len(receipts[i].Events)
	}
	leaves := make([]felt.Felt, first[len(receipts)])
	parallel.For(len(receipts), func(i int) {
		for j := range receipts[i].Events {
			leaves[first[i]+j] = receipts[i].Events[j].leaf(receipts[i].TransactionHash)
		}
	})
	return merkleRoot(leaves)
}

func (e *Event) leaf(transactionHash felt.Felt) felt.Felt {
	var h poseidon.Hasher
	h.Write(e.From, transactionHash)
	writeList(&h, e.Keys)
	writeList(&h, e.Data)
	return h.Sum()
}

// ReceiptCommitment commits to a list of receipts.
func ReceiptCommitment(receipts []Receipt) felt.Felt {
	leaves := make([]felt.Felt, len(receipts))
	parallel.For(len(leaves), func(i int) { leaves[i] = receipts[i].leaf() })
	return merkleRoot(leaves)
}

// leaf returns the hash of the receipt. The formula has 0 in place of the L2 gas.
func (r *Receipt) leaf() felt.Felt {
	reason := felt.Zero
	if r.Reverted {
		reason = keccak.Starknet([]byte(r.RevertReason))
	}
	return poseidon.HashMany(r.TransactionHash, r.ActualFee.Felt(), messagesHash(r.Messages), reason,
		felt.Zero, felt.FromUint64(r.Resources.L1Gas), felt.FromUint64(r.Resources.L1DataGas))
}

func messagesHash(messages []Message) felt.Felt {
	var h poseidon.Hasher
	h.Write(felt.FromUint64(uint64(len(messages))))
	for i := range messages {
		h.Write(messages[i].From, messages[i].To)
		writeList(&h, messages[i].Payload)
	}
	return h.Sum()
}

// writeList writes a list's length and elements.
func writeList(h *poseidon.Hasher, xs []felt.Felt) {
	h.Write(felt.FromUint64(uint64(len(xs))))
	h.Write(xs...)
}

// merkleRoot returns the root of the tree that holds leaves at indices 0, 1, 2, …
func merkleRoot(leaves []felt.Felt) felt.Felt {
	if len(leaves) == 0 {
		return felt.Zero
	}
	return subtree(leaves, commitmentHeight).hash()
}

// edge is a node of the tree: the node with hash bottom, length steps to the left below it. Indices begin at 0 without gaps, so an only
// child is always a left child and the path of every edge is 0.
type edge struct {
	bottom felt.Felt
	length uint64
}

// hash returns bottom if length is 0, else H(bottom, 0) + length.
func (e edge) hash() felt.Felt {
	if e.length == 0 {
		return e.bottom
	}
	h, length := poseidon.Hash(e.bottom, felt.Zero), felt.FromUint64(e.length)
	return *h.Add(&h, &length)
}

// parallelSubtree is the number of leaves from which the halves of a tree are hashed in parallel.
const parallelSubtree = 64

// subtree returns the node of the given height above leaves, which must not be empty.
func subtree(leaves []felt.Felt, height int) edge {
	if height == 0 {
		return edge{bottom: leaves[0]}
	}
	// No block has 2^32 elements, so a node above height 32 has a left child only.
	if height > 32 || len(leaves) <= 1<<(height-1) {
		e := subtree(leaves, height-1)
		e.length++
		return e
	}
	half := 1 << (height - 1)
	var hashes [2]felt.Felt
	child := func(i int) { hashes[i] = subtree([][]felt.Felt{leaves[:half], leaves[half:]}[i], height-1).hash() }
	if half >= parallelSubtree {
		parallel.Each(2, child)
	} else {
		child(0)
		child(1)
	}
	return edge{bottom: poseidon.Hash(hashes[0], hashes[1])}
}
