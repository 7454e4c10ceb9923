//go:build !purego

//go:generate go -C _asm run . -out ../lanes_amd64.s -stubs ../lanes_amd64.go -pkg merkle

package merkle

import "golang.org/x/sys/cpu"

// vectorBits is the width of the registers for which the CPU can run functions of lanes_amd64.s: 512 (AVX-512), 256 (AVX2) or 0. It is a variable so that
// tests can choose narrower ones.
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

// The functions below call the function of vectorBits bits, which is not 0.

func compressColumns16(h *[8][16]uint32, m *[16]*uint32, t uint64, final uint32) {
	if vectorBits == 512 {
		compressColumns512(h, m, t, final)
	} else {
		compressColumns256(h, m, t, final)
	}
}

func pairs16(dst, a, b *[8][16]uint32) {
	if vectorBits == 512 {
		pairs512(dst, a, b)
	} else {
		pairs256(dst, a, b)
	}
}

func reduce16(h *[8][16]uint32) {
	if vectorBits == 512 {
		reduce512(h)
	} else {
		reduce256(h)
	}
}
