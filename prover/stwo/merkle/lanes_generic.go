//go:build !amd64 || purego

package merkle

// hasLanes is false, because this build has no vector code.
var hasLanes = false

func compressColumns16(h *[8][16]uint32, m *[16]*uint32, t uint64, final uint32) {
	panic("merkle: no lanes")
}

func pairs16(dst, a, b *[8][16]uint32) { panic("merkle: no lanes") }

func reduce16(h *[8][16]uint32) { panic("merkle: no lanes") }
