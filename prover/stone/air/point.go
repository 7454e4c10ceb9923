package air

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/prover/stone/field"
)

// EvalPoint evaluates the composition polynomial at a point outside the trace domain. mask holds the values of the trace
// polynomials at point·g^Row for each cell of System.Mask, values the values of AIR.Values, n the trace length and alpha the
// composition challenge. EvalPoint uses only scalar arithmetic.
func (s *System) EvalPoint(point field.Element, n uint64, mask, values []field.Element, alpha field.Element) (field.Element, error) {
	log, ok := field.Log2(n)
	if !ok || n < s.MinTraceLength() {
		return field.Element{}, fmt.Errorf("air: trace of %d rows, want a power of two of at least %d", n, s.MinTraceLength())
	}
	if len(mask) != len(s.Mask) || len(values) != len(s.Values) {
		return field.Element{}, fmt.Errorf("air: %d mask and %d run-time values, want %d and %d",
			len(mask), len(values), len(s.Mask), len(s.Values))
	}
	gen := field.RootOfUnity(log)
	vals := make([]field.Element, len(s.nodes))
	periodic := make([]field.Element, len(s.Periodic))
	for i, p := range s.Periodic {
		periodic[i] = p.at(point, n)
	}
	for i := range s.nodes {
		nd := &s.nodes[i]
		switch nd.op {
		case opCell:
			if k, ok := s.maskIndex[Cell{int(nd.a), int(nd.b)}]; ok {
				vals[i] = mask[k]
			}
		case opPeriodic:
			vals[i] = periodic[nd.a]
		case opValue:
			vals[i] = values[nd.a]
		case opConst:
			vals[i] = nd.value
		case opAdd:
			vals[i].Add(&vals[nd.a], &vals[nd.b])
		case opSub:
			vals[i].Sub(&vals[nd.a], &vals[nd.b])
		case opMul:
			vals[i].Mul(&vals[nd.a], &vals[nd.b])
		}
	}
	factors := map[Rows]field.Element{}
	product := func(rows []Rows) field.Element {
		r := field.One()
		for _, class := range rows {
			f, ok := factors[class]
			if !ok {
				f = class.vanishing(point, gen, n)
				factors[class] = f
			}
			r.Mul(&r, &f)
		}
		return r
	}
	var sum field.Element
	power := field.One()
	for _, c := range s.Constraints {
		den := product(c.Domain.On)
		if den.IsZero() {
			return field.Element{}, errPointInDomain
		}
		den.Inverse(&den)
		term := product(c.Domain.Exemptions)
		term.Mul(&term, &den)
		term.Mul(&term, &vals[c.expr])
		term.Mul(&term, &power)
		sum.Add(&sum, &term)
		power.Mul(&power, &alpha)
	}
	return sum, nil
}

var errPointInDomain = errors.New("air: the point lies in the trace domain")

// vanishing returns x^(n/period) - g^(offset·n/period), whose zeros are the rows of the class.
func (r Rows) vanishing(x, gen field.Element, n uint64) field.Element {
	period, offset := r.resolve(n)
	v := field.Pow(x, n/period)
	root := field.Pow(gen, offset*(n/period))
	v.Sub(&v, &root)
	return v
}

// at evaluates the column's polynomial at a point.
func (p Periodic) at(x field.Element, n uint64) field.Element {
	y := field.Pow(x, n/p.period())
	coeffs := p.coefficients()
	var r field.Element
	for i := len(coeffs) - 1; i >= 0; i-- {
		r.Mul(&r, &y)
		r.Add(&r, &coeffs[i])
	}
	return r
}

// coefficients interpolates the values over the subgroup of order len(Values), by plain recursion because the columns are
// short.
func (p Periodic) coefficients() []field.Element {
	c := make([]field.Element, len(p.Values))
	copy(c, p.Values)
	log, _ := field.Log2(uint64(len(c)))
	root := field.RootOfUnity(log)
	root.Inverse(&root)
	dft(c, root)
	size := field.New(uint64(len(c)))
	size.Inverse(&size)
	for i := range c {
		c[i].Mul(&c[i], &size)
	}
	return c
}

// dft replaces a by Σ_j a_j root^(ij), recursively.
func dft(a []field.Element, root field.Element) {
	n := len(a)
	if n == 1 {
		return
	}
	even, odd := make([]field.Element, n/2), make([]field.Element, n/2)
	for i := range even {
		even[i], odd[i] = a[2*i], a[2*i+1]
	}
	var square field.Element
	square.Square(&root)
	dft(even, square)
	dft(odd, square)
	w := field.One()
	for i := range even {
		odd[i].Mul(&odd[i], &w)
		a[i].Add(&even[i], &odd[i])
		a[i+n/2].Sub(&even[i], &odd[i])
		w.Mul(&w, &root)
	}
}

// evaluate returns one period of the column's values on the coset offset·⟨g⟩ of n points.
func (p Periodic) evaluate(n uint64, offset field.Element) []field.Element {
	// The column is a polynomial in y = x^(n/period) of degree below m = len(Values). On the coset, y takes the values
	// offset^(n/period)·w^i with w of order period.
	m, period := uint64(len(p.Values)), p.period()
	coeffs := p.coefficients()
	out := make([]field.Element, period)
	log, _ := field.Log2(period)
	w := field.RootOfUnity(log)
	y := field.Pow(offset, n/period)
	root := field.Pow(w, p.Step)
	part := make([]field.Element, m)
	for r := range p.Step {
		field.PowersFrom(part, field.One(), y)
		for i := range part {
			part[i].Mul(&part[i], &coeffs[i])
		}
		dft(part, root)
		for i := range part {
			out[r+uint64(i)*p.Step] = part[i]
		}
		y.Mul(&y, &w)
	}
	return out
}
