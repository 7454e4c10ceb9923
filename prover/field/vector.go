package field

import "github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

// The vector operations work element by element on slices of equal length; dst may be one of the operands, but may not
// overlap one otherwise.

// AddVec sets dst[i] = a[i] + b[i].
func AddVec(dst, a, b []Element) { v := fp.Vector(dst); v.Add(a, b) }

// SubVec sets dst[i] = a[i] - b[i].
func SubVec(dst, a, b []Element) { v := fp.Vector(dst); v.Sub(a, b) }

// MulVec sets dst[i] = a[i]·b[i].
func MulVec(dst, a, b []Element) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i].Mul(&a[i], &b[i])
	}
}

// ScaleVec sets dst[i] = a[i]·k.
func ScaleVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i].Mul(&a[i], k)
	}
}

// ShiftVec sets dst[i] = a[i] + k.
func ShiftVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i].Add(&a[i], k)
	}
}

// MulAddVec sets dst[i] += a[i]·k.
func MulAddVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	for i := range dst {
		var t Element
		t.Mul(&a[i], k)
		dst[i].Add(&dst[i], &t)
	}
}
