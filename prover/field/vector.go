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

// ButterflyEvaluate sets (e[i], o[i]) to (e[i] + w[i]·o[i], e[i] - w[i]·o[i]).
func ButterflyEvaluate(e, o, w []Element) {
	o, w = o[:len(e)], w[:len(e)]
	for i := range e {
		var t Element
		t.Mul(&o[i], &w[i])
		o[i].Sub(&e[i], &t)
		e[i].Add(&e[i], &t)
	}
}

// ButterflyInterpolate sets (e[i], o[i]) to (e[i] + o[i], (e[i] - o[i])·w[i]).
func ButterflyInterpolate(e, o, w []Element) {
	o, w = o[:len(e)], w[:len(e)]
	for i := range e {
		var t Element
		t.Sub(&e[i], &o[i])
		e[i].Add(&e[i], &o[i])
		o[i].Mul(&t, &w[i])
	}
}

// InnerProduct returns Σ a[i]·b[i].
func InnerProduct(a, b []Element) Element {
	b = b[:len(a)]
	var sum Element
	for i := range a {
		var t Element
		t.Mul(&a[i], &b[i])
		sum.Add(&sum, &t)
	}
	return sum
}

// RSubVec sets dst[i] = k - a[i].
func RSubVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i].Sub(k, &a[i])
	}
}

// AddMulVec sets dst[i] += a[i]·b[i].
func AddMulVec(dst, a, b []Element) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		var t Element
		t.Mul(&a[i], &b[i])
		dst[i].Add(&dst[i], &t)
	}
}
