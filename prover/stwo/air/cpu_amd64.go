//go:build !purego

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg air

package air

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// vectorBits is the width of the registers for which kernels of kernels_amd64.s can run: 512 (AVX-512), 256 (AVX2) or 0. It is a variable so that
// tests can choose narrower kernels.
var vectorBits = detect()

func detect() int {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX2:
		return 512
	case cpu.X86.HasAVX2:
		return 256
	}
	return 0
}

func word(v *m31.M31) *uint32 { return (*uint32)(unsafe.Pointer(v)) }

func slotWords(slots []*m31.M31) **uint32 { return (**uint32)(unsafe.Pointer(unsafe.SliceData(slots))) }

func termWords(terms []wideTerm) *uint64 { return (*uint64)(unsafe.Pointer(unsafe.SliceData(terms))) }

// execute carries out instructions (see words) on n rows.
func execute(code []uint32, slots []*m31.M31, n int) {
	if vectorBits == 512 {
		execute512(&code[0], slotWords(slots), n)
	} else {
		execute256(&code[0], slotWords(slots), n)
	}
}

// secureSum sets the four blocks at d to s.
func vectorSecureSum(d *m31.M31, s *secureSum, slots []*m31.M31, n int) {
	if vectorBits == 512 {
		secureSum512(word(d), &s.coordinates[0], termWords(s.wide), len(s.wide), slotWords(slots), n)
	} else {
		secureSum256(word(d), &s.coordinates[0], termWords(s.wide), len(s.wide), slotWords(slots), n)
	}
}

// vectorAddSecureSum adds the terms of s to the accumulators.
func vectorAddSecureSum(sums []uint64, s *secureSum, slots []*m31.M31, n int) {
	if vectorBits == 512 {
		addSecureSum512(&sums[0], termWords(s.wide), len(s.wide), slotWords(slots), n)
	} else {
		addSecureSum256(&sums[0], termWords(s.wide), len(s.wide), slotWords(slots), n)
	}
}

// vectorAddPair adds the term of a pair of lookups to the accumulators.
func vectorAddPair(b *pairBlock, n int) {
	if vectorBits == 512 {
		addPair512((*uint64)(unsafe.Pointer(b)), n)
	} else {
		addPair256((*uint64)(unsafe.Pointer(b)), n)
	}
}

// vectorFinish adds k times an accumulator to d.
func vectorFinish(d []m31.M31, sums []uint64, k m31.M31) {
	if vectorBits == 512 {
		finish512(word(&d[0]), &sums[0], uint32(k), len(d))
	} else {
		finish256(word(&d[0]), &sums[0], uint32(k), len(d))
	}
}

// vectorNorms writes the relative norms of the four blocks at x to the two blocks at w, and the norms, or 1 for 0, to norms.
func vectorNorms(norms []m31.M31, w, x *m31.M31) {
	if vectorBits == 512 {
		norms512(word(&norms[0]), word(w), word(x), len(norms))
	} else {
		norms256(word(&norms[0]), word(w), word(x), len(norms))
	}
}

// vectorAddFraction sets the four blocks of dst to those of src plus k·multiplicity/x. A nil multiplicity is 1.
func vectorAddFraction(dst, src *[4]*m31.M31, x, w *m31.M31, inverse []m31.M31, multiplicity *m31.M31, k m31.M31) {
	if vectorBits == 512 {
		addFraction512(slotWords(dst[:]), slotWords(src[:]), word(x), word(w), word(&inverse[0]), word(multiplicity), uint32(k), len(inverse))
	} else {
		addFraction256(slotWords(dst[:]), slotWords(src[:]), word(x), word(w), word(&inverse[0]), word(multiplicity), uint32(k), len(inverse))
	}
}

// vectorInvert does what invert does, for a length that is a multiple of vectorRows.
func vectorInvert(v, scratch []m31.M31) {
	if vectorBits == 512 {
		invert512(word(&v[0]), word(&scratch[0]), len(v))
	} else {
		invert256(word(&v[0]), word(&scratch[0]), len(v))
	}
}

// vectorInterleave copies the even cells of even and the odd cells of odd to dst.
func vectorInterleave(dst, even, odd []m31.M31) {
	if vectorBits == 512 {
		interleave512(word(&dst[0]), word(&even[0]), word(&odd[0]), len(dst))
	} else {
		interleave256(word(&dst[0]), word(&even[0]), word(&odd[0]), len(dst))
	}
}

// vectorPairSums sets s[b] to v[2b] + v[n-1-2b] - k, where n is the length of v.
func vectorPairSums(s, v []m31.M31, k m31.M31) {
	if vectorBits == 512 {
		pairSums512(word(&s[0]), word(&v[0]), uint32(k), len(s))
	} else {
		pairSums256(word(&s[0]), word(&v[0]), uint32(k), len(s))
	}
}

// vectorSpreadSums sets v[2b] to s[b] + v[2b] - k, and v[n-1-2b] to that plus v[n-1-2b] - k.
func vectorSpreadSums(v, s []m31.M31, k m31.M31) {
	if vectorBits == 512 {
		spreadSums512(word(&v[0]), word(&s[0]), uint32(k), len(s))
	} else {
		spreadSums256(word(&v[0]), word(&s[0]), uint32(k), len(s))
	}
}

// vectorSumsUp replaces (low, high) by (low + high, low).
func vectorSumsUp(low, high []m31.M31) {
	if vectorBits == 512 {
		sumsUp512(word(&low[0]), word(&high[0]), len(low))
	} else {
		sumsUp256(word(&low[0]), word(&high[0]), len(low))
	}
}

// vectorSumsDown adds low to high.
func vectorSumsDown(low, high []m31.M31) {
	if vectorBits == 512 {
		sumsDown512(word(&low[0]), word(&high[0]), len(low))
	} else {
		sumsDown256(word(&low[0]), word(&high[0]), len(low))
	}
}

// vectorPrefetch asks for the n rows after the current ones of the given columns.
func vectorPrefetch(columns []*m31.M31, n int) {
	if len(columns) > 0 {
		prefetch(slotWords(columns), len(columns), 4*n, n/16)
	}
}
