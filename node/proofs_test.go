package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/wallet"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/finality"
)

// votingChain is a chain of one validator that votes about proofs, without CometBFT.
type votingChain struct {
	t      testing.TB
	dir    string
	app    *app.App
	wallet *wallet.Wallet
	other  felt.Felt
	sent   uint64
}

func newVotingChain(t testing.TB, network home.Network) *votingChain {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	network.ChainID, network.Seed = "PROOFS", "proofs"
	if err := network.Init(dir, "node"); err != nil {
		t.Fatal(err)
	}
	settings := config.Default()
	settings.App.Engine = "vm"
	chain, err := openChain(dir, settings, "vm", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chain.close() })
	genesis, err := home.Genesis(dir)
	if err != nil {
		t.Fatal(err)
	}
	validator := finality.Validator{Key: genesis.Validators[0].PubKey.Bytes(), Power: genesis.Validators[0].Power}
	if _, err := chain.app.InitGenesis(genesis.ChainID, uint64(genesis.GenesisTime.Unix()), genesis.AppState, validator); err != nil {
		t.Fatal(err)
	}
	testnet, err := wallet.ReadTestnet(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &votingChain{
		t: t, dir: dir, app: chain.app, other: testnet.Accounts[1].Address,
		wallet: &wallet.Wallet{Chain: felt.FromShortString("PROOFS"), Address: testnet.Accounts[0].Address, Key: testnet.Accounts[0].PrivateKey},
	}
}

// transfers returns n signed transfers, the next of the account.
func (c *votingChain) transfers(n int) (txs [][]byte) {
	c.t.Helper()
	for range n {
		tx := c.wallet.Invoke(wallet.Transfer(c.other, 5))
		tx.Nonce = felt.FromUint64(c.sent)
		tx.ResourceBounds = starknet.ResourceBounds{L2Gas: starknet.ResourceBound{MaxAmount: 100_000_000, MaxPricePerUnit: starknet.NewUint128(2_000_000_000)}}
		c.sent++
		if err := c.wallet.Sign(tx); err != nil {
			c.t.Fatal(err)
		}
		raw, err := starknet.MarshalTransaction(tx)
		if err != nil {
			c.t.Fatal(err)
		}
		txs = append(txs, raw)
	}
	return txs
}

// add makes a block of n transfers.
func (c *votingChain) add(n int) {
	c.t.Helper()
	txs := c.transfers(n)
	head := c.app.Store().Head()
	f, err := c.app.Finalize(&app.Block{Height: head.Height + 1, Timestamp: head.Timestamp + 1, Proposer: []byte("twenty bytes address"), Txs: txs})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range f.Results {
		if r.Err != nil {
			c.t.Fatal(r.Err)
		}
	}
	if err := c.app.Commit(); err != nil {
		c.t.Fatal(err)
	}
}

// syncBuffer is a bytes.Buffer that goroutines may share.
type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// verifier returns the verifier of the chain's node, which asks the URLs. A bundle is right if it is the text "proof N" for block N.
func (c *votingChain) verifier(log *syncBuffer, urls ...string) *proofs {
	c.t.Helper()
	p := newProofs(c.app, c.dir, &config.Watch{URLs: urls, MinBits: 96}, slog.New(slog.NewTextHandler(log, nil)))
	p.verify = func(header *starknet.Header, data []byte) error {
		if string(data) != fmt.Sprintf("proof %d", header.Number) {
			return fmt.Errorf("bundle %.40q", data)
		}
		return nil
	}
	if err := p.begin(c.app.Genesis()); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// verifyAll verifies blocks as long as there is progress.
func (p *proofs) verifyAll(ctx context.Context) {
	for p.next(ctx) {
	}
}

// TestVerifiedHeight follows a chain whose watchers fail, lie and tell the truth.
func TestVerifiedHeight(t *testing.T) {
	c := newVotingChain(t, home.Network{})
	var mu sync.Mutex
	asked, answers := map[string]int{}, map[string]http.HandlerFunc{}
	right := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "proof %s", strings.Split(r.URL.Path, "/")[4])
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		name := strings.Split(r.URL.Path, "/")[1]
		asked[r.URL.Path]++
		answer := answers[name]
		mu.Unlock()
		if want := fmt.Sprintf("/%s/v1/blocks/", name); !strings.HasPrefix(r.URL.Path, want) || !strings.HasSuffix(r.URL.Path, "/proof") {
			t.Errorf("asked for %s", r.URL.Path)
		}
		answer(w, r)
	}))
	defer server.Close()
	answer := func(name string, f http.HandlerFunc) {
		mu.Lock()
		defer mu.Unlock()
		answers[name] = f
	}
	times := func(path string) int {
		mu.Lock()
		defer mu.Unlock()
		return asked[path]
	}
	log := new(syncBuffer)
	p := c.verifier(log, server.URL+"/a/", server.URL+"/b")
	want := func(when string, height uint64, waiting string) {
		t.Helper()
		p.verifyAll(t.Context())
		if r := p.report(); p.Verified() != height || r.Verified != height || waiting == "" && r.Waiting != "" || !strings.Contains(r.Waiting, waiting) {
			t.Fatalf("%s: %+v, want height %d, waiting for %q", when, r, height, waiting)
		}
	}
	again := func() { // the pauses of all sources are over
		for _, s := range p.sources {
			s.after = time.Time{}
		}
	}
	want("genesis", 0, "")
	c.add(0)
	want("block 1, whose next header is not decided", 0, "")
	c.add(0)
	c.add(1) // block 3
	c.add(0)
	answer("a", http.NotFound)
	answer("b", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("broken ", 1000), http.StatusInternalServerError)
	})
	want("no bundle of block 3", 2, "answers 500")
	if w := p.report().Waiting; len(w) > 400 {
		t.Errorf("a watcher's text is repeated: %d bytes", len(w))
	}
	want("during the pause", 2, "answers 500")
	if n := times("/a/v1/blocks/3/proof"); n != 1 {
		t.Errorf("asked %d times without a pause", n)
	}
	again()
	answer("a", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL+"/c/v1/blocks/3/proof", http.StatusFound)
	})
	answer("c", right)
	want("a redirect is not followed", 2, "answers")
	if times("/c/v1/blocks/3/proof") != 0 {
		t.Error("a redirect was followed")
	}
	// A lie is reported, and the liar waits longer. The other source is asked all the same.
	answer("a", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "proof 4") })
	again()
	want("a lie", 2, "answers 500")
	if r := p.report().Refused; len(r) != 1 || r[0].URL != server.URL+"/a/" || r[0].Block != 3 || !strings.Contains(r[0].Reason, "proof 4") {
		t.Errorf("%+v", r)
	}
	if pause := time.Until(p.sources[0].after); pause < 8*time.Second {
		t.Errorf("the liar is asked again after %v", pause)
	}
	if !strings.Contains(log.String(), "a watcher serves a wrong bundle") {
		t.Errorf("log %q", log.String())
	}
	answer("b", right)
	p.sources[1].after = time.Time{}
	want("the truth", 3, "")
	answer("a", right)
	c.add(1) // block 5
	c.add(1)
	c.add(0)
	want("the rest", 6, "")
	if n := times("/a/v1/blocks/5/proof"); n != 1 { // a liar is asked again for the next block
		t.Errorf("the first source was asked %d times for block 5", n)
	}
	// Blocks of one proof share a bundle: one that was verified with another is not asked for again, if it is this node's block.
	anchor := func(n uint64) *statement.Anchor {
		before, _, _, err := c.app.Store().Header(n - 1)
		if err != nil {
			t.Fatal(err)
		}
		header, _, _, err := c.app.Store().Header(n)
		if err != nil {
			t.Fatal(err)
		}
		return &statement.Anchor{Number: n, Before: before.StateRoot, After: header.StateRoot}
	}
	for range 2 {
		c.add(1) // blocks 8 and 9
	}
	c.add(0)
	foreign := anchor(9)
	foreign.After = foreign.Before
	p.shared = map[uint64]*verified{8: {anchor: anchor(8)}, 9: {anchor: foreign}}
	want("a shared bundle", 9, "")
	if n, m := times("/a/v1/blocks/8/proof"), times("/a/v1/blocks/9/proof"); n != 0 || m != 1 {
		t.Errorf("asked %d times for block 8, %d times for block 9, whose shared bundle has another state", n, m)
	}
	server.Close()
	c.add(1)
	c.add(0)
	c.add(0)
	want("no watcher", 10, "connect")
	if p.report().Proved != 0 {
		t.Errorf("%+v: nobody voted", p.report())
	}

	// A restarted node goes on, unless the file is damaged or another chain's.
	p.save()
	if q := c.verifier(log, "http://127.0.0.1:1"); q.Verified() != 10 {
		t.Errorf("after a restart: %d", q.Verified())
	}
	file := filepath.Join(c.dir, "data", verifiedFile)
	for _, text := range []string{"", "{", `{"height":7,"block_hash":"0x1"}`, `{"height":99,"block_hash":"0x1"}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if q := c.verifier(log, "http://127.0.0.1:1"); q.Verified() != 0 {
			t.Errorf("%q: %d", text, q.Verified())
		}
	}
}

// TestVerifierRuns checks that the verifier follows a growing chain, ends with its context, and does nothing on a chain without votes.
func TestVerifierRuns(t *testing.T) {
	c := newVotingChain(t, home.Network{})
	p := c.verifier(new(syncBuffer), "http://127.0.0.1:1")
	p.poll = time.Millisecond
	end := background(t.Context(), p.run)
	for range 50 {
		c.add(0)
	}
	for deadline := time.Now().Add(patience); p.Verified() < 49; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("verified %d", p.Verified())
		}
	}
	end()
	if q := c.verifier(new(syncBuffer), "http://127.0.0.1:1"); q.Verified() != 49 {
		t.Errorf("stored %d", q.Verified())
	}
	none := newVotingChain(t, home.Network{WithoutProofVotes: true})
	q := newProofs(none.app, none.dir, &config.Watch{URLs: []string{"http://127.0.0.1:1"}}, slog.New(slog.DiscardHandler))
	q.run(t.Context()) // returns
	if q.report() != nil || q.Verified() != 0 {
		t.Error("a chain without votes has a report")
	}
}

// TestLeftOut checks that the node runs a transaction itself that a bundle leaves out as too long, for each block of the bundle. A transaction that is not
// too long makes the bundle a lie.
func TestLeftOut(t *testing.T) {
	c := newVotingChain(t, home.Network{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "proof %s", strings.Split(r.URL.Path, "/")[3])
	}))
	defer server.Close()
	for range 3 {
		c.add(1)
	}
	c.add(0)
	p := c.verifier(new(syncBuffer), server.URL)
	const short = 7
	var checked []string
	p.tooLong = func(_ context.Context, format statement.Format, height uint64, transactions []int) error {
		checked = append(checked, fmt.Sprint(height, transactions))
		if format != statement.FormatStwo || slices.Contains(transactions, short) {
			return errors.New("it is short")
		}
		return nil
	}
	verify, leftOut := p.verify, map[uint64][]int{}
	p.verify = func(header *starknet.Header, data []byte) error {
		p.shared = map[uint64]*verified{}
		for n := header.Number; n <= min(header.Number+1, 3); n++ {
			before, _, _, err := c.app.Store().Header(n - 1)
			if err != nil {
				t.Fatal(err)
			}
			after, _, _, err := c.app.Store().Header(n)
			if err != nil {
				t.Fatal(err)
			}
			anchor := &statement.Anchor{Number: n, Before: before.StateRoot, After: after.StateRoot}
			p.shared[n] = &verified{anchor: anchor, format: statement.FormatStwo, tooLong: leftOut[n]}
		}
		return verify(header, data)
	}
	for _, step := range []struct {
		leftOut map[uint64][]int
		height  uint64
		checked []string
	}{
		{map[uint64][]int{1: {0, short}}, 0, []string{"1 [0 7]"}},
		{map[uint64][]int{1: {0, 1}, 2: {short}}, 1, []string{"1 [0 1]", "2 [7]", "2 [7]"}}, // in the bundle of block 1, and in the next one
		{nil, 3, nil},
	} {
		leftOut, checked = step.leftOut, nil
		p.sources[0].after = time.Time{}
		p.verifyAll(t.Context())
		if p.Verified() != step.height || !slices.Equal(checked, step.checked) {
			t.Errorf("%v: height %d, checked %q, want %d and %q", step.leftOut, p.Verified(), checked, step.height, step.checked)
		}
		if refused := p.report().Refused; step.height < 3 && (len(refused) != 1 || !strings.Contains(refused[0].Reason, "it is short")) {
			t.Errorf("%v: refused %+v", step.leftOut, refused)
		}
	}
}

// TestWrongBundles checks that anything but the right bundle is refused with one line, and that a panic is a refusal.
func TestWrongBundles(t *testing.T) {
	c := newVotingChain(t, home.Network{})
	c.add(1)
	c.add(0)
	p := c.verifier(new(syncBuffer), "http://127.0.0.1:1")
	header, _, _, err := c.app.Store().Header(1)
	if err != nil {
		t.Fatal(err)
	}
	foreign := golden.Gunzip(t, filepath.Join(golden.ModuleRoot(t), "cmd", "verifier-wasm", "testdata", "least.json.gz"))
	for name, w := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":                     {nil, "not a"},
		"noise":                       {bytes.Repeat([]byte{0xff, 0}, 1000), "not a"},
		"a proof's beginning":         {foreign[:100], "block:"},
		"a changed byte":              {append(append([]byte{}, foreign[:5000]...), append([]byte{'~'}, foreign[5001:]...)...), "block:"},
		"of another chain":            {foreign, `chain "TEST"`},
		"of another chain, 1 MB more": {append(append([]byte{}, foreign...), make([]byte, 1<<20)...), "block:"},
	} {
		if err := p.check(header, w.data); err == nil || !strings.Contains(err.Error(), w.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
			t.Errorf("%s: %v, want %q", name, err, w.want)
		}
	}
	p.trusted = nil
	if err := p.check(header, foreign); err == nil || !strings.Contains(err.Error(), "the verifier panics") {
		t.Errorf("a panic: %v", err)
	}
}
