package circle

import (
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
	// x[m] holds the doubled x coordinates of the points bitReverse(h, m) of halfOdds(m+1), and inverse[m] their doubled inverses, for m from
	// 0 to log-2.
	x, inverse [][]doubled
	// y and yInverse are the y coordinate of the first point of the domains of sizes 2 and 4, and its inverse. Larger domains need none:
	// see layer0.
	y, yInverse [3]doubled
}

// doubled is 2·a, below 2·P, for an element a. It makes a product cheaper: see mul.
type doubled uint32

func double(a m31.M31) doubled { return doubled(a) * 2 }

// mul returns a times the element that w is the double of.
func (w doubled) mul(a m31.M31) m31.M31 {
	// The upper word of the product is ⌊a·w/2^31⌋ and half of the lower word is a·w modulo 2^31.
	v := uint64(a) * uint64(w)
	s := uint32(v>>32) + uint32(v)>>1
	return m31.M31(min(s, s-m31.P))
}

func (w doubled) neg() doubled { return 2*m31.P - w }

// overread is the number of words behind a table that kernels may read (and ignore).
const overread = 8

// NewTwiddles returns the twiddles of transforms of sizes up to 2^log. They take 2^(log+2) bytes.
func NewTwiddles(log int) *Twiddles {
	t := &Twiddles{log: log, x: make([][]doubled, max(log-1, 0)), inverse: make([][]doubled, max(log-1, 0))}
	parallel.Each(len(t.x), func(i int) {
		m := len(t.x) - 1 - i // the largest table first
		t.x[m] = xTable(m)
		t.inverse[m] = inverses(t.x[m])
	})
	for n := 1; n <= 2; n++ {
		y := halfOdds(n - 1).At(0).Y
		t.y[n], t.yInverse[n] = double(y), double(y.Inverse())
	}
	return t
}

// xTable returns the doubled x coordinates of the points bitReverse(h, m) of halfOdds(m+1). Their indices are 2^(28-m) + bitReverse(h, m)·2^(30-m):
// bit b of h adds 2^(29-b), for every m.
func xTable(m int) []doubled {
	x, y := make([]m31.M31, 1<<m), make([]m31.M31, 1<<m)
	first := halfOdds(m + 1).At(0)
	x[0], y[0] = first.X, first.Y
	for b := range m {
		addPoint(x[1<<b:2<<b], y[1<<b:2<<b], x[:1<<b], y[:1<<b], Index(1<<(29-b)).Point())
	}
	return doubleAll(x)
}

// addPoint sets the points (toX, toY) to the points (x, y) plus p.
func addPoint(toX, toY, x, y []m31.M31, p Point[m31.M31]) {
	if l := lanes(); l > 0 && len(x) >= l {
		n := len(x) / l
		px, py, minus := uint64(double(p.X)), uint64(double(p.Y)), uint64(double(p.Y.Neg()))
		linear(vectorBits, words(toX, 0), words(x, 0), words(y, 0), &[3]uint64{px, minus}, n)
		linear(vectorBits, words(toY, 0), words(x, 0), words(y, 0), &[3]uint64{py, px}, n)
		return
	}
	for i := range x {
		sum := Point[m31.M31]{X: x[i], Y: y[i]}.Add(p)
		toX[i], toY[i] = sum.X, sum.Y
	}
}

// doubleAll returns the doubles of v.
func doubleAll(v []m31.M31) []doubled {
	r := make([]doubled, len(v)+overread)[:len(v)]
	for i, a := range v {
		r[i] = double(a)
	}
	return r
}

// inverses returns the doubled inverses of the elements of v, which are not 0.
func inverses(v []doubled) []doubled {
	const chunk = 1 << 12
	r := make([]m31.M31, len(v))
	for i, a := range v {
		r[i] = m31.M31(a / 2)
	}
	scratch := make([]m31.M31, min(chunk, len(v)))
	for i := 0; i < len(r); i += chunk {
		invertAll(r[i:min(i+chunk, len(r))], scratch)
	}
	return doubleAll(r)
}

// invertAll replaces the elements of v by their inverses. They are not 0. scratch is at least as long.
func invertAll(v, scratch []m31.M31) {
	if l := lanes(); l > 0 && len(v)%(4*l) == 0 {
		invert(vectorBits, words(v, 0), words(scratch, 0), len(v)/(4*l))
		return
	}
	product := m31.M31(1)
	for i, a := range v {
		scratch[i] = product
		product = product.Mul(a)
	}
	inverse := product.Inverse()
	for i := len(v) - 1; i >= 0; i-- {
		v[i], inverse = scratch[i].Mul(inverse), inverse.Mul(v[i])
	}
}

// layer0 returns the factors of blocks 2h and 2h+1 of layer 0 of a transform of size 2^n, from table x or inverse. n is at least 2.
func layer0(table [][]doubled, y *[3]doubled, n, h int) (doubled, doubled) {
	if n == 2 {
		return y[2], y[2].neg()
	}
	// Let (X, Y) be the first point of four blocks. A quarter turn takes it to (-Y, X), and the entries 2j and 2j+1 of the table are the x
	// coordinates of the first points of blocks 4j and 4j+2: the four y coordinates follow from the two x coordinates.
	pair := table[n-2][h&^1 : h&^1+2]
	v := pair[1]
	if h&1 == 1 {
		v = pair[0].neg()
	}
	return v, v.neg()
}
