package pcs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Stages are the names of the stages of Prove, in order, with which it calls its argument stage.
var Stages = []string{"out-of-domain values", "quotients", "FRI", "proof of work", "openings"}

// Prove opens tables. Like Verify it is called when the commitments have been mixed and p has been drawn. trees describes the columns of the
// tables; the columns of the last tree may have fewer rows than it says. stage, if not nil, is called with the name of each stage at its beginning.
// Prove returns ctx's error if ctx ends.
func Prove(ctx context.Context, ch *channel.Channel, c *Config, tables []*Table, trees [][]Column, p Point, t *circle.Twiddles, stage func(string)) (*Proof, error) {
	s, err := c.newShape(trees)
	if err != nil {
		return nil, err
	}
	if len(tables) != len(trees) {
		return nil, fmt.Errorf("pcs: %d tables, want %d", len(tables), len(trees))
	}
	proof := &Proof{Config: *c}
	for i, table := range tables {
		if len(table.cells) != len(trees[i]) {
			return nil, fmt.Errorf("pcs: table %d has %d columns, want %d", i, len(table.cells), len(trees[i]))
		}
		proof.Commitments = append(proof.Commitments, table.Root())
	}
	if stage == nil {
		stage = func(string) {}
	}

	// Samples.
	stage(Stages[0])
	if proof.SampledValues, err = s.sample(ctx, tables, p, t); err != nil {
		return nil, err
	}
	ch.MixFelts(flatten(proof.SampledValues)...)
	gamma := ch.DrawFelt()

	// The DEEP sum, and FRI's commitments.
	stage(Stages[1])
	sum, err := s.quotients(ctx, tables, s.batches(proof.SampledValues, p, gamma))
	if err != nil {
		return nil, err
	}
	stage(Stages[2])
	prover, err := fri.NewProver(ctx, ch, c.fri(s.logDomain), sum, t)
	if err != nil {
		return nil, err
	}

	// Proof of work and queries.
	stage(Stages[3])
	if proof.ProofOfWork, err = ch.Work(ctx, c.PowBits); err != nil {
		return nil, err
	}
	ch.MixUint64(proof.ProofOfWork)
	queries := fri.DrawQueries(ch, s.logDomain, int(c.Queries))
	slices.Sort(queries)
	queries = slices.Compact(queries)

	// Openings of the trees.
	stage(Stages[4])
	for i, table := range tables {
		values, witness := table.open(s.positions(i, queries), s.tables[i].Height)
		proof.QueriedValues, proof.Decommitments = append(proof.QueriedValues, values), append(proof.Decommitments, witness)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}

	// Openings of FRI's layers.
	proof.FRI = prover.Open(queries)
	return proof, nil
}

// sample returns the values of the columns at the point and the row before it.
func (s *shape) sample(ctx context.Context, tables []*Table, p Point, t *circle.Twiddles) ([][][]m31.QM31, error) {
	previous := p.Sub(circle.Secure(circle.Odds(s.logRows).Step().Point()))
	// A value is the sum of the cells of the column, with weights that depend on the column's size and the point.
	type kind struct {
		log      int
		previous bool
	}
	type sampled struct{ tree, column, at int }
	uses := map[kind][]sampled{}
	var kinds []kind
	use := func(k kind, u sampled) {
		if len(uses[k]) == 0 {
			kinds = append(kinds, k)
		}
		uses[k] = append(uses[k], u)
	}
	values := make([][][]m31.QM31, len(tables))
	for i, table := range tables {
		values[i] = make([][]m31.QM31, len(table.cells))
		for k := range table.cells {
			sampling := s.trees[i][k].Sampling
			values[i][k] = make([]m31.QM31, sampling.samples())
			switch {
			case table.zero[k]:
			case sampling == AtPoint:
				use(kind{table.logs[k], false}, sampled{i, k, 0})
			case sampling == AtPreviousAndPoint:
				use(kind{table.logs[k], true}, sampled{i, k, 0})
				use(kind{table.logs[k], false}, sampled{i, k, 1})
			}
		}
	}
	blowup := s.logDomain - s.logRows
	for _, k := range kinds {
		q := p
		if k.previous {
			q = previous
		}
		cells := make([][]m31.M31, len(uses[k]))
		for i, u := range uses[k] {
			cells[i] = tables[u.tree].cells[u.column]
		}
		for i, v := range t.Weights(k.log, blowup, q.DoubleN(s.logRows-k.log)).Combine(cells...) {
			u := uses[k][i]
			values[u.tree][u.column][u.at] = v
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// quotientBlock is the number of cells of which the quotients' denominators are inverted together.
const quotientBlock = 1 << logQuotientBlock

const logQuotientBlock = 8

// quotients returns the DEEP sum on the whole domain.
func (s *shape) quotients(ctx context.Context, tables []*Table, batches []*batch) (fri.Column, error) {
	numerators := make([]*fri.Column, len(batches)) // Σ w·f of each batch, on the domain of its largest column
	for k, b := range batches {
		var err error
		if numerators[k], err = s.numerator(ctx, tables, b); err != nil {
			return fri.Column{}, err
		}
	}
	sum := fri.NewColumn(1 << s.logDomain)
	logBlock := min(logQuotientBlock, s.logDomain)
	// The points of a block are those of its pairs' first cells and their conjugates. They are the point of the first cell plus points that
	// are the same in all blocks.
	offsets := make([]circle.Point[m31.M31], 1<<(logBlock-1))
	for h := range offsets {
		offsets[h] = circle.HalfOdds(s.logDomain - 1).Step().Point().Mul(uint64(circle.BitReverse(h, s.logDomain-1)))
	}
	parallel.Chunks(1<<(s.logDomain-logBlock), 1, func(start, end int) {
		w := newQuotientBlock(len(batches), 1<<logBlock)
		for block := start; block < end && ctx.Err() == nil; block++ {
			first := block << logBlock
			base := circle.CellPoint(first, s.logDomain)
			for h, o := range offsets {
				d := base.Add(o)
				w.points[2*h], w.points[2*h+1] = d, d.Conjugate()
			}
			w.invertLines(batches)
			for i, d := range w.points {
				var total m31.QM31
				for k, b := range batches {
					n := numerators[k]
					cell := circle.LiftedCell(first+i, s.logDomain-logLen(n[0]))
					total = total.Add(b.finish(n.At(cell), d, w.lines[k*len(w.points)+i]))
				}
				sum.Set(first+i, total)
			}
			if w.zero {
				panic("pcs: the point out of the domain is on a line through a point of the domain")
			}
		}
	})
	return sum, ctx.Err()
}

// numerator returns Σ w·f over the columns of a batch, on the domain of the largest.
func (s *shape) numerator(ctx context.Context, tables []*Table, b *batch) (*fri.Column, error) {
	// By log2 of the size.
	var columns [circle.MaxLog + 1][][]m31.M31
	var weights [circle.MaxLog + 1][]m31.QM31
	sums := make([]*fri.Column, circle.MaxLog+1)
	for i := range b.terms {
		t := &b.terms[i]
		table := tables[t.tree]
		log := logLen(table.cells[t.column])
		if sums[log] == nil {
			c := fri.NewColumn(1 << log)
			sums[log] = &c
		}
		if !table.zero[t.column] {
			columns[log], weights[log] = append(columns[log], table.cells[t.column]), append(weights[log], t.weight)
		}
	}
	for log, sum := range sums {
		if sum != nil && ctx.Err() == nil {
			circle.AddScaled(*sum, columns[log], weights[log])
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sum := liftSum(sums)
	if sum == nil {
		return nil, errors.New("pcs: a point without samples")
	}
	return sum, nil
}

// quotientWork is the memory of a worker that computes quotients in blocks.
type quotientWork struct {
	points   []circle.Point[m31.M31]
	lines    []m31.CM31 // inverses of the lines' values, by batch and point
	products []m31.CM31
	zero     bool // whether a line has the value 0
}

func newQuotientBlock(batches, size int) *quotientWork {
	return &quotientWork{
		points: make([]circle.Point[m31.M31], size), lines: make([]m31.CM31, batches*size), products: make([]m31.CM31, batches*size),
	}
}

// invertLines sets lines.
func (w *quotientWork) invertLines(batches []*batch) {
	product := m31.CM31{A: 1}
	for k, b := range batches {
		for i, d := range w.points {
			at := k*len(w.points) + i
			w.lines[at] = b.line(d)
			w.products[at] = product
			product = product.Mul(w.lines[at])
		}
	}
	w.zero = w.zero || product == m31.CM31{}
	inverse := product.Inverse()
	for at := len(w.lines) - 1; at >= 0; at-- {
		line := w.lines[at]
		w.lines[at] = inverse.Mul(w.products[at])
		inverse = inverse.Mul(line)
	}
}
