// Package starkcurve implements the STARK curve y² = x³ + x + β over the Cairo field, its group of prime order, Starknet's ECDSA on it, and
// the EC operation of Cairo's builtin. Source: https://docs.starkware.co/starkex/crypto/stark-curve.html; ECDSA nonces follow RFC 6979
// with SHA-256.
package starkcurve

import (
	"math/big"

	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
)

var (
	// Alpha and Beta are the curve's coefficients: y² = x³ + Alpha·x + Beta.
	Alpha = felt.One
	Beta  = felt.MustHex("0x6f21413efbe40de150e596d72f7a8c5609ad26c15c915c1f4cdfcb99cee9e89")
	// Generator is the base point G of the signature scheme.
	Generator = Point{
		X: felt.MustHex("0x1ef15c18599971b7beced415a40f0c7deacfd9b0d1819e03d723d8bc943cfca"),
		Y: felt.MustHex("0x5668060aa49730b7be4801df46ec62de53ecd11abe43a32873000c36e8dc1f"),
	}

	order, _ = new(big.Int).SetString("800000000000010ffffffffffffffffb781126dcae7b2321e66a241adc64d2f", 16)
)

// Order returns the number of points of the curve, a prime, as a new integer.
func Order() *big.Int { return new(big.Int).Set(order) }

// Point is a point of the curve in affine coordinates. X and Y are zero if Infinity is set.
type Point struct {
	X, Y     felt.Felt
	Infinity bool
}

func (p *Point) affine() curve.G1Affine {
	if p.Infinity {
		return curve.G1Affine{}
	}
	return curve.G1Affine{X: fp.Element(p.X), Y: fp.Element(p.Y)}
}

func fromAffine(a *curve.G1Affine) Point {
	if a.IsInfinity() {
		return Point{Infinity: true}
	}
	return Point{X: felt.Felt(a.X), Y: felt.Felt(a.Y)}
}

// Add returns p + q. Either may be infinity, and p may equal q or -q.
func (p Point) Add(q Point) Point {
	a, b := p.affine(), q.affine()
	var sum curve.G1Affine
	return fromAffine(sum.Add(&a, &b))
}

// Double returns 2p.
func (p Point) Double() Point { return p.Add(p) }

// Neg returns -p.
func (p Point) Neg() Point {
	if !p.Infinity {
		p.Y.Neg(&p.Y)
	}
	return p
}

// ScalarMul returns k·p for k of any size and sign.
func (p Point) ScalarMul(k *big.Int) Point {
	a := p.affine()
	var r curve.G1Affine
	return fromAffine(r.ScalarMultiplication(&a, new(big.Int).Mod(k, order)))
}

// IsOnCurve reports whether p is infinity or satisfies the curve's equation.
func IsOnCurve(p Point) bool {
	if p.Infinity {
		return true
	}
	rhs := rightHandSide(&p.X)
	var lhs felt.Felt
	lhs.Square(&p.Y)
	return lhs == rhs
}

// YFromX returns a y with (x, y) on the curve, and whether one exists. It is unspecified which of the two roots is returned, but it is always
// the same.
func YFromX(x felt.Felt) (felt.Felt, bool) {
	rhs := rightHandSide(&x)
	var y felt.Felt
	ok := y.Sqrt(&rhs)
	return y, ok
}

func rightHandSide(x *felt.Felt) felt.Felt {
	var r felt.Felt
	r.Square(x)
	r.Add(&r, &Alpha)
	r.Mul(&r, x)
	r.Add(&r, &Beta)
	return r
}
