package node

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
	cmtnode "github.com/cometbft/cometbft/node"

	"github.com/starkd/starkd/abci"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
)

// backend implements rpc.Backend with the app, and with the mempool and the sync state of CometBFT.
type backend struct {
	reads
	app  *app.App
	node *cmtnode.Node
	work work
}

var (
	_ rpc.Backend      = (*backend)(nil)
	_ rpc.Tracer       = (*backend)(nil)
	_ rpc.Notifier     = (*backend)(nil)
	_ rpc.EventIndexer = (*backend)(nil)
	_ rpc.Prover       = (*backend)(nil)
)

// newBackend returns the backend of a node. executionMiB bounds the memory of the executions that clients run at once.
func newBackend(a *app.App, n *cmtnode.Node, executionMiB int64) *backend {
	return &backend{reads: reads{store: a.Store()}, app: a, node: n, work: newWork(executionMiB)}
}

func (b *backend) ChainID() felt.Felt { return b.app.ChainID() }

func (b *backend) NextHeader(context.Context) (starknet.Header, error) { return b.app.NextHeader() }

func (b *backend) PoolStatus(_ context.Context, hash felt.Felt) (rpc.TransactionStatus, bool) {
	return rpc.Received, b.app.Pending(hash)
}

func (b *backend) PoolTransaction(_ context.Context, hash felt.Felt) (starknet.Transaction, bool) {
	return b.app.PendingTransaction(hash)
}

// Proved returns the height up to which blocks are ACCEPTED_ON_L1, in the state after block n.
func (b *backend) Proved(_ context.Context, n uint64) (uint64, bool, error) { return b.app.Proved(n) }

// Listen makes l the listener of the app: it is told of committed blocks and of transactions that enter the mempool.
func (b *backend) Listen(l *starknet.Listener) (stop func()) {
	b.app.Listen(l)
	return func() { b.app.Listen(nil) }
}

func (b *backend) Call(ctx context.Context, at starknet.At, call rpc.FunctionCall) ([]felt.Felt, error) {
	end, err := b.work.begin(ctx, callMemory)
	if err != nil {
		return nil, err
	}
	defer end()
	out, err := b.app.Call(ctx, at, call.ContractAddress, call.EntryPointSelector, call.Calldata)
	return out, rejection(err)
}

func (b *backend) Simulate(ctx context.Context, at starknet.At, txs []starknet.Transaction, flags rpc.SimulationFlags) ([]rpc.Simulation, *starknet.StateReads, error) {
	end, err := b.work.begin(ctx, traceMemory)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	var reads *starknet.StateReads
	if flags.InitialReads {
		reads = new(starknet.StateReads)
	}
	outcomes, err := b.app.Simulate(ctx, at, txs, executor.Options{SkipValidate: flags.SkipValidate, SkipFee: flags.SkipFeeCharge, Brief: !flags.Trace}, reads)
	if failed, ok := errors.AsType[*app.SimulationError](err); ok {
		if r, ok := errors.AsType[*executor.Rejection](failed.Err); ok && r.Reason == executor.ContractNotFound {
			return nil, nil, rpc.UndeployedSender(failed.Index, plain(r.Detail))
		} else if ok {
			return nil, nil, rpc.TransactionExecutionError(failed.Index, plain(r.Detail))
		}
		return nil, nil, err
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
		if o.Estimate != nil {
			s.Estimate.L2GasConsumed, s.Estimate.OverallFee = o.Estimate.L2Gas, o.Estimate.Fee
		}
		if flags.Trace {
			trace := traceOf(o)
			s.Trace = &trace
		}
	}
	return simulations, reads, nil
}

func (b *backend) TraceBlock(ctx context.Context, n uint64, withReads bool) ([]rpc.Trace, *starknet.StateReads, error) {
	end, err := b.work.begin(ctx, traceMemory)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	var reads *starknet.StateReads
	if withReads {
		reads = new(starknet.StateReads)
	}
	outcomes, err := b.app.TraceBlock(ctx, n, reads)
	if err != nil {
		return nil, nil, err
	}
	traces := make([]rpc.Trace, len(outcomes))
	for i, o := range outcomes {
		traces[i] = traceOf(o)
	}
	return traces, reads, nil
}

// Submit puts a transaction into the mempool, which gossips it to other nodes. The class of a DECLARE is compiled first, outside the lock
// of the mempool.
func (b *backend) Submit(ctx context.Context, tx starknet.Transaction) (felt.Felt, error) {
	hash := tx.Hash(b.app.ChainID())
	raw, err := starknet.MarshalTransaction(tx)
	if err != nil {
		return felt.Felt{}, rpc.ErrUnexpected.With(err.Error())
	}
	if d, ok := tx.(*starknet.Declare); ok {
		if err := b.app.CheckDeclare(ctx, d, raw); err != nil {
			return felt.Felt{}, rejection(err)
		}
	}
	var answer *abcitypes.ResponseCheckTx
	for {
		err = b.node.Mempool().CheckTx(raw, func(r *abcitypes.ResponseCheckTx) { answer = r }, mempool.TxInfo{})
		if err != nil || answer == nil || answer.Codespace != abci.CodespaceBusy {
			break
		}
		select { // a block is being committed
		case <-ctx.Done():
			return felt.Felt{}, ctx.Err()
		case <-time.After(busyPause):
		}
	}
	switch {
	case errors.Is(err, mempool.ErrTxInCache):
		return felt.Felt{}, b.seen(tx)
	case err != nil:
		_, tooLarge := errors.AsType[mempool.ErrTxTooLarge](err)
		if _, declares := tx.(*starknet.Declare); declares && tooLarge {
			return felt.Felt{}, rpc.ErrClassTooLarge.With(err.Error())
		}
		return felt.Felt{}, rpc.ErrUnexpected.With(err.Error())
	case answer == nil:
		return felt.Felt{}, errors.New("the mempool did not answer")
	case answer.Code != 0:
		return felt.Felt{}, rejection(&executor.Rejection{Reason: executor.Reason(answer.Code), Detail: answer.Log})
	}
	return hash, nil
}

// seen returns the error for a transaction that the mempool has seen before: it is still in the mempool, or it is in a block.
func (b *backend) seen(tx starknet.Transaction) error {
	sender, nonce := tx.Sender(), tx.Fields().Nonce
	current, err := b.store.Latest().NonceAt(sender)
	if err != nil {
		return err
	}
	if nonce.Cmp(&current) < 0 {
		return rpc.ErrInvalidNonce.With(fmt.Sprintf("nonce of account %v is %v, the transaction has %v", sender, current, nonce))
	}
	return rpc.ErrDuplicateTransaction
}

// busyPause is the pause before a transaction is offered to the mempool again.
const busyPause = 50 * time.Millisecond

// Syncing returns the progress of a node that is still fetching old blocks, or nil. The height of the chain is unknown until the node has
// caught up, so the highest block is the newest block of this node.
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

// rejection returns the specification's error for a rejection by the executor, with the reason as its data. Other errors stay as they are.
func rejection(err error) error {
	r, ok := errors.AsType[*executor.Rejection](err)
	if !ok {
		return err
	}
	return rpc.Rejection(int(r.Reason), plain(r.Detail))
}

// ourPackages matches the package names at the beginning of our errors, which mean nothing to a client.
var ourPackages = regexp.MustCompile(`^((app|casm|compiler|executor|felt|sierra|starknet|state|trie): )+`)

// plain returns a reason without the package names at its beginning.
func plain(reason string) string { return ourPackages.ReplaceAllString(reason, "") }

// traceOf returns the trace of a transaction as JSON-RPC has it.
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

// invocation returns a call frame as JSON-RPC has it, or nil for nil.
func invocation(f *executor.Frame) *rpc.Invocation {
	if f == nil {
		return nil
	}
	out := &rpc.Invocation{
		FunctionCall: rpc.FunctionCall{ContractAddress: f.Contract, EntryPointSelector: f.Selector, Calldata: f.Calldata},
		Caller:       f.Caller, ClassHash: f.ClassHash, Library: f.Library, Result: f.Retdata, L2Gas: f.L2Gas(), Reverted: f.Failed,
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
