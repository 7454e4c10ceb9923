package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/headers"
	"github.com/starkd/starkd/watcher/proofstore"
)

// Config is what a Watcher works with. The watcher closes none of it.
type Config struct {
	Genesis        *cmttypes.GenesisDoc // the chain, and the validators that are trusted from the start
	Nodes          []string             // CometBFT RPC addresses: the first is followed while it answers, the others are witnesses
	TrustingPeriod time.Duration        // how old a verified header may be
	LightDB        dbm.DB               // of the light client
	App            *app.App             // the replica, on a store of its own
	Engine         cairo.Engine         // the VM, for running blocks again
	Proofs         *proofstore.Store
	WorkBits       uint   // proof of work of a proof
	Queries        int    // FRI queries of a proof; WorkBits + 2·Queries is its security in bits
	MaxSteps       uint64 // of one proof
	Log            *slog.Logger
}

// Watcher follows one chain. Run does the work, Handler shows it.
type Watcher struct {
	config  Config
	app     *app.App
	engine  cairo.Engine
	chain   *chain
	replica replica
	trusted *headers.Genesis // the genesis as verifiers of proofs read it
	log     *slog.Logger
	metrics *metrics

	mu     sync.Mutex
	status Status
}

// Status is how far a watcher has come: the body of GET /v1/status.
type Status struct {
	ChainID       string `json:"chain_id"`
	Connected     bool   `json:"connected"`         // to the followed node's websocket
	Height        int64  `json:"height"`            // verified and replayed
	ProvedHeight  uint64 `json:"proved_height"`     // every block up to here has been handled
	Proving       int64  `json:"proving,omitempty"` // the block whose proof is being made
	ProvingStage  string `json:"proving_stage,omitempty"`
	LastError     string `json:"last_error,omitempty"` // of an attempt that is made again
	Halted        string `json:"halted,omitempty"`     // why the watcher has stopped for good
	SecurityBits  uint   `json:"security_bits"`
	OSProgramHash string `json:"os_program_hash"`
}

// New makes a watcher that has not begun.
func New(config Config) (*Watcher, error) {
	genesis, err := cmtjson.Marshal(config.Genesis)
	if err != nil {
		return nil, err
	}
	trusted, err := headers.ParseGenesis(genesis)
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		config: config, app: config.App, engine: config.Engine, replica: replica{config.App}, trusted: trusted, log: config.Log, metrics: newMetrics(),
	}
	w.status = Status{
		ChainID: config.Genesis.ChainID, SecurityBits: w.minBits(), OSProgramHash: prover.OSProgramHash.String(),
		ProvedHeight: config.Proofs.Cursor(),
	}
	return w, nil
}

// Run follows, replays and proves until ctx ends, which is no error, or something is wrong for good: a *DivergenceError,
// or a store that fails. What a node answers, or does not, is tried again.
func (w *Watcher) Run(ctx context.Context) (err error) {
	defer func() {
		if ctx.Err() != nil {
			err = nil
		}
		if err != nil {
			w.update(func(s *Status) { s.Halted = err.Error() })
		}
	}()
	if err := w.replica.begin(w.config.Genesis); err != nil {
		return err
	}
	w.update(func(s *Status) { s.Height = w.replica.height() })
	attempts := 0
	if err := w.retry(ctx, "connecting", func() (err error) {
		first := attempts % len(w.config.Nodes) // any node will do to begin with
		attempts++
		nodes := slices.Concat(w.config.Nodes[first:], w.config.Nodes[:first])
		w.chain, err = openChain(ctx, w.config.Genesis, nodes, w.config.LightDB, w.config.TrustingPeriod)
		return err
	}); err != nil {
		return err
	}
	wake := wakeups(ctx, w.config.Nodes[0], func(connected bool, err error) {
		w.update(func(s *Status) { s.Connected = connected })
		if err != nil {
			w.log.Warn("websocket lost", "err", err)
		}
	})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	replayed := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.replayAll(ctx, wake, replayed); err != nil {
			cancel(err)
		}
	})
	wg.Go(func() {
		if err := w.proveAll(ctx, replayed); err != nil {
			cancel(err)
		}
	})
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// pollInterval is how long a silent websocket is believed.
const pollInterval = 2 * time.Second

// replayAll replays every height that the chain has, and again at each wake-up.
func (w *Watcher) replayAll(ctx context.Context, wake <-chan struct{}, replayed chan<- struct{}) error {
	for {
		err := w.retry(ctx, "replaying", func() error {
			for {
				b, err := w.chain.block(ctx, w.replica.height()+1)
				if errors.Is(err, errNotYet) {
					return nil
				}
				if err != nil {
					return err
				}
				if err := w.replica.replay(b); err != nil {
					return permanent{err}
				}
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

// cursorInterval is how many blocks without transactions pass before the cursor is made durable.
const cursorInterval = 100

// proveAll handles every replayed block in order.
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
			if err := store.SetCursor(ctx, next, len(block.Transactions) > 0 || next%cursorInterval == 0); err != nil {
				return err
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

// handle proves one block and stores what comes of it, unless that was done before a crash.
func (w *Watcher) handle(ctx context.Context, height int64) error {
	if _, err := w.config.Proofs.Record(ctx, uint64(height)); err == nil {
		return nil
	} else if !errors.Is(err, proofstore.ErrNotFound) {
		return err
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
	record, bundle, err := w.proveBlock(ctx, b, results)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		// Proving is a function of the block: another try would end the same. The block is recorded as what it is, a
		// block that this watcher could not prove, and the next ones, which do not depend on it, are proved.
		w.log.Error("proving failed: a defect of this program", "height", height, "err", err)
		if record, err = w.failed(height, err); err != nil {
			return err
		}
		bundle = nil
	}
	if bundle != nil {
		if record.Bundle, err = w.config.Proofs.PutBundle(ctx, record.Block, bundle); err != nil {
			return err
		}
	}
	if err := w.config.Proofs.PutRecord(ctx, record); err != nil {
		return err
	}
	w.metrics.transactions.WithLabelValues(string(proofstore.Proved)).Add(float64(len(record.Transactions) - len(record.NotProvable)))
	w.metrics.transactions.WithLabelValues(string(proofstore.NotProvable)).Add(float64(len(record.NotProvable)))
	w.log.Info("block handled", "height", height, "status", record.Status, "transactions", len(record.Transactions), "proofs", len(record.Proofs))
	for _, e := range record.NotProvable {
		w.log.Warn("not provable", "height", height, "transaction", e.Transaction, "reason", e.Reason)
	}
	return nil
}

// failed is the record of a block whose proving ended in an error of our own.
func (w *Watcher) failed(height int64, reason error) (*proofstore.Record, error) {
	block, ok, err := w.app.Store().Block(uint64(height))
	if err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("watcher: the replica lost block %d", height))
	}
	record := &proofstore.Record{Block: uint64(height), Status: proofstore.NotProvable, Transactions: []string{}, Proofs: []proofstore.Entry{}}
	for i := range block.Receipts {
		hash := block.Receipts[i].TransactionHash.String()
		record.Transactions = append(record.Transactions, hash)
		record.NotProvable = append(record.NotProvable, proofstore.Exception{Transaction: hash, Reason: "proving failed: " + reason.Error()})
	}
	return record, nil
}

// permanent is an error that trying again does not help.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// retry does what until it ends without an error, or with a permanent one, or ctx ends.
func (w *Watcher) retry(ctx context.Context, doing string, what func() error) error {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := what()
		if err == nil {
			w.update(func(s *Status) { s.LastError = "" })
			return nil
		}
		if p, ok := errors.AsType[permanent](err); ok {
			return p.error
		}
		if ctx.Err() != nil {
			return nil
		}
		w.log.Warn("will try again", "doing", doing, "err", err)
		w.update(func(s *Status) { s.LastError = doing + ": " + err.Error() })
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (w *Watcher) update(change func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.status)
}

// Status is how far the watcher has come.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Handler serves proofs, status and metrics.
func (w *Watcher) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/", proofstore.Handler(w.config.Proofs, func() (any, bool) {
		s := w.Status()
		return s, s.Halted == ""
	}))
	return mux
}

// parameters are those of a proof of this many steps.
func (w *Watcher) parameters(steps uint64) prover.Parameters {
	p := prover.DefaultParameters(steps)
	p.WorkBits, p.Queries = w.config.WorkBits, w.config.Queries
	return p
}

// minBits is the security of this watcher's proofs.
func (w *Watcher) minBits() uint {
	p := w.parameters(1 << 17)
	return p.SecurityBits()
}

// progress tells the status of a proof's stages.
func (w *Watcher) progress(height int64, steps uint64) *prover.Progress {
	w.log.Info("proving", "height", height, "steps", steps)
	return &prover.Progress{Stage: func(name string, number, total int) {
		w.update(func(s *Status) { s.ProvingStage = fmt.Sprintf("%s (%d of %d)", name, number+1, total) })
	}}
}

// metrics are the watcher's, by their Prometheus names.
type metrics struct {
	registry       *prometheus.Registry
	height, proved prometheus.Gauge
	transactions   *prometheus.CounterVec
	proving        prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry:     prometheus.NewRegistry(),
		height:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_height", Help: "Newest verified and replayed block."}),
		proved:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_proved_height", Help: "Every block up to here has been handled."}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "starkd_watcher_transactions_total", Help: "Transactions handled, by what became of them."}, []string{"status"}),
		proving:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "starkd_watcher_proving_seconds", Help: "Time to prove one trace.", Buckets: prometheus.ExponentialBuckets(1, 2, 12)}),
	}
	m.registry.MustRegister(m.height, m.proved, m.transactions, m.proving)
	return m
}
