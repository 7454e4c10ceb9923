// Package stone makes and checks proofs of Stone, StarkWare's STARK prover over the field of Cairo
// (https://github.com/starkware-libs/stone-prover): byte for byte the proofs that it makes, in its file format. What such a proof says of
// a program is package prover's business; here it is a memory and a public input that satisfy a layout's constraints.
//
// The packages below, from the leaves up: field, poly (FFT), transcript (Fiat–Shamir channel), merkle, fri, air (constraints as data), stark
// (the protocol), cairoair (the constraints and columns of Cairo's layouts).
package stone

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/stark"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Version is a generation of Stone's protocol. They differ in the channel's seed.
type Version uint8

const (
	V6 Version = iota // Stone v3 (2024): the seed covers n_verifier_friendly_commitment_layers
	V5                // Stone v2
)

func (v Version) String() string {
	if v == V5 {
		return "stone5"
	}
	return "stone6"
}

// Prove proves the run, and does not verify the proof. Zero parameters stand for DefaultParameters. When ctx ends, Prove returns ctx's
// error within about a second.
func Prove(ctx context.Context, run *cairo.Trace, params Parameters, progress *stark.Progress) (*Proof, error) {
	if params.Queries == 0 {
		params = DefaultParameters(run.Public.Steps)
	}
	trace, err := cairoair.NewTrace(run)
	if err != nil {
		return nil, err
	}
	seed, err := params.seed(trace.AIR, V6)
	if err != nil {
		return nil, err
	}
	sp := params.stark()
	var log transcript.Annotations
	b, err := stark.Prove(ctx, trace, &sp, seed, &log, progress)
	if err != nil {
		return nil, err
	}
	return &Proof{
		Parameters: params, PublicInput: trace.Public(), Bytes: b,
		Annotations: log.Lines(sp.Statement), Config: DefaultConfig(),
	}, nil
}

// Verify checks the proof as one of version v. It accepts bytes from strangers: sizes are fixed by the parameters before anything is
// allocated, every encoding must be canonical, and nothing may follow the proof.
func (p *Proof) Verify(v Version) error {
	a, sp, err := p.air()
	if err != nil {
		return err
	}
	seed, err := p.Parameters.seed(a, v)
	if err != nil {
		return err
	}
	return stark.Verify(a, &sp, seed, p.Bytes, nil)
}

// CheckShape checks what can be checked without hashing anything: that the public input is that of a layout, and that parameters and
// the proof's length fit it.
func (p *Proof) CheckShape() error {
	_, _, err := p.air()
	return err
}

// air returns the constraints of the proof's public input and the parameters for them; together they fix the length of everything that
// the prover sends but the openings.
func (p *Proof) air() (*cairoair.AIR, stark.Params, error) {
	sp := p.Parameters.stark()
	a, err := cairoair.New(p.PublicInput)
	if err != nil {
		return nil, sp, err
	}
	if err := sp.Validate(a); err != nil {
		return nil, sp, err
	}
	if least := sp.MinProof(a); len(p.Bytes) < least {
		return nil, sp, fmt.Errorf("stone: proof of %d bytes, its parameters need %d or more", len(p.Bytes), least)
	}
	return a, sp, nil
}
