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

// arena is a linear memory and the instances of classes that are bound to it. A session has one to itself: each frame takes memory above
// its caller's, so that arrays that they pass to each other stay where they are. Below the heap base are the constants of the classes,
// which outlast the calls.
type arena struct {
	engine    *Engine
	session   *session   // that has it
	module    api.Module // whose memory it is
	mem       api.Memory
	ctx       context.Context // in which code runs: host functions find the arena in it
	instances map[*class]*instance
	unpinned  []*instance // whose constants are not below the heap base
	heapBase  uint64
	functions int    // in the instances' entries
	frames    []*run // by depth; those beyond it are kept for later
	depth     int
	broken    bool   // a run fell back: the arena cannot be used again
	evictions uint64 // of the engine, as of when instances of evicted classes were closed last
}

// instance is a class's module, bound to an arena's memory.
type instance struct {
	module   api.Module
	class    *class
	base     uint64 // where the class's constants are, 0 where they are nowhere
	unpinned bool
	// entries are the functions that no frame is in: one that is called again within itself needs another stack.
	entries map[sierra.FuncID][]api.Function
}

type arenaKey struct{}

// Bounds of what is kept for the next calls.
const (
	maxPooledPages = 1024      // of an arena's memory: 64 MB
	maxPooled      = 16        // arenas
	maxPooledBytes = 256 << 20 // memory of all arenas
	maxInstances   = 128       // of an arena
	maxHeapBase    = 16 << 20  // of an arena
	maxFunctions   = 1024      // of an arena, each with a stack of its own
)

// pool is the arenas that are free, those used last at the end.
type pool struct {
	mu    sync.Mutex
	free  []*arena
	bytes int64
}

// take returns a free arena, or a new one, for a session.
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

// put keeps an arena for the next session, or closes it.
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

func (a *arena) drop(cl *class) {
	if in := a.instances[cl]; in != nil {
		_ = in.module.Close(context.Background())
		for _, free := range in.entries {
			a.functions -= len(free)
		}
		delete(a.instances, cl)
	}
}

func (a *arena) close() {
	for cl := range a.instances {
		a.drop(cl)
	}
	_ = a.module.Close(context.Background())
}

// instantiate binds a module to the memory.
func (a *arena) instantiate(m wazero.CompiledModule) (api.Module, error) {
	ctx := experimental.WithImportResolver(context.Background(), func(name string) api.Module {
		if name == memoryModule {
			return a.module
		}
		return nil // found by its name
	})
	return a.engine.runtime.InstantiateModule(ctx, m, wazero.NewModuleConfig().WithName(""))
}

// bind returns the instance of a class, with its constants in place.
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
	case a.depth == 1: // no frame has taken anything
		a.heapBase = in.base + n
	case !in.unpinned:
		in.unpinned = true
		a.unpinned = append(a.unpinned, in)
	}
	return in
}

// settle ends an outermost call: it moves the constants of unpinned instances below the heap base. It reports whether the arena can be
// used again.
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

// pop ends a frame: its caller's code goes on.
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

// call runs a function of a class in a new frame. calldata is where the call's calldata is, if its caller has it in memory; retdata is
// where the result is for the caller.
func (a *arena) call(cl *class, id sierra.FuncID, call *cairo.Call, calldata span, sys cairo.Syscalls) (res cairo.Result, retdata span, err error) {
	r := a.push(sys)
	r.stop = call.Stop
	defer func() {
		if recover() != nil { // thrown outside of the module: while calldata is written or a result read
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
	if cl.shallow && a.functions < maxFunctions { // a stack once grown stays so
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

// failure is why code did not come to its end.
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

// blame counts a fallback against the class that caused it: where memory is full, the one with the most of it, else that of the innermost
// frame.
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

// smallAnswer is what is moved rather than left where it is, in bytes.
const smallAnswer = 1024

// giveBack gives a frame's memory back but for what it returns, whose place is the answer. What is large among little else stays
// where it is.
func (r *run) giveBack(start, end uint64) (newStart, newEnd uint64) {
	a, bottom := r.arena, r.bottom
	heap, n := r.heap(), end-start
	switch {
	case n == 0 || end <= bottom: // nothing, or something of the callers' or of a class's
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

// poison overwrites memory that nothing may read any more, as far as the engine has something to do it with: for tests.
func (a *arena) poison(from, to uint64) {
	if p := a.engine.poison; len(p) > 0 && from < to {
		if b, ok := a.mem.Read(uint32(from), uint32(min(to-from, uint64(len(p))))); ok {
			copy(b, p)
		}
	}
}
