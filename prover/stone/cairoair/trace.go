package cairoair

import (
	"context"
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// Trace is a statement with a run that satisfies it. It implements air.Trace. Every cell has the value that Stone's prover
// writes, even where the constraints leave a choice, such as the units and cells that fill holes of memory and of the range
// check.
type Trace struct {
	*AIR
	run     *cairo.Trace
	columns [][]field.Element // columns of the main trace; nil before Main and after Interaction
}

var _ air.Trace = (*Trace)(nil)

// NewTrace returns the trace of a run. The caller must not change the run until the proof is made.
func NewTrace(run *cairo.Trace) (*Trace, error) {
	a, err := New(&run.Public)
	if err != nil {
		return nil, err
	}
	if a.layout.Keccak != nil {
		return nil, fmt.Errorf("cairoair: layout %s can be verified but not proved", a.layout.Name)
	}
	if run.Layout != "" && run.Layout != a.layout.Name {
		return nil, fmt.Errorf("cairoair: trace of layout %s with public input of layout %s", run.Layout, a.layout.Name)
	}
	if uint64(len(run.Registers)) != a.public.Steps {
		return nil, fmt.Errorf("cairoair: trace of %d steps, want %d as in the public input", len(run.Registers), a.public.Steps)
	}
	if len(run.Memory.Value) != len(run.Memory.Known) {
		return nil, fmt.Errorf("cairoair: memory of %d values and %d flags", len(run.Memory.Value), len(run.Memory.Known))
	}
	return &Trace{AIR: a, run: run}, nil
}

// Main implements air.Trace.
func (t *Trace) Main(ctx context.Context) ([][]field.Element, error) {
	f := newFiller(t.AIR, t.run)
	if err := f.fill(ctx); err != nil {
		return nil, fmt.Errorf("cairoair: %w", err)
	}
	t.columns = f.columns
	return t.columns, nil
}

// Interaction implements air.Trace.
func (t *Trace) Interaction(ctx context.Context, challenges []field.Element) ([][]field.Element, error) {
	if t.columns == nil {
		return nil, errors.New("cairoair: interaction trace without the main trace")
	}
	values, err := t.Values(challenges)
	if err != nil {
		return nil, err
	}
	named := map[string]field.Element{}
	for i, name := range t.System().Values {
		named[name] = values[i]
	}
	s := newInteraction(t.layout, t.columns)
	t.columns = nil
	if err := s.fill(ctx, named); err != nil {
		return nil, fmt.Errorf("cairoair: %w", err)
	}
	return s.columns, nil
}

// free marks a cell of the range-check or diluted pool that no component has claimed.
const free = -1

// filler holds the main trace while it is filled. Components claim cells of the three pools. The unclaimed cells are filled
// last, so that addresses and values have no holes.
type filler struct {
	layout  *Layout
	public  *cairo.PublicInput
	run     *cairo.Trace
	rows    int
	columns [][]field.Element

	address    []uint64 // address of each memory unit, or 0 if not claimed
	rangeCheck []int32  // value of each cell of the range-check pool, or free
	diluted    []int32  // undiluted value of each cell of the diluted pool, or free
}

func newFiller(a *AIR, run *cairo.Trace) *filler {
	f := &filler{layout: a.layout, public: a.public, run: run, rows: int(a.rows)}
	f.columns = newColumns(a.layout.Main, f.rows)
	f.address = make([]uint64, a.layout.Memory.Pool.Addr.Len(f.rows))
	f.rangeCheck = freeCells(a.layout.RangeCheck.Pool.Len(f.rows))
	if a.layout.Diluted != nil {
		f.diluted = freeCells(a.layout.Diluted.Pool.Len(f.rows))
	}
	return f
}

func newColumns(n, rows int) [][]field.Element {
	columns := make([][]field.Element, n)
	for i := range columns {
		columns[i] = make([]field.Element, rows)
	}
	return columns
}

func freeCells(n int) []int32 {
	cells := make([]int32, n)
	for i := range cells {
		cells[i] = free
	}
	return cells
}

// fill fills the columns. The order of the last four steps matters: fillRangeCheckUnits reads the completed range-check pool
// and claims memory units, and finishMemory needs all claims.
func (f *filler) fill(ctx context.Context) error {
	l := f.layout
	steps := []func() error{
		func() error { return f.fillCPU(&l.CPU) },
		func() error { f.fillPublicMemory(&l.Memory); return nil },
	}
	if l.Pedersen != nil {
		steps = append(steps, func() error { return f.fillPedersen(l.Pedersen) })
	}
	if l.RangeCheckBuiltin != nil {
		steps = append(steps, func() error { return f.fillRangeCheckParts(l.RangeCheckBuiltin) })
	}
	if l.ECDSA != nil {
		steps = append(steps, func() error { return f.fillECDSA(l.ECDSA) })
	}
	if l.Bitwise != nil {
		steps = append(steps, func() error { return f.fillBitwise(l.Bitwise) })
	}
	if l.ECOp != nil {
		steps = append(steps, func() error { return f.fillECOp(l.ECOp) })
	}
	if l.Poseidon != nil {
		steps = append(steps, func() error { return f.fillPoseidon(l.Poseidon) })
	}
	steps = append(steps, func() error { return f.finishRangeCheck(&l.RangeCheck) })
	if l.RangeCheckBuiltin != nil {
		steps = append(steps, func() error { f.fillRangeCheckUnits(l.RangeCheckBuiltin); return nil })
	}
	if l.Diluted != nil {
		steps = append(steps, func() error { return f.finishDiluted(l.Diluted) })
	}
	steps = append(steps, func() error { return f.finishMemory(&l.Memory) })
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// set writes the i-th cell of a virtual column.
func (f *filler) set(v View, i int, x field.Element) { f.columns[v.Column][v.Row(i)] = x }

// access claims the i-th unit of u for an access to memory and writes the value. finishMemory writes the address.
func (f *filler) access(u Units, i int, address uint64, value field.Element) {
	f.address[poolIndex(f.layout.Memory.Pool.Addr, u.Addr, i)] = address
	f.set(u.Value, i, value)
}

// poolIndex returns the index, within a pool, of the i-th cell of a view that lies on the pool's cells.
func poolIndex(pool, v View, i int) int { return (v.Row(i) - pool.Offset) / pool.Step }

// segment returns the first address of the builtin's segment.
func (f *filler) segment(name string) uint64 {
	for _, s := range f.public.Segments {
		if s.Name == name {
			return s.Begin
		}
	}
	return 0
}

// chunk is the number of indices that one task of chunks handles. It does not depend on the machine, so that errors do not
// either.
const chunk = 1 << 12

// chunks calls f on consecutive pieces of [0, n), on all cores, and returns the error of the lowest piece that has one.
func chunks(n int, f func(start, end int) error) error {
	errs := make([]error, (n+chunk-1)/chunk)
	parallel.For(len(errs), func(i int) { errs[i] = f(i*chunk, min((i+1)*chunk, n)) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
