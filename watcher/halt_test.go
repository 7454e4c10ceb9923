package watcher

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/light"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/watcher/proofstore"
)

// served is a local chain as a source of verified blocks. If change is set, it changes each block.
type served struct {
	*local
	change func(b *Block) error
}

func (s *served) block(_ context.Context, height int64) (*Block, error) {
	if int(height) >= len(s.headers) {
		return nil, errNotYet
	}
	b, _ := s.verified(int(height))
	if s.change != nil {
		if err := s.change(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (s *served) results(_ context.Context, b *Block) ([]statement.Result, error) {
	return s.local.results[b.Height-1], nil
}

// follower is a watcher of a local chain, with its own replica and proof store.
type follower struct {
	*Watcher
	source *served
	db     dbm.DB
	url    string
}

// follow makes a watcher of l with its replica on db and its proofs in the bucket at url.
func follow(t *testing.T, l *local, genesis *cmttypes.GenesisDoc, db dbm.DB, url string) *follower {
	t.Helper()
	store, err := state.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(store, vm.NewEngine(), compileOnce, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	proofs, err := proofstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proofs.Close() })
	w, err := New(Config{
		Genesis: genesis, Nodes: []string{"http://127.0.0.1:1"}, App: a, Engine: vm.NewEngine(), Proofs: proofs,
		PowBits: 20, Queries: 38, MaxSteps: 1 << 17, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{Watcher: w, source: &served{local: l}, db: db, url: url}
	w.firstPause = time.Microsecond
	w.connect = func(context.Context, int) (source, error) { return f.source, nil }
	return f
}

// ask sends a request to the watcher's handler.
func (f *follower) ask(path string) (code int, body string) {
	w := httptest.NewRecorder()
	f.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

// halts runs the watcher until it ends, and checks that its error contains every string of want, and that the handler shows it.
func (f *follower) halts(t *testing.T, want ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := f.Run(ctx)
	if err == nil {
		t.Fatal("it ends without an error")
	}
	status := f.Status()
	code, health := f.ask("/healthz")
	_, metrics := f.ask("/metrics")
	for _, text := range want {
		if !strings.Contains(err.Error(), text) || !strings.Contains(status.Halted, text) || !strings.Contains(health, text) {
			t.Errorf("want %q in the error %q, the status %q and the health %q", text, err, status.Halted, health)
		}
	}
	if code != 503 || !strings.Contains(metrics, "\nstarkd_watcher_halted 1\n") {
		t.Errorf("/healthz has status %d, the metrics say\n%s", code, metrics)
	}
	if code, body := f.ask("/v1/proofs"); code != 200 {
		t.Errorf("proofs are not served any more: %d %s", code, body)
	}
	return err
}

// until runs the watcher until a condition holds, then cancels its context. The watcher must end without an error.
func (f *follower) until(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for deadline := time.Now().Add(2 * time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-done:
			t.Fatalf("the watcher ended by itself: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within two minutes: %+v", f.Status())
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatalf("told to end: %v", err)
	}
}

// TestHaltsOnDivergence checks that a replica that disagrees with the validators halts the watcher, and that the error has both values and the
// height.
func TestHaltsOnDivergence(t *testing.T) {
	l := mixed(t)
	genesis := l.watcher.config.Genesis
	hash := func(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }
	t.Run("another genesis", func(t *testing.T) {
		other := *genesis
		other.AppState = bytes.Replace(genesis.AppState, []byte(`"amount":"0x`), []byte(`"amount":"0x1`), 1)
		if bytes.Equal(other.AppState, genesis.AppState) {
			t.Fatal("no balance was changed")
		}
		f := follow(t, l, &other, dbm.NewMemDB(), "mem://")
		err := f.halts(t, "app hash after block 0", fmt.Sprintf("validators signed %X", []byte(l.headers[0].AppHash)))
		d, ok := errors.AsType[*DivergenceError](err)
		if !ok || d.Height != 0 || bytes.Equal(d.Ours, d.Signed) || !strings.Contains(err.Error(), fmt.Sprintf("%X by this replica", d.Ours)) {
			t.Errorf("%#v", err)
		}
	})
	t.Run("app hash", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), "mem://")
		f.source.change = func(b *Block) error {
			if b.Height == 2 {
				header := *b.Next.Header
				header.AppHash = hash(1)
				b.Next = &cmttypes.LightBlock{SignedHeader: &cmttypes.SignedHeader{Header: &header}}
			}
			return nil
		}
		f.halts(t, "app hash after block 2", fmt.Sprintf("%X", hash(1)), fmt.Sprintf("%X by this replica", []byte(l.headers[2].AppHash)))
		if height := f.Status().Height; height != 1 {
			t.Errorf("height %d, want 1: the block is not kept", height)
		}
	})
	t.Run("results hash", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), "mem://")
		f.source.change = func(b *Block) error {
			header := *b.Next.Header
			header.LastResultsHash = hash(2)
			b.Next = &cmttypes.LightBlock{SignedHeader: &cmttypes.SignedHeader{Header: &header}}
			return nil
		}
		f.halts(t, "results hash after block 1", fmt.Sprintf("%X", hash(2)), fmt.Sprintf("%X by this replica", []byte(l.headers[1].LastResultsHash)))
	})
	t.Run("two histories", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), "mem://")
		f.source.change = func(b *Block) error {
			return forked(b.Height, fmt.Errorf("watcher: header %d: %w", b.Height, light.ErrLightClientAttack))
		}
		f.halts(t, "two histories at height 1")
	})
}

// TestHaltsOnStorage checks that a store that fails halts the watcher: the proof store after some retries, the replica at once.
func TestHaltsOnStorage(t *testing.T) {
	l := mixed(t)
	genesis := l.watcher.config.Genesis
	unproved := func(ctx context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
		return nil, nil, errors.New("left out")
	}
	// blocked puts a file in place of a folder of the proof store, so that not even root can write there.
	blocked := func(t *testing.T, folder string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, folder), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + dir + "?no_tmp_dir=true&metadata=skip"
	}
	t.Run("records", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), blocked(t, "transactions"))
		f.alone = unproved
		f.halts(t, fmt.Sprintf("failed %d times in a row", storeAttempts), "transactions/")
	})
	t.Run("the cursor", func(t *testing.T) {
		dir := t.TempDir()
		f := follow(t, l, genesis, dbm.NewMemDB(), "file://"+dir+"?no_tmp_dir=true&metadata=skip")
		f.alone = func(ctx context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
			if err := os.MkdirAll(filepath.Join(dir, "cursor.json", "x"), 0o700); err != nil {
				t.Error(err)
			}
			return unproved(ctx, b, results)
		}
		f.halts(t, "writing the cursor failed", "cursor.json")
	})
	t.Run("a store that recovers", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), blocked(t, "transactions"))
		f.alone = unproved
		f.firstPause = 20 * time.Millisecond
		time.AfterFunc(100*time.Millisecond, func() {
			url := strings.TrimPrefix(f.url, "file://")
			if err := os.Remove(filepath.Join(url[:strings.IndexByte(url, '?')], "transactions")); err != nil {
				t.Error(err)
			}
		})
		f.until(t, func() bool { return f.Status().ProvedHeight == 2 })
		if e := f.Status().LastError; e != "" {
			t.Errorf("last error %q after it was mended", e)
		}
	})
	t.Run("the replica", func(t *testing.T) {
		db := &brokenDB{DB: dbm.NewMemDB()}
		f := follow(t, l, genesis, db, "mem://")
		f.alone = unproved
		if err := f.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		db.broken = true
		f.halts(t, errDisk.Error())
	})
	t.Run("the replica, while a block is proved", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), "mem://")
		f.Watcher.alone = func(ctx context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
			if err := f.db.DeleteSync(binary.BigEndian.AppendUint64([]byte{'h'}, uint64(b.Height))); err != nil {
				t.Error(err)
			}
			return f.proveBlock(ctx, b, results)
		}
		f.halts(t, "executing block 1 again", "block 1 is not stored")
	})
	t.Run("a lost block", func(t *testing.T) {
		f := follow(t, l, genesis, dbm.NewMemDB(), "mem://")
		f.alone = unproved
		f.until(t, func() bool { return f.Status().ProvedHeight == 2 })
		if err := f.db.DeleteSync(binary.BigEndian.AppendUint64([]byte{'h'}, 1)); err != nil {
			t.Fatal(err)
		}
		again := follow(t, l, genesis, f.db, "mem://")
		again.halts(t, "the replica lost block 1")
	})
}

var errDisk = errors.New("no space left on this test's device")

// brokenDB is a database that rejects writes once it is broken.
type brokenDB struct {
	dbm.DB
	broken bool
}

func (d *brokenDB) NewBatch() dbm.Batch { return &brokenBatch{d.DB.NewBatch(), d} }

type brokenBatch struct {
	dbm.Batch
	db *brokenDB
}

func (b *brokenBatch) WriteSync() error {
	if b.db.broken {
		return errDisk
	}
	return b.Batch.WriteSync()
}

// TestHaltsOnProving checks that a proof that the watcher's own verifier rejects halts it, as does a panic, and that a block that cannot be
// proved for another reason is recorded as such and the next one is handled.
func TestHaltsOnProving(t *testing.T) {
	l := mixed(t)
	genesis := l.watcher.config.Genesis
	for name, c := range map[string]struct {
		prove func(b *Block) error
		want  string // in the error; "" if the watcher does not halt
	}{
		"self-check":         {func(b *Block) error { return refusedProof(b.Height, fmt.Errorf("%w: a cell", prover.ErrSelfCheck)) }, "the verifier rejects this watcher's own proof of block 1"},
		"panic":              {func(b *Block) error { panic("index out of range") }, "proving: panic: index out of range"},
		"a defect before it": {func(b *Block) error { return errors.New("no room for a segment") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := follow(t, l, genesis, dbm.NewMemDB(), "mem://")
			f.alone = func(ctx context.Context, b *Block, _ []statement.Result) (*proofstore.Record, []byte, error) {
				return nil, nil, c.prove(b)
			}
			if c.want != "" {
				f.halts(t, c.want)
				return
			}
			f.until(t, func() bool { return f.Status().ProvedHeight == 2 })
			if _, body := f.ask("/v1/proofs?block=1"); !strings.Contains(body, "no room for a segment") {
				t.Errorf("the record: %s", body)
			}
		})
	}
}

// TestOpenRefusesAnotherGenesis checks that another genesis than the one that the home began with is an error that names the difference.
func TestOpenRefusesAnotherGenesis(t *testing.T) {
	l := mixed(t)
	genesis := l.watcher.config.Genesis
	dir := "file://" + t.TempDir() + "?no_tmp_dir=true&metadata=skip"
	first := follow(t, l, genesis, dbm.NewMemDB(), dir)
	if err := first.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := follow(t, l, genesis, first.db, dir).Open(t.Context()); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for name, c := range map[string]struct {
		change func(g *cmttypes.GenesisDoc)
		want   string
	}{
		"time":  {func(g *cmttypes.GenesisDoc) { g.GenesisTime = g.GenesisTime.Add(time.Second) }, "genesis time 1700000001"},
		"chain": {func(g *cmttypes.GenesisDoc) { g.ChainID = "OTHER" }, `chain id "OTHER", the stored chain began with "TEST"`},
		"balance": {func(g *cmttypes.GenesisDoc) {
			g.AppState = bytes.Replace(g.AppState, []byte(`"amount":"0x`), []byte(`"amount":"0x1`), 1)
		}, "the genesis has state 0x"},
		"price": {func(g *cmttypes.GenesisDoc) {
			g.AppState = bytes.Replace(g.AppState, []byte(`"block_transactions":0`), []byte(`"block_transactions":7`), 1)
		}, "the genesis has parameters"},
		"validators": {func(g *cmttypes.GenesisDoc) { g.Validators = g.Validators[1:] }, "proofstore: the store has proofs of chain"},
	} {
		t.Run(name, func(t *testing.T) {
			other := *genesis
			c.change(&other)
			err := follow(t, l, &other, first.db, dir).Open(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	// A new replica with a proof store of another chain.
	other := *genesis
	other.GenesisTime = genesis.GenesisTime.Add(time.Second)
	err := follow(t, l, &other, dbm.NewMemDB(), dir).Open(t.Context())
	if _, ok := errors.AsType[*proofstore.ChainError](err); !ok {
		t.Errorf("another chain's proofs: %v", err)
	}
}

// TestEndsBeforeTheFirstConnection checks that a watcher that has not reached a node ends with its context, and is unhealthy before.
func TestEndsBeforeTheFirstConnection(t *testing.T) {
	l := newLocal(t)
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "mem://")
	f.connect = func(context.Context, int) (source, error) { return nil, errors.New("dial tcp: connection refused") }
	if code, body := f.ask("/healthz"); code != 503 || !strings.Contains(body, "no node has been reached yet") {
		t.Errorf("before it begins: %d %s", code, body)
	}
	f.until(t, func() bool { return f.Status().LastError != "" })
	if code, body := f.ask("/healthz"); code != 503 || !strings.Contains(body, "no node has been reached yet: connecting: dial tcp: connection refused") {
		t.Errorf("%d %s", code, body)
	}
}

// TestTroubleAndHealth checks that an error disappears from the status with the first success, even if the watcher has not caught up, and that nodes
// that do not answer make it unhealthy.
func TestTroubleAndHealth(t *testing.T) {
	l := mixed(t)
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "mem://")
	f.alone = func(context.Context, *Block, []statement.Result) (*proofstore.Record, []byte, error) {
		return nil, nil, errors.New("left out")
	}
	failed := false
	between := ""
	f.source.change = func(b *Block) error {
		switch {
		case b.Height == 1 && !failed:
			failed = true
			return errors.New("header 1: a node that says nothing")
		case b.Height == 2 && f.Status().Height == 1:
			between = f.Status().LastError // with two blocks, the watcher has not caught up
		}
		return nil
	}
	f.until(t, func() bool { return f.Status().Height == 2 })
	if !failed || strings.Contains(between, "replaying") {
		t.Errorf("last error %q after a block was replayed", between)
	}

	synctest.Test(t, func(t *testing.T) {
		f.heard()
		if err := f.Health(); err != nil {
			t.Errorf("after an answer: %v", err)
		}
		f.troubled("replaying", errors.New("refused"))
		time.Sleep(maxSilence)
		if err := f.Health(); err != nil {
			t.Errorf("after a minute: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := f.Health(); err == nil || !strings.Contains(err.Error(), "no node has answered for 1m0s: replaying: refused") {
			t.Errorf("after more than a minute: %v", err)
		}
		f.heard()
		f.recovered("replaying")
		if err := f.Health(); err != nil {
			t.Errorf("after another answer: %v", err)
		}
	})
	_, metrics := f.ask("/metrics")
	for _, name := range []string{"go_goroutines ", "process_cpu_seconds_total ", "starkd_watcher_height 2\n", "starkd_watcher_halted 0\n"} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("no %s in the metrics", name)
		}
	}
}

// TestAttemptsGoRoundTheNodes checks that each attempt to connect begins with the next node, and that a node counts as reached once it is
// connected, whether or not a block can be read from it.
func TestAttemptsGoRoundTheNodes(t *testing.T) {
	l := newLocal(t)
	l.block()
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "mem://")
	f.source.change = func(*Block) error { return errors.New("no answer") }
	var attempts []int
	f.connect = func(_ context.Context, attempt int) (source, error) {
		if attempts = append(attempts, attempt); len(attempts) < 3 {
			return nil, errors.New("dial tcp: connection refused")
		}
		return f.source, nil
	}
	f.until(t, func() bool { return f.Health() == nil })
	if !slices.Equal(attempts, []int{0, 1, 2}) {
		t.Errorf("attempts %v", attempts)
	}
}

// TestPauses checks that the pause between retries doubles, up to the longest pause.
func TestPauses(t *testing.T) {
	l := newLocal(t)
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), "mem://")
	f.firstPause = firstPause
	want := []time.Duration{0, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond, 3200 * time.Millisecond,
		6400 * time.Millisecond, 10 * time.Second, 10 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		var pauses []time.Duration
		last := time.Now()
		if err := f.retry(t.Context(), "replaying", func() error {
			pauses = append(pauses, time.Since(last))
			if last = time.Now(); len(pauses) < len(want) {
				return errors.New("connection refused")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(pauses, want) {
			t.Errorf("pauses %v, want %v", pauses, want)
		}
	})
	// A malformed address is like a node that is down, but fails at once.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		var pauses []time.Duration
		last := time.Now()
		wakeups(ctx, "http://%zz", make(chan struct{}, 1), func(bool, error) {
			pauses = append(pauses, time.Since(last))
			last = time.Now()
		})
		want := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
			1600 * time.Millisecond, 3200 * time.Millisecond, 6400 * time.Millisecond, 10 * time.Second, 10 * time.Second, 10 * time.Second}
		if !slices.Equal(pauses, want) {
			t.Errorf("a websocket is tried again after %v, want %v", pauses, want)
		}
	})
}

// TestCursorOfEmptyBlocks checks that the cursor becomes durable only now and then for blocks without transactions.
func TestCursorOfEmptyBlocks(t *testing.T) {
	l := newLocal(t)
	for range cursorInterval + 1 {
		l.block()
	}
	url := "file://" + t.TempDir() + "?no_tmp_dir=true&metadata=skip"
	f := follow(t, l, l.watcher.config.Genesis, dbm.NewMemDB(), url)
	f.until(t, func() bool { return f.Status().ProvedHeight == cursorInterval+1 })
	again, err := proofstore.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := again.Cursor(); got != cursorInterval {
		t.Errorf("after %d empty blocks the cursor on disk is %d, want %d", cursorInterval+1, got, cursorInterval)
	}
}

// TestStatusOfProofs checks that the status has the security of the configured proofs, and the stage of the current proof.
func TestStatusOfProofs(t *testing.T) {
	l := newLocal(t)
	before := l.watcher.security()
	fewer := l.watcher.config
	fewer.Queries /= 2
	system, err := newSystem(&fewer)
	if err != nil {
		t.Fatal(err)
	}
	l.watcher.system = system
	if after := l.watcher.security(); after.Conjectured >= before.Conjectured || after.Proven >= before.Proven {
		t.Errorf("half the queries: %+v, before %+v", after, before)
	}
	b := newBatch([]*candidate{{height: 7, trace: new(app.BlockTrace)}, {height: 8}, {height: 9, trace: new(app.BlockTrace)}})
	p := &part{steps: 1000, transactions: make([]cairoos.Ref, 3)}
	l.watcher.progress.begin(b, p)
	l.watcher.progress.stage("commit", 0, 3)
	if s := l.watcher.Status(); s.ProvingStage != "commit (1 of 3)" || s.Proving != 7 || s.ProvingLast != 9 || s.ProvingTransactions != 3 || s.ProvingSecondsLeft != 0 {
		t.Errorf("status %+v", s)
	}
	p.took = 10 * time.Second
	l.watcher.progress.end(p)
	if s := l.watcher.Status(); s.ProvingStage != "" || s.Proving != 0 {
		t.Errorf("after the proof: status %+v", s)
	}
	l.watcher.progress.begin(b, &part{steps: 2000})
	if s := l.watcher.Status(); s.ProvingSecondsLeft < 19 || s.ProvingSecondsLeft > 20 || s.Progress != "proving blocks 7 to 9 of 0: begins, 20 s left" {
		t.Errorf("a proof of twice the steps: status %+v", s)
	}
	if _, err := l.watcher.failed(99, errors.New("no proof")); err == nil {
		t.Error("a record of a block that is not there")
	}
}
