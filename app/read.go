package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Store returns the state and the blocks at all heights.
func (a *App) Store() state.History { return a.store }

// Genesis returns the chain's parameters, nil before InitGenesis. Do not modify it.
func (a *App) Genesis() *Genesis { return a.genesis.Load() }

// ChainID returns the chain's name as it is in transaction hashes, 0 before InitGenesis.
func (a *App) ChainID() felt.Felt {
	if g := a.genesis.Load(); g != nil {
		return g.chainID
	}
	return felt.Felt{}
}

// Pending reports whether a transaction waits in the mempool.
func (a *App) Pending(hash felt.Felt) bool {
	_, ok := a.pool.get(hash)
	return ok
}

// PendingTransaction returns a transaction that waits in the mempool. More than 256 MiB of them are not kept: Pending may report
// one that PendingTransaction does not return.
func (a *App) PendingTransaction(hash felt.Felt) (starknet.Transaction, bool) {
	raw, _ := a.pool.get(hash)
	if raw == nil {
		return nil, false
	}
	tx, _, err := a.decoded.get(raw, a.ChainID())
	return tx, err == nil
}

// readerState returns the state after a block, to be changed, and a function that fills reads, unless it is nil, with what was read of it.
func (a *App) readerState(height uint64, reads *starknet.StateReads) (st *state.Overlay, done func()) {
	base := a.store.At(height)
	if reads == nil {
		return state.NewOverlay(base), func() {}
	}
	recorder := state.NewRecorder(base)
	return state.NewOverlay(recorder), func() { *reads = *recorder.Reads() }
}

// NextHeader returns what can be said of the block after the latest: number, parent, prices, and the latest block's time and
// sequencer in place of those to come.
func (a *App) NextHeader() (starknet.Header, error) {
	head := a.store.Head()
	if head == nil {
		return starknet.Header{}, errOrder
	}
	return a.header(starknet.At{Block: head.Height, Next: true})
}

// header returns the header of the block that something runs as.
func (a *App) header(at starknet.At) (starknet.Header, error) {
	header, head, ok, err := a.store.Header(at.Block)
	if err != nil {
		return starknet.Header{}, err
	}
	if !ok {
		return starknet.Header{}, fmt.Errorf("app: there is no block %d", at.Block)
	}
	if !at.Next {
		return *header, nil
	}
	next := a.genesis.Load().header(at.Block+1, header.Timestamp, header.Sequencer)
	next.Parent = head.BlockHash
	return next, nil
}

// environmentAt returns the block that something runs as.
func (a *App) environmentAt(at starknet.At) (*executor.Block, error) {
	h, err := a.header(at)
	if err != nil {
		return nil, err
	}
	env := environment(a.genesis.Load(), h.Number, h.Timestamp, h.Sequencer)
	env.L2GasPrice = h.L2GasPrice.Fri
	return env, nil
}

// Call runs an entry point outside any transaction and returns what it returns. A rejection is an [*executor.Rejection]. It ends soon
// after ctx, with its cause.
func (a *App) Call(ctx context.Context, at starknet.At, contract, selector felt.Felt, calldata []felt.Felt) (out []felt.Felt, err error) {
	env, err := a.environmentAt(at)
	if err != nil {
		return nil, err
	}
	defer recoverAs(&err)
	x, release := a.until(ctx)
	defer release()
	f, err := x.Call(a.store.At(at.Block), env, contract, selector, calldata)
	if err != nil {
		return nil, cause(ctx, err)
	}
	return f.Retdata, nil
}

// SimulationError is the rejection of one of several transactions.
type SimulationError struct {
	Index int
	Err   error
}

func (e *SimulationError) Error() string {
	return fmt.Sprintf("app: transaction %d: %v", e.Index, e.Err)
}

// Unwrap returns the rejection.
func (e *SimulationError) Unwrap() error { return e.Err }

// cause is why a run was interrupted; other errors stay as they are.
func cause(ctx context.Context, err error) error {
	if errors.Is(err, cairo.ErrInterrupted) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// maxTraceFelts bounds the felts of calldata and results that a simulation or a trace of a block holds: 192 MB. The calldata that a
// block can pay for is 2 million felts, which validation and execution both have.
const maxTraceFelts = 6 << 20

// Simulate runs transactions one after the other without keeping what they do. Of the options, those that a block does not
// have are honoured; queries and future nonces are always accepted. Each outcome has the bound with which the transaction succeeds,
// whatever its own are. The error is a [*SimulationError] if a transaction is rejected. reads, unless it is nil, is
// filled with what the transactions read of the state. Simulate ends soon after ctx, with its cause.
func (a *App) Simulate(ctx context.Context, at starknet.At, txs []starknet.Transaction, options executor.Options, reads *starknet.StateReads) (outcomes []*executor.Outcome, err error) {
	env, err := a.environmentAt(at)
	if err != nil {
		return nil, err
	}
	room := maxTraceFelts
	options.Query, options.FutureNonce, options.Diff, options.Compiled, options.Room = true, true, true, true, &room
	st := state.NewOverlay(a.store.At(at.Block))
	outcomes, err = a.execute(ctx, st, env, txs, options, func(x *executor.Executor, tx starknet.Transaction, options executor.Options) (*executor.Outcome, error) {
		return simulate(x, st, env, tx, options)
	})
	if err != nil || reads == nil {
		return outcomes, err
	}
	return outcomes, a.readAgain(ctx, at, env, txs, options, outcomes, reads)
}

// readAgain fills reads: it runs transactions as Simulate did for their outcomes, without the runs that looked for an estimate. These
// read other values, and what they leave in an overlay would hide from a recorder what a later transaction reads.
func (a *App) readAgain(ctx context.Context, at starknet.At, env *executor.Block, txs []starknet.Transaction, options executor.Options, outcomes []*executor.Outcome, reads *starknet.StateReads) error {
	st, done := a.readerState(at.Block, reads)
	defer done()
	options.Brief, options.Room = true, nil
	ran := 0
	_, err := a.execute(ctx, st, env, txs, options, func(x *executor.Executor, tx starknet.Transaction, options executor.Options) (*executor.Outcome, error) {
		if e := outcomes[ran].Estimate; options.SkipFee && e != nil {
			options.Bound = e.L2Gas
		}
		out, err := tryExecute(x, st, env, tx, options)
		if err == nil {
			ran++
		}
		return out, err
	})
	return err
}

// TraceBlock runs the transactions of a block again, on the state before it, and fills reads, unless it is nil, with what they read of
// that state. It ends soon after ctx, with its cause.
func (a *App) TraceBlock(ctx context.Context, height uint64, reads *starknet.StateReads) ([]*executor.Outcome, error) {
	if height == 0 {
		return nil, nil
	}
	block, err := a.blockWithClasses(height)
	if err != nil {
		return nil, err
	}
	env, err := a.environmentAt(starknet.At{Block: height})
	if err != nil {
		return nil, err
	}
	st, done := a.readerState(height-1, reads)
	defer done()
	if err := a.openBlock(st, height); err != nil {
		return nil, err
	}
	room := maxTraceFelts
	return a.execute(ctx, st, env, block.Transactions, executor.Options{Diff: true, Room: &room}, func(x *executor.Executor, tx starknet.Transaction, options executor.Options) (*executor.Outcome, error) {
		return tryExecute(x, st, env, tx, options)
	})
}

// deployed rejects a transaction whose sender is no contract, unless it deploys it.
func deployed(st *state.Overlay, tx starknet.Transaction) error {
	if _, ok := tx.(*starknet.DeployAccount); ok {
		return nil
	}
	class, err := st.ClassHashAt(tx.Sender())
	if err == nil && class.IsZero() {
		err = reject(executor.ContractNotFound, fmt.Sprintf("the sender %v is not deployed", tx.Sender()))
	}
	return err
}

// execute runs transactions in turn for a reader.
func (a *App) execute(ctx context.Context, st *state.Overlay, env *executor.Block, txs []starknet.Transaction, options executor.Options,
	run func(*executor.Executor, starknet.Transaction, executor.Options) (*executor.Outcome, error),
) (outcomes []*executor.Outcome, err error) {
	x, release := a.until(ctx)
	defer release()
	for i, tx := range txs {
		if err := deployed(st, tx); err != nil {
			return nil, &SimulationError{i, err}
		}
		out, err := a.read(ctx, tx, func() (*executor.Outcome, error) { return run(x, tx, options) })
		if ctx.Err() != nil && err != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, &SimulationError{i, err}
		}
		outcomes = append(outcomes, out)
	}
	return outcomes, nil
}
