package pcs

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/merkle"
)

// shape holds what both sides derive from the parameters and the columns.
type shape struct {
	trees     [][]Column
	tables    []merkle.Shape
	logDomain int // L
	logRows   int // M
}

// newShape returns the shape for trees, the first of which is the preprocessed one and the last the composition's. It returns an error if the
// parameters do not fit.
func (c *Config) newShape(trees [][]Column) (*shape, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(trees) == 0 {
		return nil, errors.New("pcs: no trees")
	}
	s := &shape{trees: trees, tables: make([]merkle.Shape, len(trees))}
	for t, columns := range trees {
		largest := 0
		for i, column := range columns {
			if column.Log < 1 || column.Log+int(c.LogBlowup) > circle.MaxLog {
				return nil, fmt.Errorf("pcs: column %d of tree %d has 2^%d rows, which a blowup of 2^%d extends beyond 2^%d", i, t, column.Log, c.LogBlowup, circle.MaxLog)
			}
			largest = max(largest, column.Log+int(c.LogBlowup))
			s.tables[t].Logs = append(s.tables[t].Logs, column.Log+int(c.LogBlowup))
		}
		s.tables[t].Height = largest
		if c.LiftingLogSize != nil {
			s.tables[t].Height = int(*c.LiftingLogSize)
		}
		if largest > s.tables[t].Height {
			return nil, fmt.Errorf("pcs: tree %d has a column of 2^%d cells, and lifting_log_size is %d", t, largest, *c.LiftingLogSize)
		}
	}
	s.logDomain = s.tables[len(trees)-1].Height
	s.logRows = s.logDomain - int(c.LogBlowup)
	for t, columns := range trees {
		if t > 0 && s.tables[t].Height != s.logDomain {
			return nil, fmt.Errorf("pcs: tree %d has 2^%d leaves, want 2^%d", t, s.tables[t].Height, s.logDomain)
		}
		for i, column := range columns {
			if column.Sampling != NotSampled && column.Log > s.logRows {
				return nil, fmt.Errorf("pcs: column %d of tree %d is sampled and has 2^%d rows, more than 2^%d", i, t, column.Log, s.logRows)
			}
		}
	}
	return s, nil
}

// positions returns the positions of the queries in tree t. A tree without columns is not opened.
func (s *shape) positions(t int, queries []uint32) []uint32 {
	if s.tables[t].Height == 0 {
		return nil
	}
	out := make([]uint32, len(queries))
	for i, q := range queries {
		out[i] = lift(q, s.logDomain, s.tables[t].Height)
	}
	return out
}

// Checked is a proof that Check has accepted.
type Checked struct {
	proof   *Proof
	shape   *shape
	queries int // number of different queries
	// For each layer of FRI the number of leaves that are opened, and of values in one.
	leaves, values []int
}

// Check returns an error if the proof's numbers of values do not match the parameters and the columns, or a value is not one of its field. It hashes
// nothing. Everything in the proof may be used after it.
func (p *Proof) Check(h channel.Hash, trees [][]Column) (*Checked, error) {
	s, err := p.Config.newShape(trees)
	if err != nil {
		return nil, err
	}
	c := &Checked{proof: p, shape: s}
	if err := c.check(h); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Checked) check(h channel.Hash) error {
	p, s := c.proof, c.shape
	trees := s.trees
	for _, field := range []struct {
		name string
		have int
	}{
		{"commitments", len(p.Commitments)},
		{"sampled_values", len(p.SampledValues)},
		{"decommitments", len(p.Decommitments)},
		{"queried_values", len(p.QueriedValues)},
	} {
		if field.have != len(trees) {
			return fmt.Errorf("pcs: %s of %d trees, want %d", field.name, field.have, len(trees))
		}
	}
	digests := func(ds []channel.Digest) error {
		for i := range ds {
			if err := h.Check(&ds[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := digests(p.Commitments); err != nil {
		return err
	}
	queries := -1 // number of distinct queries
	for t, columns := range trees {
		if len(p.SampledValues[t]) != len(columns) || len(p.QueriedValues[t]) != len(columns) {
			return fmt.Errorf("pcs: tree %d has samples of %d and cells of %d columns, want %d", t, len(p.SampledValues[t]), len(p.QueriedValues[t]), len(columns))
		}
		for i, column := range columns {
			samples, cells := p.SampledValues[t][i], p.QueriedValues[t][i]
			if len(samples) != column.Sampling.samples() {
				return fmt.Errorf("pcs: column %d of tree %d has %d samples, want %d", i, t, len(samples), column.Sampling.samples())
			}
			if queries < 0 {
				queries = len(cells)
			}
			if len(cells) != queries || queries == 0 || queries > int(p.Config.Queries) {
				return fmt.Errorf("pcs: column %d of tree %d is opened at %d positions, others at %d, and there are %d queries", i, t, len(cells), queries, p.Config.Queries)
			}
			if !allElements(samples) || !allCells(cells) {
				return fmt.Errorf("pcs: column %d of tree %d has a value of p or more", i, t)
			}
		}
		if err := digests(p.Decommitments[t]); err != nil {
			return err
		}
	}
	c.queries = queries
	for t := range trees {
		if most := merkle.MaxWitness(s.tables[t].Height, queries); len(p.Decommitments[t]) > most {
			return fmt.Errorf("pcs: tree %d has a witness of %d hashes, want at most %d for %d queries", t, len(p.Decommitments[t]), most, queries)
		}
	}
	params := p.Config.fri(s.logDomain)
	if err := params.CheckShape(&p.FRI); err != nil {
		return err
	}
	var err error
	if c.leaves, c.values, err = params.CheckOpenings(&p.FRI, queries); err != nil {
		return err
	}
	elements := p.FRI.LastLayer
	for i := -1; i < len(p.FRI.InnerLayers); i++ {
		layer := &p.FRI.FirstLayer
		if i >= 0 {
			layer = &p.FRI.InnerLayers[i]
		}
		if err := h.Check(&layer.Commitment); err != nil {
			return err
		}
		if err := digests(layer.Decommitment); err != nil {
			return err
		}
		if !allElements(layer.Witness) {
			return fmt.Errorf("pcs: FRI layer %d has a value of p or more", i+1)
		}
	}
	if !allElements(elements) {
		return errors.New("pcs: FRI's last layer has a coefficient of p or more")
	}
	return nil
}

// Permutations returns the largest number of permutations with which Verify can hash the proof if its hash function is Poseidon252.
func (c *Checked) Permutations() int {
	p := c.proof
	n := channel.PermutationsOfFelts(len(p.FRI.LastLayer))
	// A witness completes the leaves to a tree: each node is the hash of two that are known, and all but the root go into another.
	nodes := func(leaves, witness int) int { return leaves + witness }
	samples := 0
	for t, columns := range c.shape.trees {
		for _, column := range columns {
			samples += column.Sampling.samples()
		}
		n += c.queries*channel.PermutationsOfLeaf(len(columns)) + nodes(c.queries, len(p.Decommitments[t]))
	}
	n += channel.PermutationsOfFelts(samples)
	for i, leaves := range c.leaves {
		layer := &p.FRI.FirstLayer
		if i > 0 {
			layer = &p.FRI.InnerLayers[i-1]
		}
		n += leaves*channel.PermutationsOfLeaf(4*c.values[i]) + nodes(leaves, len(layer.Decommitment)) + 2 // and the challenge
	}
	return n + int(p.Config.Queries)
}

func allElements(xs []m31.QM31) bool {
	for i := range xs {
		for _, v := range xs[i].Coordinates() {
			if v >= m31.P {
				return false
			}
		}
	}
	return true
}

func allCells(xs []m31.M31) bool {
	for _, v := range xs {
		if v >= m31.P {
			return false
		}
	}
	return true
}
