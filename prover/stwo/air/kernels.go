package air

import "github.com/starkd/starkd/prover/stwo/m31"

// Each function of this file calls a vector kernel (cpu_amd64.go) or does the same in plain code.

// vectorRows is the number of rows of which a block must have a multiple for the vector kernels.
const vectorRows = 32

// vectorized reports whether the kernels can run on blocks of n rows.
func vectorized(n int) bool { return vectorBits > 0 && n%vectorRows == 0 }

// words returns instructions in the form in which execute reads them: the opcode, dst, and operands; of a sum its constant, the numbers of
// groups that are subtracted and added and of slots that are added and subtracted, then the groups and the slots (see _asm/main.go).
func words(code []instruction) []uint32 {
	var w []uint32
	for k := range code {
		i := &code[k]
		w = append(w, uint32(i.op), uint32(i.dst))
		switch i.op {
		case codeAdd, codeSub, codeMul:
			w = append(w, uint32(i.a), uint32(i.b))
		case codeAddConstant, codeConstantMinus, codeScale:
			w = append(w, uint32(i.a), uint32(i.k))
		case codeSum:
			s := i.sum
			head := len(w)
			w = append(w, uint32(s.constant), 0, 0, uint32(len(s.plain[0])), uint32(len(s.plain[1])))
			var subtracted, added uint32
			w, subtracted = s.groups(w, 1)
			w, added = s.groups(w, 0)
			w[head+1], w[head+2] = subtracted, added
			for _, side := range s.plain {
				for _, slot := range side {
					w = append(w, uint32(slot))
				}
			}
		}
	}
	return append(w, codeEnd)
}

// codeEnd is the opcode at the end of instructions.
const codeEnd = uint32(codeSum) + 1

// groups appends one side of the sum in groups, after each of which the accumulators are folded, and returns the number of groups.
func (s *sum) groups(w []uint32, side int) ([]uint32, uint32) {
	const most = 1<<64 - 1<<36 // an accumulator is below 2^36 before a group
	scaled, products := s.scaled[side], s.products[side]
	count := uint32(0)
	for len(scaled)+len(products) > 0 {
		bound := uint64(0)
		ns, np := 0, 0
		for ns < len(scaled) && bound <= most-uint64(scaled[ns].k)*m31.P {
			bound += uint64(scaled[ns].k) * m31.P
			ns++
		}
		for ns == len(scaled) && np < len(products) && bound <= most-m31.P*m31.P {
			bound += m31.P * m31.P
			np++
		}
		w = append(w, uint32(ns), uint32(np))
		for _, t := range scaled[:ns] {
			w = append(w, uint32(t.slot), uint32(t.k))
		}
		for _, t := range products[:np] {
			w = append(w, uint32(t.a), uint32(t.b))
		}
		scaled, products = scaled[ns:], products[np:]
		count++
	}
	return w, count
}

// wideTerm is a secureTerm as the kernels read it.
type wideTerm struct {
	slot uint64
	k    [4]uint64
}

// widen sets s.wide.
func (s *secureSum) widen() {
	s.wide = make([]wideTerm, len(s.terms))
	for j, t := range s.terms {
		s.wide[j].slot = uint64(t.slot)
		for q, v := range t.k.Coordinates() {
			s.wide[j].k[q] = uint64(v)
		}
	}
	for q, v := range s.constant.Coordinates() {
		s.coordinates[q] = uint64(v)
	}
}

// pairFactors are the factors of addPair that are the same in all rows.
type pairFactors struct {
	constant m31.QM31
	slots    [2]int32 // of m1 and m2, or -1 if m1 is 1, and m2 0 or 1
	mode     uint32
}

const (
	pairSingle  = 1 << iota // there is no second lookup
	pairSecond              // m2 is not 0
	pairUnit                // m2 is 1
	pairNegated             // m2·d1 is subtracted
)

// setFirst sets the first multiplicity, of which constant is a factor.
func (p *pairFactors) setFirst(m factor, negative bool, constant m31.QM31) {
	p.slots = [2]int32{m.slot, -1}
	switch {
	case m.slot < 0:
		constant = constant.Scale(m.constant)
	case negative:
		constant = constant.Neg()
	}
	p.constant = constant
}

// setSecond sets the second multiplicity, which must not be a constant other than 0, 1 and -1.
func (p *pairFactors) setSecond(m factor, negative bool) {
	p.slots[1] = m.slot
	switch {
	case m.slot >= 0 && negative:
		p.mode = pairSecond
	case m.slot >= 0:
		p.mode = pairSecond | pairNegated
	case m.constant == 1:
		p.mode = pairSecond | pairUnit | pairNegated
	case m.constant != 0:
		p.mode = pairSecond | pairUnit
	default:
		p.mode = 0
	}
}

// pairBlock is the operands of the kernel of addPair.
type pairBlock struct {
	step        [4]*m31.M31
	denominator [2]*m31.M31 // four blocks each
	factor      [2]*m31.M31 // nil for no slot
	sums        *uint64
	constant    [4]uint64
	mode        uint32
}

// addPair adds in each row
//
//	(step·d1 + constant·m1)·d2 ± m2·d1,    or    step·d1 + constant·m1 for a single lookup
//
// to sums, where the slots of step are coordinates.
func (m *machine) addPair(sums secureSums, step [4]int32, d *[2]secureBlock, f *pairFactors) {
	if m.vector {
		b := &m.pair
		*b = pairBlock{denominator: [2]*m31.M31{&d[0][0][0], &d[1][0][0]}, sums: &sums[0], mode: f.mode}
		for q, s := range step {
			b.step[q] = m.pointers[s]
		}
		for k, s := range f.slots {
			if s >= 0 {
				b.factor[k] = m.pointers[s]
			}
		}
		for q, v := range f.constant.Coordinates() {
			b.constant[q] = uint64(v)
		}
		vectorAddPair(b, m.n)
		return
	}
	for i := range m.n {
		d1 := d[0].at(i)
		v := m31.NewQM31(m.slots[step[0]][i], m.slots[step[1]][i], m.slots[step[2]][i], m.slots[step[3]][i]).Mul(d1)
		m1 := m31.M31(1)
		if s := f.slots[0]; s >= 0 {
			m1 = m.slots[s][i]
		}
		v = v.Add(f.constant.Scale(m1))
		if f.mode&pairSingle == 0 {
			v = v.Mul(d[1].at(i))
		}
		if f.mode&pairSecond != 0 {
			if f.mode&pairUnit == 0 {
				d1 = d1.Scale(m.slots[f.slots[1]][i])
			}
			if f.mode&pairNegated != 0 {
				d1 = d1.Neg()
			}
			v = v.Add(d1)
		}
		for q, c := range v.Coordinates() {
			sums.coordinate(q, m.n)[i] += uint64(c)
		}
	}
}

// addTo adds k times coordinate q of the accumulators to d.
func (s secureSums) addTo(d []m31.M31, q int, k m31.M31) {
	if vectorized(len(d)) {
		vectorFinish(d, s[q*blockRows:], k)
		return
	}
	for i, v := range s.coordinate(q, len(d)) {
		d[i] = d[i].Add(m31.New(v).Mul(k))
	}
}

// relativeNorms sets the two blocks w to x² - (2+i)·y² for x + y·u in the blocks d, and norms to the norms of these, or to 1 for 0.
func relativeNorms(norms, w block, d *secureBlock) {
	if vectorized(len(norms)) {
		vectorNorms(norms, &w[0], &d[0][0])
		return
	}
	for i := range norms {
		v := d.at(i)
		y := v.B.Square()
		r := v.A.Square().Sub(m31.CM31{A: y.A.Double().Sub(y.B), B: y.B.Double().Add(y.A)})
		w[i], w[blockRows+i] = r.A, r.B
		norms[i] = max(r.A.Square().Add(r.B.Square()), 1)
	}
}

// addFraction sets `to` to `from` plus k·multiplicity/d, given the inverse norms and the relative norms of d. A nil multiplicity is 1. Where d is 0 it
// adds 0.
func addFraction(to, from *[4]block, d *secureBlock, w, inverse, multiplicity block, k m31.M31) {
	if vectorized(len(inverse)) {
		var m *m31.M31
		if multiplicity != nil {
			m = &multiplicity[0]
		}
		var dst, src [4]*m31.M31
		for q := range dst {
			dst[q], src[q] = &to[q][0], &from[q][0]
		}
		vectorAddFraction(&dst, &src, &d[0][0], &w[0], inverse, m, k)
		return
	}
	for i, v := range inverse {
		v = v.Mul(k)
		if multiplicity != nil {
			v = v.Mul(multiplicity[i])
		}
		r := m31.CM31{A: w[i].Mul(v), B: w[blockRows+i].Neg().Mul(v)}
		for q, c := range d.at(i).Conjugate().ScaleCM31(r).Coordinates() {
			to[q][i] = from[q][i].Add(c)
		}
	}
}

// invert replaces the values of v, of which none is 0, by their inverses. scratch is as long as v.
func invert(v, scratch []m31.M31) {
	if vectorized(len(v)) {
		vectorInvert(v, scratch)
		return
	}
	product := m31.M31(1)
	for i, x := range v {
		scratch[i] = product
		product = product.Mul(x)
	}
	inverse := product.Inverse()
	for i := len(v) - 1; i >= 0; i-- {
		v[i], inverse = inverse.Mul(scratch[i]), inverse.Mul(v[i])
	}
}
