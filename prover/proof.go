package prover

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/cairoair"
)

// Version is a generation of Stone's protocol. They differ in the channel's seed.
type Version uint8

const (
	Stone6 Version = iota // Stone v3 (2024): the seed covers n_verifier_friendly_commitment_layers
	Stone5                // Stone v2
)

func (v Version) String() string {
	if v == Stone5 {
		return "stone5"
	}
	return "stone6"
}

// Proof is a proof with what it is about. Its JSON form is that of Stone's proof files.
type Proof struct {
	Parameters  Parameters
	PublicInput *cairo.PublicInput
	Bytes       []byte   // what the prover sent
	Annotations []string // Stone's description of the protocol run, for tools that parse it; not checked
	Config      Config   // how Stone's prover would have been told to work; not checked
}

// MaxProofJSON is the largest proof file that ParseProof takes, in bytes.
const MaxProofJSON = 256 << 20

// proofJSON is Stone's proof file. PrivateInput and Version are carried by Stone and mean nothing to a verifier.
type proofJSON struct {
	Annotations      []string        `json:"annotations,omitempty"`
	ExtraAnnotations []string        `json:"extra_annotations,omitempty"`
	PrivateInput     json.RawMessage `json:"private_input,omitempty"`
	ProofHex         string          `json:"proof_hex"`
	Parameters       json.RawMessage `json:"proof_parameters"`
	Config           json.RawMessage `json:"prover_config,omitempty"`
	PublicInput      json.RawMessage `json:"public_input"`
	Version          json.RawMessage `json:"version,omitempty"`
}

// ParseProof reads a proof file of Stone's form. It decodes; Verify checks.
func ParseProof(b []byte) (*Proof, error) {
	if len(b) > MaxProofJSON {
		return nil, fmt.Errorf("prover: proof file of %d bytes, want at most %d", len(b), MaxProofJSON)
	}
	var j proofJSON
	if err := decodeStrict(b, &j); err != nil {
		return nil, fmt.Errorf("prover: proof: %w", err)
	}
	p := &Proof{Annotations: j.Annotations, Config: DefaultConfig()}
	var err error
	if p.Parameters, err = ParseParameters(j.Parameters); err != nil {
		return nil, err
	}
	if p.PublicInput, err = cairoair.ParsePublicInput(j.PublicInput); err != nil {
		return nil, err
	}
	if len(j.Config) > 0 {
		if p.Config, err = ParseConfig(j.Config); err != nil {
			return nil, err
		}
	}
	digits, ok := strings.CutPrefix(j.ProofHex, "0x")
	if !ok {
		return nil, fmt.Errorf("prover: proof_hex %.20q does not begin with 0x", j.ProofHex)
	}
	if p.Bytes, err = hex.DecodeString(digits); err != nil {
		return nil, fmt.Errorf("prover: proof_hex: %w", err)
	}
	return p, nil
}

// MarshalJSON writes Stone's proof file.
func (p *Proof) MarshalJSON() ([]byte, error) {
	params, err := json.Marshal(p.Parameters)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(p.Config)
	if err != nil {
		return nil, err
	}
	return json.Marshal(proofJSON{
		Annotations:  p.Annotations,
		PrivateInput: json.RawMessage("{}"),
		ProofHex:     "0x" + hex.EncodeToString(p.Bytes),
		Parameters:   params,
		Config:       config,
		PublicInput:  cairoair.FormatPublicInput(p.PublicInput),
		Version:      json.RawMessage(`{"commit_hash":"starkd","proof_hash":"stone6","statement_name":"cpu air"}`),
	})
}

// UnmarshalJSON is ParseProof.
func (p *Proof) UnmarshalJSON(b []byte) error {
	q, err := ParseProof(b)
	if err == nil {
		*p = *q
	}
	return err
}
