package app

import (
	"fmt"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Store is the state and the blocks at all heights. It is safe to read while blocks are made.
func (a *App) Store() *state.Store { return a.store }

// Genesis are the chain's parameters, nil before InitGenesis. Do not modify it.
func (a *App) Genesis() *Genesis { return a.genesis.Load() }

// ChainID is the chain's name as it is in transaction hashes, 0 before InitGenesis.
func (a *App) ChainID() felt.Felt {
	if g := a.genesis.Load(); g != nil {
		return g.chainID
	}
	return felt.Felt{}
}

// Pending reports whether a transaction waits in the mempool.
func (a *App) Pending(hash felt.Felt) bool { return a.pool.has(hash) }

// At is a place to run something: on the state after block Height, as in that block or, with Next, as in the one after it.
type At struct {
	Height uint64
	Next   bool
}

// NextHeader is what can be said of the block after the latest: number, parent, prices, and the latest block's time and
// sequencer in place of those to come.
func (a *App) NextHeader() (starknet.Header, error) {
	head := a.store.Head()
	if head == nil {
		return starknet.Header{}, errOrder
	}
	return a.header(At{head.Height, true})
}

// header is the header of the block that something runs as.
func (a *App) header(at At) (starknet.Header, error) {
	header, head, ok, err := a.store.Header(at.Height)
	if err != nil {
		return starknet.Header{}, err
	}
	if !ok {
		return starknet.Header{}, fmt.Errorf("app: there is no block %d", at.Height)
	}
	if !at.Next {
		return *header, nil
	}
	next := a.genesis.Load().header(at.Height+1, header.Timestamp, header.Sequencer)
	next.Parent = head.BlockHash
	return next, nil
}

// environmentAt is the block that something runs as.
func (a *App) environmentAt(at At) (*executor.Block, error) {
	h, err := a.header(at)
	if err != nil {
		return nil, err
	}
	env := environment(a.genesis.Load(), h.Number, h.Timestamp, h.Sequencer)
	env.L2GasPrice = h.L2GasPrice.Fri
	return env, nil
}

// Call runs an entry point outside any transaction and returns what it returns. A refusal is an [*executor.Rejection].
func (a *App) Call(at At, contract, selector felt.Felt, calldata []felt.Felt) (out []felt.Felt, err error) {
	env, err := a.environmentAt(at)
	if err != nil {
		return nil, err
	}
	defer recoverAs(&err)
	f, err := a.exec.Call(a.store.At(at.Height), env, contract, selector, calldata)
	if err != nil {
		return nil, err
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

// Unwrap is the rejection.
func (e *SimulationError) Unwrap() error { return e.Err }

// Simulate runs transactions one after the other without keeping what they do. Of the options, those that a block does not
// have are honoured; queries and future nonces are always accepted. The error is a [*SimulationError] if a transaction is
// rejected.
func (a *App) Simulate(at At, txs []starknet.Transaction, options executor.Options) (outcomes []*executor.Outcome, err error) {
	env, err := a.environmentAt(at)
	if err != nil {
		return nil, err
	}
	options.Query, options.FutureNonce, options.Diff = true, true, true
	return a.execute(state.NewOverlay(a.store.At(at.Height)), env, txs, options)
}

// TraceBlock runs the transactions of a block again, on the state before it.
func (a *App) TraceBlock(height uint64) ([]*executor.Outcome, error) {
	if height == 0 {
		return nil, nil
	}
	block, err := a.blockWithClasses(height)
	if err != nil {
		return nil, err
	}
	env, err := a.environmentAt(At{Height: height})
	if err != nil {
		return nil, err
	}
	st := state.NewOverlay(a.store.At(height - 1))
	if err := a.openBlock(st, height); err != nil {
		return nil, err
	}
	return a.execute(st, env, block.Transactions, executor.Options{Diff: true})
}

// execute runs transactions in turn for a reader.
func (a *App) execute(st *state.Overlay, env *executor.Block, txs []starknet.Transaction, options executor.Options) (outcomes []*executor.Outcome, err error) {
	for i, tx := range txs {
		out, err := tryExecute(a.exec, st, env, tx, options)
		if err != nil {
			return nil, &SimulationError{i, err}
		}
		outcomes = append(outcomes, out)
	}
	return outcomes, nil
}
