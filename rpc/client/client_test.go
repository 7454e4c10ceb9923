package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// testClass returns a class with an entry point and an ABI.
func testClass() *starknet.ContractClass {
	felts := []felt.Felt{felt.One, felt.FromUint64(7), felt.Zero}
	return &starknet.ContractClass{
		SierraProgram: felts, Version: starknet.ClassVersion, ABI: `[{"type": "core::array::Span::<felt252>"}]`,
		EntryPoints: sierra.EntryPoints{External: []sierra.EntryPoint{{Selector: felt.FromUint64(5), FunctionIdx: 0}}},
	}
}

// TestClientDoubts checks that malformed answers, and a class with another hash, are errors.
func TestClientDoubts(t *testing.T) {
	answer := ""
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(answer)) }))
	defer h.Close()
	c, ctx := New(h.URL, nil), context.Background()
	class, err := jsonrpc.Marshal(testClass())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{
		``, `<html>`, `{}`, `{"result":7}`, `{"result":{}}`, `{"result":{"transactions":[{"transaction":{"type":"L1_HANDLER","version":"0x0"}}]}}`,
		`{"result":{"transactions":[{"transaction":{}}]}}`, `{"result":` + string(class) + `}`,
	} {
		answer = a
		if class, err := c.Class(ctx, rpc.LatestBlock, felt.FromUint64(1)); err == nil {
			t.Errorf("%s: class %+v", bounded.Clip([]byte(a)), class)
		}
		if strings.Contains(a, "sierra_program") || a == `{"result":{}}` {
			continue
		}
		if b, err := c.Block(ctx, rpc.LatestBlock); err == nil {
			t.Errorf("%s: block %+v", a, b)
		}
		if d, err := c.StateDiff(ctx, rpc.LatestBlock); err == nil {
			t.Errorf("%s: diff %+v", a, d)
		}
		if r, _, err := c.Receipt(ctx, felt.FromUint64(1)); err == nil {
			t.Errorf("%s: receipt %+v", a, r)
		}
	}
}

// TestClientInsists checks that a block that was not requested and an endless sequence of event pages are errors.
func TestClientInsists(t *testing.T) {
	answer := `{"result":{"block_number":1,"block_hash":"0x5","transactions":[]}}`
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(answer)) }))
	defer h.Close()
	c, ctx := New(h.URL, nil), context.Background()
	for _, id := range []rpc.BlockID{rpc.BlockByNumber(2), rpc.BlockByHash(felt.FromUint64(6))} {
		if b, err := c.Block(ctx, id); err == nil {
			t.Errorf("block %d %s instead of another", b.Number, b.BlockHash)
		}
	}
	for _, id := range []rpc.BlockID{rpc.BlockByNumber(1), rpc.BlockByHash(felt.FromUint64(5)), rpc.LatestBlock} {
		if _, err := c.Block(ctx, id); err != nil {
			t.Error(err)
		}
	}
	answer = `{"result":{"events":[],"continuation_token":"x"}}`
	if err := c.Events(ctx, rpc.LatestBlock, rpc.LatestBlock, felt.FromUint64(1), nil, nil); err == nil {
		t.Error("an endless sequence of pages is accepted")
	}
}

// FuzzClient checks that the client returns a value or an error for any answer of a node, and does not panic.
func FuzzClient(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "integration_block.json"))
	if err != nil {
		f.Fatal(err)
	}
	var data struct {
		Block       json.RawMessage
		StateUpdate json.RawMessage `json:"state_update"`
	}
	if err := json.Unmarshal(raw, &data); err != nil {
		f.Fatal(err)
	}
	class, err := jsonrpc.Marshal(testClass())
	if err != nil {
		f.Fatal(err)
	}
	for _, result := range []string{string(data.StateUpdate), string(class), `"0x1"`, `7`, `[]`, `{"events":[{}]}`,
		`{"transactions":[{"transaction":{"type":"INVOKE"}}]}`, `{"classes_proof":[{"node":{"left":"0x1"}}]}`, `{"block_number":1,"revert_reason":"x"}`} {
		f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":` + result + `}`))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := New("http://node", &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{Status: "200 OK", StatusCode: 200, Body: io.NopCloser(bytes.NewReader(answer))}, nil
		})})
		ctx := context.Background()
		if b, err := c.Block(ctx, rpc.LatestBlock); err == nil {
			if diff, err := c.StateDiff(ctx, rpc.LatestBlock); err == nil {
				_ = b.Check(felt.FromShortString("SN_FAKE"), diff)
			}
		}
		_, _ = c.Class(ctx, rpc.LatestBlock, felt.FromUint64(1))
		_, _ = c.Transaction(ctx, felt.FromUint64(1))
		_, _, _ = c.Receipt(ctx, felt.FromUint64(1))
		_, _, _, _ = c.TransactionStatus(ctx, felt.FromUint64(1))
		_, _ = c.StorageProof(ctx, rpc.LatestBlock, &rpc.StorageProofRequest{})
		_, _ = c.EstimateFee(ctx, rpc.LatestBlock, false)
		stop := errors.New("enough")
		_ = c.Events(ctx, rpc.LatestBlock, rpc.LatestBlock, felt.FromUint64(1), nil, func(uint64, felt.Felt, starknet.Event) error { return stop })
	})
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
