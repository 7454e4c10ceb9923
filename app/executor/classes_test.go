package executor

import (
	"errors"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// definitionOf returns a class of Sierra 1.7 without statements.
func definitionOf(t *testing.T) *starknet.ContractClass {
	t.Helper()
	felts, err := sierra.EncodeFelts(&sierra.Program{Version: sierra.Version{Major: 1, Minor: 7}})
	if err != nil {
		t.Fatal(err)
	}
	return &starknet.ContractClass{SierraProgram: felts}
}

// TestClassesApart checks that undeclared classes do not evict declared ones, and that the least recently used class is evicted
// first.
func TestClassesApart(t *testing.T) {
	const size = 20_000
	compiled := 0
	c := NewClasses(func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error) {
		compiled++
		return &casm.Class{Bytecode: make([]felt.Felt, size)}, nil
	})
	definition := definitionOf(t)
	chain := &cairo.Class{Hash: u(1), Casm: &casm.Class{Bytecode: make([]felt.Felt, size)}}
	c.keep(chain)
	for i := range uint64(2 * maxFresh / size) {
		if err := c.Prepare(u(100+i), definition); err != nil {
			t.Fatal(err)
		}
		if i < maxFresh/size && c.find(u(100)) == nil { // which uses it
			t.Fatalf("the first class is gone after %d", i)
		}
	}
	if c.find(u(1)) != chain {
		t.Error("undeclared classes have evicted a declared one")
	}
	if c.fresh.felts > maxFresh || c.fresh.classes.Len() != maxFresh/size {
		t.Errorf("%d classes with %d felts are cached, want at most %d felts", c.fresh.classes.Len(), c.fresh.felts, maxFresh)
	}
	before := compiled
	last := u(100 + 2*maxFresh/size - 1)
	if err := c.Prepare(last, definition); err != nil || compiled != before {
		t.Errorf("a cached class is compiled again (%v)", err)
	}
	if c.find(last).Gas != nil {
		t.Error("an undeclared class has gas info, so the native engine would compile it")
	}
	c.Declared(last, definition)
	if class := c.chain.find(last); class == nil || class.Gas == nil || c.fresh.find(last) != nil {
		t.Error("a declared class is not in the cache of declared classes")
	}
}

// TestRejections checks that the latest rejections are remembered, and that a block compiles a class again on which the compiler
// panicked.
func TestRejections(t *testing.T) {
	compiled, panics := 0, false
	c := NewClasses(func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error) {
		compiled++
		if panics {
			panic("a defect")
		}
		return nil, errors.New("rejected")
	})
	definition := definitionOf(t)
	for i := range uint64(maxRejected + 1) {
		for range 2 {
			if err := c.Prepare(u(i+1), definition); err == nil {
				t.Fatal("not rejected")
			}
		}
	}
	if compiled != maxRejected+1 || c.rejected.Len() != maxRejected {
		t.Errorf("compiled %d times, %d are remembered; want %d and %d", compiled, c.rejected.Len(), maxRejected+1, maxRejected)
	}
	if _, _, known := c.lookup(u(1), false); known {
		t.Error("the oldest rejection is still remembered")
	}
	if _, _, known := c.lookup(u(2), true); !known {
		t.Error("the second oldest rejection is not remembered")
	}
	panics = true
	if err := c.Prepare(u(1_000_000), definition); err == nil {
		t.Fatal("not rejected")
	}
	if _, _, known := c.lookup(u(1_000_000), false); !known {
		t.Error("a panic is not remembered")
	}
	if _, _, known := c.lookup(u(1_000_000), true); known {
		t.Error("a block does not compile a class again after a panic")
	}
}
