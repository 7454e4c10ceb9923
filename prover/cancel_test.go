package prover

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover/stone"
)

// TestProveCancelled checks that Prove returns the context's error in the stage in which the context ends, or in the next.
func TestProveCancelled(t *testing.T) {
	run := stoneruns.Read(t, caseDir(t, "plain512-lcg-keccak-upd"))
	params := readProof(t, "stone-cases/plain512-lcg-keccak-upd/proof.json").Parameters
	total := 0
	if _, err := Prove(t.Context(), run, params, &Progress{Stage: func(_ string, _, n int) { total = n }}); err != nil {
		t.Fatal(err)
	}
	for at := range total - 1 { // the last stage has no long loop
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

// TestWorkCancelled checks that the search for the proof of work ends with the context. This search would take years.
func TestWorkCancelled(t *testing.T) {
	run := stoneruns.Read(t, caseDir(t, "plain512-lcg-keccak-upd"))
	params := readProof(t, "stone-cases/plain512-lcg-keccak-upd/proof.json").Parameters
	params.PowBits = 50
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

// TestCancelLatency measures how long Prove runs after its context has ended, for each stage of a proof with a watcher's
// parameters.
func TestCancelLatency(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("set STARKD_FULL=1 (make test-full)")
	}
	run := stoneruns.Read(t, caseDir(t, "rec131072-squash-pstar"))
	params := stone.DefaultParameters(run.Public.Steps)
	var stages []string
	var begun []time.Time
	if _, err := Prove(t.Context(), run, params, &Progress{Stage: func(name string, _, _ int) {
		stages, begun = append(stages, name), append(begun, time.Now())
	}}); err != nil {
		t.Fatal(err)
	}
	begun = append(begun, time.Now())
	whole, longest := begun[len(stages)].Sub(begun[0]), time.Duration(0)
	for k, name := range stages {
		took := begun[k+1].Sub(begun[k])
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan time.Time, 1)
		_, err := Prove(ctx, run, params, &Progress{Stage: func(_ string, number, _ int) {
			if number == k {
				time.AfterFunc(took/3, func() { cancelled <- time.Now(); cancel() })
			}
		}})
		after := time.Since(<-cancelled)
		if !errors.Is(err, context.Canceled) && err != nil {
			t.Fatal(err)
		}
		longest = max(longest, after)
		t.Logf("%-22s takes %6.2fs; cancelled, it ends %4d ms later", name, took.Seconds(), after.Milliseconds())
	}
	t.Logf("a proof takes %v, ends at most %v after it is cancelled", whole.Round(time.Millisecond), longest.Round(time.Millisecond))
	if longest > max(whole/8, 2*time.Second) { // generous, for slow machines
		t.Errorf("ends %v after it is cancelled", longest)
	}
}
