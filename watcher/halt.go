package watcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/light"

	"github.com/starkd/starkd/prover"
)

// This file decides which errors halt a watcher and which are retried. Errors of a node are retried forever, with the next node. Errors of
// the proof store are retried storeAttempts times. All other errors halt the watcher: a [DivergenceError], a [ForkError], a
// [SelfCheckError], an error of the replica, a panic. A block that cannot be proved does not halt it, because users decide what is in a
// block.

// DivergenceError halts a watcher: its own execution of a block has another result than the one that the validators signed. The cause is
// a bug in one of two engines, a wrong genesis, or dishonest validators with two thirds of the power. No proof may be made in any case.
type DivergenceError struct {
	Height       int64
	What         string // "app hash" or "results hash"
	Ours, Signed []byte
}

func (e *DivergenceError) Error() string {
	return fmt.Sprintf("watcher: %s after block %d is %X by this replica, validators signed %X", e.What, e.Height, e.Ours, e.Signed)
}

// ForkError halts a watcher: the validators signed two headers that contradict each other.
type ForkError struct {
	Height int64
	Err    error
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("watcher: validators signed two histories at height %d: %v", e.Height, e.Err)
}

// Unwrap returns the underlying error.
func (e *ForkError) Unwrap() error { return e.Err }

// SelfCheckError halts a watcher: its own verifier rejects a proof that it made.
type SelfCheckError struct {
	Height int64
	Err    error
}

func (e *SelfCheckError) Error() string {
	return fmt.Sprintf("watcher: the verifier rejects this watcher's own proof of block %d: %v", e.Height, e.Err)
}

// Unwrap returns the error of the verifier.
func (e *SelfCheckError) Unwrap() error { return e.Err }

// permanent is an error that a retry cannot repair.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// storeError is an error of the proof store. It is retried a bounded number of times: a bucket may be unreachable for a minute, a full
// disk stays full.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// stored returns err as a storeError.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return storeError{err}
}

const (
	firstPause = 200 * time.Millisecond // before the first retry; the pause doubles with each retry up to lastPause
	lastPause  = 10 * time.Second
	// storeAttempts is the number of successive failures of the store after which the watcher halts, after 52 s of pauses.
	storeAttempts = 11
)

// isPermanent reports whether err halts the watcher at once.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[permanent](err); ok {
		return true
	}
	if _, ok := errors.AsType[*ForkError](err); ok {
		return true
	}
	_, ok := errors.AsType[*SelfCheckError](err)
	return ok
}

// retry calls what until it succeeds, or returns an error that halts the watcher, or ctx ends. Only such an error is returned.
func (w *Watcher) retry(ctx context.Context, doing string, what func() error) error {
	failures := 0 // of a store, in a row
	for pause := w.firstPause; ; pause = min(2*pause, lastPause) {
		err := what()
		if err == nil {
			w.recovered(doing)
			return nil
		}
		if isPermanent(err) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if _, ok := errors.AsType[storeError](err); !ok {
			failures = 0
		} else if failures++; failures == storeAttempts {
			return fmt.Errorf("watcher: %s failed %d times in a row: %w", doing, failures, err)
		}
		w.log.Warn("failed, will retry", "doing", doing, "err", err)
		w.troubled(doing, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// forked returns err as a ForkError if it says that the light client found two signed histories, and err unchanged if not.
func forked(height int64, err error) error {
	if errors.Is(err, light.ErrLightClientAttack) {
		return &ForkError{height, err}
	}
	return err
}

// refusedProof returns err as a SelfCheckError if it says that the prover rejected its own proof, and err unchanged if not.
func refusedProof(height int64, err error) error {
	if errors.Is(err, prover.ErrSelfCheck) {
		return &SelfCheckError{height, err}
	}
	return err
}
