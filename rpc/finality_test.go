package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
)

// votingChain is a liveChain whose validators vote about proofs: after block n, the blocks up to heights[n] are proved.
type votingChain struct {
	*liveChain
	mu      sync.Mutex
	heights map[uint64]uint64
	err     error
}

func (v *votingChain) Proved(_ context.Context, n uint64) (uint64, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.heights[n], true, v.err
}

func (v *votingChain) prove(n, height uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heights[n] = height
}

// TestAcceptedOnL1 checks, at every proved height, the status that blocks, receipts and transactions have, and the block that the tag names in
// every method with a block id. Every answer must match the schema, in both versions.
func TestAcceptedOnL1(t *testing.T) {
	specs := map[string]*openRPC{"/rpc/v0_10": loadOpenRPC(t, "v0.10.2"), "/rpc/v0_9": loadOpenRPC(t, "v0.9.0")}
	chain := &votingChain{liveChain: newLiveChain(t), heights: map[uint64]uint64{}}
	s := NewServer(chain, Config{Transport: jsonrpc.Config{Log: quiet}})
	head := uint64(len(chain.blocks) - 1)
	answered := map[string]bool{}
	for proved := uint64(0); proved <= head; proved++ {
		chain.prove(head, proved)
		for path, spec := range specs {
			result := func(method, params string) json.RawMessage {
				t.Helper()
				raw, err := ask(t, s, path, "starknet_"+method, params)
				if err != nil {
					t.Fatalf("%s %s: %v", method, params, err)
				}
				for _, fault := range spec.result("starknet_"+method, raw) {
					t.Errorf("%s %s: %s", method, params, fault)
				}
				return raw
			}
			want := func(n uint64) string {
				if n <= proved {
					return "ACCEPTED_ON_L1"
				}
				return "ACCEPTED_ON_L2"
			}
			for n := range head + 1 {
				id := fmt.Sprintf(`{"block_id":{"block_number":%d}}`, n)
				for _, method := range []string{"getBlockWithTxHashes", "getBlockWithTxs", "getBlockWithReceipts"} {
					var block struct {
						Status       string
						Transactions json.RawMessage
					}
					if err := json.Unmarshal(result(method, id), &block); err != nil || block.Status != want(n) {
						t.Errorf("proved %d: %s of block %d: %s, %v, want %s", proved, method, n, block.Status, err, want(n))
					}
					if text := string(block.Transactions); method == "getBlockWithReceipts" && strings.Count(text, want(n)) != len(chain.blocks[n].Transactions) {
						t.Errorf("proved %d: receipts of block %d: %s", proved, n, text)
					}
				}
				for i := range chain.blocks[n].Transactions {
					hash := `{"transaction_hash":"` + chain.hash(int(n), i).String() + `"}`
					for _, method := range []string{"getTransactionReceipt", "getTransactionStatus"} {
						var answer struct {
							Finality string `json:"finality_status"`
						}
						if err := json.Unmarshal(result(method, hash), &answer); err != nil || answer.Finality != want(n) {
							t.Errorf("proved %d: %s of block %d: %s, %v, want %s", proved, method, n, answer.Finality, err, want(n))
						}
					}
				}
			}
			// The tag gives what the number gives.
			account, class := fakeAccount.String(), fakeClassHash.String()
			number := fmt.Sprintf(`{"block_number":%d}`, proved)
			for _, c := range []struct{ method, params string }{
				{"getBlockWithTxHashes", `{"block_id":ID}`}, {"getBlockWithTxs", `{"block_id":ID}`}, {"getBlockWithReceipts", `{"block_id":ID}`},
				{"getBlockTransactionCount", `{"block_id":ID}`}, {"getStateUpdate", `{"block_id":ID}`},
				{"getStorageAt", `{"contract_address":"` + account + `","key":"` + fakeStorageKey.String() + `","block_id":ID}`},
				{"getNonce", `{"contract_address":"` + account + `","block_id":ID}`}, {"getClassHashAt", `{"contract_address":"` + account + `","block_id":ID}`},
				{"getClass", `{"class_hash":"` + class + `","block_id":ID}`}, {"getClassAt", `{"contract_address":"` + account + `","block_id":ID}`},
				{"getStorageProof", `{"block_id":ID,"contract_addresses":["` + account + `"]}`},
				{"call", `{"request":{"contract_address":"` + account + `","entry_point_selector":"0x9","calldata":[]},"block_id":ID}`},
				{"simulateTransactions", `{"block_id":ID,"transactions":[],"simulation_flags":[]}`},
				{"estimateFee", `{"request":[],"simulation_flags":[],"block_id":ID}`},
				{"traceBlockTransactions", `{"block_id":ID}`},
				{"getEvents", `{"filter":{"from_block":{"block_number":0},"to_block":ID,"chunk_size":100}}`},
				{"getEvents", `{"filter":{"from_block":ID,"chunk_size":100}}`},
			} {
				byTag, tagErr := ask(t, s, path, "starknet_"+c.method, strings.Replace(c.params, "ID", `"l1_accepted"`, 1))
				byNumber, numberErr := ask(t, s, path, "starknet_"+c.method, strings.Replace(c.params, "ID", number, 1))
				if string(byTag) != string(byNumber) || fmt.Sprint(tagErr) != fmt.Sprint(numberErr) {
					t.Errorf("proved %d: %s %s: %s, %v by tag, %s, %v by number", proved, c.method, c.params, byTag, tagErr, byNumber, numberErr)
				}
				if tagErr == nil {
					answered[c.method] = true
					for _, fault := range spec.result("starknet_"+c.method, byTag) {
						t.Errorf("%s: %s", c.method, fault)
					}
				}
			}
			if len(chain.blocks[proved].Transactions) > 0 {
				result("getTransactionByBlockIdAndIndex", `{"block_id":"l1_accepted","index":0}`)
			} else if _, err := ask(t, s, path, "starknet_getTransactionByBlockIdAndIndex", `{"block_id":"l1_accepted","index":0}`); err == nil || err.Code != errInvalidTransactionIndex.Code {
				t.Errorf("proved %d: %v", proved, err)
			}
		}
	}
	if len(answered) != 16 { // at some height at least, every method of the list has a result
		t.Errorf("only %d methods have a result: %v", len(answered), answered)
	}
	// The slot of the proved height can be read although there is no class.
	if raw, err := ask(t, s, "/rpc", "starknet_getStorageAt", `["`+finality.Address.String()+`","`+finality.Slot.String()+`","latest"]`); err != nil || string(raw) != `"0x0"` {
		t.Errorf("%s, %v", raw, err)
	}
	chain.err = errors.New("the disk is broken")
	for _, c := range [][2]string{
		{"getBlockWithTxs", `["l1_accepted"]`}, {"getBlockWithTxs", `["latest"]`}, {"getTransactionStatus", `["` + chain.hash(1, 0).String() + `"]`},
		{"getTransactionReceipt", `["` + chain.hash(1, 0).String() + `"]`},
	} {
		if _, err := ask(t, s, "/rpc", "starknet_"+c[0], c[1]); err == nil || err.Code != -32603 {
			t.Errorf("%v with a broken state: %v", c, err)
		}
	}
}

// TestSubscribeAcceptedOnL1 checks that a subscription to the status of a transaction tells of ACCEPTED_ON_L1 once, when the height reaches its
// block, and that events of proved blocks have that status.
func TestSubscribeAcceptedOnL1(t *testing.T) {
	chain := &votingChain{liveChain: newLiveChain(t), heights: map[uint64]uint64{}}
	_, h := serveLive(t, chain, Config{})
	c := dial(t, h, "/ws")
	tx, receipt := fakeInvoke(fakeAccount, 20)
	hash := tx.Hash(fakeChainID).String()
	id := c.subscribe("TransactionStatus", `["`+hash+`"]`)
	chain.receive(tx)
	c.want(id, `"status":{"finality_status":"RECEIVED"}`)
	chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{receipt}) // block 5
	c.want(id, `"finality_status":"ACCEPTED_ON_L2"`)
	for n, height := range map[uint64]uint64{6: 3, 7: 4, 8: 5, 9: 5, 10: 6} {
		chain.prove(n, height)
	}
	chain.grow(t, nil, nil)
	chain.grow(t, nil, nil)
	c.wantNothing()
	chain.grow(t, nil, nil)
	c.want(id, `"transaction_hash":"`+hash+`"`, `"finality_status":"ACCEPTED_ON_L1","execution_status":"SUCCEEDED"`)
	chain.grow(t, nil, nil)
	chain.grow(t, nil, nil)
	c.wantNothing()
	late := c.subscribe("TransactionStatus", `["`+hash+`"]`)
	c.want(late, `"finality_status":"ACCEPTED_ON_L1"`)
	c.wantNothing()
	events := c.subscribe("Events", `{"from_address":"`+fakeOtherHandle.String()+`","block_id":{"block_number":1}}`)
	c.want(events, `"finality_status":"ACCEPTED_ON_L1"`)
	for _, params := range []string{`{"finality_status":["ACCEPTED_ON_L1"]}`, `{"block_id":"l1_accepted"}`} {
		for _, method := range []string{"Events", "NewTransactions", "NewTransactionReceipts", "NewHeads"} {
			if strings.Contains(params, "block_id") != (method == "Events" || method == "NewHeads") {
				continue
			}
			if _, err := c.ask("starknet_subscribe"+method, params); !errors.Is(err, jsonrpc.ErrInvalidParams) {
				t.Errorf("%s %s: %v", method, params, err)
			}
		}
	}
}
