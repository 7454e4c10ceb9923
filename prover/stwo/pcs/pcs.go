// Package pcs is the commitment scheme of a circle STARK: the prover commits to tables of columns, opens every column at one or two points
// outside the domain, and proves that the columns are polynomials with these values.
//
// All columns are handled as polynomials on the largest domain, of size 2^L, however small they are: a column f of 2^n rows is lifted to
// f(2^(M-n)·P), where M = L - LogBlowup is log2 of the number of rows of the largest. So one random point P serves all columns, the quotients
// (f - f(P))/(…) of all columns are one sum (DEEP), and one run of FRI proves that it has low degree. Then all tables are opened at FRI's random
// positions, from which the verifier computes the sum itself.
//
// Prove and Verify have the same steps in the same order. A caller has mixed the commitments of the tables into the channel before.
package pcs

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/fri"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Config are the parameters of the commitment scheme.
type Config struct {
	PowBits                 uint32 // bits of the proof of work before the queries, at most channel.MaxWorkBits
	LogBlowup               uint32 // log2 of the ratio of the number of committed cells to the number of rows, 1 to 16
	LogLastLayerDegreeBound uint32 // log2 of the number of coefficients that FRI sends, at most 10
	Queries                 uint32 // number of FRI's random positions, 1 to MaxQueries
	FoldStep                uint32 // number of folds of a FRI layer, 1 to 16
	// LiftingLogSize, if not nil, is log2 of the size of the domain on which all columns are handled. By default it is that of the
	// largest column but the preprocessed ones.
	LiftingLogSize *uint32
}

// MaxQueries is the largest number of queries of a proof.
const MaxQueries = 1024

// Validate returns an error if a parameter is out of its bounds.
func (c *Config) Validate() error {
	for _, p := range []struct {
		name         string
		v, low, high uint32
	}{
		{"pow_bits", c.PowBits, 0, channel.MaxWorkBits},
		{"log_blowup_factor", c.LogBlowup, 1, 16},
		{"log_last_layer_degree_bound", c.LogLastLayerDegreeBound, 0, 10},
		{"n_queries", c.Queries, 1, MaxQueries},
		{"fold_step", c.FoldStep, 1, 16},
	} {
		if p.v < p.low || p.v > p.high {
			return fmt.Errorf("pcs: %s is %d, want %d to %d", p.name, p.v, p.low, p.high)
		}
	}
	if l := c.LiftingLogSize; l != nil && (*l <= c.LogBlowup || *l > circle.MaxLog) {
		return fmt.Errorf("pcs: lifting_log_size is %d, want %d to %d", *l, c.LogBlowup+1, circle.MaxLog)
	}
	return nil
}

// Mix mixes the parameters into the channel.
func (c *Config) Mix(ch *channel.Channel) {
	lifting := uint32(0)
	if c.LiftingLogSize != nil {
		lifting = *c.LiftingLogSize
	}
	element := func(a, b, c, d uint32) m31.QM31 { return m31.NewQM31(m31.M31(a), m31.M31(b), m31.M31(c), m31.M31(d)) }
	ch.MixFelts(element(c.PowBits, c.LogBlowup, c.Queries, c.LogLastLayerDegreeBound), element(c.FoldStep, lifting, 0, 0))
}

// SecurityBits returns the conjectured security of the queries and their proof of work: one bit for each query and bit of the blowup.
func (c *Config) SecurityBits() int { return int(c.PowBits) + int(c.LogBlowup)*int(c.Queries) }

// LogDomain returns L for columns of at most 2^logRows rows.
func (c *Config) LogDomain(logRows int) int {
	if c.LiftingLogSize != nil {
		return int(*c.LiftingLogSize)
	}
	return logRows + int(c.LogBlowup)
}

func (c *Config) fri(logDomain int) *fri.Params {
	return &fri.Params{LogDomain: logDomain, LogBlowup: int(c.LogBlowup), LogLastLayer: int(c.LogLastLayerDegreeBound), FoldStep: int(c.FoldStep)}
}

// Proof is a proof of S-two's commitment scheme.
type Proof struct {
	Config        Config
	Commitments   []channel.Digest   // root of each tree
	SampledValues [][][]m31.QM31     // values out of the domain: by tree, column and point
	Decommitments [][]channel.Digest // witness of the openings of each tree
	QueriedValues [][][]m31.M31      // opened cells: by tree, column and query, in ascending order
	ProofOfWork   uint64
	FRI           fri.Proof
}

// Sampling says at which points out of the domain a column is opened.
type Sampling uint8

// The samplings of columns.
const (
	NotSampled         Sampling = iota
	AtPoint                     // at P
	AtPreviousAndPoint          // at P minus the step of the canonic coset of size 2^M, which is the row before, and then at P
)

// samples returns the number of points.
func (s Sampling) samples() int { return int(s) }

// Column describes a committed column.
type Column struct {
	Log      int // log2 of the number of rows
	Sampling Sampling
}

// CompositionColumns is the number of columns of the last tree: the coordinates of the left and the right half of the composition polynomial.
const CompositionColumns = 8

// Point is a point over the secure field.
type Point = circle.Point[m31.QM31]

// DrawPoint draws the point P out of the domain.
func DrawPoint(ch *channel.Channel) Point { return circle.RandomPoint(ch.DrawFelt()) }

// Composition returns the value at p of the composition polynomial, from the samples of the last tree at p. logRows is M.
func Composition(samples [][]m31.QM31, p Point, logRows int) (m31.QM31, error) {
	if len(samples) != CompositionColumns {
		return m31.QM31{}, fmt.Errorf("pcs: %d columns of the composition, want %d", len(samples), CompositionColumns)
	}
	var half [2]m31.QM31
	for k, column := range samples {
		if len(column) != 1 {
			return m31.QM31{}, fmt.Errorf("pcs: %d samples of column %d of the composition, want 1", len(column), k)
		}
		half[k/4] = half[k/4].Add(basis[k%4].Mul(column[0]))
	}
	return half[0].Add(circle.Vanishing(logRows, p).Mul(half[1])), nil
}

// basis holds 1, i, u and iu: a polynomial over QM31 is the sum of its coordinates times these.
var basis = [4]m31.QM31{m31.NewQM31(1, 0, 0, 0), m31.NewQM31(0, 1, 0, 0), m31.NewQM31(0, 0, 1, 0), m31.NewQM31(0, 0, 0, 1)}

// lift returns the position in a tree of 2^to leaves for a position in one of 2^from leaves.
func lift(position uint32, from, to int) uint32 {
	if from < to {
		return position>>1<<(to-from+1) | position&1
	}
	return uint32(circle.LiftedCell(int(position), from-to))
}
