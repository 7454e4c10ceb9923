package stwo

import (
	"math/bits"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Proof is a proof that a Cairo program ran.
type Proof struct {
	Hash             channel.Hash // of the channel and of the trees
	Claim            Claim
	InteractionNonce uint64     // proof of work before the challenges of the lookups
	Sums             []m31.QM31 // claimed sum of the lookups of each table of the claim
	Parameters       Parameters
	STARK            STARK
	Salt             uint32 // is mixed first
	Preprocessed     Variant
}

// STARK holds the prover's messages after the claim.
type STARK struct {
	Commitments   []channel.Digest   // roots of the trees: preprocessed, base and interaction columns, composition
	Sampled       [][][]m31.QM31     // values of each column of each tree at the sample points
	Decommitments [][]channel.Digest // of each tree
	Queried       [][][]m31.M31      // values of each column of each tree at the queries
	Nonce         uint64             // proof of work before the queries
	FRI           FRI
}

// FRI holds the messages of the low-degree test.
type FRI struct {
	First Layer
	Inner []Layer
	Last  []m31.QM31 // coefficients
}

// Layer is a layer of FRI.
type Layer struct {
	Witness      []m31.QM31
	Decommitment []channel.Digest
	Commitment   channel.Digest
}

// log2 returns the largest k with 2^k ≤ n, and 0 for 0.
func log2(n int) uint64 { return uint64(max(bits.Len(uint(n)), 1) - 1) }
