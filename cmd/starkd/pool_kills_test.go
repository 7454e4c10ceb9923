package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/starknet"
	proved "github.com/starkd/starkd/starknet/finality"
	"github.com/starkd/starkd/watcher/proofstore"
	"github.com/starkd/starkd/watcher/queue"
)

// queueCommand is the first argument that makes this test binary a server of queues instead of running tests.
const queueCommand = "queue"

// killLease is the time after which the queue of the kill test takes a silent worker's job away.
const killLease = 10 * time.Second

// queueServer runs a server of queues at an address, with its files in a folder, until it is killed.
func queueServer(address, dir string) int {
	q, err := queue.Open(context.Background(), queue.Config{
		URL: "embedded://" + address, Dir: dir, Lease: killLease, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer q.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	return 0
}

// victim is a process of the kill test, over its restarts. Each of them has a log of its own.
type victim struct {
	name string
	args func(restart int) (path string, args []string)
	up   func() bool // whether it answers; nil for a process that nobody asks
	runs []*process
}

func (v *victim) now() *process { return v.runs[len(v.runs)-1] }

func (v *victim) start(t *testing.T, dir string) {
	n := len(v.runs)
	path, args := v.args(n)
	v.runs = append(v.runs, launch(t, fmt.Sprintf("%s.%d", v.name, n), filepath.Join(dir, fmt.Sprintf("%s.%d.log", v.name, n)), path, args...))
}

// TestPoolKills kills a watcher with a pool of workers, its queue, its two workers and its node, one after the other, in an order and at times drawn from a
// seed. In the end each transaction is in one bundle that the verifier accepts, no bundle is stored that no record names, nothing is left of the jobs, and no
// job was proved twice. STARKD_CHAOS_KILLS is the number of kills (100), STARKD_CHAOS_SEED the seed (1).
func TestPoolKills(t *testing.T) {
	full(t)
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	kills, seed := number("STARKD_CHAOS_KILLS", 100), number("STARKD_CHAOS_SEED", 1)
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	server := freeAddress(t)
	for name, value := range map[string]string{
		"QUEUE": "nats://" + server, "SECURITY": "custom", "POW_BITS": "20", "QUERIES": "1", "MAX_STEPS": "131072", "MIN_BITS": "22",
	} {
		t.Setenv("STARKD_WATCH_"+name, value)
	}
	n := newTestnet(t, 1, "--block-time", "500ms")
	store := filepath.Join(n.Watcher.Home, "data", "proofs")
	if err := os.MkdirAll(store, 0o755); err != nil {
		t.Fatal(err)
	}
	listens := func() bool {
		c, err := net.DialTimeout("tcp", server, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	worker := func(name string) *victim {
		return &victim{name: name, args: func(restart int) (string, []string) {
			return starkd(t), []string{"prove-worker", "--queue", "nats://" + server, "--store", "file://" + store + "?no_tmp_dir=true&metadata=skip", "--name", fmt.Sprintf("%s-%d", name, restart)}
		}}
	}
	victims := []*victim{
		{name: "queue", up: listens, args: func(int) (string, []string) {
			return os.Args[0], []string{queueCommand, server, filepath.Join(n.dir, "queue")}
		}},
		{name: "node", up: func() bool { return n.height(t, 0) > 0 }, args: func(int) (string, []string) {
			return starkd(t), []string{"start", "--home", n.Nodes[0].Home}
		}},
		{name: "watcher", up: func() bool { _, err := n.status(t.Context()); return err == nil }, args: func(int) (string, []string) {
			return starkd(t), []string{"watch", "--home", n.Watcher.Home, "--exit-on-halt"}
		}},
		worker("worker1"), worker("worker2"),
	}
	alive := func() (all []*process) {
		for _, v := range victims {
			if len(v.runs) > 0 {
				all = append(all, v.now())
			}
		}
		return all
	}
	start := func(v *victim) {
		v.start(t, n.dir)
		if v.up != nil {
			until(t, v.name+" to answer", func() (bool, error) { return v.up(), nil }, alive()...)
		}
	}
	for _, v := range victims {
		start(v)
	}
	l := &steadyLoad{net: n, sent: map[felt.Felt]int{}}
	loading, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- l.run(loading) }()

	begun := time.Now()
	counts := map[string]int{}
	for i := range kills {
		// Something is proved between the kills, also on a slow machine.
		until(t, fmt.Sprintf("a bundle for every four of %d kills", i), func() (bool, error) {
			return 4*(1+len(files(t, filepath.Join(store, "bundles")))) > i, nil
		}, alive()...)
		time.Sleep(time.Duration(r.Int64N(int64(5 * time.Second))))
		select {
		case err := <-done:
			t.Fatalf("the load has ended: %v", err)
		default:
		}
		for _, p := range alive() {
			if p.died() {
				t.Fatalf("%s died (%s)", p.name, p.ending())
			}
		}
		v := victims[r.IntN(len(victims))]
		v.now().kill()
		counts[v.name]++
		time.Sleep(time.Duration(r.Int64N(int64(time.Second))))
		start(v)
	}
	took := time.Since(begun)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var last uint64
	for hash := range l.sent {
		_, block, err := n.client(0).Receipt(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		last = max(last, block)
	}
	until(t, fmt.Sprintf("the proof of block %d", last), func() (bool, error) {
		status, err := n.status(t.Context())
		return err == nil && status.ProvedHeight >= last && status.Queue != nil && status.Queue.Running+status.Queue.Waiting == 0, err
	}, alive()...)
	status, err := n.status(t.Context())
	if err != nil || status.Queue.SetAside > 0 || status.Waiting.Transactions > 0 || status.LastError != "" {
		t.Errorf("in the end: %+v, queue %+v, %v", status, status.Queue, err)
	}
	bundles := provedOnce(t, n, l, last)
	for _, v := range victims {
		if v.name != "node" { // the bundles and the blocks are read
			v.now().stop(t)
		}
	}
	for folder, want := range map[string]int{"bundles": bundles, "inputs": 0, "proofs": 0, "plans": 0} {
		if got := files(t, filepath.Join(store, folder)); len(got) != want {
			t.Errorf("%s has %d objects, want %d: %v", folder, len(got), want, got)
		}
	}
	jobs, again, found, twice := jobsOf(t, victims)
	if jobs != bundles {
		t.Logf("%d jobs for %d bundles", jobs, bundles)
	}
	t.Logf("%d kills in %.0f s, seed %d %v: %d transactions, each in one of %d bundles; %d jobs proved, %d begun again after the kill of their worker, %d found proved, %d proved twice",
		kills, took.Seconds(), seed, counts, len(l.sent), bundles, jobs, again, found, twice)
}

// burstAccounts is the number of transfers of a burst: few, so that proofs are short.
const burstAccounts = 4

// steadyLoad sends transfers as long as the watcher keeps up. Like a wallet whose node has died, it submits the same bytes again until the transaction is in a
// block.
type steadyLoad struct {
	net    *testnet
	sent   map[felt.Felt]int
	bursts uint64
}

// run sends bursts until ctx ends. It returns after the last burst is in blocks.
func (l *steadyLoad) run(ctx context.Context) error {
	for ctx.Err() == nil {
		short, cancel := context.WithTimeout(ctx, time.Second)
		status, err := l.net.status(short)
		cancel()
		if err == nil && status.Waiting.Transactions < 4*burstAccounts {
			if err := l.burst(context.WithoutCancel(ctx)); err != nil { // each sent transaction must be found in the end
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	return nil
}

// burst sends one transfer from each account and waits until all are in blocks.
func (l *steadyLoad) burst(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := l.net.client(0)
	waiting := map[felt.Felt]*starknet.Invoke{}
	for i, a := range l.net.Accounts[:burstAccounts] {
		w := &wallet.Wallet{Chain: felt.FromShortString(l.net.ChainID), Address: a.Address, Key: a.PrivateKey}
		tx := w.Invoke(wallet.Transfer(l.net.Accounts[(i+1)%len(l.net.Accounts)].Address, 1_000_000+uint64(i)))
		tx.Nonce = felt.FromUint64(l.bursts)
		tx.ResourceBounds = starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 5_000_000, MaxPricePerUnit: starknet.NewUint128(1 << 44)}}
		if err := w.Sign(tx); err != nil {
			return err
		}
		hash := tx.Hash(w.Chain)
		waiting[hash], l.sent[hash] = tx, i
	}
	l.bursts++
	for round := 0; len(waiting) > 0; round++ {
		var last error
		for hash, tx := range waiting {
			short, cancel := context.WithTimeout(ctx, 3*time.Second)
			receipt, _, err := client.Receipt(short, hash)
			if err == nil && receipt.Reverted {
				cancel()
				return fmt.Errorf("transaction %v reverted: %s", hash, receipt.RevertReason)
			}
			if err == nil {
				delete(waiting, hash)
			} else if round%10 == 0 { // new, or perhaps lost with its node
				_, last = client.Submit(short, tx)
			}
			cancel()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d transactions of burst %d are in no block: %w", len(waiting), l.bursts, errors.Join(ctx.Err(), last))
		case <-time.After(300 * time.Millisecond):
		}
	}
	return nil
}

// provedOnce checks that each transaction that was sent is in one block up to last and in one bundle, and that verify accepts the bundles. It returns their
// number.
func provedOnce(t *testing.T, n *testnet, l *steadyLoad, last uint64) int {
	t.Helper()
	inBlocks, inProofs := map[string]int{}, map[string]int{}
	bundles := map[string]bool{}
	for height := int64(1); height <= int64(last); height++ {
		block, err := n.comet(t, 0).Block(t.Context(), &height)
		if err != nil {
			t.Fatal(err)
		}
		transactions := block.Block.Txs
		if len(transactions) > 0 && proved.IsCommit(transactions[0]) { // the validators' statements about proofs
			transactions = transactions[1:]
		}
		if len(transactions) == 0 {
			continue
		}
		for _, raw := range transactions {
			tx, err := starknet.UnmarshalTransaction(raw)
			if err != nil {
				t.Fatal(err)
			}
			inBlocks[tx.Hash(felt.FromShortString(n.ChainID)).String()]++
		}
		var record proofstore.Record
		if _, err := get(t.Context(), fmt.Sprintf("%s/v1/proofs?block=%d", n.Watcher.REST, height), &record); err != nil || record.Bundle == nil || record.Status != proofstore.Proved {
			t.Errorf("block %d: %+v, %v", height, record, err)
			continue
		}
		for _, entry := range record.Proofs {
			for _, hash := range entry.Transactions {
				inProofs[hash]++
			}
		}
		if bundles[record.Bundle.SHA256] {
			continue
		}
		bundles[record.Bundle.SHA256] = true
		path := filepath.Join(t.TempDir(), "bundle.json")
		if err := os.WriteFile(path, n.bundle(t, uint64(height)), 0o644); err != nil {
			t.Fatal(err)
		}
		if stdout, stderr, code := command(t, "verify", path, "--validators", n.genesis(), "--min-security", "22"); code != 0 {
			t.Errorf("the bundle of block %d: status %d\n%s%s", height, code, stdout, stderr)
		}
	}
	for hash := range l.sent {
		if h := hash.String(); inBlocks[h] != 1 || inProofs[h] != 1 {
			t.Errorf("transaction %s is in %d blocks and %d proofs", h, inBlocks[h], inProofs[h])
		}
	}
	if len(inBlocks) != len(l.sent) || len(inProofs) != len(l.sent) {
		t.Errorf("%d transactions in blocks, %d in proofs, %d were sent", len(inBlocks), len(inProofs), len(l.sent))
	}
	return len(bundles)
}

// files returns the files in a folder, none if there is no folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// jobsOf reads in the logs of the processes which jobs they proved: how many, how many were begun again after the kill of a worker that had them, how often a
// worker found a job proved, and how many were proved twice. A job that was begun twice although the first worker lives is an error.
func jobsOf(t *testing.T, victims []*victim) (jobs, again, found, twice int) {
	t.Helper()
	stored, lost := map[string]int{}, map[string]int{}
	for _, v := range victims {
		for i, p := range v.runs {
			has := "" // the job that the process has
			for _, line := range jobLines(t, p.log) {
				name := line["job"]
				switch {
				case line["msg"] == "a job begins":
					if has != "" {
						t.Errorf("%s left job %s", p.name, has)
					}
					has = name
				case line["msg"] == "a job is done" && strings.HasPrefix(line["result"], "stored"):
					stored[name]++
					has = ""
				case line["msg"] == "a job is done":
					found++
					has = ""
				case line["msg"] == "a job failed":
					t.Errorf("%s: %v", p.name, line)
					has = ""
				}
			}
			if has != "" && i < len(v.runs)-1 { // it was killed
				lost[has]++
			} else if has != "" {
				t.Errorf("%s ended with job %s", p.name, has)
			}
		}
	}
	for name, times := range stored {
		if times > 1 {
			t.Errorf("job %s was proved %d times", name, times)
			twice++
		}
	}
	for name, times := range lost {
		again += times
		if stored[name] == 0 { // stored, and killed before the line
			stored[name] = 1
		}
	}
	return len(stored), again, found, twice
}

// jobLines returns the lines of a log that are about jobs, as keys and values.
func jobLines(t *testing.T, path string) (lines []map[string]string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if !strings.Contains(scan.Text(), `msg="a job `) {
			continue
		}
		line := map[string]string{}
		for rest := scan.Text(); rest != ""; {
			key, value, ok := strings.Cut(rest, "=")
			if !ok {
				break
			}
			if quoted, err := strconv.QuotedPrefix(value); err == nil {
				line[key], _ = strconv.Unquote(quoted)
				rest = strings.TrimPrefix(value[len(quoted):], " ")
			} else {
				line[key], rest, _ = strings.Cut(value, " ")
			}
		}
		lines = append(lines, line)
	}
	return lines
}
