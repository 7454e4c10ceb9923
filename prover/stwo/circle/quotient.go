package circle

import (
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Quotient is the part of the DEEP sum that belongs to a point Q over the secure field. At a point d of the domain it is
//
//	(Numerator(d) - A·d.y - B) / line(d)
//
// where line is the line through Q and its conjugate over CM31: line(d) = (Re Q.x - d.x)·Im Q.y - (Re Q.y - d.y)·Im Q.x, in CM31.
type Quotient struct {
	Point     Point[m31.QM31]
	Numerator [4][]m31.M31 // by coordinates, on a canonic domain of at most the sum's size, to which it is lifted
	A, B      m31.QM31
}

// line returns the constant of the line's value, and the factors of d.x and d.y.
func (q *Quotient) line() (k, x, y m31.CM31) {
	p := q.Point
	return p.X.A.Mul(p.Y.B).Sub(p.Y.A.Mul(p.X.B)), p.Y.B.Neg(), p.X.B
}

// The DEEP sum is computed in blocks of cells, of which all denominators are inverted together.
const (
	quotientLog  = 8
	quotientSize = 1 << quotientLog
)

// AddQuotients adds the quotients to dst, by coordinates, on the canonic domain of size 2^log. It reports whether all denominators are
// different from 0; if not, some results are wrong.
func AddQuotients(dst [4][]m31.M31, log int, quotients []Quotient) bool {
	if lanes() == 0 || log < quotientLog {
		return addQuotients(dst, log, quotients)
	}
	points := newBlockPoints(log)
	blocks := 1 << (log - quotientLog)
	zero := make([]bool, blocks)
	parallel.Chunks(blocks, 1, func(start, end int) {
		w := newQuotientWork(len(quotients))
		for block := start; block < end; block++ {
			zero[block] = !w.add(dst, block<<quotientLog, log, quotients, points)
		}
	})
	return !slices.Contains(zero, true)
}

// blockPoints makes the points of the cells of a block: the point of the first cell plus points that are the same for all blocks, and the
// conjugates of these sums.
type blockPoints struct {
	log        int
	x, y       []m31.M31 // the added point of each cell's pair
	conjX, neg []m31.M31 // the same, negated for the second cell of a pair
}

func newBlockPoints(log int) *blockPoints {
	p := &blockPoints{log: log}
	step := halfOdds(log - 1).Step()
	for h := range quotientSize / 2 {
		d := (step * Index(bitReverse(h, log-1))).Point()
		p.x, p.y = append(p.x, d.X, d.X), append(p.y, d.Y, d.Y)
		p.conjX, p.neg = append(p.conjX, d.X, d.X.Neg()), append(p.neg, d.Y, d.Y.Neg())
	}
	return p
}

// quotientWork is the memory of a worker.
type quotientWork struct {
	x, y      []m31.M31
	a, b      []m31.M31    // the lines' values, by quotient and cell
	inverse   []m31.M31    // the inverses of their norms
	scratch   []m31.M31    // of the inversion
	numerator [][4]lifting // by quotient
}

// lifting is a part of a lifted column.
type lifting struct {
	cells []m31.M31
	first int // the cell of the column from which all cells were lifted, or -1
}

func newQuotientWork(n int) *quotientWork {
	w := &quotientWork{x: make([]m31.M31, quotientSize), y: make([]m31.M31, quotientSize), numerator: make([][4]lifting, n)}
	for _, v := range []*[]m31.M31{&w.a, &w.b, &w.inverse, &w.scratch} {
		*v = make([]m31.M31, n*quotientSize)
	}
	for i := range w.numerator {
		for c := range w.numerator[i] {
			w.numerator[i][c] = lifting{first: -1}
		}
	}
	return w
}

// lift returns the cells from first on of column, which is lifted by k.
func (l *lifting) lift(column []m31.M31, first, k int) *m31.M31 {
	if k == 0 {
		return &column[first : first+quotientSize][0]
	}
	if l.cells == nil {
		l.cells = make([]m31.M31, quotientSize)
	}
	from, run := LiftedCell(first, k), min(2<<k, quotientSize)
	if run == quotientSize && l.first == from {
		return &l.cells[0]
	}
	l.first = from
	for i := 0; i < quotientSize; i += run {
		a, b := column[from], column[from+1]
		to := l.cells[i : i+run]
		to[0], to[1] = a, b
		for n := 2; n < run; n *= 2 {
			copy(to[n:], to[:n])
		}
		from += 2
	}
	return &l.cells[0]
}

// words returns the address of v[i] as the kernels take it.
func words(v []m31.M31, i int) *uint32 { return (*uint32)(&v[i]) }

// add adds the quotients of the block from cell first on to dst. It reports whether the denominators are different from 0.
func (w *quotientWork) add(dst [4][]m31.M31, first, log int, quotients []Quotient, p *blockPoints) bool {
	vectors := quotientSize / lanes()
	base := CellPoint(first, log)
	twice := func(a m31.M31) uint64 { return uint64(double(a)) }
	linear(vectorBits, words(w.x, 0), words(p.x, 0), words(p.y, 0), &[3]uint64{twice(base.X), twice(base.Y.Neg())}, vectors)
	linear(vectorBits, words(w.y, 0), words(p.neg, 0), words(p.conjX, 0), &[3]uint64{twice(base.X), twice(base.Y)}, vectors)
	for i := range quotients {
		k, x, y := quotients[i].line()
		at := i * quotientSize
		linear(vectorBits, words(w.a, at), words(w.x, 0), words(w.y, 0), &[3]uint64{twice(x.A), twice(y.A), twice(k.A)}, vectors)
		linear(vectorBits, words(w.b, at), words(w.x, 0), words(w.y, 0), &[3]uint64{twice(x.B), twice(y.B), twice(k.B)}, vectors)
		norms(vectorBits, words(w.inverse, at), words(w.a, at), words(w.b, at), vectors)
	}
	invert(vectorBits, words(w.inverse, 0), words(w.scratch, 0), len(quotients)*vectors/4)
	to := addresses(&dst, first)
	for i := range quotients {
		q := &quotients[i]
		var k [8]uint64
		minusA, minusB := q.A.Neg().Coordinates(), q.B.Neg().Coordinates()
		var from [4]*uint32
		for c := range from {
			k[c], k[4+c] = twice(minusA[c]), twice(minusB[c])
			from[c] = (*uint32)(w.numerator[i][c].lift(q.Numerator[c], first, log-logSize(len(q.Numerator[c]))))
		}
		at := i * quotientSize
		quotientSums(vectorBits, &to, &from, words(w.y, 0), words(w.a, at), words(w.b, at), words(w.inverse, at), &k, vectors)
	}
	// An element that is 0 makes the inverses of a whole chain 0, and each chain has its first vector among the first four.
	return !slices.Contains(w.inverse[:min(4*lanes(), len(w.inverse))], 0)
}

// addQuotients does what AddQuotients does, in scalar code.
func addQuotients(dst [4][]m31.M31, log int, quotients []Quotient) bool {
	size := 1 << log
	block := min(size, quotientSize)
	zero := make([]bool, size/block)
	parallel.Chunks(len(zero), 1, func(start, end int) {
		lines, products := make([]m31.CM31, block*len(quotients)), make([]m31.CM31, block*len(quotients))
		for number := start; number < end; number++ {
			first := number * block
			product := m31.CM31{A: 1}
			for j := range block {
				d := CellPoint(first+j, log)
				for i := range quotients {
					k, x, y := quotients[i].line()
					at := j*len(quotients) + i
					lines[at], products[at] = k.Add(x.Scale(d.X)).Add(y.Scale(d.Y)), product
					product = product.Mul(lines[at])
				}
			}
			zero[number] = product == m31.CM31{}
			inverse := product.Inverse()
			for j := block - 1; j >= 0; j-- {
				y := CellPoint(first+j, log).Y
				sum := element(&dst, first+j)
				for i := len(quotients) - 1; i >= 0; i-- {
					q, at := &quotients[i], j*len(quotients)+i
					v := element(&q.Numerator, LiftedCell(first+j, log-logSize(len(q.Numerator[0]))))
					sum = sum.Add(v.Sub(q.A.Scale(y)).Sub(q.B).ScaleCM31(inverse.Mul(products[at])))
					inverse = inverse.Mul(lines[at])
				}
				setElement(&dst, first+j, sum)
			}
		}
	})
	return !slices.Contains(zero, true)
}
