package circle

import (
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Interpolate replaces the values of a polynomial on the canonic domain of size len(v), in storage order, by its coefficients. Bit 0 of a
// coefficient's index stands for the factor y, bit 1 for x, bit k for π applied k-1 times to x. The length is a power of two, at least 2 and at
// most that of the twiddles.
func (t *Twiddles) Interpolate(v []m31.M31) { t.interpolate(v, v) }

// Evaluate sets dst to the values of the polynomial with the given coefficients on the canonic domain of size len(dst), in storage order. Both
// lengths are powers of two, that of dst is at least 2, at least that of coefficients, and at most that of the twiddles. dst may begin with
// coefficients but must not overlap it otherwise.
func (t *Twiddles) Evaluate(dst, coefficients []m31.M31) {
	n, m := t.size(dst), logSize(len(coefficients))
	// The layers above m have only zeros to add, so they copy. Block 0 comes last because it may be the coefficients.
	for c := 1<<(n-m) - 1; c >= 0; c-- {
		t.evaluatePart(dst[c<<m:][:1<<m], coefficients, n, m, c)
	}
}

// Extend sets dst to the values on the canonic domain of size len(dst) of the polynomial with the given values on that of size len(values). It
// leaves values as they are. dst is at least as long as values and does not overlap it.
func (t *Twiddles) Extend(dst, values []m31.M31) {
	t.size(dst)
	m := logSize(len(values))
	if bits := kernelBits(m); bits > 0 && m > lowLog(bits) {
		t.extendBlocks(bits, dst, values)
		return
	}
	coefficients := dst[:len(values)]
	t.interpolate(coefficients, values)
	t.Evaluate(dst, coefficients)
}

// ExtendAll extends values[i] to dst[i], for every i. The columns may differ in size.
func (t *Twiddles) ExtendAll(dst, values [][]m31.M31) {
	parallel.Each(len(dst), func(i int) { t.Extend(dst[i], values[i]) })
}

// size returns log2 of the length of v, the values of a transform.
func (t *Twiddles) size(v []m31.M31) int {
	n := logSize(len(v))
	if n < 1 || n > t.log {
		panic("circle: no twiddles for a transform of this size")
	}
	return n
}

// interpolate sets dst to the coefficients of the polynomial with the values src. dst is src or does not overlap it.
func (t *Twiddles) interpolate(dst, src []m31.M31) {
	n := t.size(src)
	if bits := kernelBits(n); bits > 0 {
		t.interpolateBlock(bits, dst[:len(src)], src, n, n, 0, n)
		return
	}
	copy(dst, src)
	t.interpolateScalar(dst, n)
}

// InterpolatePrefix sets dst to the coefficients of the polynomial whose values on the canonic domain of size 2^n begin with src, in storage order.
// There are as many coefficients as values: the first cells of a domain are one of smaller size, if not a canonic one. dst is src or does not
// overlap it.
func (t *Twiddles) InterpolatePrefix(dst, src []m31.M31, n int) {
	m := t.size(src)
	if bits := kernelBits(m); bits > 0 {
		t.interpolateBlock(bits, dst[:len(src)], src, n, m, 0, m)
		return
	}
	copy(dst, src)
	t.interpolateScalar(dst, n)
}

// EvaluateBlock sets dst to block c of len(dst) cells of the values that Evaluate computes on the canonic domain of size 2^n. Both lengths are powers of
// two, that of dst is at least 2 and at most that of coefficients. dst is coefficients, if their lengths are equal, or does not overlap it.
func (t *Twiddles) EvaluateBlock(dst, coefficients []m31.M31, n, c int) {
	s := t.size(dst)
	if s == logSize(len(coefficients)) {
		t.evaluatePart(dst, coefficients, n, s, c)
		return
	}
	t.foldBlock(dst, coefficients, n, c)
	t.evaluatePart(dst, dst, n, s, c)
}

// foldTile is the number of cells that foldBlock keeps in a cache while it adds up to them: 16 KiB.
const foldTile = 1 << 12

// foldBlock runs the highest layers of an evaluation of size 2^n, as far as block c of len(dst) cells needs them. A layer adds the upper half of a block's
// coefficients, times a factor, to the lower half; so cell i of dst is the sum of the cells i modulo len(dst), each times a product of factors.
func (t *Twiddles) foldBlock(dst, coefficients []m31.M31, n, c int) {
	s, m := logSize(len(dst)), logSize(len(coefficients))
	factors := []m31.M31{1}
	for k := s; k < m; k++ {
		w := m31.M31(t.x[n-1-k][c>>(k+1-s)] / 2)
		if c>>(k-s)&1 == 1 {
			w = w.Neg()
		}
		for _, f := range factors {
			factors = append(factors, f.Mul(w))
		}
	}
	if l := lanes(); l > 0 && len(dst) >= l {
		tile := min(foldTile, len(dst))
		for i := 0; i < len(dst); i += tile {
			to, first := words(dst, i), words(coefficients, i)
			for j, f := range factors[1:] {
				linear(vectorBits, to, first, words(coefficients, (j+1)<<s+i), &[3]uint64{uint64(double(1)), uint64(double(f))}, tile/l)
				first = to
			}
		}
		return
	}
	copy(dst, coefficients)
	for j, f := range factors[1:] {
		w := double(f)
		for i, v := range coefficients[(j+1)<<s:][:len(dst)] {
			dst[i] = dst[i].Add(w.mul(v))
		}
	}
}

// EvaluateCells sets the given cells of dst, which ascend, to what Evaluate sets them to. The other cells are undefined. dst does not overlap coefficients.
func (t *Twiddles) EvaluateCells(dst, coefficients []m31.M31, cells []int) {
	n, m := t.size(dst), logSize(len(coefficients))
	for c := range 1 << (n - m) {
		needed := within(cells, c<<m, 1<<m)
		if len(needed) == 0 {
			continue
		}
		if bits := kernelBits(m); bits > 0 {
			t.evaluateBlock(bits, dst[c<<m:][:1<<m], coefficients, n, m, c, needed)
			continue
		}
		t.evaluatePart(dst[c<<m:][:1<<m], coefficients, n, m, c)
	}
}

// within returns those of the ascending cells that are among the n cells from first on.
func within(cells []int, first, n int) []int {
	start, _ := slices.BinarySearch(cells, first)
	end, _ := slices.BinarySearch(cells, first+n)
	return cells[start:end]
}

// evaluatePart sets dst to block c of 2^m cells of an evaluation of size 2^n of 2^m coefficients. dst is coefficients or does not overlap it.
func (t *Twiddles) evaluatePart(dst, coefficients []m31.M31, n, m, c int) {
	if bits := kernelBits(m); bits > 0 {
		t.evaluateBlock(bits, dst, coefficients, n, m, c, nil)
		return
	}
	copy(dst, coefficients)
	t.evaluateScalar(dst, n, m, c)
}

// The kernels run the layers in passes. The low pass runs the layers of blocks of 2^lowLog cells in registers. A high pass runs up to highLog
// further layers on the rows of a block. A block is transformed as a whole before the next one, so that passes over a block that fits in a
// cache find it there.

// kernelBits returns the width of the kernels for a transform of size 2^m, or 0 if scalar code handles it.
func kernelBits(m int) int {
	switch {
	case vectorBits >= 512 && m >= lowLog(512):
		return 512
	case vectorBits >= 256 && m >= lowLog(256):
		return 256
	}
	return 0
}

func lowLog(bits int) int {
	if bits == 512 {
		return 8
	}
	return 6
}

func highLog(bits int) int {
	if bits == 512 {
		return 4
	}
	return 3
}

// passLog returns the number of layers of the highest pass on a block of 2^m cells, m > lowLog. The passes below it are full.
func passLog(bits, m int) int {
	most := highLog(bits)
	return (m-lowLog(bits)-1)%most + 1
}

// lowTables returns the twiddles of layers 1 and above of block c of 2^m cells of a transform of size 2^n.
func lowTables(table [][]doubled, bits, n, m, c int) (p [8]*uint32) {
	for k := 1; k < lowLog(bits); k++ {
		p[k] = (*uint32)(&table[n-1-k][c<<(m-1-k)])
	}
	return p
}

// highTables returns the twiddles of layers m-r to m-1 of block c of 2^m cells of a transform of size 2^n.
func highTables(table [][]doubled, r, n, m, c int) (p [4]*uint32) {
	for j := range r {
		p[j] = (*uint32)(&table[n-1-(m-r+j)][c<<(r-1-j)])
	}
	return p
}

// interpolateBlock runs layers 0 to m-1 of an interpolation of size 2^n on block c of 2^m cells, from src to dst, and divides by 2^shift.
func (t *Twiddles) interpolateBlock(bits int, dst, src []m31.M31, n, m, c, shift int) {
	if m == lowLog(bits) {
		tables := lowTables(t.inverse, bits, n, m, c)
		interpolateLow(bits, words(dst, 0), words(src, 0), 1, &tables, shift)
		return
	}
	r := passLog(bits, m)
	t.interpolateRows(bits, dst, src, n, m, c, r)
	tables := highTables(t.inverse, r, n, m, c)
	stride := 4 << (m - r)
	interpolateHigh(bits, r, words(dst, 0), stride, stride/(bits/8), 1, &tables, shift)
}

// interpolateRows runs all layers of interpolateBlock but the last r: those of each of the block's 2^r rows.
func (t *Twiddles) interpolateRows(bits int, dst, src []m31.M31, n, m, c, r int) {
	s := m - r
	if s == lowLog(bits) {
		tables := lowTables(t.inverse, bits, n, m, c)
		interpolateLow(bits, words(dst, 0), words(src, 0), 1<<r, &tables, 0)
		return
	}
	for i := range 1 << r {
		t.interpolateBlock(bits, dst[i<<s:][:1<<s], src[i<<s:][:1<<s], n, s, c<<r+i, 0)
	}
}

// evaluateBlock runs layers m-1 to 0 of an evaluation of size 2^n on block c of 2^m cells, from src to dst. If cells is not nil, it does so for these
// cells of the whole column only, which ascend.
func (t *Twiddles) evaluateBlock(bits int, dst, src []m31.M31, n, m, c int, cells []int) {
	if m == lowLog(bits) {
		tables := lowTables(t.x, bits, n, m, c)
		evaluateLow(bits, words(dst, 0), words(src, 0), 1, &tables)
		return
	}
	r := passLog(bits, m)
	tables := highTables(t.x, r, n, m, c)
	stride := 4 << (m - r)
	evaluateHigh(bits, r, words(dst, 0), words(src, 0), stride, stride/(bits/8), 1, &tables)
	t.evaluateRows(bits, dst, n, m, c, r, cells)
}

// evaluateRows runs all layers of evaluateBlock but the first r, in place.
func (t *Twiddles) evaluateRows(bits int, v []m31.M31, n, m, c, r int, cells []int) {
	s := m - r
	if s == lowLog(bits) && cells == nil {
		tables := lowTables(t.x, bits, n, m, c)
		evaluateLow(bits, words(v, 0), words(v, 0), 1<<r, &tables)
		return
	}
	for i := range 1 << r {
		var needed []int
		if cells != nil {
			if needed = within(cells, (c<<r+i)<<s, 1<<s); len(needed) == 0 {
				continue
			}
		}
		row := v[i<<s:][:1<<s]
		t.evaluateBlock(bits, row, row, n, s, c<<r+i, needed)
	}
}

// extendTile is the number of cells of a row that go through the last pass of an interpolation and the first passes of evaluations together, so that
// these passes find them in a cache.
const extendTile = 1 << 10

// extendBlocks does what Extend does for columns of which a high pass interpolates the last layers. The coefficients are in the place of block 0, which
// comes last.
func (t *Twiddles) extendBlocks(bits int, dst, values []m31.M31) {
	n, m := logSize(len(dst)), logSize(len(values))
	coefficients := dst[:len(values)]
	r := passLog(bits, m)
	row := 1 << (m - r)
	tile := min(extendTile, row)
	t.interpolateRows(bits, coefficients, values, m, m, 0, r)
	inverse := highTables(t.inverse, r, m, m, 0)
	for i := 0; i < row; i += tile {
		interpolateHigh(bits, r, words(coefficients, i), 4*row, 32*tile/bits, 1, &inverse, m)
		for c := 1<<(n-m) - 1; c >= 0; c-- {
			tables := highTables(t.x, r, n, m, c)
			evaluateHigh(bits, r, words(dst, c<<m+i), words(coefficients, i), 4*row, 32*tile/bits, 1, &tables)
		}
	}
	for c := 1<<(n-m) - 1; c >= 0; c-- {
		t.evaluateRows(bits, dst[c<<m:][:1<<m], n, m, c, r, nil)
	}
}

// interpolateScalar interpolates v, the first cells of a column of 2^n, in place.
func (t *Twiddles) interpolateScalar(v []m31.M31, n int) {
	m := logSize(len(v))
	for h := range len(v) / 2 {
		w := t.yInverse[1]
		if n > 1 {
			a, b := layer0(t.inverse, &t.yInverse, n, h/2)
			w = a
			if h&1 == 1 {
				w = b
			}
		}
		v[2*h], v[2*h+1] = v[2*h].Add(v[2*h+1]), w.mul(v[2*h].Sub(v[2*h+1]))
	}
	for k := 1; k < m; k++ {
		for h, w := range t.inverse[n-1-k][:1<<(m-1-k)] {
			lo := v[h<<(k+1):][:1<<k]
			hi := v[h<<(k+1)+1<<k:][:1<<k]
			for i, a := range lo {
				b := hi[i]
				lo[i], hi[i] = a.Add(b), w.mul(a.Sub(b))
			}
		}
	}
	scale := double(m31.M31(1 << m % m31.P).Inverse())
	for i := range v {
		v[i] = scale.mul(v[i])
	}
}

// evaluateScalar runs layers m-1 to 0 of an evaluation of size 2^n on v, block c of 2^m cells, in place.
func (t *Twiddles) evaluateScalar(v []m31.M31, n, m, c int) {
	if m == 0 {
		return
	}
	for k := m - 1; k >= 1; k-- {
		for h, w := range t.x[n-1-k][c<<(m-1-k) : (c+1)<<(m-1-k)] {
			lo := v[h<<(k+1):][:1<<k]
			hi := v[h<<(k+1)+1<<k:][:1<<k]
			for i, a := range lo {
				b := w.mul(hi[i])
				lo[i], hi[i] = a.Add(b), a.Sub(b)
			}
		}
	}
	for h := range len(v) / 2 {
		w := t.y[1]
		if n > 1 {
			block := c<<(m-1) + h
			a, b := layer0(t.x, &t.y, n, block/2)
			w = a
			if block&1 == 1 {
				w = b
			}
		}
		b := w.mul(v[2*h+1])
		v[2*h], v[2*h+1] = v[2*h].Add(b), v[2*h].Sub(b)
	}
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
		x = doubleX(x)
	}
	return v[0]
}
