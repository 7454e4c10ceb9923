//go:build !amd64 || purego

package blake

// hasLanes is false, because this build has no vector code.
var hasLanes = false

func compress16(h *[8][16]uint32, m *[16][16]uint32, t uint64, final uint32) {
	panic("blake: no lanes")
}

func searchWord8(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32 {
	panic("blake: no lanes")
}

func searchWord8M31(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32 {
	panic("blake: no lanes")
}

func searchWord9Reversed(start *[16]uint32, words *[10]uint32, first, count, mask uint32) uint32 {
	panic("blake: no lanes")
}
