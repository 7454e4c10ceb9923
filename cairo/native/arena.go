package native

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// arena is a linear memory and the instances of classes that are bound to it. A session uses an arena alone. Each frame allocates above
// its caller's memory, so arrays that frames pass to each other need not move. The classes' constants are below the heap base and
// outlast the calls.
type arena struct {
	engine    *Engine
	session   *session   // the session that uses the arena, nil if it is free
	module    api.Module // the module that exports the memory
	mem       api.Memory
	ctx       context.Context // the context of the running code; host functions find the arena in it
	instances map[*class]*instance
	unpinned  []*instance // the instances whose constants are not below the heap base
	heapBase  uint64
	functions int    // number of functions kept in the instances' entries
	frames    []*run // by depth; frames beyond depth are kept for later calls
	depth     int    // number of running frames
	broken    bool   // a run fell back: the arena cannot be used again
	evictions uint64 // Engine.evictions when instances of evicted classes were last closed
}

// instance is a class's module, bound to an arena's memory.
type instance struct {
	module   api.Module
	class    *class
	base     uint64 // address of the class's constants, 0 if they are not in memory
	unpinned bool   // the instance is in arena.unpinned
	// entries holds functions that no frame runs. A function that is called again while it runs needs another stack.
	entries map[sierra.FuncID][]api.Function
}

// arenaKey is the key under which a context holds the arena.
type arenaKey struct{}

// Bounds of the memory and stacks that are kept for later calls.
const (
	maxPooledPages = 1024      // pages of one arena's memory: 64 MB
	maxPooled      = 16        // free arenas
	maxPooledBytes = 256 << 20 // memory of all free arenas
	maxInstances   = 128       // instances of one arena
	maxHeapBase    = 16 << 20  // heap base of one arena
	maxFunctions   = 1024      // functions of one arena, each with a stack of its own
)

// pool holds the free arenas; the last one was used most recently.
type pool struct {
	mu    sync.Mutex
	free  []*arena
	bytes int64
}

// take returns an arena for a session: a free one, or a new one if there is none.
func (e *Engine) take(s *session) (*arena, error) {
	if a := e.pool.pop(); a != nil {
		a.session = s
		return a, nil
	}
	ctx := context.Background()
	m, err := e.runtime.InstantiateModule(ctx, e.memory, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, err
	}
	a := &arena{engine: e, session: s, module: m, mem: m.Memory(), instances: map[*class]*instance{}, heapBase: firstHeapBase}
	a.ctx = context.WithValue(ctx, arenaKey{}, a)
	return a, nil
}

// pop removes and returns the most recently used arena, nil if there is none.
func (p *pool) pop() *arena {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	a := p.free[n-1]
	p.free = p.free[:n-1]
	p.bytes -= int64(a.mem.Size())
	return a
}

// put returns an arena to the pool for a later session, or closes it if it exceeds the pool's bounds.
func (e *Engine) put(a *arena) {
	a.session = nil
	size := int64(a.mem.Size())
	if size > maxPooledPages*pageSize || len(a.instances) > maxInstances {
		a.close()
		return
	}
	p := &e.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := e.evictions.Load(); n != a.evictions {
		for cl := range a.instances {
			if cl.evicted.Load() {
				a.drop(cl)
			}
		}
		a.evictions = n
	}
	if len(p.free) == maxPooled || p.bytes+size > maxPooledBytes {
		a.close()
		return
	}
	p.bytes += size
	p.free = append(p.free, a)
}

// drop closes the free arenas' instances of a class.
func (p *pool) drop(cl *class) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.free {
		a.drop(cl)
	}
}

// drop closes the instance of a class.
func (a *arena) drop(cl *class) {
	if in := a.instances[cl]; in != nil {
		_ = in.module.Close(context.Background())
		for _, free := range in.entries {
			a.functions -= len(free)
		}
		delete(a.instances, cl)
	}
}

// close closes the instances and the memory.
func (a *arena) close() {
	for cl := range a.instances {
		a.drop(cl)
	}
	_ = a.module.Close(context.Background())
}

// instantiate returns an instance of a module that is bound to the arena's memory.
func (a *arena) instantiate(m wazero.CompiledModule) (api.Module, error) {
	ctx := experimental.WithImportResolver(context.Background(), func(name string) api.Module {
		if name == memoryModule {
			return a.module
		}
		return nil // wazero finds other modules by their names
	})
	return a.engine.runtime.InstantiateModule(ctx, m, wazero.NewModuleConfig().WithName(""))
}

// bind returns the instance of a class and makes sure that its constants are in memory.
func (a *arena) bind(r *run, cl *class) *instance {
	in := a.instances[cl]
	if in == nil {
		m, err := a.instantiate(cl.compiled)
		if err != nil {
			r.abort(fallback(ReasonInternal, "%v", err))
		}
		in = &instance{module: m, class: cl, entries: map[sierra.FuncID][]api.Function{}}
		a.instances[cl] = in
	}
	if in.base != 0 {
		return in
	}
	n := uint64(len(cl.data))
	in.base = uint64(r.alloc(n))
	copy(r.at(in.base, n), cl.data)
	switch {
	case a.depth == 1: // no frame has allocated memory yet
		a.heapBase = in.base + n
	case !in.unpinned:
		in.unpinned = true
		a.unpinned = append(a.unpinned, in)
	}
	return in
}

// settle ends an outermost call: it copies the constants of unpinned instances below the heap base, which it raises. It reports whether
// the arena can be used again.
func (a *arena) settle() bool {
	if a.broken {
		return false
	}
	for _, in := range a.unpinned {
		n := uint64(len(in.class.data))
		b, ok := a.mem.Read(uint32(a.heapBase), uint32(n))
		if !ok {
			return false
		}
		copy(b, in.class.data)
		in.base, in.unpinned = a.heapBase, false
		a.heapBase += n
	}
	a.unpinned = a.unpinned[:0]
	return a.heapBase <= maxHeapBase
}

// push begins a frame.
func (a *arena) push(sys cairo.Syscalls) *run {
	if a.depth == len(a.frames) {
		a.frames = append(a.frames, new(run))
	}
	r := a.frames[a.depth]
	*r = run{arena: a, mem: a.mem, sys: sys, memo: &a.engine.memo}
	a.depth++
	return r
}

// pop ends the running frame and returns to its caller's.
func (a *arena) pop() {
	a.depth--
	*a.frames[a.depth] = run{}
	if a.depth > 0 {
		r := a.frames[a.depth-1]
		binary.LittleEndian.PutUint64(r.at(baseCell, 8), r.base)
	}
}

// top returns the frame that is running.
func (a *arena) top() *run { return a.frames[a.depth-1] }

// call runs a function of a class in a new frame. calldata is the span of the call's calldata if the caller has it in the arena, else the
// zero span; retdata is the span of the return data, the zero span for an outermost call.
func (a *arena) call(cl *class, id sierra.FuncID, call *cairo.Call, calldata span, sys cairo.Syscalls) (res cairo.Result, retdata span, err error) {
	r := a.push(sys)
	r.stop = call.Stop
	defer func() {
		if recover() != nil { // a panic outside of the module: while calldata is written or a result is read
			if err = r.err; err == nil {
				err = fallback(ReasonInternal, "a host function failed")
			}
		}
		if f, ok := errors.AsType[*cairo.FallbackError](err); ok && !a.broken {
			a.broken = true
			a.blame(f)
		}
		a.pop()
	}()
	if a.depth == 1 {
		a.poison(a.heapBase, uint64(a.mem.Size()))
		r.setHeap(a.heapBase)
	}
	in := a.bind(r, cl)
	r.base = in.base
	binary.LittleEndian.PutUint64(r.at(baseCell, 8), in.base)
	r.class, r.bottom = cl, r.heap()

	var fn api.Function
	if free := in.entries[id]; len(free) > 0 {
		fn, in.entries[id] = free[len(free)-1], free[:len(free)-1]
		a.functions--
	} else if fn = in.module.ExportedFunction(exportName(id)); fn == nil {
		return res, span{}, fallback(ReasonInternal, "function %d is not exported", id)
	}
	var stack [5]uint64
	stack[0] = call.Gas - constants.EntryPointGas
	if calldata.holds(call.Calldata) {
		stack[1], stack[2], stack[3] = calldata.start, calldata.end, calldata.end
	} else {
		stack[1], stack[2], stack[3] = r.array(call.Calldata)
	}
	if err := fn.CallWithStack(a.ctx, stack[:]); err != nil {
		return res, span{}, r.failure(err)
	}
	if cl.shallow && a.functions < maxFunctions { // a function keeps its stack, which never shrinks
		in.entries[id] = append(in.entries[id], fn)
		a.functions++
	}
	start, end := stack[2], stack[3]
	res = cairo.Result{GasLeft: stack[0], Failed: stack[1] != 0}
	if res.GasLeft > call.Gas {
		return cairo.Result{}, span{}, cairo.RunErrorf("unexpected remaining gas: %d of %d", res.GasLeft, call.Gas)
	}
	if a.depth == 1 {
		res.Retdata = r.felts(start, end)
		return res, span{}, nil
	}
	start, end = r.giveBack(start, end)
	res.Retdata = r.view(start, end)
	return res, span{start, end}, nil
}

// failure returns the error of a run whose code ended early with wazero's err.
func (r *run) failure(err error) error {
	switch {
	case r.err != nil:
		return r.err
	case strings.Contains(err.Error(), "stack overflow"):
		return fallback(ReasonStack, "%v", err)
	case strings.Contains(err.Error(), "unreachable"):
		return fallback(ReasonMemory, "%v", err)
	}
	return fallback(ReasonInternal, "%v", err)
}

// blame counts a fallback against the class that caused it: the class with the most memory if memory is full, else the class of the
// innermost frame.
func (a *arena) blame(f *cairo.FallbackError) {
	culprit := a.top().class
	if f.Reason == ReasonMemory {
		end, most := a.top().heap(), uint64(0)
		for i := a.depth - 1; i >= 0; i-- {
			if r := a.frames[i]; r.class != nil {
				if n := end - r.bottom; n >= most {
					culprit, most = r.class, n
				}
				end = r.bottom
			}
		}
	}
	if culprit != nil {
		culprit.fallbacks.Add(1)
	}
}

// smallAnswer is the size in bytes up to which return data is always moved.
const smallAnswer = 1024

// giveBack frees a frame's memory except for its return data, and returns the new span of the return data. It moves the return data to
// the frame's beginning if it is small or takes at most a fifth of the frame; otherwise it leaves the frame as it is.
func (r *run) giveBack(start, end uint64) (newStart, newEnd uint64) {
	a, bottom := r.arena, r.bottom
	heap, n := r.heap(), end-start
	switch {
	case n == 0 || end <= bottom: // no data, or data of a caller or among a class's constants
		r.setHeap(bottom)
	case n <= smallAnswer || heap-bottom >= 5*n:
		copy(r.at(bottom, n), r.at(start, n))
		start, end = bottom, bottom+n
		r.setHeap(end)
	default:
		return start, end
	}
	for _, in := range a.unpinned {
		if in.base >= bottom {
			in.base = 0
		}
	}
	a.poison(r.heap(), heap)
	return start, end
}

// poison overwrites memory that nothing may read any more, for tests. It writes at most the engine's poison, which is empty outside of
// tests.
func (a *arena) poison(from, to uint64) {
	if p := a.engine.poison; len(p) > 0 && from < to {
		if b, ok := a.mem.Read(uint32(from), uint32(min(to-from, uint64(len(p))))); ok {
			copy(b, p)
		}
	}
}
