package node

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/explorer"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// watcherHandler returns the HTTP handler of a watcher: proofs and status below /v1, the explorer at /, and the read methods of Starknet
// JSON-RPC at /rpc, which the explorer uses. The replica of the watcher answers them.
func watcherHandler(dir, version string, c *config.Config, a *app.App, proofs http.Handler, log *slog.Logger) (http.Handler, error) {
	genesis, err := os.ReadFile(filepath.Join(dir, "config", "genesis.json"))
	if err != nil {
		return nil, err
	}
	doc, err := home.Genesis(dir)
	if err != nil {
		return nil, err
	}
	state, err := app.ParseGenesis(doc.ChainID, doc.AppState)
	if err != nil {
		return nil, err
	}
	page, err := explorer.Handler(explorer.Chain{
		ID: doc.ChainID, FeeToken: state.FeeToken.String(), Version: version, Genesis: genesis,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	for _, path := range []string{"/v1/", "/metrics", "/healthz", "/openapi.json"} {
		mux.Handle(path, proofs)
	}
	// Only POST: a replica has no subscriptions. The bounds are small, because proving needs the processors.
	reading := rpc.NewServer(&replica{reads: reads{store: a.Store()}, app: a, feeToken: state.FeeToken}, rpc.Config{
		Transport: jsonrpc.Config{
			MaxBody: 64 << 10, MaxBatch: 50, Timeout: 10 * time.Second, CORSOrigin: c.RPC.CORSOrigin, Log: log,
		},
		MaxExecutions: 1, MaxScan: 1000,
	})
	for _, method := range []string{http.MethodPost, http.MethodOptions} {
		mux.Handle(method+" /rpc", reading)
	}
	return mux, nil
}

// replica implements rpc.Backend with the state of a watcher: the blocks that it has executed and compared with the signed headers. It has
// no mempool, and runs no code except that of the fee token, because executions would compete with proving.
type replica struct {
	reads
	app      *app.App
	feeToken felt.Felt
}

var (
	_ rpc.Backend = (*replica)(nil)
	_ rpc.Prover  = (*replica)(nil)
)

// errOnlyReads is the error of methods that a replica does not serve.
var errOnlyReads = rpc.ErrUnexpected.With("a watcher only serves reads and calls of the fee token: ask a node")

func (r *replica) ChainID() felt.Felt { return r.app.ChainID() }

func (r *replica) NextHeader(context.Context) (starknet.Header, error) { return r.app.NextHeader() }

// Proved returns the height up to which blocks are ACCEPTED_ON_L1, in the state after block n.
func (r *replica) Proved(_ context.Context, n uint64) (uint64, bool, error) { return r.app.Proved(n) }

func (r *replica) PoolStatus(context.Context, felt.Felt) (rpc.TransactionStatus, bool) {
	return "", false
}

func (r *replica) PoolTransaction(context.Context, felt.Felt) (starknet.Transaction, bool) {
	return nil, false
}

func (r *replica) Call(ctx context.Context, at starknet.At, call rpc.FunctionCall) ([]felt.Felt, error) {
	if call.ContractAddress != r.feeToken {
		return nil, errOnlyReads
	}
	out, err := r.app.Call(ctx, at, call.ContractAddress, call.EntryPointSelector, call.Calldata)
	return out, rejection(err)
}

func (r *replica) Simulate(context.Context, starknet.At, []starknet.Transaction, rpc.SimulationFlags) ([]rpc.Simulation, *starknet.StateReads, error) {
	return nil, nil, errOnlyReads
}

func (r *replica) Submit(context.Context, starknet.Transaction) (felt.Felt, error) {
	return felt.Felt{}, errOnlyReads
}

// Syncing returns nil: the progress of a watcher is in /v1/status.
func (r *replica) Syncing(context.Context) *rpc.SyncStatus { return nil }
