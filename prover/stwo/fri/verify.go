package fri

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/merkle"
)

// Verifier checks a proof whose commitments it has read.
type Verifier struct {
	hash   channel.Hash
	layers []layer
	alphas []m31.QM31
	proof  *Proof
}

// CheckShape returns an error if a proof for the parameters cannot have that many layers and coefficients.
func (p *Params) CheckShape(proof *Proof) error {
	layers, err := p.layers()
	if err != nil {
		return err
	}
	if len(proof.InnerLayers) != len(layers)-1 {
		return fmt.Errorf("fri: %d inner layers, want %d", len(proof.InnerLayers), len(layers)-1)
	}
	if len(proof.LastLayer) != 1<<p.LogLastLayer {
		return fmt.Errorf("fri: %d coefficients of the last layer, want %d", len(proof.LastLayer), 1<<p.LogLastLayer)
	}
	return nil
}

// CheckOpenings returns an error if a proof for the parameters cannot have witnesses of these lengths. queries is the number of different queries,
// at least 1. It returns the number of leaves that are opened in each layer's tree and of values in one. The proof has passed CheckShape.
func (p *Params) CheckOpenings(proof *Proof, queries int) (leaves, values []int, err error) {
	layers, err := p.layers()
	if err != nil {
		return nil, nil, err
	}
	for i := range layers {
		l, sent := &layers[i], &proof.FirstLayer
		if i > 0 {
			sent = &proof.InnerLayers[i-1]
		}
		// The queries lie in groups, which the witness completes. Each group is a query of the next layer.
		full := queries + len(sent.Witness)
		groups := full >> l.folds
		if least, most := (queries+1<<l.folds-1)>>l.folds, min(queries, 1<<(l.log-l.folds)); full&(1<<l.folds-1) != 0 || groups < least || groups > most {
			return nil, nil, fmt.Errorf("fri: layer %d: a witness of %d values, want those that are missing of %d to %d groups of %d, with %d queries",
				i, len(sent.Witness), least, most, 1<<l.folds, queries)
		}
		opened := full >> l.logPacked()
		if most := merkle.MaxWitness(l.log-l.logPacked(), opened); len(sent.Decommitment) > most {
			return nil, nil, fmt.Errorf("fri: layer %d: a witness of %d hashes, want at most %d for %d leaves", i, len(sent.Decommitment), most, opened)
		}
		leaves, values = append(leaves, opened), append(values, 1<<l.logPacked())
		queries = groups
	}
	return leaves, values, nil
}

// NewVerifier reads the commitments of a proof, and draws the challenges of the folds.
func NewVerifier(ch *channel.Channel, p *Params, proof *Proof) (*Verifier, error) {
	if err := p.CheckShape(proof); err != nil {
		return nil, err
	}
	layers, err := p.layers()
	if err != nil {
		return nil, err
	}
	v := &Verifier{hash: ch.Hash(), layers: layers, proof: proof}
	for i := range layers {
		ch.MixDigest(v.layer(i).Commitment)
		v.alphas = append(v.alphas, ch.DrawFelt())
	}
	ch.MixFelts(proof.LastLayer...)
	return v, nil
}

func (v *Verifier) layer(i int) *Layer {
	if i == 0 {
		return &v.proof.FirstLayer
	}
	return &v.proof.InnerLayers[i-1]
}

// Open checks that the column has the given values at the queried positions, which ascend and do not repeat, and that they fold to the last
// layer. observe, if not nil, is called with the positions and values after each layer.
func (v *Verifier) Open(queries []uint32, values []m31.QM31, observe func(positions []uint32, values []m31.QM31)) error {
	for i := range v.layers {
		l, sent := &v.layers[i], v.layer(i)
		full, err := l.complete(queries, values, sent.Witness)
		if err != nil {
			return fmt.Errorf("fri: layer %d: %w", i, err)
		}
		groups := l.groups(queries)
		leaves := make([]channel.Digest, len(full)>>l.logPacked())
		for k := range leaves {
			leaves[k] = v.hash.Leaf(coordinates(full[k<<l.logPacked():][:1<<l.logPacked()]))
		}
		if err := merkle.VerifyLeaves(v.hash, sent.Commitment, l.log-l.logPacked(), l.leaves(groups), leaves, sent.Decommitment); err != nil {
			return fmt.Errorf("fri: layer %d: %w", i, err)
		}
		folded := make([]m31.QM31, len(groups))
		for k, g := range groups {
			folded[k] = l.fold(full[k<<l.folds:][:1<<l.folds], g, v.alphas[i])
		}
		queries, values = groups, folded
		if observe != nil {
			observe(queries, values)
		}
	}
	last := &v.layers[len(v.layers)-1]
	log := last.log - last.folds
	coefficients := append([]m31.QM31(nil), v.proof.LastLayer...)
	circle.BitReverseSlice(coefficients)
	for k, q := range queries {
		x := m31.FromM31(circle.LinePoint(int(q), log))
		if want := circle.EvaluateLine(coefficients, x); values[k] != want {
			return fmt.Errorf("fri: last layer at position %d: %v, the layers fold to %v", q, want, values[k])
		}
	}
	return nil
}

// complete returns the values of all groups that contain a query: those at the queries, and the others from the witness.
func (l *layer) complete(queries []uint32, values, witness []m31.QM31) ([]m31.QM31, error) {
	groups := l.groups(queries)
	if want := len(groups)<<l.folds - len(queries); len(witness) != want {
		return nil, fmt.Errorf("a witness of %d values, want %d", len(witness), want)
	}
	full := make([]m31.QM31, 0, len(groups)<<l.folds)
	for _, g := range groups {
		for position := g << l.folds; position>>l.folds == g; position++ {
			if len(queries) > 0 && queries[0] == position {
				full, values, queries = append(full, values[0]), values[1:], queries[1:]
			} else {
				full, witness = append(full, witness[0]), witness[1:]
			}
		}
	}
	return full, nil
}

// fold returns the value to which the values of group g fold.
func (l *layer) fold(group []m31.QM31, g uint32, alpha m31.QM31) m31.QM31 {
	v := append([]m31.QM31(nil), group...)
	position := int(g) << l.folds
	for k := range l.folds {
		for i := 0; i < len(v); i += 2 {
			var t m31.M31
			if k == 0 && l.circle {
				t = circle.CellPoint(position+i, l.log).Y
			} else {
				t = circle.LinePoint(position+i, l.log-k)
			}
			v[i/2] = foldPair(v[i], v[i+1], t.Inverse(), alpha)
		}
		v, position, alpha = v[:len(v)/2], position/2, alpha.Square()
	}
	return v[0]
}

// foldPair returns twice f0 + alpha·f1, for f0 and f1 with a = f0 + t·f1 and b = f0 - t·f1. inverse is 1/t.
func foldPair(a, b m31.QM31, inverse m31.M31, alpha m31.QM31) m31.QM31 {
	return a.Add(b).Add(a.Sub(b).Scale(inverse).Mul(alpha))
}

// coordinates returns the coordinates of elements of the secure field, element by element.
func coordinates(xs []m31.QM31) []m31.M31 {
	out := make([]m31.M31, 0, 4*len(xs))
	for i := range xs {
		c := xs[i].Coordinates()
		out = append(out, c[:]...)
	}
	return out
}
