package cairoair

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stone/field"
)

// stoneProof holds the parts of a Stone proof file that the tests need.
type stoneProof struct {
	Annotations []string        `json:"annotations"`
	PublicInput json.RawMessage `json:"public_input"`
	ProofHex    string          `json:"proof_hex"`
	Parameters  struct {
		ChannelHash    string `json:"channel_hash"`
		FriendlyLayers uint64 `json:"n_verifier_friendly_commitment_layers"`
		Updates        bool   `json:"verifier_friendly_channel_updates"`
		Statement      struct {
			PageHash string `json:"page_hash"`
		} `json:"statement"`
	} `json:"proof_parameters"`
}

func readProof(t *testing.T, path ...string) *stoneProof {
	t.Helper()
	b, err := os.ReadFile(golden.Corpus(t, path...))
	if err != nil {
		t.Fatal(err)
	}
	p := new(stoneProof)
	if err := json.Unmarshal(b, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// public parses the proof's public input.
func (p *stoneProof) public(t *testing.T) *cairo.PublicInput {
	t.Helper()
	in, err := parsePublicInput(p.PublicInput)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// seedParams returns the parameters of the seed.
func (p *stoneProof) seedParams(stone6 bool) SeedParams {
	s := SeedParams{
		Stone6: stone6, FriendlyLayers: p.Parameters.FriendlyLayers, PageHash: p.Parameters.Statement.PageHash,
	}
	if s.PageHash == "" {
		s.PageHash = "keccak256"
	}
	return s
}

// annotated returns, in order, the numbers in the annotation lines that contain text.
func (p *stoneProof) annotated(t *testing.T, text string) []field.Element {
	t.Helper()
	var out []field.Element
	for _, line := range p.Annotations {
		_, rest, ok := strings.Cut(line, text)
		if !ok {
			continue
		}
		for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("(), ", r) }) {
			if !strings.HasPrefix(word, "0x") {
				continue
			}
			v, err := felt.FromHex(word)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			out = append(out, field.Element(v))
		}
	}
	return out
}

// caseDir returns the folder of a run, in the corpus or in testdata.
func caseDir(t testing.TB, name string) string {
	t.Helper()
	if dir := filepath.Join("testdata", name); isDir(dir) {
		return dir
	}
	return filepath.Dir(golden.Corpus(t, "stone-cases", name, "proof.json"))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
