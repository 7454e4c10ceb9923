package node

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	cmtnode "github.com/cometbft/cometbft/node"
)

// How a node notices that it cannot go on. CometBFT recovers from a panic of its consensus routine, logs it, ends the routine and
// leaves everything else running, so that the process looks healthy and makes no block until somebody restarts it. Pebble ends the
// process itself when it cannot write.

// halt is the first reason for which a node cannot go on.
type halt struct {
	once   sync.Once
	reason string
	done   chan struct{} // closed when reason is set
}

func newHalt() *halt { return &halt{done: make(chan struct{})} }

// because halts the node.
func (h *halt) because(reason string) {
	h.once.Do(func() {
		h.reason = reason
		close(h.done)
	})
}

// why returns the reason, "" if there is none.
func (h *halt) why() string {
	select {
	case <-h.done:
		return h.reason
	default:
		return ""
	}
}

// consensusFailure is what CometBFT logs when its consensus routine has panicked (consensus/state.go).
const consensusFailure = "CONSENSUS FAILURE!!!"

// haltLogger is CometBFT's logger, which halts the node when consensus has failed. The log is where CometBFT says why.
type haltLogger struct {
	cmtlog.Logger
	halt *halt
}

func (l haltLogger) With(keyvals ...any) cmtlog.Logger {
	return haltLogger{l.Logger.With(keyvals...), l.halt}
}

func (l haltLogger) Error(msg string, keyvals ...any) {
	reason := "CometBFT does not say why"
	for i := 0; i+1 < len(keyvals); i += 2 {
		if keyvals[i] == "err" {
			reason = fmt.Sprint(keyvals[i+1])
		}
	}
	if msg == consensusFailure || msg == refusedBlock && strings.HasPrefix(reason, wrongAppHash) {
		l.halt.because(reason)
	} else if strings.HasSuffix(reason, net.ErrClosed.Error()) || msg == acceptStopped {
		l.Logger.Info(msg, keyvals...) // a clean stop
		return
	}
	l.Logger.Error(msg, keyvals...)
}

// What CometBFT logs of a block that it gets from a peer and refuses, and why it does if this node's state is another than the one that
// the block's header names (blocksync/reactor.go, state/validation.go). It has checked by then that two thirds of the validators signed
// the block, so that other peers, whom it asks next, have no other.
const (
	refusedBlock = "Error in validation"
	wrongAppHash = "wrong Block.Header.AppHash"
)

// haltingApp is the app, which halts the node if it cannot execute a block while the node catches up. CometBFT would panic in a goroutine that
// nobody recovers, which ends the process with a trace; its consensus routine recovers, and the error is for it (haltLogger).
type haltingApp struct {
	abcitypes.Application
	halt    *halt
	syncing atomic.Pointer[func() bool] // whether the node catches up; nil before it has started
}

// FinalizeBlock does not return an error while the node catches up: the process is about to end.
func (a *haltingApp) FinalizeBlock(ctx context.Context, r *abcitypes.RequestFinalizeBlock) (*abcitypes.ResponseFinalizeBlock, error) {
	response, err := a.Application.FinalizeBlock(ctx, r)
	if err != nil {
		a.failed(fmt.Sprintf("block %d cannot be executed: %v", r.Height, err))
	}
	return response, err
}

// Commit is as FinalizeBlock.
func (a *haltingApp) Commit(ctx context.Context, r *abcitypes.RequestCommit) (*abcitypes.ResponseCommit, error) {
	response, err := a.Application.Commit(ctx, r)
	if err != nil {
		a.failed("a block cannot be committed: " + err.Error())
	}
	return response, err
}

func (a *haltingApp) failed(reason string) {
	if syncing := a.syncing.Load(); syncing != nil && (*syncing)() {
		a.halt.because(reason)
		select {}
	}
}

// acceptStopped is what CometBFT logs as an error when a switch stops (p2p/switch.go).
const acceptStopped = "Stopped accept routine, as transport is closed"

// watchConsensus halts the node when its consensus routine is gone, for whatever reason, unless stopping is closed.
func watchConsensus(n *cmtnode.Node, h *halt, stopping <-chan struct{}) error {
	env, err := n.ConfigureRPC()
	if err != nil {
		return err
	}
	// The node's consensus state is reachable only here. Its Wait returns when the routine has ended.
	routine, ok := env.ConsensusState.(interface{ Wait() })
	if !ok {
		return fmt.Errorf("CometBFT's consensus state %T cannot be waited for", env.ConsensusState)
	}
	go func() {
		routine.Wait()
		select {
		case <-stopping:
		default:
			h.because("the consensus routine has ended")
		}
	}()
	return nil
}
