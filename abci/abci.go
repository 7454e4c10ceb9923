// Package abci connects an [app.App] to CometBFT through ABCI 2.0 (CometBFT 0.40), in process or behind the socket and gRPC
// servers of CometBFT's abci/server.
//
// The app does its own locking, so consensus, mempool and queries may call it concurrently: in process use
// proxy.NewConnSyncLocalClientCreator. An error from a consensus method stops the node. It means a broken store, a bug, or a
// call that violates ABCI's grammar.
package abci

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	abcitypes "github.com/cometbft/cometbft/abci/types"

	"github.com/starkd/starkd/app"
)

// Codespace is the codespace of rejected transactions. Their codes are the error codes of the Starknet JSON-RPC specification.
const Codespace = "starknet"

// ProtocolVersion is the app version in block headers. It changes when the results of blocks change.
const ProtocolVersion = 1

// Application implements CometBFT's Application.
type Application struct {
	// BaseApplication has the methods that this chain does not use: snapshots, the app-side mempool.
	abcitypes.BaseApplication

	app    *app.App
	log    *slog.Logger
	proofs Proofs // nil if this node verifies no proofs
	// finalized is the time of the FinalizeBlock whose Commit has not been called yet, in Unix nanoseconds, else 0.
	finalized atomic.Int64
}

// CodespaceBusy is the codespace of a transaction that was rejected without a check because the node is busy. The sender may
// send it again at once.
const CodespaceBusy = "starkd_busy"

// codeUnexpected is the code of UNEXPECTED_ERROR in the specification.
const codeUnexpected = 63

// commitPatience is how long requests of the mempool may delay Commit, which CometBFT calls after it has answered the queued requests.
const commitPatience = 100 * time.Millisecond

// keepsCommit reports whether a Commit has been waiting for longer than commitPatience.
func (a *Application) keepsCommit() bool {
	at := a.finalized.Load()
	return at != 0 && time.Since(time.Unix(0, at)) > commitPatience
}

var _ abcitypes.Application = (*Application)(nil)

// New returns the Application of an app. It logs the reasons that CometBFT does not log to slog.Default, or to the logger of WithLog.
func New(a *app.App) *Application { return &Application{app: a, log: slog.Default()} }

// WithLog sets the logger and returns a.
func (a *Application) WithLog(log *slog.Logger) *Application {
	a.log = log
	return a
}

// Info returns the height and the app hash from which CometBFT continues.
func (a *Application) Info(context.Context, *abcitypes.RequestInfo) (*abcitypes.ResponseInfo, error) {
	height, appHash := a.app.Info()
	return &abcitypes.ResponseInfo{
		Data: "starkd", AppVersion: ProtocolVersion, LastBlockHeight: int64(height), LastBlockAppHash: appHash,
	}, nil
}

// InitChain creates block 0 from the app_state of the genesis file.
func (a *Application) InitChain(_ context.Context, r *abcitypes.RequestInitChain) (*abcitypes.ResponseInitChain, error) {
	if r.InitialHeight > 1 {
		return nil, fmt.Errorf("abci: initial_height %d, must be 1", r.InitialHeight)
	}
	seconds := r.Time.Unix()
	if seconds < 0 {
		return nil, fmt.Errorf("abci: genesis_time %v is before 1970", r.Time)
	}
	validators, err := validatorsOf(r)
	if err != nil {
		return nil, err
	}
	appHash, err := a.app.InitGenesis(r.ChainId, uint64(seconds), r.AppStateBytes, validators...)
	if err != nil {
		return nil, err
	}
	return &abcitypes.ResponseInitChain{AppHash: appHash}, nil
}

// CheckTx decides whether a transaction may enter the mempool or, in a recheck, stay there.
func (a *Application) CheckTx(_ context.Context, r *abcitypes.RequestCheckTx) (*abcitypes.ResponseCheckTx, error) {
	recheck := r.Type == abcitypes.CheckTxType_Recheck
	if !recheck && a.keepsCommit() {
		return &abcitypes.ResponseCheckTx{Code: codeUnexpected, Codespace: CodespaceBusy, Log: "busy: a block waits to be committed; send it again"}, nil
	}
	result, err := a.app.CheckTx(r.Tx, recheck)
	if err != nil {
		return nil, err
	}
	out := &abcitypes.ResponseCheckTx{Code: result.Code, Log: result.Detail, GasWanted: clamp(result.GasWanted)}
	if result.Code != 0 {
		out.Codespace = Codespace
	} else {
		hash := result.Hash.Bytes() // broadcast_tx_sync returns Data
		out.Data = hash[:]
	}
	return out, nil
}

// PrepareProposal selects the transactions of a block that this node proposes.
func (a *Application) PrepareProposal(_ context.Context, r *abcitypes.RequestPrepareProposal) (*abcitypes.ResponsePrepareProposal, error) {
	b := &app.Block{Height: uint64(r.Height), Timestamp: uint64(r.Time.Unix()), Proposer: r.ProposerAddress, Txs: r.Txs, LastCommit: localCommit(&r.LocalLastCommit)}
	txs, err := a.app.Propose(b, r.MaxTxBytes)
	if err != nil {
		return nil, err
	}
	return &abcitypes.ResponsePrepareProposal{Txs: txs}, nil
}

// ProcessProposal accepts or rejects a proposed block.
func (a *Application) ProcessProposal(_ context.Context, r *abcitypes.RequestProcessProposal) (*abcitypes.ResponseProcessProposal, error) {
	b := &app.Block{Height: uint64(r.Height), Timestamp: uint64(r.Time.Unix()), Proposer: r.ProposerAddress, Txs: r.Txs, LastCommit: proposedCommit(&r.ProposedLastCommit)}
	if err := a.app.Process(b); err != nil {
		// CometBFT logs that a proposal is rejected, but not why.
		a.log.Error("proposal rejected", "height", r.Height, "proposer", fmt.Sprintf("%X", r.ProposerAddress), "hash", fmt.Sprintf("%X", r.Hash), "reason", err)
		return &abcitypes.ResponseProcessProposal{Status: abcitypes.ResponseProcessProposal_REJECT}, nil
	}
	return &abcitypes.ResponseProcessProposal{Status: abcitypes.ResponseProcessProposal_ACCEPT}, nil
}

// Names in the events of a block, for searches of CometBFT's index.
const (
	blockEvent      = "starknet_block"
	hashAttribute   = "hash"
	numberAttribute = "number"
)

// FinalizeBlock executes a decided block.
func (a *Application) FinalizeBlock(_ context.Context, r *abcitypes.RequestFinalizeBlock) (*abcitypes.ResponseFinalizeBlock, error) {
	b := &app.Block{Height: uint64(r.Height), Timestamp: uint64(r.Time.Unix()), Proposer: r.ProposerAddress, Txs: r.Txs}
	f, err := a.app.Finalize(b)
	if err != nil {
		return nil, err
	}
	out := &abcitypes.ResponseFinalizeBlock{AppHash: f.AppHash, TxResults: make([]*abcitypes.ExecTxResult, len(f.Results))}
	for i, t := range f.Results {
		result := &abcitypes.ExecTxResult{
			Code: t.Code, Data: t.Data, GasWanted: clamp(t.GasWanted), GasUsed: clamp(t.GasUsed),
		}
		if t.Err != nil {
			result.Log, result.Codespace = t.Err.Error(), Codespace
		}
		out.TxResults[i] = result
	}
	a.finalized.Store(time.Now().UnixNano())
	out.Events = []abcitypes.Event{{Type: blockEvent, Attributes: []abcitypes.EventAttribute{
		{Key: hashAttribute, Value: f.BlockHash.String(), Index: true},
		{Key: numberAttribute, Value: fmt.Sprint(r.Height), Index: true},
	}}}
	return out, nil
}

// Commit makes the finalized block durable. It sets no retain height, so CometBFT keeps all blocks: a watcher may need any of them.
func (a *Application) Commit(context.Context, *abcitypes.RequestCommit) (*abcitypes.ResponseCommit, error) {
	a.finalized.Store(0)
	if err := a.app.Commit(); err != nil {
		return nil, err
	}
	return &abcitypes.ResponseCommit{}, nil
}

// Query rejects all paths. Clients read and prove the state through Starknet's JSON-RPC.
func (a *Application) Query(_ context.Context, r *abcitypes.RequestQuery) (*abcitypes.ResponseQuery, error) {
	height, _ := a.app.Info()
	return &abcitypes.ResponseQuery{
		Code: 1, Codespace: "starkd", Height: int64(height), Log: fmt.Sprintf("unknown path %.100q: use the JSON-RPC", r.Path),
	}, nil
}

// clamp returns an amount of gas as an int64, at most the largest.
func clamp(gas uint64) int64 { return int64(min(gas, math.MaxInt64)) }
