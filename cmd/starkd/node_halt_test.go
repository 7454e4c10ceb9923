package main

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	cmtlog "github.com/cometbft/cometbft/libs/log"
)

// The last good and the first bad age; a halt goes before everything.
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
		r := healthReport{BlockAge: c.age, CatchingUp: c.catchingUp}
		r.judge(c.halted, c.most)
		if r.Status != c.status || (r.Reason == "") != (c.status == "ok") || c.halted != "" && r.Reason != c.halted {
			t.Errorf("%+v: %q, reason %q", c, r.Status, r.Reason)
		}
	}
}

// The first failure that CometBFT logs is the reason, from every module's logger; other errors are none.
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
	// What is no fault of anything else is one of consensus.
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

// The log level of our lines is that of the module starkd, or of all.
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
