package blake

// Lanes is how many messages Compress16 handles at once.
const Lanes = 16

// State16 is sixteen states side by side: word k of lane i is [k][i].
type State16 [8][Lanes]uint32

// Block16 is sixteen message blocks side by side: word k of lane i is [k][i].
type Block16 [16][Lanes]uint32

// Initial16 is Initial in every lane.
func Initial16() (h State16) {
	for k, word := range Initial() {
		for i := range h[k] {
			h[k][i] = word
		}
	}
	return h
}

// Compress16 is Compress in every lane, on blocks at the same position of messages of the same length. It is faster than
// sixteen calls where AVX-512 is at hand, and the same otherwise.
func Compress16(h *State16, m *Block16, t uint64, final bool) {
	if hasLanes {
		last := uint32(0)
		if final {
			last = ^last
		}
		compress16((*[8][16]uint32)(h), (*[16][16]uint32)(m), t, last)
		return
	}
	for i := range Lanes {
		var state [8]uint32
		var block [16]uint32
		for k := range state {
			state[k] = h[k][i]
		}
		for k := range block {
			block[k] = m[k][i]
		}
		Compress(&state, &block, t, final)
		for k := range state {
			h[k][i] = state[k]
		}
	}
}
