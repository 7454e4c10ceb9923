package circle

import (
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Weights evaluate polynomials at one point out of their domain, from their values or their coefficients: the value is the sum of the cells times their
// weights.
type Weights struct {
	w [4][]m31.M31 // coordinates, with overread words behind them
}

// Weights returns the weights for polynomials of 2^log coefficients whose values on the canonic domain of size 2^(log+blowup) are known, at p.
// log is at least 1.
func (t *Twiddles) Weights(log, blowup int, p Point[m31.QM31]) *Weights {
	// The first 2^log cells suffice. A layer of Interpolate takes the values (a, b) of a pair to the coefficients (a+b)/2 and (a-b)/2·t, t the
	// inverse twiddle, of a polynomial u + c·v where c is the layer's basis function. So the weights of a pair are w·(1 ± c(p)·t)/2 where w is
	// the weight of the pair's coefficient in the layers above. They are made from the last layer down to the first, in place, from the last
	// pair to the first.
	n := log + blowup
	factors := make([]m31.QM31, log)
	factors[0] = p.Y
	x := p.X
	for k := 1; k < log; k++ {
		factors[k], x = x, doubleX(x)
	}
	w := newWeights(log)
	w.w[0][0] = m31.M31(1 << log % m31.P).Inverse()
	list := addresses(&w.w, 0)
	l := lanes()
	split := func(h int, factor m31.QM31, inverse doubled) {
		v := element(&w.w, h)
		d := v.Mul(factor).Scale(m31.M31(inverse / 2))
		setElement(&w.w, 2*h, v.Add(d))
		setElement(&w.w, 2*h+1, v.Sub(d))
	}
	for k := log - 1; k >= 1; k-- {
		inverse := t.inverse[n-1-k][:1<<(log-1-k)]
		if l > 0 && len(inverse) >= l {
			factor := matrix(factors[k])
			splitLine(vectorBits, &list, (*uint32)(&inverse[0]), &factor, len(inverse)/l)
			continue
		}
		for h, v := range slices.Backward(inverse) {
			split(h, factors[k], v)
		}
	}
	switch half := 1 << (log - 1); {
	case n == 1:
		split(0, factors[0], t.yInverse[1])
	case l > 0 && half >= l:
		factor := matrix(factors[0])
		splitCircle(vectorBits, &list, (*uint32)(&t.inverse[n-2][0]), &factor, half/l)
	default:
		for h := half - 1; h >= 0; h-- {
			a, b := layer0(t.inverse, &t.yInverse, n, h/2)
			if h&1 == 1 {
				a = b
			}
			split(h, factors[0], a)
		}
	}
	return w
}

func newWeights(log int) *Weights {
	w := &Weights{}
	for q := range w.w {
		w.w[q] = make([]m31.M31, 1<<log+overread)[:1<<log]
	}
	return w
}

// CoefficientWeights returns the weights of 2^log coefficients (see Interpolate) for values at p: the weight of a coefficient is the product of the
// factors of the bits of its index.
func CoefficientWeights(log int, p Point[m31.QM31]) *Weights {
	w := newWeights(log)
	w.w[0][0] = 1
	x := p.X
	for k := range log {
		factor := p.Y
		if k > 0 {
			factor, x = x, doubleX(x)
		}
		w.scaleUp(1<<k, factor)
	}
	return w
}

// scaleUp sets the weights from number n to 2n-1 to factor times those before.
func (w *Weights) scaleUp(n int, factor m31.QM31) {
	f := matrix(factor)
	parallel.Chunks(max(n/combineTile, 1), 1, func(start, end int) {
		tile := min(n, combineTile)
		l := lanes()
		if l == 0 || tile < l {
			for i := start * tile; i < end*tile; i++ {
				setElement(&w.w, n+i, element(&w.w, i).Mul(factor))
			}
			return
		}
		sums := make([]m31.M31, tile)
		add := func(to *uint32, a, b *uint32, x, y uint64) {
			linear(vectorBits, to, a, b, &[3]uint64{2 * x, 2 * y}, tile/l)
		}
		for i := start * tile; i < end*tile; i += tile {
			from := addresses(&w.w, i)
			for q, to := range addresses(&w.w, n+i) {
				row := f[4*q:]
				add(to, from[0], from[1], row[0], row[1])
				add(words(sums, 0), from[2], from[3], row[2], row[3])
				add(to, to, words(sums, 0), 1, 1)
			}
		}
	})
}

// Slice returns the weights of the cells from start to end. Their number is a power of two.
func (w *Weights) Slice(start, end int) *Weights {
	part := new(Weights)
	for q := range part.w {
		part.w[q] = w.w[q][start:end]
	}
	return part
}

// combineTile is the number of cells whose weights are kept in a cache while they are combined with several columns: 64 KiB of weights.
const combineTile = 1 << 11

// Combine returns the values at the point of the polynomials with the values or coefficients columns[i], of which only the first 2^log are read.
func (w *Weights) Combine(columns ...[]m31.M31) []m31.QM31 {
	out := make([]m31.QM31, len(columns))
	size := len(w.w[0])
	parallel.Chunks(len(columns), 1, func(start, end int) {
		if l := lanes(); l == 0 || size < 2*l {
			for k := start; k < end; k++ {
				for i, v := range columns[k][:size] {
					out[k] = out[k].Add(element(&w.w, i).Scale(v))
				}
			}
			return
		}
		sums := make([][32]uint64, end-start)
		tile := min(combineTile, size)
		for i := 0; i < size; i += tile {
			list := addresses(&w.w, i)
			for k := range sums {
				// The cells that come next.
				j, at := start+k+1, i
				if j == end {
					j, at = start, min(i+tile, size-tile)
				}
				dot(vectorBits, &sums[k], &list, words(columns[start+k][:i+tile], i), words(columns[j], at), tile/(2*lanes()))
			}
		}
		for k := range sums {
			out[start+k] = total(&sums[k])
		}
	})
	return out
}

// total returns the element whose coordinates are the sums of the lanes of dot.
func total(sums *[32]uint64) m31.QM31 {
	var c [4]m31.M31
	n := lanes() / 2
	for q := range c {
		for _, v := range sums[q*n : (q+1)*n] {
			c[q] = c[q].Add(m31.New(v))
		}
	}
	return m31.NewQM31(c[0], c[1], c[2], c[3])
}
