package stwo

import (
	"encoding/json"
	"errors"
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
			if err := p.verify(nil, func(what string, got m31.QM31) {
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

// TestVerifyIf checks that the condition is asked once, between the checks that need no hashing and the others.
func TestVerifyIf(t *testing.T) {
	no := errors.New("no")
	for _, c := range []struct {
		what   string
		change func(p *Proof)
		answer error
		asked  int
		want   string // "" if the proof is accepted
	}{
		{"good", func(*Proof) {}, nil, 1, ""},
		{"good, not admitted", func(*Proof) {}, no, 1, "no"},
		{"a claimed sum less", func(p *Proof) { p.Sums = p.Sums[1:] }, no, 0, "claimed sums, want"},
		{"a value of a witness less", func(p *Proof) { p.STARK.FRI.FirstLayer.Witness = p.STARK.FRI.FirstLayer.Witness[1:] }, no, 0, "a witness of"},
		{"another nonce", func(p *Proof) { p.InteractionNonce++ }, nil, 1, "is not a proof of work"},
		{"another nonce, not admitted", func(p *Proof) { p.InteractionNonce++ }, no, 1, "no"},
	} {
		p := *readProof(t, "c01_nothing")
		c.change(&p)
		asked := 0
		err := p.VerifyIf(func() error {
			asked++
			return c.answer
		})
		if asked != c.asked || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: asked %d times, %v; want %d times, %q", c.what, asked, err, c.asked, c.want)
		}
	}
}
