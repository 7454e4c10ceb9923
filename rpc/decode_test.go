package rpc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// TestBlockCheck checks that Block.Check accepts decoded blocks and finds each change of them.
func TestBlockCheck(t *testing.T) {
	for name, change := range map[string]func(*starknet.Block, *starknet.StateDiff){
		"fee":         func(b *starknet.Block, _ *starknet.StateDiff) { b.Receipts[0].ActualFee.Lo++ },
		"calldata":    func(b *starknet.Block, _ *starknet.StateDiff) { b.Transactions[0].(*starknet.Invoke).Calldata = us(7) },
		"signature":   func(b *starknet.Block, _ *starknet.StateDiff) { b.Transactions[0].Fields().Signature = us(7) },
		"event":       func(b *starknet.Block, _ *starknet.StateDiff) { b.Receipts[0].Events[0].Keys = us(7) },
		"state root":  func(b *starknet.Block, _ *starknet.StateDiff) { b.StateRoot = u(7) },
		"transaction": func(b *starknet.Block, _ *starknet.StateDiff) { b.Transactions = b.Transactions[1:] },
		"nonce":       func(_ *starknet.Block, d *starknet.StateDiff) { d.Nonces[0].Nonce = u(7) },
		"order":       func(_ *starknet.Block, d *starknet.StateDiff) { d.Nonces[0], d.Nonces[1] = d.Nonces[1], d.Nonces[0] },
		"version":     func(b *starknet.Block, _ *starknet.StateDiff) { b.Version = strings.Repeat("x", 32) },
	} {
		f := newFakeChain(t)
		if err := f.blocks[1].Check(fakeChainID, f.diffs[1]); err != nil {
			t.Fatal(err)
		}
		change(f.blocks[1], f.diffs[1])
		if f.blocks[1].Check(fakeChainID, f.diffs[1]) == nil {
			t.Errorf("a change of %s is not found", name)
		}
	}
}

// TestBlockIDForms checks the JSON of block ids.
func TestBlockIDForms(t *testing.T) {
	for want, id := range map[string]BlockID{
		`"latest"`: LatestBlock, `{"block_number":7}`: BlockByNumber(7), `{"block_hash":"0x7"}`: BlockByHash(u(7)),
	} {
		b, err := jsonrpc.Marshal(id)
		if err != nil || string(b) != want {
			t.Errorf("%s, %v, want %s", b, err, want)
		}
		var again BlockID
		if err := again.UnmarshalJSON(b); err != nil || !reflect.DeepEqual(again, id) {
			t.Errorf("%s: %+v, %v", b, again, err)
		}
	}
}

// TestRealBlock checks that a block of Starknet's integration network (scripts/fixtures/feeder_block.py) is decoded such that its
// transactions, receipts and state difference hash to the block hash of Starknet's sequencer.
func TestRealBlock(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "integration_block.json"))
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Chain       string
		Block       json.RawMessage
		StateUpdate json.RawMessage `json:"state_update"`
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	spec := loadOpenRPC(t, "v0.10.2")
	answers := map[string]json.RawMessage{"starknet_getBlockWithReceipts": data.Block, "starknet_getStateUpdate": data.StateUpdate}
	for method, answer := range answers {
		for _, fault := range spec.result(method, answer) {
			t.Errorf("fixture: %s: %s", method, fault)
		}
	}
	block, err := DecodeBlock(data.Block)
	if err != nil {
		t.Fatal(err)
	}
	diff, err := DecodeStateDiff(data.StateUpdate)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := starknet.ChainID(data.Chain)
	if err != nil {
		t.Fatal(err)
	}
	if err := block.Check(chain, diff); err != nil {
		t.Error(err)
	}
	h2 := block.Header
	h2.Seal(block.Transactions, block.Receipts, diff)
	if diff := cmp.Diff(block.Header, h2); diff != "" { // shows which commitment is wrong
		t.Errorf("header: %s", diff)
	}
}
