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
	"github.com/starkd/starkd/watcher/queue"
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
	MaxAlone       uint64 // the same for a proof of one transaction that is too long for MaxSteps. 0 means MaxSteps
	// Memory bounds the bytes of the process's memory while it makes a proof of S-two. 0 is no bound.
	Memory int64
	// Queue takes the jobs of this watcher's workers. nil means that the watcher makes the proofs itself. The watcher does not close it.
	Queue *queue.Queue
	Log   *slog.Logger
}

// Watcher follows one chain and proves its blocks. Run does the work; Handler serves its results.
type Watcher struct {
	config  Config
	app     *app.App
	engine  cairo.Engine
	chain   source // nil before a node has been reached
	replica replica
	trusted *headers.Genesis // the genesis in the form of package headers
	metrics *metrics

	opened     bool
	firstPause time.Duration // before the first retry
	connect    func(context.Context, int) (source, error)
	alone      func(context.Context, *Block, []statement.Result) (*proofstore.Record, []byte, error) // proves each block alone if not nil, in tests
	lag        *lag
	*maker           // of this process's proofs
	pool       *pool // nil if this process makes the proofs

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
	config.MaxAlone = max(config.MaxAlone, config.MaxSteps)
	if config.System != SystemStone {
		config.MaxAlone = max(config.MaxAlone, leastSteps) // a transaction of fewer steps is not left out
	}
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
		config: config, maker: newMaker(proofs, config.MaxSteps, config.MaxAlone, config.Log), app: config.App, engine: config.Engine, replica: replica{config.App}, trusted: trusted, metrics: newMetrics(),
		firstPause: firstPause, trouble: map[string]string{}, silent: time.Now(),
	}
	security := w.security()
	w.status = Status{
		ChainID: config.Genesis.ChainID, SecurityBits: security.Conjectured, ProvenBits: security.Proven, OSProgramHash: proofs.format().ProgramHash().String(),
		ProvedHeight: config.Proofs.Cursor(),
	}
	w.connect = w.openChain
	w.lag = newLag(w.metrics)
	w.proving, w.phases = w.metrics.proving, w.metrics.phases
	if config.Queue != nil {
		name := config.System
		if name == "" {
			name = SystemStwo
		}
		w.pool = &pool{
			queue: config.Queue, objects: config.Proofs, policy: w.policy(), log: config.Log,
			demand: demand{Version: workVersion, System: name, PowBits: config.PowBits, Queries: config.Queries, MaxSteps: config.MaxSteps, MaxAlone: config.MaxAlone},
		}
	}
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
	if err := w.countWaiting(); err != nil {
		return err
	}

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
	waiting := newBacklog(w.fill)
	ahead := 0 // batches that are prepared while others are proved
	if w.pool != nil {
		ahead, w.pool.waiting = poolAhead, waiting
	}
	prepared, proved := make(chan *batch, ahead), make(chan *batch, 1)
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
	start("recording", func() error { return w.recordAll(running, replayed, waiting) })
	start("preparing", func() error { return w.prepareAll(running, waiting, prepared) })
	start("proving", func() error { return w.proveAll(running, waiting, prepared, proved) })
	start("storing", func() error { return w.storeAll(running, proved) })
	start("measuring the lag", func() error { return w.watchLag(running) })
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
				replayedAfter := w.metrics.phase("replay")
				transactions, err := w.replica.replay(b)
				if err != nil {
					return permanent{err}
				}
				replayedAfter()
				w.recovered("replaying")
				w.lag.add(transactions)
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

// countWaiting adds the transactions of executed blocks above the cursor to the lag of a watcher that starts.
func (w *Watcher) countWaiting() error {
	for n := w.config.Proofs.Cursor() + 1; int64(n) <= w.replica.height(); n++ {
		block, ok, err := w.app.Store().Block(n)
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("watcher: the replica lost block %d", n))
		}
		w.lag.add(len(block.Transactions))
	}
	return nil
}

// cursorInterval is the number of blocks without transactions after which the cursor is made durable.
const cursorInterval = 100

// Proving is a pipeline. Each stage is a loop, and hands its results to the next: recordAll executes blocks again and records their calls;
// prepareAll runs the OS program on batches of blocks; proveAll proves the runs; storeAll makes the witnesses and stores the bundles.

// recordAll puts every executed block into the backlog, in order, until ctx ends.
func (w *Watcher) recordAll(ctx context.Context, replayed <-chan struct{}, waiting *backlog) error {
	next := w.config.Proofs.Cursor() + 1
	if w.pool != nil {
		if err := w.retry(ctx, "reading the plans", func() (err error) {
			next, err = w.pool.restore(ctx, w.config.Proofs.Cursor()+1)
			return stored(err)
		}); err != nil {
			return err
		}
	}
	for {
		for ; int64(next) <= w.replica.height() && ctx.Err() == nil; next++ {
			stored, ok, err := w.app.Store().Block(next)
			if err != nil || !ok {
				return errors.Join(err, fmt.Errorf("watcher: the replica lost block %d", next))
			}
			c := &candidate{height: next}
			if len(stored.Transactions) > 0 {
				if err := w.retry(ctx, "recording", func() (err error) {
					c, err = w.candidate(ctx, int64(next))
					return err
				}); err != nil {
					return err
				}
			}
			if ctx.Err() != nil || !waiting.put(ctx, c) {
				return nil
			}
			if len(stored.Transactions) > 0 && (c.weight == 0 || c.stored) && next > w.config.Proofs.Cursor() { // it has a record already
				w.lag.drop(len(stored.Transactions))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-replayed:
		}
	}
}

// candidate returns a block that has transactions as it is put into the backlog. If the block has a record already, there is nothing to prove, unless it is part
// of a plan that is not finished.
func (w *Watcher) candidate(ctx context.Context, height int64) (*candidate, error) {
	_, err := w.config.Proofs.Record(ctx, uint64(height))
	has := err == nil
	if has && (w.pool == nil || !w.pool.open[uint64(height)]) {
		return &candidate{height: uint64(height)}, nil
	}
	if !has && !errors.Is(err, proofstore.ErrNotFound) {
		return nil, stored(err)
	}
	b, err := w.chain.block(ctx, height)
	if err != nil {
		return nil, err
	}
	results, err := w.chain.results(ctx, b)
	if err != nil {
		return nil, err
	}
	if w.alone != nil {
		return &candidate{height: uint64(height), weight: 1, block: b, results: results}, nil
	}
	c, err := w.record(ctx, b, results)
	if err == nil {
		c.stored = has
	}
	return c, err
}

// prepareAll makes batches of the blocks of the backlog and begins to run the OS program on them, until ctx ends.
func (w *Watcher) prepareAll(ctx context.Context, waiting *backlog, prepared chan<- *batch) error {
	for {
		all := waiting.take(ctx)
		if all == nil {
			return nil
		}
		b := newBatch(all)
		if len(b.blocks) > 0 && w.pool != nil {
			var planned bool
			if err := w.retry(ctx, "planning", func() (err error) {
				planned, err = w.pool.plan(ctx, b)
				return stored(err)
			}); err != nil {
				return err
			}
			if !planned {
				continue
			}
		}
		if len(b.blocks) > 0 {
			w.prover().prepare(ctx, b)
		}
		select {
		case <-ctx.Done():
			return nil
		case prepared <- b:
		}
	}
}

// proveAll proves the batches, in order, until ctx ends.
func (w *Watcher) proveAll(ctx context.Context, waiting *backlog, prepared <-chan *batch, proved chan<- *batch) error {
	for {
		var b *batch
		select {
		case b = <-prepared:
		default:
			waiting.setIdle(true)
			select {
			case <-ctx.Done():
				return nil
			case b = <-prepared:
			}
		}
		done, err := w.proveBatch(ctx, b)
		if err != nil || ctx.Err() != nil {
			return ended(ctx, err)
		}
		for _, b := range done {
			select {
			case <-ctx.Done():
				return nil
			case proved <- b:
			}
		}
	}
}

// proveBatch proves a batch that is prepared, and returns it. If a batch of several blocks cannot be proved, each of its blocks is proved alone and is a
// batch of its own, so that one block does not keep others from being proved. The error is one that halts the watcher.
func (w *Watcher) proveBatch(ctx context.Context, b *batch) ([]*batch, error) {
	if w.alone != nil {
		for _, c := range b.all {
			if c.block != nil {
				c.done = new(outcome)
				c.done.of = new(finished)
				c.done.record, c.done.of.bundle, c.done.err = w.alone(ctx, c.block, c.results)
			}
		}
	}
	if len(b.blocks) == 0 {
		return []*batch{b}, nil
	}
	first := b.blocks[0].block.Height
	err := refusedProof(first, w.prover().prove(ctx, b))
	if ctx.Err() != nil || isPermanent(err) {
		return nil, err
	}
	if err == nil {
		w.lag.measured(w.measure(b))
	}
	if b.err = err; err == nil || len(b.blocks) == 1 {
		return []*batch{b}, nil
	}
	w.log.Error("proving failed: this is a bug of starkd; each block is tried alone", "first", b.blocks[0].height, "blocks", len(b.blocks), "err", err)
	var all []*batch
	for _, c := range b.all {
		if c.stored {
			c.trace = nil // there is nothing to prove
		}
		one := newBatch([]*candidate{c})
		one.demand = b.demand
		if len(one.blocks) > 0 {
			w.prover().prepare(ctx, one)
		}
		done, err := w.proveBatch(ctx, one)
		if err != nil || ctx.Err() != nil {
			return nil, err
		}
		all = append(all, done...)
	}
	all[len(all)-1].plan = b.plan
	return all, nil
}

// prover returns what proves the batches of this watcher.
func (w *Watcher) prover() batchProver {
	if w.pool != nil {
		return w.pool
	}
	return w.maker
}

// storeAll makes the bundles and the records of proved batches, stores them, and moves the cursor, until ctx ends.
func (w *Watcher) storeAll(ctx context.Context, proved <-chan *batch) error {
	for {
		var b *batch
		select {
		case <-ctx.Done():
			return nil
		case b = <-proved:
		}
		for _, group := range b.groups() {
			f, err := new(finished), b.err
			if err == nil {
				f, err = w.finish(b, group)
			}
			for k, i := range group {
				b.blocks[i].done = &outcome{of: f, err: err}
				if err == nil {
					b.blocks[i].done.record = f.records[k]
				}
			}
			if ctx.Err() != nil {
				return nil
			}
		}
		for i, c := range b.all {
			if ctx.Err() != nil {
				return nil
			}
			if c.done != nil {
				if err := w.store(ctx, c); err != nil || ctx.Err() != nil {
					return err
				}
			}
			if c.height <= w.config.Proofs.Cursor() { // of a plan that a former run has not finished
				continue
			}
			durable := i == len(b.all)-1 && c.done != nil || c.done != nil && len(b.all) > cursorInterval || c.height%cursorInterval == 0
			if err := w.retry(ctx, "writing the cursor", func() error { return stored(w.config.Proofs.SetCursor(ctx, c.height, durable)) }); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil
			}
			w.metrics.proved.Set(float64(c.height))
			w.update(func(s *Status) { s.ProvedHeight = c.height })
		}
		w.prover().stored(ctx, b)
	}
}

// store stores the outcome of a block: its bundle and then its record.
func (w *Watcher) store(ctx context.Context, c *candidate) error {
	record, of, err := c.done.record, c.done.of, c.done.err
	if isPermanent(err) {
		return err
	}
	if err != nil {
		// Proving is deterministic, so a retry would fail in the same way. Record that this block could not be proved. Later blocks do
		// not depend on it.
		w.log.Error("proving failed: this is a bug of starkd", "height", c.height, "err", err)
		if record, err = w.failed(int64(c.height), err); err != nil {
			return permanent{err}
		}
		of = nil
	}
	defer w.metrics.phase("store")()
	if err := w.retry(ctx, "storing", func() error {
		if of != nil && of.bundle != nil && of.stored == nil {
			var err error
			if of.stored, err = w.config.Proofs.PutBundle(ctx, record.Block, of.bundle); err != nil {
				return stored(err)
			}
			of.stored.Block, of.bundle = record.Block, nil
		}
		if of != nil {
			record.Bundle = of.stored
		}
		return stored(w.config.Proofs.PutRecord(ctx, record))
	}); err != nil || ctx.Err() != nil {
		return err
	}
	if !c.stored {
		w.lag.sub(len(record.Transactions))
	}
	w.metrics.transactions.WithLabelValues(string(proofstore.Proved)).Add(float64(len(record.Transactions) - len(record.Unproven)))
	w.metrics.transactions.WithLabelValues(string(proofstore.NotProved)).Add(float64(len(record.Unproven)))
	w.log.Info("block handled", "height", c.height, "status", record.Status, "transactions", len(record.Transactions), "proofs", len(record.Proofs))
	for _, e := range record.Unproven {
		w.log.Warn("not provable", "height", c.height, "transaction", e.Transaction, "reason", e.Reason)
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

// policy returns the policy with which this watcher checks its own proofs. The tables of memory and of builtins can have more rows than the run has steps.
func (w *Watcher) policy() prover.Policy {
	s := w.security()
	if w.system.format() != statement.FormatStone {
		const mostRows = 1 << 25
		s = w.system.security(mostRows)
	}
	policy := prover.Policy{MinBits: int(s.Conjectured), MinProvenBits: s.Proven}
	if s.Conjectured == 0 {
		policy.MinBits = prover.AnyBits
	}
	return policy
}
