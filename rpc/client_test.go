package rpc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// TestClient checks that the values that the client reads equal those of the chain.
func TestClient(t *testing.T) {
	f := rpc.NewFakeChain(t)
	h := httptest.NewServer(rpc.NewServer(f, rpc.Config{Transport: jsonrpc.Config{Log: rpc.Quiet}}))
	defer h.Close()
	c, ctx := client.New(h.URL, h.Client()), context.Background()

	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	version, err := c.SpecVersion(ctx)
	check("version", version, rpc.SpecVersion, err)
	id, err := c.ChainID(ctx)
	check("chain id", id, rpc.FakeChainID, err)
	n, err := c.BlockNumber(ctx)
	check("block number", n, uint64(4), err)
	for i, want := range f.Blocks() {
		b, err := c.Block(ctx, rpc.BlockByNumber(uint64(i)))
		check("block by number", b, want, err)
		b, err = c.Block(ctx, rpc.BlockByHash(want.BlockHash))
		check("block by hash", b, want, err)
		diff, err := c.StateDiff(ctx, rpc.BlockByNumber(uint64(i)))
		check("state diff", diff, f.Diffs()[i], err)
		if err := b.Check(rpc.FakeChainID, diff); err != nil {
			t.Error(err)
		}
		for j, tx := range want.Transactions {
			got, err := c.Transaction(ctx, want.Receipts[j].TransactionHash)
			check("transaction", got, tx, err)
			r, in, err := c.Receipt(ctx, want.Receipts[j].TransactionHash)
			check("receipt", r, &want.Receipts[j], err)
			check("block of receipt", in, uint64(i), err)
		}
	}
	latest, err := c.Block(ctx, rpc.LatestBlock)
	check("latest", latest, f.Blocks()[4], err)

	nonce, err := c.Nonce(ctx, rpc.LatestBlock, rpc.FakeAccount)
	check("nonce", nonce, felt.FromUint64(5), err)
	value, err := c.StorageAt(ctx, rpc.BlockByNumber(0), rpc.FakeAccount, rpc.FakeStorageKey)
	check("storage", value, felt.FromUint64(40), err)
	classHash, err := c.ClassHashAt(ctx, rpc.PreConfirmedBlock, rpc.FakeAccount)
	check("class hash", classHash, rpc.FakeClassHash, err)
	class, err := c.Class(ctx, rpc.LatestBlock, rpc.FakeClassHash)
	check("class", class, rpc.FakeClass(), err)
	result, err := c.Call(ctx, rpc.LatestBlock, rpc.FunctionCall{ContractAddress: rpc.FakeAccount, EntryPointSelector: felt.FromUint64(9), Calldata: rpc.Felts(4)})
	check("call", result, rpc.Felts(4), err)

	invoke := &starknet.Invoke{Common: rpc.FakeCommon(9), SenderAddress: rpc.FakeAccount}
	estimates, err := c.EstimateFee(ctx, rpc.LatestBlock, true, invoke)
	check("estimate", estimates, []rpc.FeeEstimate{{L2GasConsumed: 5, L2GasPrice: starknet.NewUint128(10), OverallFee: starknet.Uint128{Hi: 1, Lo: 50}}}, err)
	hash, err := c.Submit(ctx, invoke)
	check("submit", hash, invoke.Hash(rpc.FakeChainID), err)
	finality, _, _, err := c.TransactionStatus(ctx, hash)
	check("status", finality, rpc.Received, err)
	for _, tx := range []starknet.Transaction{
		&starknet.Declare{Common: rpc.FakeCommon(9), SenderAddress: rpc.FakeAccount, Class: rpc.FakeClass(), ClassHash: rpc.FakeClassHash},
		&starknet.DeployAccount{Common: rpc.FakeCommon(0), ClassHash: rpc.FakeClassHash},
	} {
		hash, err := c.Submit(ctx, tx)
		check("submit", hash, tx.Hash(rpc.FakeChainID), err)
	}
	finality, reverted, reason, err := c.TransactionStatus(ctx, f.Hash(1, 3))
	check("status of a reverted transaction", []any{finality, reverted, reason}, []any{rpc.AcceptedOnL2, true, "assert <failed>"}, err)

	events := 0
	err = c.Events(ctx, rpc.BlockByNumber(1), rpc.LatestBlock, rpc.FakeAccount, rpc.Felts(1), func(block uint64, tx felt.Felt, e starknet.Event) error {
		if events++; e.From != rpc.FakeAccount || e.Keys[0] != felt.FromUint64(1) || f.Place(tx).Block != block {
			t.Errorf("event %+v of %s in block %d", e, tx, block)
		}
		return nil
	})
	check("events", events, 5, err)

	proof, err := c.StorageProof(ctx, rpc.LatestBlock, &rpc.StorageProofRequest{ContractAddresses: []felt.Felt{rpc.FakeAccount}, Slots: []starknet.ContractSlots{{Contract: rpc.FakeAccount, Keys: rpc.Felts(1)}}})
	want, _ := f.StorageProof(ctx, 4, &rpc.StorageProofRequest{ContractAddresses: make([]felt.Felt, 1), Slots: make([]starknet.ContractSlots, 1)})
	check("proof", proof, want, err)

	if _, err := c.Nonce(ctx, rpc.LatestBlock, felt.FromUint64(0xdead)); !errors.Is(err, rpc.ErrContractNotFound) {
		t.Errorf("nonce of no contract: %v", err)
	}
	_, err = c.Call(ctx, rpc.LatestBlock, rpc.FunctionCall{ContractAddress: rpc.FakeAccount, EntryPointSelector: felt.FromUint64(1)})
	if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != 40 || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("failing call: %v", err)
	}
}

// TestClientWaits checks that WaitForReceipt waits until the transaction is in a block, and ends with its context.
func TestClientWaits(t *testing.T) {
	f := rpc.NewFakeChain(t)
	s := rpc.NewServer(f, rpc.Config{})
	asked := 0
	hash := f.Hash(1, 0)
	show := f.Hide(hash)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 3 { // puts the transaction into a block
			show()
		}
		s.ServeHTTP(w, r)
	}))
	defer h.Close()
	c := client.New(h.URL, nil)
	r, n, err := c.WaitForReceipt(context.Background(), hash, time.Millisecond)
	if err != nil || n != 1 || r.TransactionHash != hash || asked != 3 {
		t.Errorf("receipt %+v in block %d after %d requests, %v", r, n, asked, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := c.WaitForReceipt(ctx, felt.FromUint64(1), time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a receipt that does not come: %v", err)
	}
}
