//go:build !purego

//go:generate go -C _asm run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg blake
//go:generate go -C _asm run ./search -out ../search_amd64.s -stubs ../search_amd64.go -pkg blake

package blake

import "golang.org/x/sys/cpu"

// vectorBits is the width of the registers of the vector code that the CPU can run: 512 (AVX-512), 256 (AVX2) or 0. It is a variable so that tests can
// choose narrower code.
var vectorBits = detect()

func detect() int {
	switch {
	case cpu.X86.HasAVX512F:
		return 512
	case cpu.X86.HasAVX2:
		return 256
	}
	return 0
}

// compress16 applies Compress in sixteen lanes; final is all ones for the last block and 0 otherwise.
func compress16(h *[8][16]uint32, m *[16][16]uint32, t uint64, final uint32) {
	if vectorBits == 512 {
		compress512(h, m, t, final)
	} else {
		compress256(h, m, t, final)
	}
}

// searchLanes does what search does.
func searchLanes(words *[10]uint32, c Counter, first, n, mask uint32) uint32 {
	start := startState(words)
	var f func(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32
	switch {
	case vectorBits == 512 && c == Word8:
		f = searchWord8x512
	case vectorBits == 512 && c == Word8M31:
		f = searchWord8M31x512
	case vectorBits == 512:
		f = searchWord9Reversedx512
	case c == Word8:
		f = searchWord8x256
	case c == Word8M31:
		f = searchWord8M31x256
	default:
		f = searchWord9Reversedx256
	}
	return f(&start, words, first, n/uint32(vectorBits/32), mask)
}
