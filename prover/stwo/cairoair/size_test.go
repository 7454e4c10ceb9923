package cairoair

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// TestSizes compares the sizes with those of StarkWare's base traces.
func TestSizes(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(golden.Corpus(t), "stwo", name)
			var want []struct {
				Component string `json:"component"`
				LogSizes  []int  `json:"log_sizes"`
			}
			if err := json.Unmarshal(golden.Unxz(t, filepath.Join(dir, "base_column_hashes.json.xz")), &want); err != nil {
				t.Fatal(err)
			}
			in, narrow := corpusInput(t, name)
			sizes, err := Sizes(in, narrow)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range want {
				for _, log := range w.LogSizes {
					if len(sizes) == 0 || sizes[0].Name != w.Component || sizes[0].LogSize != log {
						t.Fatalf("the next sizes are not those of %s with 2^%d rows: %+v", w.Component, log, sizes[:min(1, len(sizes))])
					}
					sizes = sizes[1:]
				}
			}
			if len(sizes) > 0 {
				t.Errorf("%d tables more than StarkWare's, the first of %s", len(sizes), sizes[0].Name)
			}
		})
	}
}

// TestSizesOfSegments checks that Sizes refuses the segments that Fill refuses.
func TestSizesOfSegments(t *testing.T) {
	in, narrow := corpusInput(t, "c04_rc_bitwise")
	for _, cells := range []uint32{5 * 15, 5*16 + 1, 5 * 17, 5 * 24} {
		broken := *in
		s := &broken.Segments[adapter.Bitwise]
		s.End = s.Begin + cells
		_, want := Fill(&broken, narrow)
		if _, err := Sizes(&broken, narrow); err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%d cells of bitwise: got the error %v, and of Fill %v", cells, err, want)
		}
	}
}
