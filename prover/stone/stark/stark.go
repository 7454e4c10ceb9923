// Package stark is Stone's STARK for any AIR. It commits to the trace in two phases and to the composition of its constraints,
// samples all columns out of domain (DEEP-ALI), and tests that the quotients are of low degree (FRI).
//
// Prove and Verify have the same steps in the same order. Names and order are Stone's, so that a proof equals Stone's proof of
// the same trace byte for byte.
//
// The trace domain is the subgroup ⟨g⟩ of order n. The evaluation domain is the coset 3·⟨w⟩ of order n·2^LogBlowup. Tables are
// committed over the evaluation domain, with rows in bit-reversed order.
package stark

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/fri"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Params are the parameters of a proof.
type Params struct {
	LogBlowup       uint // log2 of the ratio of the evaluation domain's size to the trace's
	FRI             fri.Params
	Channel         transcript.Config
	FriendlyUpdates bool   // send the out-of-domain values as one message
	Statement       string // the statement's name in annotations
}

// Limits on sizes: far above every feasible proof, and small enough that index arithmetic does not overflow.
const (
	maxLogTrace  = 40
	maxLogBlowup = 16
)

// Validate checks the parameters for the AIR. After it succeeds, all sizes of a proof are known.
func (p *Params) Validate(a air.AIR) error {
	n := a.TraceLength()
	log, ok := field.Log2(n)
	if least := a.System().MinTraceLength(); !ok || n < least || log > maxLogTrace {
		return fmt.Errorf("stark: trace of %d rows, want a power of two from %d to 2^%d", n, least, maxLogTrace)
	}
	if p.LogBlowup < 1 || p.LogBlowup > maxLogBlowup {
		return fmt.Errorf("stark: blowup 2^%d, want 2^1 to 2^%d", p.LogBlowup, maxLogBlowup)
	}
	if err := p.Channel.Validate(); err != nil {
		return err
	}
	return p.FRI.Validate(log+p.LogBlowup, log)
}

// MinProof returns a lower bound on the length of a proof in bytes: the commitments, the out-of-domain values, the last layer,
// and one row of each table. Validate must have accepted the parameters.
func (p *Params) MinProof(a air.AIR) int {
	system := a.System()
	words := 2 + len(system.Mask) + air.CompositionColumns // 2 commitments: main trace and composition
	if system.Interaction > 0 {
		words++
	}
	words += len(p.FRI.Steps) - 1 + int(p.FRI.LastBound)
	words += system.Columns() + air.CompositionColumns
	return words * field.Bytes
}

// sizes holds values that both sides derive from the parameters and the AIR.
type sizes struct {
	logTrace uint
	trace    field.Domain // ⟨g⟩
	eval     field.Domain // 3·⟨w⟩
}

func (p *Params) sizes(a air.AIR) sizes {
	log, _ := field.Log2(a.TraceLength())
	return sizes{log, field.NewDomain(log), field.NewDomain(log + p.LogBlowup).Shift(field.Generator())}
}

func (s *sizes) shape(columns int) merkle.Shape {
	return merkle.Shape{LogRows: s.eval.Log, Columns: columns}
}

// at returns the evaluation domain's element at a bit-reversed position.
func (s *sizes) at(position uint64) field.Element {
	return s.eval.At(field.BitReverse(position, s.eval.Log))
}

// sample is a value sampled out of domain: the value of column at z·g^row, or of a column of the composition (these come last)
// at z².
type sample struct {
	column int
	point  field.Element
	value  field.Element
}

// samples pairs the sampled values, in order of the mask and then of the composition's columns, with their columns and points.
func samples(system *air.System, s *sizes, z field.Element, values []field.Element) []sample {
	out := make([]sample, len(values))
	for i, cell := range system.Mask {
		x := field.Pow(s.trace.Gen, uint64(cell.Row))
		x.Mul(&x, &z)
		out[i] = sample{cell.Column, x, values[i]}
	}
	var z2 field.Element
	z2.Square(&z)
	for j := range air.CompositionColumns {
		i := len(system.Mask) + j
		out[i] = sample{system.Columns() + j, z2, values[i]}
	}
	return out
}

// drawer holds the methods of a channel with which both sides draw.
type drawer interface {
	Draw(label string) field.Element
	Scope(name string) func()
}

func drawChallenges(ch drawer, n int) []field.Element {
	out := make([]field.Element, n)
	for i := range out {
		out[i] = ch.Draw(fmt.Sprintf("Interaction element #%d", i))
	}
	return out
}

const compositionLabel = "Constraint polynomial random element"

// distinct returns the sorted distinct positions of a list.
func distinct(positions []uint64) []uint64 {
	rows := slices.Clone(positions)
	slices.Sort(rows)
	return slices.Compact(rows)
}
