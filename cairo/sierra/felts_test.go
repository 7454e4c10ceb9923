package sierra

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestFeltsRoundTrip checks that every class of the corpus encodes to the felts it was decoded from.
func TestFeltsRoundTrip(t *testing.T) {
	for _, file := range classFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c := readClass(t, file)
			p, err := c.Program()
			if err != nil {
				t.Fatal(err)
			}
			got, err := EncodeFelts(p)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.SierraProgram) {
				t.Fatalf("encodes to %d felts, want the %d decoded ones", len(got), len(c.SierraProgram))
			}
		})
	}
}

func TestCompressionWidths(t *testing.T) {
	for _, distinct := range []int{0, 1, 255, 256, 257, 511, 513, 5000} {
		var values []felt.Felt
		for i := range 3 * distinct {
			values = append(values, felt.FromUint64(uint64(i*i%distinct)+7))
		}
		w, err := decompress(append(compress(values), felt.One))
		if err != nil {
			t.Fatalf("%d distinct values: %v", distinct, err)
		}
		got := make([]felt.Felt, len(w.idx))
		for i, c := range w.idx {
			got[i] = w.book[c]
		}
		if !slices.Equal(got, values) {
			t.Fatalf("%d distinct values change", distinct)
		}
	}
}
