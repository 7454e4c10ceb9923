//go:build !js

package stwo

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// forgedTable is a proof of the program few with 30 bits of security and one wrong cell in the table of a range check. The proof is valid but for
// that: StarkWare's verify_cairo accepts it. The tests of cmd/starkd and cmd/verifier-wasm read it too.
const forgedTable = "forged_table.proof"

const forgedTableParams = `{"channel_hash":"blake2s","channel_salt":0,"pcs_config":{"pow_bits":20,"fri_config":{"log_blowup_factor":1,"log_last_layer_degree_bound":0,"n_queries":10,"fold_step":3},"lifting_log_size":null},"preprocessed_trace":"canonical_small","store_polynomials_coefficients":false,"include_all_preprocessed_columns":false}`

// TestForgedTable checks that a proof with a wrong cell in a table is refused, for its root alone: it is accepted if that root is among the pinned ones.
// StarkWare's verifier accepts it; the judge, which compares the root too, does not.
func TestForgedTable(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", forgedTable))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	const refusal = "stwo: the preprocessed columns have the root "
	for what, verify := range map[string]func() error{"Check": p.Check, "Verify": p.Verify} {
		if err := verify(); err == nil || !strings.HasPrefix(err.Error(), refusal) {
			t.Errorf("%s: got %v, want %q", what, err, refusal)
		}
	}

	pinned := preprocessedRoots
	defer func() { preprocessedRoots = pinned }()
	preprocessedRoots = slices.Clone(pinned)
	for i := range preprocessedRoots {
		if r := &preprocessedRoots[i]; r.variant == p.Preprocessed && r.hash == p.Hash && r.logBlowup == p.STARK.Config.LogBlowup && r.lifting == 0 {
			r.root = hex.EncodeToString(p.STARK.Commitments[0][:])
		}
	}
	if err := p.Verify(); err != nil {
		t.Errorf("with its root among the pinned ones: %v", err)
	}

	judge, err := exec.LookPath("stwo-judge")
	if err != nil {
		t.Log("StarkWare's verifier stwo-judge is not on PATH")
		return
	}
	file := filepath.Join(t.TempDir(), "proof.json")
	if err := os.WriteFile(file, p.AppendJSON(nil, true), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(judge, file, "--min-bits", "30", "--any-root").CombinedOutput()
	t.Logf("StarkWare's verifier: %s", text)
	if err != nil {
		t.Errorf("StarkWare's verifier without the judge's comparison of roots: %v", err)
	}
	if text, err := exec.Command(judge, file, "--min-bits", "30").CombinedOutput(); err == nil || !strings.Contains(string(text), "wrong preprocessed root") {
		t.Errorf("the judge: %v: %s", err, text)
	}
}

// TestForgedTableIsMade makes the proof, with -all. With -all -update it writes the file.
func TestForgedTableIsMade(t *testing.T) {
	if !*all {
		t.Skip("set -all: the proof takes seconds")
	}
	params, err := ParseParams([]byte(forgedTableParams))
	if err != nil {
		t.Fatal(err)
	}
	p := &Prover{params: *params, columns: params.Preprocessed.Columns()}
	blowup := int(params.Config.LogBlowup)
	var cells [][]m31.M31
	var logs []int
	twiddles := circle.NewTwiddles(p.columns[len(p.columns)-1].LogSize + blowup)
	for _, c := range p.columns {
		extended, rows := make([]m31.M31, 1<<c.LogSize<<blowup), 1<<c.LogSize
		c.Fill(extended[:rows], 0)
		if c.ID == "range_check_3_6_6_3_column_0" {
			last := &extended[rows-1]
			*last = last.Add(1)
		}
		twiddles.Interpolate(extended[:rows])
		twiddles.Evaluate(extended, extended[:rows])
		cells, logs = append(cells, extended), append(logs, c.LogSize)
	}
	if p.preprocessed, err = params.Config.ExtendedTable(t.Context(), params.Hash, logs, cells, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.checkRoot(); err == nil {
		t.Error("the prover takes a wrong table")
	}
	in, _ := runProgram(t, "few")
	proof, err := p.Prove(t.Context(), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, forgedTable, proof.AppendBinary(nil))
}
