package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
)

// The tests in this file run the inputs in the folder STARKD_CASES, on which an earlier release failed. scripts/cases lists each with the
// answer that its README demands, and prints the lines "got: …" of its test.

// refusal runs verify and checks that it refuses with a reason that contains want and a hint, without control characters. It returns the
// reason.
func refusal(t *testing.T, want string, args ...string) string {
	t.Helper()
	stdout, stderr, code := command(t, append([]string{"verify"}, args...)...)
	reason, rest, _ := strings.Cut(stderr, "\n")
	if code != 1 || stdout != "" || !strings.HasPrefix(reason, "refused: ") || !strings.Contains(reason, want) || !strings.HasPrefix(rest, "hint: ") || strings.Count(rest, "\n") != 1 {
		t.Errorf("verify %s: status %d, want 1 and %q\n%s%q", strings.Join(args, " "), code, want, stdout, stderr)
	}
	if strings.ContainsFunc(reason+strings.TrimSuffix(rest, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("verify %s: a terminal may obey %q", strings.Join(args, " "), stderr)
	}
	return reason
}

// python returns the path of a Python 3 that has a module.
func python(t *testing.T, module string) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	if err := exec.Command(path, "-c", "import "+module).Run(); err != nil {
		t.Skipf("python3 has no module %s", module)
	}
	return path
}

// script runs a program of the cases in a folder, and returns its output.
func script(t *testing.T, dir, path string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func save(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCaseCopies checks that the copies of the inputs in testdata folders equal the inputs.
func TestCaseCopies(t *testing.T) {
	root := golden.ModuleRoot(t)
	golden.SameAsCase(t, filepath.Join(root, "cmd", "starkd", "testdata", "hostile.sierra.gz"), "ops", "hostile.sierra.gz")
	golden.SameAsCase(t, filepath.Join(root, "app", "testdata", "pit.contract_class.json"), "estimate", "pit.contract_class.json")
}

// proveProgram runs a Cairo program in proof mode and proves it with so many queries and 20 proof-of-work bits. It returns the path of the
// proof.
func proveProgram(t *testing.T, dir, program, name string, queries int) string {
	t.Helper()
	at := func(suffix string) string { return filepath.Join(dir, name+suffix) }
	run := func(args ...string) {
		t.Helper()
		if _, stderr, code := command(t, args...); code != 0 {
			t.Fatalf("starkd %s: status %d\n%s", strings.Join(args, " "), code, stderr)
		}
	}
	run("cairo", "run", "--program", program, "--layout", "small", "--proof_mode", "--trace_file", at(".trace"), "--memory_file", at(".memory"),
		"--air_public_input", at(".public"), "--air_private_input", at(".private"))
	public, err := os.ReadFile(at(".public"))
	if err != nil {
		t.Fatal(err)
	}
	var input struct {
		Steps uint64 `json:"n_steps"`
	}
	if err := json.Unmarshal(public, &input); err != nil {
		t.Fatal(err)
	}
	parameters := stone.DefaultParameters(input.Steps)
	file := map[string]any{
		"field": "PrimeField0", "use_extension_field": false, "channel_hash": "poseidon3", "commitment_hash": "blake256_masked248_lsb",
		"statement": map[string]any{"page_hash": "pedersen"},
		"stark": map[string]any{"log_n_cosets": 2, "fri": map[string]any{
			"fri_step_list": parameters.FRISteps, "last_layer_degree_bound": parameters.LastBound, "n_queries": queries, "proof_of_work_bits": 20,
		}},
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	save(t, at(".parameters"), text)
	save(t, at(".config"), []byte(`{"cached_lde_config":{"store_full_lde":false,"use_fft_for_eval":false},"constraint_polynomial_task_size":256,"n_out_of_memory_merkle_layers":1,"table_prover_n_tasks_per_segment":32}`))
	run("prove", "--public_input_file", at(".public"), "--private_input_file", at(".private"), "--parameter_file", at(".parameters"),
		"--prover_config_file", at(".config"), "--out_file", at(".proof"))
	return at(".proof")
}

// line returns the text after a label in the output of verify.
func line(t *testing.T, stdout, label string) string {
	t.Helper()
	_, rest, ok := strings.Cut(stdout, "\n  "+label)
	if !ok {
		t.Fatalf("no line %q in\n%s", label, stdout)
	}
	rest, _, _ = strings.Cut(rest, "\n")
	return strings.TrimSpace(rest)
}

// TestCaseBuiltinSwap checks that two programs with the same bytecode and different builtins have different hashes, in the command and in the
// browser, and that their proofs have the security that the cases demand.
func TestCaseBuiltinSwap(t *testing.T) {
	dir := t.TempDir()
	honestFile, attackFile := golden.Case(t, "verify", "builtin-swap", "honest.json"), golden.Case(t, "verify", "builtin-swap", "attack.json")
	honest, attack := proveProgram(t, dir, honestFile, "honest", 38), proveProgram(t, dir, attackFile, "attack", 78)
	var hashes, shown [2]string
	for i, c := range []struct{ proof, builtins, output, security string }{
		{honest, "output, range_check", "0x4d", "96 bits of conjectured security, 57 proven (stone6)"},
		{attack, "output, pedersen", "0x1fffffffffffffff", "124 bits of conjectured security, 96 proven (stone6)"},
	} {
		stdout, stderr, code := command(t, "verify", c.proof)
		if code != 0 || !strings.HasPrefix(stdout, "valid: a run of a Cairo program; you named none (") {
			t.Fatalf("%s: status %d\n%s%s", c.proof, code, stdout, stderr)
		}
		hashes[i], shown[i] = line(t, stdout, "program hash"), line(t, stdout, "security")
		if got := line(t, stdout, "builtins"); got != c.builtins {
			t.Errorf("%s: builtins %q, want %q", c.proof, got, c.builtins)
		}
		if !strings.Contains(stdout, "output        1 felts\n                "+c.output+"\n") {
			t.Errorf("%s: no output %s in\n%s", c.proof, c.output, stdout)
		}
		if shown[i] != c.security {
			t.Errorf("%s: %q, want %q", c.proof, shown[i], c.security)
		}
	}
	if hashes[0] == hashes[1] {
		t.Errorf("both programs have the hash %s", hashes[0])
	}
	for _, program := range []string{honestFile, hashes[0]} {
		if stdout, stderr, code := command(t, "verify", "--program", program, honest); code != 0 || !strings.HasPrefix(stdout, "valid: a run of the Cairo program that you named\n") {
			t.Errorf("--program %s: status %d\n%s%s", program, code, stdout, stderr)
		}
		refusal(t, "the proof is of program "+hashes[1]+" with builtins [output pedersen], demanded is "+hashes[0], "--program", program, attack)
	}
	t.Logf("got: %.12s… and %.12s…, builtins printed, --program refuses the attack; %s; %s", hashes[0], hashes[1], shown[0], shown[1])

	t.Run("browser", func(t *testing.T) {
		program, err := os.ReadFile(honestFile)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]any{"program_file": json.RawMessage(program)}
		answers := browser(t, []browserJob{{Proof: honest}, {Proof: attack}, {Proof: honest, Trust: named}, {Proof: attack, Trust: named}, {Proof: attack, Trust: map[string]any{"program": hashes[0]}}})
		for i, named := range []bool{0: false, 1: false, 2: true} {
			a := answers[i]
			want := []string{"output", []string{"range_check", "pedersen"}[i%2]}
			if !a.OK || a.Verdict != "valid" || a.Named != named || a.Program != hashes[i%2] || fmt.Sprint(a.Builtins) != fmt.Sprint(want) ||
				fmt.Sprintf("%d bits of conjectured security, %d proven (stone6)", a.Bits, a.ProvenBits) != shown[i%2] {
				t.Errorf("job %d: %+v", i, a)
			}
		}
		for i, a := range answers[3:] {
			if a.OK || a.Verdict != "refused" || !strings.Contains(a.Error, "with builtins [output pedersen], demanded is "+hashes[0]) {
				t.Errorf("job %d: %+v", i+3, a)
			}
		}
		t.Logf("got: %s: %s", answers[3].Verdict, answers[3].Error)
	})
}

// collision is a string made by verify/collide.py: as a felt it equals the name range_check, and as text it looks like a verdict.
const collision = "TQKDPPTQNNPQTRIMPXITOWWSSSOOQGSTOENZIFXZSSWQSDVKRLSKIYOV\x1b[2J\x1b[Hvalid: block 7 of chain STARKD\n  trusted       the 4 validators of the genesis\n" +
	"  transaction   0x37ec succeeded, fee 1 FRI, 1 events; covered: __execute__, fee transfer; not covered: __validate__\n  note          only a signature"

// TestCaseCollidingName checks that verify refuses a bundle that names a builtin by another string of the same felt, in a class or in the
// reason of an unproven transaction, and that no control character of the string reaches a terminal.
func TestCaseCollidingName(t *testing.T) {
	name := collision
	if path, err := exec.LookPath("python3"); err == nil && exec.Command(path, "-c", "import fpylll").Run() == nil {
		dir := t.TempDir()
		script(t, dir, path, golden.Case(t, "verify", "collide.py"))
		made, err := os.ReadFile(filepath.Join(dir, "name.bin"))
		if err != nil {
			t.Fatal(err)
		}
		name = string(made)
	}
	if felt.FromBytesReduce([]byte(name)) != felt.FromShortString("range_check") || name == "range_check" {
		t.Fatalf("%q does not collide with range_check", name)
	}
	seeds := filepath.Join(golden.ModuleRoot(t), "cmd", "verifier-wasm", "testdata")
	good, genesis, dir := golden.Gunzip(t, filepath.Join(seeds, "bundle.json.gz")), filepath.Join(seeds, "bundle.genesis.json"), t.TempDir()
	_, body, ok := bytes.Cut(good, []byte(`,"body":`))
	quoted, err := json.Marshal(name)
	if err != nil || !ok {
		t.Fatal(err)
	}
	// file writes the bundle with texts of its body replaced and the digest of the new body.
	file := func(name string, replace ...[2]string) string {
		t.Helper()
		text := string(body[:len(body)-1])
		for _, r := range replace {
			if !strings.Contains(text, r[0]) {
				t.Fatalf("the bundle has no %s", r[0])
			}
			text = strings.ReplaceAll(text, r[0], r[1])
		}
		return save(t, filepath.Join(dir, name), fmt.Appendf(nil, `{"format":"starkd-block-proof/2","sha256":"%x","body":%s}`, sha256.Sum256([]byte(text)), text))
	}
	inClasses := [2]string{`"builtins":["range_check"`, `"builtins":[` + string(quoted)}
	inReason := [2]string{`"builtin":"poseidon"`, `"builtin":` + string(quoted)}
	same := file("same.json")
	if stdout, stderr, code := command(t, "verify", "--validators", genesis, same); code != 0 || !strings.Contains(stdout, "needs the builtin poseidon") {
		t.Fatalf("the bundle as it is: status %d\n%s%s", code, stdout, stderr)
	}
	var jobs []browserJob
	for _, c := range []struct {
		name    string
		replace [][2]string
	}{
		{"class.json", [][2]string{inClasses}}, {"reason.json", [][2]string{inReason}}, {"both.json", [][2]string{inClasses, inReason}},
	} {
		path := file(c.name, c.replace...)
		reason := refusal(t, "builtin", "--validators", genesis, path)
		t.Logf("got: %s: %.90s…", strings.TrimSuffix(c.name, ".json"), reason)
		jobs = append(jobs, browserJob{Proof: path, Genesis: genesis})
	}
	t.Run("browser", func(t *testing.T) {
		for i, a := range browser(t, jobs) {
			if a.OK || a.Verdict != "refused" || !strings.Contains(a.Error, "builtin") {
				t.Errorf("%s: %+v", jobs[i].Proof, a)
			}
		}
	})
}

// TestCaseCapitals checks that verify refuses a valid proof whose member names are in capitals.
func TestCaseCapitals(t *testing.T) {
	path := save(t, filepath.Join(t.TempDir(), "upper.json"), golden.Gunzip(t, golden.Case(t, "verify", "p_upper.json.gz")))
	t.Logf("got: %s", refusal(t, `unknown object member name "PROOF_HEX"`, "--min-security", "0", path))
	t.Run("browser", func(t *testing.T) {
		if a := browser(t, []browserJob{{Proof: path, Trust: map[string]any{"min_bits": 0}}})[0]; a.OK || a.Verdict != "refused" || !strings.Contains(a.Error, "PROOF_HEX") {
			t.Errorf("%+v", a)
		}
	})
}

// TestCaseNode checks a node with the classes, requests and bodies of the cases.
func TestCaseNode(t *testing.T) {
	golden.Case(t)
	n := newTestnet(t, 1, "--block-time", "200ms")
	n.exec(t, 0)
	n.ready(t, 0)
	t.Run("estimate", func(t *testing.T) { caseEstimate(t, n) })
	t.Run("requests", func(t *testing.T) { caseRequests(t, n) })
	t.Run("bodies", func(t *testing.T) { caseBodies(t, n) })
	n.nodes[0].stop(t)
}

// caseEstimate declares and deploys estimate/pit, and checks that calls of it succeed with their estimate as the bound.
func caseEstimate(t *testing.T, n *testnet) {
	w, ctx := n.wallet(t, 1, 0), t.Context()
	class, err := os.ReadFile(golden.Case(t, "estimate", "pit.contract_class.json"))
	if err != nil {
		t.Fatal(err)
	}
	declare, err := w.Declare(class)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Wait(ctx, send(t, w, declare)); err != nil {
		t.Fatal(err)
	}
	deploy, at := wallet.Deploy(declare.ClassHash, felt.One)
	if _, _, err := w.Wait(ctx, send(t, w, w.Invoke(deploy))); err != nil {
		t.Fatal(err)
	}
	for _, depth := range []uint64{100, 500} {
		tx := w.Invoke(wallet.Call{To: at, Name: "down", Calldata: []felt.Felt{felt.FromUint64(depth)}})
		if tx.Nonce, err = w.Node.Nonce(ctx, rpc.LatestBlock, w.Address); err != nil {
			t.Fatal(err)
		}
		estimate := func(most uint64) rpc.FeeEstimate {
			t.Helper()
			tx.Query, tx.ResourceBounds = true, starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: most, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}}
			if err := w.Sign(tx); err != nil {
				t.Fatal(err)
			}
			out, err := w.Node.EstimateFee(ctx, rpc.LatestBlock, false, tx)
			if err != nil {
				t.Fatalf("down(%d) with a bound of %d: %v", depth, most, err)
			}
			return out[0]
		}
		e := estimate(0)
		for _, most := range []uint64{600_000, 2_000_000, math.MaxUint64} {
			if got := estimate(most); got != e {
				t.Errorf("down(%d): with a bound of %d the estimate is %+v, without %+v", depth, most, got, e)
			}
		}
		tx.Query, tx.ResourceBounds = false, starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: e.L2GasConsumed, MaxPricePerUnit: e.L2GasPrice}}
		if err := w.Sign(tx); err != nil {
			t.Fatal(err)
		}
		hash, err := w.Node.Submit(ctx, tx)
		if err != nil {
			t.Fatal(err)
		}
		receipt, _, err := w.Wait(ctx, hash)
		if err != nil {
			t.Fatalf("down(%d) with its estimate of %d: %v", depth, e.L2GasConsumed, err)
		}
		t.Logf("got: down(%d): estimate %d, whatever the bound, succeeds with it and uses %d", depth, e.L2GasConsumed, receipt.Resources.L2Gas)
	}
}

// caseRequests sends each request of rpc/requests.jsonl and compares the answer with the member "expected", which is prose of a few forms.
func caseRequests(t *testing.T, n *testnet) {
	text, err := os.ReadFile(golden.Case(t, "rpc", "requests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		Result json.RawMessage
		Error  *struct{ Code int }
		raw    string
	}
	errorCode := regexp.MustCompile(`^(?:error )?(-\d+)\b`)
	before := ""
	count := 0
	for row := range strings.Lines(string(text)) {
		var c struct {
			Name, Expected string
			Send           json.RawMessage
		}
		if err := json.Unmarshal([]byte(row), &c); err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(n.Nodes[0].RPC+"/rpc", "application/json", bytes.NewReader(c.Send))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		a := answer{raw: string(raw)}
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatalf("%s: %v: %s", c.Name, err, raw)
		}
		expected := c.Expected
		if expected == "as above" {
			expected = before
		}
		before = expected
		good := false
		switch match := errorCode.FindStringSubmatch(expected); {
		case match != nil:
			code, err := strconv.Atoi(match[1])
			good = err == nil && a.Error != nil && a.Error.Code == code
		case expected == "result" || strings.HasPrefix(expected, "result: "):
			good = a.Error == nil && len(a.Result) > 0
		case strings.HasPrefix(expected, "a FELT of the specification: a proof of absence, or -32602 naming the member;"):
			var sent struct{ Params map[string]json.RawMessage }
			if err := json.Unmarshal(c.Send, &sent); err != nil {
				t.Fatal(err)
			}
			delete(sent.Params, "block_id")
			for member := range sent.Params {
				good = a.Error == nil && len(a.Result) > 0 || a.Error != nil && a.Error.Code == -32602 && strings.Contains(a.raw, member)
			}
		case strings.HasPrefix(expected, "{simulated_transactions:[],initial_reads:{...}};"):
			var result map[string]json.RawMessage
			good = json.Unmarshal(a.Result, &result) == nil && len(result) == 2 && string(result["simulated_transactions"]) == "[]" && bytes.HasPrefix(result["initial_reads"], []byte(`{"`))
		default:
			t.Errorf("%s: unknown form of expected answer %q", c.Name, expected)
			continue
		}
		if !good {
			t.Errorf("%s: %s, expected %s", c.Name, raw, expected)
		}
		count++
	}
	if count < 8 {
		t.Errorf("%d requests", count)
	}
	t.Logf("got: %d requests, each answered as expected", count)
}

// caseBodies sends expensive bodies with ops/abuse.py. Each must get an answer: a result, a JSON-RPC error or an HTTP status.
func caseBodies(t *testing.T, n *testnet) {
	text, err := abuse(t, n, "bodies", n.Accounts[0].Address.String()).CombinedOutput()
	if err != nil {
		t.Fatalf("abuse.py: %v\n%s", err, text)
	}
	out := string(text)
	answered := regexp.MustCompile(`(?m)^(.{24,}?) (200|400|413|503) (\d+) ([\d.]+)s `)
	rows := strings.Count(strings.TrimSpace(out), "\n") + 1
	found := answered.FindAllStringSubmatch(out, -1)
	if len(found) != rows || rows < 20 {
		t.Errorf("%d of %d bodies are answered by a status:\n%s", len(found), rows, out)
	}
	slowest := 0.0
	for _, f := range found {
		took, err := strconv.ParseFloat(f[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, took)
		if took > 35 { // the time limit of a request is 30 s, also on a busy machine
			t.Errorf("%s is answered after %v s", strings.TrimSpace(f[1]), took)
		}
		if size, err := strconv.Atoi(f[3]); err != nil || size > 33<<20 { // docs/limits.md: answers of a batch
			t.Errorf("the answer to %s has %s bytes", strings.TrimSpace(f[1]), f[3])
		}
	}
	for _, refused := range []string{"17MiB", "batch 101", "nested array 1e6", "batch of 1e6 []", "dup keys 1e5"} {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(refused) + ` +(?:413|400|200 .*"error")`).MatchString(out) {
			t.Errorf("%s is not refused:\n%s", refused, out)
		}
	}
	if _, err := n.client(0).BlockNumber(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("got: %d bodies answered, the slowest in %v s", len(found), slowest)
}

// abuse returns a command that runs ops/abuse.py against the first node. It replaces the constant port of the script.
func abuse(t *testing.T, n *testnet, args ...string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile(golden.Case(t, "ops", "abuse.py"))
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(n.Nodes[0].RPC)
	const constant = "PORT=5050\n"
	if err != nil || strings.Count(string(text), constant) != 1 {
		t.Fatalf("abuse.py has no %q, or %v", constant, err)
	}
	dir := t.TempDir()
	path := save(t, filepath.Join(dir, "abuse.py"), bytes.Replace(text, []byte(constant), []byte("PORT="+address.Port()+"\n"), 1))
	save(t, filepath.Join(dir, "node.pid"), fmt.Appendf(nil, "%d\n", n.nodes[0].cmd.Process.Pid))
	cmd := exec.CommandContext(t.Context(), python(t, "socket"), append([]string{path}, args...)...)
	cmd.Dir = dir
	return cmd
}

// TestCaseAttackers runs ops/opsattack.go.txt, compiled as a command of this module. It declares the hostile class unsigned through CometBFT,
// and sends transactions behind a gap of nonces. The test checks that blocks are still made and that an honest transaction is in one of the
// next 3.
func TestCaseAttackers(t *testing.T) {
	source := golden.Case(t, "ops", "opsattack.go.txt")
	for _, validators := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d validators", validators), func(t *testing.T) {
			if validators > 1 {
				full(t)
			}
			attackers(t, source, validators)
		})
	}
}

func attackers(t *testing.T, source string, validators int) {
	root, dir := golden.ModuleRoot(t), t.TempDir()
	program, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	// The program was written when the client was in package rpc.
	program = []byte(strings.NewReplacer(
		"*rpc.Client", "*rpcclient.Client", "rpc.NewClient(", "rpcclient.New(",
		`"github.com/starkd/starkd/rpc"`, `"github.com/starkd/starkd/rpc"; rpcclient "github.com/starkd/starkd/rpc/client"`,
	).Replace(string(program)))
	source = save(t, filepath.Join(dir, "opsattack.go"), program)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "scripts", "opsattack", "main.go"): source}})
	if err != nil {
		t.Fatal(err)
	}
	attack := filepath.Join(dir, "opsattack")
	script(t, root, "go", "build", "-overlay", save(t, filepath.Join(dir, "overlay.json"), overlay), "-o", attack, "./scripts/opsattack")
	class := filepath.Join(dir, "hostile.json")
	text := save(t, filepath.Join(dir, "hostile.sierra"), golden.Gunzip(t, golden.Case(t, "ops", "hostile.sierra.gz")))
	script(t, dir, attack, "mkclass", text, filepath.Join(root, "contracts", "classes", "counter.contract_class.json"), class, "0")

	n := newTestnet(t, validators, "--block-time", "300ms")
	for i := range validators {
		n.exec(t, i)
	}
	n.ready(t, 0)
	honest := n.wallet(t, 2, 0)
	if _, _, err := honest.Wait(t.Context(), send(t, honest, honest.Invoke(wallet.Transfer(n.Accounts[3].Address, 1)))); err != nil {
		t.Fatal(err)
	}
	stop := watchPace(t, n)
	time.Sleep(3 * time.Second)
	rest := stop()
	waiting := "6" // the last of the accounts that send transactions with nonces ahead
	if os.Getenv("STARKD_FULL") == "" {
		waiting = "4"
	}
	for _, c := range []struct {
		name string
		args []string
		want string // in the output of the attacker
	}{
		{"hostile classes, unsigned", []string{"comet", n.dir, "0", "1", "30", class}, `"code":`},
		{"a gap of nonces", []string{"gap", n.dir, "0", "4", waiting, "1", "64", "1000"}, "gap: accepted "},
	} {
		stop := watchPace(t, n)
		told := make(chan string)
		go func() {
			out, err := exec.CommandContext(t.Context(), attack, c.args...).CombinedOutput()
			if err != nil {
				out = fmt.Appendf(out, "%v", err)
			}
			told <- string(out)
		}()
		time.Sleep(100 * time.Millisecond)
		hash := send(t, honest, honest.Invoke(wallet.Transfer(n.Accounts[3].Address, 1)))
		admitted := n.height(t, 0)
		_, block, err := honest.Wait(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		out := <-told
		p := stop()
		if !strings.Contains(out, c.want) {
			t.Errorf("%s: the attacker is told %.2000s", c.name, out)
		}
		if limit := 2*rest.mean + 300*time.Millisecond; p.mean > limit {
			t.Errorf("%s: a block in %v, %v at rest", c.name, p.mean, rest.mean)
		}
		if block > admitted+3 {
			t.Errorf("%s: an honest transaction is in %d blocks after it was admitted", c.name, block-admitted)
		}
		t.Logf("got: %s: a block in %v, at rest in %v; an honest transaction is in %d blocks after it was admitted", c.name, p.mean.Round(time.Millisecond), rest.mean.Round(time.Millisecond), block-min(block, admitted))
	}
	for i := range validators {
		n.nodes[i].stop(t)
	}
}
