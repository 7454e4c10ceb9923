package stwo

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
)

// Upper bounds of what a proof of any claim has.
const (
	maxSamples     = 1 << 14 // values out of the domain, and the points at which lifted columns repeat
	maxConstraints = 1 << 13
	maxDegree      = 3 // of a constraint
	maxReads       = 2 // rows of one column that a constraint reads
)

// secureFieldOrder is the number of elements of the secure field.
var secureFieldOrder = new(big.Int).Exp(big.NewInt(m31.P), big.NewInt(4), nil)

// Security returns the security that the proof's parameters give: that of the queries and of the random elements of the polynomial commitments, as
// package security computes it, but at most that of the lookups. The claim must be valid.
func (p *Proof) Security() security.Bits {
	rows := 0
	for _, t := range p.Claim.Tables {
		rows = max(rows, t.LogSize)
	}
	lookups := p.lookupSecurity()
	return commitmentSecurity(p.Hash, &p.STARK.Config, rows).Least(security.Bits{Conjectured: lookups, Proven: lookups})
}

// Security returns the least security of proofs with these parameters of runs of at most this many steps, at least 2^20. The lookups bound it
// only for runs beyond 2^24 steps.
func (p *Params) Security(steps uint64) security.Bits {
	rows := max(bits.Len64(steps-1), 20)
	return commitmentSecurity(p.Hash, &p.Config, rows)
}

// commitmentSecurity returns the security of the queries and of the random elements of the polynomial commitments, for tables of at most 2^rows rows.
func commitmentSecurity(hash channel.Hash, c *pcs.Config, rows int) security.Bits {
	collisions := uint(128)
	switch hash {
	case channel.Blake2sM31:
		collisions = 124 // half of 248 bits
	case channel.Poseidon252:
		collisions = 125
	}
	return security.STARK{
		Field: secureFieldOrder, LogBlowup: uint(c.LogBlowup), LogTrace: uint(c.LogDomain(rows)) - uint(c.LogBlowup),
		Queries: uint(c.Queries), PowBits: uint(c.PowBits), LogFold: uint(c.FoldStep),
		Batch: maxSamples, Constraints: maxConstraints, Degree: maxDegree, Combo: maxReads, Collisions: collisions,
	}.Bits()
}

// lookupSecurity returns the bits of security of the lookups. A false sum of fractions is 0 for few of the challenges (z, α): the numerator over the
// common denominator is a polynomial in them, whose degree is at most the number of fractions times the length of a tuple. Each attempt costs the
// interaction's proof of work.
func (p *Proof) lookupSecurity() uint {
	fractions := uint64(2 + 2*(len(p.Claim.Public.Program)+len(p.Claim.Public.Output)+2+2*SegmentCount))
	for _, t := range p.Claim.Tables {
		fractions += uint64(len(t.Component.Lookups)) << t.LogSize
	}
	const longest = 128 // words of a tuple
	return uint(secureFieldOrder.BitLen() - 1 - bits.Len64(longest*fractions) + interactionWork)
}

// Bounds of the parameters of S-two's official verifiers, and of the pinned preprocessed roots. Within them, queries and proof-of-work bits may be added
// up to the security.
const (
	minPowBits   = 20
	maxLogBlowup = 5
)

// CheckBounds returns an error unless the proof-of-work bits and the blowup are within the official verifiers' bounds.
func (p *Proof) CheckBounds() error {
	switch c := &p.STARK.Config; {
	case c.PowBits < minPowBits || c.PowBits > channel.MaxWorkBits:
		return fmt.Errorf("%d bits of proof of work, want %d to %d", c.PowBits, minPowBits, channel.MaxWorkBits)
	case c.LogBlowup < 1 || c.LogBlowup > maxLogBlowup:
		return fmt.Errorf("blowup 2^%d, want 2 to %d", c.LogBlowup, 1<<maxLogBlowup)
	}
	return nil
}
