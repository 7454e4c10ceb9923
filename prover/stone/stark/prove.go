package stark

import (
	"context"
	"fmt"
	"runtime"
	"strconv"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/fri"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/poly"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Progress holds functions that Prove calls as a proof advances. Each may be nil.
type Progress struct {
	// Stage is called at the beginning of a stage, with its name, its number (from 0) and the number of stages.
	Stage func(name string, number, total int)
}

// stages are the names of the stages of a proof.
var stages = []string{
	"trace", "commit trace", "interaction", "commit interaction", "composition", "commit composition",
	"out-of-domain values", "quotients", "FRI and proof of work", "openings",
}

func (p *Progress) stage(k int) {
	if p != nil && p.Stage != nil {
		p.Stage(stages[k], k, len(stages))
	}
}

// Prove proves the statement of the trace. seed is the hash of the public input. If log is not nil, it receives annotations.
// When ctx ends, Prove returns ctx's error soon: every long loop checks ctx.
func Prove(ctx context.Context, w air.Trace, p *Params, seed transcript.Digest, log *transcript.Annotations, progress *Progress) ([]byte, error) {
	if err := p.Validate(w); err != nil {
		return nil, err
	}
	system, s := w.System(), p.sizes(w)
	ch, err := transcript.NewProver(p.Channel, seed)
	if err != nil {
		return nil, err
	}
	ch.Annotate(log)
	defer ch.Scope(p.Statement)()
	defer ch.Scope("STARK")()
	ext := newExtender(&s, p.LogBlowup)
	var tables []*table // main trace, interaction trace, composition
	commit := func(columns [][]field.Element, interpolate *poly.Plan) error {
		defer ch.Scope("Commit on Trace")()
		t, err := ext.table(ctx, columns, interpolate, p.FRI.Merkle)
		if err != nil {
			return err
		}
		t.tree.Commit(ch)
		tables = append(tables, t)
		return nil
	}

	// Main trace.
	progress.stage(0)
	leave := ch.Scope("Original")
	columns, err := w.Main(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkColumns("main", columns, system.Main, s.trace.Size); err != nil {
		return nil, err
	}
	progress.stage(1)
	onTrace := poly.NewInversePlan(s.trace)
	if err := commit(columns, onTrace); err != nil {
		return nil, err
	}
	leave()

	// Interaction elements and interaction trace.
	progress.stage(2)
	leave = ch.Scope("Interaction")
	challenges := drawChallenges(ch, system.Challenges)
	if columns, err = w.Interaction(ctx, challenges); err != nil {
		return nil, err
	}
	if err := checkColumns("interaction", columns, system.Interaction, s.trace.Size); err != nil {
		return nil, err
	}
	progress.stage(3)
	if system.Interaction > 0 {
		if err := commit(columns, onTrace); err != nil {
			return nil, err
		}
	}
	leave()
	release(&s)
	values, err := w.Values(challenges)
	if err != nil {
		return nil, err
	}

	// Composition.
	progress.stage(4)
	leave = ch.Scope("Original")
	alpha := ch.Draw(compositionLabel)
	leave()
	leave = ch.Scope("Out Of Domain Sampling")
	h, err := ext.composition(ctx, air.NewEvaluator(system, s.trace.Size, values, alpha), tables)
	if err != nil {
		return nil, err
	}
	progress.stage(5)
	// The halves h0 and h1 are functions of x², so their domain has the square of the evaluation domain's offset.
	offset := field.Generator()
	offset.Square(&offset)
	if err := commit(h, poly.NewInversePlan(s.trace.Shift(offset))); err != nil {
		return nil, err
	}

	// Out-of-domain sampling.
	progress.stage(6)
	leaveValues := ch.Scope("OODS values")
	z := ch.Draw("Evaluation point")
	sampled, err := evalSamples(ctx, system, &s, tables, z)
	if err != nil {
		return nil, err
	}
	release(&s)
	sendSamples(ch, sampled, p.FriendlyUpdates)
	leaveValues()

	// DEEP quotients and their low-degree test.
	progress.stage(7)
	gamma := ch.Draw(compositionLabel)
	leave()
	if columns, err = ext.coset(ctx, tables, 0); err != nil {
		return nil, err
	}
	quotients, err := deepQuotients(ctx, &s, samples(system, &s, z, sampled), columns, system, gamma)
	if err != nil {
		return nil, err
	}
	columns = nil
	release(&s)
	first := ext.extendQuotient(quotients)
	progress.stage(8)
	defer ch.Scope("FRI")()
	err = fri.Prove(ctx, ch, &p.FRI, first, func(positions []uint64) error {
		defer ch.Scope("Virtual Oracle")()
		rows := distinct(positions)
		release(&s)
		for i, t := range tables {
			leave := ch.Scope("Trace " + strconv.Itoa(i))
			if err := t.tree.Fetch(rows, ext.cosets(ctx, t)); err != nil {
				return err
			}
			if err := t.tree.Open(ch, rows, nil); err != nil {
				return err
			}
			leave()
		}
		return nil
	}, func() { progress.stage(9) })
	if err != nil {
		return nil, err
	}
	return ch.Proof(), nil
}

// release collects garbage after the last use of large vectors. The heap holds a few hundred vectors of the trace length, so a
// collection is fast, but the runtime would start one only when the heap has doubled.
func release(s *sizes) {
	if s.logTrace >= 18 {
		runtime.GC()
	}
}

func checkColumns(phase string, columns [][]field.Element, want int, rows uint64) error {
	if len(columns) != want {
		return fmt.Errorf("stark: %s phase has %d columns, want %d", phase, len(columns), want)
	}
	for i, c := range columns {
		if uint64(len(c)) != rows {
			return fmt.Errorf("stark: column %d of the %s phase has %d rows, want %d", i, phase, len(c), rows)
		}
	}
	return nil
}

// sendSamples sends the out-of-domain values, as one message if together is true, otherwise one by one.
func sendSamples(ch *transcript.Prover, values []field.Element, together bool) {
	if together {
		ch.SendElements("", values)
		return
	}
	for i := range values {
		ch.SendElement(strconv.Itoa(i), &values[i])
	}
}

// table is a committed table: the polynomials of its columns and the tree. The columns' values are computed again where they are needed, one coset
// at a time, because all of them would take four times the memory.
type table struct {
	coeffs [][]field.Element // bit-reversed coefficients of each column
	tree   *merkle.Tree
}

// extender extends columns to the evaluation domain. Coset c consists of the elements whose index is c modulo the blowup.
type extender struct {
	s         *sizes
	logBlowup uint
	plans     []*poly.Plan // one plan for each coset
}

func newExtender(s *sizes, logBlowup uint) *extender {
	e := &extender{s: s, logBlowup: logBlowup}
	for c := range uint64(1) << logBlowup {
		e.plans = append(e.plans, poly.NewPlan(s.eval.Coset(c, logBlowup)))
	}
	return e
}

// cosets returns a function that returns the values of the table's columns on a coset. Each call overwrites the values of the call before.
func (e *extender) cosets(ctx context.Context, t *table) func(c int) ([][]field.Element, error) {
	columns := make([][]field.Element, len(t.coeffs))
	return func(c int) ([][]field.Element, error) {
		for k, coeffs := range t.coeffs {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if columns[k] == nil {
				columns[k] = make([]field.Element, len(coeffs))
			}
			e.plans[c].Evaluate(columns[k], coeffs)
		}
		return columns, nil
	}
}

// coset returns the values of the columns of all tables on coset c.
func (e *extender) coset(ctx context.Context, tables []*table, c int) ([][]field.Element, error) {
	var all [][]field.Element
	for _, t := range tables {
		columns, err := e.cosets(ctx, t)(c)
		if err != nil {
			return nil, err
		}
		all = append(all, columns...)
	}
	return all, nil
}

// table interpolates, extends and commits columns.
func (e *extender) table(ctx context.Context, columns [][]field.Element, interpolate *poly.Plan, params merkle.Params) (*table, error) {
	t := &table{}
	for _, column := range columns {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := make([]field.Element, len(column))
		copy(c, column)
		interpolate.Interpolate(c)
		t.coeffs = append(t.coeffs, c)
	}
	var err error
	t.tree, err = merkle.BuildCosets(ctx, params, len(e.plans), e.cosets(ctx, t))
	return t, err
}
