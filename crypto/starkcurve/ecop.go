package starkcurve

import (
	"sync"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
)

// jacobian is the curve point (x/z², y/z³).
type jacobian struct{ x, y, z felt.Felt }

// ECOp returns p + m·q, computed by double-and-add as in the EC operation builtin. It returns false if a partial sum and a doubled point have
// the same x coordinate, for which the builtin has no result.
func ECOp(p, q Point, m felt.Felt) (Point, bool) {
	if q == Generator {
		return doubledGenerator().ECOp(p, m)
	}
	return ecOp(p, q, m)
}

func ecOp(p, q Point, m felt.Felt) (Point, bool) {
	sum, dbl := jacobian{p.X, p.Y, felt.One}, jacobian{q.X, q.Y, felt.One}
	bits := m.Limbs()
	for i := range m.BitLen() {
		var sz, dz, u1, u2 felt.Felt
		sz.Square(&sum.z)
		dz.Square(&dbl.z)
		u1.Mul(&sum.x, &dz)
		u2.Mul(&dbl.x, &sz)
		if u1 == u2 {
			return Point{}, false
		}
		if bits[i/64]>>(i%64)&1 == 1 {
			sum = addJacobian(&sum, &dbl, &sz, &dz, &u1, &u2)
		}
		dbl = doubleJacobian(&dbl)
	}
	return sum.affine(), true
}

// Doubled is a point doubled 0 to 251 times: Doubled[i] is 2^i·q. It makes repeated multiplication of the same point faster.
type Doubled [252]Point

// NewDoubled returns the doublings of q, which must be on the curve and not infinity. It costs about as much as an ECOp.
func NewDoubled(q Point) *Doubled {
	var points [len(Doubled{})]jacobian
	var z [len(Doubled{})]fp.Element
	points[0] = jacobian{q.X, q.Y, felt.One}
	z[0].SetOne()
	for i := range len(points) - 1 {
		points[i+1] = doubleJacobian(&points[i])
		z[i+1] = fp.Element(points[i+1].z)
	}
	d := new(Doubled)
	for i, zi := range fp.BatchInvert(z[:]) {
		d[i] = points[i].over((*felt.Felt)(&zi))
	}
	return d
}

// doubledGenerator holds the doublings of Generator, which every check of a signature uses.
var doubledGenerator = sync.OnceValue(func() *Doubled { return NewDoubled(Generator) })

// ECOp returns p + m·q for the doubled point q, like the function ECOp.
func (d *Doubled) ECOp(p Point, m felt.Felt) (Point, bool) {
	sum, sz := jacobian{p.X, p.Y, felt.One}, felt.One
	bits := m.Limbs()
	for i := range m.BitLen() {
		var x felt.Felt
		x.Mul(&d[i].X, &sz)
		if x == sum.x {
			return Point{}, false
		}
		if bits[i/64]>>(i%64)&1 == 1 {
			dbl := jacobian{d[i].X, d[i].Y, felt.One}
			sum = addJacobian(&sum, &dbl, &sz, &felt.One, &sum.x, &x)
			sz.Square(&sum.z)
		}
	}
	return sum.affine(), true
}

func (p *jacobian) affine() Point {
	var zi felt.Felt
	zi.Inverse(&p.z)
	return p.over(&zi)
}

// over returns p in affine coordinates, given zi = 1/z.
func (p *jacobian) over(zi *felt.Felt) Point {
	var zi2, x, y felt.Felt
	zi2.Square(zi)
	x.Mul(&p.x, &zi2)
	zi2.Mul(&zi2, zi)
	y.Mul(&p.y, &zi2)
	return Point{X: x, Y: y}
}

// addJacobian returns p + q for points with different x coordinates. The caller passes the z² of both points, u1 = p.x·qz2 and u2 = q.x·pz2.
func addJacobian(p, q *jacobian, pz2, qz2, u1, u2 *felt.Felt) jacobian {
	var s1, s2, h, h2, h3, r, v, x, y, z felt.Felt
	s1.Mul(&q.z, qz2)
	s1.Mul(&s1, &p.y)
	s2.Mul(&p.z, pz2)
	s2.Mul(&s2, &q.y)
	h.Sub(u2, u1)
	r.Sub(&s2, &s1)
	h2.Square(&h)
	h3.Mul(&h2, &h)
	v.Mul(u1, &h2)
	x.Square(&r)
	x.Sub(&x, &h3)
	x.Sub(&x, &v)
	x.Sub(&x, &v)
	y.Sub(&v, &x)
	y.Mul(&y, &r)
	s1.Mul(&s1, &h3)
	y.Sub(&y, &s1)
	z.Mul(&p.z, &q.z)
	z.Mul(&z, &h)
	return jacobian{x, y, z}
}

// doubleJacobian returns 2p on y² = x³ + x + b (a = 1).
func doubleJacobian(p *jacobian) jacobian {
	var xx, yy, yyyy, zz, s, m, t, x, y, z felt.Felt
	xx.Square(&p.x)
	yy.Square(&p.y)
	yyyy.Square(&yy)
	zz.Square(&p.z)
	s.Mul(&p.x, &yy)
	s.Double(&s)
	s.Double(&s)
	m.Double(&xx)
	m.Add(&m, &xx)
	t.Square(&zz)
	m.Add(&m, &t)
	x.Square(&m)
	x.Sub(&x, &s)
	x.Sub(&x, &s)
	y.Sub(&s, &x)
	y.Mul(&y, &m)
	yyyy.Double(&yyyy)
	yyyy.Double(&yyyy)
	yyyy.Double(&yyyy)
	y.Sub(&y, &yyyy)
	z.Mul(&p.y, &p.z)
	z.Double(&z)
	return jacobian{x, y, z}
}

// blindingBase is the x coordinate from which blinding searches for points.
var blindingBase = felt.FromShortString("blinding points of EC states")

// Blinding returns the n-th blinding point of a run. A run starts its sums of points from blinding points, so that no sum is the point at
// infinity by chance. The official machines draw them at random. The results of a run do not depend on the points, unless a program is
// made to hit one. All nodes must fail alike on such a program, so the points are fixed here.
func Blinding(n uint64) Point {
	if first := firstBlindings(); n < uint64(len(first)) {
		return first[n]
	}
	return blinding(n)
}

// firstBlindings are the first eight blinding points, which are enough for nearly all runs.
var firstBlindings = sync.OnceValue(func() (points [8]Point) {
	for n := range points {
		points[n] = blinding(uint64(n))
	}
	return points
})

func blinding(n uint64) Point {
	x := felt.FromUint64(n)
	x.Mul(&x, &Generator.X)
	x.Add(&x, &blindingBase)
	for {
		if y, ok := YFromX(x); ok {
			return Point{X: x, Y: y}
		}
		x.Add(&x, &felt.One)
	}
}
