//go:build !wasm

package pedersen

import (
	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
)

// accumulator is a sum of points, the point (x/zz, y/zzz) with zz³ = zzz². It is the point at infinity if zz is 0. The formulas are those of
// the Explicit-Formulas Database for XYZZ coordinates: madd-2008-s takes ten multiplications, one less than in Jacobian coordinates.
type accumulator struct{ x, y, zz, zzz fp.Element }

// newAccumulator returns the sum of p alone.
func newAccumulator(p *curve.G1Affine) accumulator {
	return accumulator{p.X, p.Y, fp.One(), fp.One()}
}

// add adds p, which is not the point at infinity.
func (a *accumulator) add(p *curve.G1Affine) {
	var u, s, h, r, hh, hhh, q fp.Element
	u.Mul(&p.X, &a.zz)
	s.Mul(&p.Y, &a.zzz)
	h.Sub(&u, &a.x)
	if h.IsZero() || a.zz.IsZero() { // p = ±a, or a is infinity
		a.addEqual(p)
		return
	}
	r.Sub(&s, &a.y)
	hh.Square(&h)
	hhh.Mul(&h, &hh)
	q.Mul(&a.x, &hh)
	s.Mul(&a.y, &hhh)
	a.zz.Mul(&a.zz, &hh)
	a.zzz.Mul(&a.zzz, &hhh)
	a.x.Square(&r)
	a.x.Sub(&a.x, &hhh)
	u.Double(&q)
	a.x.Sub(&a.x, &u)
	q.Sub(&q, &a.x)
	a.y.Mul(&q, &r)
	a.y.Sub(&a.y, &s)
}

// addEqual adds p in the cases that the formulas of add do not cover. No input is known that leads here.
func (a *accumulator) addEqual(p *curve.G1Affine) {
	if a.zz.IsZero() {
		*a = newAccumulator(p)
		return
	}
	var inverse fp.Element
	var sum curve.G1Affine
	inverse.Inverse(&a.zz)
	sum.X.Mul(&a.x, &inverse)
	inverse.Inverse(&a.zzz)
	sum.Y.Mul(&a.y, &inverse)
	if sum.Add(&sum, p); sum.IsInfinity() {
		*a = accumulator{}
		return
	}
	*a = newAccumulator(&sum)
}

// affineX returns the x coordinate, 0 for the point at infinity.
func (a *accumulator) affineX() felt.Felt {
	var inverse fp.Element
	inverse.Inverse(&a.zz)
	inverse.Mul(&inverse, &a.x)
	return felt.Felt(inverse)
}

// mul sets z = x·y.
func mul(z, x, y *fp.Element) { z.Mul(x, y) }

// square sets z = x².
func square(z, x *fp.Element) { z.Square(x) }
