package blake

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// TestSearch compares Search with hashes one by one.
func TestSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var words [10]uint32
		for k := range words {
			words[k] = r.Uint32()
		}
		for _, counter := range []Counter{Word8, Word8M31, Word9Reversed} {
			first, n, mask := r.Uint32()&^15, uint32(512), uint32(0xff<<r.IntN(24))
			want, exists := first+n, false
			for v := first; v != first+n && !exists; v++ {
				w := words
				if counter == Word9Reversed {
					w[9] = bits.ReverseBytes32(v)
				} else {
					w[8] = v
				}
				var message []byte
				for _, x := range w {
					message = binary.LittleEndian.AppendUint32(message, x)
				}
				digest := Sum256s(message)
				x := binary.LittleEndian.Uint32(digest[:])
				if counter == Word8M31 {
					x %= 1<<31 - 1
				}
				if x&mask == 0 {
					want, exists = v, true
				}
			}
			eachWidth(t, func(t *testing.T) {
				if got, ok := Search(&words, counter, first, n, mask); got != want || ok != exists {
					t.Errorf("counter %d from %d, mask %#x: got %d, %v, want %d, %v", counter, first, mask, got, ok, want, exists)
				}
			})
		}
	}
}

// BenchmarkSearch hashes 2^14 messages at a time.
func BenchmarkSearch(b *testing.B) {
	eachWidth(b, func(b *testing.B) {
		var words [10]uint32
		for b.Loop() {
			Search(&words, Word8, 0, 1<<14, 0xffffffff)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N<<14), "ns/hash")
	})
}
