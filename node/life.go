package node

import (
	"context"
	"errors"
	"sync"
)

// life orders Run and Close: there is at most one run, and closing ends it first.
type life struct {
	mu     sync.Mutex // held by the run to its end
	ran    bool       // guarded by mu
	closed bool       // guarded by mu

	closing context.Context // ends when end is called
	cancel  context.CancelFunc
}

func newLife() *life {
	ctx, cancel := context.WithCancel(context.Background())
	return &life{closing: ctx, cancel: cancel}
}

// begin begins the run. Its context ends with ctx and when end is called. The caller must call finish.
func (l *life) begin(ctx context.Context) (running context.Context, finish func(), err error) {
	if !l.mu.TryLock() {
		return nil, nil, errors.New("node: it runs already, or is being closed")
	}
	if l.ran || l.closed {
		l.mu.Unlock()
		return nil, nil, errors.New("node: it has run or is closed")
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
