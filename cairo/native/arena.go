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
	"github.com/starkd/starkd/crypto/felt"
)

// arena is a linear memory and the instances of classes that are bound to it. An outermost call has one to itself, with all calls
// within it: each frame takes memory above its caller's, so that what one hands to the other stays where it is. Below the floor are
// the constants of the classes, which outlast the calls.
type arena struct {
	engine    *Engine
	module    api.Module // whose memory it is
	mem       api.Memory
	ctx       context.Context // in which code runs: host functions find the arena in it
	instances map[*class]*instance
	strays    []*instance // whose constants are not below the floor
	floor     uint64
	functions int    // in the instances' entries
	frames    []*run // by depth; those beyond it are kept for later
	depth     int
	// What is handed over between a call's host function and the run that it leads to, and back.
	sent, returned handover
	broken         bool   // a run gave up: the arena is of no further use
	evictions      uint64 // of the engine, as of when instances of forgotten classes were closed last
}

// instance is a class's module, bound to an arena's memory.
type instance struct {
	module api.Module
	class  *class
	base   uint64 // where the class's constants are, 0 where they are nowhere
	stray  bool
	// entries are the functions that no frame is in: one that is called again within itself needs another stack.
	entries map[sierra.FuncID][]api.Function
}

// handover is a list that frames hand to each other, as Syscalls see it and where it is in memory. Whoever gets the very same slice
// back need not copy it.
type handover struct {
	list       []felt.Felt
	start, end uint64
}

func (h *handover) is(list []felt.Felt) bool {
	return len(list) > 0 && len(list) == len(h.list) && &list[0] == &h.list[0]
}

type arenaKey struct{}

// Bounds of what is kept for the next calls.
const (
	maxPooledPages = 1024      // of an arena's memory: 64 MB
	maxPooled      = 16        // arenas
	maxPooledBytes = 256 << 20 // memory of all arenas
	maxInstances   = 128       // of an arena
	maxFloor       = 16 << 20  // of an arena
	maxFunctions   = 1024      // of an arena, each with a stack of its own
)

// pool is the arenas that are free, those used last at the end.
type pool struct {
	mu    sync.Mutex
	free  []*arena
	bytes int64
}

// take is a free arena, or a new one.
func (e *Engine) take() (*arena, error) {
	if a := e.pool.pop(); a != nil {
		return a, nil
	}
	ctx := context.Background()
	m, err := e.runtime.InstantiateModule(ctx, e.memory, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, err
	}
	a := &arena{engine: e, module: m, mem: m.Memory(), instances: map[*class]*instance{}, floor: firstFloor}
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

// put keeps an arena for the next call, or closes it.
func (e *Engine) put(a *arena) {
	a.sent, a.returned = handover{}, handover{}
	size := int64(a.mem.Size())
	if a.broken || size > maxPooledPages*pageSize || len(a.instances) > maxInstances || !a.settleStrays() {
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

// enter is the arena that a call runs in, and whether the call is the outermost one there.
func (e *Engine) enter(call *cairo.Call) (a *arena, outermost bool, err error) {
	if call.Shared != nil {
		if a, ok := (*call.Shared).(*arena); ok && a.engine == e {
			return a, false, nil
		}
	}
	if a, err = e.take(); err == nil && call.Shared != nil && *call.Shared == nil {
		*call.Shared = a
	}
	return a, true, err
}

// leaveArena ends what enter began for an outermost call.
func (e *Engine) leaveArena(call *cairo.Call, a *arena) {
	if call.Shared != nil && *call.Shared == any(a) {
		*call.Shared = nil
	}
	e.put(a)
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

// bind is the instance of a class, with its constants in place.
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
		a.floor = in.base + n
	case !in.stray:
		in.stray = true
		a.strays = append(a.strays, in)
	}
	return in
}

// settleStrays moves the constants of classes that were met among frames below the floor, once there are no frames. It reports
// whether there is room.
func (a *arena) settleStrays() bool {
	for _, in := range a.strays {
		n := uint64(len(in.class.data))
		b, ok := a.mem.Read(uint32(a.floor), uint32(n))
		if !ok {
			return false
		}
		copy(b, in.class.data)
		in.base, in.stray = a.floor, false
		a.floor += n
	}
	a.strays = a.strays[:0]
	return a.floor <= maxFloor
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

// top is the frame that is running.
func (a *arena) top() *run { return a.frames[a.depth-1] }

// call runs a function of a class in a new frame.
func (a *arena) call(cl *class, id sierra.FuncID, call *cairo.Call, sys cairo.Syscalls) (res cairo.Result, err error) {
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
		a.poison(a.floor, uint64(a.mem.Size()))
		r.setHeap(a.floor)
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
		return res, fallback(ReasonInternal, "function %d is not exported", id)
	}
	var stack [5]uint64
	stack[0] = call.Gas - entryPointBudget
	if a.sent.is(call.Calldata) {
		stack[1], stack[2], stack[3] = a.sent.start, a.sent.end, a.sent.end
	} else {
		stack[1], stack[2], stack[3] = r.array(call.Calldata)
	}
	a.sent = handover{}
	if err := fn.CallWithStack(a.ctx, stack[:]); err != nil {
		return res, r.failure(err)
	}
	if cl.shallow && a.functions < maxFunctions { // a stack once grown stays so
		in.entries[id] = append(in.entries[id], fn)
		a.functions++
	}
	start, end := stack[2], stack[3]
	res = cairo.Result{GasLeft: stack[0], Failed: stack[1] != 0}
	if res.GasLeft > call.Gas {
		return cairo.Result{}, cairo.RunErrorf("unexpected remaining gas: %d of %d", res.GasLeft, call.Gas)
	}
	if a.depth == 1 {
		res.Retdata = r.felts(start, end)
		return res, nil
	}
	start, end = r.giveBack(start, end)
	res.Retdata = r.view(start, end)
	a.returned = handover{res.Retdata, start, end}
	return res, nil
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

// blame counts a run that has to be done again on the VM against the class that brought it about: where memory is full, the one with
// the most of it, else that of the innermost frame.
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
		culprit.gaveUp.Add(1)
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
	for _, in := range a.strays {
		if in.base >= bottom {
			in.base = 0
		}
	}
	a.poison(r.heap(), heap)
	return start, end
}

// nested makes a call with the numbers of a span. The answer is the span of what the call returns.
func (r *run) nested(start, end uint64, call func(calldata []felt.Felt) ([]felt.Felt, error)) ([]uint64, error) {
	a := r.arena
	calldata := r.view(start, end)
	a.sent, a.returned = handover{calldata, start, end}, handover{}
	retdata, err := call(calldata)
	back := a.returned
	a.sent, a.returned = handover{}, handover{}
	if err == nil && back.is(retdata) {
		return []uint64{back.start, back.end, back.end}, nil
	}
	return r.arrayOf(retdata, err)
}

// poison overwrites memory that nothing may read any more, as far as the engine has something to do it with: for tests.
func (a *arena) poison(from, to uint64) {
	if p := a.engine.poison; len(p) > 0 && from < to {
		if b, ok := a.mem.Read(uint32(from), uint32(min(to-from, uint64(len(p))))); ok {
			copy(b, p)
		}
	}
}
