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
// tables, whose columns Prove interpolates; the columns of the last tree may have fewer rows than it says. stage, if not nil, is called with the name of each stage at its beginning.
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
		table.Interpolate(t, 0, len(table.cells))
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
	sum, err := s.quotients(ctx, tables, s.batches(proof.SampledValues, p, gamma), t)
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
		values, witness := table.open(t, s.positions(i, queries))
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
	// A value is the sum of the cells of the column, with weights that depend on the column's size, the point, and what the cells are.
	type kind struct {
		log      int
		previous bool
		extended *Table // the table if its cells are values on the larger domain
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
		var extended *Table
		if table.extended {
			extended = table
		}
		for k := range table.cells {
			sampling := s.trees[i][k].Sampling
			values[i][k] = make([]m31.QM31, sampling.samples())
			switch {
			case table.cells[k] == nil:
			case sampling == AtPoint:
				use(kind{table.logs[k], false, extended}, sampled{i, k, 0})
			case sampling == AtPreviousAndPoint:
				use(kind{table.logs[k], true, extended}, sampled{i, k, 0})
				use(kind{table.logs[k], false, extended}, sampled{i, k, 1})
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
		q = q.DoubleN(s.logRows - k.log)
		set := func(sums []m31.QM31) {
			for i, v := range sums {
				at := &values[uses[k][i].tree][uses[k][i].column][uses[k][i].at]
				*at = at.Add(v)
			}
		}
		if k.extended == nil {
			set(circle.CoefficientWeights(k.log, q).Combine(cells...))
		} else {
			weights := t.Weights(k.log, blowup, q)
			k.extended.windows(1<<k.log, func(start, end int) {
				set(weights.Slice(start, end).Combine(cut(cells, start, end)...))
			})
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// quotients returns the DEEP sum on the whole domain. The numerator of each point is computed, used and dropped.
func (s *shape) quotients(ctx context.Context, tables []*Table, batches []*batch, w *circle.Twiddles) (fri.Column, error) {
	sum := fri.NewColumn(1 << s.logDomain)
	for _, b := range batches {
		numerator, err := s.numerator(ctx, tables, b, w)
		if err != nil {
			return fri.Column{}, err
		}
		if !circle.AddQuotients(sum, s.logDomain, []circle.Quotient{{Point: b.point, Numerator: *numerator, A: b.a, B: b.b}}) {
			panic("pcs: the point out of the domain is on a line through a point of the domain")
		}
	}
	return sum, ctx.Err()
}

// numerator returns c·Σ w·f over the columns of a batch, on the domain of the largest.
func (s *shape) numerator(ctx context.Context, tables []*Table, b *batch, w *circle.Twiddles) (*fri.Column, error) {
	// By log2 of the number of rows: the columns with values, which are in one table, and those with coefficients.
	type part struct {
		table   *Table
		columns [][]m31.M31
		weights []m31.QM31
	}
	var parts [circle.MaxLog + 1][2]part
	largest := -1
	for i := range b.terms {
		t := &b.terms[i]
		table := tables[t.tree]
		log := table.logs[t.column]
		largest = max(largest, log)
		if cells := table.cells[t.column]; cells != nil {
			p := &parts[log][1]
			if table.extended {
				p = &parts[log][0]
			}
			if p.table != nil && p.table != table && table.extended {
				return nil, errors.New("pcs: two tables of extended columns")
			}
			p.table = table
			p.columns, p.weights = append(p.columns, cells[:1<<log]), append(p.weights, t.weight.Mul(b.c))
		}
	}
	if largest < 0 {
		return nil, errors.New("pcs: a point without samples")
	}
	blowup := s.logDomain - s.logRows
	var lifted *fri.Column // the sum of the columns of smaller sizes
	for log := range largest + 1 {
		values, coefficients := &parts[log][0], &parts[log][1]
		if len(values.columns)+len(coefficients.columns) == 0 && log < largest {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sum := fri.NewColumn(1 << (log + blowup))
		var first fri.Column
		for q := range first {
			first[q] = sum[q][:1<<log]
		}
		if len(values.columns) > 0 {
			// A sum of values has as many coefficients as its columns, so its first cells give them.
			values.table.windows(1<<log, func(start, end int) {
				var part fri.Column
				for q := range part {
					part[q] = first[q][start:end]
				}
				circle.AddScaled(part, cut(values.columns, start, end), values.weights)
			})
			parallel.For(len(first), func(q int) { w.InterpolatePrefix(first[q], first[q], log+blowup) })
		}
		circle.AddScaled(first, coefficients.columns, coefficients.weights)
		parallel.For(len(sum), func(q int) { w.Evaluate(sum[q], first[q]) })
		if lifted != nil {
			addLifted(&sum, lifted)
		}
		lifted = &sum
	}
	return lifted, nil
}
