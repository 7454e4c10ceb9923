package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Sums of products are kept in 64-bit lanes: one register for the even and one for the odd 32-bit lanes. Four products and a sum that has been
// folded fit.

// wide is a sum of products.
type wide struct{ even, odd VecVirtual }

// halves returns v and v shifted by a lane, so that the lower words of the 64-bit lanes are the even and the odd elements.
func (m *machine) halves(v VecVirtual) wide {
	odd := m.vec()
	VPSRLQ(Imm(32), v, odd)
	return wide{v, odd}
}

// loadHalves returns the halves of the vector at mem. It reads one word more than that.
func (m *machine) loadHalves(mem Mem) wide { return wide{m.load(mem), m.load(mem.Offset(4))} }

// constant loads the 64-bit word at mem into all lanes.
func (m *machine) constant(mem Mem) VecVirtual {
	v := m.vec()
	VPBROADCASTQ(mem, v)
	return v
}

// timesConstant adds a times the word at mem to the sum, or begins the sum if it has no registers.
func (m *machine) timesConstant(sum *wide, a wide, mem Mem) {
	var k VecVirtual
	if !m.wide {
		k = m.constant(mem)
	}
	for _, h := range []struct {
		a   VecVirtual
		sum *VecVirtual
	}{{a.even, &sum.even}, {a.odd, &sum.odd}} {
		t := m.vec()
		if m.wide {
			VPMULUDQ_BCST(mem, h.a, t)
		} else {
			VPMULUDQ(k, h.a, t)
		}
		if *h.sum == nil {
			*h.sum = t
		} else {
			m.addWords(t, *h.sum)
		}
	}
}

// times adds a·b to the sum, or begins the sum.
func (m *machine) times(sum *wide, a, b wide) {
	for _, h := range []struct {
		a, b VecVirtual
		sum  *VecVirtual
	}{{a.even, b.even, &sum.even}, {a.odd, b.odd, &sum.odd}} {
		t := m.vec()
		VPMULUDQ(h.b, h.a, t)
		if *h.sum == nil {
			*h.sum = t
		} else {
			m.addWords(t, *h.sum)
		}
	}
}

func (m *machine) addWords(v, sum VecVirtual) { VPADDQ(v, sum, sum) }

// mask64 returns p in 64-bit lanes: in a register or, because AVX2 has only 16, in memory.
func (m *machine) mask64() Op {
	if !m.wide {
		return tables["mask64"]
	}
	g, v := GP64(), ZMM()
	MOVQ(U32(p), g)
	VPBROADCASTQ(g, v)
	return v
}

// fold replaces x, in 64-bit lanes, by its low 31 bits plus the others: a value below 2^34 that is congruent, and below p+9 the second time.
func (m *machine) fold(x VecVirtual, mask Op) {
	t := m.vec()
	if m.wide {
		VPANDQ(mask, x, t)
	} else {
		VPAND(mask, x, t)
	}
	VPSRLQ(Imm(31), x, x)
	VPADDQ(t, x, x)
}

// merge returns the vector of the lower words of the halves, in place of the even half.
func (m *machine) merge(x wide) VecVirtual {
	if m.wide {
		VMOVSLDUP(x.odd, m.odds, x.even)
	} else {
		VMOVSLDUP(x.odd, x.odd)
		VPBLENDD(Imm(0xaa), x.odd, x.even, x.even)
	}
	return x.even
}

// narrow returns the sum modulo p. It overwrites the sum.
func (m *machine) narrow(x wide, mask Op) VecVirtual {
	for _, h := range []VecVirtual{x.even, x.odd} {
		m.fold(h, mask)
		m.fold(h, mask)
	}
	return m.reduce(m.merge(x))
}

// accumulate emits the kernel that adds four columns, times elements of the secure field, to sums.
func (m *machine) accumulate() {
	TEXT("accumulate"+m.suffix(), NOSPLIT, "func(sums *uint64, cells, next *[4]*uint32, weights *[16]uint64, vectors int)")
	Pragma("noescape")
	Doc("accumulate" + m.suffix() + " adds the sum over k of weights[4k+q]·cells[k] to sums, folded. The sums of a vector are eight registers: for each coordinate q the even and the odd lanes. It fetches as many cells at next into the cache.")
	sums, list, weights, n := param("sums"), param("cells"), param("weights"), param("vectors")
	next := pointers(param("next"), 4)
	var cells [4]Register
	for k := range cells {
		cells[k] = GP64()
		MOVQ(Mem{Base: list, Disp: 8 * k}, cells[k])
	}
	mask := m.mask64()
	index := GP64()
	XORQ(index, index)
	Label("loop")
	var v [4]wide
	for k := range v {
		PREFETCHT0(Mem{Base: next[k], Index: index, Scale: 1})
		v[k] = m.halves(m.load(Mem{Base: cells[k], Index: index, Scale: 1}))
	}
	for q := range 4 {
		at := Mem{Base: sums, Disp: 2 * q * m.bytes()}
		s := wide{m.load(at), m.load(at.Offset(m.bytes()))}
		for k := range v {
			m.timesConstant(&s, v[k], Mem{Base: weights, Disp: 8 * (4*k + q)})
		}
		for h, x := range []VecVirtual{s.even, s.odd} {
			m.fold(x, mask)
			m.store(x, at.Offset(h*m.bytes()))
		}
	}
	ADDQ(U32(8*m.bytes()), sums)
	ADDQ(U32(m.bytes()), index)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// addSums emits the kernel that adds sums of accumulate to columns.
func (m *machine) addSums() {
	TEXT("addSums"+m.suffix(), NOSPLIT, "func(dst *[4]*uint32, sums *uint64, vectors int)")
	Pragma("noescape")
	Doc("addSums" + m.suffix() + " adds sums of accumulate" + m.suffix() + ", modulo p, to the columns of dst.")
	list, sums, n := param("dst"), param("sums"), param("vectors")
	var dst [4]Register
	for k := range dst {
		dst[k] = GP64()
		MOVQ(Mem{Base: list, Disp: 8 * k}, dst[k])
	}
	m.setup(false, false)
	mask := m.mask64()
	index := GP64()
	XORQ(index, index)
	Label("loop")
	for q := range 4 {
		at := Mem{Base: sums, Disp: 2 * q * m.bytes()}
		s := wide{m.load(at), m.load(at.Offset(m.bytes()))}
		to := Mem{Base: dst[q], Index: index, Scale: 1}
		m.store(m.add(m.load(to), m.narrow(s, mask)), to)
	}
	ADDQ(U32(8*m.bytes()), sums)
	ADDQ(U32(m.bytes()), index)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// dot emits the kernel of the inner product of a column with elements of the secure field.
func (m *machine) dot() {
	TEXT("dot"+m.suffix(), NOSPLIT, "func(sums *[32]uint64, weights *[4]*uint32, cells, next *uint32, pairs int)")
	Pragma("noescape")
	Doc("dot" + m.suffix() + " adds products of cells and weights to the sums, folded: those of coordinate q to the lanes of register q. It reads pairs of vectors, and a word behind the weights. It fetches as many cells at next into the cache.")
	sums, list, cells, next, n := param("sums"), param("weights"), param("cells"), param("next"), param("pairs")
	var weights [4]Register
	for k := range weights {
		weights[k] = GP64()
		MOVQ(Mem{Base: list, Disp: 8 * k}, weights[k])
	}
	mask := m.mask64()
	index := GP64()
	XORQ(index, index)
	var acc [4]VecVirtual
	for q := range acc {
		acc[q] = m.load(Mem{Base: sums, Disp: q * m.bytes()})
	}
	Label("loop")
	for k := 0; k < 2*m.bytes(); k += 64 {
		PREFETCHT0(Mem{Base: next, Index: index, Scale: 1, Disp: k})
	}
	for k := range 2 {
		v := m.halves(m.load(Mem{Base: cells, Index: index, Scale: 1, Disp: k * m.bytes()}))
		for q := range acc {
			w := Mem{Base: weights[q], Index: index, Scale: 1, Disp: k * m.bytes()}
			for h, half := range []VecVirtual{v.even, v.odd} {
				t := m.vec()
				VPMULUDQ(w.Offset(4*h), half, t)
				VPADDQ(t, acc[q], acc[q])
			}
		}
	}
	for q := range acc {
		m.fold(acc[q], mask)
	}
	ADDQ(U32(2*m.bytes()), index)
	DECQ(n)
	JNZ(LabelRef("loop"))
	for q := range acc {
		m.store(acc[q], Mem{Base: sums, Disp: q * m.bytes()})
	}
	VZEROUPPER()
	RET()
}

// timesMatrix returns the vectors Σ matrix[4q+r]·v[r]: the product of an element of the secure field, by coordinates, with a constant.
func (m *machine) timesMatrix(v [4]VecVirtual, matrix Register, mask Op) (out [4]VecVirtual) {
	var h [4]wide
	for r := range v {
		h[r] = m.halves(v[r])
	}
	for q := range out {
		var s wide
		for r := range h {
			m.timesConstant(&s, h[r], Mem{Base: matrix, Disp: 8 * (4*q + r)})
		}
		out[q] = m.narrow(s, mask)
	}
	return out
}

// pointers loads the n addresses of the list.
func pointers(list Register, n int) []Register {
	out := make([]Register, n)
	for k := range out {
		out[k] = GP64()
		MOVQ(Mem{Base: list, Disp: 8 * k}, out[k])
	}
	return out
}

// pairTwiddles returns the inverse twiddles of consecutive pairs: those at mem, or those of layer 0 that follow from half as many at mem.
func (m *machine) pairTwiddles(mem Mem, circle bool) twiddle {
	if circle {
		return m.layer0(mem)
	}
	return twiddle{even: m.load(mem), odd: m.load(mem.Offset(4))}
}

func (m *machine) domainName(circle bool) string {
	if circle {
		return "Circle" + m.suffix()
	}
	return "Line" + m.suffix()
}

// foldPairs emits the kernel of FRI's folds.
func (m *machine) foldPairs(circle bool) {
	name := "fold" + m.domainName(circle)
	TEXT(name, NOSPLIT, "func(dst, src *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int)")
	Pragma("noescape")
	Doc(name + " sets dst to (a+b) + α·(a-b)·t for the pairs (a, b) of src, with the inverse twiddles t, where matrix is that of α.")
	dst, src := pointers(param("dst"), 4), pointers(param("src"), 4)
	inverse, matrix, n := param("inverse"), param("matrix"), param("vectors")
	m.setup(true, true)
	mask := m.mask64()
	step := m.bytes()
	if circle {
		step /= 2
	}
	Label("loop")
	t := m.pairTwiddles(Mem{Base: inverse}, circle)
	var sum, d [4]VecVirtual
	for q := range d {
		a, b := m.deinterleave(m.load(Mem{Base: src[q]}), m.load(Mem{Base: src[q], Disp: m.bytes()}))
		sum[q], d[q] = m.interpolate(a, b, t)
		if !m.wide {
			m.store(sum[q], Mem{Base: dst[q]})
		}
		ADDQ(U32(2*m.bytes()), src[q])
	}
	for q, v := range m.timesMatrix(d, matrix, mask) {
		if !m.wide {
			sum[q] = m.load(Mem{Base: dst[q]})
		}
		m.store(m.add(sum[q], v), Mem{Base: dst[q]})
		ADDQ(U32(m.bytes()), dst[q])
	}
	ADDQ(U32(step), inverse)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// splitWeights emits the kernel that makes the weights of one more layer, from the last vector to the first.
func (m *machine) splitWeights(circle bool) {
	name := "split" + m.domainName(circle)
	TEXT(name, NOSPLIT, "func(weights *[4]*uint32, inverse *uint32, matrix *[16]uint64, vectors int)")
	Pragma("noescape")
	Doc(name + " replaces the weights w by the pairs (w + w·f·t, w - w·f·t), with the inverse twiddles t, where matrix is that of f.")
	src := pointers(param("weights"), 4)
	inverse, matrix, n := param("inverse"), param("matrix"), param("vectors")
	m.setup(true, false)
	mask := m.mask64()
	step := m.bytes()
	if circle {
		step /= 2
	}
	// index is the offset of the vector, from the last to 0.
	index := GP64()
	MOVQ(n, index)
	DECQ(index)
	IMUL3Q(U32(step), index, n)
	ADDQ(n, inverse)
	IMUL3Q(U32(m.bytes()), index, index)
	Label("loop")
	var w [4]VecVirtual
	for q := range w {
		w[q] = m.load(Mem{Base: src[q], Index: index, Scale: 1})
	}
	w = m.timesMatrix(w, matrix, mask)
	t := m.pairTwiddles(Mem{Base: inverse}, circle)
	for q, v := range w {
		d := m.mul(v, t)
		// The last vector that is read is the first that is written over, after all have been read.
		from := m.load(Mem{Base: src[q], Index: index, Scale: 1})
		a, b := m.interleave(m.add(from, d), m.sub(from, d))
		to := Mem{Base: src[q], Index: index, Scale: 2}
		m.store(a, to)
		m.store(b, to.Offset(m.bytes()))
	}
	SUBQ(U32(step), inverse)
	SUBQ(U32(m.bytes()), index)
	JNC(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("!purego")
	sequence := func(n int, f func(i int) uint32) (w []uint32) {
		for i := range n {
			w = append(w, f(i))
		}
		return w
	}
	table("evenLanes", sequence(16, func(i int) uint32 { return uint32(2 * i) })...)
	table("oddLanes", sequence(16, func(i int) uint32 { return uint32(2*i + 1) })...)
	table("firstLanes", sequence(16, func(i int) uint32 { return uint32(i/2 + i%2*16) })...)
	table("secondLanes", sequence(16, func(i int) uint32 { return uint32(i/2 + i%2*16 + 8) })...)
	table("spread", sequence(16, func(i int) uint32 { return uint32(i/2 ^ 1) })...)
	table("mask64", sequence(8, func(i int) uint32 { return p * uint32(1-i%2) })...)
	table("twice", sequence(8, func(int) uint32 { return 2 * p })...)
	for _, m := range []*machine{{wide: true, lanesLog: 4}, {lanesLog: 3}} {
		most := 3
		if m.wide {
			most = 4
		}
		for _, interpolation := range []bool{true, false} {
			m.low(interpolation)
			for r := 1; r <= most; r++ {
				m.high(interpolation, r)
			}
		}
		m.accumulate()
		m.addSums()
		m.dot()
		m.linear()
		m.norms()
		m.invert()
		m.quotients()
		for _, circle := range []bool{true, false} {
			m.foldPairs(circle)
			m.splitWeights(circle)
		}
	}
	Generate()
}
