// Package circle implements the circle group over M31, its domains, and polynomials on them.
//
// The points (x, y) with x²+y² = 1 over M31 form a cyclic group of order 2^31, whose generator is (2, 1268011823). The product of two points is
// that of the complex numbers x+iy; the package writes the group additively. A polynomial in x and y, modulo x²+y² = 1, is given by its 2^n
// coefficients in the basis of the circle FFT, or by its values on the canonic domain of size 2^n: the points of odd index among the 2^(n+1)
// multiples of a point of order 2^(n+1). Values are always in storage order: cell i holds the value at the domain point whose number is i with
// its n bits reversed. See Haböck, Levit and Papini, "Circle STARKs" (ePrint 2024/278), sections 3 and 4.
package circle

import (
	"sync"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// field is one of the two fields over which points are used.
type field[F any] interface {
	m31.M31 | m31.QM31
	Add(F) F
	Sub(F) F
	Mul(F) F
	Neg() F
	Double() F
	Square() F
	Inverse() F
}

// one returns the 1 of the field.
func one[F field[F]]() (f F) {
	switch p := any(&f).(type) {
	case *m31.M31:
		*p = 1
	case *m31.QM31:
		*p = m31.FromM31(1)
	}
	return f
}

// Point is a point of the circle x²+y² = 1.
type Point[F field[F]] struct{ X, Y F }

// zero returns the neutral element (1, 0).
func zero[F field[F]]() Point[F] { return Point[F]{X: one[F]()} }

// Add returns p + q.
func (p Point[F]) Add(q Point[F]) Point[F] {
	return Point[F]{p.X.Mul(q.X).Sub(p.Y.Mul(q.Y)), p.X.Mul(q.Y).Add(p.Y.Mul(q.X))}
}

// Sub returns p - q.
func (p Point[F]) Sub(q Point[F]) Point[F] { return p.Add(q.Conjugate()) }

// Double returns p + p.
func (p Point[F]) Double() Point[F] {
	return Point[F]{doubleX(p.X), p.X.Mul(p.Y).Double()}
}

// DoubleN returns 2^n·p.
func (p Point[F]) DoubleN(n int) Point[F] {
	for range n {
		p = p.Double()
	}
	return p
}

// Mul returns k·p.
func (p Point[F]) Mul(k uint64) Point[F] {
	r := zero[F]()
	for ; k > 0; k >>= 1 {
		if k&1 == 1 {
			r = r.Add(p)
		}
		p = p.Double()
	}
	return r
}

// Conjugate returns (x, -y), which is -p.
func (p Point[F]) Conjugate() Point[F] { return Point[F]{p.X, p.Y.Neg()} }

// doubleX returns π(x) = 2x²-1, the x coordinate of 2·p for a point p with the given x coordinate.
func doubleX[F field[F]](x F) F { return x.Square().Double().Sub(one[F]()) }

// Secure returns p as a point over QM31.
func Secure(p Point[m31.M31]) Point[m31.QM31] {
	return Point[m31.QM31]{X: m31.FromM31(p.X), Y: m31.FromM31(p.Y)}
}

// RandomPoint returns the point ((1-t²)/(1+t²), 2t/(1+t²)). If t is uniform, the result is a uniform point but one. t must not be a root of
// 1+t² (there are two in QM31).
func RandomPoint(t m31.QM31) Point[m31.QM31] {
	square := t.Square()
	inverse := one[m31.QM31]().Add(square).Inverse()
	return Point[m31.QM31]{X: one[m31.QM31]().Sub(square).Mul(inverse), Y: t.Double().Mul(inverse)}
}

// logOrder is log2 of the order of the group over M31.
const logOrder = 31

// generator generates the circle group over M31.
var generator = Point[m31.M31]{X: 2, Y: 1268011823}

// Index stands for the point Index·generator. It counts modulo 2^31.
type Index uint32

// subgroup returns the index of the generator of the subgroup of order 2^log.
func subgroup(log int) Index { return 1 << (logOrder - log) }

// multiples holds the multiples j·16^k of the generator, for digits j of 4 bits and the 8 places k of an index.
var multiples = sync.OnceValue(func() *[8][16]Point[m31.M31] {
	var t [8][16]Point[m31.M31]
	base := generator
	for k := range t {
		sum := zero[m31.M31]()
		for j := range t[k] {
			t[k][j], sum = sum, sum.Add(base)
		}
		base = sum
	}
	return &t
})

// Point returns the point of index i.
func (i Index) Point() Point[m31.M31] {
	t := multiples()
	p := t[0][i&15]
	for k := 1; k < len(t); k++ {
		q := &t[k][i>>(4*k)&15]
		p = Point[m31.M31]{p.X.Mul(q.X).Sub(p.Y.Mul(q.Y)), p.X.Mul(q.Y).Add(p.Y.Mul(q.X))}
	}
	return p
}

// Neg returns the index of the conjugate point.
func (i Index) Neg() Index { return (-i).reduce() }

func (i Index) reduce() Index { return i & (1<<logOrder - 1) }
