package circle

import (
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Columns of elements of the secure field are four columns of coordinates: see m31.QM31.

// matrix returns the matrix of the product with f, on coordinates: coordinate q of v·f is the sum of matrix[4q+r] times coordinate r of v.
func matrix(f m31.QM31) (out [16]uint64) {
	for r := range 4 {
		var basis [4]m31.M31
		basis[r] = 1
		product := m31.NewQM31(basis[0], basis[1], basis[2], basis[3]).Mul(f)
		for q, v := range product.Coordinates() {
			out[4*q+r] = uint64(v)
		}
	}
	return out
}

// lanes returns the number of cells in a register of the kernels, or 0 without kernels.
func lanes() int { return vectorBits / 32 }

// addresses returns the addresses of element i of the columns.
func addresses(columns *[4][]m31.M31, i int) (p [4]*uint32) {
	for q := range columns {
		p[q] = (*uint32)(&columns[q][i])
	}
	return p
}

// element returns element i of the columns.
func element(c *[4][]m31.M31, i int) m31.QM31 { return m31.NewQM31(c[0][i], c[1][i], c[2][i], c[3][i]) }

func setElement(c *[4][]m31.M31, i int, v m31.QM31) {
	for q, x := range v.Coordinates() {
		c[q][i] = x
	}
}

// foldChunk is the least number of results of a fold that are computed together.
const foldChunk = 1 << 10

// FoldCircle sets dst to twice the fold of src, a polynomial f0 + y·f1 on the canonic domain: to 2·(f0 + alpha·f1) on the line domain of half the
// size. Both are in storage order. src is at least four elements long, and dst, half as long, does not overlap it.
func (t *Twiddles) FoldCircle(dst, src [4][]m31.M31, alpha m31.QM31) {
	n, factor := t.size(src[0]), matrix(alpha)
	table := t.inverse[n-2]
	parallel.Chunks(len(dst[0])/2, foldChunk/2, func(start, end int) {
		if l := lanes(); l > 0 && len(dst[0]) >= l {
			// Whole vectors: a range begins at the first vector that begins in it.
			first, last := (2*start+l-1)/l, (2*end+l-1)/l
			if first < last {
				to, from := addresses(&dst, first*l), addresses(&src, 2*first*l)
				foldCircle(vectorBits, &to, &from, (*uint32)(&table[first*l/2]), &factor, last-first)
			}
			return
		}
		for h := start; h < end; h++ {
			a, b := layer0(t.inverse, &t.yInverse, n, h)
			foldPair(&dst, &src, 2*h, a, alpha)
			foldPair(&dst, &src, 2*h+1, b, alpha)
		}
	})
}

// FoldLine sets dst to twice the fold of src, a polynomial f0(π(x)) + x·f1(π(x)) on the line domain: to 2·(f0 + alpha·f1) on the line domain of half
// the size. Both are in storage order. src is at least two elements long, and dst, half as long, does not overlap it.
func (t *Twiddles) FoldLine(dst, src [4][]m31.M31, alpha m31.QM31) {
	factor := matrix(alpha)
	table := t.inverse[logSize(len(dst[0]))]
	parallel.Chunks(len(dst[0]), foldChunk, func(start, end int) {
		if l := lanes(); l > 0 && len(dst[0]) >= l {
			first, last := (start+l-1)/l, (end+l-1)/l
			if first < last {
				to, from := addresses(&dst, first*l), addresses(&src, 2*first*l)
				foldLine(vectorBits, &to, &from, (*uint32)(&table[first*l]), &factor, last-first)
			}
			return
		}
		for i := start; i < end; i++ {
			foldPair(&dst, &src, i, table[i], alpha)
		}
	})
}

// foldPair sets element i of dst to the fold of elements 2i and 2i+1 of src, given the inverse twiddle of this pair.
func foldPair(dst, src *[4][]m31.M31, i int, inverse doubled, alpha m31.QM31) {
	a, b := element(src, 2*i), element(src, 2*i+1)
	setElement(dst, i, a.Add(b).Add(a.Sub(b).Scale(m31.M31(inverse/2)).Mul(alpha)))
}

// sumTile is the number of cells of which AddScaled keeps the sums in a cache: 16 KiB.
const sumTile = 1024

// AddScaled adds the sum of the columns, each times its weight, to dst. All columns have the same length, a power of two.
func AddScaled(dst [4][]m31.M31, columns [][]m31.M31, weights []m31.QM31) {
	size := len(dst[0])
	if l := lanes(); l == 0 || size < l {
		parallel.Chunks(size, foldChunk, func(start, end int) { addScaled(dst, columns, weights, start, end) })
		return
	}
	if len(columns) == 0 {
		return
	}
	tile := min(sumTile, size)
	// Four columns at a time. Those that are missing at the end have the weight 0.
	factors := make([][16]uint64, (len(columns)+3)/4)
	for k := range columns {
		for q, v := range weights[k].Coordinates() {
			factors[k/4][4*(k%4)+q] = uint64(v)
		}
	}
	parallel.Chunks(size/tile, 1, func(start, end int) {
		vectors := tile / lanes()
		sums := make([]uint64, 8*tile/2)
		for i := start * tile; i < end*tile; i += tile {
			clear(sums)
			cells := group(columns, 0, i)
			for g := range factors {
				next := group(columns, g+1, i)
				if g == len(factors)-1 {
					next = group(columns, 0, min(i+tile, size-tile))
				}
				accumulate(vectorBits, &sums[0], &cells, &next, &factors[g], vectors)
				cells = next
			}
			to := addresses(&dst, i)
			addSums(vectorBits, &to, &sums[0], vectors)
		}
	})
}

// group returns the addresses of cell i of columns 4g to 4g+3; the last column stands for those behind it.
func group(columns [][]m31.M31, g, i int) (cells [4]*uint32) {
	for k := range cells {
		cells[k] = words(columns[min(4*g+k, len(columns)-1)], i)
	}
	return cells
}

// addScaled does what AddScaled does, for the cells from start to end and in scalar code.
func addScaled(dst [4][]m31.M31, columns [][]m31.M31, weights []m31.QM31, start, end int) {
	for k, column := range columns {
		for q, w := range weights[k].Coordinates() {
			to, w := dst[q], double(w)
			for i := start; i < end; i++ {
				to[i] = to[i].Add(w.mul(column[i]))
			}
		}
	}
}
