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
)

// entryPointBudget is what a call pays before its first instruction, as in cairo/vm.
const entryPointBudget = 10000

var errOutOfGas = felt.FromShortString("Out of gas")

// ErrFallback matches the errors of runs that have to be done again on the VM, with all of their effects abandoned.
var ErrFallback = cairo.ErrFallback

// Why a run is left to the VM.
const (
	ReasonClass    = "class"    // the class is not compiled: Stats says why not
	ReasonPending  = "pending"  // it is being compiled
	ReasonOften    = "often"    // its runs were left to the VM too often to be begun here
	ReasonStack    = "stack"    // the run recursed too deeply for the machine's stack
	ReasonMemory   = "memory"   // it took more memory than a run may
	ReasonCurve    = "curve"    // points met that compiled code cannot add
	ReasonInternal = "internal" // something that cannot be: a defect
)

func fallback(reason, format string, args ...any) error {
	return &cairo.FallbackError{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Options are the engine's settings; the zero value is good for tests.
type Options struct {
	// CacheDir keeps compiled code between runs of the program, "" for none.
	CacheDir string
	// Background compiles beside the runs: until a class is ready the VM runs it. Otherwise its first run waits.
	Background bool
	// MaxClasses bounds the classes whose code is kept in memory, 0 for 512. Those in use stay.
	MaxClasses int
	// Interpreter has wazero interpret instead of compile: for tests of machines without machine code.
	Interpreter bool
}

// Engine runs classes as machine code, or on the fallback what it cannot. It is safe for concurrent use.
type Engine struct {
	fallback cairo.Engine
	opts     Options
	runtime  wazero.Runtime
	cache    wazero.CompilationCache
	memory   wazero.CompiledModule // of arenas
	memo     memo
	pool     pool
	poison   []byte // see arena.poison

	compiling chan struct{} // one at a time in the background
	evictions atomic.Uint64 // of classes

	mu      sync.Mutex
	classes map[felt.Felt]*class
	uses    uint64 // counts uses of classes
	pending int    // classes that are not ready
	counts  map[string]uint64
	why     map[felt.Felt]string
}

var (
	_ cairo.Engine    = (*Engine)(nil)
	_ cairo.Announcer = (*Engine)(nil)
)

// defaultMaxClasses is MaxClasses where it is 0.
const defaultMaxClasses = 512

// class is a compiled class.
type class struct {
	ready    chan struct{} // closed once the fields below are set
	err      error         // why it is left to the VM
	compiled wazero.CompiledModule
	data     []byte // constants
	shallow  bool
	entries  sierra.EntryPoints
	gaveUp   atomic.Int32 // runs that ended with ErrFallback
	evicted  atomic.Bool

	// Guarded by the engine's mutex.
	users int    // runs under way or waiting: none of them may lose the code
	used  uint64 // the engine's uses at the latest
}

// NewEngine is an engine that leaves to the given one what it cannot run.
func NewEngine(fallback cairo.Engine, opts Options) (*Engine, error) {
	if opts.MaxClasses == 0 {
		opts.MaxClasses = defaultMaxClasses
	}
	config := wazero.NewRuntimeConfig()
	if opts.Interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	e := &Engine{
		fallback: fallback, opts: opts, compiling: make(chan struct{}, 1),
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

// Close frees the machine code. No run may be under way.
func (e *Engine) Close() error {
	err := e.runtime.Close(context.Background())
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(context.Background()))
	}
	return err
}

// Stats are the runs so far by what became of them: "native", or the reason of a fallback.
func (e *Engine) Stats() map[string]uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]uint64, len(e.counts))
	for k, n := range e.counts {
		out[k] = n
	}
	return out
}

// Why is why a class is left to the VM, "" when it is not or has not been run.
func (e *Engine) Why(hash felt.Felt) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.why[hash]
}

func (e *Engine) count(what string) {
	e.mu.Lock()
	e.counts[what]++
	e.mu.Unlock()
}

// Prepare compiles a class, or waits until it is compiled. The error says why it is left to the VM.
func (e *Engine) Prepare(c *cairo.Class) error {
	cl := e.class(c)
	defer e.leave(cl)
	<-cl.ready
	return cl.err
}

// maxPending bounds the classes that wait to be compiled before they are called.
const maxPending = 64

// Announce implements cairo.Announcer: where the engine compiles beside the runs, it begins.
func (e *Engine) Announce(c *cairo.Class) {
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

// runnable reports whether a class can be compiled. Code is kept by hash.
func runnable(c *cairo.Class) bool {
	return c != nil && c.Sierra != nil && c.Gas != nil && !c.Hash.IsZero()
}

// leave ends what class began.
func (e *Engine) leave(cl *class) {
	e.mu.Lock()
	cl.users--
	e.mu.Unlock()
}

// class finds a class or starts compiling it. It stays until leave.
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

// evict forgets the class whose latest use is the oldest, of those that no run uses, and frees its code. The engine's mutex is held.
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

func (cl *class) isReady() bool {
	select {
	case <-cl.ready:
		return true
	default:
		return false
	}
}

func (e *Engine) compile(cl *class, c *cairo.Class) {
	defer func() {
		e.mu.Lock()
		e.pending--
		e.mu.Unlock()
		close(cl.ready)
	}()
	defer func() {
		if r := recover(); r != nil { // a defect; the class is the VM's, and the node goes on
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
			// The cache's file may be damaged. Code is found by the hash of the module, so a section that means nothing
			// makes another module of it, which is compiled, and kept, anew.
			cl.compiled, cl.err = e.runtime.CompileModule(context.Background(), append(l.code, customSection("again")...))
		}
	}
	if cl.err != nil {
		e.mu.Lock()
		e.why[c.Hash] = cl.err.Error()
		e.mu.Unlock()
	}
}

// maxGaveUp is the number of runs that a class may have had to do again on the VM: beyond it, its runs begin there, lest each be
// paid for twice.
const maxGaveUp = 8

func (cl *class) entryPoint(call *cairo.Call) (sierra.FuncID, bool) {
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

// Run runs an entry point, on the fallback engine where the class is not compiled. An error that is ErrFallback asks the caller to
// abandon everything that the transaction has done, and to run it again on the VM.
func (e *Engine) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	c := call.Class
	if !runnable(c) {
		e.count(ReasonClass)
		return e.fallback.Run(call, sys)
	}
	cl := e.class(c)
	defer e.leave(cl)
	if e.opts.Background && !cl.isReady() {
		e.count(ReasonPending)
		return e.fallback.Run(call, sys)
	}
	<-cl.ready
	if cl.err != nil {
		e.count(ReasonClass)
		return e.fallback.Run(call, sys)
	}
	if cl.gaveUp.Load() >= maxGaveUp {
		e.count(ReasonOften)
		return e.fallback.Run(call, sys)
	}
	id, ok := cl.entryPoint(&call)
	if !ok {
		return cairo.Result{}, cairo.RunErrorf("entry point %v not found in contract", call.Selector)
	}
	if call.Gas < entryPointBudget {
		return cairo.Result{Failed: true, Retdata: []felt.Felt{errOutOfGas}, GasLeft: call.Gas}, nil
	}
	a, outermost, err := e.enter(&call)
	if err != nil {
		e.count(ReasonInternal)
		return cairo.Result{}, fallback(ReasonInternal, "%v", err)
	}
	res, err := a.call(cl, id, &call, sys)
	if outermost {
		e.leaveArena(&call, a)
	}
	if err != nil {
		if f, ok := errors.AsType[*cairo.FallbackError](err); ok {
			e.count(f.Reason)
		}
		return res, err
	}
	e.count("native")
	return res, nil
}
