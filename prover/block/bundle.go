// Package block makes and checks proofs of Starknet blocks. A Bundle is the file that a proof store keeps and a third party
// checks. It holds the proofs of a block's runs of the OS program (cairo/os), the witness for their check, and the signed
// headers.
//
//	bundle, err := block.Parse(file)
//	anchor, err := headers.Verify(bundle, &trust) // what validators signed
//	verdict, err := block.Verify(bundle, anchor, policy)
//
// Package statement defines what the proofs mean. Package headers derives the anchor from the signed headers.
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

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
)

// Versions of the file format of a Bundle. In version 2 all proofs are Stone's, and a proof is the text of Stone's file. In version 3 a
// proof is a [Proof] of either system.
const (
	format2 = "starkd-block-proof/2"
	format3 = "starkd-block-proof/3"
)

// Bundle holds the proofs of a block and the witness for their check. Its file format is canonical: each value has exactly one
// file. A file contains the digest of its body.
type Bundle struct {
	Version int               `json:"-"`        // of the file format, 2 or 3; 0 means 3
	Chain   string            `json:"chain_id"` // chain id of CometBFT's genesis
	Block   uint64            `json:"block"`
	Proofs  []*Proof          `json:"proofs"` // of the proven transactions, in order
	Witness statement.Witness `json:"witness"`
	// Headers are the signed headers of heights n and n+1 with their commits, in CometBFT's JSON. headers.Verify derives the
	// anchor from them. This package does not read them.
	Headers [2]json.RawMessage `json:"headers"`
	// Others are the other blocks with transactions in the proofs, ascending, after Block. A proof of several blocks is checked with all of them,
	// because a claim holds only as a whole.
	Others []*Other `json:"others,omitempty"`
}

// Other is a block of a bundle after its first one: what Bundle has of that one. A class in its witness that an earlier block of the bundle has too is null.
type Other struct {
	Block   uint64             `json:"block"`
	Witness statement.Witness  `json:"witness"`
	Headers [2]json.RawMessage `json:"headers"`
}

// Each returns a bundle for each block of b, with the block's own number, witness and headers, and without the others. Their classes are whole. The error
// names a class that no earlier block has.
func (b *Bundle) Each() ([]*Bundle, error) {
	first := *b
	first.Others = nil
	all := []*Bundle{&first}
	known := map[felt.Felt]json.RawMessage{}
	for _, o := range b.Others {
		for _, c := range all[len(all)-1].Witness.Classes {
			known[c.Hash] = c.Class
		}
		if o == nil || o.Block <= all[len(all)-1].Block {
			return nil, errors.New("block: the blocks of the file are not ascending")
		}
		one := &Bundle{Version: b.Version, Chain: b.Chain, Block: o.Block, Proofs: b.Proofs, Witness: o.Witness, Headers: o.Headers}
		one.Witness.Classes = slices.Clone(o.Witness.Classes)
		for i := range one.Witness.Classes {
			c := &one.Witness.Classes[i]
			if string(c.Class) != "null" {
				continue
			}
			if c.Class = known[c.Hash]; c.Class == nil {
				return nil, fmt.Errorf("block: the witness of block %d refers to the compiled class of %v, which no earlier block of the file has", o.Block, c.Hash)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// Add adds the block of another bundle, which must be after those of b, as one of its others. The proofs of other are not used.
func (b *Bundle) Add(other *Bundle) {
	known := map[felt.Felt]bool{}
	note := func(w *statement.Witness) {
		for _, c := range w.Classes {
			known[c.Hash] = true
		}
	}
	note(&b.Witness)
	for _, o := range b.Others {
		note(&o.Witness)
	}
	added := &Other{Block: other.Block, Witness: other.Witness, Headers: other.Headers}
	added.Witness.Classes = slices.Clone(other.Witness.Classes)
	for i := range added.Witness.Classes {
		if c := &added.Witness.Classes[i]; known[c.Hash] {
			c.Class = json.RawMessage("null")
		}
	}
	b.Others = append(b.Others, added)
}

// Last returns the number of the last block.
func (b *Bundle) Last() uint64 {
	if n := len(b.Others); n > 0 {
		return b.Others[n-1].Block
	}
	return b.Block
}

// Has reports whether the bundle has a block.
func (b *Bundle) Has(number uint64) bool {
	return b.Block == number || slices.ContainsFunc(b.Others, func(o *Other) bool { return o.Block == number })
}

// A file is {"format":…,"sha256":…,"body":…}, where the digest covers the bytes of the body as written.
const (
	fileFormat = `{"format":"`
	fileDigest = `","sha256":"`
	fileBody   = `","body":`
	fileEnd    = `}`
)

// encoding makes the body the text that encoding/json writes, since files of this format are defined by it.
var encoding = jsonv2.JoinOptions(jsonv2.FormatNilSliceAsNull(true), jsonv2.Deterministic(true), jsontext.EscapeForHTML(true), jsontext.EscapeForJS(true))

// encoding2 is encoding with the proofs of version 2.
var encoding2 = jsonv2.JoinOptions(encoding, jsonv2.WithMarshalers(jsonv2.MarshalToFunc(func(e *jsontext.Encoder, p *Proof) error {
	if p == nil || p.Stone == nil {
		return e.WriteToken(jsontext.Null)
	}
	return jsonv2.MarshalEncode(e, p.Stone)
})))

// form returns the name of the bundle's file format, and the options that write it.
func (b *Bundle) form() (format string, options jsonv2.Options) {
	if b.Version == 2 {
		return format2, encoding2
	}
	return format3, encoding
}

// Encode returns the file of the bundle.
func (b *Bundle) Encode() ([]byte, error) {
	format, options := b.form()
	body, err := jsonv2.Marshal(b, options)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	head := fileFormat + format + fileDigest + hex.EncodeToString(digest[:]) + fileBody
	return slices.Concat([]byte(head), body, []byte(fileEnd)), nil
}

// ErrNotBundle is returned for a file that is not a block proof. It may be a Stone proof.
var ErrNotBundle = errors.New("block: not a " + format3 + " file")

// Bounds on the lists of a bundle. They exceed by far the largest block of a chain with the default genesis, and the lists fit
// in memory. docs/limits.md computes them.
const (
	maxBlockTransactions = 1 << 16
	maxBlockClasses      = 1 << 14
	maxOthers            = 1 << 12
	maxBlockSlots        = 1 << 20
	maxCompiledJSON      = 8 << 20 // bytes of a compiled class: 81,920 felts of 69 bytes, and the entry points
	maxHeaderJSON        = 4 << 20 // bytes of a signed header: 10,000 signatures of about 300 bytes
)

// decoding returns the options that read a body: unknown members are rejected and lists are bounded. The last argument of
// bounded.List is the length of the shortest complete element.
func decoding(body []byte, version int) jsonv2.Options {
	proof := jsonv2.UnmarshalFromFunc(func(d *jsontext.Decoder, p *Proof) error {
		if version == 2 {
			p.Stone = new(stone.Proof)
			return jsonv2.UnmarshalDecode(d, p.Stone)
		}
		return errors.ErrUnsupported // the struct is decoded
	})
	return jsonv2.JoinOptions(jsonv2.RejectUnknownMembers(true), jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
		bounded.List[*Other]("other blocks", maxOthers, len(`{"block":0,"witness":{},"headers":[{},{}]}`)),
		bounded.List[*Proof]("proofs", maxBlockTransactions, len(`null`)),
		proof,
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

// Parse reads a file. It only decodes; Verify checks. The bundle may share memory with data.
//
// The cheapest check comes first: the size, then the structure of the body, read as a stream that ends at the first fault, then
// the digest, and last that the file is the canonical encoding of its value.
func Parse(data []byte) (*Bundle, error) {
	if !bytes.HasPrefix(data, []byte(fileFormat+"starkd-block-proof/")) {
		return nil, ErrNotBundle
	}
	if len(data) > stone.MaxProofJSON {
		return nil, fmt.Errorf("block: file of %d bytes, want at most %d", len(data), stone.MaxProofJSON)
	}
	b := &Bundle{Version: 3}
	rest, ok := bytes.CutPrefix(data, []byte(fileFormat+format3+fileDigest))
	if !ok {
		b.Version = 2
		if rest, ok = bytes.CutPrefix(data, []byte(fileFormat+format2+fileDigest)); !ok {
			return nil, fmt.Errorf("block: file begins with %.60q, want format %q or %q", data, format3, format2)
		}
	}
	if len(rest) < 2*sha256.Size+len(fileBody)+len(fileEnd) || string(rest[2*sha256.Size:][:len(fileBody)]) != fileBody || rest[len(rest)-1] != '}' {
		return nil, errNotCanonical
	}
	digest, body := rest[:2*sha256.Size], rest[2*sha256.Size+len(fileBody):len(rest)-len(fileEnd)]
	if err := jsonv2.Unmarshal(body, b, decoding(body, b.Version)); err != nil {
		return nil, fmt.Errorf("block: body: %w", bounded.Fault(err))
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != string(digest) {
		return nil, fmt.Errorf("block: the body's digest is %x, the file says %.80q", sum, digest)
	}
	same := &comparer{rest: body}
	_, options := b.form()
	if err := jsonv2.MarshalWrite(same, b, options); err != nil {
		return nil, err
	}
	if len(same.rest) != 0 {
		return nil, errNotCanonical
	}
	return b, nil
}

var errNotCanonical = errors.New("block: the file is not in canonical form")

// comparer is a writer that fails at the first byte that differs from rest.
type comparer struct{ rest []byte }

func (c *comparer) Write(p []byte) (int, error) {
	rest, ok := bytes.CutPrefix(c.rest, p)
	if !ok {
		return 0, errNotCanonical
	}
	c.rest = rest
	return len(p), nil
}
