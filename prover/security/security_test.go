package security

import (
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestSoundcalc compares the bits of each round with the numbers of github.com/ethereum/soundcalc (commit 809896f) for the same
// sizes: 135 functions in a batch, 93 constraints, 3 cells of one column in a constraint, degree 2, folds of 16.
func TestSoundcalc(t *testing.T) {
	for _, c := range []struct {
		logTrace, logBlowup, queries, work uint
		unique                             uint // bits of the queries
		uniqueField                        fieldBits
		johnson                            uint
		johnsonField                       fieldBits
	}{
		{21, 2, 38, 20, 45, fieldBits{222, 244, 228}, 57, fieldBits{190, 236, 220}}, // the default, 2^17 steps
		{22, 2, 38, 20, 45, fieldBits{221, 244, 227}, 57, fieldBits{189, 236, 219}},
		{21, 2, 33, 30, 52, fieldBits{222, 244, 228}, 62, fieldBits{190, 236, 220}}, // StandardParameters
		{21, 16, 6, 0, 5, fieldBits{207, 244, 228}, 47, fieldBits{155, 222, 206}},
		{21, 1, 96, 0, 39, fieldBits{223, 244, 228}, 46, fieldBits{192, 237, 221}},
		{21, 1, 32, 64, 77, fieldBits{223, 244, 228}, 79, fieldBits{192, 237, 221}},
		{21, 2, 78, 20, 72, fieldBits{222, 244, 228}, 96, fieldBits{190, 236, 220}}, // ProvenParameters
		{21, 2, 113, 20, 96, fieldBits{222, 244, 228}, 131, fieldBits{190, 236, 220}},
	} {
		s := STARK{Field: felt.Modulus(), LogBlowup: c.logBlowup, LogTrace: c.logTrace, Batch: 135, LogFold: 4, Constraints: 93, Degree: 2, Combo: 3}
		if got := uniqueQueries(c.queries, c.logBlowup, c.work); got != c.unique {
			t.Errorf("%d queries, blowup 2^%d, work %d: unique decoding gives %d bits, want %d", c.queries, c.logBlowup, c.work, got, c.unique)
		}
		if got := johnsonQueries(c.queries, c.logBlowup, c.work); got != c.johnson {
			t.Errorf("%d queries, blowup 2^%d, work %d: the Johnson bound gives %d bits, want %d", c.queries, c.logBlowup, c.work, got, c.johnson)
		}
		if got := s.unique(); got != c.uniqueField {
			t.Errorf("trace 2^%d, blowup 2^%d: unique decoding: got %v, want %v", c.logTrace, c.logBlowup, got, c.uniqueField)
		}
		if got := s.johnson(); got != c.johnsonField {
			t.Errorf("trace 2^%d, blowup 2^%d: Johnson bound: got %v, want %v", c.logTrace, c.logBlowup, got, c.johnsonField)
		}
	}
}
