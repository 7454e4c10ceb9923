package block

import (
	"errors"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/prover/stwo"
)

// Proof is a proof of a run of the OS program, of one of the two proof systems: exactly one member is set.
type Proof struct {
	Stone *stone.Proof `json:"stone,omitempty"`
	// Stwo is starkd's binary file of a proof of S-two, base64 in JSON. A bundle does not fix its compression, so that two files may hold
	// the same proof.
	Stwo []byte `json:"stwo,omitempty"`

	opened *stwo.Proof // the proof in Stwo, once it has been decoded
}

// NewStwo returns a proof of S-two.
func NewStwo(p *stwo.Proof) *Proof { return &Proof{Stwo: p.AppendBinary(nil), opened: p} }

// open decodes the proof of S-two in p.
func (p *Proof) open() (*stwo.Proof, error) {
	switch {
	case p == nil || p.Stone == nil && len(p.Stwo) == 0:
		return nil, errors.New("no proof")
	case p.Stone != nil && len(p.Stwo) > 0:
		return nil, errors.New("proofs of two systems in the place of one")
	case p.Stone != nil || p.opened != nil:
		return p.opened, nil
	}
	opened, err := stwo.ParseBinary(p.Stwo)
	p.opened = opened
	return opened, err
}

// Verify checks the proof alone: that it proves some run, with the security that the policy demands. Bundles that hold it are checked by the function Verify.
func (p *Proof) Verify(policy prover.Policy) error {
	if _, err := p.open(); err != nil {
		return err
	}
	policy.Bare, policy.Program = true, nil
	return p.verify(policy)
}

// examine makes all checks of verify that need no hashing, and returns the claim that the proof would prove.
func (p *Proof) examine(policy prover.Policy) (*prover.Claim, error) {
	s, err := p.open()
	if err != nil {
		return nil, err
	}
	if s == nil {
		return prover.Examine(p.Stone, policy)
	}
	return prover.ExamineStwo(s, policy)
}

// verify checks the proof.
func (p *Proof) verify(policy prover.Policy) (err error) {
	if p.opened == nil {
		_, err = prover.Verify(p.Stone, policy)
	} else {
		_, err = prover.VerifyStwo(p.opened, policy)
	}
	return err
}

// format returns the version of the OS program that the proof's system proves.
func (p *Proof) format() statement.Format {
	if p.opened == nil {
		return statement.FormatStone
	}
	return statement.FormatStwo
}

// claim returns the claim of a run of the OS program in the proof's public input. open must have succeeded.
func (p *Proof) claim() (*statement.Claim, error) {
	if p.opened == nil {
		return statement.ReadClaim(stoneInput(p.Stone.PublicInput))
	}
	public := &p.opened.Claim.Public
	return statement.StwoClaim(public.ProgramWords(), public.OutputWords(), uint64(public.Final.AP))
}

// stoneInput converts the public input of a Stone proof to the form of package statement.
func stoneInput(in *cairo.PublicInput) *statement.PublicInput {
	out := &statement.PublicInput{Layout: in.Layout, Memory: make([]statement.Cell, 0, len(in.Memory))}
	for _, s := range in.Segments {
		out.Segments = append(out.Segments, statement.Segment(s))
	}
	for _, c := range in.Memory {
		out.Memory = append(out.Memory, statement.Cell{Address: c.Address, Value: c.Value})
	}
	return out
}
