package stark

import (
	"context"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/poly"
)

// composition evaluates the composition polynomial f, of degree below 2n, on the 2n points 3·⟨w_2n⟩ (two cosets of the trace
// domain) and splits it as f(x) = h0(x²) + x·h1(x²). It returns the values of h0 and h1 on the squares of these points, in
// natural order.
func (e *extender) composition(ctx context.Context, ev *air.Evaluator, tables []*table) ([][]field.Element, error) {
	n := int(e.s.trace.Size)
	domain := field.NewDomain(e.s.logTrace + 1).Shift(field.Generator())
	var f [air.CompositionColumns][]field.Element
	for j := range f {
		coset := j * len(e.plans) / air.CompositionColumns
		columns, err := e.coset(ctx, tables, coset)
		if err != nil {
			return nil, err
		}
		f[j] = make([]field.Element, n)
		ev.Coset(ctx, columns, e.plans[coset].Domain.Offset, f[j])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	// Point i of the 2n points is element i/2 of coset i mod 2. -x is n points after x, in the same coset.
	h := [][]field.Element{make([]field.Element, n), make([]field.Element, n)}
	half := field.New(2)
	half.Inverse(&half)
	inv := domain.Gen
	inv.Inverse(&inv)
	parallel.Chunks(n, 1<<10, func(start, end int) {
		w := domain.At(uint64(start))
		w.Inverse(&w)
		w.Mul(&w, &half) // 1/(2x)
		for i := start; i < end; i++ {
			a, b := &f[i&1][i>>1], &f[i&1][i>>1+n/2]
			h[0][i].Add(a, b)
			h[0][i].Mul(&h[0][i], &half)
			h[1][i].Sub(a, b)
			h[1][i].Mul(&h[1][i], &w)
			w.Mul(&w, &inv)
		}
	})
	return h, nil
}

// evalSamples evaluates the columns out of domain: each mask cell at z·g^row, and the columns of the composition at z².
func evalSamples(ctx context.Context, system *air.System, s *sizes, tables []*table, z field.Element) ([]field.Element, error) {
	places := samples(system, s, z, make([]field.Element, len(system.Mask)+air.CompositionColumns))
	byColumn := make(map[int][]int)
	for i, place := range places {
		byColumn[place.column] = append(byColumn[place.column], i)
	}
	out := make([]field.Element, len(places))
	column := 0
	for _, t := range tables {
		for _, coeffs := range t.coeffs {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			indices := byColumn[column]
			points := make([]field.Element, len(indices))
			for k, i := range indices {
				points[k] = places[i].point
			}
			for k, v := range poly.EvalReversed(coeffs, points) {
				out[indices[k]] = v
			}
			column++
		}
	}
	return out, nil
}

// deepQuotients evaluates Σ γ^i·(f_i(x) - v_i)/(x - x_i) on coset 0 of the evaluation domain, where the columns are given. These values
// determine the polynomial, because its degree is below n.
//
// The samples at z·g^r share the denominator x - z·g^r = g^r·(x·g^-r - z), and x·g^-r is the point r places before x. So all
// denominators are rotations of one vector 1/(x - z).
func deepQuotients(ctx context.Context, s *sizes, places []sample, columns [][]field.Element, system *air.System, gamma field.Element) ([]field.Element, error) {
	n := s.trace.Size
	domain := s.trace.Shift(field.Generator())
	z := places[0].point // the point of the first sample; rows below are relative to its row
	origin := system.Mask[0].Row
	inverse := inverseDistances(domain, z)
	z2 := places[len(places)-1].point
	inverseSquare := inverseDistances(domain, z2)

	// Group the samples by denominator: the terms coefficient·f_column, and the constant to subtract.
	type term struct {
		column      int
		coefficient field.Element
	}
	type group struct {
		inverse  []field.Element
		shift    uint64
		terms    []term
		constant field.Element
	}
	groups := map[int]*group{}
	var rows []int
	const square = -1 // represents the composition's point
	power := field.One()
	for i := range places {
		row := square
		if i < len(system.Mask) {
			row = system.Mask[i].Row
		}
		g := groups[row]
		if g == nil {
			g = &group{inverse: inverseSquare}
			if row != square {
				g.inverse = inverse
				g.shift = uint64(int64(origin)-int64(row)) & (n - 1)
			}
			groups[row] = g
			rows = append(rows, row)
		}
		c := power
		if row != square { // multiply by g^-(row-origin)
			scale := field.Pow(s.trace.Gen, g.shift)
			c.Mul(&c, &scale)
		}
		g.terms = append(g.terms, term{places[i].column, c})
		c.Mul(&c, &places[i].value)
		g.constant.Sub(&g.constant, &c)
		power.Mul(&power, &gamma)
	}
	slices.Sort(rows)

	out := make([]field.Element, n)
	const block = 256
	parallel.Chunks(int(n), block, func(start, end int) {
		var sum, den [block]field.Element
		for ; start < end && ctx.Err() == nil; start += block {
			size := min(block, end-start)
			dst := out[start : start+size]
			for _, row := range rows {
				g := groups[row]
				acc := sum[:size]
				for i := range acc {
					acc[i] = g.constant
				}
				for _, t := range g.terms {
					field.MulAddVec(acc, columns[t.column][start:start+size], &t.coefficient)
				}
				at := int((uint64(start) + g.shift) & (n - 1))
				inv := den[:size]
				copied := copy(inv, g.inverse[at:])
				copy(inv[copied:], g.inverse)
				field.AddMulVec(dst, acc, inv)
			}
		}
	})
	return out, ctx.Err()
}

// inverseDistances returns 1/(x - z) for all x in the domain.
func inverseDistances(d field.Domain, z field.Element) []field.Element {
	out := make([]field.Element, d.Size)
	parallel.Chunks(len(out), 1<<10, func(start, end int) {
		field.PowersFrom(out[start:end], d.At(uint64(start)), d.Gen)
		scratch := make([]field.Element, 1<<10)
		for ; start < end; start += len(scratch) {
			block := out[start:min(end, start+len(scratch))]
			for i := range block {
				block[i].Sub(&block[i], &z)
			}
			field.BatchInvert(block, scratch)
		}
	})
	return out
}

// extendQuotient extends a polynomial of degree below n from coset 0 to the whole evaluation domain. The result is FRI's first
// layer: in natural order, as if the domain had no offset.
func (e *extender) extendQuotient(values []field.Element) []field.Element {
	poly.NewInversePlan(e.plans[0].Domain).Interpolate(values)
	out := make([]field.Element, e.s.eval.Size)
	v := make([]field.Element, len(values))
	for c := range e.plans {
		e.plans[c].Evaluate(v, values)
		parallel.Chunks(len(v), 1<<12, func(start, end int) {
			for i := start; i < end; i++ {
				out[i<<e.logBlowup|c] = v[i]
			}
		})
	}
	return out
}
