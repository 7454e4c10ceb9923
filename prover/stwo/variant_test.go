package stwo

import (
	"errors"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// TestSmallestVariant checks with which variant runs of different sizes can be proved: the last that fit canonical_small, the first that do not, with the
// builtin pedersen and without, and an output that no verifier accepts.
func TestSmallestVariant(t *testing.T) {
	const rows = 1 << 20 // of canonical_small's row numbers
	small := func(n int) func(*adapter.Input) {
		return func(in *adapter.Input) {
			in.Memory.Small = append(make([]adapter.Uint128, 0, n), in.Memory.Small...)[:n]
		}
	}
	addresses := func(n int) func(*adapter.Input) {
		return func(in *adapter.Input) { in.Memory.IDs = append(make([]m31.M31, 0, n+1), in.Memory.IDs...)[:n+1] }
	}
	output := func(words uint32) func(*adapter.Input) {
		return func(in *adapter.Input) {
			start, stop := in.Pointers(adapter.Output)
			from, to := in.Memory.IDs[start], in.Memory.IDs[stop]
			if from == to {
				t.Fatal("the run has no output")
			}
			in.Memory.Small[to].Lo = in.Memory.Small[from].Lo + uint64(words)
		}
	}
	without := func(in *adapter.Input) {
		s := &in.Segments[adapter.Pedersen]
		s.End = s.Begin
	}
	with := func(*adapter.Input) {}
	const none = preprocessed.Variant(255)
	for name, c := range map[string]struct {
		pedersen, change func(*adapter.Input)
		want             preprocessed.Variant
	}{
		"as it is":                     {with, func(*adapter.Input) {}, preprocessed.CanonicalSmall},
		"as many values as rows":       {with, small(rows), preprocessed.CanonicalSmall},
		"a value more":                 {with, small(rows + 1), preprocessed.Canonical},
		"a value more, no pedersen":    {without, small(rows + 1), preprocessed.CanonicalWithoutPedersen},
		"as many addresses as rows":    {with, addresses(16 * rows), preprocessed.CanonicalSmall},
		"an address more, no pedersen": {without, addresses(16*rows + 1), preprocessed.CanonicalWithoutPedersen},
		"the longest output":           {with, output(maxCells), preprocessed.CanonicalSmall},
		"a word more":                  {with, output(maxCells + 1), none},
	} {
		in := readInput(t, "starkware_all_builtins")
		in.Memory.Small, in.Memory.IDs = slices.Clone(in.Memory.Small), slices.Clone(in.Memory.IDs)
		c.pedersen(in)
		c.change(in)
		got, err := SmallestVariant(in)
		if refused := errors.As(err, new(*SizeError)); refused != (c.want == none) || !refused && (err != nil || got != c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
