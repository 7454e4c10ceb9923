package stone

import (
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Bounds on the number of constraints and on the cells of the mask of every layout.
const (
	maxConstraints = 1 << 10
	maxMask        = 1 << 10
)

// Security returns the security of a proof of a run with this many Cairo steps.
func (p *Parameters) Security(steps uint64) security.Bits {
	logTrace := uint(4) // log2 of rows per step
	if steps > 1 {
		logTrace += uint(bits.Len64(steps - 1))
	}
	fold := uint(0)
	for _, step := range p.FRISteps {
		fold = max(fold, step)
	}
	return security.STARK{
		Field: felt.Modulus(), LogBlowup: p.LogBlowup, LogTrace: logTrace,
		Queries: uint(max(p.Queries, 0)), PowBits: min(p.PowBits, transcript.MaxPowBits), LogFold: fold,
		Batch: maxMask + 2, Constraints: maxConstraints, Degree: 2, Combo: maxMask, Collisions: p.collisionBits(),
	}.Bits()
}

// collisionBits returns the collision resistance in bits of the weakest hash that a proof uses.
func (p *Parameters) collisionBits() uint {
	least := min(collisionBits(p.Commitment), collisionBits(p.Channel))
	if p.FriendlyLayers > 0 || p.FriendlyUpdates {
		least = min(least, collisionBits(p.Friendly))
	}
	return least
}

func collisionBits(h transcript.Hash) uint {
	base, from, to := h.Base()
	if base.Algebraic() {
		return 125 // half of 251 bits of output
	}
	return uint(to-from) * 8 / 2
}
