package pcs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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
	sum, err := s.quotients(ctx, tables, s.batches(proof.SampledValues, p, gamma), t)
	if err != nil {
		return nil, err
	}
	runtime.GC() // the numerators are as large as many columns
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
			case table.cells[k] == nil:
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

// quotients returns the DEEP sum on the whole domain.
func (s *shape) quotients(ctx context.Context, tables []*Table, batches []*batch, w *circle.Twiddles) (fri.Column, error) {
	quotients := make([]circle.Quotient, len(batches))
	for k, b := range batches {
		numerator, err := s.numerator(ctx, tables, b, w)
		if err != nil {
			return fri.Column{}, err
		}
		quotients[k] = circle.Quotient{Point: b.point, Numerator: *numerator, A: b.a, B: b.b}
	}
	sum := fri.NewColumn(1 << s.logDomain)
	if !circle.AddQuotients(sum, s.logDomain, quotients) {
		panic("pcs: the point out of the domain is on a line through a point of the domain")
	}
	return sum, ctx.Err()
}

// numerator returns c·Σ w·f over the columns of a batch, on the domain of the largest.
func (s *shape) numerator(ctx context.Context, tables []*Table, b *batch, w *circle.Twiddles) (*fri.Column, error) {
	// By log2 of the number of rows.
	var columns [circle.MaxLog + 1][][]m31.M31
	var weights [circle.MaxLog + 1][]m31.QM31
	sums := make([]*fri.Column, circle.MaxLog+1)
	blowup := s.logDomain - s.logRows
	for i := range b.terms {
		t := &b.terms[i]
		table := tables[t.tree]
		log := table.logs[t.column]
		if sums[log] == nil {
			c := fri.NewColumn(1 << (log + blowup))
			sums[log] = &c
		}
		if cells := table.cells[t.column]; cells != nil {
			columns[log], weights[log] = append(columns[log], cells[:1<<log]), append(weights[log], t.weight.Mul(b.c))
		}
	}
	// A sum has as many coefficients as its columns, so its first cells give the others.
	for log, sum := range sums {
		if len(columns[log]) > 0 && ctx.Err() == nil {
			var first fri.Column
			for q := range first {
				first[q] = sum[q][:1<<log]
			}
			circle.AddScaled(first, columns[log], weights[log])
			parallel.For(len(sum), func(q int) { w.Complete(sum[q], log) })
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
