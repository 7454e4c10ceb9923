package stone

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/prover/stone/cairoair"
)

// Proof is a proof with its public input and parameters. Its JSON form is Stone's proof file.
type Proof struct {
	Parameters  Parameters
	PublicInput *cairo.PublicInput
	Bytes       []byte   // the messages of the prover
	Annotations []string // Stone's description of the protocol run, for tools that parse it; not checked
	Config      Config   // configuration for Stone's prover; not checked
}

// Limits on decoded data. docs/limits.md has their reasons.
const (
	// MaxProofJSON is the largest proof file in bytes.
	MaxProofJSON = 256 << 20
	// maxProofBytes bounds the prover's messages. With 100 queries, a blowup of 2 and 2^24 steps they take a twentieth of it.
	maxProofBytes = 16 << 20
	// maxAnnotations bounds the annotation lines. A proof has about one for every 32 bytes.
	maxAnnotations = 1 << 17
)

// proofJSON is Stone's proof file. Verifiers ignore PrivateInput and Version, which Stone writes.
type proofJSON struct {
	Annotations      linesJSON                `json:"annotations,omitempty"`
	ExtraAnnotations linesJSON                `json:"extra_annotations,omitempty"`
	PrivateInput     ignoredJSON              `json:"private_input"`
	ProofHex         proofBytes               `json:"proof_hex"`
	Parameters       *parametersJSON          `json:"proof_parameters"`
	Config           *Config                  `json:"prover_config"`
	PublicInput      cairoair.PublicInputJSON `json:"public_input"`
	Version          ignoredJSON              `json:"version"`
}

// linesJSON is a list of annotation lines.
type linesJSON []string

var readLines = bounded.List[string]("lines of annotations", maxAnnotations, 0)

// UnmarshalJSONFrom reads at most maxAnnotations lines.
func (l *linesJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return json.UnmarshalDecode(d, (*[]string)(l), json.WithUnmarshalers(readLines))
}

// ignoredJSON is a value that is skipped when it is read.
type ignoredJSON jsontext.Value

// UnmarshalJSONFrom skips the value.
func (*ignoredJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error { return bounded.Skip(d) }

// MarshalJSONTo writes the value.
func (v ignoredJSON) MarshalJSONTo(e *jsontext.Encoder) error { return e.WriteValue(jsontext.Value(v)) }

// proofBytes are bytes, in JSON as "0x" and hexadecimal digits.
type proofBytes []byte

// UnmarshalJSONFrom reads at most maxProofBytes bytes.
func (p *proofBytes) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	digits, ok := bytes.CutPrefix(v, []byte(`"0x`))
	if !ok {
		return fmt.Errorf("proof_hex %.20s does not begin with 0x", v)
	}
	if digits = digits[:len(digits)-1]; len(digits) > 2*maxProofBytes {
		return fmt.Errorf("proof_hex of %d digits, want at most %d", len(digits), 2*maxProofBytes)
	}
	*p = make(proofBytes, len(digits)/2)
	if _, err := hex.Decode(*p, digits); err != nil {
		return fmt.Errorf("proof_hex: %w", err)
	}
	return nil
}

// MarshalJSONTo writes "0x" and lower-case digits.
func (p proofBytes) MarshalJSONTo(e *jsontext.Encoder) error {
	b := append(make([]byte, 0, 2*len(p)+4), `"0x`...)
	return e.WriteValue(append(hex.AppendEncode(b, p), '"'))
}

// MemoryLimit returns the limit in bytes of the Go heap while a file of n bytes is verified. It keeps the verifier below the bound of
// docs/limits.md, 8·n + 64 MB, where the garbage collector would otherwise let the heap double.
func MemoryLimit(n int) int64 { return 7*int64(n) + 48<<20 }

// IsProof reports whether a file looks like a Stone proof, even a damaged one. It lets a command report that it was given
// another file, such as a genesis file, by mistake.
func IsProof(b []byte) bool {
	for {
		quote := bytes.IndexByte(b, '"')
		if quote < 0 {
			return false
		}
		b = b[quote+1:]
		for _, member := range [...]string{`proof_hex"`, `proof_parameters"`, `public_input"`} {
			if len(b) >= len(member) && bytes.EqualFold(b[:len(member)], []byte(member)) {
				return true
			}
		}
	}
}

// ParseProof reads a Stone proof file. It only decodes; Proof.Verify checks. Member names must match exactly, and each may
// occur once.
func ParseProof(b []byte) (*Proof, error) {
	if len(b) > MaxProofJSON {
		return nil, fmt.Errorf("stone: proof file of %d bytes, want at most %d", len(b), MaxProofJSON)
	}
	p := new(Proof)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("stone: proof: %w", bounded.Fault(err))
	}
	return p, nil
}

// UnmarshalJSONFrom reads the decoder's next value, as ParseProof does.
func (p *Proof) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var j proofJSON
	if err := json.UnmarshalDecode(d, &j, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	switch {
	case j.ProofHex == nil:
		return fmt.Errorf("proof_hex is missing")
	case j.Parameters == nil:
		return fmt.Errorf("proof_parameters are missing")
	case j.PublicInput.PublicInput == nil:
		return fmt.Errorf("public_input is missing")
	}
	q := Proof{PublicInput: j.PublicInput.PublicInput, Bytes: j.ProofHex, Annotations: j.Annotations, Config: DefaultConfig()}
	var err error
	if q.Parameters, err = j.Parameters.parameters(); err != nil {
		return err
	}
	if j.Config != nil {
		if err := j.Config.check(); err != nil {
			return err
		}
		q.Config = *j.Config
	}
	*p = q
	return nil
}

// MarshalJSONTo writes Stone's proof file.
func (p *Proof) MarshalJSONTo(e *jsontext.Encoder) error {
	return json.MarshalEncode(e, &proofJSON{
		Annotations:  p.Annotations,
		PrivateInput: ignoredJSON("{}"),
		ProofHex:     p.Bytes,
		Parameters:   p.Parameters.json(),
		Config:       &p.Config,
		PublicInput:  cairoair.PublicInputJSON{PublicInput: p.PublicInput},
		Version:      ignoredJSON(`{"commit_hash":"starkd","proof_hash":"stone6","statement_name":"cpu air"}`),
	})
}

// MarshalJSON returns Stone's proof file, for encoding/json.
func (p *Proof) MarshalJSON() ([]byte, error) { return json.Marshal(p) }

// UnmarshalJSON reads a Stone proof file, as ParseProof does.
func (p *Proof) UnmarshalJSON(b []byte) error {
	q, err := ParseProof(b)
	if err == nil {
		*p = *q
	}
	return err
}
