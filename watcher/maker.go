package watcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"runtime/debug"
	"slices"
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
	steps    atomic.Uint64 // bound on the steps of a run: mostSteps, or less if memory is short
	stage    func(name string, number, total int)

	mostSteps uint64 // the configured bound on the steps of a run
	mostAlone uint64 // and of a run of one transaction that is too long for it; see cairoos.Options.MaxAlone

	proving prometheus.Observer    // seconds of a proof; nil for none
	phases  *prometheus.CounterVec // nil for none
}

func newMaker(s system, maxSteps, maxAlone uint64, log *slog.Logger) *maker {
	m := &maker{system: s, log: log, progress: new(progress), mostSteps: maxSteps, mostAlone: maxAlone}
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
	block        int           // without transactions: the index of the block that has no proven ones
	steps        uint64
	length       uint64 // cairoos.Length
	run          run    // dropped when it is proved
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
	options := cairoos.Options{Layout: m.system.format().Layout(), MaxSteps: m.maxSteps(), MaxAlone: m.mostAlone, Stop: stop}
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
			p := &part{steps: uint64(len(made.Trace.Registers)), length: cairoos.Length(made.Trace)}
			for _, ref := range made.Transactions {
				ref.Block += first
				p.transactions = append(p.transactions, ref)
			}
			var err error
			if p.run, err = m.system.prepare(made.Trace); err != nil {
				return err
			}
			p.run.alone = len(made.Transactions) == 1
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

// prove proves the runs of a batch that prepare has begun. If a run needs more memory than the prover may take, prove makes shorter runs of this batch.
// If it has one transaction only, the transaction is left out.
func (m *maker) prove(ctx context.Context, b *batch) error {
	for shortened := false; ; shortened = true {
		err := m.proveParts(ctx, b)
		b.cancel()
		for range b.ready { // the goroutine of prepare has ended
		}
		if err == nil && !shortened {
			m.lengthen()
		}
		if err == nil {
			return m.proveNone(ctx, b)
		}
		if ctx.Err() != nil || !m.shorten(err) {
			return err
		}
		m.log.Warn("the prover has too little memory for a run; it makes shorter ones", "steps", m.maxSteps(), "err", err)
		m.prepare(ctx, b)
	}
}

// aloneError is the error of a run of one transaction that is too large to prove, and so short that it cannot be left out as too long.
type aloneError struct{ error }

func (e *aloneError) Unwrap() error { return e.error }

func (m *maker) proveParts(ctx context.Context, b *batch) error {
	var tooLong []cairoos.Unproven
	for p := range b.ready {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := m.provePart(ctx, b, p)
		if err != nil && len(p.transactions) == 1 && m.system.tooLarge(err) {
			if p.length <= leastSteps {
				return &aloneError{err}
			}
			at := p.transactions[0]
			long := &cairoos.TooLongError{
				First: b.blocks[at.Block].input.Transactions[at.Transaction].Info.Hash, Transactions: 1, MaxSteps: 1 << (bits.Len64(p.length-1) - 1),
			}
			m.log.Warn("a transaction is left out: the prover has too little memory for it", "transaction", long.First, "steps", p.steps, "length", p.length, "err", err)
			tooLong = append(tooLong, cairoos.Unproven{Ref: at, Err: long})
			p.run = run{}
			continue
		}
		if err != nil {
			return err
		}
	}
	if b.err == nil {
		b.unproven = append(b.unproven, tooLong...)
		slices.SortFunc(b.unproven, func(a, b cairoos.Unproven) int {
			return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Transaction, b.Transaction))
		})
	}
	return b.err
}

// provePart proves a run and adds it to the parts of its batch.
func (m *maker) provePart(ctx context.Context, b *batch, p *part) error {
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
	return nil
}

// proveNone makes a proof without transactions for each block of a batch of which no transaction is proved, so that it has a bundle that says so. Bundles
// of Stone have none.
func (m *maker) proveNone(ctx context.Context, b *batch) error {
	if m.system.format() == statement.FormatStone {
		return nil
	}
	proved := map[int]bool{}
	for _, p := range b.parts {
		for _, t := range p.transactions {
			proved[t.Block] = true
		}
	}
	for i, c := range b.blocks {
		if proved[i] {
			continue
		}
		trace, err := cairoos.RunNone(c.input, cairoos.Options{Layout: m.system.format().Layout()})
		if err != nil {
			return err
		}
		p := &part{block: i, steps: uint64(len(trace.Registers))}
		if p.run, err = m.system.prepare(trace); err != nil {
			return err
		}
		if err := m.provePart(ctx, b, p); err != nil {
			return err
		}
	}
	return nil
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

const (
	// leastSteps is the smallest bound for which a transaction alone counts as too long.
	leastSteps = 1 << 17
	// shortestSteps is the smallest bound on the steps of a run of several transactions to which shorten goes.
	shortestSteps = 1 << 13
)

// maxSteps returns the bound on the steps of a run.
func (m *maker) maxSteps() uint64 { return m.steps.Load() }

// shorten halves the bound on the steps of a run, if err says that a run needs too much memory. It returns false if it does not, or if runs cannot be
// shorter.
func (m *maker) shorten(err error) bool {
	if _, alone := errors.AsType[*aloneError](err); alone {
		return false
	}
	steps := m.steps.Load()
	return m.system.tooLarge(err) && steps >= 2*shortestSteps && m.steps.CompareAndSwap(steps, steps/2)
}

// lengthen doubles a bound on the steps of a run that shorten has made shorter: one batch that takes much memory does not shorten the runs of later ones.
func (m *maker) lengthen() {
	if steps := m.steps.Load(); steps < m.mostSteps {
		m.steps.CompareAndSwap(steps, min(2*steps, m.mostSteps))
	}
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
