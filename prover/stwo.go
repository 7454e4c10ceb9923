package prover

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stwo"
)

// LayoutStwo is the name of the only layout of S-two's proofs.
const LayoutStwo = "all_cairo_stwo"

// VerifyStwo checks a proof of S-two and returns the claim that it proves, as Verify does for proofs of Stone. Versions of the policy has no
// meaning for such proofs. With Bare the claim holds only the layout, the steps and the security; the claim of such a proof describes a whole run
// in any case.
//
// The program's hash is that of StarkWare's verifiers, a BLAKE2s hash of the words, unless the policy demands the hash that cairo-hash-program prints.
func VerifyStwo(p *stwo.Proof, policy Policy) (*Claim, error) {
	if p == nil {
		return nil, errors.New("prover: no proof")
	}
	public := &p.Claim.Public
	claim := &Claim{Layout: LayoutStwo, Version: stwo.Version}
	if err := p.VerifyIf(func() error {
		claim.Steps, claim.Security = p.Claim.Steps(), p.Security()
		return policy.admits(p, claim.Security)
	}); err != nil {
		return nil, err
	}
	if policy.Bare {
		return claim, nil
	}
	claim.Program = &Program{Words: public.ProgramWords(), Main: public.Main(), Builtins: public.Builtins()}
	claim.Output = public.OutputWords()
	if err := claim.name(public, &policy); err != nil {
		return nil, err
	}
	return claim, nil
}

// ExamineStwo makes all checks of VerifyStwo that need no hashing. The claim that it returns has the layout, the steps and the security only.
func ExamineStwo(p *stwo.Proof, policy Policy) (*Claim, error) {
	if p == nil {
		return nil, errors.New("prover: no proof")
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	claim := &Claim{Layout: LayoutStwo, Steps: p.Claim.Steps(), Security: p.Security()}
	if err := policy.admits(p, claim.Security); err != nil {
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
