// Package block makes and checks proofs of Starknet blocks. A Bundle is what a proof store keeps and a third party checks: the
// proofs of a block's runs of the OS program (cairo/os), the witness that their check needs, and the signed headers.
//
//	bundle, err := block.Parse(file)
//	anchor, err := headers.Verify(bundle, &trust) // what validators signed
//	verdict, err := block.Verify(bundle, anchor, policy)
//
// Package statement says what the proofs mean; package headers makes the anchor of signed headers.
package block

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

	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
)

// format names the file form of a Bundle.
const format = "starkd-block-proof/2"

// Bundle is a block's proofs with the witness that their check needs. Its file form is canonical: there is exactly one for each value, and it carries its own digest.
type Bundle struct {
	Chain   string            `json:"chain_id"` // CometBFT's name of the chain
	Block   uint64            `json:"block"`
	Proofs  []*stone.Proof    `json:"proofs"` // of the covered transactions, in order
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

// Encode returns the file form.
func (b *Bundle) Encode() ([]byte, error) {
	body, err := jsonv2.Marshal(b, encoding)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	head := fileFormat + format + fileDigest + hex.EncodeToString(digest[:]) + fileBody
	return slices.Concat([]byte(head), body, []byte(fileEnd)), nil
}

// ErrNotBundle is returned for a file that is not a Bundle's; it may be a Stone proof.
var ErrNotBundle = errors.New("block: not a " + format + " file")

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
		bounded.List[*stone.Proof]("proofs", maxBlockTransactions, len(`null`)),
		bounded.List[statement.HexBytes]("transactions", maxBlockTransactions, len(`""`)),
		bounded.List[statement.Result]("results", maxBlockTransactions, len(`{"code":0,"data":"","gas_wanted":0,"gas_used":0}`)),
		bounded.List[statement.Compiled]("classes", maxBlockClasses, len(`{"class_hash":"0x0","compiled_class":{}}`)),
		bounded.List[statement.Write]("opening writes", 1, len(`{"contract":"0x0","key":"0x0","value":"0x0"}`)),
		bounded.List[statement.Unproven]("uncovered transactions", maxBlockTransactions, len(`{"index":0,"reason":{"class_hash":"0x0","selector":"0x0"},"diff":""}`)),
		bounded.List[statement.Validation]("validations", maxBlockTransactions, len(`{"index":0,"events":1}`)),
		bounded.List[statement.SlotChange]("slots of a validation", maxBlockSlots, len(`{"key":"0x0","value":"0x0"}`)),
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

// Parse reads a file. It decodes; Verify checks. What comes back may share memory with data.
//
// The cheapest check comes first: sizes, then the shape of the body, read as a stream that ends at the first fault, then its digest, then
// whether it is the one text for its value.
func Parse(data []byte) (*Bundle, error) {
	if !bytes.HasPrefix(data, []byte(fileFormat+"starkd-block-proof/")) {
		return nil, ErrNotBundle
	}
	if len(data) > stone.MaxProofJSON {
		return nil, fmt.Errorf("block: file of %d bytes, at most %d", len(data), stone.MaxProofJSON)
	}
	rest, ok := bytes.CutPrefix(data, []byte(fileFormat+format+fileDigest))
	if !ok {
		return nil, fmt.Errorf("block: file begins with %.60q, want format %q", data, format)
	}
	if len(rest) < 2*sha256.Size+len(fileBody)+len(fileEnd) || string(rest[2*sha256.Size:][:len(fileBody)]) != fileBody || rest[len(rest)-1] != '}' {
		return nil, errNotCanonical
	}
	digest, body := rest[:2*sha256.Size], rest[2*sha256.Size+len(fileBody):len(rest)-len(fileEnd)]
	b := new(Bundle)
	if err := jsonv2.Unmarshal(body, b, decoding(body)); err != nil {
		return nil, fmt.Errorf("block: body: %w", bounded.Fault(err))
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != string(digest) {
		return nil, fmt.Errorf("block: the body's digest is %x, the file says %.80q", sum, digest)
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

var errNotCanonical = errors.New("block: the file is not in canonical form")

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
