package app

import "sync"

// background owns the goroutines that an App starts. They read the store, so they end before its database is closed.
type background struct {
	mu      sync.Mutex
	closed  bool
	closing chan struct{} // closed by close
	running sync.WaitGroup
}

func newBackground() *background { return &background{closing: make(chan struct{})} }

// run calls f in a goroutine, or not at all after close.
func (b *background) run(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.running.Go(f)
	}
}

// stopped reports whether close was called. Work that nobody waits for ends when it is.
func (b *background) stopped() bool {
	select {
	case <-b.closing:
		return true
	default:
		return false
	}
}

func (b *background) close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.closing)
	}
	b.mu.Unlock()
	b.running.Wait()
}

// Close waits for what the app does in the background: the state root of a proposed block, the engine's advance notice of classes.
// Callers close the store's database after it. Calling it again does nothing; no other method may be called after it.
func (a *App) Close() { a.background.close() }
