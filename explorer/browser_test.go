package explorer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/starkd/starkd/internal/golden"
)

// markup is the text that the hostile chain puts everywhere. Its script would run if the page parsed it as HTML.
const markup = `<img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>`

// inFelt is markup that fits in a felt: <b onclick=pwned()>x</b> as a short string.
const inFelt = "0x3c62206f6e636c69636b3d70776e656428293e783c2f623e"

// TestHostileChain visits the views in a browser while every response is hostile: names, reasons, ABIs, errors and events with markup, and
// malformed hashes. The page must show all of it as text.
func TestHostileChain(t *testing.T) {
	assets := withVerifier(t, true).(fstest.MapFS)
	// The verifier is a stub, because the test is about how the page shows its answers.
	answer, err := json.Marshal(map[string]any{
		"ok": true, "verdict": "valid", "signed": true, "kind": "block", "chain": markup, "block": 7, "trusted": markup, "state_before": markup, "state_after": markup, "program": markup,
		"proofs": 1, "layout": markup, "steps": 131072, "bits": 96, "proven_bits": 57, "rejected": 1, "milliseconds": 1,
		"transactions": []any{
			map[string]any{"hash": "0x77", "status": markup, "fee": markup, "events": 1, "covered": []string{markup}, "not_covered": []string{markup}},
			map[string]any{"hash": "0x88", "status": markup, "fee": "7", "events": 0, "uncovered": markup},
			map[string]any{"hash": markup, "status": markup, "fee": "7", "events": 1, "uncovered": markup},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	assets["wasm_exec.js"].Data = fmt.Appendf(nil, `globalThis.Go = class {
  importObject = {};
  run() { globalThis.starkdVerify = (bytes, trust) => { JSON.parse(trust); return %q; }; return new Promise(() => {}); }
};`, answer)
	page, err := handler(Chain{ID: markup, FeeToken: "0x5", Version: markup, Genesis: []byte(`{}`)}, assets)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hostile(page))
	defer server.Close()
	walk(t, server.URL, "--marker", markup)
}

// TestWithoutVerifier checks that a page without the verifier says so and shows the command instead.
func TestWithoutVerifier(t *testing.T) {
	page, err := handler(Chain{ID: "CHAIN", FeeToken: "0x5", Version: "v", Genesis: []byte(`{}`)}, withVerifier(t, false))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hostile(page))
	defer server.Close()
	walk(t, server.URL)
}

// TestProgramProofs verifies a bare proof in a browser with the real verifier, with and without a required program, and tries files that are not
// proofs or programs.
func TestProgramProofs(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the browser's verifier")
	}
	proof := golden.Corpus(t, "stone-cases/rec131072-squash-pstar/proof.json")
	assets := withVerifier(t, true).(fstest.MapFS)
	root, wasm := golden.ModuleRoot(t), filepath.Join(t.TempDir(), "verifier.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", wasm, "./cmd/verifier-wasm")
	build.Dir, build.Env = root, append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"verifier.wasm": wasm, "wasm_exec.js": filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js")} {
		if assets[name].Data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	page, err := handler(Chain{ID: "CHAIN", FeeToken: "0x5", Version: "v", Genesis: []byte(`{}`)}, assets)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hostile(page))
	defer server.Close()
	drive(t, "verify-panel.mjs", server.URL, proof, golden.Corpus(t, "stone-cases/rec131072-squash-pstar/program.json"), golden.Corpus(t, "stone-cases/small8192-math-keccak/program.json"))
}

// walk runs scripts/js/explorer.mjs against an address.
func walk(t *testing.T, url string, flags ...string) {
	t.Helper()
	drive(t, "explorer.mjs", url, flags...)
}

// drive runs a script of scripts/js that controls a browser. It skips the test if there is no browser.
func drive(t *testing.T, script, url string, flags ...string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: no browser is driven")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if dir := os.Getenv("STARKD_SCREENSHOTS"); dir != "" {
		flags = append(flags, "--screenshots", filepath.Join(dir, t.Name()))
	}
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join(golden.ModuleRoot(t), "scripts", "js", script), url}, flags...)...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 77 {
		t.Skipf("no browser: %s", output.Bytes())
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, output.Bytes())
	}
	t.Logf("%s", output.Bytes())
}

// hostile returns a handler that serves page and hostile responses of a watcher. Block 7 has a proved transaction and one that is not
// provable. The chain grows by a block with each request of the status.
func hostile(page http.Handler) http.Handler {
	var looks atomic.Int64
	object := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	entry := map[string]any{
		"block": 7, "part": 0, "transactions": []string{"0x77"}, "covered": []string{markup}, "not_covered": []string{markup},
		"program_hash": markup, "layout": markup, "steps": 131072, "security_bits": 96, "proving_ms": 1000,
	}
	exception := map[string]any{"transaction": "0x88", "reason": markup, "builtin": markup, "syscall": markup}
	record := map[string]any{
		"block": 7, "status": "proved", "state_root": markup, "transactions": []string{"0x77", "0x88"},
		"bundle": map[string]any{"size": 2, "sha256": markup}, "proofs": []any{entry}, "not_provable": []any{exception},
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		object(w, map[string]any{
			"chain_id": markup, "connected": true, "height": 20 + looks.Add(1), "proved_height": 19, "proving": 20, "proving_stage": markup, "progress": markup,
			"security_bits": 96, "proven_bits": 57, "last_error": markup,
		})
	})
	mux.HandleFunc("GET /v1/proofs", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("block") {
		case "":
			object(w, map[string]any{"blocks": []any{record}})
		case "7":
			object(w, record)
		default:
			object(w, map[string]any{"block": 0, "status": "empty", "proofs": []any{}})
		}
	})
	mux.HandleFunc("GET /v1/proofs/{hash}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("hash") == "0x77" {
			object(w, map[string]any{"transaction": "0x77", "status": "proved", "block": 7, "state_root": markup, "proof": entry})
			return
		}
		object(w, map[string]any{"transaction": "0x88", "block": 7, "status": "not_provable", "exception": exception})
	})
	mux.HandleFunc("GET /v1/blocks/7/proof", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) })
	mux.HandleFunc("POST /rpc", func(w http.ResponseWriter, r *http.Request) {
		type request struct {
			ID     int            `json:"id"`
			Method string         `json:"method"`
			Params map[string]any `json:"params"`
		}
		var raw json.RawMessage
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&raw); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply := func(q request) map[string]any {
			result, ok := hostileResult(q.Method, q.Params)
			if !ok {
				return map[string]any{"jsonrpc": "2.0", "id": q.ID, "error": map[string]any{"code": 24, "message": markup, "data": markup}}
			}
			return map[string]any{"jsonrpc": "2.0", "id": q.ID, "result": result}
		}
		if raw[0] != '[' {
			var q request
			json.Unmarshal(raw, &q)
			object(w, reply(q))
			return
		}
		var requests []request
		json.Unmarshal(raw, &requests)
		replies := []any{}
		for _, q := range requests {
			replies = append(replies, reply(q))
		}
		object(w, replies)
	})
	return mux
}

// hostileResult returns the result of one JSON-RPC call, or false for an error.
func hostileResult(method string, params map[string]any) (any, bool) {
	receipt := func(hash string) map[string]any {
		r := map[string]any{
			"type": "INVOKE", "transaction_hash": hash, "block_number": 7, "execution_status": "SUCCEEDED", "finality_status": markup,
			"actual_fee": map[string]any{"amount": "0x123456789abcdef", "unit": markup}, "execution_resources": map[string]any{"l2_gas": markup},
			"events":        []any{map[string]any{"from_address": "0xacc", "keys": []string{inFelt, markup}, "data": []string{inFelt, markup, "0x1"}}},
			"messages_sent": []any{map[string]any{"from_address": markup, "to_address": markup, "payload": []string{markup, inFelt}}},
		}
		if hash == "0x88" {
			r["execution_status"], r["revert_reason"] = "REVERTED", markup
		}
		return r
	}
	transaction := func(hash string) map[string]any {
		return map[string]any{
			"transaction_hash": hash, "type": "INVOKE", "version": markup, "sender_address": "0xacc", "nonce": markup,
			"calldata": []string{"0x1", "0xacc", inFelt, "0x1", inFelt}, "signature": []string{markup},
		}
	}
	hash := fmt.Sprint(params["transaction_hash"])
	switch method {
	case "starknet_blockHashAndNumber":
		return map[string]any{"block_hash": "0xb14", "block_number": 20}, true
	case "starknet_getBlockWithTxHashes", "starknet_getBlockWithReceipts":
		id, _ := params["block_id"].(map[string]any)
		number, ok := id["block_number"].(float64)
		if id["block_hash"] == "0xb7" {
			number, ok = 7, true
		}
		if !ok || number > 1000 {
			return nil, false
		}
		block := map[string]any{
			"block_number": number, "block_hash": fmt.Sprintf("0xb%v", number), "parent_hash": markup, "new_root": markup, "timestamp": 1.8e9 + number,
			"sequencer_address": markup, "status": markup, "starknet_version": markup, "l2_gas_price": map[string]any{"price_in_fri": markup}, "transactions": []any{},
		}
		if number == 8 {
			block["timestamp"] = 1e300 // not a valid time
		}
		switch {
		case number != 7:
		case method == "starknet_getBlockWithTxHashes":
			block["transactions"] = []any{"0x77", "0x88"}
		default:
			block["transactions"] = []any{
				map[string]any{"transaction": transaction("0x77"), "receipt": receipt("0x77")},
				map[string]any{"transaction": transaction("0x88"), "receipt": receipt("0x88")},
			}
		}
		return block, true
	case "starknet_getTransactionByHash":
		return transaction(hash), hash == "0x77" || hash == "0x88"
	case "starknet_getTransactionReceipt":
		return receipt(hash), hash == "0x77" || hash == "0x88"
	case "starknet_getClassHashAt":
		return markup, params["contract_address"] == "0xacc"
	case "starknet_getNonce":
		return markup, true
	case "starknet_call":
		return []string{"0xde0b6b3a7640001", "0x0"}, true
	case "starknet_getClassAt":
		abi, err := json.Marshal([]any{
			map[string]any{"type": "function", "name": markup, "inputs": []any{map[string]any{"name": markup, "type": markup}, 7, nil}, "outputs": []any{map[string]any{"type": markup}}},
			map[string]any{"type": "function", "name": "inputs_no_list", "inputs": markup, "outputs": nil},
			map[string]any{"type": "event", "kind": "struct", "name": "a::b::" + markup},
			nil, 7, markup, []any{}, map[string]any{"type": "interface", "items": []any{nil, 7}}, map[string]any{"type": "interface", "items": 7},
		})
		if err != nil {
			panic(err)
		}
		return map[string]any{
			"abi": string(abi), "contract_class_version": markup, "sierra_program": []string{},
			"entry_points_by_type": map[string]any{"EXTERNAL": []any{map[string]any{"selector": markup, "function_idx": 0}}, strings.ToUpper(markup): []any{map[string]any{"selector": inFelt}}},
		}, true
	case "starknet_getStorageAt":
		return inFelt, true
	case "starknet_getStorageProof":
		return map[string]any{"contracts_proof": map[string]any{"nodes": []any{markup}}, "contracts_storage_proofs": []any{[]any{markup}}, "global_roots": markup}, true
	}
	return nil, false
}
