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

// TestClassesApart: classes that are not declared push none of the chain's out of memory, and what is dropped is
// what was used longest ago.
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
		t.Error("classes that are not declared have pushed out one of the chain")
	}
	if c.fresh.felts > maxFresh || c.fresh.classes.Len() != maxFresh/size {
		t.Errorf("%d classes with %d felts are kept, at most %d", c.fresh.classes.Len(), c.fresh.felts, maxFresh)
	}
	before := compiled
	last := u(100 + 2*maxFresh/size - 1)
	if err := c.Prepare(last, definition); err != nil || compiled != before {
		t.Errorf("a class that is known is compiled again (%v)", err)
	}
	if c.find(last).Gas != nil {
		t.Error("a class that is not declared is the native engine's")
	}
	c.Declared(last, definition)
	if class := c.chain.find(last); class == nil || class.Gas == nil || c.fresh.find(last) != nil {
		t.Error("a declared class is not kept as one of the chain")
	}
}

// TestRefusals: refusals are remembered, the latest of them; what made the compiler panic is tried again by a block.
func TestRefusals(t *testing.T) {
	compiled, panics := 0, false
	c := NewClasses(func(*starknet.ContractClass, *sierra.Program) (*casm.Class, error) {
		compiled++
		if panics {
			panic("a defect")
		}
		return nil, errors.New("refused")
	})
	definition := definitionOf(t)
	for i := range uint64(maxRejected + 1) {
		for range 2 {
			if err := c.Prepare(u(i+1), definition); err == nil {
				t.Fatal("not refused")
			}
		}
	}
	if compiled != maxRejected+1 || c.rejected.Len() != maxRejected {
		t.Errorf("compiled %d times, %d are remembered; want %d and %d", compiled, c.rejected.Len(), maxRejected+1, maxRejected)
	}
	if _, _, known := c.look(u(1), false); known {
		t.Error("the oldest is still remembered")
	}
	if _, _, known := c.look(u(2), true); !known {
		t.Error("the second oldest is not remembered")
	}
	panics = true
	if err := c.Prepare(u(1_000_000), definition); err == nil {
		t.Fatal("not refused")
	}
	if _, _, known := c.look(u(1_000_000), false); !known {
		t.Error("a panic is not remembered")
	}
	if _, _, known := c.look(u(1_000_000), true); known {
		t.Error("a panic binds blocks")
	}
}
