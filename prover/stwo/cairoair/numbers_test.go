package cairoair

import (
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestBlocks compares a function on blocks of all sizes with its results on single rows.
func TestBlocks(t *testing.T) {
	table := func(words, rows int) [][]m31.M31 {
		t := make([][]m31.M31, words)
		for k := range t {
			t[k] = make([]m31.M31, rows)
		}
		return t
	}
	const rows = 2*maxBlock + 17
	in, want := table(productOf.In, rows), table(productOf.Out, rows)
	for k, word := range in {
		for i := range word {
			word[i] = m31.M31((k*k+7)*(i+3)) % 512
		}
	}
	for i := range rows {
		productOf.Eval(nil, cutRows(in, i, i+1), cutRows(want, i, i+1))
	}
	for _, n := range []int{2, 15, 16, 17, 31, 32, maxBlock - 1, maxBlock, maxBlock + 1, maxBlock + 16, rows} {
		got := table(productOf.Out, n)
		productOf.Eval(nil, cutRows(in, 0, n), got)
		for k := range got {
			for i := range n {
				if got[k][i] != want[k][i] {
					t.Fatalf("block of %d rows: word %d of row %d is %d, want %d", n, k, i, got[k][i], want[k][i])
				}
			}
		}
	}
}
