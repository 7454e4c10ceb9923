package cairoair

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
)

// BenchmarkFill fills the base trace of each *.input (StarkWare's prover_input.json) in the folder that STARKD_STWO_INPUTS names.
func BenchmarkFill(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("STARKD_STWO_INPUTS"), "*.input"))
	for _, file := range files {
		b.Run(strings.TrimSuffix(filepath.Base(file), ".input"), func(b *testing.B) {
			f, err := os.Open(file)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			in, err := adapter.ReadJSON(f)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fill(in, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
