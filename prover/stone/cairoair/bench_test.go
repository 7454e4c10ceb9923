package cairoair

import (
	"testing"

	"github.com/starkd/starkd/internal/stoneruns"
)

// BenchmarkMain fills the main trace of 131,072 steps in the recursive layout.
func BenchmarkMain(b *testing.B) {
	run := stoneruns.Read(b, caseDir(b, "rec131072-squash-pstar"))
	for b.Loop() {
		w, err := NewTrace(run)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Main(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInteraction fills the interaction trace of the same run.
func BenchmarkInteraction(b *testing.B) {
	w, err := NewTrace(stoneruns.Read(b, caseDir(b, "rec131072-squash-pstar")))
	if err != nil {
		b.Fatal(err)
	}
	main, err := w.Main(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	challenges := testChallenges(6)
	for b.Loop() {
		w.columns = main
		if _, err := w.Interaction(b.Context(), challenges); err != nil {
			b.Fatal(err)
		}
	}
}
