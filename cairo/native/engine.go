package native

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet/constants"
)

var errOutOfGas = felt.FromShortString(constants.OutOfGas)

// Reasons why a run falls back to the VM. The first four apply before the run begins, the others during the run, as a
// cairo.FallbackError.
const (
	ReasonClass    = "class"    // the class cannot be compiled: Why returns the cause
	ReasonPending  = "pending"  // the class is being compiled
	ReasonSteps    = "steps"    // the call is billed by its steps, which native code does not count
	ReasonOften    = "often"    // earlier runs of the class fell back too often
	ReasonStack    = "stack"    // the run recursed too deeply for the native stack
	ReasonMemory   = "memory"   // the run reached the memory limit
	ReasonCurve    = "curve"    // the run added two points that compiled code cannot add
	ReasonInternal = "internal" // a defect of the engine
)

// fallback returns a *cairo.FallbackError with a formatted detail.
func fallback(reason, format string, args ...any) error {
	return &cairo.FallbackError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Options are the engine's settings. Tests can use the zero value.
type Options struct {
	// CacheDir is the folder that keeps compiled code between runs of the program, "" for none.
	CacheDir string
	// Background compiles classes in the background; the VM runs a class until it is ready. Without it, the first run of a class waits
	// for the compilation.
	Background bool
	// Defect, if not nil, is called for each run that falls back for ReasonInternal. Such a fallback changes no result, so nothing
	// else reports it.
	Defect func(call *cairo.Call, detail string)
	// MaxClasses is the largest number of classes whose code is kept in memory, 0 for 512. Classes in use are never evicted.
	MaxClasses int
	// Interpreter makes wazero interpret instead of compile. Tests use it to cover platforms for which wazero has no compiler.
	Interpreter bool
}

// Engine runs classes as machine code, and falls back to the VM for calls that it cannot run. It is safe for concurrent use.
type Engine struct {
	vm      cairo.Engine
	opts    Options
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	memory  wazero.CompiledModule // the module that exports an arena's memory
	memo    memo
	pool    pool
	poison  []byte // see arena.poison

	compiling chan struct{} // semaphore: one background compilation at a time
	evictions atomic.Uint64 // number of classes evicted so far

	mu      sync.Mutex
	classes map[felt.Felt]*class
	uses    uint64            // number of uses of classes so far
	pending int               // number of classes that are not ready
	counts  map[string]uint64 // runs by outcome, see Stats
	why     map[felt.Felt]string
}

var (
	_ cairo.Engine      = (*Engine)(nil)
	_ cairo.Precompiler = (*Engine)(nil)
)

// defaultMaxClasses is the value of MaxClasses if it is 0.
const defaultMaxClasses = 512

// class is a compiled class.
type class struct {
	ready     chan struct{} // closed once the fields below are set
	err       error         // why the class cannot be compiled, nil if it can
	compiled  wazero.CompiledModule
	data      []byte // constants
	shallow   bool   // see lowered.shallow
	entries   sierra.EntryPoints
	fallbacks atomic.Int32 // runs that ended with ErrFallback
	evicted   atomic.Bool

	// Guarded by the engine's mutex.
	users int    // runs that use the class or wait for it; the class is evicted only at 0
	used  uint64 // Engine.uses at the latest use of the class
}

// NewEngine returns an engine that falls back to vm for calls that it cannot run.
func NewEngine(vm cairo.Engine, opts Options) (*Engine, error) {
	if opts.MaxClasses == 0 {
		opts.MaxClasses = defaultMaxClasses
	}
	config := wazero.NewRuntimeConfig()
	if opts.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	e := &Engine{
		vm: vm, opts: opts, compiling: make(chan struct{}, 1),
		classes: map[felt.Felt]*class{}, counts: map[string]uint64{}, why: map[felt.Felt]string{},
	}
	if opts.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(opts.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("native: %w", err)
		}
		e.cache = cache
		config = config.WithCompilationCache(cache)
	}
	ctx := context.Background()
	e.runtime = wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(maxPages).WithDebugInfoEnabled(false))
	host := e.runtime.NewHostModuleBuilder(hostModule)
	for i := range hosts().list {
		h := &hosts().list[i]
		types := func(n int) []api.ValueType {
			out := make([]api.ValueType, n)
			for i := range out {
				out[i] = api.ValueTypeI64
			}
			return out
		}
		host.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			r := ctx.Value(arenaKey{}).(*arena).top()
			r.poll()
			h.call(r, stack)
		}), types(h.sig.params), types(h.sig.results)).Export(h.name)
	}
	if _, err := host.Instantiate(ctx); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	var err error
	if e.memory, err = e.runtime.CompileModule(ctx, memoryModuleCode()); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return e, nil
}

// Close frees the machine code. The caller must end all runs first.
func (e *Engine) Close() error {
	err := e.runtime.Close(context.Background())
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(context.Background()))
	}
	return err
}

// Stats returns the number of runs so far by outcome: "native", or the reason of the fallback.
func (e *Engine) Stats() map[string]uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]uint64, len(e.counts))
	for k, n := range e.counts {
		out[k] = n
	}
	return out
}

// Why returns why a class cannot be compiled, or "" if it can be or was never used.
func (e *Engine) Why(hash felt.Felt) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.why[hash]
}

// count adds a run to the counts that Stats returns.
func (e *Engine) count(what string) {
	e.mu.Lock()
	e.counts[what]++
	e.mu.Unlock()
}

// Prepare compiles a class, or waits until it is compiled. The error says why it cannot be compiled.
func (e *Engine) Prepare(c *cairo.Class) error {
	cl := e.class(c)
	defer e.leave(cl)
	<-cl.ready
	return cl.err
}

// maxPending bounds the classes that wait to be compiled before they are called.
const maxPending = 64

// Precompile implements cairo.Precompiler. With Options.Background it starts to compile the class; otherwise it does nothing.
func (e *Engine) Precompile(c *cairo.Class) {
	if !e.opts.Background || !runnable(c) {
		return
	}
	e.mu.Lock()
	full := e.pending >= maxPending
	e.mu.Unlock()
	if !full {
		e.leave(e.class(c))
	}
}

// runnable reports whether a class has what the compiler needs. Its hash must be set because code is kept by hash.
func runnable(c *cairo.Class) bool {
	return c != nil && c.Sierra != nil && c.Gas != nil && !c.Hash.IsZero()
}

// leave ends a use of a class that Engine.class began.
func (e *Engine) leave(cl *class) {
	e.mu.Lock()
	cl.users--
	e.mu.Unlock()
}

// class returns the class with c's hash and starts to compile it if it is new. The class is not evicted until leave.
func (e *Engine) class(c *cairo.Class) *class {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.uses++
	if cl, ok := e.classes[c.Hash]; ok {
		cl.users++
		cl.used = e.uses
		return cl
	}
	cl := &class{ready: make(chan struct{}), users: 1, used: e.uses}
	e.classes[c.Hash] = cl
	e.pending++
	if len(e.classes) > e.opts.MaxClasses {
		e.evict()
	}
	if e.opts.Background {
		go e.compile(cl, c)
	} else {
		e.mu.Unlock()
		e.compile(cl, c)
		e.mu.Lock()
	}
	return cl
}

// evict removes the least recently used class that no run uses, and frees its code. The caller holds the engine's mutex.
func (e *Engine) evict() {
	var oldest felt.Felt
	var cl *class
	for hash, c := range e.classes {
		if c.users == 0 && c.isReady() && (cl == nil || c.used < cl.used) {
			oldest, cl = hash, c
		}
	}
	if cl == nil {
		return
	}
	delete(e.classes, oldest)
	delete(e.why, oldest)
	cl.evicted.Store(true)
	e.evictions.Add(1)
	e.pool.drop(cl)
	if cl.compiled != nil {
		_ = cl.compiled.Close(context.Background())
	}
}

// isReady reports whether the class is compiled, or known not to compile.
func (cl *class) isReady() bool {
	select {
	case <-cl.ready:
		return true
	default:
		return false
	}
}

// compile compiles a class and closes cl.ready. In the background, one class is compiled at a time.
func (e *Engine) compile(cl *class, c *cairo.Class) {
	defer func() {
		e.mu.Lock()
		e.pending--
		e.mu.Unlock()
		close(cl.ready)
	}()
	defer func() {
		if r := recover(); r != nil { // a defect of the compiler: the VM runs the class, and the node goes on
			cl.err = fmt.Errorf("native: compiling the class panicked: %v", r)
			e.mu.Lock()
			e.why[c.Hash] = cl.err.Error()
			e.mu.Unlock()
		}
	}()
	if e.opts.Background {
		e.compiling <- struct{}{}
		defer func() { <-e.compiling }()
	}
	info := c.Gas()
	if info != nil {
		cl.entries = info.EntryPoints
	}
	l, err := lowerClass(c.Sierra, info)
	if cl.err = err; err == nil {
		cl.data, cl.shallow = l.data, l.shallow
		cl.compiled, cl.err = e.runtime.CompileModule(context.Background(), l.code)
		if cl.err != nil && e.cache != nil {
			// The file in the cache may be damaged. The cache finds code by the module's hash, so an extra custom section
			// changes the hash and makes wazero compile and cache the module again.
			cl.compiled, cl.err = e.runtime.CompileModule(context.Background(), append(l.code, customSection("again")...))
		}
	}
	if cl.err != nil {
		e.mu.Lock()
		e.why[c.Hash] = cl.err.Error()
		e.mu.Unlock()
	}
}

// maxFallbacks is how often a class may fall back before its calls go straight to the VM, so that they are not executed twice.
const maxFallbacks = 8

// entryPoint returns the function of the call's entry point; ok is false if the class has none.
func (cl *class) entryPoint(call *cairo.Call) (id sierra.FuncID, ok bool) {
	list := cl.entries.External
	switch call.Type {
	case cairo.L1Handler:
		list = cl.entries.L1Handler
	case cairo.Constructor:
		list = cl.entries.Constructor
	}
	for i := range list {
		if list[i].Selector == call.Selector {
			return sierra.FuncID(list[i].FunctionIdx), true
		}
	}
	return 0, false
}
