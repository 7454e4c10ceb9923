//go:build !js

package stwo

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// TestStoneRuns proves runs that the official runner made for Stone: padded, with holes in memory, in layouts with fewer builtins.
func TestStoneRuns(t *testing.T) {
	params, err := ParseParams([]byte(programParams[0].text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := filepath.Glob(filepath.Join(golden.Corpus(t, "stone-cases"), "*"))
	if err != nil || len(dirs) < 7 {
		t.Fatalf("%d runs, want 7 (%v)", len(dirs), err)
	}
	for _, dir := range dirs {
		name := filepath.Base(dir)
		if !*all && name != "small8192-math-keccak" && !strings.HasPrefix(name, "plain") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			in, err := adapter.FromTrace(stoneruns.Read(t, dir))
			if err != nil {
				t.Log(err)
				// S-two's claim has the output's segment, and there is no ecdsa.
				if !strings.HasPrefix(name, "plain") && name != "small8192-sig-k160lsb" {
					t.Fail()
				}
				return
			}
			proof, err := p.Prove(t.Context(), in, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkProof(t, params, proof)
			t.Logf("%d steps", proof.Claim.Steps())
		})
	}
}
