package field

import (
	"math/bits"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// The vector operations work element by element on slices of equal length; dst may be one of the operands, but may not
// overlap one otherwise. On CPUs that have them they use the kernels of kernels_amd64.s for multiples of eight elements,
// and otherwise, and for the rest, scalar code.

// AddVec sets dst[i] = a[i] + b[i].
func AddVec(dst, a, b []Element) { v := fp.Vector(dst); v.Add(a, b) }

// SubVec sets dst[i] = a[i] - b[i].
func SubVec(dst, a, b []Element) { v := fp.Vector(dst); v.Sub(a, b) }

// MulVec sets dst[i] = a[i]·b[i].
func MulVec(dst, a, b []Element) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := blocks(len(dst))
	if n > 0 {
		mulVec(words(dst), words(a), words(b), n)
	}
	for i := n * lanes; i < len(dst); i++ {
		dst[i].Mul(&a[i], &b[i])
	}
}

// ScaleVec sets dst[i] = a[i]·k.
func ScaleVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	n := blocks(len(dst))
	if n > 0 {
		scaleVec(words(dst), words(a), (*[4]uint64)(k), n)
	}
	for i := n * lanes; i < len(dst); i++ {
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

// RSubVec sets dst[i] = k - a[i].
func RSubVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i].Sub(k, &a[i])
	}
}

// MulAddVec sets dst[i] += a[i]·k.
func MulAddVec(dst, a []Element, k *Element) {
	a = a[:len(dst)]
	n := blocks(len(dst))
	if n > 0 {
		mulAddVec(words(dst), words(a), (*[4]uint64)(k), n)
	}
	for i := n * lanes; i < len(dst); i++ {
		var t Element
		t.Mul(&a[i], k)
		dst[i].Add(&dst[i], &t)
	}
}

// AddMulVec sets dst[i] += a[i]·b[i].
func AddMulVec(dst, a, b []Element) {
	a, b = a[:len(dst)], b[:len(dst)]
	n := blocks(len(dst))
	if n > 0 {
		addMulVec(words(dst), words(a), words(b), n)
	}
	for i := n * lanes; i < len(dst); i++ {
		var t Element
		t.Mul(&a[i], &b[i])
		dst[i].Add(&dst[i], &t)
	}
}

// ButterflyEvaluate sets (e[i], o[i]) to (e[i] + w[i]·o[i], e[i] - w[i]·o[i]).
func ButterflyEvaluate(e, o, w []Element) {
	o, w = o[:len(e)], w[:len(e)]
	n := blocks(len(e))
	if n > 0 {
		butterflyEvaluate(words(e), words(o), words(w), n)
	}
	for i := n * lanes; i < len(e); i++ {
		butterflyEvaluateOne(&e[i], &o[i], &w[i])
	}
}

// ButterflyInterpolate sets (e[i], o[i]) to (e[i] + o[i], (e[i] - o[i])·w[i]).
func ButterflyInterpolate(e, o, w []Element) {
	o, w = o[:len(e)], w[:len(e)]
	n := blocks(len(e))
	if n > 0 {
		butterflyInterpolate(words(e), words(o), words(w), n)
	}
	for i := n * lanes; i < len(e); i++ {
		butterflyInterpolateOne(&e[i], &o[i], &w[i])
	}
}

// SmallEvaluate runs the butterflies of the transforms of 2, 4 and 8 elements on consecutive groups of eight. w holds their
// twiddles: w[k][j] for the transform of 2^(k+1).
func SmallEvaluate(a []Element, w [][]Element) {
	n := len(a) / (lanes * lanes)
	if !vectorKernels {
		n = 0
	}
	rest := a[n*lanes*lanes:]
	for k := range smallLog {
		for i := 0; i < lanes; i += 2 << k {
			for j := range 1 << k {
				if n > 0 {
					butterflyEvaluateStrided(words(a[i+j:]), words(a[i+j+1<<k:]), words(w[k][j:]), n)
				}
				for g := 0; g < len(rest); g += lanes {
					butterflyEvaluateOne(&rest[g+i+j], &rest[g+i+j+1<<k], &w[k][j])
				}
			}
		}
	}
}

// SmallInterpolate undoes SmallEvaluate, up to the factor 8, when w holds the inverse twiddles.
func SmallInterpolate(a []Element, w [][]Element) {
	n := len(a) / (lanes * lanes)
	if !vectorKernels {
		n = 0
	}
	rest := a[n*lanes*lanes:]
	for k := smallLog - 1; k >= 0; k-- {
		for i := 0; i < lanes; i += 2 << k {
			for j := range 1 << k {
				if n > 0 {
					butterflyInterpolateStrided(words(a[i+j:]), words(a[i+j+1<<k:]), words(w[k][j:]), n)
				}
				for g := 0; g < len(rest); g += lanes {
					butterflyInterpolateOne(&rest[g+i+j], &rest[g+i+j+1<<k], &w[k][j])
				}
			}
		}
	}
}

// smallLog is log2 of the largest transform of SmallEvaluate.
const smallLog = 3

func butterflyEvaluateOne(e, o, w *Element) {
	var t Element
	t.Mul(o, w)
	o.Sub(e, &t)
	e.Add(e, &t)
}

func butterflyInterpolateOne(e, o, w *Element) {
	var t Element
	t.Sub(e, o)
	e.Add(e, o)
	o.Mul(&t, w)
}

// innerBlocks is how many products of 260-bit limbs a lane of the kernel can sum without overflow.
const innerBlocks = 256

// InnerProduct returns Σ a[i]·b[i].
func InnerProduct(a, b []Element) Element {
	b = b[:len(a)]
	var sum Element
	for vectorKernels && len(a) >= lanes {
		n := min(len(a)/lanes, innerBlocks)
		var sums [80]uint64
		innerProduct(&sums, words(a), words(b), n)
		for k := range 10 {
			var lo, hi uint64
			for _, v := range sums[8*k : 8*k+8] {
				var c uint64
				lo, c = bits.Add64(lo, v, 0)
				hi += c
			}
			t := Element{lo, hi}
			t.Mul(&t, &limbWeights()[k])
			sum.Add(&sum, &t)
		}
		a, b = a[n*lanes:], b[n*lanes:]
	}
	for i := range a {
		var t Element
		t.Mul(&a[i], &b[i])
		sum.Add(&sum, &t)
	}
	return sum
}

// limbWeights[k] has the word 2^(52k) mod p: multiplying a word by it, with the Montgomery reduction, puts limb k of a
// product of words in its place.
var limbWeights = sync.OnceValue(func() *[10]Element {
	w := &[10]Element{{1}}
	shift := New(1 << 52)
	for k := 1; k < len(w); k++ {
		w[k].Mul(&w[k-1], &shift)
	}
	return w
})

// HashWords sets dst[k][i] to bytes 4k to 4k+3, as a little-endian word, of the big-endian Montgomery form of a[i]: the
// words of a hash that works on sixteen messages side by side. a has sixteen elements.
func HashWords(dst *[8][16]uint32, a []Element) {
	a = a[:16]
	if vectorKernels {
		hashWords(dst, words(a))
		return
	}
	for i := range a {
		for k := range 4 {
			dst[2*k][i] = bits.ReverseBytes32(uint32(a[i][3-k] >> 32))
			dst[2*k+1][i] = bits.ReverseBytes32(uint32(a[i][3-k]))
		}
	}
}

// lanes is how many elements a kernel handles at once.
const lanes = 8

// blocks returns how many blocks of n elements the kernels take.
func blocks(n int) int {
	if !vectorKernels {
		return 0
	}
	return n / lanes
}

func words(a []Element) *[4]uint64 { return (*[4]uint64)(&a[0]) }
