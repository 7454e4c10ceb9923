package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
	proved "github.com/starkd/starkd/starknet/finality"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

// TestCrash runs four validators and a watcher under load, and kills one validator and then the watcher with kill -9. It checks that both
// recover, that all validators agree, and that every transaction has exactly one proof. It then checks verify with the proofs and with
// changed ones (verify_test.go). Until it is killed the watcher proves by Stone, whose proofs take long
// enough to be interrupted, then by S-two.
func TestCrash(t *testing.T) {
	n := newTestnet(t, 4, "--block-time", "2s")
	n.exec(t, 0, 1, 2, 3)
	n.execWatcher(t, "--system", "stone")
	for i := range n.nodes {
		n.ready(t, i)
	}
	accounts := []int{0, 1, 2, 3}
	l := &load{net: n, sent: map[felt.Felt]int{}}
	l.wait(t, 1, l.burst(t, 1, accounts, nil))
	// node0, which the watcher follows, dies between two transactions.
	second := l.burst(t, 2, accounts, func(sent int) {
		if sent == len(accounts)/2 {
			n.nodes[0].kill()
		}
	})
	l.wait(t, 2, second)
	n.until(t, "the watcher to follow another node", func() (bool, error) {
		status, err := n.status(t.Context())
		return err == nil && uint64(status.Height) >= l.blocks[len(l.blocks)-1], err
	})
	n.exec(t, 0)
	caughtUp := n.height(t, 1)
	n.until(t, "node0 to catch up", func() (bool, error) { return n.height(t, 0) > caughtUp, nil })
	l.agree(t)

	// The watcher dies while it proves, and continues after a restart.
	n.until(t, "a proof in the making", func() (bool, error) {
		status, err := n.status(t.Context())
		return err == nil && strings.Contains(status.ProvingStage, " of "), err
	})
	n.watcher.kill()
	n.execWatcher(t)
	last := l.blocks[len(l.blocks)-1]
	n.until(t, fmt.Sprintf("the proof of block %d", last), func() (bool, error) {
		status, err := n.status(t.Context())
		return err == nil && status.ProvedHeight >= last, err
	})
	l.proved(t)
	t.Run("verify", func(t *testing.T) { verifyAndRefuse(t, n, l) })
}

// TestKills kills each validator in turn, more than once, between the transactions of ten accounts.
func TestKills(t *testing.T) {
	full(t)
	n := newTestnet(t, 4, "--block-time", "500ms")
	n.exec(t, 0, 1, 2, 3)
	for i := range n.nodes {
		n.ready(t, i)
	}
	l := &load{net: n, sent: map[felt.Felt]int{}}
	accounts := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for round := range 12 {
		victim, node := round%4, (round+1)%4
		hashes := l.burst(t, node, accounts, func(sent int) {
			if sent == 1+round%len(accounts) {
				n.nodes[victim].kill()
			}
		})
		l.wait(t, node, hashes)
		n.exec(t, victim)
		caughtUp := n.height(t, node)
		n.until(t, fmt.Sprintf("node%d to catch up", victim), func() (bool, error) { return n.height(t, victim) > caughtUp, nil })
	}
	l.agree(t)
}

// status returns the status of the watcher.
func (n *testnet) status(ctx context.Context) (*watcher.Status, error) {
	status := new(watcher.Status)
	_, err := get(ctx, n.Watcher.REST+"/v1/status", status)
	if err == nil && status.Halted != "" {
		return nil, fmt.Errorf("the watcher has stopped: %s", status.Halted)
	}
	return status, err
}

// load sends transfers between the funded accounts.
type load struct {
	net    *testnet
	sent   map[felt.Felt]int // transaction to the account that sent it
	blocks []uint64          // with transactions, in order
}

// burst sends one transfer from each account right after a block, so that they enter one or two blocks. between, if not nil, is called after
// each with the number sent.
func (l *load) burst(t *testing.T, node int, accounts []int, between func(sent int)) []felt.Felt {
	t.Helper()
	var hashes []felt.Felt
	var txs []starknet.Transaction
	client := l.net.client(node)
	for _, i := range accounts {
		w := l.net.wallet(t, i, node)
		tx := w.Invoke(wallet.Transfer(l.net.Accounts[(i+1)%len(l.net.Accounts)].Address, 1_000_000+uint64(i)))
		if err := w.Prepare(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	before := l.net.height(t, node)
	l.net.until(t, "a new block", func() (bool, error) { return l.net.height(t, node) > before, nil })
	for k, tx := range txs {
		hash, err := client.Submit(t.Context(), tx)
		if err != nil {
			t.Fatal(err)
		}
		l.sent[hash] = accounts[k]
		hashes = append(hashes, hash)
		if between != nil {
			between(len(hashes))
		}
	}
	return hashes
}

// wait waits until a node has executed the transactions.
func (l *load) wait(t *testing.T, node int, hashes []felt.Felt) {
	t.Helper()
	client := l.net.client(node)
	for _, hash := range hashes {
		l.net.until(t, fmt.Sprintf("transaction %v", hash), func() (bool, error) {
			receipt, block, err := client.Receipt(t.Context(), hash)
			if err != nil {
				return false, err
			}
			if receipt.Reverted {
				t.Fatalf("transaction %v reverted: %s", hash, receipt.RevertReason)
			}
			if !slices.Contains(l.blocks, block) {
				l.blocks = append(l.blocks, block)
				slices.Sort(l.blocks)
			}
			return true, nil
		})
	}
}

func (n *testnet) comet(t *testing.T, node int) *rpchttp.HTTP {
	t.Helper()
	client, err := rpchttp.New(n.Nodes[node].Comet, "/websocket")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// agree checks that all validators have the same blocks and app hashes, that each transaction is in exactly one block, and that the accounts
// have the right nonces.
func (l *load) agree(t *testing.T) {
	t.Helper()
	n := l.net
	common := n.height(t, 0)
	for i := range n.nodes {
		common = min(common, n.height(t, i))
	}
	if common < l.blocks[len(l.blocks)-1] {
		t.Fatalf("common height %d, the last transaction is in %d", common, l.blocks[len(l.blocks)-1])
	}
	seen := map[felt.Felt]int{}
	for height := int64(1); height <= int64(common); height++ {
		var block *coretypes.ResultBlock
		for i := range n.nodes {
			got, err := n.comet(t, i).Block(t.Context(), &height)
			if err != nil {
				t.Fatalf("block %d of node%d: %v", height, i, err)
			}
			if block == nil {
				block = got
			}
			if !bytes.Equal(got.Block.AppHash, block.Block.AppHash) || !bytes.Equal(got.BlockID.Hash, block.BlockID.Hash) {
				t.Errorf("block %d: node%d has %X with app hash %X, node0 %X with %X",
					height, i, got.BlockID.Hash, got.Block.AppHash, block.BlockID.Hash, block.Block.AppHash)
			}
		}
		transactions := block.Block.Txs
		if len(transactions) > 0 && proved.IsCommit(transactions[0]) { // the validators' statements about proofs
			transactions = transactions[1:]
		}
		for _, raw := range transactions {
			tx, err := starknet.UnmarshalTransaction(raw)
			if err != nil {
				t.Fatal(err)
			}
			seen[tx.Hash(felt.FromShortString(n.ChainID))]++
		}
	}
	sentBy := map[int]uint64{}
	for hash, account := range l.sent {
		sentBy[account]++
		if seen[hash] != 1 {
			t.Errorf("transaction %v is %d times in blocks 1 to %d", hash, seen[hash], common)
		}
	}
	if len(seen) != len(l.sent) {
		t.Errorf("%d transactions in blocks, %d were sent", len(seen), len(l.sent))
	}
	for i := range n.nodes {
		client := n.client(i)
		for account, count := range sentBy {
			nonce, err := client.Nonce(t.Context(), rpc.LatestBlock, n.Accounts[account].Address)
			if err != nil || nonce != felt.FromUint64(count) {
				t.Errorf("node%d: nonce of account %d is %v (%v), it sent %d", i, account, nonce, err, count)
			}
		}
		// No block is committed twice, across restarts of the node.
		log, err := os.ReadFile(filepath.Join(n.dir, fmt.Sprintf("node%d.log", i)))
		if err != nil {
			t.Fatal(err)
		}
		commits := map[string]int{}
		for _, m := range regexp.MustCompile(`committed state +module=state height=(\d+) `).FindAllSubmatch(log, -1) {
			commits[string(m[1])]++
		}
		if len(commits) < int(common)/2 {
			t.Errorf("node%d logged %d commits at height %d", i, len(commits), common)
		}
		for height, times := range commits {
			if times != 1 {
				t.Errorf("node%d committed block %s %d times", i, height, times)
			}
		}
	}
}

// proved checks with every REST endpoint that each transaction has one proof, in its block.
func (l *load) proved(t *testing.T) {
	t.Helper()
	n := l.net
	count := map[string]int{}
	status, err := n.status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for height := uint64(1); height <= status.ProvedHeight; height++ {
		var record struct {
			Status proofstore.Status  `json:"status"`
			Bundle *proofstore.Bundle `json:"bundle"`
			Proofs []proofstore.Entry `json:"proofs"`
		}
		code, err := get(t.Context(), fmt.Sprintf("%s/v1/proofs?block=%d", n.Watcher.REST, height), &record)
		if !slices.Contains(l.blocks, height) {
			if err != nil || record.Status != proofstore.Empty || len(record.Proofs) != 0 {
				t.Errorf("block %d has no transactions, and is %q with %d proofs (%v)", height, record.Status, len(record.Proofs), err)
			}
			continue
		}
		if err != nil || record.Status != proofstore.Proved || record.Bundle == nil {
			t.Fatalf("block %d: %d %v, status %q", height, code, err, record.Status)
		}
		for _, entry := range record.Proofs {
			if entry.Block != height || entry.SecurityBits < 96 {
				t.Errorf("block %d has an entry of block %d with %d bits", height, entry.Block, entry.SecurityBits)
			}
			for _, hash := range entry.Transactions {
				count[hash]++
			}
		}
		t.Logf("block %d: %d transactions, %d proofs, %d steps in %d ms", height, len(record.Proofs[0].Transactions), len(record.Proofs), record.Proofs[0].Steps, record.Proofs[0].ProvingMS)
	}
	for hash := range l.sent {
		if count[hash.String()] != 1 {
			t.Errorf("transaction %v has %d proofs", hash, count[hash.String()])
		}
		var answer struct {
			Block  uint64            `json:"block"`
			Status proofstore.Status `json:"status"`
		}
		_, block, err := n.client(3).Receipt(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := get(t.Context(), n.Watcher.REST+"/v1/proofs/"+hash.String(), &answer); err != nil || answer.Block != block || answer.Status != proofstore.Proved {
			t.Errorf("transaction %v of block %d: %+v %v", hash, block, answer, err)
		}
	}
	if len(count) != len(l.sent) {
		t.Errorf("proofs of %d transactions, %d were sent", len(count), len(l.sent))
	}
	if _, err := get(t.Context(), n.Watcher.REST+"/healthz", new(map[string]string)); err != nil {
		t.Error(err)
	}
	response, err := http.Get(n.Watcher.REST + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(metrics, []byte("starkd_watcher_proved_height")) {
		t.Errorf("metrics: %v\n%.500s", err, metrics)
	}
}

// bundle downloads the bundle of a block.
func (n *testnet) bundle(t *testing.T, block uint64) []byte {
	t.Helper()
	client := &http.Client{Timeout: time.Minute}
	response, err := client.Get(fmt.Sprintf("%s/v1/blocks/%d/proof", n.Watcher.REST, block))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("proof of block %d: %s %v", block, response.Status, err)
	}
	return data
}
