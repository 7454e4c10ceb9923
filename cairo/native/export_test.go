package native

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"

	"github.com/tetratelabs/wazero"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/sierra"
)

// Garble overwrites the heaps of all instances that wait for their next run with random bytes, and returns how many there are.
func (e *Engine) Garble(r *rand.Rand) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, cl := range e.classes {
		for _, in := range cl.free {
			b, _ := in.mem.Read(uint32(cl.heap), in.mem.Size()-uint32(cl.heap))
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			n++
		}
	}
	return n
}

// Functions are all functions of a program, callable one by one.
type Functions struct {
	*layout
	in   *instance
	heap uint64
	e    *Engine
	comp *compiler

	compiled wazero.CompiledModule
}

// Functions compiles all functions of a program that is no class.
func (e *Engine) Functions(program *sierra.Program, info *sierra.GasInfo) (f *Functions, err error) {
	defer func() {
		if r, ok := recover().(refusal); ok {
			err = errors.New(r.reason)
		}
	}()
	c, err := newCompiler(program, info)
	if err != nil {
		return nil, err
	}
	for i := range program.Funcs {
		c.export(sierra.FuncID(i))
	}
	code, heap, err := c.finish()
	if err != nil {
		return nil, err
	}
	f = &Functions{layout: &c.layout, heap: heap, e: e, comp: c}
	compiled, err := e.runtime.CompileModule(context.Background(), code)
	if err != nil {
		return nil, err
	}
	f.compiled = compiled
	f.in, err = e.instance(&class{compiled: compiled})
	return f, err
}

// Size is the number of slots of a type.
func (f *Functions) Size(id sierra.TypeID) int { return f.size(id) }

// IntSlots are the slots of an integer.
func (f *Functions) IntSlots(id sierra.TypeID, v *big.Int) []uint64 {
	_, class := f.ints(id)
	var out []uint64
	for _, s := range intSlots(v, class) {
		out = append(out, s.value)
	}
	return out
}

// Int is the integer with these slots.
func (f *Functions) Int(id sierra.TypeID, s []uint64) *big.Int {
	_, class := f.ints(id)
	switch {
	case class == classFelt:
		v := feltAt(s)
		return v.BigInt()
	case class.signed() && int64(s[len(s)-1]) < 0:
		return new(big.Int).Sub(bigOf(s), pow2(uint(64*len(s))))
	}
	return bigOf(s)
}

// Begin starts a call: memory is empty.
func (f *Functions) Begin(sys cairo.Syscalls) {
	f.in.run = run{mem: f.in.mem, sys: sys, memo: &f.e.memo}
	binary.LittleEndian.PutUint64(f.in.run.at(heapCell, 8), f.heap)
}

// Words puts words into memory.
func (f *Functions) Words(w ...uint64) uint64 { return f.in.run.words(w...) }

// Read reads words.
func (f *Functions) Read(at uint64, n int) []uint64 { return f.in.run.read(at, n) }

// Call calls a function with the slots of its arguments.
func (f *Functions) Call(id sierra.FuncID, args []uint64) ([]uint64, error) {
	sig := f.comp.functionSignature(id)
	stack := make([]uint64, max(sig.params, sig.results))
	if copy(stack, args); len(args) != sig.params {
		return nil, fmt.Errorf("%d slots of arguments, want %d", len(args), sig.params)
	}
	if err := f.in.module.ExportedFunction(exportName(id)).CallWithStack(f.in.ctx, stack); err != nil {
		if f.in.run.err != nil {
			err = f.in.run.err
		}
		return nil, err
	}
	return stack[:sig.results], nil
}

// Close frees the instance and its code.
func (f *Functions) Close() {
	_ = f.in.module.Close(context.Background())
	_ = f.compiled.Close(context.Background())
}

// CompileAll is the module of all functions and its size.
func CompileAll(program *sierra.Program, info *sierra.GasInfo) (code []byte, size int, err error) {
	defer func() {
		if r, ok := recover().(refusal); ok {
			err = errors.New(r.reason)
		}
	}()
	c, err := newCompiler(program, info)
	if err != nil {
		return nil, 0, err
	}
	for i := range program.Funcs {
		c.export(sierra.FuncID(i))
	}
	code, _, err = c.finish()
	return code, len(code), err
}

// For the test that compares them with the VM's.
const EntryPointBudget = entryPointBudget

var GasTokens = gasTokens

// Classes is the number of classes that the engine has, and the bytes of its free instances' memory as counted and as they are.
func (e *Engine) Classes() (n int, counted, real int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, cl := range e.classes {
		for _, in := range cl.free {
			real += int64(in.mem.Size())
		}
	}
	return len(e.classes), e.pooled.Load(), real
}
