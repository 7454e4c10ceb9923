package watcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/security"
	"github.com/starkd/starkd/watcher/proofstore"
)

// Config configures a Watcher. The watcher does not close LightDB, App or Proofs.
type Config struct {
	Genesis        *cmttypes.GenesisDoc // the chain and its validators, which are trusted
	Nodes          []string             // CometBFT RPC addresses: the first is followed as long as it answers, the others are witnesses
	TrustingPeriod time.Duration        // age up to which a verified header is trusted
	LightDB        dbm.DB               // store of the light client
	App            *app.App             // the replica, with its own store
	Engine         cairo.Engine         // the VM, which records the calls of a block for proving
	Proofs         *proofstore.Store
	System         string // proof system, SystemStwo (the default) or SystemStone
	PowBits        uint   // proof-of-work bits of a proof
	Queries        int    // FRI queries of a proof
	MaxSteps       uint64 // largest number of Cairo steps of one proof
	Log            *slog.Logger
}

// Watcher follows one chain and proves its blocks. Run does the work; Handler serves its results.
type Watcher struct {
	config  Config
	app     *app.App
	engine  cairo.Engine
	chain   source // nil before a node has been reached
	replica replica
	trusted *headers.Genesis // the genesis in the form of package headers
	system  system
	log     *slog.Logger
	metrics *metrics

	opened     bool
	firstPause time.Duration // before the first retry
	connect    func(context.Context, int) (source, error)
	prove      func(context.Context, *Block, []statement.Result) (*proofstore.Record, []byte, error)

	mu      sync.Mutex
	status  Status
	trouble map[string]string // the last error of each operation that is being retried
	reached bool              // a node has been reached and agrees with the genesis
	silent  time.Time         // when the nodes stopped giving valid answers; zero if the last answer was valid
}

// source returns verified blocks and their results. chain implements it.
type source interface {
	block(ctx context.Context, height int64) (*Block, error)
	results(ctx context.Context, b *Block) ([]statement.Result, error)
}

// New returns a watcher. The caller calls Open and Run.
func New(config Config) (*Watcher, error) {
	genesis, err := cmtjson.Marshal(config.Genesis)
	if err != nil {
		return nil, err
	}
	trusted, err := headers.ParseGenesis(genesis)
	if err != nil {
		return nil, err
	}
	proofs, err := newSystem(&config)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		config: config, system: proofs, app: config.App, engine: config.Engine, replica: replica{config.App}, trusted: trusted, log: config.Log, metrics: newMetrics(),
		firstPause: firstPause, trouble: map[string]string{}, silent: time.Now(),
	}
	security := w.security()
	w.status = Status{
		ChainID: config.Genesis.ChainID, SecurityBits: security.Conjectured, ProvenBits: security.Proven, OSProgramHash: proofs.format().ProgramHash().String(),
		ProvedHeight: config.Proofs.Cursor(),
	}
	w.connect, w.prove = w.openChain, w.proveBlock
	return w, nil
}

// Open makes the genesis state of the replica if it has none, and checks that the replica and the proof store belong to the chain of the
// genesis.
func (w *Watcher) Open(ctx context.Context) error {
	if err := w.replica.begin(w.config.Genesis); err != nil {
		return err
	}
	_, head, ok, err := w.app.Store().Header(0)
	if err != nil || !ok {
		return errors.Join(err, errors.New("watcher: the replica lost block 0"))
	}
	identity := sha256.New()
	fmt.Fprintf(identity, "%s\n%d\n%s\n%x\n%v\n", w.config.Genesis.ChainID, w.config.Genesis.InitialHeight,
		w.config.Genesis.GenesisTime.UTC().Format(time.RFC3339Nano), w.config.Genesis.ValidatorHash(), head.BlockHash)
	if err := w.config.Proofs.Bind(ctx, w.config.Genesis.ChainID, hex.EncodeToString(identity.Sum(nil))); err != nil {
		return err
	}
	w.update(func(s *Status) { s.Height = w.replica.height() })
	w.opened = true
	return nil
}

// Run follows the chain, executes and proves blocks. It returns nil when ctx ends. It returns an error when the watcher halts, because a
// retry cannot help (halt.go); Status has the error from then on, and Handler still works.
func (w *Watcher) Run(ctx context.Context) error {
	err := w.guard("starting", func() error { return w.run(ctx) })
	if err != nil {
		w.metrics.halted.Set(1)
		w.update(func(s *Status) { s.Halted = err.Error() })
		w.log.Error("the watcher has halted; it executes and proves no more blocks", "err", err)
	}
	return err
}

// run does what Run does, without the handling of a halt.
func (w *Watcher) run(ctx context.Context) error {
	if !w.opened {
		if err := w.Open(ctx); err != nil {
			return ended(ctx, err)
		}
	}
	attempts := 0
	if err := w.retry(ctx, "connecting", func() (err error) {
		w.chain, err = w.connect(ctx, attempts)
		attempts++
		return err
	}); err != nil {
		return err
	}
	if ctx.Err() != nil { // maybe before a node was reached
		return nil
	}
	w.heard()

	// The first loop that returns an error ends the others.
	running, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	var failed error
	var once sync.Once
	start := func(doing string, loop func() error) {
		wg.Go(func() {
			if err := w.guard(doing, loop); err != nil {
				once.Do(func() { failed = err })
				stop()
			}
		})
	}
	wake, replayed := make(chan struct{}, 1), make(chan struct{}, 1)
	start("listening", func() error {
		wakeups(running, w.config.Nodes[0], wake, func(connected bool, err error) {
			w.update(func(s *Status) { s.Connected = connected })
			if err != nil {
				w.log.Warn("websocket lost", "err", err)
			}
		})
		return nil
	})
	start("replaying", func() error { return w.replayAll(running, wake, replayed) })
	start("proving", func() error { return w.proveAll(running, replayed) })
	wg.Wait()
	return failed
}

// openChain connects to the nodes. Each attempt begins with another node, so that one that answers is enough.
func (w *Watcher) openChain(ctx context.Context, attempt int) (source, error) {
	first := attempt % len(w.config.Nodes)
	nodes := slices.Concat(w.config.Nodes[first:], w.config.Nodes[:first])
	return openChain(ctx, w.config.Genesis, nodes, w.config.LightDB, w.config.TrustingPeriod)
}

// ended returns err, or nil if err only says that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return nil
	}
	return err
}

// pollInterval is the pause between looks for new blocks while the websocket is silent.
const pollInterval = 2 * time.Second

// replayAll executes all blocks that the chain has, then waits for a wake-up and looks again, until ctx ends.
func (w *Watcher) replayAll(ctx context.Context, wake <-chan struct{}, replayed chan<- struct{}) error {
	for {
		err := w.retry(ctx, "replaying", func() error {
			for {
				b, err := w.chain.block(ctx, w.replica.height()+1)
				if errors.Is(err, errNotYet) {
					w.heard()
					return nil
				}
				if err != nil {
					return err
				}
				w.heard()
				if err := w.replica.replay(b); err != nil {
					return permanent{err}
				}
				w.recovered("replaying")
				w.metrics.height.Set(float64(b.Height))
				w.update(func(s *Status) { s.Height = b.Height })
				select {
				case replayed <- struct{}{}:
				default:
				}
			}
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-time.After(pollInterval):
		}
	}
}

// cursorInterval is the number of blocks without transactions after which the cursor is made durable.
const cursorInterval = 100

// proveAll handles every executed block in order, until ctx ends.
func (w *Watcher) proveAll(ctx context.Context, replayed <-chan struct{}) error {
	store := w.config.Proofs
	for {
		for next := store.Cursor() + 1; int64(next) <= w.replica.height() && ctx.Err() == nil; next++ {
			block, ok, err := w.app.Store().Block(next)
			if err != nil || !ok {
				return errors.Join(err, fmt.Errorf("watcher: the replica lost block %d", next))
			}
			if len(block.Transactions) > 0 {
				if err := w.retry(ctx, "proving", func() error { return w.handle(ctx, int64(next)) }); err != nil {
					return err
				}
				if ctx.Err() != nil {
					return nil
				}
			}
			durable := len(block.Transactions) > 0 || next%cursorInterval == 0
			if err := w.retry(ctx, "writing the cursor", func() error { return stored(store.SetCursor(ctx, next, durable)) }); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
			w.metrics.proved.Set(float64(next))
			w.update(func(s *Status) { s.ProvedHeight = next })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-replayed:
		}
	}
}

// handle proves one block and stores its bundle and its record, unless the record exists already.
func (w *Watcher) handle(ctx context.Context, height int64) error {
	if _, err := w.config.Proofs.Record(ctx, uint64(height)); err == nil {
		return nil
	} else if !errors.Is(err, proofstore.ErrNotFound) {
		return stored(err)
	}
	b, err := w.chain.block(ctx, height)
	if err != nil {
		return err
	}
	results, err := w.chain.results(ctx, b)
	if err != nil {
		return err
	}
	w.update(func(s *Status) { s.Proving, s.ProvingStage = height, "recording calls" })
	defer w.update(func(s *Status) { s.Proving, s.ProvingStage = 0, "" })
	record, bundle, err := w.prove(ctx, b, results)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if isPermanent(err) {
		return err
	}
	if err != nil {
		// Proving is deterministic, so a retry would fail in the same way. Record that this block could not be proved. Later blocks do
		// not depend on it.
		w.log.Error("proving failed: this is a bug of starkd", "height", height, "err", err)
		if record, err = w.failed(height, err); err != nil {
			return permanent{err}
		}
		bundle = nil
	}
	if bundle != nil {
		if record.Bundle, err = w.config.Proofs.PutBundle(ctx, record.Block, bundle); err != nil {
			return stored(err)
		}
	}
	if err := w.config.Proofs.PutRecord(ctx, record); err != nil {
		return stored(err)
	}
	w.metrics.transactions.WithLabelValues(string(proofstore.Proved)).Add(float64(len(record.Transactions) - len(record.Unproven)))
	w.metrics.transactions.WithLabelValues(string(proofstore.NotProved)).Add(float64(len(record.Unproven)))
	w.log.Info("block handled", "height", height, "status", record.Status, "transactions", len(record.Transactions), "proofs", len(record.Proofs))
	for _, e := range record.Unproven {
		w.log.Warn("not provable", "height", height, "transaction", e.Transaction, "reason", e.Reason)
	}
	return nil
}

// failed returns the record of a block that could not be proved because of a bug.
func (w *Watcher) failed(height int64, reason error) (*proofstore.Record, error) {
	block, ok, err := w.app.Store().Block(uint64(height))
	if err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("watcher: the replica lost block %d", height))
	}
	record := &proofstore.Record{Block: uint64(height), Status: proofstore.NotProved, Transactions: []string{}, Proofs: []proofstore.Entry{}}
	for i := range block.Receipts {
		hash := block.Receipts[i].TransactionHash.String()
		record.Transactions = append(record.Transactions, hash)
		record.Unproven = append(record.Unproven, proofstore.Unproven{Transaction: hash, Reason: "proving failed: " + reason.Error()})
	}
	return record, nil
}

// security returns the security of the proofs that this watcher makes: the least, that of the longest run.
func (w *Watcher) security() security.Bits { return w.system.security(w.config.MaxSteps) }

// policy returns the policy with which this watcher checks its own proofs.
func (w *Watcher) policy() prover.Policy {
	s := w.security()
	policy := prover.Policy{MinBits: int(s.Conjectured), MinProvenBits: s.Proven}
	if s.Conjectured == 0 {
		policy.MinBits = prover.AnyBits
	}
	return policy
}

// progress returns a function that writes the stage of a proof to the status.
func (w *Watcher) progress(height int64, steps uint64) func(name string, number, total int) {
	w.log.Info("proving", "height", height, "steps", steps)
	return func(name string, number, total int) {
		w.update(func(s *Status) { s.ProvingStage = fmt.Sprintf("%s (%d of %d)", name, number+1, total) })
	}
}
