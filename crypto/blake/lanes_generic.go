//go:build !amd64 || purego

package blake

// hasLanes is false, because this build has no compress16.
var hasLanes = false

func compress16(h *[8][16]uint32, m *[16][16]uint32, t uint64, final uint32) {
	panic("blake: no lanes")
}
