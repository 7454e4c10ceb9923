package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// stwoParameters are parameters of a proof of S-two that is made in little time and has 13 bits of security.
const stwoParameters = `{"channel_hash":"blake2s","channel_salt":0,"pcs_config":{"pow_bits":10,"fri_config":{"log_blowup_factor":1,"log_last_layer_degree_bound":0,"n_queries":3,"fold_step":1},"lifting_log_size":null},"preprocessed_trace":"canonical_small","store_polynomials_coefficients":false,"include_all_preprocessed_columns":false}`

// TestProveStwo runs a program for S-two, proves it from each kind of input, and verifies the proof in each form.
func TestProveStwo(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	program := save(t, at("program.json"), golden.Gunzip(t, filepath.Join(golden.ModuleRoot(t), "prover", "stwo", "testdata", "programs", "few.json.gz")))
	parameters := save(t, at("parameters.json"), []byte(stwoParameters))
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := command(t, args...)
		if code != want {
			t.Fatalf("starkd %s: status %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
		}
		return stdout, stderr
	}
	run(0, "cairo", "run", "--program", program, "--layout", "all_cairo_stwo", "--proof_mode", "--trace_file", at("trace"), "--memory_file", at("memory"),
		"--air_public_input", at("public.json"), "--air_private_input", at("private.json"))
	inputs := []string{"--public_input_file", at("public.json"), "--private_input_file", at("private.json"), "--parameter_file", parameters}

	prove := func(name string, flags ...string) string {
		t.Helper()
		out := at(name)
		_, stderr := run(0, append(append([]string{"prove", "--system", "stwo", "--out_file", out}, inputs...), flags...)...)
		if !strings.Contains(stderr, "13 bits of conjectured security") {
			t.Errorf("%s: got %s", name, stderr)
		}
		return out
	}
	for _, file := range []string{prove("proof.json"), prove("proof.bin", "--format", "binary")} {
		stdout, _ := run(0, "verify", "--min-security", "13", file)
		if !strings.HasPrefix(stdout, "valid: a run of a Cairo program") || !strings.Contains(stdout, "13 bits of conjectured security") {
			t.Errorf("%s: got %s", file, stdout)
		}
		run(1, "verify", file) // 96 bits are demanded
	}
	_, stderr := run(2, "prove", "--system", "stwo", "--prover_input_file", "in.json")
	if !strings.Contains(stderr, "--parameter_file, --out_file are missing") {
		t.Errorf("got %s", stderr)
	}
	for flags, want := range map[string]string{
		"--system stark":                       `--system "stark" is neither stone nor stwo`,
		"--system stwo --format xml":           `--format "xml" is not json, cairo-serde or binary`,
		"--system stwo --generate_annotations": "--generate_annotations is not a flag of --system stwo",
		"--format json":                        "--format is not a flag of --system stone",
		"--system stwo --prover_input_file a --public_input_file b": "the run is given twice",
		"--memory 1GiB": "--memory is not a flag of --system stone",
		"--system stwo --parameter_file p --prover_input_file a --out_file b --memory 1.5GiB": "--memory: bytesize: \"1.5GiB\" is not a whole number",
		"--system stwo --parameter_file p --prover_input_file a --out_file b --memory 0":      "--memory is 0",
	} {
		if _, stderr := run(2, append([]string{"prove"}, strings.Fields(flags)...)...); !strings.Contains(stderr, want) {
			t.Errorf("%s: got %s", flags, stderr)
		}
	}
}

// TestProveStwoInput proves StarkWare's input of a run, and gets the bytes of StarkWare's proof.
func TestProveStwoInput(t *testing.T) {
	dir := golden.Corpus(t, "stwo", "c01_nothing")
	input := save(t, filepath.Join(t.TempDir(), "input.json"), golden.Gunzip(t, filepath.Join(dir, "prover_input.json.gz")))
	want, err := os.ReadFile(filepath.Join(dir, "proof.cairo_serde.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	prove := func(flags ...string) (stderr string, code int) {
		stdout, stderr, code := command(t, append([]string{"prove", "--system", "stwo", "--prover_input_file", input, "--parameter_file", filepath.Join(dir, "params.json"),
			"--out_file", "-", "--format", "cairo-serde"}, flags...)...)
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(stdout))); code == 0 && got != strings.TrimSpace(string(want)) {
			t.Errorf("%v: the felts have the digest %s, StarkWare's %s", flags, got, want)
		}
		return stderr, code
	}
	if stderr, code := prove("--memory", "2GiB"); code != 0 {
		t.Fatalf("status %d: %s", code, stderr)
	}
	// Less memory than the proof needs: both numbers are named.
	if stderr, code := prove("--memory", "100MiB"); code != 1 || !regexp.MustCompile(`the proof needs \d{3} MiB of memory, and the bound is 100 MiB`).MatchString(stderr) {
		t.Errorf("within 100 MiB: status %d: %s", code, stderr)
	}
	// The same with the preprocessed columns in a file: made, opened, and damaged.
	folder := filepath.Join(t.TempDir(), "tables")
	for range 2 {
		if stderr, code := prove("--preprocessed_folder", folder); code != 0 {
			t.Fatalf("status %d: %s", code, stderr)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "canonical_small-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v (%v)", files, err)
	}
	save(t, files[0], []byte("short"))
	if stderr, code := prove("--preprocessed_folder", folder); code != 1 || !strings.Contains(stderr, "remove the file") {
		t.Errorf("with a damaged file: status %d: %s", code, stderr)
	}
}

// forgedTable is a proof that is valid but for a wrong cell in the table of a range check, by its path in the module: see TestForgedTable of prover/stwo.
const forgedTable = "prover/stwo/testdata/forged_table.proof"

// TestVerifyForgedTable checks that such a proof is refused.
func TestVerifyForgedTable(t *testing.T) {
	stdout, stderr, code := command(t, "verify", "--min-security", "30", filepath.Join(golden.ModuleRoot(t), forgedTable))
	if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "refused: stwo: the preprocessed columns have the root 41c1a5cae20b618b413c4821f610b889bbeaf8a42ecee1d22cfa5d221eb574ea, want 068d1166") {
		t.Errorf("status %d: %s%s", code, stdout, stderr)
	}
}
