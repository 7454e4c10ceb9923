package watcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/watcher/job"
	"github.com/starkd/starkd/watcher/queue"
)

// objects is the part of a proof store that watchers and workers share: the inputs of jobs, named by their digests, and their results, named by the jobs. The
// first result of a job stays.
type objects interface {
	PutInput(ctx context.Context, input []byte) (key, sum string, err error)
	Input(ctx context.Context, key, sum string, size int64) ([]byte, error)
	DeleteInput(ctx context.Context, key string) error
	PutProof(ctx context.Context, job string, proof []byte) (bool, error)
	HasProof(ctx context.Context, job string) (bool, error)
	Proof(ctx context.Context, job string) ([]byte, error)
	DeleteProof(ctx context.Context, job string) error
}

// A batchProver proves batches: a maker in this process, or a pool by workers.
type batchProver interface {
	// prepare begins to prove a batch, and returns at once.
	prepare(ctx context.Context, b *batch)
	// prove waits for the proofs of a batch that is prepared.
	prove(ctx context.Context, b *batch) error
	// stored is told that the bundles of a batch are stored.
	stored(ctx context.Context, b *batch)
}

// stored does nothing: a maker keeps nothing.
func (m *maker) stored(context.Context, *batch) {}

// pool proves batches by workers: it puts a job for each batch into a queue and waits for its result in the proof store.
type pool struct {
	queue   *queue.Queue
	objects objects
	demand  demand
	policy  prover.Policy
	log     *slog.Logger
	waiting *backlog // is told when no job waits for a worker
}

const (
	poolAhead    = 8                      // jobs that are put before the result of the first is there
	poolInterval = 250 * time.Millisecond // between looks for a result
	poolAgain    = 5 * time.Second        // between attempts to put a job, which is lost if the queue's server loses its files
	poolRefused  = 3                      // refused results after which a batch counts as not provable by workers
)

// prepare encodes a batch and puts its job into the queue.
func (p *pool) prepare(ctx context.Context, b *batch) {
	b.cancel = func() {}
	var blocks []*cairoos.Block
	for _, c := range b.blocks {
		blocks = append(blocks, c.input)
	}
	if b.work, b.err = encodeWork(p.demand, blocks); b.err == nil {
		first, last := b.blocks[0].height, b.blocks[len(b.blocks)-1].height
		b.job = queue.Job{Name: fmt.Sprintf("%d-%d-%.32s", first, last, job.Digest(b.work)), Size: int64(len(b.work)), FirstBlock: first, LastBlock: last}
		for _, c := range b.blocks {
			b.job.Transactions += len(c.input.Transactions)
		}
		if err := p.put(ctx, b); err != nil {
			p.log.Warn("a job cannot be put into the queue yet", "job", b.job.Name, "err", err)
		}
	}
}

// put stores the input of a batch's job and puts the job into the queue, if it is not there.
func (p *pool) put(ctx context.Context, b *batch) (err error) {
	if b.job.Input == "" {
		if b.job.Input, b.job.Digest, err = p.objects.PutInput(ctx, b.work); err != nil {
			return err
		}
	}
	return p.queue.Put(ctx, b.job)
}

// prove waits for the result of a batch's job.
func (p *pool) prove(ctx context.Context, b *batch) error {
	if b.err != nil {
		return b.err
	}
	refused, failed := 0, 0
	put := time.Now()
	for {
		err := p.look(ctx, b)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errNoResult):
			failed = 0
		case errors.As(err, new(*refusedError)):
			if refused++; refused == poolRefused {
				return err
			}
			put = time.Time{}
		default:
			if failed++; failed == storeAttempts*4 {
				return permanent{err}
			}
			p.log.Warn("the result of a job cannot be read yet", "job", b.job.Name, "err", err)
		}
		if time.Since(put) > poolAgain {
			put = time.Now()
			err := p.put(ctx, b)
			if aside, ok := errors.AsType[*queue.SetAsideError](err); ok {
				return aside
			} else if err != nil {
				p.log.Warn("a job cannot be put into the queue yet", "job", b.job.Name, "err", err)
			}
			if s, err := p.queue.Status(ctx); err == nil && s.Waiting == 0 {
				p.waiting.setIdle(true)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poolInterval):
		}
	}
}

// errNoResult says that a job has no result yet.
var errNoResult = errors.New("watcher: the job has no result yet")

// refusedError says that a result was wrong. It is deleted, so that the job is done again.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// look reads and checks the result of a batch's job.
func (p *pool) look(ctx context.Context, b *batch) error {
	if has, err := p.objects.HasProof(ctx, b.job.Name); err != nil {
		return err
	} else if !has {
		return errNoResult
	}
	data, err := p.objects.Proof(ctx, b.job.Name)
	if err != nil {
		return err
	}
	if err := decodeResult(b, data, p.demand, p.policy); err != nil {
		p.log.Error("a worker's proof is refused; the job is done again", "job", b.job.Name, "err", err)
		return &refusedError{errors.Join(err, p.objects.DeleteProof(ctx, b.job.Name))}
	}
	return nil
}

// stored deletes the input and the result of a batch, which are in bundles by now.
func (p *pool) stored(ctx context.Context, b *batch) {
	if b.job.Input == "" {
		return
	}
	if err := errors.Join(p.objects.DeleteInput(ctx, b.job.Input), p.objects.DeleteProof(ctx, b.job.Name)); err != nil {
		p.log.Warn("what passed between watcher and workers is not deleted", "job", b.job.Name, "err", err)
	}
}

// WorkerConfig configures Work.
type WorkerConfig struct {
	Queue *queue.Queue
	Store objects // of the watcher
	Name  string  // of the worker, unlike that of others: lower-case letters, digits, - and _
	// Memory bounds the bytes of the process's memory while it makes a proof of S-two. 0 is no bound.
	Memory int64
	Log    *slog.Logger
}

// Work takes jobs from a queue, proves them and stores the results, until ctx ends. A worker keeps nothing: what it needs is in the job.
func Work(ctx context.Context, c WorkerConfig) error {
	makers := map[demand]*maker{} // with preprocessed columns
	for {
		lease, err := c.Queue.Take(ctx, c.Name)
		if ctx.Err() != nil {
			if lease != nil {
				return lease.Release(context.WithoutCancel(ctx))
			}
			return nil
		}
		if err != nil {
			return err
		}
		started := time.Now()
		err = c.work(ctx, lease, makers)
		name := lease.Job().Name
		switch {
		case ctx.Err() != nil:
			return lease.Release(context.WithoutCancel(ctx))
		case err != nil:
			c.Log.Error("a job failed", "job", name, "try", lease.Try(), "err", err)
			err = lease.Fail(ctx, err)
		default:
			c.Log.Info("a job is done", "job", name, "transactions", lease.Job().Transactions, "seconds", int(time.Since(started).Seconds()))
			err = lease.Done(ctx)
		}
		if err != nil {
			c.Log.Warn("the end of a job cannot be reported", "job", name, "err", err)
		}
	}
}

// work does one job.
func (c *WorkerConfig) work(ctx context.Context, lease *queue.Lease, makers map[demand]*maker) error {
	j := lease.Job()
	if has, err := c.Store.HasProof(ctx, j.Name); err != nil || has {
		return err
	}
	data, err := c.Store.Input(ctx, j.Input, j.Digest, j.Size)
	if err != nil {
		return err
	}
	d, blocks, err := decodeWork(data)
	if err != nil {
		return err
	}
	m := makers[d]
	if m == nil {
		s, err := newSystem(&Config{System: d.System, PowBits: d.PowBits, Queries: d.Queries, Memory: c.Memory})
		if err != nil {
			return err
		}
		clear(makers) // one at a time
		m = newMaker(s, d.MaxSteps, d.MaxAlone, c.Log)
		makers[d] = m
	}
	m.stage = func(name string, number, total int) {
		m.progress.stage(name, number, total)
		lease.Stage(fmt.Sprintf("%s (%d of %d)", name, number+1, total))
	}
	b := new(batch)
	for _, input := range blocks {
		b.blocks = append(b.blocks, &candidate{height: input.Number, input: input})
	}
	lease.Stage("running the OS program")
	m.prepare(ctx, b)
	if err := m.prove(ctx, b); err != nil {
		return err
	}
	out, err := encodeResult(b)
	if err != nil {
		return err
	}
	_, err = c.Store.PutProof(ctx, j.Name, out)
	return err
}
