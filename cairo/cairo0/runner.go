package cairo0

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// RunOptions are the options of a run of a Cairo 0 program. The zero value runs main with the layout plain.
type RunOptions struct {
	Layout       string // default "plain"
	LayoutParams []byte // JSON, for the layout dynamic
	ProofMode    bool   // run from __start__ to __end__, and prepare the run for the layout's prover
	Entrypoint   string // default "main"; not used in proof mode
	Input        []byte // JSON, for hints that read program_input
	MaxSteps     uint64 // default 2^30
	// Stop, if not nil and set, ends the run with cairo.ErrInterrupted.
	Stop *atomic.Bool
	// Trace records and relocates the trace and the memory; proof mode implies it.
	Trace bool
	// FilesOnly leaves out RunResult.Trace, which is a second copy of the trace and the memory. The Write methods of the
	// result write the files without it.
	FilesOnly bool

	KeepHoles            bool // in proof mode: leave builtin cells that are not written empty, like cairo-run
	FillHoles            bool // not in proof mode: fill them
	SkipSecureRun        bool // not in proof mode: omit the checks after the run
	SecureRun            bool // in proof mode: do these checks
	AllowMissingBuiltins bool // pass 0 for a builtin that the layout does not have; proof mode implies it

	// Hints holds hints by their code. They take precedence over the hints of this package.
	Hints map[string]ProgramHint
	// sizes holds the segments' sizes if a PIE fixes them.
	sizes []uint64
	// Started, if not nil, is called before the first step. It may add segments and hints.
	Started func(m *machine.Machine) error
}

// RunResult is a finished run.
type RunResult struct {
	Machine *machine.Machine
	Program *Program
	Steps   uint64
	Output  []string     // the output segment as the official runners print it
	Trace   *cairo.Trace // nil without Trace or ProofMode, and with FilesOnly; public and private input in proof mode only
	Sizes   []uint64     // sizes of the segments

	run *run
}

// run is the state of a run of a Cairo 0 program.
type run struct {
	m        *machine.Machine
	builtins []*builtin // of m, in the same order
	scopes   pyhint.Scopes
	p        *Program
	opt      RunOptions
	layout   *layout
	end      machine.Addr
	entryAP  uint64
	sizes    []uint64 // segment sizes after the run
	reserved []uint64 // segment sizes that the layout or a PIE fixes; 0: the size after the run
	public   []publicCell
	execPub  []uint64 // offsets of the public cells of the execution segment
	table    []uint64 // relocated start of each segment
	// publicInput is the AIR public input of a finished run in proof mode.
	publicInput *cairo.PublicInput
	zero        machine.Addr // the segment of zeros for the modular builtins
	zeroSize    uint64       // its size; 0 if there is no such segment
}

// publicCell is a cell of the public memory.
type publicCell struct {
	at   machine.Addr
	page int
}

// RunProgram runs a compiled Cairo 0 program as the official runners do. The error of a failed step is a *machine.RunError.
func RunProgram(program []byte, opt RunOptions) (*RunResult, error) {
	p, err := ParseProgram(program)
	if err != nil {
		return nil, err
	}
	return p.Run(opt)
}

// Run runs the program as RunProgram does.
func (p *Program) Run(opt RunOptions) (*RunResult, error) {
	if opt.Layout == "" {
		opt.Layout = "plain"
	}
	if opt.Entrypoint == "" {
		opt.Entrypoint = "main"
	}
	if opt.MaxSteps == 0 {
		opt.MaxSteps = 1 << 30
	}
	opt.Trace = opt.Trace || opt.ProofMode
	r := &run{m: machine.NewMachine(), scopes: pyhint.NewScopes(), p: p, opt: opt}
	r.m.MaxSteps, r.m.Stop, r.m.Tracing = opt.MaxSteps, opt.Stop, opt.Trace
	var err error
	if r.layout, err = findLayout(opt.Layout, opt.LayoutParams); err != nil {
		return nil, err
	}
	if err := r.start(); err != nil {
		return nil, err
	}
	if err := r.m.Run(r.end); err != nil {
		return nil, err
	}
	if opt.ProofMode {
		// The step at r.end is part of the trace.
		if err := r.m.Step(); err != nil {
			return nil, err
		}
	}
	return r.finish()
}

// start sets up the initial memory, registers and hints.
func (r *run) start() error {
	m := r.m
	if err := r.addBuiltins(); err != nil {
		return err
	}
	if _, err := m.Memory.LoadFelts(machine.Addr{}, r.p.Data...); err != nil {
		return err
	}
	m.Memory.MarkAccessed(machine.Addr{}, len(r.p.Data))
	var stack []machine.Value
	for _, name := range r.p.Builtins {
		if b := m.Builtin(name); b != nil {
			stack = append(stack, machine.AddrValue(b.Base))
		} else {
			stack = append(stack, machine.Value{})
		}
	}
	entry := r.opt.Entrypoint
	if r.opt.ProofMode {
		// The canonical start is a frame that points to itself, so that the verifier can check the final fp.
		entry = "__start__"
		stack = append([]machine.Value{machine.AddrValue(machine.Addr{Segment: 1, Offset: 2}), {}}, stack...)
		for i := range stack {
			r.execPub = append(r.execPub, uint64(i))
		}
		end, err := r.p.Label("__end__")
		if err != nil {
			return err
		}
		r.end = machine.Addr{Offset: end}
		m.FP = 2
	} else {
		returnFP := m.Memory.AddSegment()
		r.end = m.Memory.AddSegment()
		stack = append(stack, machine.AddrValue(returnFP), machine.AddrValue(r.end))
		m.FP = uint64(len(stack))
	}
	pc, err := r.p.Label(entry)
	if err != nil {
		return err
	}
	m.PC, m.AP = machine.Addr{Offset: pc}, m.FP
	r.entryAP = m.AP
	if _, err := m.Memory.Load(machine.Addr{Segment: 1}, stack...); err != nil {
		return err
	}
	r.addZeroSegment()
	if err := r.p.attachHints(m, r.opt, &r.scopes); err != nil {
		return err
	}
	if r.opt.Started != nil {
		return r.opt.Started(m)
	}
	return nil
}

// addBuiltins adds the builtins that the program uses. In proof mode it adds all builtins of the layout, because a proof
// has a segment for each.
func (r *run) addBuiltins() error {
	wanted := make(map[string]bool)
	for _, name := range r.p.Builtins {
		wanted[name] = true
	}
	for _, name := range machine.BuiltinOrder {
		ratio, has := r.layout.builtins[name]
		if name == machine.BuiltinOutput {
			has = r.layout.output
		}
		if has && (wanted[name] || r.opt.ProofMode) {
			b, err := r.m.AddBuiltin(name)
			if err != nil {
				return err
			}
			r.builtins = append(r.builtins, &builtin{Builtin: b, ratio: ratio})
		} else if wanted[name] && !r.opt.ProofMode && !r.opt.AllowMissingBuiltins {
			return fmt.Errorf("cairo0: the builtin %s is not in the layout %s", name, r.layout.name)
		}
	}
	return nil
}

// builtin returns the run's builtin of that name, or nil.
func (r *run) builtin(name string) *builtin {
	for _, b := range r.builtins {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// addZeroSegment adds the segment of zeros for unused instances of the modular builtins, if the run has these builtins.
func (r *run) addZeroSegment() {
	for _, b := range r.builtins {
		if b.Name != machine.BuiltinAddMod && b.Name != machine.BuiltinMulMod {
			continue
		}
		if r.zeroSize == 0 {
			r.zero, r.zeroSize = r.m.Memory.AddSegment(), machine.ModWords
			// ModWords cells of a new segment cannot reach the memory's limit.
			_, _ = r.m.Memory.LoadFelts(r.zero, make([]felt.Felt, machine.ModWords)...)
		}
	}
}

// finish does the work of the official runner after the last instruction, in the same order.
func (r *run) finish() (*RunResult, error) {
	m := r.m
	if err := m.Memory.RelocateTemporary(); err != nil {
		return nil, err
	}
	fill := r.opt.FillHoles || r.opt.ProofMode && !r.opt.KeepHoles
	finished := make(map[int32]uint64)
	for _, b := range r.builtins {
		size, err := b.Finish(&m.Memory, fill)
		if err != nil {
			return nil, err
		}
		finished[b.Base.Segment] = size
	}
	if r.scopes.Depth() != 1 {
		return nil, errors.New("cairo0: every enter_scope() requires a corresponding exit_scope()")
	}
	r.sizes = make([]uint64, m.Memory.Segments())
	r.reserved = make([]uint64, len(r.sizes))
	for i := range r.sizes {
		r.sizes[i] = m.Memory.SegmentSize(int32(i))
	}
	for i, size := range finished {
		r.sizes[i] = max(r.sizes[i], size)
	}
	copy(r.reserved, r.opt.sizes)
	if r.opt.ProofMode && !r.layout.stwo {
		if err := r.pad(); err != nil {
			return nil, err
		}
	}
	if err := r.readReturnValues(); err != nil {
		return nil, err
	}
	if r.opt.ProofMode {
		if err := r.finalizeSegments(); err != nil {
			return nil, err
		}
	}
	if r.opt.SecureRun || !r.opt.ProofMode && !r.opt.SkipSecureRun {
		if err := r.secure(); err != nil {
			return nil, err
		}
	}
	r.relocationTable()
	res := &RunResult{Machine: m, Program: r.p, Steps: m.Steps, Output: r.output(), Sizes: r.sizes, run: r}
	if r.opt.ProofMode {
		if err := r.makePublicInput(); err != nil {
			return nil, err
		}
	}
	if r.opt.Trace && !r.opt.FilesOnly {
		var err error
		if res.Trace, err = r.makeTrace(); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// maxPaddedSteps bounds the steps of a padded trace: a run that needs more in its layout is an error.
const maxPaddedSteps = 1 << 27

// pad runs the loop at __end__ until the number of steps is a power of two for which the layout has enough cells.
func (r *run) pad() error {
	for {
		want := nextPowerOfTwo(r.m.Steps)
		if want > maxPaddedSteps {
			return fmt.Errorf("cairo0: the layout %s needs more than %d steps", r.layout.name, maxPaddedSteps)
		}
		for r.m.Steps < want {
			if err := r.m.Step(); err != nil {
				return err
			}
		}
		err := r.checkUsedCells()
		if err == nil {
			return nil
		}
		if _, ok := errors.AsType[*insufficientError](err); !ok {
			return err
		}
		if err := r.m.Step(); err != nil {
			return err
		}
	}
}

// checkUsedCells returns an *insufficientError if the layout does not have enough cells for the number of steps so far.
func (r *run) checkUsedCells() error {
	steps := r.m.Steps
	var builtinUnits, rcUnits, dilutedUsed uint64
	for _, b := range r.builtins {
		used, allocated, err := b.usedAndAllocated(steps, r.sizes)
		if err != nil {
			return err
		}
		switch b.Name {
		case machine.BuiltinOutput, machine.BuiltinSegmentArena:
			continue
		case machine.BuiltinRangeCheck:
			rcUnits += used * 8
		case machine.BuiltinRangeCheck96:
			rcUnits += used * 6
		}
		builtinUnits += allocated
		dilutedUsed += b.dilutedUnits() * (allocated / b.InstanceCells())
	}
	// Every value between the limits must appear among the 16-bit cells.
	if lo, hi, ok := r.rangeCheckLimits(); ok {
		total, need := (r.layout.rcUnits-3)*steps, uint64(hi-lo)
		if total < rcUnits || total-rcUnits < need {
			return insufficientf("there are only %d cells to fill the range checks holes, but potentially %d are required", int64(total-rcUnits), need)
		}
	}
	// Every address must appear among the memory cells.
	total := r.layout.memoryUnits * steps
	if total%r.layout.publicMemoryFraction != 0 {
		return fmt.Errorf("cairo0: %d memory units are not a multiple of %d", total, r.layout.publicMemoryFraction)
	}
	taken := total/r.layout.publicMemoryFraction + 4*steps + builtinUnits
	if holes := r.memoryHoles(); total < taken || total-taken < holes {
		return insufficientf("there are only %d cells to fill the memory address holes, but %d are required", int64(total-taken), holes)
	}
	if d := r.layout.diluted; d.units != 0 {
		units := d.units * steps
		if d.fractional {
			if steps%d.units != 0 {
				return fmt.Errorf("cairo0: %d steps are not a multiple of %d", steps, d.units)
			}
			units = steps / d.units
		}
		if units < dilutedUsed || units-dilutedUsed < 1<<dilutedBits {
			return insufficientf("there are only %d cells to fill the diluted check holes, but potentially %d are required", int64(units-dilutedUsed), 1<<dilutedBits)
		}
	}
	return nil
}

// rangeCheckLimits returns the least and the greatest 16-bit value in instructions and range checks; false if there is none.
func (r *run) rangeCheckLimits() (lo, hi uint16, ok bool) {
	lo, hi, ok = r.m.OffsetLimits()
	for _, b := range r.builtins {
		parts := 8
		if b.Name == machine.BuiltinRangeCheck96 {
			parts = 6
		} else if b.Name != machine.BuiltinRangeCheck {
			continue
		}
		bLo, bHi, bOK := rangeCheckLimits(r.m.Memory.Written(b.Base.Segment), parts)
		if !bOK {
			continue
		}
		if !ok {
			lo, hi, ok = bLo, bHi, true
		}
		lo, hi = min(lo, bLo), max(hi, bHi)
	}
	return lo, hi, ok
}

// rangeCheckLimits returns the least and the greatest 16-bit part of the cells of a segment, each of which has parts of them; false if the
// segment is empty or has holes.
func rangeCheckLimits(written iter.Seq2[uint64, []machine.Cell], parts int) (lo, hi uint16, ok bool) {
	lo, hi = 0xffff, 0
	next := uint64(0)
	for first, cells := range written {
		if first != next {
			return 0, 0, false
		}
		for i := range cells {
			if !cells[i].Known() {
				return 0, 0, false
			}
			f, _ := cells[i].Felt()
			l := f.Limbs()
			for k := range parts {
				v := uint16(l[k/4] >> (k % 4 * 16))
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		next += uint64(len(cells))
	}
	return lo, hi, next > 0
}

// memoryHoles returns the number of cells below a segment's end that no instruction accessed. It omits the segments of all
// builtins but output and segment_arena, and segments without accesses.
func (r *run) memoryHoles() uint64 {
	var holes uint64
	builtin := make(map[int32]string)
	for _, b := range r.builtins {
		builtin[b.Base.Segment] = b.Name
	}
	for i := range r.m.Memory.Segments() {
		if name := builtin[int32(i)]; name != "" && name != machine.BuiltinOutput && name != machine.BuiltinSegmentArena {
			continue
		}
		var accessed uint64
		if r.zeroSize > 0 && int32(i) == r.zero.Segment {
			accessed = r.zeroSize
		} else {
			for _, cells := range r.m.Memory.Written(int32(i)) {
				for k := range cells {
					if cells[k].Accessed() {
						accessed++
					}
				}
			}
			if accessed == 0 {
				continue
			}
		}
		holes += r.segmentSize(i) - min(accessed, r.segmentSize(i))
	}
	return holes
}

func (r *run) segmentSize(i int) uint64 {
	if r.reserved[i] != 0 {
		return r.reserved[i]
	}
	return r.sizes[i]
}

// readReturnValues reads the builtins' final pointers, which are below ap, and checks that each is the end of the used
// instances.
func (r *run) readReturnValues() error {
	m := r.m
	at := m.APAddr()
	for i := len(r.p.Builtins) - 1; i >= 0; i-- {
		name := r.p.Builtins[i]
		b := r.builtin(name)
		if at.Offset == 0 {
			return fmt.Errorf("no stop pointer found for builtin %s", name)
		}
		at.Offset--
		if b == nil {
			f, err := m.Memory.Felt(at)
			if err != nil {
				return err
			}
			if !f.IsZero() {
				return fmt.Errorf("the stop pointer of the missing builtin %s must be 0", name)
			}
			continue
		}
		stop, err := m.Memory.Pointer(at)
		if err != nil {
			return fmt.Errorf("no stop pointer found for builtin %s", name)
		}
		if stop.Segment != b.Base.Segment {
			return fmt.Errorf("invalid stop pointer index for %s: %v, should be in segment %d", name, stop, b.Base.Segment)
		}
		n := b.usedInstances(r.sizes)
		if name == machine.BuiltinSegmentArena {
			n++
		}
		used := n * max(b.InstanceCells(), 1)
		if stop.Offset != used {
			return fmt.Errorf("Invalid stop pointer for %s_builtin. Expected: %v, found: %v", name, machine.Addr{Segment: b.Base.Segment, Offset: used}, stop)
		}
		b.stop, b.stopped = stop.Offset, true
	}
	if r.opt.ProofMode {
		for off := at.Offset; off < m.AP; off++ {
			r.execPub = append(r.execPub, off)
		}
	}
	return nil
}

// finalizeSegments fixes the sizes of the program's and the builtins' segments and lists the public memory.
func (r *run) finalizeSegments() error {
	r.reserved[0] = uint64(len(r.p.Data))
	r.public = make([]publicCell, 0, len(r.p.Data)+len(r.execPub))
	for i := range r.p.Data {
		r.public = append(r.public, publicCell{machine.Addr{Offset: uint64(i)}, 0})
	}
	for _, off := range r.execPub {
		r.public = append(r.public, publicCell{machine.Addr{Segment: 1, Offset: off}, 0})
	}
	for _, b := range r.builtins {
		size := b.extendedSize(r.sizes)
		if !r.layout.stwo {
			var err error
			if _, size, err = b.usedAndAllocated(r.m.Steps, r.sizes); err != nil {
				return err
			}
		}
		r.reserved[b.Base.Segment] = size
		if size == 0 {
			r.sizes[b.Base.Segment] = 0
		}
		if b.Name != machine.BuiltinOutput {
			continue
		}
		cells := make([]publicCell, size)
		for i := range cells {
			cells[i] = publicCell{machine.Addr{Segment: b.Base.Segment, Offset: uint64(i)}, 0}
		}
		for _, id := range slices.Sorted(maps.Keys(b.Pages)) {
			page := b.Pages[id]
			if page.Start > size || page.Size > size-page.Start {
				return fmt.Errorf("cairo0: page %d of the output reaches %d, after its %d cells", id, page.Start+page.Size, size)
			}
			for k := range page.Size {
				cells[page.Start+k].page = id
			}
		}
		r.public = append(r.public, cells...)
	}
	return nil
}

// secure checks that the run can be relocated: nothing was written after a builtin's final pointer or after the program, no
// address is temporary, the builtins' segments are valid, and fp is the return fp.
func (r *run) secure() error {
	m := r.m
	for _, b := range r.builtins {
		if b.stopped && m.Memory.SegmentSize(b.Base.Segment) > b.stop {
			return errors.New("cairo0: out of bounds access to builtin segment")
		}
	}
	if m.Memory.SegmentSize(0) > uint64(len(r.p.Data)) {
		return errors.New("cairo0: out of bounds access to program segment")
	}
	if err := m.Memory.NoTemporary(); err != nil {
		return err
	}
	for _, b := range r.builtins {
		if err := b.Secure(&m.Memory, r.sizes); err != nil {
			return err
		}
	}
	if ret, ok := m.Memory.Get(machine.Addr{Segment: 1, Offset: r.entryAP - 2}); ok && !r.opt.ProofMode {
		if a, ok := ret.Addr(); ok && a.Offset != m.FP {
			return fmt.Errorf("cairo0: return fp is %d, want %d", m.FP, a.Offset)
		}
	}
	return nil
}

// relocationTable places the segments one after another, starting at address 1.
func (r *run) relocationTable() {
	next := uint64(1)
	for i := range r.sizes {
		r.table = append(r.table, next)
		next += r.segmentSize(i)
	}
}

// output returns the cells of the output segment as text: integers from (-P/2, P/2), and addresses as segment:offset.
func (r *run) output() []string {
	b := r.m.Builtin(machine.BuiltinOutput)
	if b == nil {
		return nil
	}
	var lines []string
	half := new(big.Int).Rsh(felt.Modulus(), 1)
	for i := range r.m.Memory.SegmentSize(b.Base.Segment) {
		v, ok := r.m.Memory.Get(machine.Addr{Segment: b.Base.Segment, Offset: i})
		if !ok {
			lines = append(lines, "<missing>")
			continue
		}
		f, ok := v.Felt()
		if !ok {
			lines = append(lines, v.String())
			continue
		}
		n := f.BigInt()
		if n.Cmp(half) > 0 {
			n.Sub(n, felt.Modulus())
		}
		lines = append(lines, n.String())
	}
	return lines
}

// Describe returns the error of a failed run as the official runners print it: the program's error messages, the pc and the
// cause.
func (p *Program) Describe(err error) string {
	e, ok := errors.AsType[*machine.RunError](err)
	if !ok {
		return err.Error()
	}
	var b strings.Builder
	if e.PC.Segment == 0 {
		for _, msg := range p.ErrorMessages(e.PC.Offset) {
			fmt.Fprintf(&b, "Error message: %s\n", msg)
		}
	}
	fmt.Fprintf(&b, "Error at pc=%v:\n", e.PC)
	if e.Hint >= 0 {
		b.WriteString("Got an exception while executing a hint: ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}
