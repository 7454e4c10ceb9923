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

// Store returns the state and the blocks of all heights, read-only.
func (a *App) Store() state.History { return a.store }

// Genesis returns the chain's parameters, nil before InitGenesis. The caller must not modify them.
func (a *App) Genesis() *Genesis { return a.genesis.Load() }

// ChainID returns the chain id as a short string, as in transaction hashes, or 0 before InitGenesis.
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

// PendingTransaction returns a transaction that waits in the mempool. The app keeps at most 256 MiB of them, so Pending may report
// a transaction that PendingTransaction does not return.
func (a *App) PendingTransaction(hash felt.Felt) (starknet.Transaction, bool) {
	raw, _ := a.pool.get(hash)
	if raw == nil {
		return nil, false
	}
	tx, _, err := a.decoded.get(raw, a.ChainID())
	return tx, err == nil
}

// readerState returns an overlay on the state after a block. If reads is not nil, done fills it with the values that were read from
// that state.
func (a *App) readerState(height uint64, reads *starknet.StateReads) (st *state.Overlay, done func()) {
	base := a.store.At(height)
	if reads == nil {
		return state.NewOverlay(base), func() {}
	}
	recorder := state.NewRecorder(base)
	return state.NewOverlay(recorder), func() { *reads = *recorder.Reads() }
}

// NextHeader returns the known fields of the next block's header: number, parent and prices. Time and sequencer are those of the
// latest block.
func (a *App) NextHeader() (starknet.Header, error) {
	head := a.store.Head()
	if head == nil {
		return starknet.Header{}, errOrder
	}
	return a.header(starknet.At{Block: head.Height, Next: true})
}

// header returns the header of the block in which a call or transaction at a position runs.
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

// environmentAt returns the block in which a call or transaction at a position runs.
func (a *App) environmentAt(at starknet.At) (*executor.Block, error) {
	h, err := a.header(at)
	if err != nil {
		return nil, err
	}
	env := environment(a.genesis.Load(), h.Number, h.Timestamp, h.Sequencer)
	env.L2GasPrice = h.L2GasPrice.Fri
	return env, nil
}

// Call runs an entry point outside a transaction and returns its return data. A rejection is an [*executor.Rejection]. If ctx ends,
// Call soon returns the cause of ctx.
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

// SimulationError is the rejection of one of the transactions in a list.
type SimulationError struct {
	Index int
	Err   error
}

func (e *SimulationError) Error() string {
	return fmt.Sprintf("app: transaction %d: %v", e.Index, e.Err)
}

// Unwrap returns the rejection.
func (e *SimulationError) Unwrap() error { return e.Err }

// cause returns the cause of ctx if err is the interruption of a run by ctx, else err.
func cause(ctx context.Context, err error) error {
	if errors.Is(err, cairo.ErrInterrupted) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// maxTraceFelts bounds the felts of calldata and results in a simulation or in a trace of a block, to 192 MiB. A block can pay for
// 2 million felts of calldata, which are in the frames of both validation and execution.
const maxTraceFelts = 6 << 20

// Simulate executes transactions one after the other and discards their effects. It accepts queries and future nonces. Of the
// options it sets Query, FutureNonce, Diff, Compiled and Room itself. Each outcome has the estimate with which the transaction
// succeeds, regardless of its own bounds. If a transaction is rejected the error is a [*SimulationError]. If reads is not nil,
// Simulate fills it with the values that the transactions read from the state. If ctx ends, Simulate soon returns the cause of ctx.
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

// readAgain fills reads. It executes the transactions again with the bounds of their outcomes, without the other runs of the search
// for an estimate. Those runs read other values, and values that they cached in an overlay would hide later reads from the recorder.
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

// TraceBlock executes the transactions of a block again, on the state before it. If reads is not nil, TraceBlock fills it with the
// values that they read from that state. If ctx ends, TraceBlock soon returns the cause of ctx.
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
	if err := a.reopenBlock(st, height); err != nil {
		return nil, err
	}
	room := maxTraceFelts
	return a.execute(ctx, st, env, block.Transactions, executor.Options{Diff: true, Room: &room}, func(x *executor.Executor, tx starknet.Transaction, options executor.Options) (*executor.Outcome, error) {
		return tryExecute(x, st, env, tx, options)
	})
}

// deployed rejects a transaction whose sender is not deployed, unless the transaction deploys it.
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

// execute calls run for each transaction in order, for an RPC request.
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
