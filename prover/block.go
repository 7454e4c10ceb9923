package prover

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover/block/statement"
)

// BlockFormat names the file form of a BlockProof.
const BlockFormat = "starkd-block-proof/2"

// What a block proof is checked against and with: see prover/block/statement.
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

// The file form is {"format":…,"sha256":…,"body":…}, where the digest is of the body's bytes as they stand.
const (
	fileFormat = `{"format":"`
	fileDigest = `","sha256":"`
	fileBody   = `","body":`
	fileEnd    = `}`
)

// encoding is how the body is written: as encoding/json writes it, in which the first bundles were.
var encoding = jsonv2.JoinOptions(jsonv2.FormatNilSliceAsNull(true), jsonv2.Deterministic(true), jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true))

// Encode is the file form.
func (b *BlockProof) Encode() ([]byte, error) {
	body, err := jsonv2.Marshal(b, encoding)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	head := fileFormat + BlockFormat + fileDigest + hex.EncodeToString(digest[:]) + fileBody
	return slices.Concat([]byte(head), body, []byte(fileEnd)), nil
}

// ErrNotBlockProof is a file that is not one of a BlockProof; it may be a Stone proof.
var ErrNotBlockProof = errors.New("prover: not a " + BlockFormat + " file")

// What the lists of a bundle hold at most: more than the largest block that a chain with the default genesis can have, by far, and
// little enough that they fit in memory. docs/limits.md counts them.
const (
	maxBlockTransactions = 1 << 16
	maxBlockClasses      = 1 << 14
	maxBlockSlots        = 1 << 20
	maxCompiledJSON      = 8 << 20 // bytes of a compiled class: 81,920 felts of 69 bytes, and entry points
	maxHeaderJSON        = 4 << 20 // bytes of a signed header: 10,000 signatures of some 300 bytes
)

// decoding reads a body: known members only, bounded lists. Of each list it says the least that a complete element takes.
func decoding(body []byte) jsonv2.Options {
	return jsonv2.JoinOptions(jsonv2.RejectUnknownMembers(true), jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
		bounded.List[*Proof]("proofs", maxBlockTransactions, len(`null`)),
		bounded.List[HexBytes]("transactions", maxBlockTransactions, len(`""`)),
		bounded.List[Result]("results", maxBlockTransactions, len(`{"code":0,"data":"","gas_wanted":0,"gas_used":0}`)),
		bounded.List[statement.Compiled]("classes", maxBlockClasses, len(`{"class_hash":"0x0","compiled_class":{}}`)),
		bounded.List[statement.Write]("opening writes", 1, len(`{"contract":"0x0","key":"0x0","value":"0x0"}`)),
		bounded.List[Uncovered]("uncovered transactions", maxBlockTransactions, len(`{"index":0,"reason":{"class_hash":"0x0","selector":"0x0"},"diff":""}`)),
		bounded.List[Validation]("validations", maxBlockTransactions, len(`{"index":0,"events":1}`)),
		bounded.List[SlotChange]("slots of a validation", maxBlockSlots, len(`{"key":"0x0","value":"0x0"}`)),
		bounded.List[statement.PrestateLeaf]("contracts of the prestate", maxBlockSlots, len(`{"address":"0x0","class_hash":"0x0","storage_root":"0x0","nonce":"0x0"}`)),
		bounded.List[statement.PrestateNode]("trie nodes", maxBlockSlots, 2*34+len(`""`)),
		jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, headers *[2]json.RawMessage) error {
			return readHeaders(d, body, headers)
		}),
		jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, class *json.RawMessage) (err error) {
			*class, err = readRaw(d, body, maxCompiledJSON)
			return err
		}),
	)))
}

func readRaw(d *jsontext.Decoder, body []byte, most int) (json.RawMessage, error) {
	value, err := bounded.Raw(d, body, most)
	return json.RawMessage(value), err
}

func readHeaders(d *jsontext.Decoder, body []byte, headers *[2]json.RawMessage) error {
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != '[' {
		return fmt.Errorf("headers: want a list of two, got a JSON %v", t.Kind())
	}
	for i := range headers {
		var err error
		if headers[i], err = readRaw(d, body, maxHeaderJSON); err != nil {
			return fmt.Errorf("header %d: %w", i, err)
		}
	}
	if t, err := d.ReadToken(); err != nil {
		return err
	} else if t.Kind() != ']' {
		return errors.New("more than two headers")
	}
	return nil
}

// ParseBlockProof reads a file. It decodes; VerifyBlock checks. What comes back may share memory with data.
//
// The cheapest check comes first: sizes, then the shape of the body, read as a stream that ends at the first fault, then its digest, then
// whether it is the one text for its value.
func ParseBlockProof(data []byte) (*BlockProof, error) {
	if !bytes.HasPrefix(data, []byte(fileFormat+"starkd-block-proof/")) {
		return nil, ErrNotBlockProof
	}
	if len(data) > MaxProofJSON {
		return nil, fmt.Errorf("prover: file of %d bytes, at most %d", len(data), MaxProofJSON)
	}
	rest, ok := bytes.CutPrefix(data, []byte(fileFormat+BlockFormat+fileDigest))
	if !ok {
		return nil, fmt.Errorf("prover: file begins with %.60q, want format %q", data, BlockFormat)
	}
	if len(rest) < 2*sha256.Size+len(fileBody)+len(fileEnd) || string(rest[2*sha256.Size:][:len(fileBody)]) != fileBody || rest[len(rest)-1] != '}' {
		return nil, errNotCanonical
	}
	digest, body := rest[:2*sha256.Size], rest[2*sha256.Size+len(fileBody):len(rest)-len(fileEnd)]
	b := new(BlockProof)
	if err := jsonv2.Unmarshal(body, b, decoding(body)); err != nil {
		return nil, fmt.Errorf("prover: body: %w", bounded.Fault(err))
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != string(digest) {
		return nil, fmt.Errorf("prover: the body's digest is %x, the file says %.80q", sum, digest)
	}
	same := &comparer{rest: body}
	if err := jsonv2.MarshalWrite(same, b, encoding); err != nil {
		return nil, err
	}
	if len(same.rest) != 0 {
		return nil, errNotCanonical
	}
	return b, nil
}

var errNotCanonical = errors.New("prover: the file is not in canonical form")

// comparer is a writer that fails at the first byte that differs from what it expects.
type comparer struct{ rest []byte }

func (c *comparer) Write(p []byte) (int, error) {
	rest, ok := bytes.CutPrefix(c.rest, p)
	if !ok {
		return 0, errNotCanonical
	}
	c.rest = rest
	return len(p), nil
}

// BlockVerdict is what a block's proofs show.
type BlockVerdict struct {
	*statement.Verdict
	Security Security // of the weakest proof
	Steps    uint64
	Layout   string
}

// VerifyBlock checks a block's proofs and replays what they prove against the anchor, which is all that is trusted. The
// witness's transactions and results must have been compared with the signed hashes.
//
// A proof's public memory is hashed last, since a stranger can make it large: by then the shape of all proofs is known to be right, and
// what they claim to be the block that the anchor names.
func VerifyBlock(b *BlockProof, anchor *statement.Anchor, policy Policy) (*BlockVerdict, error) {
	if len(b.Proofs) == 0 {
		return nil, errors.New("prover: no proofs")
	}
	if b.Block != anchor.Number {
		return nil, fmt.Errorf("prover: the proof is of block %d, not %d", b.Block, anchor.Number)
	}
	if n := len(b.Witness.Transactions); len(b.Proofs) > n {
		return nil, fmt.Errorf("prover: %d proofs of a block of %d transactions", len(b.Proofs), n)
	}
	if policy.Program != nil && *policy.Program != OSProgramHash {
		return nil, &ProgramError{OSProgramHash, *policy.Program, []string{"output", "pedersen", "range_check", "bitwise"}}
	}
	verdict := new(BlockVerdict)
	policy.Bare, policy.Program = true, nil // what a claim of the block is, the statement says, program and all
	for i, p := range b.Proofs {
		claim, err := p.examine(policy)
		if err != nil {
			return nil, fmt.Errorf("prover: proof %d of %d: %w", i+1, len(b.Proofs), err)
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
	for i, p := range b.Proofs {
		if _, err := Verify(p, policy); err != nil {
			return nil, fmt.Errorf("prover: proof %d of %d: %w", i+1, len(b.Proofs), err)
		}
	}
	return verdict, nil
}

// publicInput is a Cairo run's public input as prover/block/statement reads it.
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
