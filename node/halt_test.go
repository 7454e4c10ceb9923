package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	cmtlog "github.com/cometbft/cometbft/libs/log"
)

// TestHealthReport checks the status at the greatest age that is healthy and above it, and that a halt has precedence.
func TestHealthReport(t *testing.T) {
	for _, c := range []struct {
		age        float64
		most       time.Duration
		catchingUp bool
		halted     string
		status     string
	}{
		{60, time.Minute, false, "", "ok"},
		{60.1, time.Minute, false, "", "stalled"},
		{60, time.Minute, true, "", "ok"},
		{60.1, time.Minute, true, "", "catching_up"},
		{1e6, 0, false, "", "ok"}, // a chain that makes blocks only for transactions
		{0, time.Minute, true, "disk", "halted"},
	} {
		r := HealthReport{BlockAge: c.age, CatchingUp: c.catchingUp}
		r.judge(c.halted, c.most)
		if r.Status != c.status || (r.Reason == "") != (c.status == "ok") || c.halted != "" && r.Reason != c.halted {
			t.Errorf("%+v: %q, reason %q", c, r.Status, r.Reason)
		}
	}
}

// TestHaltLogger checks that the first consensus failure in the log halts the node, whichever module logs it, and that other errors do not.
func TestHaltLogger(t *testing.T) {
	h := newHalt()
	log := haltLogger{cmtlog.NewNopLogger(), h}.With("module", "consensus")
	log.Error("something else", "err", "a")
	log.Info(consensusFailure, "err", "b")
	if h.why() != "" {
		t.Errorf("halted: %s", h.why())
	}
	log.Error(consensusFailure, "height", 5, "err", errors.New("no space left on device"), "stack", "…")
	log.Error(consensusFailure, "err", "again")
	if h.why() != "no space left on device" {
		t.Errorf("halted because of %q", h.why())
	}
	// A closed connection halts the node only if consensus failed because of it.
	h = newHalt()
	log = haltLogger{cmtlog.NewNopLogger(), h}
	log.Error("MConnection flush failed", "err", net.ErrClosed)
	if h.why() != "" {
		t.Errorf("halted: %s", h.why())
	}
	log.Error(consensusFailure, "err", fmt.Errorf("failed to process committed block: %w", net.ErrClosed))
	if want := "failed to process committed block: use of closed network connection"; h.why() != want {
		t.Errorf("halted because of %q, want %q", h.why(), want)
	}
}

// TestHaltOnASignedBlock checks that a block from a peer halts the node if its signed header has another app hash than the node. Other
// blocks that CometBFT rejects are the fault of the peer, and do not.
func TestHaltOnASignedBlock(t *testing.T) {
	h := newHalt()
	log := haltLogger{cmtlog.NewNopLogger(), h}
	for _, reason := range []string{"wrong signature (#1): AA", "verify ingest candidate: wrong Block.Header.AppHash.  Expected A, got B", "wrong Block.Header.ChainID. Expected a, got b"} {
		log.Error(refusedBlock, "err", errors.New(reason))
	}
	log.Error("something else", "err", errors.New("wrong Block.Header.AppHash.  Expected A, got B"))
	if h.why() != "" {
		t.Errorf("halted: %s", h.why())
	}
	log.Error(refusedBlock, "height", 5, "hash", "AB", "err", errors.New("wrong Block.Header.AppHash.  Expected A, got B"))
	if h.why() != "wrong Block.Header.AppHash.  Expected A, got B" {
		t.Errorf("halted because of %q", h.why())
	}
}

// failingApp is an app whose methods return err.
type failingApp struct{ abcitypes.Application }

func (failingApp) FinalizeBlock(context.Context, *abcitypes.RequestFinalizeBlock) (*abcitypes.ResponseFinalizeBlock, error) {
	return nil, errors.New("no space left")
}

func (failingApp) Commit(context.Context, *abcitypes.RequestCommit) (*abcitypes.ResponseCommit, error) {
	return nil, errors.New("no space left")
}

// TestHaltingApp checks that an error of the app halts the node while it catches up, and is returned to CometBFT before and afterwards.
func TestHaltingApp(t *testing.T) {
	for want, call := range map[string]func(*haltingApp) error{
		"block 7 cannot be executed: no space left": func(a *haltingApp) error {
			_, err := a.FinalizeBlock(t.Context(), &abcitypes.RequestFinalizeBlock{Height: 7})
			return err
		},
		"a block cannot be committed: no space left": func(a *haltingApp) error {
			_, err := a.Commit(t.Context(), &abcitypes.RequestCommit{})
			return err
		},
	} {
		a := &haltingApp{Application: failingApp{}, halt: newHalt()}
		syncing := true
		is := func() bool { return syncing }
		if err := call(a); err == nil || a.halt.why() != "" {
			t.Errorf("before the start: %v, halted %q", err, a.halt.why())
		}
		a.syncing.Store(&is)
		syncing = false
		if err := call(a); err == nil || a.halt.why() != "" {
			t.Errorf("in consensus: %v, halted %q", err, a.halt.why())
		}
		syncing = true
		returned := make(chan error, 1)
		go func() { returned <- call(a) }()
		select {
		case <-a.halt.done:
		case err := <-returned:
			t.Fatalf("it returns %v to a goroutine that panics", err)
		}
		if a.halt.why() != want {
			t.Errorf("halted because of %q, want %q", a.halt.why(), want)
		}
	}
}

// TestOurLevel checks that our log level is that of the module starkd, or else that of all modules.
func TestOurLevel(t *testing.T) {
	for text, want := range map[string]string{
		"info": "INFO", "debug": "DEBUG", "error": "ERROR", "none": "ERROR+1", "consensus:debug,*:error": "ERROR", "starkd:debug,*:error": "DEBUG",
		"*:error,starkd:warn": "WARN", "consensus:debug": "INFO",
	} {
		if got, err := ourLevel(text); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "loud", "starkd:", "*:info,starkd:x"} {
		if got, err := ourLevel(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
