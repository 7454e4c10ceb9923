package fri

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/merkle"
	"github.com/starkd/starkd/prover/stone/poly"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Prove proves that first, the values on the subgroup in natural order, is of low degree. openFirst sends the openings of the
// first layer's oracle at the given positions. Prove overwrites first. If worked is not nil, Prove calls it after the proof of
// work. When ctx ends, Prove returns ctx's error.
func Prove(ctx context.Context, ch *transcript.Prover, p *Params, first []field.Element, openFirst func(positions []uint64) error, worked func()) error {
	log, ok := field.Log2(uint64(len(first)))
	if !ok {
		return fmt.Errorf("fri: first layer of %d positions", len(first))
	}

	// Commitment phase.
	leave := ch.Scope("Commitment")
	layer := first
	trees := make([]*merkle.Tree, len(p.Steps)) // nil for layer 0
	for i, step := range p.Steps {
		leaveLayer := ch.Scope(layerName(i + 1))
		if step > 0 {
			alpha := ch.Draw("Evaluation point")
			for range step {
				if err := ctx.Err(); err != nil {
					return err
				}
				layer = fold(layer, alpha)
				alpha.Square(&alpha)
			}
		}
		if i+1 < len(p.Steps) {
			_, shape := p.layer(i+1, log)
			tree, err := merkle.Build(ctx, p.Merkle, layerTable(layer, shape))
			if err != nil {
				return err
			}
			tree.Commit(ch)
			trees[i+1] = tree
		}
		leaveLayer()
	}
	leaveLast := ch.Scope("Last Layer")
	coeffs, err := lastCoefficients(layer, p.LastBound)
	if err != nil {
		return err
	}
	ch.SendElements("Coefficients", coeffs)
	leaveLast()
	leave()

	// Query phase.
	if err := ch.ProofOfWork(ctx, p.PowBits); err != nil {
		return err
	}
	if worked != nil {
		worked()
	}
	queries := p.drawQueries(ch, log)

	// Decommitment phase.
	defer ch.Scope("Decommitment")()
	leaveFirst := ch.Scope(layerName(0))
	if err := openFirst(p.firstPositions(queries)); err != nil {
		return err
	}
	leaveFirst()
	for i := 1; i < len(p.Steps); i++ {
		leaveLayer := ch.Scope(layerName(i))
		at, rows := p.positions(queries, i)
		computed := make(map[uint64]bool, len(at))
		for _, pos := range at {
			computed[pos] = true
		}
		step := p.Steps[i]
		err := trees[i].Open(ch, rows, func(row uint64, column int) bool { return computed[row<<step|uint64(column)] })
		if err != nil {
			return err
		}
		leaveLayer()
	}
	return nil
}

// layerTable arranges a layer as a table whose rows are consecutive positions. In natural order, the elements of a column are
// consecutive in memory.
func layerTable(layer []field.Element, shape merkle.Shape) *merkle.Table {
	rows := len(layer) / shape.Columns
	step, _ := field.Log2(uint64(shape.Columns))
	columns := make([][]field.Element, shape.Columns)
	for k := range columns {
		at := int(field.BitReverse(uint64(k), step)) * rows
		columns[k] = layer[at : at+rows]
	}
	return &merkle.Table{Cosets: [][][]field.Element{columns}}
}

// fold returns f'(x²) = f(x) + f(-x) + α·(f(x) - f(-x))/x as a new slice. In natural order, x = g^i and -x = g^(i+n/2).
func fold(f []field.Element, alpha field.Element) []field.Element {
	half := len(f) / 2
	log, _ := field.Log2(uint64(len(f)))
	out := make([]field.Element, half)
	inv := field.RootOfUnity(log)
	inv.Inverse(&inv)
	parallel.Chunks(half, 1<<10, func(start, end int) {
		const block = 256
		var t, u [block]field.Element
		x := field.Pow(inv, uint64(start))
		x.Mul(&x, &alpha) // α/x
		for ; start < end; start += block {
			n := min(block, end-start)
			a, b := f[start:start+n], f[half+start:half+start+n]
			field.PowersFrom(u[:n], x, inv)
			x.Mul(&u[n-1], &inv)
			field.SubVec(t[:n], a, b)
			field.MulVec(t[:n], t[:n], u[:n])
			field.AddVec(out[start:start+n], a, b)
			field.AddVec(out[start:start+n], out[start:start+n], t[:n])
		}
	})
	return out
}

// lastCoefficients interpolates the last layer. It returns an error if the degree reaches bound.
func lastCoefficients(layer []field.Element, bound uint64) ([]field.Element, error) {
	log, _ := field.Log2(uint64(len(layer)))
	a := append([]field.Element(nil), layer...)
	poly.NewInversePlan(field.NewDomain(log)).Interpolate(a)
	poly.BitReverse(a)
	for i := len(a) - 1; i >= int(bound); i-- {
		if !a[i].IsZero() {
			return nil, fmt.Errorf("fri: last layer has degree %d, want below %d: the trace does not satisfy its constraints", i, bound)
		}
	}
	return a[:bound], nil
}
