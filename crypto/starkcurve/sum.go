package starkcurve

import "github.com/starkd/starkd/crypto/felt"

// Affine is a point of the curve other than infinity.
type Affine struct{ X, Y felt.Felt }

// Sum is a sum of points: the point (x/zz, y/zzz) with zz³ = zzz², or infinity if zz is 0. The zero value is infinity. The formulas are those
// of the Explicit-Formulas Database for XYZZ coordinates; an addition (madd-2008-s) takes ten multiplications.
type Sum struct{ x, y, zz, zzz felt.Felt }

// NewSum returns the sum of p alone.
func NewSum(p *Affine) Sum { return Sum{p.X, p.Y, felt.One, felt.One} }

// Add adds p.
func (s *Sum) Add(p *Affine) {
	if s.zz.IsZero() {
		*s = NewSum(p)
		return
	}
	var u, v, h, r, hh, hhh, q felt.Felt
	u.Mul(&p.X, &s.zz)
	v.Mul(&p.Y, &s.zzz)
	h.Sub(&u, &s.x)
	r.Sub(&v, &s.y)
	if h.IsZero() { // p = ±s
		if r.IsZero() {
			s.Double()
		} else {
			*s = Sum{}
		}
		return
	}
	hh.Square(&h)
	hhh.Mul(&h, &hh)
	q.Mul(&s.x, &hh)
	v.Mul(&s.y, &hhh)
	s.zz.Mul(&s.zz, &hh)
	s.zzz.Mul(&s.zzz, &hhh)
	s.x.Square(&r)
	s.x.Sub(&s.x, &hhh)
	u.Double(&q)
	s.x.Sub(&s.x, &u)
	q.Sub(&q, &s.x)
	s.y.Mul(&q, &r)
	s.y.Sub(&s.y, &v)
}

// Subtract adds -p.
func (s *Sum) Subtract(p *Affine) {
	negative := Affine{X: p.X}
	negative.Y.Neg(&p.Y)
	s.Add(&negative)
}

// Double adds s to itself (dbl-2008-s-1). The group has an odd order, so only infinity has a y of 0.
func (s *Sum) Double() {
	var u, v, w, q, m, t felt.Felt
	u.Double(&s.y)
	v.Square(&u)
	w.Mul(&u, &v)
	q.Mul(&s.x, &v)
	m.Square(&s.x)
	t.Double(&m)
	m.Add(&m, &t)
	t.Square(&s.zz)
	m.Add(&m, &t)
	s.x.Square(&m)
	t.Double(&q)
	s.x.Sub(&s.x, &t)
	q.Sub(&q, &s.x)
	q.Mul(&q, &m)
	t.Mul(&w, &s.y)
	s.y.Sub(&q, &t)
	s.zz.Mul(&s.zz, &v)
	s.zzz.Mul(&s.zzz, &w)
}

// Is reports whether the sum is p.
func (s *Sum) Is(p *Affine) bool {
	var x, y felt.Felt
	x.Mul(&p.X, &s.zz)
	y.Mul(&p.Y, &s.zzz)
	return !s.zz.IsZero() && x == s.x && y == s.y
}

// X returns the x coordinate of the sum, 0 for infinity.
func (s *Sum) X() felt.Felt {
	var inverse felt.Felt
	inverse.Inverse(&s.zz)
	inverse.Mul(&inverse, &s.x)
	return inverse
}

// Pair is an addition C = A + B of points. A and B are the same pointer or have different x coordinates.
type Pair struct{ C, A, B *Affine }

// AddPairs computes independent additions in affine coordinates, with one field inversion for all.
func AddPairs(pairs []Pair) {
	denominators, prefix := make([]felt.Felt, len(pairs)), make([]felt.Felt, len(pairs))
	product := felt.One
	for i, p := range pairs {
		if p.A == p.B {
			denominators[i].Double(&p.A.Y)
		} else {
			denominators[i].Sub(&p.B.X, &p.A.X)
		}
		prefix[i] = product
		product.Mul(&product, &denominators[i])
	}
	product.Inverse(&product)
	for i := len(pairs) - 1; i >= 0; i-- {
		p := pairs[i]
		var slope, inverse, x, y felt.Felt
		if p.A == p.B { // (3x² + 1) / 2y: the curve is y² = x³ + x + b
			x.Square(&p.A.X)
			slope.Double(&x)
			slope.Add(&slope, &x)
			slope.Add(&slope, &felt.One)
		} else {
			slope.Sub(&p.B.Y, &p.A.Y)
		}
		inverse.Mul(&product, &prefix[i])
		product.Mul(&product, &denominators[i])
		slope.Mul(&slope, &inverse)
		x.Square(&slope)
		x.Sub(&x, &p.A.X)
		x.Sub(&x, &p.B.X)
		y.Sub(&p.A.X, &x)
		y.Mul(&y, &slope)
		y.Sub(&y, &p.A.Y)
		p.C.X, p.C.Y = x, y
	}
}

// Powers returns 2^(width·i)·p for i in [0, n).
func Powers(p Affine, width, n int) []Affine {
	sums := make([]Sum, n)
	power := NewSum(&p)
	for i := range sums {
		sums[i] = power
		for range width {
			power.Double()
		}
	}
	return affine(sums)
}

// affine returns sums, none of which is infinity, in affine coordinates, with one field inversion for all.
func affine(sums []Sum) []Affine {
	points := make([]Affine, len(sums))
	product := felt.One
	for i := range sums {
		points[i].X = product // of the zzz before
		product.Mul(&product, &sums[i].zzz)
	}
	product.Inverse(&product)
	for i := len(sums) - 1; i >= 0; i-- {
		s := &sums[i]
		var inverse felt.Felt // 1/zzz; zz/zzz is 1/z, so that (zz/zzz)² is 1/zz
		inverse.Mul(&product, &points[i].X)
		product.Mul(&product, &s.zzz)
		points[i].Y.Mul(&s.y, &inverse)
		inverse.Mul(&inverse, &s.zz)
		inverse.Square(&inverse)
		points[i].X.Mul(&s.x, &inverse)
	}
	return points
}

// Multiples returns, for each base, its multiples from 1 to its count. Each round doubles the number of multiples of all bases at once.
func Multiples(bases []Affine, counts []int) [][]Affine {
	lists := make([][]Affine, len(bases))
	for i := range bases {
		lists[i] = append(make([]Affine, 0, counts[i]), bases[i])
	}
	for have := 1; ; have *= 2 {
		var pairs []Pair
		for i, list := range lists {
			if len(list) < have {
				continue
			}
			lists[i] = list[:min(2*have, counts[i])]
			for j := range lists[i][have:] {
				pairs = append(pairs, Pair{&lists[i][have+j], &list[have-1], &list[j]})
			}
		}
		if len(pairs) == 0 {
			return lists
		}
		AddPairs(pairs)
	}
}
