package main

import (
	"context"
	"errors"
	"fmt"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
)

// backend is the chain behind JSON-RPC: the app, and the mempool and sync state of the node it runs in.
type backend struct {
	reads
	app  *app.App
	node *node.Node
}

var (
	_ rpc.Backend      = (*backend)(nil)
	_ rpc.Tracer       = (*backend)(nil)
	_ rpc.Notifier     = (*backend)(nil)
	_ rpc.EventIndexer = (*backend)(nil)
)

func newBackend(a *app.App, n *node.Node) *backend {
	return &backend{reads: reads{store: a.Store()}, app: a, node: n}
}

func (b *backend) ChainID() felt.Felt { return b.app.ChainID() }

func (b *backend) NextHeader(context.Context) (starknet.Header, error) { return b.app.NextHeader() }

func (b *backend) PoolStatus(_ context.Context, hash felt.Felt) (rpc.TransactionStatus, bool) {
	return rpc.Received, b.app.Pending(hash)
}

// Listen has the app tell of what it commits and lets into the mempool.
func (b *backend) Listen(l *rpc.Listener) (stop func()) {
	b.app.Listen(&app.Listener{Committed: l.Block, Admitted: l.Transaction})
	return func() { b.app.Listen(nil) }
}

func at(a rpc.At) app.At { return app.At{Height: a.Number, Next: a.PreConfirmed} }

func (b *backend) Call(_ context.Context, where rpc.At, call rpc.FunctionCall) ([]felt.Felt, error) {
	out, err := b.app.Call(at(where), call.ContractAddress, call.EntryPointSelector, call.Calldata)
	return out, rejection(err)
}

func (b *backend) Simulate(_ context.Context, where rpc.At, txs []starknet.Transaction, flags rpc.SimulationFlags) ([]rpc.Simulation, *rpc.InitialReads, error) {
	if flags.InitialReads {
		return nil, nil, rpc.ErrUnexpected.With("RETURN_INITIAL_READS is not supported by this node")
	}
	outcomes, err := b.app.Simulate(at(where), txs, executor.Options{SkipValidate: flags.SkipValidate, SkipFee: flags.SkipFeeCharge, Diff: flags.Trace})
	if failed, ok := errors.AsType[*app.SimulationError](err); ok {
		return nil, nil, rpc.TransactionExecutionError(failed.Index, failed.Err.Error())
	}
	if err != nil {
		return nil, nil, err
	}
	prices := b.app.Genesis().GasPrices
	simulations := make([]rpc.Simulation, len(outcomes))
	for i, o := range outcomes {
		s := &simulations[i]
		s.Receipt = o.Receipt
		s.Estimate = rpc.FeeEstimate{
			L1GasConsumed: o.Receipt.Resources.L1Gas, L2GasConsumed: o.Receipt.Resources.L2Gas, L1DataGasConsumed: o.Receipt.Resources.L1DataGas,
			L1GasPrice: prices.L1Gas.Fri, L2GasPrice: prices.L2Gas.Fri, L1DataGasPrice: prices.L1DataGas.Fri,
			OverallFee: o.Receipt.ActualFee,
		}
		if flags.Trace {
			trace := traceOf(o)
			s.Trace = &trace
		}
	}
	return simulations, nil, nil
}

func (b *backend) TraceBlock(_ context.Context, n uint64) ([]rpc.Trace, error) {
	outcomes, err := b.app.TraceBlock(n)
	if err != nil {
		return nil, err
	}
	traces := make([]rpc.Trace, len(outcomes))
	for i, o := range outcomes {
		traces[i] = traceOf(o)
	}
	return traces, nil
}

// Submit puts a transaction into the mempool, from which consensus gossips it.
func (b *backend) Submit(_ context.Context, tx starknet.Transaction) (felt.Felt, error) {
	hash := tx.Hash(b.app.ChainID())
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		return felt.Felt{}, rpc.ErrFailedToReceive.With(err.Error())
	}
	var answer *abcitypes.ResponseCheckTx
	err = b.node.Mempool().CheckTx(raw, func(r *abcitypes.ResponseCheckTx) { answer = r }, mempool.TxInfo{})
	switch {
	case errors.Is(err, mempool.ErrTxInCache):
		return felt.Felt{}, rpc.ErrDuplicateTransaction
	case err != nil:
		return felt.Felt{}, rpc.ErrFailedToReceive.With(err.Error())
	case answer == nil:
		return felt.Felt{}, errors.New("the mempool did not answer")
	case answer.Code != 0:
		return felt.Felt{}, rejection(&executor.Rejection{Reason: executor.Reason(answer.Code), Detail: answer.Log})
	}
	return hash, nil
}

// Syncing tells of a node that is still fetching old blocks. How far the chain has come is not known before it has caught
// up: the highest block is the newest that this node has.
func (b *backend) Syncing(context.Context) *rpc.SyncStatus {
	head := b.store.Head()
	if head == nil || !b.node.ConsensusReactor().WaitSync() {
		return nil
	}
	first, _, ok, err := b.store.Header(0)
	if err != nil || !ok {
		return nil
	}
	return &rpc.SyncStatus{
		StartingBlockHash: first.Hash(), CurrentBlockHash: head.BlockHash, CurrentBlockNum: head.Height,
		HighestBlockHash: head.BlockHash, HighestBlockNum: head.Height,
	}
}

// rejection turns a refusal by the executor into the specification's error of the same number.
func rejection(err error) error {
	r, ok := errors.AsType[*executor.Rejection](err)
	if !ok {
		return err
	}
	switch r.Reason {
	case executor.ContractError:
		return rpc.ContractError(r.Detail)
	case executor.InvalidTransactionNonce:
		return rpc.ErrInvalidNonce.With(r.Detail)
	case executor.ValidationFailure:
		return rpc.ErrValidationFailure.With(r.Detail)
	case executor.CompilationFailed:
		return rpc.ErrCompilationFailed.With(r.Detail)
	case executor.UnexpectedError:
		return rpc.ErrUnexpected.With(r.Detail)
	}
	for _, e := range []*rpc.Error{
		rpc.ErrContractNotFound, rpc.ErrEntryPointNotFound, rpc.ErrClassAlreadyDeclared, rpc.ErrInsufficientResources,
		rpc.ErrInsufficientBalance, rpc.ErrClassTooLarge, rpc.ErrNonAccount, rpc.ErrCompiledClassHashMismatch,
		rpc.ErrUnsupportedVersion, rpc.ErrUnsupportedClassVersion, rpc.ErrFeeBelowMinimum, rpc.ErrInvalidProof, rpc.ErrDuplicateTransaction,
	} {
		if e.Code == int(r.Reason) {
			return e
		}
	}
	return rpc.ErrUnexpected.With(fmt.Sprintf("%d: %s", r.Reason, r.Detail))
}

func traceOf(o *executor.Outcome) rpc.Trace {
	t := rpc.Trace{
		Type: o.Receipt.Type, Validate: invocation(o.Validate), FeeTransfer: invocation(o.FeeTransfer),
		StateDiff: o.Diff, Resources: o.Receipt.Resources,
	}
	switch {
	case o.Receipt.Type == starknet.DeployAccountType:
		t.Constructor = invocation(o.Execute)
	case o.Receipt.Reverted:
		t.RevertReason = o.Receipt.RevertReason
	default:
		t.Execute = invocation(o.Execute)
	}
	return t
}

func invocation(f *executor.Frame) *rpc.Invocation {
	if f == nil {
		return nil
	}
	out := &rpc.Invocation{
		FunctionCall: rpc.FunctionCall{ContractAddress: f.Contract, EntryPointSelector: f.Selector, Calldata: f.Calldata},
		Caller:       f.Caller, ClassHash: f.ClassHash, Library: f.Library, Result: f.Retdata, L2Gas: f.GasConsumed, Reverted: f.Failed,
	}
	switch f.Kind {
	case cairo.Constructor:
		out.EntryPointType = rpc.Constructor
	case cairo.L1Handler:
		out.EntryPointType = rpc.L1Handler
	default:
		out.EntryPointType = rpc.External
	}
	for _, inner := range f.Inner {
		out.Calls = append(out.Calls, *invocation(inner))
	}
	for _, e := range f.Events {
		out.Events = append(out.Events, rpc.OrderedEvent{Order: int(e.Order), Keys: e.Keys, Data: e.Data})
	}
	for _, m := range f.Messages {
		out.Messages = append(out.Messages, rpc.OrderedMessage{Order: int(m.Order), Message: starknet.Message{From: f.Contract, To: m.To, Payload: m.Payload}})
	}
	return out
}
