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
