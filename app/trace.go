package app

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// BlockTrace is a re-executed block with a trace of every call.
type BlockTrace struct {
	ChainID      felt.Felt
	Header       *starknet.Header
	Transactions []TransactionTrace
}

// TransactionTrace is a transaction with the call trees that the protocol started for it, in order.
type TransactionTrace struct {
	Tx      starknet.Transaction
	Info    *cairo.TxInfo
	Outcome *executor.Outcome
	Calls   []*cairo.CallTrace
}

// TraceCalls executes the transactions of a block again with an engine, on the state before the block, and traces their calls. maxWords
// is the bound MaxWords of cairo.Tracer. If ctx ends, TraceCalls soon returns the cause of ctx.
func (a *App) TraceCalls(ctx context.Context, height uint64, engine cairo.Engine, maxWords uint64) (*BlockTrace, error) {
	if height == 0 {
		return nil, fmt.Errorf("app: block 0 has no transactions to trace")
	}
	block, err := a.blockWithClasses(height)
	if err != nil {
		return nil, err
	}
	env, err := a.environmentAt(starknet.At{Block: height})
	if err != nil {
		return nil, err
	}
	st := state.NewOverlay(a.store.At(height - 1))
	if err := a.reopenBlock(st, height); err != nil {
		return nil, err
	}
	tracer := &cairo.Tracer{Engine: engine, MaxWords: maxWords}
	stop := new(atomic.Bool)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	x := &executor.Executor{Engine: tracer, Classes: a.exec.Classes, Stop: stop}
	r := &BlockTrace{ChainID: env.ChainID, Header: &block.Header}
	for i, tx := range block.Transactions {
		out, err := tryExecute(x, st, env, tx, executor.Options{Diff: true, Brief: true})
		if err != nil {
			return nil, fmt.Errorf("app: tracing transaction %d of block %d: %w", i, height, cause(ctx, err))
		}
		r.Transactions = append(r.Transactions, TransactionTrace{Tx: tx, Info: executor.TxInfo(tx, env.ChainID), Outcome: out, Calls: tracer.Take()})
	}
	return r, nil
}

// blockWithClasses returns a stored block whose DECLAREs have their classes.
func (a *App) blockWithClasses(height uint64) (*starknet.Block, error) {
	block, ok, err := a.store.Block(height)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("app: there is no block %d", height)
	}
	for _, tx := range block.Transactions {
		if d, ok := tx.(*starknet.Declare); ok {
			class, err := a.store.At(height).Class(d.ClassHash)
			if err != nil {
				return nil, err
			}
			d.Class = class.Definition
			if _, err := a.exec.Classes.Get(a.store.At(height), d.ClassHash); err != nil { // caches it, so that it is not compiled again
				return nil, err
			}
		}
	}
	return block, nil
}

func tryExecute(x *executor.Executor, st *state.Overlay, env *executor.Block, tx starknet.Transaction, options executor.Options) (out *executor.Outcome, err error) {
	defer recoverAs(&err)
	return x.Execute(st, env, tx, options)
}
