//go:build !js

package prover

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/prover/stwo"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// This file is left out of the program for browsers, which only verifies.

// ProveStwo proves the run with S-two's system and verifies the proof before it returns it, as Prove does with Stone's. When ctx ends, it returns ctx's
// error within about a second. It returns a stwo.MemoryError before it begins if the prover's bound (stwo.Prover.WithMemory) is too low.
func ProveStwo(ctx context.Context, p *stwo.Prover, in *adapter.Input, progress *stwo.Progress) (*stwo.Proof, error) {
	proof, err := p.Prove(ctx, in, progress)
	if err != nil {
		return nil, err
	}
	if err := proof.Verify(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSelfCheck, err)
	}
	return proof, nil
}
