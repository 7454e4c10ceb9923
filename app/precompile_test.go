package app

import (
	"slices"
	"sync"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// listener is an engine that records the classes of Precompile.
type listener struct {
	cairo.Engine
	mu    sync.Mutex
	heard []felt.Felt
}

func (l *listener) Precompile(c *cairo.Class) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, c.Hash)
}

// hears waits until Precompile was called for a class.
func (l *listener) hears(t *testing.T, when, name string) {
	t.Helper()
	for range 1000 {
		l.mu.Lock()
		found := slices.Contains(l.heard, classHash(t, name))
		l.mu.Unlock()
		if found {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s: the engine was not told of the class %s", when, name)
}

// TestPrecompile checks that Precompile is called for the classes that the genesis and blocks declare and, when a node starts, for those
// that the latest blocks declared or used.
func TestPrecompile(t *testing.T) {
	c := newChainOn(t, dbm.NewMemDB())
	start := func(db dbm.DB) *listener {
		store, err := state.Open(db)
		if err != nil {
			t.Fatal(err)
		}
		l := &listener{Engine: vm.NewEngine()}
		if c.app, err = New(store, l, compile, Config{}); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := start(dbm.NewMemDB())
	if _, err := c.app.InitGenesis(testChain, testTime, c.genesis); err != nil {
		t.Fatal(err)
	}
	l.hears(t, "genesis", contracts.UniversalDeployer)

	l = start(c.db)
	hash := classHash(t, contracts.Fibonacci)
	declare := &starknet.Declare{
		Common: c.alice.common(), SenderAddress: c.alice.address, Class: class(t, contracts.Fibonacci), ClassHash: hash,
		CompiledClassHash: official()[hash].BlakeHash(),
	}
	c.run(c.alice.sign(t, declare))
	l.hears(t, "declared", contracts.Fibonacci)
	for range recentBlocks {
		c.run()
	}
	c.run(c.alice.sign(t, c.alice.invoke(call{c.counter, "increment", nil})))

	l = start(c.db)
	for _, name := range []string{contracts.ERC20, contracts.Account, contracts.Counter} {
		l.hears(t, "started", name)
	}
	c.app.precompileRecent() // returns after Precompile was called for all classes
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.Contains(l.heard, hash) {
		t.Errorf("told of a class that was declared more than %d blocks ago", recentBlocks)
	}
}
