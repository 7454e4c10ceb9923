// Package prover makes and checks proofs that a Cairo program ran: Prove turns a run into a proof, Verify turns a proof into the claim that
// it proves. It knows no Starknet; proofs of blocks are package block's. Proofs are those of a proof system below it: package stone makes
// Stone's, byte for byte, so that any of its verifiers can check them, and checks those that Stone makes.
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
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stone/stark"
)

// Progress is told how a proof advances. Any function may be nil.
type Progress = stark.Progress

// Prove proves the run. Zero parameters stand for stone.DefaultParameters. The proof is verified before it is returned, so a wrong trace
// or a bug gives an error, never a wrong proof: ErrSelfCheck if our own verifier rejects it. When ctx ends, Prove returns ctx's error
// within about a second.
func Prove(ctx context.Context, trace *cairo.Trace, params stone.Parameters, progress *Progress) (*stone.Proof, error) {
	proof, err := stone.Prove(ctx, trace, params, progress)
	if err != nil {
		return nil, err
	}
	if err := proof.Verify(stone.V6); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSelfCheck, err)
	}
	return proof, nil
}

// ErrSelfCheck is a proof of our own making that our own verifier refuses.
var ErrSelfCheck = errors.New("prover: the proof just made is refused")

// What a verifier demands unless it is told otherwise.
const (
	DefaultMinBits = 96 // the security that a zero Policy demands
	AnyBits        = -1 // a Policy's MinBits that demands none

	// A policy that demands fewer bits than boundedBits also takes parameters outside the bounds of the official verifiers.
	boundedBits = 80
)

// Policy is what a verifier demands of a proof.
type Policy struct {
	MinBits       int             // conjectured security; 0 means DefaultMinBits, AnyBits none
	MinProvenBits uint            // proven security
	Program       *felt.Felt      // the hash of the program that must have run; nil means any
	Versions      []stone.Version // accepted protocol versions; none means stone.V6
	// Bare accepts a public input that is not that of a whole run (see Claim): the claim then holds only layout, steps and
	// security. For examining proofs of other systems.
	Bare bool
}

// SecurityError is a refusal of a proof whose security is below what is demanded.
type SecurityError struct {
	Security security.Bits // of the proof
	reason   string
}

func (e *SecurityError) Error() string { return "prover: " + e.reason }

// ProgramError is a refusal of a proof of another program than the one that is demanded.
type ProgramError struct {
	Hash, Demanded felt.Felt // hashes of programs
	Builtins       []string  // of the proof's program
}

func (e *ProgramError) Error() string {
	return fmt.Sprintf("prover: the proof is of program %v with builtins %v, demanded is %v", e.Hash, e.Builtins, e.Demanded)
}

// Verify checks a proof and returns what it proves. It accepts bytes from strangers: sizes are fixed by the parameters
// before anything is allocated, every encoding must be canonical, and nothing may follow the proof. What costs nothing is checked
// first; nothing is hashed before the parameters, the public input and the proof's length are those of a proof.
func Verify(p *stone.Proof, policy Policy) (*Claim, error) {
	claim, err := Examine(p, policy)
	if err != nil {
		return nil, err
	}
	versions := policy.Versions
	if len(versions) == 0 {
		versions = []stone.Version{stone.V6}
	}
	var failures []error
	for _, v := range versions {
		err := p.Verify(v)
		if err == nil {
			claim.Version = v
			if policy.Bare {
				return claim, nil
			}
			if err := claim.hash(policy.Program); err != nil {
				return nil, err
			}
			return claim, nil
		}
		failures = append(failures, fmt.Errorf("prover: as a %s proof: %w", v, err))
	}
	return nil, errors.Join(failures...)
}

// Examine checks all of a proof that can be checked without hashing anything, and returns what the proof would show.
func Examine(p *stone.Proof, policy Policy) (*Claim, error) {
	if p == nil || p.PublicInput == nil {
		return nil, errors.New("prover: no proof")
	}
	if policy.Bare && policy.Program != nil {
		return nil, errors.New("prover: a policy that demands a program of a bare proof")
	}
	claim := &Claim{Layout: p.PublicInput.Layout, Steps: p.PublicInput.Steps, Security: p.Parameters.Security(p.PublicInput.Steps)}
	if err := policy.admits(&p.Parameters, claim.Security); err != nil {
		return nil, err
	}
	if err := p.CheckShape(); err != nil {
		return nil, err
	}
	if !policy.Bare {
		if err := claim.read(p.PublicInput); err != nil {
			return nil, err
		}
	}
	return claim, nil
}

// admits returns an error if a proof with these parameters and this security is not what the policy demands.
func (policy *Policy) admits(p *stone.Parameters, s security.Bits) error {
	least := uint(DefaultMinBits)
	switch {
	case policy.MinBits > 0:
		least = uint(policy.MinBits)
	case policy.MinBits < 0:
		least = 0
	}
	refuse := func(format string, args ...any) error { return &SecurityError{s, fmt.Sprintf(format, args...)} }
	switch {
	case s.Conjectured < least:
		return refuse("parameters give %d bits of conjectured security, %d are demanded", s.Conjectured, least)
	case s.Proven < policy.MinProvenBits:
		return refuse("parameters give %d bits of proven security, %d are demanded", s.Proven, policy.MinProvenBits)
	case least < boundedBits:
		return nil
	}
	if err := p.CheckBounds(); err != nil {
		return refuse("%v for %d bits of security and more", err, boundedBits)
	}
	return nil
}
