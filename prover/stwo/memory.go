//go:build !js

package stwo

import (
	"fmt"
	"math/bits"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"unsafe"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// The memory of a proof is known before it is made: it consists of vectors whose sizes follow from the sizes of the run's tables. A prover adds up what
// is alive at once in each stage, for the fast way and for slower ones that need less, and takes the first way that fits into its bound. The collector
// of the Go runtime keeps the bound: it runs when the heap would exceed it (debug.SetMemoryLimit), and what is alive leaves it some room.

// MemoryError says that a bound is too low for a proof.
type MemoryError struct {
	Need, Bound int64 // bytes
}

// Error returns the need and the bound in MiB.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("stwo: the proof needs %d MiB of memory, and the bound is %d MiB", e.Need>>20+1, e.Bound>>20)
}

// ways holds log2 of the number of parts in which half an extended column is computed for the composition, and an extended column for commitments, the
// fastest way first.
var ways = []int{2, 3, 4}

// MemoryNeeded returns the memory in bytes that a process needs to prove a run, at least and for the fastest way. It counts the program, the input and
// the preprocessed columns, which are in memory. It returns an error if the run cannot be proved because of the sizes of its tables.
func MemoryNeeded(in *adapter.Input, params *Params) (least, fast int64, err error) {
	if err := params.Config.Validate(); err != nil {
		return 0, 0, err
	}
	p := &Prover{params: *params, columns: params.Preprocessed.Columns()}
	return p.MemoryNeeded(in)
}

// MemoryNeeded does what the function MemoryNeeded does, for a prover whose preprocessed columns may be in a file. These are not counted: the system
// holds them in memory as long as it has some to spare.
func (p *Prover) MemoryNeeded(in *adapter.Input) (least, fast int64, err error) {
	f, err := p.footprint(in)
	if err != nil {
		return 0, 0, err
	}
	return f.need(ways[len(ways)-1]), f.need(ways[0]), nil
}

// WithMemory returns a prover that shares the preprocessed columns of p, and whose proofs take at most the given number of bytes of the process's memory
// each, where the program, the preprocessed columns and the input count. Prove returns a MemoryError if that is too little. Other data in the process comes
// on top. 0 stands for what the fastest way needs, however much that is.
func (p *Prover) WithMemory(bound int64) *Prover {
	q := *p
	q.memory = bound
	return &q
}

// footprint is what the memory of a proof depends on.
type footprint struct {
	config  *pcs.Config
	hash    channel.Hash
	workers int64
	input   int64 // bytes of the run
	stored  int64 // bytes of the preprocessed columns in memory
	direct  bool  // preprocessed columns are read where they are stored
	mapped  bool  // they are in a file
	tables  []tableSize
	columns int // of all trees
}

// tableSize is a table of a run.
type tableSize struct {
	cairoair.Size
	base, interaction, reads int // columns
	liveBase, liveLookups    int // columns that are not 0 whatever the run is
}

// footprint returns the footprint of the proof of a run.
func (p *Prover) footprint(in *adapter.Input) (*footprint, error) {
	sizes, err := cairoair.Sizes(in, p.params.Preprocessed == preprocessed.CanonicalSmall)
	if err != nil {
		return nil, err
	}
	f := &footprint{config: &p.params.Config, hash: p.params.Hash, workers: int64(parallel.Workers()), direct: p.params.Config.LogBlowup == 1}
	f.mapped = p.preprocessed != nil && p.preprocessed.Release != nil
	if !f.mapped {
		points, _ := p.params.Preprocessed.Points()
		f.stored = f.preprocessedSize(p.columns) + int64(points)*int64(unsafe.Sizeof(preprocessed.Row{}))
	}
	f.input = inputSize(in)
	used := cairoair.UsedRelations(sizes)
	for _, s := range sizes {
		a := s.AIR()
		t := tableSize{Size: s, base: len(a.Columns), interaction: a.InteractionColumns(), reads: len(a.Preprocessed)}
		t.liveBase, t.liveLookups = t.base, t.interaction
		if s.Source == cairoair.FixedTable {
			t.liveBase, t.liveLookups = s.Used(used)
		}
		f.tables = append(f.tables, t)
		f.columns += t.base + t.interaction
	}
	f.columns += len(p.columns) + pcs.CompositionColumns
	return f, nil
}

// inputSize returns the size of a run in memory.
func inputSize(in *adapter.Input) int64 {
	m := &in.Memory
	n := 4*len(m.IDs) + int(unsafe.Sizeof(m.Small[:1][0]))*len(m.Small) + 32*len(m.Big) + 4*len(in.Public)
	for i := range in.Opcodes {
		n += 3 * 4 * in.Opcodes[i].Len()
	}
	return int64(n)
}

// vector returns the size of 2^log cells.
func vector(log int) int64 { return 4 << log }

// preprocessedSize returns the size of the table of preprocessed columns.
func (f *footprint) preprocessedSize(columns []preprocessed.Column) int64 {
	n, largest := int64(0), 0
	for i := range columns {
		log := columns[i].LogSize + int(f.config.LogBlowup)
		n += vector(log)
		largest = max(largest, log)
	}
	return n + treeSize(largest)
}

// treeSize returns the size of the layers of a tree over columns of 2^log cells, of which the lowest five are not stored.
func treeSize(log int) int64 { return 32 << max(log-5, 0) * 2 }

const (
	// programMemory is the memory of the program's code and of the Go runtime.
	programMemory = 64 << 20
	// spareMemory and 1/spareShare of what is alive are left to the collector, and to what the footprint does not count: programs of components, samples,
	// openings, the proof.
	spareMemory = 24 << 20
	// mappedMemory is what is read of a file of preprocessed columns before it is given back.
	mappedMemory = 160 << 20
	spareShare   = 32
)

// need returns the memory of a process that makes the proof with extended columns computed in parts.
func (f *footprint) need(parts int) int64 {
	most := int64(0)
	for _, s := range f.stages(parts) {
		most = max(most, s)
	}
	most += f.input + f.stored
	if f.mapped {
		most += mappedMemory
	}
	return programMemory + most + spareMemory + most/spareShare
}

// stages returns what is alive in each stage, beyond the input and the preprocessed columns.
func (f *footprint) stages(parts int) []int64 {
	blowup := int(f.config.LogBlowup)
	var base, interaction int64 // the columns
	var baseLogs, interactionLogs []int
	rows, largestColumns := 0, 0 // log2 of the largest number of rows
	present := uint64(0)         // the logs of the tables' sizes, as bits
	for i := range f.tables {
		t := &f.tables[i]
		base += int64(t.liveBase) * vector(t.LogSize)
		interaction += int64(t.liveLookups) * vector(t.LogSize)
		baseLogs = append(baseLogs, slices.Repeat([]int{t.LogSize}, t.base)...)
		interactionLogs = append(interactionLogs, slices.Repeat([]int{t.LogSize}, t.interaction)...)
		rows = max(rows, t.LogSize)
		present |= 1 << t.LogSize
	}
	largestColumns = rows + blowup
	domain := f.config.LogDomain(rows)
	secure := func(log int) int64 { return 4 * vector(log) } // a column of elements of the secure field
	perSize := int64(0)                                      // a column of elements for each size, on domains larger by 1
	for s := present; s != 0; s &= s - 1 {
		perSize += secure(bits.TrailingZeros64(s) + 1)
	}
	tree := treeSize(largestColumns)
	twiddles := vector(domain)
	columns := twiddles + base + interaction
	composition := secure(rows + 1)

	// What the composition of the largest table takes.
	parted := int64(0)
	for i := range f.tables {
		t := &f.tables[i]
		part := logPart(t.LogSize, partsOf(parts, t.base+t.interaction, t.reads, f.mapped))
		switch {
		case !f.direct: // columns are interpolated, and copied
			parted = max(parted, 4*int64(partedCells(t.LogSize, t.base+t.interaction+t.reads, part))+f.workers*vector(t.LogSize))
		default:
			parted = max(parted, 4*int64(partedCells(t.LogSize, t.base+t.interaction, part)))
		}
	}

	opened := f.workers*vector(largestColumns) + int64(f.columns)*int64(f.config.Queries)*4*48
	return []int64{
		twiddles + f.filling(),
		twiddles + base + f.config.CommitMemory(f.hash, 0, baseLogs) + tree,
		columns + tree + f.workers*vector(rows)/2,
		columns + f.config.CommitMemory(f.hash, parts, interactionLogs) + 2*tree,
		columns + 2*tree + parted + perSize,
		columns + 2*tree + max(perSize, composition+tree+f.config.CommitMemory(f.hash, parts, slices.Repeat([]int{rows}, pcs.CompositionColumns))),
		columns + 3*tree + composition + secure(rows),
		columns + 3*tree + composition + secure(domain) + secure(largestColumns)*3/2,
		columns + 3*tree + composition + 2*secure(domain),
		columns + 3*tree + composition + 2*secure(domain)*4/7 + opened,
	}
}

// filling returns what is alive at once while the base columns are filled.
func (f *footprint) filling() int64 {
	most, live := int64(0), int64(0)
	passed := map[string]bool{}
	counted := int64(0)
	size := map[string]*tableSize{}
	for i := range f.tables {
		t := &f.tables[i]
		size[t.Name] = t
		switch t.Source {
		case cairoair.FixedTable:
			counted += int64(t.liveBase) * f.counter(t.LogSize)
		case cairoair.MemoryTable:
			n := int64(1)
			if t.Name == "memory_address_to_id" {
				n = int64(t.base) / 2
			}
			counted += n * f.counter(t.LogSize)
		}
	}
	inputs := func(t *tableSize) int64 {
		return int64(t.AIR().Inputs) * vector(max(t.LogSize, bits.Len(uint(max(t.Inputs, 1)-1))))
	}
	for i := range f.tables {
		t := &f.tables[i]
		for _, name := range cairoair.PassesTo(t.Component) {
			if c := size[name]; c != nil && !passed[name] {
				passed[name] = true
				live += inputs(c)
			}
		}
		own := int64(0)
		switch t.Source {
		case cairoair.OpcodeStates, cairoair.DistinctInputs:
			own = inputs(t)
		}
		if t.Source == cairoair.FixedTable || t.Source == cairoair.MemoryTable {
			own += int64(t.liveBase) * vector(t.LogSize) // a sum of counters is a column
		}
		live += int64(t.liveBase) * vector(t.LogSize)
		most = max(most, live+own+counted)
		if passed[t.Name] {
			live -= inputs(t)
		}
	}
	return most
}

// counter returns the most that the counters of 2^log rows take: a byte and a pointer to a page a row and worker, and pages for those that are used
// often.
func (f *footprint) counter(log int) int64 { return f.workers << log * 2 }

// way returns in how many parts the proof is to be made, and its bound.
func (p *Prover) way(f *footprint) (parts int, bound int64, err error) {
	if p.memory == 0 {
		return ways[0], f.need(ways[0]), nil
	}
	for _, parts := range ways {
		if f.need(parts) <= p.memory {
			return parts, p.memory, nil
		}
	}
	return 0, 0, &MemoryError{f.need(ways[len(ways)-1]), p.memory}
}

// heapBound returns the part of a bound that the Go runtime may use.
func (f *footprint) heapBound(bound int64) int64 {
	bound -= programMemory
	if f.mapped {
		bound -= mappedMemory
	}
	return bound
}

// LimitMemory keeps the memory of the process within a bound in bytes, as far as the Go runtime can, until the function that it returns is called. A bound
// of 0 is none. It is for programs that do nothing but prove: they keep the bound while they read a run and write the proof.
func LimitMemory(bound int64) (end func()) {
	if bound == 0 {
		return func() {}
	}
	before := debug.SetMemoryLimit(max(bound-programMemory, 0))
	return func() { debug.SetMemoryLimit(before) }
}

// limits keeps the memory limit of the Go runtime while proofs are made: the sum of their bounds, and of what was in memory before the first of them.
var limits struct {
	sync.Mutex
	proofs        int
	before        int64 // the limit before
	others, bound int64
}

// limit limits the memory of the Go runtime to what it has now, without the given bytes that the bound counts too, and bound bytes. The function that it
// returns ends that.
func limit(bound, counted int64) (end func()) {
	l := &limits
	l.Lock()
	defer l.Unlock()
	if l.proofs == 0 {
		l.before = debug.SetMemoryLimit(-1)
		runtime.GC() // so that only live memory is counted
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		l.others = max(0, int64(live[0].Value.Uint64())-counted)
	}
	l.proofs++
	l.bound += bound
	debug.SetMemoryLimit(min(l.before, l.others+l.bound))
	return func() {
		l.Lock()
		defer l.Unlock()
		l.proofs--
		l.bound -= bound
		if l.proofs == 0 {
			debug.SetMemoryLimit(l.before)
			return
		}
		debug.SetMemoryLimit(min(l.before, l.others+l.bound))
	}
}
