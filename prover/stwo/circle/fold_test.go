package circle

import "testing"

// TestFoldInverses compares the inverses with the points.
func TestFoldInverses(t *testing.T) {
	twiddles := NewTwiddles(8)
	for log := 1; log <= 8; log++ {
		for pair := range 1 << (log - 1) {
			if got, want := twiddles.CircleInverse(pair, log), CellPoint(2*pair, log).Y.Inverse(); got != want {
				t.Fatalf("circle of size 2^%d, pair %d: got %d, want %d", log, pair, got, want)
			}
			if log == 8 {
				continue
			}
			if got, want := twiddles.LineInverse(pair, log), LinePoint(2*pair, log).Inverse(); got != want {
				t.Fatalf("line of size 2^%d, pair %d: got %d, want %d", log, pair, got, want)
			}
		}
	}
}
