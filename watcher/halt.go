package watcher

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cometbft/cometbft/light"
	"github.com/starkd/starkd/prover"
)

// What ends a watcher, and what it tries again. A node's answer, or its silence, is tried again without end, with the next node. A store
// that cannot be read or written is tried again storeAttempts times. Everything else ends Run with an error: a [DivergenceError], a
// [ForkError], a [SelfCheckError], a replica that fails, a panic. A block of which no proof can be made for a reason of its own is recorded as
// that and halts nothing: strangers write blocks.

// DivergenceError stops a watcher: its own execution of a block and what the validators signed differ. It means a bug in
// one of two engines, another genesis, or a dishonest two thirds of the validators; in any case no proof may be made.
type DivergenceError struct {
	Height       int64
	What         string // "app hash" or "results hash"
	Ours, Signed []byte
}

func (e *DivergenceError) Error() string {
	return fmt.Sprintf("watcher: %s after block %d is %X by this replica, validators signed %X", e.What, e.Height, e.Ours, e.Signed)
}

// ForkError stops a watcher: the validators signed two headers that contradict each other.
type ForkError struct {
	Height int64
	Err    error
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("watcher: validators signed two histories at height %d: %v", e.Height, e.Err)
}

// Unwrap returns what says so.
func (e *ForkError) Unwrap() error { return e.Err }

// SelfCheckError stops a watcher: a proof that it made is refused by its own verifier.
type SelfCheckError struct {
	Height int64
	Err    error
}

func (e *SelfCheckError) Error() string {
	return fmt.Sprintf("watcher: the proof made of block %d is refused by this watcher's own verifier: %v", e.Height, e.Err)
}

// Unwrap returns the refusal.
func (e *SelfCheckError) Unwrap() error { return e.Err }

// permanent is an error that trying again does not help.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// storeError is a proof store that does not do what it should. A bucket may be back in a minute, a full disk is not.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

func stored(err error) error {
	if err == nil {
		return nil
	}
	return storeError{err}
}

const (
	firstPause = 200 * time.Millisecond // between two attempts; then twice as much each time
	lastPause  = 10 * time.Second
	// storeAttempts is how often in a row a store may fail: 52 s of pauses.
	storeAttempts = 11
)

// isPermanent reports an error that ends the watcher at once.
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

// retry does what until it ends without an error, or with one that ends the watcher, or ctx ends.
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
		w.log.Warn("will try again", "doing", doing, "err", err)
		w.troubled(doing, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// guard turns a panic of what into an error that ends the watcher, so that its reason can be read where operators look for it. The
// stack is in the log.
func (w *Watcher) guard(doing string, what func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			w.log.Error("panic", "doing", doing, "panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("watcher: %s: panic: %v", doing, fault)
		}
	}()
	return what()
}

// forked is err as a ForkError if it is a proof that validators signed two histories, and err if not.
func forked(height int64, err error) error {
	if errors.Is(err, light.ErrLightClientAttack) {
		return &ForkError{height, err}
	}
	return err
}

// refusedProof is err as a SelfCheckError if it is that of a proof that was made and refused, and err if not.
func refusedProof(height int64, err error) error {
	if errors.Is(err, prover.ErrSelfCheck) {
		return &SelfCheckError{height, err}
	}
	return err
}
