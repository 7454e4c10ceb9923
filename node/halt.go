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

// This file notices that a node has failed. CometBFT recovers from a panic of its consensus routine, logs it, ends the routine and leaves
// everything else running: the process looks healthy, but makes no blocks until a restart. Pebble ends the process itself when it cannot
// write.

// halt holds the reason why a node has failed, once it has.
type halt struct {
	once   sync.Once
	reason string
	done   chan struct{} // closed when reason is set
}

func newHalt() *halt { return &halt{done: make(chan struct{})} }

// because halts the node. Only the first reason is kept.
func (h *halt) because(reason string) {
	h.once.Do(func() {
		h.reason = reason
		close(h.done)
	})
}

// why returns the reason, or "" if the node has not halted.
func (h *halt) why() string {
	select {
	case <-h.done:
		return h.reason
	default:
		return ""
	}
}

// consensusFailure is the message that CometBFT logs when its consensus routine has panicked (its consensus/state.go).
const consensusFailure = "CONSENSUS FAILURE!!!"

// haltLogger is the logger of CometBFT. It halts the node when CometBFT logs that consensus has failed, because only the log has the reason.
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

// Messages that CometBFT logs when it rejects a block from a peer because the app hash in the header is not the one of this node
// (blocksync/reactor.go and state/validation.go of CometBFT). CometBFT has already checked that two thirds of the validators signed the
// block, so no other peer can have a better one.
const (
	refusedBlock = "Error in validation"
	wrongAppHash = "wrong Block.Header.AppHash"
)

// haltingApp is the app, and halts the node if it cannot execute a block while the node catches up. CometBFT panics on such an error in a
// goroutine without a recover, which would end the process. After catching up, its consensus routine recovers, and haltLogger sees the error.
type haltingApp struct {
	abcitypes.Application
	halt    *halt
	syncing atomic.Pointer[func() bool] // reports whether the node catches up; nil before the start
}

// FinalizeBlock executes a block. While the node catches up, an error halts the node and FinalizeBlock does not return.
func (a *haltingApp) FinalizeBlock(ctx context.Context, r *abcitypes.RequestFinalizeBlock) (*abcitypes.ResponseFinalizeBlock, error) {
	response, err := a.Application.FinalizeBlock(ctx, r)
	if err != nil {
		a.failed(fmt.Sprintf("block %d cannot be executed: %v", r.Height, err))
	}
	return response, err
}

// Commit makes a block durable. It handles errors as FinalizeBlock does.
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

// watchConsensus halts the node when its consensus routine has ended, for any reason, unless stopping is closed.
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
