package pcs

import (
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// batch is the part of the DEEP sum that belongs to one point Q out of the domain. Its value at a point d of the domain is
//
//	(c·Σ w·f(d) - Σ w·a·d.y - Σ w·b) / line(d)
//
// over the samples v = f(Q) of columns f with weights w. For every sample, a = v̄ - v, b = v·c - a·Q.y and c = Q̄.y - Q.y (the bar is the
// conjugate over CM31) are such that c·f - a·y - b is 0 at Q and at Q̄. line is the line through Q and Q̄.
type batch struct {
	point Point
	terms []term
	a, b  m31.QM31 // Σ w·a and Σ w·b
	c     m31.QM31
}

// term is a column of a batch with its weight.
type term struct {
	tree, column int
	weight       m31.QM31
}

// batches returns the batches of all samples, in order of their first samples. The weights are powers of gamma in the order of the samples.
// A column with two samples has a third one before them: a column of 2^n rows that is lifted has a period, and its value at P plus that period is
// its value at P. Without it a polynomial that is not a lifted one could pass.
func (s *shape) batches(values [][][]m31.QM31, p Point, gamma m31.QM31) []*batch {
	previous := p.Sub(circle.Secure(circle.Odds(s.logRows).Step().Point()))
	blowup := s.logDomain - s.logRows
	var out []*batch
	at := map[Point]*batch{}
	weight := m31.FromM31(1)
	add := func(q Point, t, i int, v m31.QM31) {
		b := at[q]
		if b == nil {
			b = &batch{point: q, c: q.Y.Conjugate().Sub(q.Y)}
			at[q] = b
			out = append(out, b)
		}
		slope := v.Conjugate().Sub(v)
		b.terms = append(b.terms, term{t, i, weight})
		b.a = b.a.Add(weight.Mul(slope))
		b.b = b.b.Add(weight.Mul(v.Mul(b.c).Sub(slope.Mul(q.Y))))
		weight = weight.Mul(gamma)
	}
	for t, columns := range s.trees {
		for i, column := range columns {
			v := values[t][i]
			switch column.Sampling {
			case AtPoint:
				add(p, t, i, v[0])
			case AtPreviousAndPoint:
				period := circle.Odds(s.logDomain).Step().Point().DoubleN(column.Log + blowup)
				add(p.Add(circle.Secure(period)), t, i, v[1])
				add(previous, t, i, v[0])
				add(p, t, i, v[1])
			}
		}
	}
	return out
}

// line returns the value at d of the line through Q and its conjugate, up to a factor that is the same for all d.
func (b *batch) line(d circle.Point[m31.M31]) m31.CM31 {
	x, y := b.point.X, b.point.Y
	return x.A.Sub(m31.CM31{A: d.X}).Mul(y.B).Sub(y.A.Sub(m31.CM31{A: d.Y}).Mul(x.B))
}

// combine returns Σ w·f for each of n opened cells f of the batch's columns.
func (b *batch) combine(cells [][][]m31.M31, n int) []m31.QM31 {
	// A product of two elements below 2^31 is at most 2^32 after one fold at bit 31, so sums of fewer than 2^32 of them do not overflow.
	sums := make([][4]uint64, n)
	for i := range b.terms {
		t := &b.terms[i]
		w := t.weight.Coordinates()
		for k, f := range cells[t.tree][t.column] {
			s := &sums[k]
			for j := range w {
				product := uint64(w[j]) * uint64(f)
				s[j] += product&m31.P + product>>31
			}
		}
	}
	out := make([]m31.QM31, n)
	for k, s := range sums {
		out[k] = m31.NewQM31(m31.New(s[0]), m31.New(s[1]), m31.New(s[2]), m31.New(s[3]))
	}
	return out
}

// finish returns the batch's value at d from Σ w·f(d) and the inverse of the line's value.
func (b *batch) finish(sum m31.QM31, d circle.Point[m31.M31], inverse m31.CM31) m31.QM31 {
	return b.c.Mul(sum).Sub(b.a.Scale(d.Y)).Sub(b.b).ScaleCM31(inverse)
}
