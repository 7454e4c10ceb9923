//go:build !js

package stwo

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/constraints"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// SizeError says that a run is too large for a proof, whatever memory there is.
type SizeError struct{ err error }

// Error says which bound the run exceeds.
func (e *SizeError) Error() string { return e.err.Error() }

// Unwrap returns the error of the bound.
func (e *SizeError) Unwrap() error { return e.err }

// SmallestVariant returns the smallest variant of the preprocessed trace with which a run can be proved. A table that reads row numbers has at most 2^20
// rows with CanonicalSmall, and 2^25 with the others: those of memory and of builtins do, those of instructions do not. The error is a *SizeError if the run
// is too large for each variant, or has more uses of a relation or more words of output than a verifier accepts.
func SmallestVariant(in *adapter.Input) (preprocessed.Variant, error) {
	if in.Present[adapter.Output] {
		start, stop := in.Pointers(adapter.Output)
		word := func(address m31.M31) uint32 { return in.Memory.Value(in.Memory.IDs[address])[0] }
		if n := int64(word(stop)) - int64(word(start)); n > maxCells {
			return 0, &SizeError{fmt.Errorf("stwo: an output of %d words, want at most %d", n, maxCells)}
		}
	}
	var refused error
	for _, variant := range []preprocessed.Variant{preprocessed.CanonicalSmall, preprocessed.CanonicalWithoutPedersen, preprocessed.Canonical} {
		sizes, err := cairoair.Sizes(in, variant == preprocessed.CanonicalSmall)
		if err != nil {
			return 0, err
		}
		p := &Proof{Preprocessed: variant}
		for i := range sizes {
			p.Claim.Tables = append(p.Claim.Tables, Table{Component: constraints.ByName(sizes[i].Name), LogSize: sizes[i].LogSize})
		}
		if refused = p.Claim.checkUses(); refused == nil {
			_, _, refused = p.columns()
		}
		if refused == nil {
			return variant, nil
		}
	}
	return 0, &SizeError{refused}
}
