package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	cmtjson "github.com/cometbft/cometbft/libs/json"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
)

// TestMakeBundle makes a bundle whose verification scripts/bench/verify measures, in the folder STARKD_BENCH_BUNDLE: bundle.json and genesis.json.
// STARKD_BENCH_TRANSACTIONS is the number of transactions of each block, separated by commas (500). They are ERC20 transfers of one account to as many
// others, or with STARKD_BENCH_MIXED=1 those of TestMixedBlock, in one block.
func TestMakeBundle(t *testing.T) {
	dir := os.Getenv("STARKD_BENCH_BUNDLE")
	if dir == "" {
		t.Skip("makes the input of a benchmark: scripts/bench/verify runs it")
	}
	counts := os.Getenv("STARKD_BENCH_TRANSACTIONS")
	if counts == "" {
		counts = "500"
	}
	var l *local
	var accounts []*account
	mixed := os.Getenv("STARKD_BENCH_MIXED") != ""
	if mixed {
		accounts = accountsOf(t)
		l = newAccounts(t, accounts)
	} else {
		l = newLocal(t)
	}
	l.watcher.system = &stwoSystem{params: *StwoParams(26, 70)}
	l.watcher.config.MaxSteps = 1 << 21
	l.watcher.steps.Store(1 << 21)
	var all []*candidate
	list := strings.Split(counts, ",")
	for i, text := range list {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("STARKD_BENCH_TRANSACTIONS: %q, want a number above 0", text)
		}
		var txs [][]byte
		if mixed {
			txs = l.mixedTransactions(accounts, n)
		}
		for len(txs) < n {
			txs = append(txs, l.invoke(l.wallet.Address, wallet.Transfer(felt.FromUint64(uint64(0x10000*(i+1)+len(txs))), 1)))
		}
		l.block(txs...)
	}
	for i := range list { // a header is signed as it is once its block is made
		b, results := l.verified(i + 1)
		c, err := l.watcher.record(t.Context(), b, results)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	b := newBatch(all)
	l.watcher.prepare(t.Context(), b)
	if err := l.watcher.prove(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	groups := b.groups()
	if len(groups) != 1 {
		t.Fatalf("the blocks are in %d bundles, want 1: fewer transactions", len(groups))
	}
	f, err := l.watcher.finish(b, groups[0])
	if err != nil {
		t.Fatal(err)
	}
	doc := *l.watcher.config.Genesis
	doc.AppState = nil
	genesis, err := cmtjson.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"bundle.json": f.bundle, "genesis.json": genesis} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var steps uint64
	for _, p := range b.parts {
		steps += p.steps
	}
	fmt.Printf("%s transactions, %d proofs, %d steps, %d bytes\n", counts, len(b.parts), steps, len(f.bundle))
}
