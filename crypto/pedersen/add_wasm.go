package pedersen

import (
	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
)

// accumulator is a sum of points.
type accumulator struct{ curve.G1Jac }

// newAccumulator returns the sum of p alone.
func newAccumulator(p *curve.G1Affine) (a accumulator) {
	a.FromAffine(p)
	return a
}

// add adds p.
func (a *accumulator) add(p *curve.G1Affine) { addMixedLimbs(&a.G1Jac, p) }

// affineX returns the x coordinate, 0 for the point at infinity.
func (a *accumulator) affineX() felt.Felt {
	var inverse fp.Element
	inverse.Inverse(&a.Z)
	squareLimbs(&inverse, &inverse)
	mulLimbs(&inverse, &inverse, &a.X)
	return felt.Felt(inverse)
}

// mul sets z = x·y.
func mul(z, x, y *fp.Element) { mulLimbs(z, x, y) }

// square sets z = x².
func square(z, x *fp.Element) { squareLimbs(z, x) }
