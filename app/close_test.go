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

// closable is a database that notes what is read of it after it was closed.
type closable struct {
	dbm.DB
	closed atomic.Bool
	late   atomic.Int64
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

// slow is an engine that takes as long as its gate is shut to hear of a class.
type slow struct {
	cairo.Engine
	gate chan struct{}
}

func (s *slow) Precompile(*cairo.Class) { <-s.gate }

// Close returns after what the app does in the background: nothing reads the database once it is closed.
func TestClose(t *testing.T) {
	db := &closable{DB: dbm.NewMemDB()}
	c := newChainOn(t, db)
	c.run(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))
	if err := c.app.Process(c.next(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))); err != nil {
		t.Fatal(err)
	}
	c.app.Close() // the state root of the proposed block may be under way
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
		synctest.Wait() // the engine is being told of the first class
		var closed atomic.Bool
		go func() { a.Close(); closed.Store(true) }()
		synctest.Wait()
		if closed.Load() {
			t.Error("Close returned while the app told the engine of classes")
		}
		engine.gate <- struct{}{} // of the first class; there are more
		synctest.Wait()
		if !closed.Load() {
			t.Error("Close waits for classes that nobody needs any more")
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
