package circle

import (
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Twiddles holds the factors of the butterflies of transforms up to a size. It is read-only after NewTwiddles.
//
// The transform of size 2^n has n layers. Layer 0 pairs cells 2h and 2h+1, and its factor is the y coordinate of the pair's first point.
// Layer k ≥ 1 pairs cells at distance 2^k in blocks of 2^(k+1), and the factor of block h is the x coordinate of 2^(k-1) times the
// block's first point. These 2^(n-1-k) coordinates depend on n-1-k only.
type Twiddles struct {
	log int
	// x[m] holds the x coordinates of the points BitReverse(h, m) of HalfOdds(m+1), and inverse[m] their inverses, for m from 0 to log-2.
	x, inverse [][]m31.M31
	// y and yInverse are the y coordinate of the first point of the domains of sizes 2 and 4, and its inverse. Larger domains need none:
	// see layer0.
	y, yInverse [3]m31.M31
}

// NewTwiddles returns the twiddles of transforms of sizes up to 2^log. They take 2^(log+2) bytes.
func NewTwiddles(log int) *Twiddles {
	t := &Twiddles{log: log, x: make([][]m31.M31, max(log-1, 0)), inverse: make([][]m31.M31, max(log-1, 0))}
	for m := range t.x {
		t.x[m] = make([]m31.M31, 1<<m)
	}
	// The points of HalfOdds(m+1) have index 2^(28-m) + BitReverse(h, m)·2^(30-m). Bit b of h adds 2^(29-b), for every m.
	if last := len(t.x) - 1; last >= 0 {
		points := make([]Point[m31.M31], 1<<last)
		points[0] = HalfOdds(last + 1).At(0)
		for b := range last {
			step := Index(1 << (29 - b)).Point()
			for h := range 1 << b {
				points[1<<b+h] = points[h].Add(step)
			}
		}
		for h, p := range points {
			t.x[last][h] = p.X
		}
	}
	// Entries 2h and 2h+1 of a table are x coordinates of points that differ by half a turn, so they are opposite, and both double to entry h
	// of the table before.
	for m := len(t.x) - 2; m >= 0; m-- {
		for h := range t.x[m] {
			t.x[m][h] = DoubleX(t.x[m+1][2*h])
		}
	}
	parallel.For(len(t.x), func(m int) { t.inverse[m] = inverses(t.x[m]) })
	for n := 1; n <= 2; n++ {
		t.y[n] = HalfOdds(n - 1).At(0).Y
		t.yInverse[n] = t.y[n].Inverse()
	}
	return t
}

// inverses returns the inverses of the elements of v, which are not 0.
func inverses(v []m31.M31) []m31.M31 {
	r := make([]m31.M31, len(v))
	product := m31.M31(1)
	for i, a := range v {
		r[i] = product
		product = product.Mul(a)
	}
	inverse := product.Inverse()
	for i := len(v) - 1; i >= 0; i-- {
		r[i] = r[i].Mul(inverse)
		inverse = inverse.Mul(v[i])
	}
	return r
}

// layer0 returns the factors of blocks 2h and 2h+1 of layer 0 of a transform of size 2^n, from table x or inverse. n is at least 2.
func (t *Twiddles) layer0(table [][]m31.M31, y *[3]m31.M31, n, h int) (m31.M31, m31.M31) {
	if n == 2 {
		return y[2], y[2].Neg()
	}
	// Let (X, Y) be the first point of four blocks. A quarter turn takes it to (-Y, X), and the entries 2j and 2j+1 of the table are the x
	// coordinates of the first points of blocks 4j and 4j+2: the four y coordinates follow from the two x coordinates.
	pair := table[n-2][h&^1 : h&^1+2]
	v := pair[1]
	if h&1 == 1 {
		v = pair[0].Neg()
	}
	return v, v.Neg()
}

// Interpolate replaces the values of a polynomial on the canonic domain of size len(v), in storage order, by its coefficients. Bit 0 of a
// coefficient's index stands for the factor y, bit 1 for x, bit k for π applied k-1 times to x. The length is a power of two, at least 2 and at
// most that of the twiddles.
func (t *Twiddles) Interpolate(v []m31.M31) {
	n := t.size(v)
	if n == 1 {
		v[0], v[1] = v[0].Add(v[1]), v[0].Sub(v[1]).Mul(t.yInverse[1])
	} else {
		for h := 0; h < len(v)/4; h++ {
			a, b := t.layer0(t.inverse, &t.yInverse, n, h)
			c := v[4*h : 4*h+4]
			c[0], c[1] = c[0].Add(c[1]), c[0].Sub(c[1]).Mul(a)
			c[2], c[3] = c[2].Add(c[3]), c[2].Sub(c[3]).Mul(b)
		}
	}
	for k := 1; k < n; k++ {
		for h, w := range t.inverse[n-1-k] {
			lo := v[h<<(k+1):][:1<<k]
			hi := v[h<<(k+1)+1<<k:][:1<<k]
			for i, a := range lo {
				b := hi[i]
				lo[i], hi[i] = a.Add(b), a.Sub(b).Mul(w)
			}
		}
	}
	scale := m31.M31(1 << n % m31.P).Inverse()
	for i := range v {
		v[i] = v[i].Mul(scale)
	}
}

// Evaluate sets dst to the values of the polynomial with the given coefficients on the canonic domain of size len(dst), in storage order. Both
// lengths are powers of two, that of dst is at least 2, at least that of coefficients, and at most that of the twiddles. dst may begin with
// coefficients but must not overlap it otherwise.
func (t *Twiddles) Evaluate(dst, coefficients []m31.M31) {
	n, m := t.size(dst), logSize(len(coefficients))
	// The layers above m have nothing but zeros to add: they copy.
	for i := 0; i < len(dst); i += len(coefficients) {
		copy(dst[i:], coefficients)
	}
	for k := min(m, n) - 1; k >= 1; k-- {
		for h, w := range t.x[n-1-k] {
			lo := dst[h<<(k+1):][:1<<k]
			hi := dst[h<<(k+1)+1<<k:][:1<<k]
			for i, a := range lo {
				b := hi[i].Mul(w)
				lo[i], hi[i] = a.Add(b), a.Sub(b)
			}
		}
	}
	switch {
	case m == 0:
	case n == 1:
		b := dst[1].Mul(t.y[1])
		dst[0], dst[1] = dst[0].Add(b), dst[0].Sub(b)
	default:
		for h := 0; h < len(dst)/4; h++ {
			a, b := t.layer0(t.x, &t.y, n, h)
			c := dst[4*h : 4*h+4]
			a, b = c[1].Mul(a), c[3].Mul(b)
			c[0], c[1] = c[0].Add(a), c[0].Sub(a)
			c[2], c[3] = c[2].Add(b), c[2].Sub(b)
		}
	}
}

// size returns log2 of the length of v, the values of a transform.
func (t *Twiddles) size(v []m31.M31) int {
	n := logSize(len(v))
	if n < 1 || n > t.log {
		panic("circle: no twiddles for a transform of this size")
	}
	return n
}

// InterpolateAll interpolates each column. The columns may differ in size.
func (t *Twiddles) InterpolateAll(columns [][]m31.M31) {
	parallel.For(len(columns), func(i int) { t.Interpolate(columns[i]) })
}

// EvaluateAll evaluates coefficients[i] into dst[i], for every i. The columns may differ in size.
func (t *Twiddles) EvaluateAll(dst, coefficients [][]m31.M31) {
	parallel.For(len(dst), func(i int) { t.Evaluate(dst[i], coefficients[i]) })
}

// Extend sets dst to the values on the canonic domain of size len(dst) of the polynomial with the given values on that of size len(values). It
// leaves values as they are. dst is at least as long as values and does not overlap it.
func (t *Twiddles) Extend(dst, values []m31.M31) {
	coefficients := dst[:len(values)]
	copy(coefficients, values)
	t.Interpolate(coefficients)
	t.Evaluate(dst, coefficients)
}

// ExtendAll extends values[i] to dst[i], for every i. The columns may differ in size.
func (t *Twiddles) ExtendAll(dst, values [][]m31.M31) {
	parallel.For(len(dst), func(i int) { t.Extend(dst[i], values[i]) })
}

// EvaluateAt returns the value at p of the polynomial with the given coefficients (see Interpolate). Their number is a power of two.
func EvaluateAt(coefficients []m31.M31, p Point[m31.QM31]) m31.QM31 {
	log := logSize(len(coefficients))
	if log == 0 {
		return m31.FromM31(coefficients[0])
	}
	// Fold from the lowest bit of the index up: first by y, then by x, π(x), ….
	v := make([]m31.QM31, len(coefficients)/2)
	for i := range v {
		v[i] = m31.FromM31(coefficients[2*i]).Add(p.Y.Scale(coefficients[2*i+1]))
	}
	return foldByX(v, p.X)
}

// foldByX returns the sum over i of v[i] times the product of π applied k times to x over the bits k of i. It overwrites v.
func foldByX(v []m31.QM31, x m31.QM31) m31.QM31 {
	for len(v) > 1 {
		for i := range len(v) / 2 {
			v[i] = v[2*i].Add(v[2*i+1].Mul(x))
		}
		v = v[:len(v)/2]
		x = DoubleX(x)
	}
	return v[0]
}

// Weights returns the weights w for which the sum of w[i]·v[i] is the value at p of the polynomial with the values v, in storage order, on the
// canonic domain of size 2^log. log is at least 1 and at most that of the twiddles.
func (t *Twiddles) Weights(log int, p Point[m31.QM31]) []m31.QM31 {
	// A layer of Interpolate takes the values (a, b) of a pair to the coefficients (a+b)/2 and (a-b)/2·t, t the inverse twiddle, of a
	// polynomial u + c·v where c is the layer's basis function. So the weights of a pair are w·(1 ± c(p)·t)/2 where w is the weight of the pair's
	// coefficient in the layers above. They are made from the last layer down to the first.
	factors := make([]m31.QM31, log)
	factors[0] = p.Y
	x := p.X
	for k := 1; k < log; k++ {
		factors[k], x = x, DoubleX(x)
	}
	w := make([]m31.QM31, 1<<log)
	w[0] = m31.FromM31(m31.M31(1 << log % m31.P).Inverse())
	split := func(h int, factor m31.QM31, inverse m31.M31) {
		d := w[h].Mul(factor).Scale(inverse)
		w[2*h], w[2*h+1] = w[h].Add(d), w[h].Sub(d)
	}
	for k := log - 1; k >= 1; k-- {
		for h, inverse := range slices.Backward(t.inverse[log-1-k]) {
			split(h, factors[k], inverse)
		}
	}
	if log == 1 {
		split(0, factors[0], t.yInverse[1])
		return w
	}
	for h := len(w)/4 - 1; h >= 0; h-- {
		a, b := t.layer0(t.inverse, &t.yInverse, log, h)
		split(2*h+1, factors[0], b)
		split(2*h, factors[0], a)
	}
	return w
}

// Combine returns the sum of w[i]·v[i]: with w of Weights, the value at a point of the polynomial with the values v.
func Combine(w []m31.QM31, v []m31.M31) m31.QM31 {
	var sum m31.QM31
	for i, a := range v {
		sum = sum.Add(w[i].Scale(a))
	}
	return sum
}
