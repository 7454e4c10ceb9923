package app

import "sync"

// background owns the goroutines that an App starts. They read the store, so they must end before its database is closed.
type background struct {
	mu      sync.Mutex
	closed  bool
	closing chan struct{} // closed by close
	running sync.WaitGroup
}

func newBackground() *background { return &background{closing: make(chan struct{})} }

// run calls f in a goroutine. After close it does nothing.
func (b *background) run(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.running.Go(f)
	}
}

// stopped reports whether close was called. Long work checks it and ends early.
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

// Close waits for the app's background work, such as the state root of a proposed block and the compilation of classes. The caller
// closes the store's database afterwards. Calling Close again does nothing; no other method may be called after it.
func (a *App) Close() { a.background.close() }
