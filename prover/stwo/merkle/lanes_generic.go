//go:build !amd64 || purego

package merkle

// vectorBits is 0, because this build has no vector code.
var vectorBits = 0

func compressColumns16(h *[8][16]uint32, m *[16]*uint32, t uint64, final uint32) {
	panic("merkle: no lanes")
}

func pairs16(dst, a, b *[8][16]uint32) { panic("merkle: no lanes") }

func reduce16(h *[8][16]uint32) { panic("merkle: no lanes") }
