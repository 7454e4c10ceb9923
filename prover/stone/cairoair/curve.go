package cairoair

import (
	"sync"

	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/stone/field"
)

// point is an affine point of the STARK curve. It is never the point at infinity.
type point struct{ x, y field.Element }

func newPoint(p *starkcurve.Point) point { return point{field.Element(p.X), field.Element(p.Y)} }

var (
	curveAlpha, curveBeta = field.Element(starkcurve.Alpha), field.Element(starkcurve.Beta)
	generatorPoint        = newPoint(&starkcurve.Generator)

	// shiftPoint is the constant point P0 of the Pedersen hash.
	shiftPoint = newPoint(&pedersen.Shift)
)

// pedersenLowBits is the number of bits of an input that select multiples of its first base.
const pedersenLowBits = 248

// pedersenPoints returns, for each input, the points that its bits select.
var pedersenPoints = sync.OnceValue(func() [][]point {
	var lists [][]point
	for i := range pedersen.Bases {
		bases := &pedersen.Bases[i]
		low := doublings(newPoint(&bases[0]), pedersenLowBits)
		lists = append(lists, append(low, doublings(newPoint(&bases[1]), pedersenBits-pedersenLowBits)...))
	}
	return lists
})

// doublings returns p, 2p, 4p, …, 2^(n-1)·p.
func doublings(p point, n int) []point {
	out := make([]point, n)
	for i := range out {
		out[i] = p
		if i+1 < n {
			p, _ = p.double()
		}
	}
	return out
}

// double returns 2p and the slope of the tangent at p.
func (p point) double() (point, field.Element) {
	var slope, den field.Element
	slope.Square(&p.x)
	den.Double(&slope)
	slope.Add(&slope, &den).Add(&slope, &curveAlpha)
	den.Double(&p.y)
	den.Inverse(&den)
	slope.Mul(&slope, &den)
	return p.through(p, slope), slope
}

// add returns p + q and the slope of the line through them. Their x coordinates must differ.
func (p point) add(q point) (point, field.Element) {
	var slope, den field.Element
	den.Sub(&p.x, &q.x)
	den.Inverse(&den)
	slope.Sub(&p.y, &q.y)
	slope.Mul(&slope, &den)
	return p.through(q, slope), slope
}

// through returns the sum of p and q, given the slope of the line through them.
func (p point) through(q point, slope field.Element) (sum point) {
	sum.x.Square(&slope)
	sum.x.Sub(&sum.x, &p.x).Sub(&sum.x, &q.x)
	sum.y.Sub(&p.x, &sum.x)
	sum.y.Mul(&sum.y, &slope).Sub(&sum.y, &p.y)
	return sum
}

// neg returns -p.
func (p point) neg() point {
	p.y.Neg(&p.y)
	return p
}
