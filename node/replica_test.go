package node

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
)

// TestWatcherHandler checks what the address of a watcher serves, on a replica at its genesis.
func TestWatcherHandler(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if err := (home.Network{ChainID: "EXPLORER", Seed: "explorer"}).Init(dir, "node"); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	genesis, err := home.Genesis(dir)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	chain, err := openChain(dir, c, "vm", log)
	if err != nil {
		t.Fatal(err)
	}
	defer chain.close()
	a := chain.app
	proofs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "proofs "+r.URL.Path) })
	h, err := watcherHandler(dir, "v1", c, a, proofs, log)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	call := func(method, params string) string {
		t.Helper()
		code, body := ask("POST", "/rpc", `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", method, code, body)
		}
		return body
	}

	// Before the genesis state exists, as in the first seconds of a watcher.
	if got := call("starknet_blockNumber", "{}"); !strings.Contains(got, `"error"`) {
		t.Errorf("blockNumber without a genesis state: %s", got)
	}
	validator := finality.Validator{Key: genesis.Validators[0].PubKey.Bytes(), Power: genesis.Validators[0].Power}
	if _, err := a.InitGenesis(genesis.ChainID, uint64(genesis.GenesisTime.Unix()), genesis.AppState, validator); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]string{
		"/": "<!doctype html>", "/assets/main.js": "import", "/chain.json": `"chain_id":"` + genesis.ChainID + `"`, "/genesis.json": `"validators"`,
		"/v1/status": "proofs /v1/status", "/v1/blocks/1/proof": "proofs /v1/blocks/1/proof", "/metrics": "proofs /metrics",
		"/healthz": "proofs /healthz", "/openapi.json": "proofs /openapi.json",
	} {
		if code, body := ask("GET", path, ""); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %.100q, want 200 and %q", path, code, body, want)
		}
	}
	for path, method := range map[string]string{"/rpc": "GET", "/ws": "GET", "/rpc/v0_9": "POST", "/ws/rpc": "GET", "/v2/status": "GET"} {
		if code, body := ask(method, path, "{}"); code != http.StatusNotFound && code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d %.100q", method, path, code, body)
		}
	}

	accounts, err := os.ReadFile(filepath.Join(dir, "accounts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var funded []struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(accounts, &funded); err != nil || len(funded) == 0 {
		t.Fatal(err, len(funded))
	}
	balanceOf := func(token felt.Felt) string {
		return `{"block_id":"latest","request":{"contract_address":"` + token.String() + `","entry_point_selector":"` + wallet.Selector("balanceOf").String() + `","calldata":["` + funded[0].Address + `"]}}`
	}
	at := `{"block_id":"latest","contract_address":"` + funded[0].Address + `"}`
	for _, q := range []struct{ method, params, want string }{
		{"starknet_blockNumber", "{}", `"result":0`},
		{"starknet_getBlockWithReceipts", `{"block_id":{"block_number":0}}`, `"new_root"`},
		{"starknet_getNonce", at, `"result":"0x0"`},
		{"starknet_getClassAt", at, `"entry_points_by_type"`},
		{"starknet_call", balanceOf(starknet.StrkAddress), `"result":["0x3635c9adc5dea00000","0x0"]`},
	} {
		if got := call(q.method, q.params); !strings.Contains(got, q.want) {
			t.Errorf("%s: %.300s, want %s", q.method, got, q.want)
		}
	}
	invoke := `{"type":"INVOKE","version":"0x3","sender_address":"` + funded[0].Address + `","calldata":[],"signature":[],"nonce":"0x0",` +
		`"resource_bounds":{"l1_gas":{"max_amount":"0x0","max_price_per_unit":"0x0"},"l2_gas":{"max_amount":"0x0","max_price_per_unit":"0x0"},"l1_data_gas":{"max_amount":"0x0","max_price_per_unit":"0x0"}},` +
		`"tip":"0x0","paymaster_data":[],"account_deployment_data":[],"nonce_data_availability_mode":"L1","fee_data_availability_mode":"L1"}`
	for _, q := range []struct{ method, params, want string }{
		{"starknet_call", balanceOf(starknet.EthAddress), "ask a node"}, // a contract like any other
		{"starknet_addInvokeTransaction", `{"invoke_transaction":` + invoke + `}`, "ask a node"},
		{"starknet_estimateFee", `{"request":[` + invoke + `],"simulation_flags":[],"block_id":"latest"}`, "ask a node"},
		{"starknet_simulateTransactions", `{"transactions":[` + invoke + `],"simulation_flags":[],"block_id":"latest"}`, "ask a node"},
		{"starknet_traceBlockTransactions", `{"block_id":"latest"}`, "-32601"},
		{"starknet_subscribeNewHeads", `{}`, "-32601"},
	} {
		if got := call(q.method, q.params); !strings.Contains(got, `"error"`) || !strings.Contains(got, q.want) {
			t.Errorf("%s: %.300s, want an error with %q", q.method, got, q.want)
		}
	}
	if code, body := ask("POST", "/rpc", strings.Repeat(" ", 65<<10)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 65 KiB: %d %.100q", code, body)
	}
}
