package stwo

import (
	"math/bits"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// Proof is a proof that a Cairo program ran.
type Proof struct {
	Hash             channel.Hash // of the channel and of the trees
	Claim            Claim
	InteractionNonce uint64     // proof of work before the challenges of the lookups
	Sums             []m31.QM31 // claimed sum of the lookups of each table of the claim
	STARK            pcs.Proof
	Salt             uint32 // is mixed first
	Preprocessed     preprocessed.Variant
}

// log2 returns the largest k with 2^k ≤ n, and 0 for 0.
func log2(n int) uint64 { return uint64(max(bits.Len(uint(n)), 1) - 1) }
