package watcher

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/statement"
)

// maker makes the proofs of batches: it runs the OS program and proves the runs.
type maker struct {
	system   system
	log      *slog.Logger
	progress *progress
	steps    atomic.Uint64 // bound on the steps of a run: the configured one, or less if memory is short
	stage    func(name string, number, total int)

	proving prometheus.Observer    // seconds of a proof; nil for none
	phases  *prometheus.CounterVec // nil for none
}

func newMaker(s system, maxSteps uint64, log *slog.Logger) *maker {
	m := &maker{system: s, log: log, progress: new(progress)}
	m.steps.Store(maxSteps)
	m.stage = m.progress.stage
	return m
}

// spent adds the time since started to a phase.
func (m *maker) spent(phase string, started time.Time) {
	if m.phases != nil {
		m.phases.WithLabelValues(phase).Add(time.Since(started).Seconds())
	}
}

// part is a run of the OS program on some of a batch's transactions, and its proof.
type part struct {
	transactions []cairoos.Ref // their Block is an index in batch.blocks
	steps        uint64
	run          run // dropped when it is proved
	proof        *block.Proof
	took         time.Duration
}

// prepare begins to run the OS program on the blocks of a batch, in a goroutine that ends with ctx.
func (m *maker) prepare(ctx context.Context, b *batch) {
	ctx, b.cancel = context.WithCancel(ctx)
	b.ready, b.unproven, b.err, b.parts = make(chan *part, 1), nil, nil, nil
	go func() {
		defer close(b.ready)
		b.err = m.guard("running the OS program", func() (err error) {
			b.unproven, err = m.runs(ctx, b)
			return err
		})
	}()
}

// runs makes the runs of the OS program on the blocks of a batch, and returns the transactions that are in none.
func (m *maker) runs(ctx context.Context, b *batch) ([]cairoos.Unproven, error) {
	stop := new(atomic.Bool)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	var blocks []*cairoos.Block
	for _, c := range b.blocks {
		blocks = append(blocks, c.input)
	}
	options := cairoos.Options{Layout: m.system.format().Layout(), MaxSteps: m.maxSteps(), Stop: stop}
	var failed []cairoos.Unproven
	each := 1 // blocks of a run
	if m.system.format() != statement.FormatStone {
		each = len(blocks)
	}
	started := time.Now()
	for first := 0; first < len(blocks); first += each {
		left, err := cairoos.RunParts(blocks[first:min(first+each, len(blocks))], options, func(made cairoos.Part) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := &part{steps: uint64(len(made.Trace.Registers))}
			for _, ref := range made.Transactions {
				ref.Block += first
				p.transactions = append(p.transactions, ref)
			}
			var err error
			if p.run, err = m.system.prepare(made.Trace); err != nil {
				return err
			}
			m.spent("run", started)
			defer func() { started = time.Now() }()
			select {
			case b.ready <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			return nil, err
		}
		for _, u := range left {
			u.Block += first
			failed = append(failed, u)
		}
	}
	return failed, nil
}

// prove proves the runs of a batch that prepare has begun. If a run needs more memory than the prover may take, prove makes shorter runs.
func (m *maker) prove(ctx context.Context, b *batch) error {
	for {
		err := m.proveParts(ctx, b)
		b.cancel()
		for range b.ready { // the goroutine of prepare has ended
		}
		if err == nil || ctx.Err() != nil || !m.shorten(err) {
			return err
		}
		m.log.Warn("the prover has too little memory for a run; it makes shorter ones", "steps", m.maxSteps(), "err", err)
		m.prepare(ctx, b)
	}
}

func (m *maker) proveParts(ctx context.Context, b *batch) error {
	for p := range b.ready {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.progress.begin(b, p)
		started := time.Now()
		var err error
		if p.proof, err = m.system.prove(ctx, &p.run, m.stage); err != nil {
			return err
		}
		p.run, p.took = run{}, time.Since(started)
		m.spent("prove", started)
		if m.proving != nil {
			m.proving.Observe(p.took.Seconds())
		}
		b.parts = append(b.parts, p)
		m.progress.end(p)
	}
	return b.err
}

// measure keeps how many steps the blocks of a proved batch took, and returns the number of its transactions and of its steps.
func (m *maker) measure(b *batch) (transactions int, steps uint64) {
	var weight uint64
	for _, c := range b.blocks {
		weight += c.weight
	}
	for _, p := range b.parts {
		steps += p.steps
		transactions += len(p.transactions)
	}
	m.progress.measured(weight, steps)
	return transactions, steps
}

// leastSteps is the smallest bound on the steps of a run.
const leastSteps = 1 << 17

// maxSteps returns the bound on the steps of a run.
func (m *maker) maxSteps() uint64 { return m.steps.Load() }

// shorten halves the bound on the steps of a run, if err says that a run needs too much memory. It returns false if it does not, or if runs cannot be
// shorter.
func (m *maker) shorten(err error) bool {
	steps := m.steps.Load()
	return m.system.tooLarge(err) && steps >= 2*leastSteps && m.steps.CompareAndSwap(steps, steps/2)
}

// fill returns the weight of the blocks that fill a proof.
func (m *maker) fill() uint64 { return uint64(float64(m.maxSteps()) / m.progress.stepsPerWeight()) }

// guard calls what and returns a panic as an error, which halts the watcher. The reason is then in /v1/status, and the stack in the log.
func (m *maker) guard(doing string, what func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			m.log.Error("panic", "doing", doing, "panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("watcher: %s: panic: %v", doing, fault)
		}
	}()
	return what()
}
