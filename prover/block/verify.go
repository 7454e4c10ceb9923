package block

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/security"
)

// Verdict is what a block's proofs show.
type Verdict struct {
	*statement.Verdict
	Security security.Bits // of the weakest proof
	Steps    uint64
	Layout   string
}

// Verify checks a block's proofs and replays what they prove against the anchor, which is all that is trusted. The
// witness's transactions and results must have been compared with the signed hashes.
//
// A proof's public memory is hashed last, since a stranger can make it large: by then the shape of all proofs is known to be right, and
// what they claim to be the block that the anchor names.
func Verify(b *Bundle, anchor *statement.Anchor, policy prover.Policy) (*Verdict, error) {
	verdict, err := Check(b, anchor, policy)
	if err != nil {
		return nil, err
	}
	policy.Bare, policy.Program = true, nil
	for i, p := range b.Proofs {
		if _, err := prover.Verify(p, policy); err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
	}
	return verdict, nil
}

// Check is Verify without the STARKs, for proofs that prover.Prove has just returned: it has verified them.
func Check(b *Bundle, anchor *statement.Anchor, policy prover.Policy) (*Verdict, error) {
	if len(b.Proofs) == 0 {
		return nil, errors.New("block: no proofs")
	}
	if b.Block != anchor.Number {
		return nil, fmt.Errorf("block: the proof is of block %d, not %d", b.Block, anchor.Number)
	}
	if n := len(b.Witness.Transactions); len(b.Proofs) > n {
		return nil, fmt.Errorf("block: %d proofs of a block of %d transactions", len(b.Proofs), n)
	}
	if policy.Program != nil && *policy.Program != statement.ProgramHash {
		return nil, &prover.ProgramError{
			Hash: statement.ProgramHash, Demanded: *policy.Program, Builtins: []string{"output", "pedersen", "range_check", "bitwise"},
		}
	}
	verdict := new(Verdict)
	policy.Bare, policy.Program = true, nil // what a claim of the block is, the statement says, program and all
	for i, p := range b.Proofs {
		claim, err := prover.Examine(p, policy)
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
	claims, err := b.claims()
	if err != nil {
		return nil, err
	}
	if verdict.Verdict, err = b.Witness.Check(anchor, claims); err != nil {
		return nil, err
	}
	return verdict, nil
}

// publicInput returns a Cairo run's public input as prover/block/statement reads it.
func publicInput(in *cairo.PublicInput) *statement.PublicInput {
	out := &statement.PublicInput{Layout: in.Layout, Memory: make([]statement.Cell, 0, len(in.Memory))}
	for _, s := range in.Segments {
		out.Segments = append(out.Segments, statement.Segment(s))
	}
	for _, c := range in.Memory {
		out.Memory = append(out.Memory, statement.Cell{Address: c.Address, Value: c.Value})
	}
	return out
}

// claims returns what the public inputs of the proofs say.
func (b *Bundle) claims() ([]*statement.Claim, error) {
	var claims []*statement.Claim
	for i, p := range b.Proofs {
		claim, err := statement.ReadClaim(publicInput(p.PublicInput))
		if err != nil {
			return nil, fmt.Errorf("block: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
		claims = append(claims, claim)
	}
	return claims, nil
}
