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

// compiling compiles the classes of DECLAREs that are in no block yet: one after the other, beside consensus and outside of the
// mempool's lock, once their senders' signatures hold. What a block brings is compiled where the block is run.
type compiling struct {
	classes    *executor.Classes
	background *background
	most       int
	turn       chan struct{} // held by the one that compiles

	mu      sync.Mutex
	jobs    map[felt.Felt]*job // by class hash
	senders map[felt.Felt]int  // jobs of each
}

// job is a class that waits to be compiled, or is.
type job struct{ done chan struct{} }

// maxSenderClasses bounds the classes of one account that wait, so that no account takes the whole queue. Simulations count as one
// account, of address 0.
const maxSenderClasses = 4

func newCompiling(classes *executor.Classes, b *background, most int) compiling {
	return compiling{classes: classes, background: b, most: most, turn: make(chan struct{}, 1), jobs: map[felt.Felt]*job{}, senders: map[felt.Felt]int{}}
}

// start has a DECLARE's class compiled. The error is the rejection of one that has to come again later.
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
			_ = c.classes.Prepare(tx.ClassHash, tx.Class) // which remembers a rejection
		}
	})
	return j, nil
}

// restart is start for a transaction that waits already: where there is no room it is tried at the next block.
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

// CheckDeclare decides whether a DECLARE may wait in the mempool, as CheckTx, but compiles its class before it answers, so that CheckTx
// need not. raw is the transaction's canonical form; its ClassHash must be that of its Class. A rejection is an [*executor.Rejection].
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

// read runs a transaction for a reader: a class that it declares is compiled in its turn.
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

// until returns the executor for a reader, which ends what it runs with cairo.ErrInterrupted when ctx does. The caller calls release.
func (a *App) until(ctx context.Context) (x *executor.Executor, release func()) {
	stop := new(atomic.Bool)
	cancel := context.AfterFunc(ctx, func() { stop.Store(true) })
	return a.exec.Until(stop), func() { cancel() }
}

// simulate runs a transaction for a reader on st, with what it would have to be given to succeed.
func simulate(x *executor.Executor, st *state.Overlay, env *executor.Block, tx starknet.Transaction, options executor.Options) (out *executor.Outcome, err error) {
	defer recoverAs(&err)
	if options.SkipFee {
		return x.Estimate(st, env, tx, options)
	}
	// The transaction's bounds decide what it does, but not what it needs.
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
