package rpc

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// TestLiveNode checks the answers of a running node about its latest blocks and their contents: every answer must match its schema, and
// every block must have the right hash. Under /v0_9 the schemas are those of that version. STARKD_RPC is the node's address, such as
// http://127.0.0.1:5050/rpc.
func TestLiveNode(t *testing.T) {
	url := os.Getenv("STARKD_RPC")
	if url == "" {
		t.Skip("set STARKD_RPC to a node's address")
	}
	judged := func(url string, spec *openRPC, method string, params map[string]any) json.RawMessage {
		t.Helper()
		result, err := askNode(t, url, method, params)
		if err != nil {
			if spec.error(method, err) != "" {
				t.Errorf("%s %v: %v", method, params, err)
			}
			return nil
		}
		for _, fault := range spec.result(method, result) {
			t.Errorf("%s %v: %s", method, params, fault)
		}
		return result
	}
	spec, spec09 := loadOpenRPC(t, "v0.10.2"), loadOpenRPC(t, "v0.9.0")
	ask := func(method string, params map[string]any) json.RawMessage {
		t.Helper()
		judged(url+"/v0_9", spec09, method, params)
		return judged(url, spec, method, params)
	}
	for _, method := range []string{
		"starknet_specVersion", "starknet_chainId", "starknet_syncing", "starknet_blockNumber", "starknet_blockHashAndNumber",
	} {
		ask(method, nil)
	}
	var chain felt.Felt
	var head uint64
	for method, into := range map[string]any{"starknet_chainId": &chain, "starknet_blockNumber": &head} {
		if err := json.Unmarshal(ask(method, nil), into); err != nil {
			t.Fatal(err)
		}
	}
	const most = 100
	first := head - min(head, most)
	ids := []BlockID{PreConfirmedBlock, LatestBlock, BlockByNumber(0)}
	for n := first; n <= head; n++ {
		ids = append(ids, BlockByNumber(n))
	}
	contracts, classes, parent := map[felt.Felt]bool{}, map[felt.Felt]bool{}, map[uint64]felt.Felt{}
	for _, id := range ids {
		for _, method := range []string{
			"starknet_getBlockWithTxHashes", "starknet_getBlockWithTxs", "starknet_getBlockWithReceipts", "starknet_getBlockTransactionCount",
			"starknet_getStateUpdate",
		} {
			ask(method, map[string]any{"block_id": id})
		}
		if id.number == nil {
			continue
		}
		ask("starknet_traceBlockTransactions", map[string]any{"block_id": id})
		ask("starknet_traceBlockTransactions", map[string]any{"block_id": id, "trace_flags": []string{flagInitialReads}})
		b, err := DecodeBlock(ask("starknet_getBlockWithReceipts", map[string]any{"block_id": id, "response_flags": []string{flagProofFacts}}))
		if err != nil {
			t.Fatal(err)
		}
		diff, err := DecodeStateDiff(ask("starknet_getStateUpdate", map[string]any{"block_id": id}))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(chain, diff); err != nil {
			t.Error(err)
		}
		if want, ok := parent[b.Number-1]; ok && b.Parent != want {
			t.Errorf("block %d: parent %s, want %s", b.Number, b.Parent, want)
		}
		parent[b.Number] = b.BlockHash
		for i, r := range b.Receipts {
			for _, method := range []string{
				"starknet_getTransactionByHash", "starknet_getTransactionReceipt", "starknet_getTransactionStatus", "starknet_traceTransaction",
			} {
				ask(method, map[string]any{"transaction_hash": r.TransactionHash})
			}
			ask("starknet_getTransactionByBlockIdAndIndex", map[string]any{"block_id": id, "index": i})
		}
		for _, s := range diff.Deployed {
			contracts[s.Address] = true
		}
		for _, k := range diff.Declared {
			classes[k.ClassHash] = true
		}
	}
	for contract := range contracts {
		for _, method := range []string{"starknet_getNonce", "starknet_getClassHashAt", "starknet_getClassAt"} {
			ask(method, map[string]any{"block_id": LatestBlock, "contract_address": contract})
		}
		ask("starknet_getStorageAt", map[string]any{"block_id": LatestBlock, "contract_address": contract, "key": "0x0"})
		ask("starknet_getStorageAt", map[string]any{"block_id": LatestBlock, "contract_address": contract, "key": "0x0", "response_flags": []string{flagLastUpdate}})
		ask("starknet_getStorageProof", map[string]any{"block_id": LatestBlock, "contract_addresses": []felt.Felt{contract},
			"contracts_storage_keys": []any{map[string]any{"contract_address": contract, "storage_keys": us(0, 1)}}})
	}
	for class := range classes {
		definition := new(starknet.ContractClass)
		if err := definition.UnmarshalJSON(ask("starknet_getClass", map[string]any{"block_id": LatestBlock, "class_hash": class})); err != nil {
			t.Error(err)
		} else if got := definition.Hash(); got != class {
			t.Errorf("class %s has the hash %s", class, got)
		}
		ask("starknet_getCompiledCasm", map[string]any{"class_hash": class})
		ask("starknet_getStorageProof", map[string]any{"block_id": LatestBlock, "class_hashes": []felt.Felt{class}})
	}
	for token := ""; ; {
		filter := map[string]any{"chunk_size": 7, "from_block": BlockByNumber(first)}
		if token != "" {
			filter["continuation_token"] = token
		}
		var page eventsChunkJSON
		if raw := ask("starknet_getEvents", map[string]any{"filter": filter}); raw == nil || json.Unmarshal(raw, &page) != nil || page.Token == "" {
			break
		}
		token = page.Token
	}
	t.Logf("%d blocks, %d contracts, %d classes", len(ids), len(contracts), len(classes))
}

// askNode sends one request to a node and returns the result.
func askNode(t *testing.T, url, method string, params map[string]any) (json.RawMessage, *jsonrpc.Error) {
	t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	body, err := jsonrpc.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(url, "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Result json.RawMessage
		Error  *jsonrpc.Error
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.Result, answer.Error
}
