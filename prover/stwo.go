package prover

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stwo"
)

// stwoLayout is the name of the only layout of S-two's proofs.
const stwoLayout = "all_cairo_stwo"

// VerifyStwo checks a proof of S-two and returns the claim that it proves, as Verify does for proofs of Stone. Bare and Versions of the policy have no
// meaning for such proofs.
//
// The program's hash is that of StarkWare's verifiers, a BLAKE2s hash of the words, unless the policy demands the hash that cairo-hash-program prints.
func VerifyStwo(p *stwo.Proof, policy Policy) (*Claim, error) {
	if p == nil {
		return nil, errors.New("prover: no proof")
	}
	public := &p.Claim.Public
	claim := &Claim{Layout: stwoLayout, Version: stwo.Version}
	if err := p.VerifyIf(func() error {
		claim.Steps, claim.Security = p.Claim.Steps(), p.Security()
		return policy.admits(p, claim.Security)
	}); err != nil {
		return nil, err
	}
	claim.Program = &Program{Words: public.ProgramWords(), Main: public.Main(), Builtins: public.Builtins()}
	claim.Output = public.OutputWords()
	if err := claim.name(public, &policy); err != nil {
		return nil, err
	}
	return claim, nil
}

// name fills in the program's hash. If the policy demands a program, name returns an error unless it is the proof's.
func (c *Claim) name(public *stwo.PublicData, policy *Policy) error {
	c.ProgramHash = public.ProgramHash()
	if policy.Program == nil {
		return nil
	}
	if c.ProgramHash == *policy.Program {
		// This hash does not cover the builtins, so it names a program only if main takes all of them.
		if n := len(c.Program.Builtins); n != stwo.SegmentCount {
			return fmt.Errorf("prover: the hash %v does not cover the builtins, and the program takes only %d of %d: demand the hash that cairo-hash-program prints",
				c.ProgramHash, n, stwo.SegmentCount)
		}
		c.Named = true
		return nil
	}
	if hash := c.Program.Hash(); hash == *policy.Program {
		c.ProgramHash, c.Named = hash, true
		return nil
	}
	return &ProgramError{c.ProgramHash, *policy.Program, c.Program.Builtins}
}
