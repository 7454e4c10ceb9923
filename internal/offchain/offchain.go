// Package offchain implements `starkd class call`: it runs an entry point of a class without a chain, on a state with one contract. Results
// and gas are those of the chain's executor. Times are those of the engine alone.
package offchain

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/terminal"
	"github.com/starkd/starkd/starknet"
)

// Report is the result of a call.
type Report struct {
	Engine        string         `json:"engine"`
	Failed        bool           `json:"failed"`
	Retdata       []felt.Felt    `json:"retdata"`         // panic data if Failed
	Panic         string         `json:"panic,omitempty"` // panic data as text
	GasLeft       uint64         `json:"gas_left"`
	GasUsed       uint64         `json:"gas_used"`
	Steps         uint64         `json:"steps"` // VM steps, 0 from another engine
	Events        []Event        `json:"events"`
	Messages      []Message      `json:"messages"`
	StorageWrites []StorageWrite `json:"storage_writes"`
	Runs          int            `json:"runs"`
	MinNs         int64          `json:"min_ns"`               // wall-clock time of the fastest run
	MinCPUNs      int64          `json:"min_cpu_ns,omitempty"` // least processor time of the running thread, 0 if not known
	CompileNs     int64          `json:"compile_ns,omitempty"` // wall-clock time of the compilation to machine code
	CompileCPUNs  int64          `json:"compile_cpu_ns,omitempty"`
	Fallback      string         `json:"fallback,omitempty"` // why the native engine fell back to the VM
}

// Text returns the report for people, a line for each fact, safe to print on a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintln(&b, terminal.Visible(fmt.Sprintf("%-10s "+format, append([]any{name}, args...)...)))
	}
	if r.Failed {
		line("panic", "%v (%s)", r.Retdata, r.Panic)
	} else {
		line("result", "%v", r.Retdata)
	}
	line("gas left", "%d of %d, %d used", r.GasLeft, r.GasLeft+r.GasUsed, r.GasUsed)
	if r.Steps > 0 {
		line("steps", "%d", r.Steps)
	}
	for _, e := range r.Events {
		line("event", "from %v keys %v data %v", e.From, e.Keys, e.Data)
	}
	for _, m := range r.Messages {
		line("message", "to %v payload %v", m.To, m.Payload)
	}
	for _, s := range r.StorageWrites {
		line("storage", "%v = %v", s.Key, s.Value)
	}
	switch took := time.Duration(r.MinNs); {
	case r.Fallback != "":
		line("time", "%v on the VM, because native code fell back: %s", took, r.Fallback)
	case r.Runs > 1:
		line("time", "%v on %s, the shortest of %d runs", took, r.Engine, r.Runs)
	default:
		line("time", "%v on %s", took, r.Engine)
	}
	return b.String()
}

// Event is an event that a call emitted.
type Event struct {
	From felt.Felt   `json:"from"`
	Keys []felt.Felt `json:"keys"`
	Data []felt.Felt `json:"data"`
}

// Message is a message that a call sent to L1.
type Message struct {
	To      felt.Felt   `json:"to"`
	Payload []felt.Felt `json:"payload"`
}

// StorageWrite is a storage slot of the contract that a call changed.
type StorageWrite struct {
	Key   felt.Felt `json:"key"`
	Value felt.Felt `json:"value"`
}

// Options say how often a call is run. The zero value means one run.
type Options struct {
	// Repeat is the number of runs, each on the initial storage; 0 means 1. The report has the least times of all runs, and otherwise
	// the result of the first run.
	Repeat int
	// Vary, if not nil, is the index of the felt of calldata to which each further run adds one, so that no two runs are equal.
	Vary *int
}

// Run runs an entry point on an engine. name is the engine's name in the report. Run modifies entry's calldata if options.Vary is set.
func (w *World) Run(name string, engine cairo.Engine, entry *executor.Entry, options Options) (*Report, error) {
	repeat := max(1, options.Repeat)
	watch := &stopwatch{Engine: engine}
	x := &executor.Executor{Engine: watch, Classes: executor.NewClasses(nil)}
	block := &executor.Block{ChainID: felt.FromShortString("STARKD_CALL")}
	report := &Report{Engine: name, Runs: repeat}
	runtime.LockOSThread() // for threadTime
	defer runtime.UnlockOSThread()
	if n, ok := engine.(*native.Engine); ok {
		start, cpu := time.Now(), threadTime()
		if err := w.prepare(n); err != nil {
			report.Fallback = err.Error()
		}
		report.CompileNs, report.CompileCPUNs = time.Since(start).Nanoseconds(), (threadTime() - cpu).Nanoseconds()
	}
	for i := range repeat {
		st := state.NewOverlay(w)
		frame, err := x.Enter(st, block, *entry)
		if err != nil {
			if watch.fault != nil {
				// The engine's own error has more detail than the revert reason.
				err = watch.fault
			}
			return nil, hint.With(err, "the run broke a rule of the machine or made a syscall that needs a chain; on a chain the transaction reverts")
		}
		took, cpu := watch.took.Nanoseconds(), watch.cpu.Nanoseconds()
		if i == 0 {
			report.MinNs, report.MinCPUNs = took, cpu
		}
		report.MinNs, report.MinCPUNs = min(report.MinNs, took), min(report.MinCPUNs, cpu)
		if options.Vary != nil {
			x := &entry.Calldata[*options.Vary]
			x.Add(x, &felt.One)
		}
		if i == 0 {
			report.Steps = watch.steps
			if watch.fallback != nil {
				report.Fallback = watch.fallback.Error()
			}
			if err := report.fill(frame, st); err != nil {
				return nil, err
			}
		}
	}
	return report, nil
}

// fill sets the results of a run: those of the frame, and the changes of storage in st.
func (r *Report) fill(f *executor.Frame, st *state.Overlay) error {
	r.Failed, r.Retdata, r.GasUsed, r.GasLeft = f.Failed, f.Retdata, f.GasConsumed, f.Gas-f.GasConsumed
	if r.Retdata == nil {
		r.Retdata = []felt.Felt{}
	}
	if f.Failed {
		r.Panic = starknet.PanicText(f.Retdata)
	}
	r.Events, r.Messages, r.StorageWrites = []Event{}, []Message{}, []StorageWrite{}
	for _, e := range orderedEvents(f) {
		r.Events = append(r.Events, Event{From: e.contract, Keys: e.Keys, Data: e.Data})
	}
	for _, m := range orderedMessages(f) {
		r.Messages = append(r.Messages, Message{To: m.To, Payload: m.Payload})
	}
	diff, err := st.Diff()
	if err != nil {
		return err
	}
	for _, c := range diff.Storage {
		for _, e := range c.Entries {
			r.StorageWrites = append(r.StorageWrites, StorageWrite{Key: e.Key, Value: e.Value})
		}
	}
	return nil
}

// frameEvent is an event with the contract that emitted it.
type frameEvent struct {
	contract felt.Felt
	executor.OrderedEvent
}

// orderedEvents returns the events of a frame and of the frames inside it, in the order in which they were emitted.
func orderedEvents(f *executor.Frame) (all []frameEvent) {
	for _, e := range f.Events {
		all = append(all, frameEvent{f.Contract, e})
	}
	for _, in := range f.Inner {
		all = append(all, orderedEvents(in)...)
	}
	slices.SortFunc(all, func(a, b frameEvent) int { return int(a.Order) - int(b.Order) })
	return all
}

// orderedMessages returns the messages of a frame and of the frames inside it, in the order in which they were sent.
func orderedMessages(f *executor.Frame) (all []executor.OrderedMessage) {
	all = slices.Clone(f.Messages)
	for _, in := range f.Inner {
		all = append(all, orderedMessages(in)...)
	}
	slices.SortFunc(all, func(a, b executor.OrderedMessage) int { return int(a.Order) - int(b.Order) })
	return all
}

// stopwatch is an engine that measures the outermost calls of another engine, including nested calls.
type stopwatch struct {
	cairo.Engine
	depth int
	took  time.Duration // wall-clock time of the last outermost call
	cpu   time.Duration // the thread's processor time of the last outermost call
	steps uint64        // VM steps of the last outermost call and its nested calls
	// Errors of the last session, nil if there were none.
	fault    *cairo.RunError
	fallback *cairo.FallbackError
}

// Begin implements cairo.Engine.
func (s *stopwatch) Begin() cairo.Session {
	s.fault, s.fallback = nil, nil
	return &timedSession{s.Engine.Begin(), s}
}

type timedSession struct {
	cairo.Session
	*stopwatch
}

// Run implements cairo.Session.
func (s *timedSession) Run(call cairo.Call, sys cairo.Syscalls) (cairo.Result, error) {
	if s.depth == 0 {
		s.steps = 0
	}
	s.depth++
	start, cpu := time.Now(), threadTime()
	result, err := s.Session.Run(call, sys)
	s.took, s.cpu = time.Since(start), threadTime()-cpu
	s.depth--
	s.steps += result.Steps
	if fault, ok := errors.AsType[*cairo.RunError](err); ok {
		s.fault = fault
	}
	if fallback, ok := errors.AsType[*cairo.FallbackError](err); ok {
		s.fallback = fallback
	}
	return result, err
}

// World is a state with one contract. Its class is the only declared class.
type World struct {
	Contract felt.Felt
	Casm     *casm.Class

	definition *sierra.ContractClass
	class      *state.Class
	storage    map[felt.Felt]felt.Felt
}

// NewWorld returns a world with a contract of a class, given as Sierra and compiled. A nil storage is empty.
func NewWorld(contract felt.Felt, definition *sierra.ContractClass, compiled *casm.Class, storage map[felt.Felt]felt.Felt) (*World, error) {
	class := &cairo.Class{Hash: definition.Hash(), CompiledHash: compiled.BlakeHash(), Casm: compiled}
	stored, err := executor.Stored(class, (*starknet.ContractClass)(definition))
	if err != nil {
		return nil, err
	}
	return &World{Contract: contract, Casm: compiled, definition: definition, class: stored, storage: storage}, nil
}

var _ state.Reader = (*World)(nil)

// prepare compiles the class with engine. The error is the reason why the VM has to run the class.
func (w *World) prepare(engine *native.Engine) error {
	program, err := w.definition.Program()
	if err != nil {
		return err
	}
	gas, err := compiler.GasInfo(w.definition)
	if err != nil {
		return err
	}
	return engine.Prepare(&cairo.Class{
		Hash: w.class.Hash, CompiledHash: w.class.CompiledHash, Sierra: program, Casm: w.Casm, Gas: func() *sierra.GasInfo { return gas },
	})
}

// StorageAt implements state.Reader.
func (w *World) StorageAt(contract, key felt.Felt) (felt.Felt, error) {
	if contract != w.Contract {
		return felt.Felt{}, nil
	}
	return w.storage[key], nil
}

// NonceAt implements state.Reader.
func (w *World) NonceAt(felt.Felt) (felt.Felt, error) { return felt.Felt{}, nil }

// ClassHashAt implements state.Reader.
func (w *World) ClassHashAt(contract felt.Felt) (felt.Felt, error) {
	if contract != w.Contract {
		return felt.Felt{}, nil
	}
	return w.class.Hash, nil
}

// CompiledClassHash implements state.Reader.
func (w *World) CompiledClassHash(class felt.Felt) (felt.Felt, error) {
	if class != w.class.Hash {
		return felt.Felt{}, nil
	}
	return w.class.CompiledHash, nil
}

// Class implements state.Reader.
func (w *World) Class(class felt.Felt) (*state.Class, error) {
	if class != w.class.Hash {
		return nil, nil
	}
	return w.class, nil
}
