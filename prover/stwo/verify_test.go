package stwo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestVerify verifies StarkWare's proofs.
func TestVerify(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			if err := readProof(t, name).Verify(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTranscript compares the challenges, the public lookups and the sum of the constraints after each table with an independent verifier's
// (check.py of the corpus). What follows the sum is compared in package pcs.
func TestTranscript(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			p := readProof(t, name)
			steps := readTranscript(t, name)
			vanishing := m31.FromM31(1)
			if err := p.verify(func(what string, got m31.QM31) {
				// Values of the transcript are divided by the vanishing polynomial, which the first table's tells.
				component := ""
				for len(steps) > 0 {
					s := steps[0]
					steps = steps[1:]
					if s.what == "component" {
						var v []any
						if err := json.Unmarshal(s.value, &v); err != nil {
							t.Fatal(err)
						}
						component = v[0].(string)
					}
					if s.what != what && (s.what != "composition_accumulator_after" || component != what) {
						continue
					}
					want := secureOf(t, []step{s}, s.what)
					if component != "" {
						if vanishing == m31.FromM31(1) {
							vanishing = got.Mul(want.Inverse())
						}
						want = want.Mul(vanishing)
					}
					if got != want {
						t.Fatalf("%s: got %v, want %v", what, got, want)
					}
					return
				}
				t.Fatalf("the transcript has no %s left", what)
			}); err != nil {
				t.Error(err)
			}
		})
	}
}
