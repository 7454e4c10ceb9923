package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// compiling compiles the classes of DECLAREs that are not in a block yet. It compiles one class at a time, in the background and
// without the mempool's lock, and only after the sender's signature was verified. The classes of a block's DECLAREs are compiled when
// the block is executed.
type compiling struct {
	classes    *executor.Classes
	background *background
	most       int           // bound of jobs
	turn       chan struct{} // semaphore: one job compiles at a time

	mu      sync.Mutex
	jobs    map[felt.Felt]*job // by class hash
	senders map[felt.Felt]int  // number of jobs by sender
}

// job is a class that is being compiled or waits for it. done is closed at the end.
type job struct{ done chan struct{} }

// maxSenderClasses bounds the waiting classes of one account, so that no account takes the whole queue. All simulations count as one
// account, with address 0.
const maxSenderClasses = 4

func newCompiling(classes *executor.Classes, b *background, most int) compiling {
	return compiling{classes: classes, background: b, most: most, turn: make(chan struct{}, 1), jobs: map[felt.Felt]*job{}, senders: map[felt.Felt]int{}}
}

// start queues the class of a DECLARE for compilation, unless it is queued already. If there is no room, the error is a rejection
// that asks the sender to try again later.
func (c *compiling) start(tx *starknet.Declare) (*job, error) {
	return c.startFor(tx.SenderAddress, tx)
}

func (c *compiling) startFor(sender felt.Felt, tx *starknet.Declare) (*job, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j, ok := c.jobs[tx.ClassHash]; ok {
		return j, nil
	}
	if n := len(c.jobs); n >= c.most {
		return nil, reject(executor.UnexpectedError, fmt.Sprintf("busy: %d classes wait to be compiled, at most %d; send it again later", n, c.most))
	}
	if n := c.senders[sender]; n >= maxSenderClasses {
		return nil, reject(executor.UnexpectedError, fmt.Sprintf("busy: %d classes of account %v wait to be compiled, at most %d; send it again later", n, sender, maxSenderClasses))
	}
	j := &job{make(chan struct{})}
	c.jobs[tx.ClassHash] = j
	c.senders[sender]++
	c.background.run(func() {
		c.turn <- struct{}{}
		defer func() {
			<-c.turn
			c.mu.Lock()
			delete(c.jobs, tx.ClassHash)
			if c.senders[sender]--; c.senders[sender] == 0 {
				delete(c.senders, sender)
			}
			c.mu.Unlock()
			close(j.done)
		}()
		if !c.background.stopped() {
			_ = c.classes.Prepare(tx.ClassHash, tx.Class) // a rejection is remembered in classes
		}
	})
	return j, nil
}

// restart calls start for a transaction that is in the mempool. If there is no room, the recheck after the next block tries again.
func (c *compiling) restart(tx *starknet.Declare) { _, _ = c.start(tx) }

// wait waits for a job until ctx ends.
func (c *compiling) wait(ctx context.Context, j *job) error {
	select {
	case <-j.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// CheckDeclare decides like CheckTx whether a DECLARE may enter the mempool, but waits until its class is compiled. raw is the
// transaction's canonical form. tx.ClassHash must be the hash of tx.Class. A rejection is an [*executor.Rejection].
func (a *App) CheckDeclare(ctx context.Context, tx *starknet.Declare, raw []byte) error {
	genesis := a.genesis.Load()
	if genesis == nil || a.store.Head() == nil {
		return errOrder
	}
	hash := a.decoded.put(raw, tx, genesis.chainID)
	for {
		err := a.check(genesis, a.store.Head(), tx, hash, false)
		if !errors.Is(err, executor.ErrNotCompiled) {
			return err
		}
		j, err := a.classes.start(tx)
		if err != nil {
			return err
		}
		if err := a.classes.wait(ctx, j); err != nil {
			return err
		}
	}
}

// read runs a transaction for an RPC request. If the transaction declares a class, read queues the class for compilation and waits.
func (a *App) read(ctx context.Context, tx starknet.Transaction, run func() (*executor.Outcome, error)) (*executor.Outcome, error) {
	for {
		out, err := run()
		if !errors.Is(err, executor.ErrNotCompiled) {
			return out, err
		}
		j, err := a.classes.startFor(felt.Felt{}, tx.(*starknet.Declare))
		if err != nil {
			return nil, err
		}
		if err := a.classes.wait(ctx, j); err != nil {
			return nil, err
		}
	}
}

// until returns an executor that is interrupted with cairo.ErrInterrupted when ctx ends. The caller must call release.
func (a *App) until(ctx context.Context) (x *executor.Executor, release func()) {
	stop := new(atomic.Bool)
	cancel := context.AfterFunc(ctx, func() { stop.Store(true) })
	return a.exec.Until(stop), func() { cancel() }
}

// simulate runs a transaction on st for an RPC request, and sets the outcome's Estimate.
func simulate(x *executor.Executor, st *state.Overlay, env *executor.Block, tx starknet.Transaction, options executor.Options) (out *executor.Outcome, err error) {
	defer recoverAs(&err)
	if options.SkipFee {
		return x.Estimate(st, env, tx, options)
	}
	// The transaction's own bounds decide its outcome; the estimate ignores them.
	over := state.NewOverlay(st)
	if out, err = x.Execute(over, env, tx, options); err != nil {
		return nil, err
	}
	if out.Estimate, err = x.EstimateAfter(out, st, env, tx, options); err != nil {
		return nil, err
	}
	over.MergeInto(st)
	return out, nil
}
