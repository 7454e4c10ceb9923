package app

import (
	"errors"
	"testing"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/crypto/felt"
)

// liar is the VM with a result that is one unit of gas off in one entry point.
type liar struct {
	cairo.Engine
	about felt.Felt
}

func (l *liar) Begin() cairo.Session { return &lyingSession{l.Engine.Begin(), l.about} }

type lyingSession struct {
	cairo.Session
	about felt.Felt
}

func (l *lyingSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	result, err := l.Session.Run(call, sys)
	if err == nil && call.Selector == l.about {
		result.GasLeft--
	}
	return result, err
}

// TestEnginesDiffer checks that the chain stops if two engines differ by one unit of gas in any call of a transaction: the node neither
// votes for the block nor executes it, and does not blame the transaction.
func TestEnginesDiffer(t *testing.T) {
	for _, about := range []string{"__execute__", "increment_other", "increment", "get", "transfer"} {
		c := newChainOn(t, dbm.NewMemDB())
		store, err := state.Open(c.db)
		if err != nil {
			t.Fatal(err)
		}
		reference := vm.NewEngine()
		both := cairo.Both(reference, &liar{reference, executor.Selector(about)})
		if c.app, err = New(store, both, compile, Config{}); err != nil {
			t.Fatal(err)
		}
		height, root := c.app.Info()
		raw := c.alice.sign(t, c.alice.invoke(call{c.counter, "increment_other", []felt.Felt{c.counter}}))
		_, propose := c.app.Propose(c.next(raw), 1<<20)
		process := c.app.Process(c.next(raw))
		_, finalize := c.app.Finalize(c.next(raw))
		for step, err := range map[string]error{"proposing": propose, "judging a proposal": process, "executing": finalize} {
			if _, ok := errors.AsType[*cairo.DifferenceError](err); !ok {
				t.Errorf("engines differ in %s, %s: %v", about, step, err)
			}
			if _, ok := errors.AsType[*executor.Rejection](err); ok {
				t.Errorf("engines differ in %s, %s: the transaction is blamed: %v", about, step, err)
			}
		}
		if after, now := c.app.Info(); after != height || string(now) != string(root) {
			t.Errorf("engines differ in %s: height %d %x, was %d %x", about, after, now, height, root)
		}
	}
}
