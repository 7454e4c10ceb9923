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
	// x[m] holds the doubled x coordinates of the points BitReverse(h, m) of HalfOdds(m+1), and inverse[m] their doubled inverses, for m from
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
	for m := range t.x {
		t.x[m] = make([]doubled, 1<<m+overread)[:1<<m]
	}
	// The points of HalfOdds(m+1) have index 2^(28-m) + BitReverse(h, m)·2^(30-m). Bit b of h adds 2^(29-b), for every m.
	if last := len(t.x) - 1; last >= 0 {
		points := make([]Point[m31.M31], 1<<last)
		points[0] = HalfOdds(last + 1).At(0)
		for b := range last {
			step := Index(1 << (29 - b)).Point()
			lo, hi := points[:1<<b], points[1<<b:2<<b]
			parallel.Chunks(len(lo), 1<<10, func(start, end int) {
				for h := start; h < end; h++ {
					hi[h] = lo[h].Add(step)
				}
			})
		}
		for h, p := range points {
			t.x[last][h] = double(p.X)
		}
	}
	// Twice the point of entry 2h of a table is the point of entry h of the table before.
	for m := len(t.x) - 2; m >= 0; m-- {
		for h := range t.x[m] {
			t.x[m][h] = double(DoubleX(m31.M31(t.x[m+1][2*h] / 2)))
		}
	}
	parallel.For(len(t.x), func(m int) { t.inverse[m] = inverses(t.x[m]) })
	for n := 1; n <= 2; n++ {
		y := HalfOdds(n - 1).At(0).Y
		t.y[n], t.yInverse[n] = double(y), double(y.Inverse())
	}
	return t
}

// inverses returns the inverses of the elements of v, which are not 0.
func inverses(v []doubled) []doubled {
	r := make([]doubled, len(v)+overread)[:len(v)]
	product := m31.M31(1)
	for i, a := range v {
		r[i] = doubled(product)
		product = a.mul(product)
	}
	inverse := product.Inverse()
	for i := len(v) - 1; i >= 0; i-- {
		r[i] = double(double(inverse).mul(m31.M31(r[i])))
		inverse = v[i].mul(inverse)
	}
	return r
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
