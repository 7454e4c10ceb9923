//go:build !js

package stwo

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// poseidonParams returns the parameters of the proof with Poseidon252, as StarkWare's prover reads them.
func poseidonParams(p *Proof) string {
	c := &p.STARK.Config
	return fmt.Sprintf(`{"channel_hash":%q,"channel_salt":%d,"pcs_config":{"pow_bits":%d,"fri_config":{"log_blowup_factor":%d,"log_last_layer_degree_bound":%d,`+
		`"n_queries":%d,"fold_step":%d},"lifting_log_size":null},"preprocessed_trace":%q,"store_polynomials_coefficients":false,"include_all_preprocessed_columns":false}`,
		p.Hash, p.Salt, c.PowBits, c.LogBlowup, c.LogLastLayerDegreeBound, c.Queries, c.FoldStep, p.Preprocessed)
}

// TestPoseidonProofIsMade makes the proof with Poseidon252 of the tree. If STARKD_STWO_PROVER is the path of StarkWare's prover as a command
// (judges/stwo-prover), that makes the same proof, byte for byte.
func TestPoseidonProofIsMade(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("minutes of Poseidon: set STARKD_FULL=1 (make test-full)")
	}
	want, err := os.ReadFile(filepath.Join("testdata", poseidonProof))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	text := poseidonParams(stored)
	in, _ := runProgram(t, "few")
	if theirs := os.Getenv("STARKD_STWO_PROVER"); theirs != "" {
		dir := t.TempDir()
		input, params := filepath.Join(dir, "prover_input.json"), filepath.Join(dir, "params.json")
		var file bytes.Buffer
		if err := in.WriteJSON(&file); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string][]byte{input: file.Bytes(), params: []byte(text)} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.CommandContext(t.Context(), theirs, "prove", params, input, dir).CombinedOutput(); err != nil {
			t.Fatalf("StarkWare's prover: %v\n%s", err, out)
		}
		got, err := os.ReadFile(filepath.Join(dir, "proof.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, stored.AppendJSON(nil, got[1] == '\n')) {
			t.Error("StarkWare's prover makes another proof")
		}
	} else {
		t.Log("StarkWare's prover is not compared: STARKD_STWO_PROVER is not set")
	}
	params, err := ParseParams([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := p.Prove(t.Context(), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, poseidonProof, proof.AppendBinary(nil))
}
