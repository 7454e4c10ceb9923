package blake

import "testing"

// eachWidth runs a test or a benchmark with the portable code, and with each width of vector code that the CPU can run.
func eachWidth[T interface{ Run(string, func(T)) bool }](t T, f func(t T)) {
	defer func(old int) { vectorBits = old }(vectorBits)
	widest := vectorBits
	for _, v := range []struct {
		name string
		bits int
	}{{"Go", 0}, {"AVX2", 256}, {"AVX-512", 512}} {
		if v.bits <= widest {
			vectorBits = v.bits
			t.Run(v.name, f)
		}
	}
}

// TestCompress16 compares Compress16 with sixteen calls of Compress.
func TestCompress16(t *testing.T) {
	eachWidth(t, func(t *testing.T) {
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
						t.Fatalf("t %d, lane %d, word %d: got %08x, want %08x", last.t, i, k, h[k][i], state[k])
					}
				}
			}
		}
	})
}

// BenchmarkCompress16 runs one compression of sixteen lanes.
func BenchmarkCompress16(b *testing.B) {
	eachWidth(b, func(b *testing.B) {
		h, m := Initial16(), Block16{}
		for b.Loop() {
			Compress16(&h, &m, 64, true)
		}
	})
}
