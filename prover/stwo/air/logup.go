package air

import "github.com/starkd/starkd/prover/stwo/m31"

// fraction is a sum of multiplicities over denominators, num/den.
type fraction struct{ num, den m31.QM31 }

func (f fraction) add(g fraction) fraction {
	return fraction{f.num.Mul(g.den).Add(g.num.Mul(f.den)), f.den.Mul(g.den)}
}

// denominator returns ⟨ID, values…⟩ of n values.
func (r *Relation) denominator(ch *Challenges, values func(k int) m31.QM31, n int) m31.QM31 {
	d := ch.Alpha[0].Scale(r.ID).Sub(ch.Z)
	for k := range n {
		d = d.Add(values(k).Mul(ch.Alpha[k+1]))
	}
	return d
}

// Term returns m/⟨ID, values…⟩ for a tuple of the relation. It returns 0 if the denominator is 0, which happens with negligible
// probability over the challenges.
func (r *Relation) Term(ch *Challenges, m m31.QM31, values ...m31.M31) m31.QM31 {
	d := r.denominator(ch, func(k int) m31.QM31 { return m31.FromM31(values[k]) }, len(values))
	return m.Mul(d.Inverse())
}

// lookupFraction returns the fraction of lookup l, for the node values v.
func lookupFraction(l *Lookup, ch *Challenges, v []m31.QM31) fraction {
	m := v[l.multiplicity]
	if l.Yield {
		m = m.Neg()
	}
	return fraction{m, l.Relation.denominator(ch, func(k int) m31.QM31 { return v[l.values[k]] }, len(l.values))}
}

// logUpConstraints calls yield with the constraints of LogUp. Lookups are taken in pairs. With S_k the interaction column of pair k, N_k/D_k
// the sum of its fractions, and n the number of rows:
//
//	(S_k - S_(k-1))·D_k - N_k = 0                                     for each pair but the last
//	(S_k - previous row's S_k - S_(k-1) + claimed sum / n)·D_k - N_k = 0   for the last pair
//
// so that the last column is a running sum over the rows that returns to 0.
func (c *Component) logUpConstraints(v []m31.QM31, m *Mask, ch *Challenges, yield func(m31.QM31)) {
	previous := m31.QM31{}
	for k := range c.batches() {
		f := lookupFraction(&c.Lookups[2*k], ch, v)
		if 2*k+1 < len(c.Lookups) {
			f = f.add(lookupFraction(&c.Lookups[2*k+1], ch, v))
		}
		difference := m.Interaction[k].Sub(previous)
		if k == c.batches()-1 {
			difference = difference.Sub(m.Previous).Add(m.Shift)
		}
		yield(difference.Mul(f.den).Sub(f.num))
		previous = m.Interaction[k]
	}
}
