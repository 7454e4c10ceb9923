// Package fri tests that a column of QM31 values on a canonic circle domain is a polynomial of low degree: FRI over the circle (Haböck, Levit
// and Papini, "Circle STARKs", ePrint 2024/278, section 4.2).
//
// A fold halves a column. The first takes f(x, y) = f0(x) + y·f1(x) to f0 + α·f1 on the line domain of x coordinates; every other takes
// f(x) = f0(π(x)) + x·f1(π(x)) to f0 + α·f1 on the doubled line domain (both twice that, because no fold divides by 2). A layer is a column that the
// prover commits to. Then it is folded several times with one challenge, whose square is the α of the second fold, and so on. The last column
// is sent as coefficients. The verifier checks the folds of all layers at random positions.
//
// NewProver and NewVerifier make the commitments, the two Open methods the openings, with the same steps in the same order.
package fri

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/merkle"
)

// Params are the parameters of the test.
type Params struct {
	LogDomain    int // log2 of the size of the domain
	LogBlowup    int // log2 of the ratio of the domain's size to the number of coefficients
	LogLastLayer int // log2 of the number of coefficients that are sent
	FoldStep     int // number of folds of a layer
}

// Proof is the prover's part of a test.
type Proof struct {
	FirstLayer  Layer
	InnerLayers []Layer
	LastLayer   []m31.QM31 // coefficients of a line polynomial, in bit-reversed order
}

// Layer is a committed column of a proof, with its openings.
type Layer struct {
	// Witness holds the values that the verifier needs for the folds and does not have from the layer before, in order of position.
	Witness      []m31.QM31
	Decommitment []channel.Digest
	Commitment   channel.Digest
}

// layer describes a layer.
type layer struct {
	log    int  // log2 of the number of values
	folds  int  // number of folds to the next layer
	circle bool // whether it is the first layer: values on a circle, not on a line
}

// layers returns the layers, or an error if the parameters have none.
func (p *Params) layers() ([]layer, error) {
	last := p.LogLastLayer + p.LogBlowup
	if p.LogDomain < 1 || p.LogDomain > circle.MaxLog || p.LogBlowup < 1 || p.LogLastLayer < 0 || p.FoldStep < 1 || p.LogDomain < last+p.FoldStep {
		return nil, fmt.Errorf("fri: a domain of size 2^%d, folded by 2^%d, does not lead to a last layer of size 2^%d·2^%d", p.LogDomain, p.FoldStep, p.LogLastLayer, p.LogBlowup)
	}
	layers := []layer{{p.LogDomain, p.FoldStep, true}}
	for log := p.LogDomain - p.FoldStep; log > last; {
		folds := min(p.FoldStep, log-last)
		layers = append(layers, layer{log, folds, false})
		log -= folds
	}
	return layers, nil
}

// logPacked returns log2 of the number of values in a leaf of the layer's tree.
func (l *layer) logPacked() int {
	if l.folds > 1 && l.log >= merkle.LogPacked {
		return merkle.LogPacked
	}
	return 0
}

// groups returns the numbers of the groups of 2^folds neighbouring values that contain the queried positions. Each group folds to one value.
func (l *layer) groups(queries []uint32) []uint32 {
	groups := make([]uint32, len(queries))
	for i, q := range queries {
		groups[i] = q >> l.folds
	}
	return slices.Compact(groups)
}

// leaves returns the positions in the layer's tree of the groups' values.
func (l *layer) leaves(groups []uint32) []uint32 {
	shift := l.folds - l.logPacked()
	leaves := make([]uint32, 0, len(groups)<<shift)
	for _, g := range groups {
		for i := range uint32(1) << shift {
			leaves = append(leaves, g<<shift+i)
		}
	}
	return leaves
}

// DrawQueries draws n positions in a domain of size 2^log, in the order of drawing. They may repeat.
func DrawQueries(ch *channel.Channel, log, n int) []uint32 {
	queries := make([]uint32, 0, n+8)
	for len(queries) < n {
		for _, w := range ch.DrawWords() {
			queries = append(queries, w&(1<<log-1))
		}
	}
	return queries[:n]
}
