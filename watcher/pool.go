package watcher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/watcher/job"
	"github.com/starkd/starkd/watcher/proofstore"
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

// plans is the part of a proof store in which a watcher keeps what its jobs prove.
type plans interface {
	objects
	Proofs(ctx context.Context) ([]string, error)
	PutPlan(ctx context.Context, p *proofstore.Plan) (*proofstore.Plan, error)
	Plans(ctx context.Context) ([]*proofstore.Plan, error)
	DeletePlan(ctx context.Context, first uint64) error
	Record(ctx context.Context, block uint64) (*proofstore.Record, error)
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
//
// A watcher can be killed at any instant. Which blocks make a batch depends on when they came, so the plan of a batch, the list of its blocks, is made durable
// before its job is put. The job's name follows from the plan and the blocks. What is durable, in this order:
//
//  1. the plan: a watcher that starts makes the same batches of the same blocks again, whether or not they have records, and so the same jobs;
//  2. the input and the job: a job that waits or runs is not put twice, and one with a result is not put again;
//  3. the result, of which the first counts: a worker that is given a job with a result ends it;
//  4. the bundle, whose bytes follow from the result and the stored headers, and the records: those that exist already stay;
//  5. the end of the job in the queue, and then the deletions of the input, of the result and, last, of the plan. At a start, all of them are repeated for
//     plans whose blocks have records.
//
// So a result is read until its bundle is stored, and no job is put whose blocks have records.
type pool struct {
	queue   *queue.Queue
	objects plans
	demand  demand
	policy  prover.Policy
	log     *slog.Logger
	waiting *backlog // is told when no job waits for a worker

	open   map[uint64]bool     // the blocks of the plans that a former run of the watcher has not finished
	former map[uint64][]string // jobs of that run, by the first block of their plan
}

const (
	poolAhead    = 8                      // jobs that are put before the result of the first is there
	poolInterval = 250 * time.Millisecond // between looks for a result
	poolAgain    = 5 * time.Second        // between attempts to put a job, which is lost if the queue's server loses its files
	poolRefused  = 3                      // refused results after which a batch counts as not provable by workers
)

// jobName returns the name of the job with an input.
func jobName(first, last uint64, work []byte) string {
	return fmt.Sprintf("%d-%d-%s", first, last, job.Digest(work))
}

// parseJobName returns the blocks of a job and the digest of its input.
func parseJobName(name string) (first, last uint64, digest string, ok bool) {
	part := strings.Split(name, "-")
	if len(part) != 3 || len(part[2]) != 2*sha256.Size {
		return 0, 0, "", false
	}
	first, err1 := strconv.ParseUint(part[0], 10, 64)
	last, err2 := strconv.ParseUint(part[1], 10, 64)
	return first, last, part[2], err1 == nil && err2 == nil
}

// restore reads the plans of a former run of the watcher, tells the backlog of those that are not finished, and deletes what the others have left. It returns
// the first block that is to be recorded again, at most next.
func (p *pool) restore(ctx context.Context, next uint64) (uint64, error) {
	stored, err := p.objects.Plans(ctx)
	if err != nil {
		return 0, err
	}
	p.open, p.former = map[uint64]bool{}, map[uint64][]string{}
	ends := map[uint64]uint64{}
	var over [][]uint64
	for _, plan := range stored {
		blocks := plan.Blocks
		done, err := p.handled(ctx, blocks)
		if err != nil {
			return 0, err
		}
		if done {
			over = append(over, blocks)
			continue
		}
		first, last := blocks[0], blocks[len(blocks)-1]
		p.waiting.plan(first, last)
		ends[first] = last
		for _, n := range blocks {
			p.open[n] = true
		}
		next = min(next, first)
	}
	names, err := p.objects.Proofs(ctx)
	if err != nil {
		return 0, err
	}
	jobs, err := p.queue.Jobs(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range append(names, jobs...) {
		first, last, digest, ok := parseJobName(name)
		isOver := last < next || slices.ContainsFunc(over, func(blocks []uint64) bool { return blocks[0] <= first && last <= blocks[len(blocks)-1] })
		switch {
		case !ok: // not of a watcher of this version
		case isOver:
			if err := p.end(ctx, name, proofstore.InputKey(digest)); err != nil {
				return 0, err
			}
		case ends[first] == last:
			p.former[first] = append(p.former[first], name)
		}
	}
	for _, blocks := range over {
		if err := p.objects.DeletePlan(ctx, blocks[0]); err != nil {
			return 0, err
		}
	}
	if len(stored) > 0 {
		p.log.Info("goes on with the jobs of a former run", "jobs", len(stored)-len(over), "finished", len(over))
	}
	return next, nil
}

// handled reports whether all of some blocks have records.
func (p *pool) handled(ctx context.Context, blocks []uint64) (bool, error) {
	for _, n := range blocks {
		if _, err := p.objects.Record(ctx, n); errors.Is(err, proofstore.ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// plan makes the plan of a batch durable. It returns false if another watcher has planned another batch from the same block on: the backlog then has the
// blocks again, and that plan.
func (p *pool) plan(ctx context.Context, b *batch) (bool, error) {
	settings, err := jsonv2.Marshal(p.demand)
	if err != nil {
		return false, err
	}
	stored, err := p.objects.PutPlan(ctx, &proofstore.Plan{Blocks: b.heights(), Settings: string(settings)})
	if err != nil {
		return false, err
	}
	blocks := stored.Blocks
	b.plan, b.demand = blocks[0], p.demand
	// The bounds on steps follow from the memory that was free at the start. Those of the plan are kept if they are not larger than this run's, whose policy is
	// that of its largest proof.
	var former demand
	if jsonv2.Unmarshal([]byte(stored.Settings), &former) == nil && former.MaxSteps <= p.demand.MaxSteps && former.MaxAlone <= p.demand.MaxAlone {
		same := former
		same.MaxSteps, same.MaxAlone = p.demand.MaxSteps, p.demand.MaxAlone
		if same == p.demand {
			b.demand = former
		}
	}
	if last := blocks[len(blocks)-1]; last != b.blocks[len(b.blocks)-1].height {
		p.waiting.putBack(b.all)
		p.waiting.plan(blocks[0], last)
		return false, nil
	}
	return true, nil
}

// end takes a job out of the queue and deletes its input and its result, which is in bundles by now.
func (p *pool) end(ctx context.Context, name, input string) error {
	err := p.queue.Withdraw(ctx, name)
	if err == nil {
		err = p.objects.DeleteInput(ctx, input)
	}
	if err == nil {
		err = p.objects.DeleteProof(ctx, name)
	}
	return err
}

// prepare encodes a batch and puts its job into the queue, unless the job has a result.
func (p *pool) prepare(ctx context.Context, b *batch) {
	b.cancel = func() {}
	var blocks []*cairoos.Block
	for _, c := range b.blocks {
		blocks = append(blocks, c.input)
	}
	if b.work, b.err = encodeWork(b.demand, blocks); b.err == nil {
		first, last := b.blocks[0].height, b.blocks[len(b.blocks)-1].height
		b.job = queue.Job{Name: jobName(first, last, b.work), Size: int64(len(b.work)), FirstBlock: first, LastBlock: last}
		for _, c := range b.blocks {
			b.job.Transactions += len(c.input.Transactions)
		}
		for _, name := range p.former[first] {
			if name == b.job.Name {
				continue
			}
			_, _, digest, _ := parseJobName(name)
			p.log.Info("a job of a former run with other settings is not wanted any more", "job", name)
			if err := p.end(ctx, name, proofstore.InputKey(digest)); err != nil {
				p.log.Warn("a job of a former run is not deleted before the next start", "job", name, "err", err)
			}
		}
		if has, err := p.objects.HasProof(ctx, b.job.Name); err == nil && has {
			return
		}
		if err := p.put(ctx, b); err != nil {
			p.log.Warn("a job cannot be put into the queue yet", "job", b.job.Name, "err", err)
		}
	}
}

// put stores the input of a batch's job and puts the job into the queue, if it is not there.
func (p *pool) put(ctx context.Context, b *batch) (err error) {
	if b.job.Input, b.job.Digest, err = p.objects.PutInput(ctx, b.work); err != nil {
		return err
	}
	return p.queue.Put(ctx, b.job)
}

// prove waits for the result of a batch's job. If another watcher has stored the records of all its blocks, the batch has nothing to prove any more.
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
			if done, err := p.handled(ctx, b.heights()); err == nil && done {
				b.blocks = nil
				return nil
			}
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
	if err := decodeResult(b, data, b.demand, p.policy); err != nil {
		p.log.Error("a worker's proof is refused; the job is done again", "job", b.job.Name, "err", err)
		return &refusedError{errors.Join(err, p.objects.DeleteProof(ctx, b.job.Name))}
	}
	return nil
}

// stored ends the job of a batch, whose result is in bundles by now, and then its plan.
func (p *pool) stored(ctx context.Context, b *batch) {
	var err error
	if b.job.Name != "" {
		err = p.end(ctx, b.job.Name, proofstore.InputKey(job.Digest(b.work)))
	}
	if err == nil && b.plan > 0 {
		err = p.objects.DeletePlan(ctx, b.plan)
	}
	if err != nil {
		p.log.Warn("what passed between watcher and workers is not deleted before the next start", "job", b.job.Name, "err", err)
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
		job, started := lease.Job(), time.Now()
		c.Log.Info("a job begins", "job", job.Name, "try", lease.Try(), "transactions", job.Transactions)
		did, proving, err := c.work(ctx, lease, makers)
		switch {
		case ctx.Err() != nil:
			return lease.Release(context.WithoutCancel(ctx))
		case err != nil:
			c.Log.Error("a job failed", "job", job.Name, "try", lease.Try(), "err", err)
			err = lease.Fail(ctx, err)
		default:
			c.Log.Info("a job is done", "job", job.Name, "result", did, "seconds", time.Since(started).Seconds(), "prove_seconds", proving.Seconds())
			err = lease.Done(ctx)
		}
		if err != nil {
			c.Log.Warn("the end of a job cannot be reported", "job", job.Name, "err", err)
		}
	}
}

// The ways in which a job is done.
const (
	didProve  = "stored"              // by this worker
	didTwice  = "stored before"       // by another worker, while this one worked
	didBefore = "found"               // when this worker was given the job
	didGone   = "not wanted any more" // the watcher has deleted its input; if the store has lost it, the watcher puts both again
)

// work does one job. It returns how, and the time that proving took.
func (c *WorkerConfig) work(ctx context.Context, lease *queue.Lease, makers map[demand]*maker) (did string, proving time.Duration, err error) {
	j := lease.Job()
	if has, err := c.Store.HasProof(ctx, j.Name); err != nil || has {
		return didBefore, 0, err
	}
	data, err := c.Store.Input(ctx, j.Input, j.Digest, j.Size)
	if errors.Is(err, proofstore.ErrNotFound) {
		return didGone, 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	d, blocks, err := decodeWork(data)
	if err != nil {
		return "", 0, err
	}
	m := makers[d]
	if m == nil {
		s, err := newSystem(&Config{System: d.System, PowBits: d.PowBits, Queries: d.Queries, Memory: c.Memory})
		if err != nil {
			return "", 0, err
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
		return "", 0, err
	}
	out, err := encodeResult(b)
	if err != nil {
		return "", 0, err
	}
	for _, p := range b.parts {
		proving += p.took
	}
	first, err := c.Store.PutProof(ctx, j.Name, out)
	if !first {
		return didTwice, proving, err
	}
	return didProve, proving, err
}
