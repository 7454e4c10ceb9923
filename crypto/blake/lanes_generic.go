//go:build !amd64 || purego

package blake

// vectorBits is 0, because this build has no vector code.
var vectorBits = 0

func compress16(h *[8][16]uint32, m *[16][16]uint32, t uint64, final uint32) {
	panic("blake: no lanes")
}

func searchLanes(words *[10]uint32, c Counter, first, n, mask uint32) uint32 {
	panic("blake: no lanes")
}
