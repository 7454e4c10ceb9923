package block

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/security"
)

// Verdict describes what the proofs of a bundle show.
type Verdict struct {
	*statement.Verdict                      // of the first block
	Blocks             []*statement.Verdict // of all blocks
	Security           security.Bits        // the least of all proofs, in each measure
	Steps              uint64
	Layout             string
	Format             statement.Format // version of the OS program
}

// Covers returns nil if the proof covers a transaction of one of its blocks, whose anchors are given. The error is a
// *statement.NotCoveredError of the transaction's block, or of the last block if none has the transaction.
func (v *Verdict) Covers(anchors []*statement.Anchor, transaction felt.Felt) (err error) {
	for i, b := range v.Blocks {
		err = b.Outcome.Covers(anchors[i].Number, transaction)
		if absent, ok := errors.AsType[*statement.NotCoveredError](err); !ok || absent.Reason != nil {
			break
		}
	}
	return err
}

// Verify checks a block's proofs and replays their claims against the anchor, which is all that it trusts. The caller must have
// compared the witness's transactions and results with the signed hashes.
//
// The proofs' public memories are hashed last, since an untrusted file can make them large. By then all proofs are known to
// have the right shape, and their claims to describe the anchor's block.
func Verify(b *Bundle, anchor *statement.Anchor, policy prover.Policy) (*Verdict, error) {
	return VerifyRange(b, []*statement.Anchor{anchor}, policy)
}

// VerifyRange does what Verify does for a bundle of several blocks, with an anchor for each.
func VerifyRange(b *Bundle, anchors []*statement.Anchor, policy prover.Policy) (*Verdict, error) {
	verdict, err := CheckRange(b, anchors, policy)
	if err != nil {
		return nil, err
	}
	policy.Bare, policy.Program = true, nil
	faults := make([]error, len(b.Proofs))
	parallel.Each(len(faults), func(i int) { faults[i] = b.Proofs[i].verify(policy) })
	for i, err := range faults {
		if err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
	}
	return verdict, nil
}

// Check makes the checks of Verify except those of the STARKs. It is for proofs that prover.Prove or prover.ProveStwo
// has returned and therefore verified.
func Check(b *Bundle, anchor *statement.Anchor, policy prover.Policy) (*Verdict, error) {
	return CheckRange(b, []*statement.Anchor{anchor}, policy)
}

// CheckRange does what Check does for a bundle of several blocks, with an anchor for each.
func CheckRange(b *Bundle, anchors []*statement.Anchor, policy prover.Policy) (*Verdict, error) {
	if len(b.Proofs) == 0 {
		return nil, errors.New("block: no proofs")
	}
	if len(anchors) != 1+len(b.Others) {
		return nil, fmt.Errorf("block: the proof is of %d blocks, %d are known", 1+len(b.Others), len(anchors))
	}
	each, err := b.Each()
	if err != nil {
		return nil, err
	}
	n := 0
	var witnesses []*statement.Witness
	for i, one := range each {
		if one.Block != anchors[i].Number {
			return nil, fmt.Errorf("block: the proof is of block %d, not %d", one.Block, anchors[i].Number)
		}
		n += len(one.Witness.Transactions)
		witnesses = append(witnesses, &one.Witness)
	}
	if len(b.Proofs) > n {
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
	if verdict.Blocks, err = statement.CheckRange(anchors, witnesses, claims); err != nil {
		return nil, err
	}
	verdict.Verdict = verdict.Blocks[0]
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
