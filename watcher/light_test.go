package watcher

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/libs/log"
	ctypes "github.com/cometbft/cometbft/rpc/core/types"
	rpcserver "github.com/cometbft/cometbft/rpc/jsonrpc/server"
	rpctypes "github.com/cometbft/cometbft/rpc/jsonrpc/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/watcher/proofstore"
)

// node serves a local chain as a CometBFT node does. A test can change its answers.
type node struct {
	*local
	block   func(*ctypes.ResultBlock)
	results func(*ctypes.ResultBlockResults)
	header  func(*cmttypes.SignedHeader)
}

func (n *node) serve(t *testing.T) string {
	t.Helper()
	routes := map[string]*rpcserver.RPCFunc{
		"status": rpcserver.NewRPCFunc(func(*rpctypes.Context) (*ctypes.ResultStatus, error) {
			return &ctypes.ResultStatus{SyncInfo: ctypes.SyncInfo{LatestBlockHeight: int64(len(n.headers))}}, nil
		}, ""),
		"commit": rpcserver.NewRPCFunc(func(_ *rpctypes.Context, height *int64) (*ctypes.ResultCommit, error) {
			if *height > int64(len(n.headers)) {
				return nil, errors.New("height must be less than or equal to the current blockchain height")
			}
			header := *n.headers[*height-1]
			signed := signHeader(n.t, &header, n.validators, n.keys).SignedHeader
			if n.header != nil {
				n.header(signed)
			}
			return &ctypes.ResultCommit{SignedHeader: *signed, CanonicalCommit: true}, nil
		}, "height"),
		"validators": rpcserver.NewRPCFunc(func(_ *rpctypes.Context, height *int64, page, perPage *int) (*ctypes.ResultValidators, error) {
			all := n.validators.Validators
			return &ctypes.ResultValidators{BlockHeight: *height, Validators: all, Count: len(all), Total: len(all)}, nil
		}, "height,page,per_page"),
		"block": rpcserver.NewRPCFunc(func(_ *rpctypes.Context, height *int64) (*ctypes.ResultBlock, error) {
			b := &cmttypes.Block{Header: *n.headers[*height-1]}
			for _, tx := range n.txs[*height-1] {
				b.Txs = append(b.Txs, tx)
			}
			answer := &ctypes.ResultBlock{Block: b}
			if n.block != nil {
				n.block(answer)
			}
			return answer, nil
		}, "height"),
		"block_results": rpcserver.NewRPCFunc(func(_ *rpctypes.Context, height *int64) (*ctypes.ResultBlockResults, error) {
			answer := &ctypes.ResultBlockResults{Height: *height}
			for _, r := range n.local.results[*height-1] {
				answer.TxsResults = append(answer.TxsResults, &abci.ExecTxResult{Code: r.Code, Data: r.Data, GasWanted: r.GasWanted, GasUsed: r.GasUsed})
			}
			if n.results != nil {
				n.results(answer)
			}
			return answer, nil
		}, "height"),
	}
	mux := http.NewServeMux()
	rpcserver.RegisterRPCFuncs(mux, routes, log.NewNopLogger())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// period is a trusting period that covers the blocks of a local chain.
const period = 100 * 365 * 24 * time.Hour

// TestFollowsANode checks that a watcher reads every block that has a successor from a node, and stores its proof.
func TestFollowsANode(t *testing.T) {
	l := mixed(t)
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "mem://")
	f.config.Nodes, f.config.LightDB, f.config.TrustingPeriod = []string{(&node{local: l}).serve(t)}, dbm.NewMemDB(), period
	f.connect = f.openChain
	hashes := []string{"0x1a", "0x2b"}
	f.alone = func(_ context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
		if want := l.txs[b.Height-1]; len(b.Txs) != len(want) || len(results) != len(want) {
			t.Errorf("block %d: %d transactions, %d results", b.Height, len(b.Txs), len(results))
		}
		hash := hashes[b.Height-1]
		return &proofstore.Record{
			Block: uint64(b.Height), Status: proofstore.Proved, Transactions: []string{hash},
			Proofs: []proofstore.Entry{{Block: uint64(b.Height), Transactions: []string{hash}}},
		}, []byte(`{"of":"` + hash + `"}`), nil
	}
	if code, _ := f.ask("/healthz"); code != 503 {
		t.Errorf("healthy before a node has answered: %d", code)
	}
	f.until(t, func() bool { return f.Status().ProvedHeight == 2 })
	if s := f.Status(); s.Height != 2 || s.Proving != 0 || s.Halted != "" {
		t.Errorf("status %+v", s)
	}
	for _, hash := range hashes {
		if code, body := f.ask("/v1/proofs/" + hash + "/raw"); code != 200 || body != `{"of":"`+hash+`"}` {
			t.Errorf("the bundle of %s: %d %s", hash, code, body)
		}
	}
}

// TestRefusesFalseAnswers checks that data from a node that does not match the signed hashes is rejected, and that the watcher asks the next node.
func TestRefusesFalseAnswers(t *testing.T) {
	l := mixed(t)
	genesis := l.watcher.config.Genesis
	open := func(t *testing.T, nodes ...*node) (*chain, error) {
		var urls []string
		for _, n := range nodes {
			urls = append(urls, n.serve(t))
		}
		return openChain(t.Context(), genesis, urls, dbm.NewMemDB(), period)
	}
	for name, c := range map[string]struct {
		first *node
		want  string
	}{
		"another transaction": {&node{block: func(b *ctypes.ResultBlock) { b.Block.Txs[0] = cmttypes.Tx("forged") }}, "transactions of block 1 do not hash to"},
		"one left out":        {&node{block: func(b *ctypes.ResultBlock) { b.Block.Txs = b.Block.Txs[1:] }}, "transactions of block 1 do not hash to"},
		"no block":            {&node{block: func(b *ctypes.ResultBlock) { b.Block = nil }}, "transactions of block 1 do not hash to"},
		"another result":      {&node{results: func(r *ctypes.ResultBlockResults) { r.TxsResults[0].GasUsed++ }}, "results of block 1 hash to"},
		"no results":          {&node{results: func(r *ctypes.ResultBlockResults) { r.TxsResults = nil }}, "results of block 1 hash to"},
	} {
		t.Run(name, func(t *testing.T) {
			c.first.local = l
			chain, err := open(t, c.first, &node{local: l})
			if err != nil {
				t.Fatal(err)
			}
			read := func() error {
				b, err := chain.block(t.Context(), 1)
				if err != nil {
					return err
				}
				_, err = chain.results(t.Context(), b)
				return err
			}
			if err := read(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the first node's: %v, want %q", err, c.want)
			}
			if err := read(); err != nil {
				t.Errorf("the second node's: %v", err)
			}
		})
	}
	t.Run("heights", func(t *testing.T) {
		chain, err := open(t, &node{local: l})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := chain.block(t.Context(), 2); err != nil || b.Height != 2 || b.Light.Height != 2 || b.Next.Height != 3 {
			t.Errorf("the last block with a successor: %+v, %v", b, err)
		}
		if _, err := chain.block(t.Context(), 3); !errors.Is(err, errNotYet) {
			t.Errorf("a block without a successor: %v", err)
		}
	})
	t.Run("an unsigned header", func(t *testing.T) {
		n := &node{local: l}
		chain, err := open(t, n)
		if err != nil {
			t.Fatal(err)
		}
		n.header = func(h *cmttypes.SignedHeader) { h.Header.AppHash = make([]byte, 32) }
		if _, err := chain.block(t.Context(), 1); err == nil {
			t.Error("a header without a signature is accepted")
		}
	})
	t.Run("other validators", func(t *testing.T) {
		other := *l
		other.validators, other.keys = cmttypes.RandValidatorSet(4, 10)
		n := &node{local: &other}
		n.headers = nil
		for _, h := range l.headers {
			header := *h
			header.ValidatorsHash = other.validators.Hash()
			n.headers = append(n.headers, &header)
		}
		if _, err := open(t, n); err == nil || !strings.Contains(err.Error(), "signed by validators") {
			t.Errorf("a chain of other validators: %v", err)
		}
	})
}
