// Package m31 implements the fields of circle STARKs over the Mersenne prime p = 2^31 - 1: the base field M31, its complex extension
// CM31 = M31[i]/(i²+1), and the secure field QM31 = CM31[u]/(u²-2-i), from which the verifier draws challenges. See Haböck, Levit and
// Papini, "Circle STARKs" (ePrint 2024/278), section 2.
//
// Elements are canonical: every M31 is below p, in arguments and in results.
package m31

import (
	"fmt"
	"math/bits"
)

// P is the modulus 2^31 - 1.
const P = 1<<31 - 1

// M31 is an element of the base field, 0 to P-1.
type M31 uint32

// New returns v modulo P.
func New(v uint64) M31 { return reduce(v) }

// reduce returns v modulo P, for any v.
func reduce(v uint64) M31 {
	v = v&P + v>>31
	v = v&P + v>>31
	if v >= P {
		v -= P
	}
	return M31(v)
}

// Add returns a + b.
func (a M31) Add(b M31) M31 {
	s := uint32(a) + uint32(b)
	return M31(min(s, s-P))
}

// Sub returns a - b.
func (a M31) Sub(b M31) M31 {
	s := uint32(a) - uint32(b)
	return M31(min(s, s+P))
}

// Neg returns -a.
func (a M31) Neg() M31 { return M31(0).Sub(a) }

// Double returns 2·a.
func (a M31) Double() M31 { return a.Add(a) }

// Mul returns a·b.
func (a M31) Mul(b M31) M31 {
	v := uint64(a) * uint64(b)
	s := uint32(v&P) + uint32(v>>31)
	return M31(min(s, s-P))
}

// Square returns a².
func (a M31) Square() M31 { return a.Mul(a) }

// Pow returns a^e.
func (a M31) Pow(e uint64) M31 {
	r := M31(1)
	for i := bits.Len64(e) - 1; i >= 0; i-- {
		r = r.Square()
		if e>>i&1 == 1 {
			r = r.Mul(a)
		}
	}
	return r
}

// Inverse returns 1/a, and 0 for 0.
func (a M31) Inverse() M31 {
	// P - 2 has 31 bits, all ones but bit 1: 29 ones, then 01. t[k] is a^(2^k - 1).
	square := func(v M31, n int) M31 {
		for range n {
			v = v.Square()
		}
		return v
	}
	t2 := square(a, 1).Mul(a)
	t4 := square(t2, 2).Mul(t2)
	t8 := square(t4, 4).Mul(t4)
	t16 := square(t8, 8).Mul(t8)
	t24 := square(t16, 8).Mul(t8)
	t28 := square(t24, 4).Mul(t4)
	t29 := square(t28, 1).Mul(a)
	return square(t29, 2).Mul(a)
}

// CM31 is the element A + B·i.
type CM31 struct{ A, B M31 }

// Add returns a + b.
func (a CM31) Add(b CM31) CM31 { return CM31{a.A.Add(b.A), a.B.Add(b.B)} }

// Sub returns a - b.
func (a CM31) Sub(b CM31) CM31 { return CM31{a.A.Sub(b.A), a.B.Sub(b.B)} }

// Neg returns -a.
func (a CM31) Neg() CM31 { return CM31{a.A.Neg(), a.B.Neg()} }

// Mul returns a·b.
func (a CM31) Mul(b CM31) CM31 {
	return CM31{a.A.Mul(b.A).Sub(a.B.Mul(b.B)), a.A.Mul(b.B).Add(a.B.Mul(b.A))}
}

// Square returns a².
func (a CM31) Square() CM31 { return a.Mul(a) }

// Scale returns a·k.
func (a CM31) Scale(k M31) CM31 { return CM31{a.A.Mul(k), a.B.Mul(k)} }

// Inverse returns 1/a, and 0 for 0.
func (a CM31) Inverse() CM31 {
	n := a.A.Square().Add(a.B.Square()).Inverse()
	return CM31{a.A.Mul(n), a.B.Neg().Mul(n)}
}

// mulR returns a·(2+i), the square of u.
func (a CM31) mulR() CM31 {
	return CM31{a.A.Double().Sub(a.B), a.B.Double().Add(a.A)}
}

// QM31 is the element A + B·u. Its four coordinates over M31, in the order of columns and of serialised forms, are A.A, A.B, B.A, B.B.
type QM31 struct{ A, B CM31 }

// NewQM31 returns the element with the given coordinates.
func NewQM31(a, b, c, d M31) QM31 { return QM31{CM31{a, b}, CM31{c, d}} }

// FromM31 returns the base field element a in QM31.
func FromM31(a M31) QM31 { return QM31{A: CM31{A: a}} }

// Coordinates returns the four coordinates over M31.
func (a QM31) Coordinates() [4]M31 { return [4]M31{a.A.A, a.A.B, a.B.A, a.B.B} }

// String returns the coordinates, as in (1, 2, 3, 4).
func (a QM31) String() string { return fmt.Sprintf("(%d, %d, %d, %d)", a.A.A, a.A.B, a.B.A, a.B.B) }

// IsZero reports whether a is 0.
func (a QM31) IsZero() bool { return a == QM31{} }

// Add returns a + b.
func (a QM31) Add(b QM31) QM31 { return QM31{a.A.Add(b.A), a.B.Add(b.B)} }

// Sub returns a - b.
func (a QM31) Sub(b QM31) QM31 { return QM31{a.A.Sub(b.A), a.B.Sub(b.B)} }

// Neg returns -a.
func (a QM31) Neg() QM31 { return QM31{a.A.Neg(), a.B.Neg()} }

// Double returns 2·a.
func (a QM31) Double() QM31 { return a.Add(a) }

// Mul returns a·b.
func (a QM31) Mul(b QM31) QM31 {
	// Karatsuba over CM31: the middle coefficient is (a.A+a.B)(b.A+b.B) - a.A·b.A - a.B·b.B.
	lo, hi := a.A.Mul(b.A), a.B.Mul(b.B)
	mid := a.A.Add(a.B).Mul(b.A.Add(b.B)).Sub(lo).Sub(hi)
	return QM31{lo.Add(hi.mulR()), mid}
}

// Square returns a².
func (a QM31) Square() QM31 { return a.Mul(a) }

// Scale returns a·k for k in the base field.
func (a QM31) Scale(k M31) QM31 { return QM31{a.A.Scale(k), a.B.Scale(k)} }

// ScaleCM31 returns a·k for k in CM31.
func (a QM31) ScaleCM31(k CM31) QM31 { return QM31{a.A.Mul(k), a.B.Mul(k)} }

// Conjugate returns the image of a under u -> -u.
func (a QM31) Conjugate() QM31 { return QM31{a.A, a.B.Neg()} }

// Inverse returns 1/a, and 0 for 0.
func (a QM31) Inverse() QM31 {
	n := a.A.Square().Sub(a.B.Square().mulR()).Inverse()
	return QM31{a.A.Mul(n), a.B.Neg().Mul(n)}
}

// Pow returns a^e.
func (a QM31) Pow(e uint64) QM31 {
	r := FromM31(1)
	for i := bits.Len64(e) - 1; i >= 0; i-- {
		r = r.Square()
		if e>>i&1 == 1 {
			r = r.Mul(a)
		}
	}
	return r
}

// AllZero reports whether all elements are 0.
func AllZero(list []M31) bool {
	for _, v := range list {
		if v != 0 {
			return false
		}
	}
	return true
}
