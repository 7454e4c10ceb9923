package field

import (
	"math/bits"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// The vector operations work element by element on slices of equal length. dst may be one of the operands but may not overlap
// one otherwise. If the CPU supports the kernels of kernels_amd64.s, they handle whole blocks of eight elements. Scalar code
// handles the other elements.

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

// The transforms work in layers. Between layers, elements may be lazily reduced: congruent to their value modulo p, but not
// below p. Only the functions in this section accept and return lazily reduced elements. Elements remain reduced if vectors are
// shorter than required, or without kernels.

// LazyLog is log2 of the smallest transform whose layers may be lazily reduced. Its halves are one block of SmallEvaluate.
const LazyLog = 7

// EvaluateLayer sets (e[i], o[i]) to (e[i] + w[i]·o[i], e[i] - w[i]·o[i]), reduced. The number of elements must be a multiple
// of eight if they are lazily reduced.
func EvaluateLayer(e, o, w []Element) {
	o, w = o[:len(e)], w[:len(e)]
	n := blocks(len(e))
	if n > 0 {
		butterflyEvaluate(words(e), words(o), words(w), n)
	}
	for i := n * lanes; i < len(e); i++ {
		butterflyEvaluateOne(&e[i], &o[i], &w[i])
	}
}

// LazyEvaluateLayer does the same as EvaluateLayer with lazily reduced results. The number of elements must be a multiple of eight.
func LazyEvaluateLayer(e, o, w []Element) {
	if n := wholeBlocks(len(e)); n > 0 {
		evaluateLazy(words(e), words(o[:len(e)]), words(w[:len(e)]), n)
		return
	}
	EvaluateLayer(e, o, w)
}

// LazyEvaluateLayers runs two layers on the four quarters of a, with lazily reduced results: on quarters 0 and 1, and 2 and 3,
// with w; then on 0 and 2 with the first half of v, and on 1 and 3 with the second half. The length of a quarter must be a
// multiple of eight.
func LazyEvaluateLayers(a, w, v []Element) {
	h := len(a) / 4
	LazyEvaluateQuarters(a, h, w[:h], v[:2*h], 0, h)
}

// LazyEvaluateQuarters runs LazyEvaluateLayers on the elements from start to end of each quarter. h is the length of a quarter.
func LazyEvaluateQuarters(a []Element, h int, w, v []Element, start, end int) {
	if n := wholeBlocks(end - start); n > 0 {
		_, _, _ = a[3*h+end-1], w[end-1], v[h+end-1]
		evaluateLazy4(words(a[start:]), h*Bytes, words(w[start:]), words(v[start:]), n)
		return
	}
	quarter := func(k int) []Element { return a[k*h+start : k*h+end] }
	EvaluateLayer(quarter(0), quarter(1), w[start:end])
	EvaluateLayer(quarter(2), quarter(3), w[start:end])
	EvaluateLayer(quarter(0), quarter(2), v[start:end])
	EvaluateLayer(quarter(1), quarter(3), v[h+start:h+end])
}

// InterpolateLayer sets (e[i], o[i]) to (e[i] + o[i], (e[i] - o[i])·w[i]), on reduced elements.
func InterpolateLayer(e, o, w []Element) {
	o, w = o[:len(e)], w[:len(e)]
	for i := range e {
		butterflyInterpolateOne(&e[i], &o[i], &w[i])
	}
}

// LazyInterpolateLayer does the same as InterpolateLayer with lazily reduced elements and results. Their number must be a multiple of eight.
// ScaleVec reduces them at the end.
func LazyInterpolateLayer(e, o, w []Element) {
	if n := wholeBlocks(len(e)); n > 0 {
		interpolateLazy(words(e), words(o[:len(e)]), words(w[:len(e)]), n)
		return
	}
	InterpolateLayer(e, o, w)
}

// LazyInterpolateLayers inverts LazyEvaluateLayers up to the factor 4, if w and v hold inverse twiddles.
func LazyInterpolateLayers(a, w, v []Element) {
	h := len(a) / 4
	LazyInterpolateQuarters(a, h, w[:h], v[:2*h], 0, h)
}

// LazyInterpolateQuarters runs LazyInterpolateLayers on the elements from start to end of each quarter.
func LazyInterpolateQuarters(a []Element, h int, w, v []Element, start, end int) {
	if n := wholeBlocks(end - start); n > 0 {
		_, _, _ = a[3*h+end-1], w[end-1], v[h+end-1]
		interpolateLazy4(words(a[start:]), h*Bytes, words(w[start:]), words(v[start:]), n)
		return
	}
	quarter := func(k int) []Element { return a[k*h+start : k*h+end] }
	InterpolateLayer(quarter(0), quarter(2), v[start:end])
	InterpolateLayer(quarter(1), quarter(3), v[h+start:h+end])
	InterpolateLayer(quarter(0), quarter(1), w[start:end])
	InterpolateLayer(quarter(2), quarter(3), w[start:end])
}

// SmallEvaluate runs the layers of the transforms of 2, 4 and 8 elements on consecutive groups of eight elements of src. The
// results are lazily reduced. dst may be src, and its length must be a multiple of 64. w[k][j] holds the twiddles of the
// transform of 2^(k+1) elements.
func SmallEvaluate(dst, src []Element, w [][]Element) {
	if vectorKernels {
		src = src[:len(dst)]
		evaluateSmall(words(dst), words(src), words(w[0]), words(w[1][:2]), words(w[2][:4]), smallBlocks(len(dst)))
		return
	}
	copy(dst, src)
	for k := range SmallLog {
		for i := 0; i < len(dst); i += 2 << k {
			EvaluateLayer(dst[i:i+1<<k], dst[i+1<<k:i+2<<k], w[k])
		}
	}
}

// SmallInterpolate inverts SmallEvaluate up to the factor 8, if w holds inverse twiddles. It accepts and returns lazily reduced
// elements.
func SmallInterpolate(a []Element, w [][]Element) {
	if vectorKernels {
		interpolateSmall(words(a), words(w[0]), words(w[1][:2]), words(w[2][:4]), smallBlocks(len(a)))
		return
	}
	for k := SmallLog - 1; k >= 0; k-- {
		for i := 0; i < len(a); i += 2 << k {
			InterpolateLayer(a[i:i+1<<k], a[i+1<<k:i+2<<k], w[k])
		}
	}
}

// smallBlocks returns the number of blocks of 64 elements. It panics if n is not a multiple of 64.
func smallBlocks(n int) int {
	if n == 0 || n%(lanes*lanes) != 0 {
		panic("field: the length of a vector for small transforms is not a multiple of 64")
	}
	return n / (lanes * lanes)
}

// SmallLog is log2 of the largest transform of SmallEvaluate.
const SmallLog = 3

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

// innerBlocks is the number of products of 260-bit limbs that a lane of the kernel can sum without overflow.
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

// limbWeights[k] is the word 2^(52k) mod p. Multiplying a word by it, with Montgomery reduction, puts limb k of a product of
// words into its place.
var limbWeights = sync.OnceValue(func() *[10]Element {
	w := &[10]Element{{1}}
	shift := New(1 << 52)
	for k := 1; k < len(w); k++ {
		w[k].Mul(&w[k-1], &shift)
	}
	return w
})

// HashWords sets dst[k][i] to bytes 4k to 4k+3, as a little-endian word, of the big-endian Montgomery form of a[i]. These are
// the words of a hash that works on sixteen messages at once. a must have sixteen elements.
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

// lanes is the number of elements that a kernel handles at once.
const lanes = 8

// blocks returns the number of whole blocks of eight in n elements, or 0 without kernels.
func blocks(n int) int {
	if !vectorKernels {
		return 0
	}
	return n / lanes
}

// wholeBlocks returns blocks(n) for a multiple of eight elements. It panics for other numbers if there are kernels, because the
// remaining elements might be lazily reduced.
func wholeBlocks(n int) int {
	if vectorKernels && n%lanes != 0 {
		panic("field: the number of lazily reduced elements is not a multiple of eight")
	}
	return blocks(n)
}

func words(a []Element) *[4]uint64 { return (*[4]uint64)(&a[0]) }
