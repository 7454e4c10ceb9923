package cairoair

import (
	"testing"

	"github.com/starkd/starkd/internal/stoneruns"
)

// BenchmarkFirst and BenchmarkSecond fill the columns of 131,072 steps in the recursive layout.
func BenchmarkFirst(b *testing.B) {
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

func BenchmarkSecond(b *testing.B) {
	w, err := NewTrace(stoneruns.Read(b, caseDir(b, "rec131072-squash-pstar")))
	if err != nil {
		b.Fatal(err)
	}
	first, err := w.Main(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	challenges := testChallenges(6)
	for b.Loop() {
		w.columns = first
		if _, err := w.Interaction(b.Context(), challenges); err != nil {
			b.Fatal(err)
		}
	}
}
