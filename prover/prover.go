// Package prover makes and checks proofs that a Cairo program ran: Prove turns a run into a proof, Verify turns a proof
// into the claim that it proves. Proofs are Stone's, byte for byte, so they can be checked by any of its verifiers, and
// proofs that Stone makes can be checked here.
//
// A proof by itself binds only a memory and its public part. Verify therefore also checks that the public part describes a
// run of a program from its first instruction to its end, with the program, its output and its builtins where they should
// be; see Claim.
package prover

import (
	"context"
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/cairoair"
	"github.com/starkd/starkd/prover/stark"
	"github.com/starkd/starkd/prover/transcript"
)

// Progress is told how a proof advances. Any function may be nil.
type Progress = stark.Progress

// Prove proves the run. Zero parameters stand for DefaultParameters. The proof is verified before it is returned, so a
// wrong trace or a bug gives an error, never a wrong proof; ErrSelfCheck if the proof that was made is refused. When ctx ends, Prove
// gives up within a second or so and returns ctx's error.
func Prove(ctx context.Context, trace *cairo.Trace, params Parameters, progress *Progress) (*Proof, error) {
	if params.Queries == 0 {
		params = DefaultParameters(trace.Public.Steps)
	}
	witness, err := cairoair.NewWitness(trace)
	if err != nil {
		return nil, err
	}
	seed, err := params.seed(witness.AIR, Stone6)
	if err != nil {
		return nil, err
	}
	sp := params.stark()
	var log transcript.Annotations
	b, err := stark.Prove(ctx, witness, &sp, seed, &log, progress)
	if err != nil {
		return nil, err
	}
	proof := &Proof{
		Parameters: params, PublicInput: witness.Public(), Bytes: b,
		Annotations: log.Lines(sp.Statement), Config: DefaultConfig(),
	}
	if err := proof.check(Stone6); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSelfCheck, err)
	}
	return proof, nil
}

// ErrSelfCheck is a proof of our own making that our own verifier refuses.
var ErrSelfCheck = errors.New("prover: the proof just made is refused")

// DefaultMinBits is the security that a zero Policy demands.
const DefaultMinBits = 96

// Policy is what a verifier demands of a proof.
type Policy struct {
	MinBits  uint      // conjectured security; 0 means DefaultMinBits
	Versions []Version // accepted protocol versions; none means Stone6
	// Bare accepts a public input that is not that of a whole run (see Claim): the claim then holds only layout, steps and
	// bits. For examining proofs of other systems.
	Bare bool
}

// Verify checks a proof and returns what it proves. It accepts bytes from strangers: sizes are fixed by the parameters
// before anything is allocated, every encoding must be canonical, and nothing may follow the proof. What costs nothing is checked
// first; nothing is hashed before the parameters, the public input and the proof's length are those of a proof.
func Verify(p *Proof, policy Policy) (*Claim, error) {
	claim, err := p.examine(policy)
	if err != nil {
		return nil, err
	}
	versions := policy.Versions
	if len(versions) == 0 {
		versions = []Version{Stone6}
	}
	var failures []error
	for _, v := range versions {
		err := p.check(v)
		if err == nil {
			claim.Version = v
			claim.hash()
			return claim, nil
		}
		failures = append(failures, fmt.Errorf("prover: as a %s proof: %w", v, err))
	}
	return nil, errors.Join(failures...)
}

// examine checks all of a proof that can be checked without hashing anything, and returns what the proof would show.
func (p *Proof) examine(policy Policy) (*Claim, error) {
	if p == nil || p.PublicInput == nil {
		return nil, errors.New("prover: no proof")
	}
	least := policy.MinBits
	if least == 0 {
		least = DefaultMinBits
	}
	if bits := p.Parameters.SecurityBits(); bits < least {
		return nil, fmt.Errorf("prover: parameters give %d bits of security, %d are demanded", bits, least)
	}
	if _, _, err := p.statement(); err != nil {
		return nil, err
	}
	claim := &Claim{Layout: p.PublicInput.Layout, Steps: p.PublicInput.Steps, Bits: p.Parameters.SecurityBits()}
	if !policy.Bare {
		if err := claim.read(p.PublicInput); err != nil {
			return nil, err
		}
	}
	return claim, nil
}

// statement is what the proof is of, and its parameters for it; together they fix the length of everything that the prover sends
// but the openings.
func (p *Proof) statement() (*cairoair.AIR, stark.Params, error) {
	sp := p.Parameters.stark()
	a, err := cairoair.New(p.PublicInput)
	if err != nil {
		return nil, sp, err
	}
	if err := sp.Validate(a); err != nil {
		return nil, sp, err
	}
	if least := sp.MinProof(a); len(p.Bytes) < least {
		return nil, sp, fmt.Errorf("prover: proof of %d bytes, its parameters need %d or more", len(p.Bytes), least)
	}
	return a, sp, nil
}

// check verifies the proof itself.
func (p *Proof) check(v Version) error {
	a, sp, err := p.statement()
	if err != nil {
		return err
	}
	seed, err := p.Parameters.seed(a, v)
	if err != nil {
		return err
	}
	return stark.Verify(a, &sp, seed, p.Bytes, nil)
}
