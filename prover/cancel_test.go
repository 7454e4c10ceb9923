package prover

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/stoneruns"
)

// Prove ends in the stage in which its context does, and says so.
func TestProveCancelled(t *testing.T) {
	run := stoneruns.Read(t, caseDir(t, "plain512-lcg-keccak-upd"))
	params := readProof(t, "stone-cases/plain512-lcg-keccak-upd/proof.json").Parameters
	total := 0
	if _, err := Prove(t.Context(), run, params, &Progress{Stage: func(_ string, _, n int) { total = n }}); err != nil {
		t.Fatal(err)
	}
	for at := range total - 1 { // the last one has no loop that is long
		ctx, cancel := context.WithCancel(t.Context())
		last := -1
		_, err := Prove(ctx, run, params, &Progress{Stage: func(_ string, number, _ int) {
			if last = number; number == at {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) || last > at+1 {
			t.Errorf("cancelled in stage %d: %v in stage %d", at, err, last)
		}
	}
}

// The search for the proof of work ends too: this one would take some years.
func TestWorkCancelled(t *testing.T) {
	run := stoneruns.Read(t, caseDir(t, "plain512-lcg-keccak-upd"))
	params := readProof(t, "stone-cases/plain512-lcg-keccak-upd/proof.json").Parameters
	params.WorkBits = 50
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Prove(ctx, run, params, &Progress{Stage: func(name string, number, total int) {
		if number == 8 {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// How long Prove goes on after its context has ended, at any moment of a proof as a watcher makes it.
func TestCancelLatency(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("set STARKD_FULL=1 (make test-full)")
	}
	const name = "rec131072-squash-pstar"
	run := stoneruns.Read(t, caseDir(t, name))
	params := DefaultParameters(run.Public.Steps)
	started := time.Now()
	if _, err := Prove(t.Context(), run, params, &Progress{Stage: func(name string, _, _ int) { t.Logf("%6.2fs %s", time.Since(started).Seconds(), name) }}); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(started)
	var longest time.Duration
	const tries = 12
	for i := range tries {
		ctx, cancel := context.WithCancel(t.Context())
		var cancelled time.Time
		stage := ""
		timer := time.AfterFunc(whole*time.Duration(2*i+1)/(2*tries), func() { cancelled = time.Now(); cancel() })
		_, err := Prove(ctx, run, params, &Progress{Stage: func(name string, _, _ int) { stage = name }})
		if timer.Stop() {
			continue // it was faster than the first one
		}
		took := time.Since(cancelled)
		cancel()
		if !errors.Is(err, context.Canceled) && err != nil {
			t.Fatal(err)
		}
		longest = max(longest, took)
		t.Logf("cancelled in %q: ended %v later", stage, took.Round(time.Millisecond))
	}
	t.Logf("a proof takes %v, ends at most %v after it is cancelled", whole.Round(time.Millisecond), longest.Round(time.Millisecond))
	if longest > whole/4 { // relative: the machine may be slow
		t.Errorf("ends %v after it is cancelled", longest)
	}
}
