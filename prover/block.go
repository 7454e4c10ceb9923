package prover

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/statement"
)

// BlockFormat names the file form of a BlockProof.
const BlockFormat = "starkd-block-proof/2"

// What a block proof is checked against and with: see prover/statement.
type (
	Anchor   = statement.Anchor
	Witness  = statement.Witness
	Result   = statement.Result
	HexBytes = statement.HexBytes
	Tries    = statement.Tries
	// Transactions that no proof covers, and what signature checks leave behind.
	Uncovered  = statement.Uncovered
	Reason     = statement.Reason
	Validation = statement.Validation
	SlotChange = statement.SlotChange
	// TransactionOutcome is what a proof shows of one transaction.
	TransactionOutcome = statement.TransactionOutcome
)

// OSProgramHash is the hash of the program that block proofs prove, as the official cairo-hash-program computes it.
var OSProgramHash = statement.ProgramHash

// BlockProof is a block's proofs with the witness that their check needs: what the proof store keeps and a third party
// checks. Its file form is canonical: there is exactly one for each value, and it carries its own digest.
type BlockProof struct {
	Chain   string            `json:"chain_id"` // CometBFT's name of the chain
	Block   uint64            `json:"block"`
	Proofs  []*Proof          `json:"proofs"` // of the covered transactions, in order
	Witness statement.Witness `json:"witness"`
	// Headers are the signed headers of heights n and n+1 with their commits, in CometBFT's JSON. Whoever checks the
	// proof makes the anchor of them; they mean nothing here.
	Headers [2]json.RawMessage `json:"headers"`
}

// blockFile is the file form: the body's bytes are digested as they stand.
type blockFile struct {
	Format string          `json:"format"`
	SHA256 string          `json:"sha256"`
	Body   json.RawMessage `json:"body"`
}

// Encode is the file form.
func (b *BlockProof) Encode() ([]byte, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	return json.Marshal(blockFile{BlockFormat, hex.EncodeToString(digest[:]), body})
}

// ErrNotBlockProof is a file that is not one of a BlockProof; it may be a Stone proof.
var ErrNotBlockProof = errors.New("prover: not a " + BlockFormat + " file")

// ParseBlockProof reads a file. It decodes; VerifyBlock checks.
func ParseBlockProof(data []byte) (*BlockProof, error) {
	if !bytes.HasPrefix(data, []byte(`{"format":"starkd-block-proof/`)) {
		return nil, ErrNotBlockProof
	}
	if len(data) > MaxProofJSON {
		return nil, fmt.Errorf("prover: file of %d bytes, at most %d", len(data), MaxProofJSON)
	}
	var file blockFile
	if err := strictJSON(data, &file); err != nil {
		return nil, err
	}
	if file.Format != BlockFormat {
		return nil, fmt.Errorf("prover: format %q, want %q", file.Format, BlockFormat)
	}
	if digest := sha256.Sum256(file.Body); hex.EncodeToString(digest[:]) != file.SHA256 {
		return nil, fmt.Errorf("prover: the body's digest is %x, the file says %.80s", digest, file.SHA256)
	}
	b := new(BlockProof)
	if err := strictJSON(file.Body, b); err != nil {
		return nil, err
	}
	again, err := b.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("prover: the file is not in canonical form")
	}
	return b, nil
}

func strictJSON(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("prover: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("prover: bytes follow the JSON value")
	}
	return nil
}

// BlockVerdict is what a block's proofs show.
type BlockVerdict struct {
	*statement.Verdict
	Bits   uint // of the weakest proof
	Steps  uint64
	Layout string
}

// VerifyBlock checks a block's proofs and replays what they prove against the anchor, which is all that is trusted. The
// witness's transactions and results must have been compared with the signed hashes.
func VerifyBlock(b *BlockProof, anchor *statement.Anchor, policy Policy) (*BlockVerdict, error) {
	if len(b.Proofs) == 0 {
		return nil, errors.New("prover: no proofs")
	}
	if b.Block != anchor.Number {
		return nil, fmt.Errorf("prover: the proof is of block %d, not %d", b.Block, anchor.Number)
	}
	verdict := new(BlockVerdict)
	for i, p := range b.Proofs {
		if p == nil {
			return nil, fmt.Errorf("prover: proof %d is missing", i)
		}
		claim, err := Verify(p, policy)
		if err != nil {
			return nil, fmt.Errorf("prover: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
		if verdict.Bits == 0 || claim.Bits < verdict.Bits {
			verdict.Bits = claim.Bits
		}
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

// publicInput is a Cairo run's public input as prover/statement reads it.
func publicInput(in *cairo.PublicInput) *statement.PublicInput {
	out := &statement.PublicInput{Layout: in.Layout}
	for _, s := range in.Segments {
		out.Segments = append(out.Segments, statement.Segment(s))
	}
	for _, c := range in.Memory {
		out.Memory = append(out.Memory, statement.Cell{Address: c.Address, Value: c.Value})
	}
	return out
}
