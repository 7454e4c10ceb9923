package prover

import (
	"testing"

	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover/stone"
)

// BenchmarkProve proves the corpus run of 131,072 steps with the default parameters.
func BenchmarkProve(b *testing.B) {
	run := stoneruns.Read(b, caseDir(b, "rec131072-squash-pstar"))
	for b.Loop() {
		if _, err := Prove(b.Context(), run, stone.Parameters{}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(run.Public.Steps)*float64(b.N)/b.Elapsed().Seconds(), "steps/s")
}
