package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestLiveNode asks a running node about its last blocks and all that is in them: every answer is as the schemas say, and every
// block hashes to its hash. Under /v0_9 the schemas are those of
// that version. STARKD_RPC is the node's address, such as http://127.0.0.1:5050/rpc.
func TestLiveNode(t *testing.T) {
	url := os.Getenv("STARKD_RPC")
	if url == "" {
		t.Skip("set STARKD_RPC to a node's address")
	}
	c, ctx := NewClient(url, nil), context.Background()
	judged := func(c *Client, spec *openRPC, method string, params map[string]any) json.RawMessage {
		t.Helper()
		var result json.RawMessage
		if err := c.Do(ctx, method, params, &result); err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || spec.error(method, e) != "" {
				t.Errorf("%s %v: %v", method, params, err)
			}
			return nil
		}
		for _, fault := range spec.result(method, result) {
			t.Errorf("%s %v: %s", method, params, fault)
		}
		return result
	}
	spec, spec09, c09 := loadOpenRPC(t, "v0.10.2"), loadOpenRPC(t, "v0.9.0"), NewClient(url+"/v0_9", nil)
	ask := func(method string, params map[string]any) json.RawMessage {
		t.Helper()
		judged(c09, spec09, method, params)
		return judged(c, spec, method, params)
	}
	for _, method := range []string{
		"starknet_specVersion", "starknet_chainId", "starknet_syncing", "starknet_blockNumber", "starknet_blockHashAndNumber",
	} {
		ask(method, nil)
	}
	chain, err := c.ChainID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	head, err := c.BlockNumber(ctx)
	if err != nil {
		t.Fatal(err)
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
		b, err := c.Block(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		diff, err := c.StateDiff(ctx, id)
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
			"contracts_storage_keys": []ContractStorageKeys{{contract, us(0, 1)}}})
	}
	for class := range classes {
		if _, err := c.Class(ctx, LatestBlock, class); err != nil {
			t.Error(err)
		}
		ask("starknet_getClass", map[string]any{"block_id": LatestBlock, "class_hash": class})
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
