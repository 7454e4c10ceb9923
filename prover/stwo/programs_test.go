//go:build !js

package stwo

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// programs are the Cairo 0 programs of testdata/programs that have a main. Together they use every builtin and every opcode, at their borders.
var programs = []string{
	"silent", "few", "unused", "once", "sixteen", "seventeen", "batches", "bits", "blake", "control", "curve", "hashes", "numbers", "qm31", "wide",
}

// testedPrograms returns the programs for tests that take seconds for each.
func testedPrograms() []string {
	if *all {
		return programs
	}
	return []string{"once"}
}

// TestProgramsAreCompiled checks that the official compiler makes the compiled programs from their sources. With -all -update it makes them.
func TestProgramsAreCompiled(t *testing.T) {
	compiler, err := exec.LookPath("cairo-compile")
	if err != nil {
		t.Skip("cairo-compile of cairo-lang 0.14.0.1 is not on PATH")
	}
	for _, name := range testedPrograms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", "programs")
			out := filepath.Join(t.TempDir(), "program.json")
			source := filepath.Join(dir, name+".cairo")
			if text, err := exec.Command(compiler, "--proof_mode", "--no_debug_info", "--cairo_path", dir, source, "--output", out).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			program, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			golden.Gzip(t, filepath.Join("programs", name+".json.gz"), program)
		})
	}
}

// runProgram runs a program of testdata/programs.
func runProgram(t testing.TB, name string) (*adapter.Input, []string) {
	t.Helper()
	program := golden.Gunzip(t, filepath.Join("testdata", "programs", name+".json.gz"))
	run, err := cairo0.RunProgram(program, cairo0.RunOptions{Layout: "all_cairo_stwo", ProofMode: true})
	if err != nil {
		t.Fatal(err)
	}
	in, err := adapter.FromTrace(run.Trace)
	if err != nil {
		t.Fatal(err)
	}
	return in, run.Output
}

// TestPrograms runs the programs. Their outputs are those of cairo-lang's machine (with the opcodes of Blake2s and QM31 added to it).
func TestPrograms(t *testing.T) {
	var text bytes.Buffer
	for _, name := range programs {
		in, output := runProgram(t, name)
		checkPresent(t, name, in)
		fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(output, " "))
		switch name {
		case "blake":
			if want := blakeOutput(); strings.Join(output, " ") != want {
				t.Errorf("blake: got %v, want %v", output, want)
			}
		case "qm31":
			if want := qm31Output(); strings.Join(output, " ") != want {
				t.Errorf("qm31: got %v, want %v", output, want)
			}
		}
	}
	golden.Equal(t, filepath.Join("programs", "outputs.txt"), text.Bytes())
}

// checkPresent checks that the builtins of an input are those of its program.
func checkPresent(t *testing.T, name string, in *adapter.Input) {
	var program struct {
		Builtins []string `json:"builtins"`
	}
	if err := json.Unmarshal(golden.Gunzip(t, filepath.Join("testdata", "programs", name+".json.gz")), &program); err != nil {
		t.Fatal(err)
	}
	for b := range adapter.BuiltinCount {
		if got, want := in.Present[b], slices.Contains(program.Builtins, b.String()); got != want {
			t.Errorf("%s: builtin %v is present: got %v, want %v", name, b, got, want)
		}
	}
}

// blakeOutput returns the output of the program blake.
func blakeOutput() string {
	countUp := make([]byte, 128)
	for i := range countUp {
		countUp[i] = byte(i)
	}
	var words []string
	for _, message := range [][]byte{nil, []byte("a"), []byte("abc"), countUp[:64], countUp[:65], countUp} {
		hash := blake.Sum256s(message)
		for k := 0; k < len(hash); k += 4 {
			words = append(words, fmt.Sprint(binary.LittleEndian.Uint32(hash[k:])))
		}
	}
	return strings.Join(words, " ")
}

// qm31Output returns the output of the program qm31.
func qm31Output() string {
	const largest = m31.P - 1
	numbers := []m31.QM31{
		{}, m31.FromM31(1), m31.NewQM31(largest, largest, largest, largest), m31.NewQM31(largest, largest, largest, largest),
		m31.NewQM31(0, 0, 0, 1), m31.NewQM31(5, 7, 11, 13), m31.NewQM31(0, largest, 1, 0),
	}
	var words []string
	for k, x := range numbers[:len(numbers)-1] {
		y := numbers[k+1]
		for _, v := range []m31.QM31{x.Add(y), x.Mul(y), x.Sub(y), x.Mul(y.Inverse()), x.Add(m31.NewQM31(0, 1, 1, 0)).Scale(3)} {
			c := v.Coordinates()
			limbs := [4]uint64{uint64(c[0]) | uint64(c[1])<<36, uint64(c[1])>>28 | uint64(c[2])<<8 | uint64(c[3])<<44, uint64(c[3]) >> 20}
			word := felt.FromLimbs(limbs)
			words = append(words, word.BigInt().String())
		}
	}
	return strings.Join(words, " ")
}

// programParams are parameters by name. The first ones are for all programs, the others for the program once.
var programParams = []struct{ name, text string }{
	{"small", `{"channel_hash": "blake2s", "channel_salt": 0, "pcs_config": {"pow_bits": 8, "fri_config": {"log_last_layer_degree_bound": 0,
		"log_blowup_factor": 1, "n_queries": 8, "fold_step": 3}, "lifting_log_size": null}, "preprocessed_trace": "canonical_small"}`},
	{"blowup", `{"channel_hash": "blake2s", "channel_salt": 0, "pcs_config": {"pow_bits": 8, "fri_config": {"log_last_layer_degree_bound": 3,
		"log_blowup_factor": 2, "n_queries": 4, "fold_step": 2}, "lifting_log_size": null}, "preprocessed_trace": "canonical_small"}`},
	{"salt", `{"channel_hash": "blake2s_m31", "channel_salt": 4294967295, "pcs_config": {"pow_bits": 8, "fri_config": {"log_last_layer_degree_bound": 1,
		"log_blowup_factor": 1, "n_queries": 8, "fold_step": 4}, "lifting_log_size": null}, "preprocessed_trace": "canonical_small"}`},
	{"lift", `{"channel_hash": "blake2s", "channel_salt": 7, "pcs_config": {"pow_bits": 8, "fri_config": {"log_last_layer_degree_bound": 0,
		"log_blowup_factor": 1, "n_queries": 8, "fold_step": 1}, "lifting_log_size": 22}, "preprocessed_trace": "canonical_small"}`},
	{"production", `{"channel_hash": "blake2s", "channel_salt": 0, "pcs_config": {"pow_bits": 26, "fri_config": {"log_last_layer_degree_bound": 0,
		"log_blowup_factor": 1, "n_queries": 70, "fold_step": 3}, "lifting_log_size": null}, "preprocessed_trace": "canonical_small"}`},
}

// programProofs holds the first 8 bytes of Blake2s of the programs' proofs in JSON, with the first parameters. StarkWare's prover makes the
// same proofs, but none of curve, once, sixteen and seventeen: it refuses ec_op with the small preprocessed columns.
var programProofs = map[string]string{
	"batches":   "e48107a94c0482b2",
	"bits":      "f7c3c6ceb59b4eba",
	"blake":     "dd3b3f121bfc3b30",
	"control":   "dcab45c6b5e103b3",
	"curve":     "6c63439737a8a067",
	"few":       "cb57342f8319d687",
	"hashes":    "c9d977c684f823b7",
	"numbers":   "0c284e3d0b6b35de",
	"once":      "a11dd750f858eae8",
	"qm31":      "a2ef2dc894b9b64a",
	"seventeen": "f597546144a2582c",
	"silent":    "0d52fc8942b3f5fd",
	"sixteen":   "636e63695457ee6f",
	"unused":    "db43209958d30970",
	"wide":      "ecea6543c950c5e6",
}

// TestProvePrograms proves the programs, most of them with 16 bits of security. Our verifier and StarkWare's accept the proofs.
func TestProvePrograms(t *testing.T) {
	all, others := testedPrograms(), programParams[1:]
	if len(all) < len(programs) {
		others = nil
	}
	proveAll(t, programParams[0].text, all, programProofs)
	for _, p := range others {
		t.Run(p.name, func(t *testing.T) { proveAll(t, p.text, []string{"once"}, nil) })
	}
}

func proveAll(t *testing.T, text string, names []string, hashes map[string]string) {
	params, err := ParseParams([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			in, _ := runProgram(t, name)
			proof, err := p.Prove(t.Context(), in, nil)
			if err != nil {
				t.Fatal(err)
			}
			hash := blake.Sum256s(proof.AppendJSON(nil, false))
			if got, want := hex.EncodeToString(hash[:8]), hashes[name]; want != "" && got != want {
				t.Errorf("the proof has the hash %s, want %s", got, want)
			}
			checkProof(t, params, proof)
		})
	}
}

// checkProof verifies a proof after it was written and read, and has it judged by StarkWare's verifier if that is on PATH.
func checkProof(t *testing.T, params *Params, proof *Proof) {
	t.Helper()
	text := proof.AppendJSON(nil, false)
	parsed, err := ParseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Verify(); err != nil {
		t.Error(err)
	}
	judge, err := exec.LookPath("stwo-judge")
	if err != nil {
		t.Log("StarkWare's verifier stwo-judge is not on PATH")
		return
	}
	file := filepath.Join(t.TempDir(), "proof.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	bits := params.Config.PowBits + params.Config.LogBlowup*params.Config.Queries
	if text, err := exec.Command(judge, file, "--hash", params.Hash.String(), "--min-bits", fmt.Sprint(bits)).CombinedOutput(); err != nil {
		t.Errorf("stwo-judge: %v: %s", err, text)
	}
}
