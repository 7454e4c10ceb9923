package node

import (
	"context"
	"errors"
	"sync"
)

// life makes sure that there is at most one Run, and that Close ends it before it releases anything.
type life struct {
	mu     sync.Mutex // held from begin to finish
	ran    bool       // guarded by mu
	closed bool       // guarded by mu

	closing context.Context // ends when end is called
	cancel  context.CancelFunc
}

func newLife() *life {
	ctx, cancel := context.WithCancel(context.Background())
	return &life{closing: ctx, cancel: cancel}
}

// begin starts the run. The context running ends when ctx ends or end is called. The caller must call finish at the end of the run.
func (l *life) begin(ctx context.Context) (running context.Context, finish func(), err error) {
	if !l.mu.TryLock() {
		return nil, nil, errors.New("node: already running or being closed")
	}
	if l.ran || l.closed {
		l.mu.Unlock()
		return nil, nil, errors.New("node: has already run or is closed")
	}
	l.ran = true
	running, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.closing, cancel)
	return running, func() {
		stop()
		cancel()
		l.mu.Unlock()
	}, nil
}

// end ends the run, waits until it has finished, and calls release. Further calls do nothing.
func (l *life) end(release func() error) error {
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return release()
}
