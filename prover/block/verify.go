package block

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/security"
)

// Verdict describes what the proofs of a block show.
type Verdict struct {
	*statement.Verdict
	Security security.Bits // the least of all proofs, in each measure
	Steps    uint64
	Layout   string
	Format   statement.Format // version of the OS program
}

// Verify checks a block's proofs and replays their claims against the anchor, which is all that it trusts. The caller must have
// compared the witness's transactions and results with the signed hashes.
//
// The proofs' public memories are hashed last, since an untrusted file can make them large. By then all proofs are known to
// have the right shape, and their claims to describe the anchor's block.
func Verify(b *Bundle, anchor *statement.Anchor, policy prover.Policy) (*Verdict, error) {
	verdict, err := Check(b, anchor, policy)
	if err != nil {
		return nil, err
	}
	policy.Bare, policy.Program = true, nil
	for i, p := range b.Proofs {
		if err := p.verify(policy); err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
	}
	return verdict, nil
}

// Check makes the checks of Verify except those of the STARKs. It is for proofs that prover.Prove or prover.ProveStwo
// has returned and therefore verified.
func Check(b *Bundle, anchor *statement.Anchor, policy prover.Policy) (*Verdict, error) {
	if len(b.Proofs) == 0 {
		return nil, errors.New("block: no proofs")
	}
	if b.Block != anchor.Number {
		return nil, fmt.Errorf("block: the proof is of block %d, not %d", b.Block, anchor.Number)
	}
	if n := len(b.Witness.Transactions); len(b.Proofs) > n {
		return nil, fmt.Errorf("block: %d proofs for a block of %d transactions", len(b.Proofs), n)
	}
	demanded := policy.Program
	verdict := new(Verdict)
	policy.Bare, policy.Program = true, nil // package statement checks the public input, the program included
	for i, p := range b.Proofs {
		claim, err := p.examine(policy)
		if err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
		if i == 0 {
			verdict.Security = claim.Security
		}
		verdict.Security = verdict.Security.Least(claim.Security)
		verdict.Steps += claim.Steps
		verdict.Layout = claim.Layout
	}
	verdict.Format = b.Proofs[0].format()
	if program := verdict.Format; demanded != nil && *demanded != program.ProgramHash() {
		return nil, &prover.ProgramError{Hash: program.ProgramHash(), Demanded: *demanded, Builtins: program.Builtins()}
	}
	claims, err := b.claims()
	if err != nil {
		return nil, err
	}
	if verdict.Verdict, err = b.Witness.Check(anchor, claims); err != nil {
		return nil, err
	}
	return verdict, nil
}

// claims returns the claims in the public inputs of the proofs.
func (b *Bundle) claims() ([]*statement.Claim, error) {
	var claims []*statement.Claim
	for i, p := range b.Proofs {
		if _, err := p.open(); err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
		claim, err := p.claim()
		if err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
		claims = append(claims, claim)
	}
	return claims, nil
}
