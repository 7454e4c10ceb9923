// Package prover makes and checks proofs that a Cairo program ran. Prove turns a run into a proof; Verify turns a proof into
// the claim that it proves. The package does not depend on Starknet: package block handles proofs of blocks. Package stone
// implements the proof system. Its proofs equal those of StarkWare's Stone prover byte for byte, so that verifiers of Stone
// proofs can check them, and it checks proofs that Stone made. Package stwo is a second proof system, whose proofs equal those of StarkWare's S-two.
//
// A STARK proof shows only that some memory with the given public part satisfies the constraints. Verify therefore also checks
// that the public part describes a run of a program from its first instruction to its last, with the program, its output and
// its builtins at the right addresses; see Claim.
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

// Progress holds functions that Prove calls as a proof advances. Each may be nil.
type Progress = stark.Progress

// Prove proves the run. Zero parameters mean stone.DefaultParameters. Prove verifies the proof before it returns it, so
// that a wrong trace or a bug gives an error and never a wrong proof; the error is ErrSelfCheck if our own verifier rejects the
// proof. When ctx ends, Prove returns ctx's error within about a second.
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

// ErrSelfCheck is returned if our own verifier rejects a proof that Prove has just made.
var ErrSelfCheck = errors.New("prover: our own verifier rejects the new proof")

// Security that a Policy demands.
const (
	DefaultMinBits = 96 // bits of conjectured security that a zero MinBits demands
	AnyBits        = -1 // a MinBits that accepts any security

	// A policy that demands fewer bits than boundedBits also accepts parameters outside the bounds of the official verifiers.
	boundedBits = 80
)

// Policy is what Verify demands of a proof.
type Policy struct {
	MinBits       int             // bits of conjectured security; 0 means DefaultMinBits, AnyBits accepts all
	MinProvenBits uint            // bits of proven security
	Program       *felt.Felt      // hash of the program that must have run; nil accepts any program
	Versions      []stone.Version // accepted protocol versions; empty means stone.V6 alone
	// Bare also accepts a public input that does not describe a whole run (see Claim). The claim then holds only the layout,
	// the steps and the security. It is meant for examining proofs of other systems.
	Bare bool
}

// SecurityError is returned for a proof with less security than the policy demands.
type SecurityError struct {
	Security security.Bits // of the proof
	reason   string
}

func (e *SecurityError) Error() string { return "prover: " + e.reason }

// ProgramError is returned for a proof of another program than the one that the policy demands.
type ProgramError struct {
	Hash, Demanded felt.Felt // hashes of programs
	Builtins       []string  // builtins of the proof's program
}

func (e *ProgramError) Error() string {
	return fmt.Sprintf("prover: the proof is of program %v with builtins %v, demanded is %v", e.Hash, e.Builtins, e.Demanded)
}

// Verify checks a proof and returns the claim that it proves. The proof may come from an untrusted source: the parameters fix
// all sizes before anything is allocated, every encoding must be canonical, and nothing may follow the proof. Cheap checks come
// first: nothing is hashed before the parameters, the public input and the proof's length have been checked.
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
			claim.Version = v.String()
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

// Examine makes all checks of Verify that need no hashing, and returns the claim that the proof would prove.
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

// admits returns an error if the policy does not accept this security, or parameters that are not within the bounds of the official verifiers.
func (policy *Policy) admits(p interface{ CheckBounds() error }, s security.Bits) error {
	least := uint(DefaultMinBits)
	switch {
	case policy.MinBits > 0:
		least = uint(policy.MinBits)
	case policy.MinBits < 0:
		least = 0
	}
	reject := func(format string, args ...any) error { return &SecurityError{s, fmt.Sprintf(format, args...)} }
	switch {
	case s.Conjectured < least:
		return reject("parameters give %d bits of conjectured security, %d are demanded", s.Conjectured, least)
	case s.Proven < policy.MinProvenBits:
		return reject("parameters give %d bits of proven security, %d are demanded", s.Proven, policy.MinProvenBits)
	case least < boundedBits:
		return nil
	}
	if err := p.CheckBounds(); err != nil {
		return reject("%v for %d bits of security and more", err, boundedBits)
	}
	return nil
}
