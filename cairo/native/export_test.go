package native

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync/atomic"

	"github.com/tetratelabs/wazero"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/sierra"
)

// Garble overwrites the memory of all free arenas, except their constants, with random bytes. It returns the number of free arenas.
func (e *Engine) Garble(r *rand.Rand) int {
	for _, a := range e.pool.free {
		b, _ := a.mem.Read(uint32(a.heapBase), a.mem.Size()-uint32(a.heapBase))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return len(e.pool.free)
}

// Poison makes the engine overwrite memory that nothing may read with garbage, before each run and when a frame frees memory.
func (e *Engine) Poison() {
	r := rand.New(rand.NewPCG(6, 6))
	e.poison = make([]byte, 1<<16)
	for i := range e.poison {
		e.poison[i] = byte(r.Uint32())
	}
}

// Forget closes the free arenas, so that the next run starts with a new one.
func (e *Engine) Forget() {
	for a := e.pool.pop(); a != nil; a = e.pool.pop() {
		a.close()
	}
}

// Functions is a compiled program whose functions can be called one by one.
type Functions struct {
	*layout
	in   *instance
	a    *arena
	e    *Engine
	comp *compiler

	compiled wazero.CompiledModule
}

// Functions compiles all functions of a program, which need not be a class.
func (e *Engine) Functions(program *sierra.Program, info *sierra.GasInfo) (f *Functions, err error) {
	defer func() {
		if r, ok := recover().(unsupported); ok {
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
	l := c.finish()
	f = &Functions{layout: &c.layout, e: e, comp: c}
	compiled, err := e.runtime.CompileModule(context.Background(), l.code)
	if err != nil {
		return nil, err
	}
	f.compiled = compiled
	if f.a, err = e.take(&session{engine: e}); err != nil {
		return nil, err
	}
	r := f.a.push(nil)
	r.setHeap(f.a.heapBase)
	f.in = f.a.bind(r, &class{compiled: compiled, data: l.data})
	f.a.pop()
	return f, nil
}

// Size returns the number of slots of a type.
func (f *Functions) Size(id sierra.TypeID) int { return f.size(id) }

// IntSlots returns the slots of an integer.
func (f *Functions) IntSlots(id sierra.TypeID, v *big.Int) []uint64 {
	_, class := f.ints(id)
	var out []uint64
	for _, s := range intSlots(v, class) {
		out = append(out, s.value)
	}
	return out
}

// Int returns the integer of a type with the slots s.
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

// Begin starts a call with an empty heap.
func (f *Functions) Begin(sys cairo.Syscalls) {
	f.a.depth = 0
	r := f.a.push(sys)
	f.a.poison(f.a.heapBase, uint64(f.a.mem.Size()))
	r.setHeap(f.a.heapBase)
	binary.LittleEndian.PutUint64(r.at(baseCell, 8), f.in.base)
}

// Stop sets the stop flag of the calls after Begin.
func (f *Functions) Stop(stop *atomic.Bool) { f.a.top().stop = stop }

// Words copies words to newly allocated memory and returns their address.
func (f *Functions) Words(w ...uint64) uint64 { return f.a.top().words(w...) }

// Read returns a copy of n words.
func (f *Functions) Read(at uint64, n int) []uint64 { return f.a.top().read(at, n) }

// Call calls a function with the slots of its arguments and returns the slots of its results.
func (f *Functions) Call(id sierra.FuncID, args []uint64) ([]uint64, error) {
	sig := f.comp.functionSignature(id)
	stack := make([]uint64, max(sig.params, sig.results))
	if copy(stack, args); len(args) != sig.params {
		return nil, fmt.Errorf("%d slots of arguments, want %d", len(args), sig.params)
	}
	if err := f.in.module.ExportedFunction(exportName(id)).CallWithStack(f.a.ctx, stack); err != nil {
		if r := f.a.top(); r.err != nil {
			err = r.err
		}
		return nil, err
	}
	return stack[:sig.results], nil
}

// Close frees the instance and its code.
func (f *Functions) Close() {
	f.a.close()
	_ = f.compiled.Close(context.Background())
}

// CompileAll returns the module with all functions of a program, and its size in bytes.
func CompileAll(program *sierra.Program, info *sierra.GasInfo) (code []byte, size int, err error) {
	defer func() {
		if r, ok := recover().(unsupported); ok {
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
	code = c.finish().code
	return code, len(code), nil
}

// GasTokens holds the engine's builtin costs, for TestConstants.
var GasTokens = gasTokens

// Classes returns the number of the engine's classes, the number of instances in free arenas, and the bytes of those arenas' memory: as the
// pool counts them and as they are.
func (e *Engine) Classes() (n, instances int, counted, real int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.pool.free {
		real += int64(a.mem.Size())
		instances += len(a.instances)
	}
	return len(e.classes), instances, e.pool.bytes, real
}

// Kept returns the number of functions that the free arenas keep, as they count them.
func (e *Engine) Kept() (n int) {
	for _, a := range e.pool.free {
		n += a.functions
	}
	return n
}
