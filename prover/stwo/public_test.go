package stwo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// step is a step of a transcript of the corpus: what happened, and its value.
type step struct {
	what  string
	value json.RawMessage
}

// readTranscript returns the steps of a case's transcript.
func readTranscript(t testing.TB, name string) []step {
	t.Helper()
	var raw [][2]json.RawMessage
	if err := json.Unmarshal(readCase(t, name, "transcript.json"), &raw); err != nil {
		t.Fatal(err)
	}
	steps := make([]step, len(raw))
	for i, r := range raw {
		steps[i] = step{strings.Trim(string(r[0]), `"`), r[1]}
	}
	return steps
}

// secureOf returns the element of the secure field in the first step of a kind.
func secureOf(t testing.TB, steps []step, what string) m31.QM31 {
	t.Helper()
	for _, s := range steps {
		if s.what == what {
			var c [4]m31.M31
			if err := json.Unmarshal(s.value, &c); err != nil {
				t.Fatal(err)
			}
			return m31.NewQM31(c[0], c[1], c[2], c[3])
		}
	}
	t.Fatalf("no step %s", what)
	return m31.QM31{}
}

// TestVerificationOutput compares program hash and output with StarkWare's.
func TestVerificationOutput(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			p := readProof(t, name)
			var want struct {
				Hash   string   `json:"program_hash"`
				Output []string `json:"output"`
			}
			if err := json.Unmarshal(readCase(t, name, "verification_output.json"), &want); err != nil {
				t.Fatal(err)
			}
			hash := p.Claim.Public.ProgramHash()
			if got := hash.BigInt().String(); got != want.Hash {
				t.Errorf("program hash: got %s, want %s", got, want.Hash)
			}
			if len(p.Claim.Public.Output) != len(want.Output) {
				t.Fatalf("%d words of output, want %d", len(p.Claim.Public.Output), len(want.Output))
			}
			for i, c := range p.Claim.Public.Output {
				if got := c.Value.BigInt().String(); got != want.Output[i] {
					t.Errorf("output %d: got %s, want %s", i, got, want.Output[i])
				}
			}
		})
	}
}

// TestPublicLookups compares the public data's part in the lookups with StarkWare's.
func TestPublicLookups(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			p := readProof(t, name)
			steps := readTranscript(t, name)
			got, err := p.Claim.Public.lookups(air.NewChallenges(secureOf(t, steps, "z"), secureOf(t, steps, "alpha")))
			if want := secureOf(t, steps, "public_logup_sum"); err != nil || got != want {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}
