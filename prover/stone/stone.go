// Package stone makes and checks proofs of Stone, StarkWare's STARK prover over Cairo's field
// (https://github.com/starkware-libs/stone-prover). Its proofs equal Stone's byte for byte and use Stone's file format. A proof
// shows that a memory and a public input satisfy a layout's constraints; package prover derives from it which program ran and
// what it wrote.
//
// The packages below, from the leaves up, are field, poly (FFT), transcript (the Fiat–Shamir channel), merkle, fri, air
// (constraints as data), stark (the protocol) and cairoair (constraints and columns of Cairo's layouts).
package stone

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/stone/cairoair"
	"github.com/starkd/starkd/prover/stone/stark"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Version is a version of Stone's protocol. Versions differ in the seed of the channel.
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

// Prove proves the run. It does not verify the proof. Zero parameters mean DefaultParameters. When ctx ends, Prove returns
// ctx's error within about a second.
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

// Verify checks the proof under protocol version v. The proof may come from an untrusted source: the parameters fix all sizes
// before anything is allocated, every encoding must be canonical, and nothing may follow the proof.
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

// CheckShape makes the checks that need no hashing: the public input must fit a layout, and the parameters and the proof's
// length must fit the public input.
func (p *Proof) CheckShape() error {
	_, _, err := p.air()
	return err
}

// air returns the constraints of the public input and the STARK parameters. Together they determine the length of all the
// prover's messages but the openings.
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
		return nil, sp, fmt.Errorf("stone: proof of %d bytes, its parameters need at least %d", len(p.Bytes), least)
	}
	return a, sp, nil
}
