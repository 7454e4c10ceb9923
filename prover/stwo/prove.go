//go:build !js

package stwo

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/constraints"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/pcs"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// Progress holds functions that a prover calls as a proof advances. Each may be nil.
type Progress struct {
	// Stage is called at the beginning of a stage, with its name, its number (from 0) and the number of stages.
	Stage func(name string, number, total int)
}

// stages are the names of the stages of a proof.
var stages = append([]string{
	"base columns", "commit base columns", "proof of work for lookups", "interaction columns", "commit interaction columns", "composition", "commit composition",
}, pcs.Stages...)

func (p *Progress) stage(name string) {
	if p != nil && p.Stage != nil {
		p.Stage(name, slices.Index(stages, name), len(stages))
	}
}

// Prover makes proofs with the same parameters. It holds what does not depend on the run. Several goroutines may use it.
type Prover struct {
	params       Params
	preprocessed *pcs.Table
	columns      []preprocessed.Column
	memory       int64 // bound, or 0: see WithMemory
}

// NewProver returns a prover. It commits to the preprocessed columns, which takes some time, and longer for the larger variants: see
// NewProverWithTable. It returns ctx's error if ctx ends.
func NewProver(ctx context.Context, params *Params) (*Prover, error) {
	if err := params.Config.Validate(); err != nil {
		return nil, err
	}
	p := &Prover{params: *params, columns: params.Preprocessed.ColumnsFrom(pointRows(params.Preprocessed))}
	if err := p.commitPreprocessed(ctx); err != nil {
		return nil, err
	}
	return p, p.checkRoot()
}

// pointRows returns the rows of the variant's table of points, which are made once, if there is one that the package does not keep.
func pointRows(v preprocessed.Variant) []preprocessed.Row {
	const atOnce = 1 << 18 // a window
	n, rows := v.Points()
	all := make([]preprocessed.Row, n)
	parallel.Each((n+atOnce-1)/atOnce, func(k int) { copy(all[k*atOnce:], rows(k*atOnce)) })
	return all
}

// NewProverWithTable returns a prover with a table of the preprocessed columns that was made before. columns are those of the variant; the prover
// takes their values from there.
func NewProverWithTable(params *Params, table *pcs.Table, columns []preprocessed.Column) (*Prover, error) {
	if err := params.Config.Validate(); err != nil {
		return nil, err
	}
	p := &Prover{params: *params, preprocessed: table, columns: columns}
	return p, p.checkRoot()
}

// checkRoot compares the root of the preprocessed columns with the pinned one, if there is one.
func (p *Prover) checkRoot() error {
	root, ok := preprocessedRoot(p.params.Preprocessed, p.params.Hash, &p.params.Config)
	if ok && root != p.preprocessed.Root() {
		return fmt.Errorf("stwo: the preprocessed columns have root %x, want %x", p.preprocessed.Root(), root)
	}
	return nil
}

// commitPreprocessed commits to the preprocessed columns in memory.
func (p *Prover) commitPreprocessed(ctx context.Context) error {
	blowup := int(p.params.Config.LogBlowup)
	cells, logs := make([][]m31.M31, len(p.columns)), make([]int, len(p.columns))
	largest := 0
	for i := range p.columns {
		logs[i] = p.columns[i].LogSize
		largest = max(largest, logs[i]+blowup)
	}
	twiddles := circle.NewTwiddles(largest)
	parallel.Each(len(cells), func(i int) {
		if ctx.Err() != nil {
			return
		}
		rows := 1 << logs[i]
		cells[i] = make([]m31.M31, rows<<blowup)
		p.columns[i].Fill(cells[i][:rows], 0)
		twiddles.Interpolate(cells[i][:rows])
		twiddles.Evaluate(cells[i], cells[i][:rows])
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	p.preprocessed, err = p.params.Config.ExtendedTable(ctx, p.params.Hash, logs, cells, nil, nil)
	return err
}

// Prove proves a run. It refuses with a MemoryError, before it begins, if the bound of WithMemory is too low. When ctx ends, Prove returns ctx's error soon.
func (p *Prover) Prove(ctx context.Context, in *adapter.Input, progress *Progress) (*Proof, error) {
	return p.prove(ctx, in, progress, forger{})
}

// forger holds functions that change a false prover's tables and claimed sums before they are committed, in tests. Each may be nil.
type forger struct {
	tables func([]cairoair.Table)
	sums   func(*Proof, *air.Challenges, []*air.Interactions)
}

func (p *Prover) prove(ctx context.Context, in *adapter.Input, progress *Progress, forge forger) (*Proof, error) {
	config := &p.params.Config
	proof := &Proof{Hash: p.params.Hash, Salt: p.params.Salt, Preprocessed: p.params.Preprocessed}
	proof.STARK.Config = *config
	ch := channel.New(proof.Hash)

	// The bound on memory.
	footprint, err := p.footprint(in)
	if err != nil {
		return nil, err
	}
	parts, bound, err := p.way(footprint)
	if err != nil {
		return nil, err
	}
	defer limit(footprint.heapBound(bound), footprint.input+footprint.stored)()

	// The tables of the run.
	progress.stage(stages[0])
	tables, err := cairoair.Fill(in, p.params.Preprocessed == preprocessed.CanonicalSmall)
	if err != nil {
		return nil, err
	}
	if proof.Claim, err = newClaim(in, tables); err != nil {
		return nil, err
	}
	if err := proof.checkPermutations(0); err != nil {
		return nil, err
	}
	if forge.tables != nil {
		forge.tables(tables)
	}
	columns, reads, err := proof.columns()
	if err != nil {
		return nil, err
	}
	r := &run{Prover: p, tables: tables, reads: reads, parts: parts}
	r.twiddles = circle.NewTwiddles(config.LogDomain(largest(tables)))

	// Parameters, preprocessed columns and claim.
	ch.MixFelts(m31.FromM31(m31.New(uint64(proof.Salt))))
	config.Mix(ch)
	ch.MixDigest(p.preprocessed.Root())
	proof.Claim.mix(ch)

	// Base columns.
	progress.stage(stages[1])
	base, err := r.commitBase(ctx)
	if err != nil {
		return nil, err
	}
	ch.MixDigest(base.Root())

	// Proof of work, and the challenges of the lookups.
	progress.stage(stages[2])
	if proof.InteractionNonce, err = ch.Work(ctx, interactionWork); err != nil {
		return nil, err
	}
	ch.MixUint64(proof.InteractionNonce)
	drawn := ch.DrawFelts(2)
	challenges := air.NewChallenges(drawn[0], drawn[1])

	// Interaction columns.
	progress.stage(stages[3])
	if err := r.interact(ctx, challenges); err != nil {
		return nil, err
	}
	for i := range r.interactions {
		proof.Sums = append(proof.Sums, r.interactions[i].ClaimedSum)
	}
	if forge.sums != nil {
		forge.sums(proof, challenges, r.interactions)
	}
	ch.MixFelts(proof.Sums...)
	progress.stage(stages[4])
	interaction, err := r.commitInteraction(ctx)
	if err != nil {
		return nil, err
	}
	ch.MixDigest(interaction.Root())

	// Composition.
	progress.stage(stages[5])
	sum, err := r.composition(ctx, base, interaction, challenges, ch.DrawFelt())
	if err != nil {
		return nil, err
	}
	progress.stage(stages[6])
	composition, err := sum.Commit(ctx, config, proof.Hash, r.twiddles, r.parts)
	if err != nil {
		return nil, err
	}
	ch.MixDigest(composition.Root())

	// The values at a random point, and the degrees of the columns.
	point := pcs.DrawPoint(ch)
	committed := []*pcs.Table{p.preprocessed, base, interaction, composition}
	stark, err := pcs.Prove(ctx, ch, config, committed, columns[:], point, r.twiddles, progress.stage)
	if err != nil {
		return nil, err
	}
	proof.STARK = *stark
	return proof, nil
}

// largest returns log2 of the number of rows of the largest table.
func largest(tables []cairoair.Table) int {
	log := 0
	for i := range tables {
		log = max(log, tables[i].LogSize)
	}
	return log
}

// run holds the columns of a proof while it is made.
type run struct {
	*Prover
	twiddles     *circle.Twiddles
	tables       []cairoair.Table
	reads        [][]int // numbers of the preprocessed columns that each table reads
	interactions []*air.Interactions
	parts        int // see logPart
}

// commitBase commits to the base columns. Columns of zeros are dropped.
func (r *run) commitBase(ctx context.Context) (*pcs.Table, error) {
	var columns [][]m31.M31
	var logs []int
	for i := range r.tables {
		t := &r.tables[i]
		parallel.For(len(t.Columns), func(k int) {
			if m31.AllZero(t.Columns[k]) {
				t.Columns[k] = nil
			}
		})
		for _, c := range t.Columns {
			columns, logs = append(columns, c), append(logs, t.LogSize)
		}
	}
	return r.params.Config.NewTable(ctx, r.params.Hash, r.twiddles, logs, columns)
}

// interact makes the interaction columns.
func (r *run) interact(ctx context.Context, challenges *air.Challenges) error {
	r.interactions = make([]*air.Interactions, len(r.tables))
	for i := range r.tables {
		if err := ctx.Err(); err != nil {
			return err
		}
		t, reads := &r.tables[i], r.reads[i]
		table := t.Table
		table.Preprocessed = make([][]m31.M31, len(reads))
		var generated atomic.Int64
		table.Generate = func(k int, dst []m31.M31, first int) {
			r.columns[reads[k]].Fill(dst, first)
			if k == 0 && generated.Add(1)%releaseAfter == 0 {
				r.release()
			}
		}
		r.interactions[i] = t.AIR().Interaction(&table, challenges)
		r.release()
	}
	return nil
}

// releaseAfter is the number of runs of rows for which interact reads a file until it gives back the memory: the system maps 64 KiB for each, 64 MiB.
const releaseAfter = 1 << 10

// commitInteraction commits to the interaction columns, of which only the coefficients are needed from now on.
func (r *run) commitInteraction(ctx context.Context) (*pcs.Table, error) {
	var columns [][]m31.M31
	var logs []int
	for i := range r.interactions {
		for _, c := range r.interactions[i].Columns {
			columns, logs = append(columns, c), append(logs, r.tables[i].LogSize)
		}
		r.interactions[i].Columns = nil
	}
	parallel.Each(len(columns), func(i int) {
		if columns[i] != nil && ctx.Err() == nil {
			r.twiddles.Interpolate(columns[i])
		}
	})
	return r.params.Config.NewTableOfCoefficients(ctx, r.params.Hash, r.twiddles, r.parts, logs, columns)
}

// composition returns the sum of all constraints' quotients. Constraint i of n is multiplied by coefficient^(n-1-i).
func (r *run) composition(ctx context.Context, base, interaction *pcs.Table, challenges *air.Challenges, coefficient m31.QM31) (*pcs.Accumulator, error) {
	n := 0
	for i := range r.tables {
		n += r.tables[i].AIR().ConstraintCount()
	}
	powers := make([]m31.QM31, n)
	power := m31.FromM31(1)
	for i := n - 1; i >= 0; i-- {
		powers[i], power = power, power.Mul(coefficient)
	}
	sum := new(pcs.Accumulator)
	// The columns of one table after another are extended to twice their size, part by part.
	cells := 0
	mapped := r.Prover.preprocessed.Release != nil
	for i := range r.tables {
		c, reads := r.tables[i].AIR(), len(r.reads[i])
		part := logPart(r.tables[i].LogSize, partsOf(r.parts, len(c.Columns)+c.InteractionColumns(), reads, mapped))
		if r.Prover.preprocessed.Stored() {
			reads = 0
		}
		cells = max(cells, partedCells(r.tables[i].LogSize, len(c.Columns)+c.InteractionColumns()+reads, part))
	}
	memory := make([]m31.M31, cells)
	baseColumn, interactionColumn := 0, 0
	for i := range r.tables {
		t := &r.tables[i]
		n, m, rows := len(t.AIR().Columns), t.AIR().InteractionColumns(), 1<<t.LogSize
		reads, columns := r.reads[i], make([][]m31.M31, n+m+len(r.reads[i]))
		base.Interpolate(r.twiddles, baseColumn, baseColumn+n)
		interaction.Interpolate(r.twiddles, interactionColumn, interactionColumn+m)
		size := 1 << logPart(t.LogSize, partsOf(r.parts, n+m, len(reads), mapped))
		column := func(k, part int) []m31.M31 {
			place := func() []m31.M31 { return memory[8*rows+k*size:][:size] }
			switch {
			case k < n:
				return base.Part(r.twiddles, baseColumn+k, part, place())
			case k < n+m:
				return interaction.Part(r.twiddles, interactionColumn+k-n, part, place())
			case r.Prover.preprocessed.Stored():
				return r.Prover.preprocessed.StoredPart(reads[k-n-m], part, size)
			default:
				return r.Prover.preprocessed.Part(r.twiddles, reads[k-n-m], part, place())
			}
		}
		var last [4][]m31.M31 // the last interaction columns are also read at other rows
		for q := range last {
			last[q] = interaction.Doubled(r.twiddles, interactionColumn+m-4+q, memory[2*q*rows:][:2*rows])
		}
		count := t.AIR().ConstraintCount()
		var composition *air.Composition
		for part := range 2 * rows / size {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			parallel.Each(len(columns), func(k int) { columns[k] = column(k, part) })
			extended := t.Table
			extended.Columns, extended.Preprocessed = columns[:n], columns[n+m:]
			s := &air.Interactions{Columns: columns[n : n+m], ClaimedSum: r.interactions[i].ClaimedSum}
			if composition == nil {
				composition = t.AIR().Compose(&extended, s, challenges, powers[:count])
			}
			composition.AddPart(part*size, size, &extended, s, last, *sum.At(t.LogSize + 1))
			r.release()
		}
		powers = powers[count:]
		baseColumn, interactionColumn = baseColumn+n, interactionColumn+m
	}
	return sum, nil
}

// release gives back the memory in which preprocessed columns of a file were read.
func (r *run) release() {
	if f := r.Prover.preprocessed.Release; f != nil {
		f()
	}
}

// logPart returns log2 of the number of cells of an extended column that are computed at once, for a column of 2^log rows, half of which are computed in
// 2^parts parts.
func logPart(log, parts int) int { return max(min(log, leastLogPart), log-parts) }

// leastLogPart is log2 of the number of cells of a column below which it is not worth computing fewer at once.
const leastLogPart = 14

// partsOf returns the parts for a table that reads some preprocessed columns: more than the given ones if these are in a file, and more than its own, so that
// few of their cells are in memory at once.
func partsOf(parts, columns, reads int, mapped bool) int {
	if mapped && reads > columns {
		return mappedParts
	}
	return parts
}

const mappedParts = 5

// partedCells returns the number of cells that are in memory at once while the composition of a table of 2^log rows is computed, 2^part cells of each
// column.
func partedCells(log, columns, part int) int { return 8<<log + columns<<part }

// newClaim returns the claim of a run.
func newClaim(in *adapter.Input, tables []cairoair.Table) (Claim, error) {
	var c Claim
	for i := range tables {
		t := Table{Component: constraints.ByName(tables[i].Component.Name), LogSize: tables[i].LogSize}
		if t.Component.SegmentStart {
			t.Start = uint32(tables[i].Table.Parameter)
		}
		c.Tables = append(c.Tables, t)
	}
	p := &c.Public
	id := func(address m31.M31) uint32 { return uint32(in.Memory.IDs[address]) }
	cell := func(address m31.M31) Cell {
		w := in.Memory.Value(in.Memory.IDs[address])
		return Cell{id(address), feltOf(w)}
	}
	program := in.Program()
	for a := program.Begin; a < program.End; a++ {
		p.Program = append(p.Program, cell(m31.M31(a)))
	}
	for b := range adapter.BuiltinCount {
		if !in.Present[b] {
			continue
		}
		start, stop := in.Pointers(b)
		pointer := func(a m31.M31) Pointer { return Pointer{id(a), in.Memory.Value(in.Memory.IDs[a])[0]} }
		p.Segments[b] = &Segment{pointer(start), pointer(stop)}
	}
	output := p.Segments[output]
	for a := output.Start.Value; a < output.Stop.Value; a++ {
		p.Output = append(p.Output, cell(in.Final.AP+m31.M31(a-output.Start.Value)))
	}
	p.SafeCallIDs = [2]uint32{id(in.Initial.AP - 2), id(in.Initial.AP - 1)}
	p.Initial, p.Final = State(in.Initial), State(in.Final)
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%w, so that no verifier accepts a proof of the run", err)
	}
	return c, nil
}

// feltOf returns the value with the given words, the lowest first.
func feltOf(words [8]uint32) felt.Felt {
	var limbs [4]uint64
	for k := range limbs {
		limbs[k] = uint64(words[2*k]) | uint64(words[2*k+1])<<32
	}
	return felt.FromLimbs(limbs)
}
