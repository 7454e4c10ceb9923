package blake

import "testing"

// TestCompress16 compares Compress16, with and without the vector code, with sixteen calls of Compress.
func TestCompress16(t *testing.T) {
	if !hasLanes {
		t.Log("this CPU or build has no AVX-512; testing the portable code only")
	}
	defer func(old bool) { hasLanes = old }(hasLanes)
	for _, vector := range []bool{hasLanes, false} {
		hasLanes = vector
		x := uint32(1)
		next := func() uint32 { x = x*1664525 + 1013904223; return x ^ x>>15 }
		h, m := Initial16(), Block16{}
		for _, last := range []struct {
			t     uint64
			final bool
		}{{64, false}, {128, false}, {1<<40 + 5, true}} {
			for k := range m {
				for i := range m[k] {
					m[k][i] = next()
				}
			}
			before := h
			Compress16(&h, &m, last.t, last.final)
			for i := range Lanes {
				var state [8]uint32
				var block [16]uint32
				for k := range state {
					state[k] = before[k][i]
				}
				for k := range block {
					block[k] = m[k][i]
				}
				Compress(&state, &block, last.t, last.final)
				for k := range state {
					if h[k][i] != state[k] {
						t.Fatalf("vector %v, t %d, lane %d, word %d: got %08x, want %08x", vector, last.t, i, k, h[k][i], state[k])
					}
				}
			}
		}
	}
}

// BenchmarkCompress16 runs one compression of sixteen lanes.
func BenchmarkCompress16(b *testing.B) {
	h, m := Initial16(), Block16{}
	for b.Loop() {
		Compress16(&h, &m, 64, true)
	}
}
