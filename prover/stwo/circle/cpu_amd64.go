//go:build !purego

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg circle

package circle

import "golang.org/x/sys/cpu"

// vectorBits is the width of the registers for which kernels of kernels_amd64.s can run: 512 (AVX-512 F, DQ, BW and VL), 256 (AVX2) or 0. It is a
// variable so that tests can choose narrower kernels.
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

// The functions below call the kernel of width bits that runs on blocks of 2^r rows.

func interpolateLow(bits int, dst, src *uint32, blocks int, tables *[8]*uint32, shift int) {
	if bits == 512 {
		interpolateLow512(dst, src, blocks, tables, shift)
	} else {
		interpolateLow256(dst, src, blocks, tables, shift)
	}
}

func evaluateLow(bits int, dst, src *uint32, blocks int, tables *[8]*uint32) {
	if bits == 512 {
		evaluateLow512(dst, src, blocks, tables)
	} else {
		evaluateLow256(dst, src, blocks, tables)
	}
}

func interpolateHigh(bits, r int, dst *uint32, stride, vectors, blocks int, tables *[4]*uint32, shift int) {
	switch bits + r {
	case 512 + 1:
		interpolateHigh2x512(dst, stride, vectors, blocks, tables, shift)
	case 512 + 2:
		interpolateHigh4x512(dst, stride, vectors, blocks, tables, shift)
	case 512 + 3:
		interpolateHigh8x512(dst, stride, vectors, blocks, tables, shift)
	case 512 + 4:
		interpolateHigh16x512(dst, stride, vectors, blocks, tables, shift)
	case 256 + 1:
		interpolateHigh2x256(dst, stride, vectors, blocks, tables, shift)
	case 256 + 2:
		interpolateHigh4x256(dst, stride, vectors, blocks, tables, shift)
	case 256 + 3:
		interpolateHigh8x256(dst, stride, vectors, blocks, tables, shift)
	}
}

func evaluateHigh(bits, r int, dst, src *uint32, stride, vectors, blocks int, tables *[4]*uint32) {
	switch bits + r {
	case 512 + 1:
		evaluateHigh2x512(dst, src, stride, vectors, blocks, tables)
	case 512 + 2:
		evaluateHigh4x512(dst, src, stride, vectors, blocks, tables)
	case 512 + 3:
		evaluateHigh8x512(dst, src, stride, vectors, blocks, tables)
	case 512 + 4:
		evaluateHigh16x512(dst, src, stride, vectors, blocks, tables)
	case 256 + 1:
		evaluateHigh2x256(dst, src, stride, vectors, blocks, tables)
	case 256 + 2:
		evaluateHigh4x256(dst, src, stride, vectors, blocks, tables)
	case 256 + 3:
		evaluateHigh8x256(dst, src, stride, vectors, blocks, tables)
	}
}

func accumulate(bits int, sums *uint64, cells, next *[4]*uint32, weights *[16]uint64, vectors int) {
	if bits == 512 {
		accumulate512(sums, cells, next, weights, vectors)
	} else {
		accumulate256(sums, cells, next, weights, vectors)
	}
}

func addSums(bits int, dst *[4]*uint32, sums *uint64, vectors int) {
	if bits == 512 {
		addSums512(dst, sums, vectors)
	} else {
		addSums256(dst, sums, vectors)
	}
}

func dot(bits int, sums *[32]uint64, weights *[4]*uint32, cells, next *uint32, pairs int) {
	if bits == 512 {
		dot512(sums, weights, cells, next, pairs)
	} else {
		dot256(sums, weights, cells, next, pairs)
	}
}

func foldCircle(bits int, dst, src *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int) {
	if bits == 512 {
		foldCircle512(dst, src, inverse, matrix, vectors)
	} else {
		foldCircle256(dst, src, inverse, matrix, vectors)
	}
}

func foldLine(bits int, dst, src *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int) {
	if bits == 512 {
		foldLine512(dst, src, inverse, matrix, vectors)
	} else {
		foldLine256(dst, src, inverse, matrix, vectors)
	}
}

func splitCircle(bits int, weights *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int) {
	if bits == 512 {
		splitCircle512(weights, inverse, matrix, vectors)
	} else {
		splitCircle256(weights, inverse, matrix, vectors)
	}
}

func splitLine(bits int, weights *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int) {
	if bits == 512 {
		splitLine512(weights, inverse, matrix, vectors)
	} else {
		splitLine256(weights, inverse, matrix, vectors)
	}
}

func linear(bits int, dst, a, b *uint32, k *[3]uint64, vectors int) {
	if bits == 512 {
		linear512(dst, a, b, k, vectors)
	} else {
		linear256(dst, a, b, k, vectors)
	}
}

func norms(bits int, dst, a, b *uint32, vectors int) {
	if bits == 512 {
		norms512(dst, a, b, vectors)
	} else {
		norms256(dst, a, b, vectors)
	}
}

func invert(bits int, v, scratch *uint32, groups int) {
	if bits == 512 {
		invert512(v, scratch, groups)
	} else {
		invert256(v, scratch, groups)
	}
}

func quotientSums(bits int, dst, numerator *[4]*uint32, y, a, b, inverse *uint32, k *[8]uint64, vectors int) {
	if bits == 512 {
		quotients512(dst, numerator, y, a, b, inverse, k, vectors)
	} else {
		quotients256(dst, numerator, y, a, b, inverse, k, vectors)
	}
}
