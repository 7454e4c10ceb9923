//go:build !amd64 || purego

package circle

// vectorBits is the width of the registers of the kernels of kernels_amd64.s: there are none.
const vectorBits = 0

// These functions are never called, because vectorBits is 0.

func interpolateLow(bits int, dst, src *uint32, blocks int, tables *[8]*uint32, shift int) {}
func evaluateLow(bits int, dst, src *uint32, blocks int, tables *[8]*uint32)               {}

func interpolateHigh(bits, r int, dst *uint32, stride, vectors, blocks int, tables *[4]*uint32, shift int) {
}

func evaluateHigh(bits, r int, dst, src *uint32, stride, vectors, blocks int, tables *[4]*uint32) {}

func accumulate(bits int, sums *uint64, cells, next *[4]*uint32, weights *[16]uint64, vectors int) {}
func addSums(bits int, dst *[4]*uint32, sums *uint64, vectors int)                                 {}
func dot(bits int, sums *[32]uint64, weights *[4]*uint32, cells, next *uint32, pairs int)          {}
func foldCircle(bits int, dst, src *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int)  {}
func foldLine(bits int, dst, src *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int)    {}
func splitCircle(bits int, weights *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int)  {}
func splitLine(bits int, weights *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int)    {}
func linear(bits int, dst, a, b *uint32, k *[3]uint64, vectors int)                                {}
func norms(bits int, dst, a, b *uint32, vectors int)                                               {}
func invert(bits int, v, scratch *uint32, groups int)                                              {}

func quotientSums(bits int, dst, numerator *[4]*uint32, y, a, b, inverse *uint32, k *[8]uint64, vectors int) {
}
