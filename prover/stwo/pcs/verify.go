package pcs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Verify checks that the trees with the proof's commitments hold polynomials that have the proof's sampled values at p and the row before it.
// The caller has mixed the commitments, has drawn p since, and compares the samples with what they should be. The proof may hold anything:
// Verify begins with Check.
func Verify(ch *channel.Channel, trees [][]Column, p Point, proof *Proof) error {
	return verify(ch, trees, p, proof, nil)
}

// observer is called with intermediate values of a verification, in tests.
type observer struct {
	queries func(drawn []uint32)
	sums    func(positions []uint32, values []m31.QM31)
	folds   func(positions []uint32, values []m31.QM31)
}

func verify(ch *channel.Channel, trees [][]Column, p Point, proof *Proof, o *observer) error {
	checked, err := proof.Check(ch.Hash(), trees)
	if err != nil {
		return err
	}
	return checked.verify(ch, p, o)
}

// Verify does what the function Verify does, for a proof that has been checked with the channel's hash function.
func (checked *Checked) Verify(ch *channel.Channel, p Point) error { return checked.verify(ch, p, nil) }

func (checked *Checked) verify(ch *channel.Channel, p Point, o *observer) error {
	proof, s := checked.proof, checked.shape
	c := &proof.Config

	// Samples.
	ch.MixFelts(flatten(proof.SampledValues)...)
	gamma := ch.DrawFelt()

	// FRI's commitments.
	verifier, err := fri.NewVerifier(ch, c.fri(s.logDomain), &proof.FRI)
	if err != nil {
		return err
	}

	// Proof of work and queries.
	if !ch.CheckWork(c.PowBits, proof.ProofOfWork) {
		return fmt.Errorf("pcs: %d is not a proof of work of %d bits", proof.ProofOfWork, c.PowBits)
	}
	ch.MixUint64(proof.ProofOfWork)
	queries := fri.DrawQueries(ch, s.logDomain, int(c.Queries))
	if o != nil {
		o.queries(slices.Clone(queries))
	}
	slices.Sort(queries)
	queries = slices.Compact(queries)

	// Openings of the trees.
	for t := range s.trees {
		if err := s.tables[t].Verify(ch.Hash(), proof.Commitments[t], s.positions(t, queries), proof.QueriedValues[t], proof.Decommitments[t]); err != nil {
			return fmt.Errorf("pcs: tree %d: %w", t, err)
		}
	}

	// The DEEP sum at the queries, and its folds.
	sums := make([]m31.QM31, len(queries))
	for _, b := range s.batches(proof.SampledValues, p, gamma) {
		combined := b.combine(proof.QueriedValues, len(queries))
		for k, q := range queries {
			d := circle.CellPoint(int(q), s.logDomain)
			line := b.line(d)
			if line == (m31.CM31{}) {
				return errors.New("pcs: the point out of the domain is on a line through a queried point")
			}
			sums[k] = sums[k].Add(b.finish(combined[k], d, line.Inverse()))
		}
	}
	var folds func([]uint32, []m31.QM31)
	if o != nil {
		o.sums(queries, sums)
		folds = o.folds
	}
	return verifier.Open(queries, sums, folds)
}

// flatten returns the values in order: tree by tree, column by column, point by point.
func flatten(values [][][]m31.QM31) []m31.QM31 {
	var out []m31.QM31
	for _, columns := range values {
		for _, column := range columns {
			out = append(out, column...)
		}
	}
	return out
}
