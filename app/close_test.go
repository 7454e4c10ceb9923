package app

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
)

// closable is a database that counts reads after it was closed.
type closable struct {
	dbm.DB
	closed atomic.Bool
	late   atomic.Int64 // reads after closed was set
}

func (d *closable) read() {
	if d.closed.Load() {
		d.late.Add(1)
	}
}

func (d *closable) Get(key []byte) ([]byte, error) {
	d.read()
	return d.DB.Get(key)
}

func (d *closable) Has(key []byte) (bool, error) {
	d.read()
	return d.DB.Has(key)
}

func (d *closable) Iterator(start, end []byte) (dbm.Iterator, error) {
	d.read()
	return d.DB.Iterator(start, end)
}

func (d *closable) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	d.read()
	return d.DB.ReverseIterator(start, end)
}

// slow is an engine whose Precompile blocks until it receives from gate.
type slow struct {
	cairo.Engine
	gate chan struct{}
}

func (s *slow) Precompile(*cairo.Class) { <-s.gate }

// TestClose checks that Close waits for the background work, so that nothing reads the closed database.
func TestClose(t *testing.T) {
	db := &closable{DB: dbm.NewMemDB()}
	c := newChainOn(t, db)
	c.run(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))
	if err := c.app.Process(c.next(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))); err != nil {
		t.Fatal(err)
	}
	c.app.Close() // the state root of the proposed block may still be computed
	db.closed.Store(true)
	if n := db.late.Load(); n != 0 {
		t.Errorf("%d reads of a closed database", n)
	}
	db.closed.Store(false)

	store, err := state.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		engine := &slow{vm.NewEngine(), make(chan struct{})}
		a, err := New(store, engine, compile, Config{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the engine is in Precompile of the first class
		var closed atomic.Bool
		go func() { a.Close(); closed.Store(true) }()
		synctest.Wait()
		if closed.Load() {
			t.Error("Close returned during a call of Precompile")
		}
		engine.gate <- struct{}{} // for the first class; others follow
		synctest.Wait()
		if !closed.Load() {
			t.Error("Close waits for all classes, want only the current one")
		}
		a.Close()
		a.background.run(func() { t.Error("work begins after Close") })
		synctest.Wait()
		close(engine.gate)
	})
	db.closed.Store(true)
	if n := db.late.Load(); n != 0 {
		t.Errorf("%d reads of a closed database", n)
	}
}
