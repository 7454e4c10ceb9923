package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/block/statement"
)

// browserJob is a call of the browser's verifier, in the format of scripts/js/verify-wasm.mjs.
type browserJob struct {
	Proof   string         `json:"proof,omitempty"`
	Genesis string         `json:"genesis,omitempty"`
	Trust   map[string]any `json:"trust,omitempty"`
	Edits   [][2]int       `json:"edits,omitempty"`
	Args    []any          `json:"args,omitempty"`
}

// browserAnswer is the answer of the browser's verifier.
type browserAnswer struct {
	OK           bool       `json:"ok"`
	Verdict      string     `json:"verdict"`
	Error        string     `json:"error"`
	Kind         string     `json:"kind"`
	Chain        string     `json:"chain"`
	Block        uint64     `json:"block"`
	Last         uint64     `json:"last"`
	Trusted      string     `json:"trusted"`
	Signed       bool       `json:"signed"`
	StateBefore  string     `json:"state_before"`
	StateAfter   string     `json:"state_after"`
	Program      string     `json:"program"`
	Named        bool       `json:"named"`
	Builtins     []string   `json:"builtins"`
	Alternatives [][]string `json:"alternatives"`
	Output       []string   `json:"output"`
	Proofs       int        `json:"proofs"`
	Layout       string     `json:"layout"`
	Steps        uint64     `json:"steps"`
	Bits         uint       `json:"bits"`
	ProvenBits   uint       `json:"proven_bits"`
	Rejected     int        `json:"rejected"`
	Transactions []struct {
		Hash          string   `json:"hash"`
		Status        string   `json:"status"`
		Fee           string   `json:"fee"`
		Events        int      `json:"events"`
		Proven        []string `json:"covered"`
		UnprovenParts []string `json:"not_covered"`
		Unproven      string   `json:"uncovered"`
	} `json:"transactions"`
	Milliseconds int64 `json:"milliseconds"`
}

// printed returns the answer as `starkd verify` prints it, without the time.
func (a *browserAnswer) printed() string {
	var b strings.Builder
	fmt.Fprintf(&b, "valid: block %d of chain %s\n", a.Block, a.Chain)
	fmt.Fprintf(&b, "  trusted       %s\n", a.Trusted)
	fmt.Fprintf(&b, "  state         %s → %s\n", a.StateBefore, a.StateAfter)
	fmt.Fprintf(&b, "  program       %s (starkd OS)\n", a.Program)
	fmt.Fprintf(&b, "  proofs        %d, layout %s, %d steps\n", a.Proofs, a.Layout, a.Steps)
	fmt.Fprintf(&b, "  security      %d bits of conjectured security, %d proven\n", a.Bits, a.ProvenBits)
	for _, t := range a.Transactions {
		if t.Unproven != "" {
			fmt.Fprintf(&b, "  not covered   %s %s, fee %s FRI, %d events, %s: %s\n", t.Hash, t.Status, t.Fee, t.Events, source(a.Signed), t.Unproven)
			continue
		}
		fmt.Fprintf(&b, "  transaction   %s %s, fee %s FRI, %d events; covered: %s; not covered: %s\n",
			t.Hash, t.Status, t.Fee, t.Events, list(t.Proven, "nothing"), list(t.UnprovenParts, "nothing"))
	}
	if a.Rejected > 0 {
		fmt.Fprintf(&b, "  rejected      %d transactions of the block did nothing\n", a.Rejected)
	}
	return b.String()
}

// browser builds the browser's verifier as make wasm does, and runs the jobs with node.
func browser(t *testing.T, jobs []browserJob) []browserAnswer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the browser's verifier is not run")
	}
	root, dir := golden.ModuleRoot(t), t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "verifier.wasm"), "./cmd/verifier-wasm")
	build.Dir, build.Env = root, append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	support, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wasm_exec.js"), support, 0o644); err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, node, filepath.Join(root, "scripts", "js", "verify-wasm.mjs"), dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("verify-wasm.mjs: %v\n%s%s", err, stdout.Bytes(), stderr.Bytes())
	}
	var answers []browserAnswer
	d := json.NewDecoder(&stdout)
	d.DisallowUnknownFields()
	if err := d.Decode(&answers); err != nil || len(answers) != len(jobs) {
		t.Fatalf("%d answers to %d jobs: %v", len(answers), len(jobs), err)
	}
	return answers
}

// inBrowser checks that the browser's verifier gives the answers of `starkd verify`: the same report for the proof, and a refusal for the
// proof with changed bytes and for the files in refused.
func inBrowser(t *testing.T, proof, genesis, header string, block uint64, tx, otherTx felt.Felt, refused [][]byte) {
	data, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []browserJob
	var want []string // output of the command, or ""
	accepted := func(job browserJob, args ...string) {
		stdout, stderr, code := command(t, append([]string{"verify", proof}, args...)...)
		if code != 0 {
			t.Fatalf("status %d\n%s%s", code, stdout, stderr)
		}
		jobs, want = append(jobs, job), append(want, stdout[:strings.Index(stdout, "  checked in")])
	}
	var reasons, verdicts []string
	not := func(verdict, reason string, job browserJob) {
		jobs, want, reasons, verdicts = append(jobs, job), append(want, ""), append(reasons, reason), append(verdicts, verdict)
	}
	refuse := func(reason string, job browserJob) { not("refused", reason, job) }
	unchecked := func(reason string, job browserJob) { not("could not check", reason, job) }
	accepted(browserJob{Proof: proof, Genesis: genesis}, "--validators", genesis)
	accepted(browserJob{Proof: proof, Trust: map[string]any{"header": header}}, "--trusted-header", header)
	accepted(browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"header": "0x" + header, "min_bits": 96, "tx": tx, "block": block}},
		"--validators", genesis, "--trusted-header", header)

	accepted(browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"min_bits": 0, "min_proven_bits": 59, "program": statement.FormatStwo.ProgramHash().String()}},
		"--validators", genesis, "--min-security", "0", "--min-proven-security", "59", "--program", statement.FormatStwo.ProgramHash().String())
	refuse("demanded is 0x123", browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"program": "0x123"}})
	refuse("60 are demanded", browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"min_proven_bits": 60}})
	unchecked("needs something to trust", browserJob{Proof: proof})
	unchecked("64 hexadecimal digits", browserJob{Proof: proof, Trust: map[string]any{"header": "ab"}})
	refuse("trusted is", browserJob{Proof: proof, Trust: map[string]any{"header": strings.Repeat("ab", 32)}})
	refuse("does not cover transaction", browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"tx": otherTx}})
	refuse(fmt.Sprintf("of block %d, not of %d", block, block+1), browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"block": block + 1}})
	refuse("bits of conjectured security", browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"min_bits": 97}})
	unchecked("genesis", browserJob{Proof: proof, Trust: map[string]any{"genesis": map[string]any{}}})
	unchecked("genesis", browserJob{Proof: proof, Genesis: proof})
	unchecked("program", browserJob{Proof: proof, Genesis: genesis, Trust: map[string]any{"program_file": map[string]any{}}})
	unchecked("trust: ", browserJob{Proof: proof, Trust: map[string]any{"block": -1}})
	unchecked("neither a block's proof nor a proof of Stone or S-two", browserJob{Proof: genesis, Genesis: genesis})
	for _, args := range [][]any{{}, {nil, nil}, {"text", "{}"}, {1, 2, 3}, {map[string]any{"length": 1}, ""}} {
		if len(args) > 0 {
			unchecked("takes a Uint8Array and a string", browserJob{Args: args})
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 40 {
		at := r.IntN(len(data))
		refuse("", browserJob{Proof: proof, Genesis: genesis, Edits: [][2]int{{at, int(data[at] ^ byte(1+r.IntN(255)))}}})
	}
	dir := t.TempDir()
	for i, changed := range refused {
		path := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		refuse("", browserJob{Proof: path, Genesis: genesis})
	}
	accepted(browserJob{Proof: proof, Genesis: genesis}, "--validators", genesis) // the verifier still works after all refusals

	refusals := 0
	for i, got := range browser(t, jobs) {
		if want[i] != "" {
			if !got.OK || got.Kind != "block" || got.printed() != want[i] {
				t.Errorf("job %d: got\n%s%s, want\n%s", i, got.printed(), got.Error, want[i])
			}
			t.Logf("accepted in %d ms", got.Milliseconds)
			continue
		}
		if reason := reasons[refusals]; got.Error == "" || got.Verdict != verdicts[refusals] || !strings.Contains(got.Error, reason) || strings.Contains(got.Error, "verifier failed") ||
			!reflect.DeepEqual(got, browserAnswer{Verdict: got.Verdict, Error: got.Error}) {
			t.Errorf("job %d: got %+v, want %q with %q", i, got, verdicts[refusals], reason)
		}
		refusals++
	}
	t.Logf("%d refused", refusals)
}

// TestBrowserStwo checks that the browser's verifier accepts proofs of S-two and refuses changed ones.
func TestBrowserStwo(t *testing.T) {
	var jobs []browserJob
	for _, name := range []string{"c02_fib", "starkware_all_builtins"} {
		proof := golden.Corpus(t, "stwo", name, "proof.bin.bz2")
		jobs = append(jobs,
			browserJob{Proof: proof},
			browserJob{Proof: proof}, // again, with compiled code
			browserJob{Proof: proof, Trust: map[string]any{"min_bits": 97}},
			browserJob{Proof: proof, Trust: map[string]any{"program": "0x1"}},
			browserJob{Proof: proof, Edits: [][2]int{{20000, 1}}},
		)
	}
	forged := browserJob{Proof: filepath.Join(golden.ModuleRoot(t), forgedTable), Trust: map[string]any{"min_bits": 30}}
	if got := browser(t, []browserJob{forged})[0]; got.Verdict != "refused" || !strings.Contains(got.Error, "the preprocessed columns have the root") {
		t.Errorf("a proof with a forged table: got %+v", got)
	}
	for i, got := range browser(t, jobs) {
		t.Logf("job %d: %s %s in %d ms", i, got.Verdict, got.Error, got.Milliseconds)
		if accepted := i%5 < 2; got.OK != accepted || accepted && (got.Kind != "stwo" || got.Bits != 96) || !accepted && got.Verdict != "refused" {
			t.Errorf("job %d: got %+v", i, got)
		}
		if i%5 == 3 && !strings.Contains(got.Error, "demanded is 0x1") {
			t.Errorf("job %d: got %q, want a refusal of the program", i, got.Error)
		}
	}
}
