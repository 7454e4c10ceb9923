package fri

import (
	"context"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/merkle"
)

// Column is a column of elements of the secure field, by coordinates.
type Column [4][]m31.M31

// NewColumn returns a column of zeros.
func NewColumn(n int) (c Column) {
	for k := range c {
		c[k] = make([]m31.M31, n)
	}
	return c
}

// At returns value i.
func (c *Column) At(i int) m31.QM31 { return m31.NewQM31(c[0][i], c[1][i], c[2][i], c[3][i]) }

// Set sets value i.
func (c *Column) Set(i int, v m31.QM31) {
	for k, x := range v.Coordinates() {
		c[k][i] = x
	}
}

// Prover opens the layers to which it has committed.
type Prover struct {
	layers  []layer
	columns []Column
	trees   []*merkle.Tree
	last    []m31.QM31
}

// NewProver commits to the column and to its folds, and draws the challenges of the folds. The column is of low degree. NewProver returns ctx's
// error if ctx ends.
func NewProver(ctx context.Context, ch *channel.Channel, p *Params, column Column, t *circle.Twiddles) (*Prover, error) {
	layers, err := p.layers()
	if err != nil {
		return nil, err
	}
	v := &Prover{layers: layers}
	for i := range layers {
		l := &layers[i]
		tree, err := merkle.CommitSecure(ctx, ch.Hash(), column, l.logPacked())
		if err != nil {
			return nil, err
		}
		v.columns, v.trees = append(v.columns, column), append(v.trees, tree)
		ch.MixDigest(tree.Root())
		alpha := ch.DrawFelt()
		for k := range l.folds {
			column = foldColumn(column, l.circle && k == 0, alpha, t)
			alpha = alpha.Square()
		}
	}
	values := make([]m31.QM31, len(column[0]))
	for i := range values {
		values[i] = column.At(i)
	}
	circle.InterpolateLine(values)
	for _, c := range values[1<<p.LogLastLayer:] {
		if !c.IsZero() {
			panic("fri: the column is not of low degree")
		}
	}
	v.last = values[:1<<p.LogLastLayer]
	circle.BitReverseSlice(v.last)
	ch.MixFelts(v.last...)
	return v, nil
}

// foldColumn returns the fold of a column.
func foldColumn(c Column, onCircle bool, alpha m31.QM31, t *circle.Twiddles) Column {
	out := NewColumn(len(c[0]) / 2)
	if onCircle {
		t.FoldCircle(out, c, alpha)
	} else {
		t.FoldLine(out, c, alpha)
	}
	return out
}

// Open returns the proof with the openings at the queried positions, which ascend and do not repeat.
func (v *Prover) Open(queries []uint32) Proof {
	proof := Proof{LastLayer: v.last}
	for i := range v.layers {
		l := &v.layers[i]
		groups := l.groups(queries)
		sent := Layer{Commitment: v.trees[i].Root()}
		for _, g := range groups {
			for position := g << l.folds; position>>l.folds == g; position++ {
				if len(queries) > 0 && queries[0] == position {
					queries = queries[1:]
				} else {
					sent.Witness = append(sent.Witness, v.columns[i].At(int(position)))
				}
			}
		}
		sent.Decommitment = v.trees[i].Open(l.leaves(groups))
		if i == 0 {
			proof.FirstLayer = sent
		} else {
			proof.InnerLayers = append(proof.InnerLayers, sent)
		}
		queries = groups
	}
	return proof
}
