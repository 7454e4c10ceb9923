// Command _asm generates ../kernels_amd64.s: the instructions of compiled programs and the LogUp terms on blocks of rows, for AVX-512 (16 lanes)
// and AVX2 (8 lanes).
//
//	go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg air
//
// Elements are canonical in memory and in registers. Sums of products are accumulated in 64 bits, in one register for the even lanes of the
// factors and one for the odd ones; a product is below 2^62, and a folded accumulator below 2^34. The number of rows is a multiple of 32.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const p = 1<<31 - 1

// machine emits vector code for one instruction set.
type machine struct {
	wide     bool // AVX-512
	p        VecVirtual
	low      VecVirtual // p in 64-bit lanes
	odds     Register   // mask of the odd lanes (AVX-512)
	evenMask Register   // mask of the even lanes (AVX-512)
	labels   int
}

func (m *machine) bytes() int {
	if m.wide {
		return 64
	}
	return 32
}

func (m *machine) suffix() string { return fmt.Sprint(8 * m.bytes()) }

func (m *machine) vec() VecVirtual {
	if m.wide {
		return ZMM()
	}
	return YMM()
}

func (m *machine) label(name string) string {
	m.labels++
	return fmt.Sprintf("%s_%d", name, m.labels)
}

func (m *machine) load(mem Mem) VecVirtual {
	v := m.vec()
	m.loadTo(mem, v)
	return v
}

func (m *machine) loadTo(mem Mem, v VecVirtual) {
	if m.wide {
		VMOVDQU32(mem, v)
	} else {
		VMOVDQU(mem, v)
	}
}

func (m *machine) store(v VecVirtual, mem Mem) {
	if m.wide {
		VMOVDQU32(v, mem)
	} else {
		VMOVDQU(v, mem)
	}
}

func (m *machine) zero() VecVirtual {
	v := m.vec()
	m.clear(v)
	return v
}

func (m *machine) clear(v VecVirtual) {
	if m.wide {
		VPXORD(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
}

func (m *machine) and(a Op, b, d VecVirtual) {
	if m.wide {
		VPANDD(a, b, d)
	} else {
		VPAND(a, b, d)
	}
}

// broadcast returns a 32-bit word of memory in all lanes, and broadcast64 a 64-bit word.
func (m *machine) broadcast(mem Mem) VecVirtual {
	v := m.vec()
	VPBROADCASTD(mem, v)
	return v
}

func (m *machine) broadcast64(mem Mem) VecVirtual {
	v := m.vec()
	VPBROADCASTQ(mem, v)
	return v
}

// broadcastWord returns a word of 32 bits in all lanes of 64 bits.
func (m *machine) broadcastWord(mem Mem) VecVirtual {
	g, v := GP32(), m.vec()
	MOVL(mem, g)
	if m.wide {
		VPBROADCASTQ(g.As64(), v)
	} else {
		x := XMM()
		MOVQ(g.As64(), x)
		VPBROADCASTQ(x, v)
	}
	return v
}

// copy returns a copy of v.
func (m *machine) copy(v VecVirtual) VecVirtual {
	r := m.vec()
	m.move(v, r)
	return r
}

func (m *machine) move(v, d VecVirtual) {
	if m.wide {
		VMOVDQA32(v, d)
	} else {
		VMOVDQA(v, d)
	}
}

// broadcastParam returns a parameter of 32 bits in all lanes.
func (m *machine) broadcastParam(name string) VecVirtual {
	g, v := GP32(), m.vec()
	Load(Param(name), g)
	if m.wide {
		VPBROADCASTD(g, v)
	} else {
		x := XMM()
		VMOVD(g, x)
		VPBROADCASTD(x, v)
	}
	return v
}

// constant returns a 64-bit constant in all lanes.
func (m *machine) constant(k uint64) VecVirtual {
	g, v := GP64(), m.vec()
	MOVQ(U64(k), g)
	if m.wide {
		VPBROADCASTQ(g, v)
	} else {
		x := XMM()
		MOVQ(g, x)
		VPBROADCASTQ(x, v)
	}
	return v
}

// setup emits the constants.
func (m *machine) setup() {
	m.p = m.constant(p<<32 | p)
	m.low = m.constant(p)
	if m.wide {
		g := GP32()
		m.odds = K()
		MOVL(U32(0xaaaa), g)
		KMOVW(g, m.odds)
		m.evenMask = K()
		KNOTW(m.odds, m.evenMask)
	}
}

// add sets d to a + b, and sub to a - b, modulo p.
func (m *machine) add(a, b, d VecVirtual) {
	t := m.vec()
	VPADDD(b, a, d)
	VPSUBD(m.p, d, t)
	VPMINUD(t, d, d)
}

func (m *machine) sub(a, b, d VecVirtual) {
	t := m.vec()
	VPSUBD(b, a, d)
	VPADDD(m.p, d, t)
	VPMINUD(t, d, d)
}

// odd returns the odd lanes of v in even position.
func (m *machine) odd(v VecVirtual) VecVirtual {
	r := m.vec()
	VPSRLQ(Imm(32), v, r)
	return r
}

// pair holds 64-bit values for the even and for the odd lanes.
type pair struct{ even, odd VecVirtual }

// product returns a·b, where a and b have even lanes and odd lanes.
func (m *machine) product(a, b pair) pair {
	r := pair{m.vec(), m.vec()}
	VPMULUDQ(b.even, a.even, r.even)
	if a.odd == nil {
		a.odd = m.odd(a.even)
	}
	if b.odd == nil {
		b.odd = m.odd(b.even)
	}
	VPMULUDQ(b.odd, a.odd, r.odd)
	return r
}

// split returns v with its odd lanes in even position.
func (m *machine) split(v VecVirtual) pair { return pair{v, m.odd(v)} }

// splitLater does what split does, or with AVX2, which has only 16 registers, returns a pair that product splits again for each use.
func (m *machine) splitLater(v VecVirtual) pair {
	if m.wide {
		return m.split(v)
	}
	return pair{even: v}
}

// addTo adds x to acc.
func (m *machine) addTo(x, acc pair) {
	VPADDQ(x.even, acc.even, acc.even)
	VPADDQ(x.odd, acc.odd, acc.odd)
}

// fold replaces acc by a value below 2^34 that is equal modulo p.
func (m *machine) fold(acc pair) {
	for _, v := range []VecVirtual{acc.even, acc.odd} {
		t := m.vec()
		VPSRLQ(Imm(31), v, t)
		m.and(m.low, v, v)
		VPADDQ(t, v, v)
	}
}

// join sets d to the even lanes of even, and to the even lanes of odd in odd position.
func (m *machine) join(even, odd, d VecVirtual) {
	if m.wide {
		if d != even {
			VMOVDQA32(even, d)
		}
		VMOVSLDUP(odd, m.odds, d)
		return
	}
	t := m.vec()
	VMOVSLDUP(odd, t)
	VPBLENDD(Imm(0xaa), t, even, d)
}

// reduce returns the values of acc, which are below 2^62, modulo p.
func (m *machine) reduce(acc pair) VecVirtual {
	// The upper parts are bits 31 to 61: in even position after a shift by 31, in odd position after a shift by 1.
	high, odd, r, t := m.vec(), m.vec(), m.vec(), m.vec()
	VPSRLQ(Imm(31), acc.even, high)
	VPADDQ(acc.odd, acc.odd, odd)
	if m.wide {
		VMOVDQA32(odd, m.odds, high)
	} else {
		VPBLENDD(Imm(0xaa), odd, high, high)
	}
	m.join(acc.even, acc.odd, r)
	m.and(m.p, r, r)
	VPADDD(high, r, r)
	VPSUBD(m.p, r, t)
	VPMINUD(t, r, r)
	return r
}

// reduceFull returns the values of acc modulo p.
func (m *machine) reduceFull(acc pair) VecVirtual {
	m.fold(acc)
	return m.reduce(acc)
}

// mul returns a·b modulo p.
func (m *machine) mul(a, b pair) VecVirtual { return m.reduce(m.product(a, b)) }

// negate returns p - v, which is p for 0.
func (m *machine) negate(v VecVirtual) VecVirtual {
	r := m.vec()
	VPSUBD(v, m.p, r)
	return r
}

// tables are permutations of two vectors for AVX-512, of which an index has 5 bits, or of one.
var tables = map[string]Mem{}

// table adds a constant of 32-bit words in read-only memory.
func table(name string, n int, word func(i int) int) {
	mem := GLOBL(name, RODATA|NOPTR)
	for i := range n {
		DATA(4*i, U32(uint32(word(i))))
	}
	tables[name] = mem
}

func main() {
	ConstraintExpr("!purego")
	table("evens512", 16, func(i int) int { return 2 * i })
	table("oddsReversed512", 16, func(i int) int { return 31 - 2*i })
	table("evens256", 8, func(i int) int { return 2 * i & 7 })
	table("oddsReversed256", 8, func(i int) int { return (7 - 2*i) & 7 })
	for _, n := range []int{16, 8} {
		name := func(s string) string { return fmt.Sprint(s, 32*n) }
		table(name("spreadEven0"), n, func(i int) int { return i / 2 })
		table(name("spreadEven1"), n, func(i int) int { return n/2 + i/2 })
		table(name("spreadOdd0"), n, func(i int) int { return (2*n - 1 - i) / 2 })
		table(name("spreadOdd1"), n, func(i int) int { return (n - 1 - i) / 2 })
	}
	for _, wide := range []bool{true, false} {
		(&machine{wide: wide}).execute()
		(&machine{wide: wide}).secureSum()
		(&machine{wide: wide}).addSecureSum()
		(&machine{wide: wide}).addPair()
		(&machine{wide: wide}).finish()
		(&machine{wide: wide}).norms()
		(&machine{wide: wide}).addFraction()
		(&machine{wide: wide}).invert()
		(&machine{wide: wide}).interleave()
		(&machine{wide: wide}).pairSums()
		(&machine{wide: wide}).spreadSums()
		(&machine{wide: wide}).sumsUp()
		(&machine{wide: wide}).sumsDown()
	}
	prefetch()
	Generate()
}

// prefetch emits the loop that asks for cells before they are needed. Addresses beyond the end of a column are harmless.
func prefetch() {
	TEXT("prefetch", NOSPLIT, "func(slots **uint32, count, offset, lines int)")
	Pragma("noescape")
	Doc("prefetch asks for the given number of cache lines, from offset on, of each of count columns, into the second cache.")
	slots, count, offset, lines := Load(Param("slots"), GP64()), Load(Param("count"), GP64()), Load(Param("offset"), GP64()), Load(Param("lines"), GP64())
	a, left := GP64(), GP64()
	Label("column")
	MOVQ(Mem{Base: slots}, a)
	ADDQ(Imm(8), slots)
	ADDQ(offset, a)
	MOVQ(lines, left)
	Label("line")
	PREFETCHT1(Mem{Base: a})
	ADDQ(Imm(64), a)
	DECQ(left)
	JNZ(LabelRef("line"))
	DECQ(count)
	JNZ(LabelRef("column"))
	RET()
}

// rows emits a loop over rows, with the byte offset of a row of 32-bit words in the register that body gets, unroll vectors at a time.
func (m *machine) rows(end, offset Register, unroll int, body func()) {
	loop := m.label("rows")
	XORQ(offset, offset)
	Label(loop)
	body()
	ADDQ(Imm(uint64(unroll*m.bytes())), offset)
	CMPQ(offset, end)
	JB(LabelRef(loop))
}

func at(base, index Register, disp int) Mem {
	return Mem{Base: base, Index: index, Scale: 1, Disp: disp}
}

// Instructions, as in ../compile.go.
const (
	codeAdd = iota
	codeSub
	codeMul
	codeAddConstant
	codeConstantMinus
	codeScale
	codeSum
	codeEnd
)

// execute emits the loop over the instructions of a program (encode in ../encode.go).
func (m *machine) execute() {
	TEXT("execute"+m.suffix(), NOSPLIT, "func(code *uint32, slots **uint32, rows int)")
	Pragma("noescape")
	Doc("execute" + m.suffix() + " carries out instructions.")
	code, slots, end := Load(Param("code"), GP64()), Load(Param("slots"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	offset, op := GP64(), GP32()
	word := func(k int) Mem { return Mem{Base: code, Disp: 4 * k} }
	slot := func(mem Mem) Register {
		i, r := GP32(), GP64()
		MOVL(mem, i)
		MOVQ(Mem{Base: slots, Index: i.As64(), Scale: 8}, r)
		return r
	}
	next := m.label("next")
	Label(next)
	MOVL(word(0), op)
	handlers := map[int]string{}
	for k := codeAdd; k <= codeEnd; k++ {
		handlers[k] = m.label("code")
	}
	CMPL(op, Imm(codeAddConstant))
	JAE(LabelRef("upper" + m.suffix()))
	CMPL(op, Imm(codeSub))
	JB(LabelRef(handlers[codeAdd]))
	JE(LabelRef(handlers[codeSub]))
	JMP(LabelRef(handlers[codeMul]))
	Label("upper" + m.suffix())
	CMPL(op, Imm(codeScale))
	JE(LabelRef(handlers[codeScale]))
	JA(LabelRef("top" + m.suffix()))
	CMPL(op, Imm(codeAddConstant))
	JE(LabelRef(handlers[codeAddConstant]))
	JMP(LabelRef(handlers[codeConstantMinus]))
	Label("top" + m.suffix())
	CMPL(op, Imm(codeSum))
	JE(LabelRef(handlers[codeSum]))
	JMP(LabelRef(handlers[codeEnd]))

	const unroll = 2
	binary := func(op int, f func(a, b, d VecVirtual)) {
		Label(handlers[op])
		d, a, b := slot(word(1)), slot(word(2)), slot(word(3))
		ADDQ(Imm(16), code)
		m.rows(end, offset, unroll, func() {
			for u := range unroll {
				disp := u * m.bytes()
				x, y := m.load(at(a, offset, disp)), m.load(at(b, offset, disp))
				r := m.vec()
				f(x, y, r)
				m.store(r, at(d, offset, disp))
			}
		})
		JMP(LabelRef(next))
	}
	unary := func(op int, constant func() pair, f func(a VecVirtual, k pair, d VecVirtual)) {
		Label(handlers[op])
		d, a := slot(word(1)), slot(word(2))
		k := constant()
		ADDQ(Imm(16), code)
		m.rows(end, offset, unroll, func() {
			for u := range unroll {
				disp := u * m.bytes()
				x := m.load(at(a, offset, disp))
				r := m.vec()
				f(x, k, r)
				m.store(r, at(d, offset, disp))
			}
		})
		JMP(LabelRef(next))
	}
	constant := func() pair { k := m.broadcast(word(3)); return pair{k, k} }
	binary(codeAdd, m.add)
	binary(codeSub, m.sub)
	binary(codeMul, func(a, b, d VecVirtual) { m.move(m.mul(m.split(a), m.split(b)), d) })
	unary(codeAddConstant, constant, func(a VecVirtual, k pair, d VecVirtual) { m.add(a, k.even, d) })
	unary(codeConstantMinus, constant, func(a VecVirtual, k pair, d VecVirtual) { m.sub(k.even, a, d) })
	unary(codeScale, constant, func(a VecVirtual, k pair, d VecVirtual) { m.move(m.mul(m.split(a), k), d) })

	// sum: dst, constant, number of groups that are subtracted, of groups that are added, of slots that are added, that are subtracted; then the
	// groups: numbers of scaled terms and of products, the terms (slot, k), the products (a, b); then the slots.
	Label(handlers[codeSum])
	d := slot(word(1))
	cursor, groups, terms := GP64(), GP32(), GP32()
	item := func(k int) Mem { return Mem{Base: cursor, Disp: 4 * k} }
	addPlain := func(r *[unroll]VecVirtual) {
		for side, f := range []func(a, b, d VecVirtual){m.add, m.sub} {
			loop, done := m.label("plain"), m.label("plain_done")
			MOVL(word(5+side), terms)
			TESTL(terms, terms)
			JZ(LabelRef(done))
			Label(loop)
			a := slot(item(0))
			ADDQ(Imm(4), cursor)
			for u := range r {
				f(r[u], m.load(at(a, offset, u*m.bytes())), r[u])
			}
			DECL(terms)
			JNZ(LabelRef(loop))
			Label(done)
		}
	}

	// Without products there is nothing to reduce.
	several, after := m.label("several"), m.label("after")
	MOVL(word(3), groups)
	ORL(word(4), groups)
	JNZ(LabelRef(several))
	k := m.broadcast(word(2))
	m.rows(end, offset, unroll, func() {
		LEAQ(Mem{Base: code, Disp: 28}, cursor)
		var r [unroll]VecVirtual
		for u := range r {
			r[u] = m.copy(k)
		}
		addPlain(&r)
		for u := range r {
			m.store(r[u], at(d, offset, u*m.bytes()))
		}
	})
	JMP(LabelRef(after))
	Label(several)

	// Accumulators start with the constant c. Terms that are subtracted turn them to 16·p + 2·c - acc, where 16·p is more than 2^34.
	start, turn := m.broadcastWord(word(2)), m.vec()
	VPSLLQ(Imm(4), m.low, turn)
	VPADDQ(start, turn, turn)
	VPADDQ(start, turn, turn)
	m.rows(end, offset, unroll, func() {
		LEAQ(Mem{Base: code, Disp: 28}, cursor)
		var acc [unroll]pair
		for u := range acc {
			acc[u] = pair{m.copy(start), m.copy(start)}
		}
		loopGroups := func(count Mem, done string) {
			MOVL(count, groups)
			TESTL(groups, groups)
			JZ(LabelRef(done))
			group := m.label("group")
			Label(group)
			scaledLoop, scaledDone, productLoop, productDone := m.label("scaled"), m.label("scaled_done"), m.label("product"), m.label("product_done")
			products := GP32()
			MOVL(item(0), terms)
			MOVL(item(1), products)
			ADDQ(Imm(8), cursor)
			TESTL(terms, terms)
			JZ(LabelRef(scaledDone))
			Label(scaledLoop)
			a := slot(item(0))
			k := m.broadcast(item(1))
			ADDQ(Imm(8), cursor)
			for u := range acc {
				m.addTo(m.product(m.split(m.load(at(a, offset, u*m.bytes()))), pair{k, k}), acc[u])
			}
			DECL(terms)
			JNZ(LabelRef(scaledLoop))
			Label(scaledDone)
			TESTL(products, products)
			JZ(LabelRef(productDone))
			Label(productLoop)
			a, b := slot(item(0)), slot(item(1))
			ADDQ(Imm(8), cursor)
			for u := range acc {
				x, y := m.load(at(a, offset, u*m.bytes())), m.load(at(b, offset, u*m.bytes()))
				m.addTo(m.product(m.split(x), m.split(y)), acc[u])
			}
			DECL(products)
			JNZ(LabelRef(productLoop))
			Label(productDone)
			for u := range acc {
				m.fold(acc[u])
			}
			DECL(groups)
			JNZ(LabelRef(group))
		}
		added, reduced := m.label("added"), m.label("reduced")
		loopGroups(word(3), added)
		for u := range acc {
			VPSUBQ(acc[u].even, turn, acc[u].even)
			VPSUBQ(acc[u].odd, turn, acc[u].odd)
		}
		Label(added)
		loopGroups(word(4), reduced)
		Label(reduced)
		r := [unroll]VecVirtual{}
		for u := range acc {
			r[u] = m.reduce(acc[u])
		}
		addPlain(&r)
		for u := range r {
			m.store(r[u], at(d, offset, u*m.bytes()))
		}
	})
	Label(after)
	MOVQ(cursor, code)
	JMP(LabelRef(next))

	Label(handlers[codeEnd])
	VZEROUPPER()
	RET()
}

// Layout of a secureTerm in memory: the slot, then four coefficients, in 64-bit words.
const termBytes = 40

// accumulate emits the sum of the terms in acc, which are below 2^62. After it acc is any.
func (m *machine) accumulate(terms, count, slots, offset Register, acc [4]pair) {
	cursor, left := GP64(), GP64()
	MOVQ(terms, cursor)
	MOVQ(count, left)
	one := func(k int) {
		i, a := GP64(), GP64()
		MOVQ(Mem{Base: cursor, Disp: termBytes * k}, i)
		MOVQ(Mem{Base: slots, Index: i, Scale: 8}, a)
		v := m.split(m.load(at(a, offset, 0)))
		for q := range acc {
			c := m.broadcast64(Mem{Base: cursor, Disp: termBytes*k + 8 + 8*q})
			m.addTo(m.product(v, pair{c, c}), acc[q])
		}
	}
	three, rest, last, done := m.label("three"), m.label("rest"), m.label("last"), m.label("done")
	Label(three)
	CMPQ(left, Imm(3))
	JB(LabelRef(rest))
	for k := range 3 {
		one(k)
	}
	for q := range acc {
		m.fold(acc[q])
	}
	ADDQ(Imm(3*termBytes), cursor)
	SUBQ(Imm(3), left)
	JMP(LabelRef(three))
	Label(rest)
	TESTQ(left, left)
	JZ(LabelRef(done))
	Label(last)
	one(0)
	ADDQ(Imm(termBytes), cursor)
	DECQ(left)
	JNZ(LabelRef(last))
	Label(done)
}

const blockBytes = 4 * 256 // of a block of 32-bit words, as blockRows in ../block.go

func (m *machine) secureSum() {
	TEXT("secureSum"+m.suffix(), NOSPLIT, "func(dst *uint32, constant, terms *uint64, count int, slots **uint32, rows int)")
	Pragma("noescape")
	Doc("secureSum" + m.suffix() + " writes a constant and terms to the four blocks at dst.")
	dst, constant, terms := Load(Param("dst"), GP64()), Load(Param("constant"), GP64()), Load(Param("terms"), GP64())
	count, slots, end := Load(Param("count"), GP64()), Load(Param("slots"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	offset := GP64()
	several := "several" + m.suffix()
	CMPQ(count, Imm(1))
	JNE(LabelRef(several))

	// One term: its coordinates are below 2^62.
	i, a := GP64(), GP64()
	MOVQ(Mem{Base: terms}, i)
	MOVQ(Mem{Base: slots, Index: i, Scale: 8}, a)
	m.rows(end, offset, 1, func() {
		v := m.split(m.load(at(a, offset, 0)))
		for q := range 4 {
			k, c := m.broadcast64(Mem{Base: terms, Disp: 8 + 8*q}), m.broadcast64(Mem{Base: constant, Disp: 8 * q})
			acc := m.product(v, pair{k, k})
			m.addTo(pair{c, c}, acc)
			m.store(m.reduce(acc), at(dst, offset, q*blockBytes))
		}
	})
	VZEROUPPER()
	RET()

	Label(several)
	m.rows(end, offset, 1, func() {
		var acc [4]pair
		for q := range acc {
			c := Mem{Base: constant, Disp: 8 * q}
			acc[q] = pair{m.broadcast64(c), m.broadcast64(c)}
		}
		m.accumulate(terms, count, slots, offset, acc)
		for q := range acc {
			m.store(m.reduceFull(acc[q]), at(dst, offset, q*blockBytes))
		}
	})
	VZEROUPPER()
	RET()
}

// sums returns the memory of an accumulator: that of the even lanes, then that of the odd ones.
func (m *machine) sums(base, offset Register, q int) (even, odd Mem) {
	mem := Mem{Base: base, Index: offset, Scale: 2, Disp: 2 * q * blockBytes}
	return mem, mem.Offset(m.bytes())
}

func (m *machine) addSecureSum() {
	TEXT("addSecureSum"+m.suffix(), NOSPLIT, "func(sums *uint64, terms *uint64, count int, slots **uint32, rows int)")
	Pragma("noescape")
	Doc("addSecureSum" + m.suffix() + " adds terms to accumulators.")
	sums, terms := Load(Param("sums"), GP64()), Load(Param("terms"), GP64())
	count, slots, end := Load(Param("count"), GP64()), Load(Param("slots"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	offset := GP64()
	m.rows(end, offset, 1, func() {
		var acc [4]pair
		for q := range acc {
			even, odd := m.sums(sums, offset, q)
			acc[q] = pair{m.load(even), m.load(odd)}
		}
		m.accumulate(terms, count, slots, offset, acc)
		for q := range acc {
			m.fold(acc[q])
			even, odd := m.sums(sums, offset, q)
			m.store(acc[q].even, even)
			m.store(acc[q].odd, odd)
		}
	})
	VZEROUPPER()
	RET()
}

// factors holds the right factor of a product in the secure field in the forms in which its coordinates are used.
//
//	(x0 + x1·i + (x2 + x3·i)·u)·(y0 + y1·i + (y2 + y3·i)·u), u² = 2 + i, has the coordinates
//	x0·y0 - x1·y1 + x2·(2·y2 - y3) - x3·(y2 + 2·y3)
//	x0·y1 + x1·y0 + x2·(y2 + 2·y3) + x3·(2·y2 - y3)
//	x0·y2 - x1·y3 + x2·y0 - x3·y1
//	x0·y3 + x1·y2 + x2·y1 + x3·y0
const (
	y0 = iota
	y1
	y2
	y3
	minusY1
	minusY3
	y2TwiceMinusY3 // 2·y2 - y3
	y2PlusY3Twice  // y2 + 2·y3
	minusY2PlusY3Twice
	formCount
)

var productForms = [4][4]int{
	{y0, minusY1, y2TwiceMinusY3, minusY2PlusY3Twice},
	{y1, y0, y2PlusY3Twice, y2TwiceMinusY3},
	{y2, minusY3, y0, minusY1},
	{y3, y2, y1, y0},
}

// forms returns the forms of y. Those of AVX2, which has half as many registers, are in memory.
func (m *machine) forms(y [4]VecVirtual, local Mem) (f [formCount]Op) {
	put := func(k int, v VecVirtual) {
		if m.wide {
			f[k] = v
			return
		}
		mem := local.Offset(k * m.bytes())
		m.store(v, mem)
		f[k] = mem
	}
	put(y0, y[0])
	put(y1, y[1])
	put(minusY1, m.negate(y[1]))
	put(minusY3, m.negate(y[3]))
	t := m.vec()
	m.add(y[2], y[2], t)
	m.sub(t, y[3], t)
	put(y2TwiceMinusY3, t)
	t = m.vec()
	m.add(y[3], y[3], t)
	m.add(t, y[2], t)
	put(y2PlusY3Twice, t)
	put(minusY2PlusY3Twice, m.negate(t))
	put(y2, y[2])
	put(y3, y[3])
	return f
}

// secureProduct returns the product of x and y, unreduced: sums of four products, below 2^64 - 2^33. It overwrites x.
func (m *machine) secureProduct(x [4]VecVirtual, y [formCount]Op) (r [4]pair) {
	half := func(y func(k int) Op) (acc [4]VecVirtual) {
		for q := range acc {
			for k := range x {
				t := m.vec()
				VPMULUDQ(y(productForms[q][k]), x[k], t)
				if k == 0 {
					acc[q] = t
				} else {
					VPADDQ(t, acc[q], acc[q])
				}
			}
		}
		return acc
	}
	even := half(func(k int) Op { return y[k] })
	for k := range x {
		VPSRLQ(Imm(32), x[k], x[k])
	}
	shifted := map[int]bool{}
	odd := half(func(k int) Op {
		if !m.wide {
			t := m.vec()
			VMOVSHDUP(y[k], t)
			return t
		}
		v := y[k].(VecVirtual)
		if !shifted[k] {
			VPSRLQ(Imm(32), v, v)
			shifted[k] = true
		}
		return v
	})
	for q := range r {
		r[q] = pair{even[q], odd[q]}
	}
	return r
}

// Layout of pairBlock in ../kernels.go.
const (
	pairStep         = 0  // four pointers
	pairDenominator1 = 32 // pointers to four blocks each
	pairDenominator2 = 40
	pairFactor1      = 48 // pointers to blocks, or nil
	pairFactor2      = 56
	pairSums         = 64
	pairConstant     = 72  // four 64-bit words
	pairMode         = 104 // 1: no second lookup; 2: the second multiplicity is added; 4: and is 1; 8: its block is negated
)

func (m *machine) addPair() {
	TEXT("addPair"+m.suffix(), 0, "func(b *uint64, rows int)")
	Pragma("noescape")
	Doc("addPair" + m.suffix() + " adds the term of a pair of lookups to accumulators.")
	b, end := Load(Param("b"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	var local Mem
	if !m.wide {
		local = AllocLocal(32 * formCount)
	}
	field := func(disp int) Mem { return Mem{Base: b, Disp: disp} }
	pointer := func(disp int) Register {
		r := GP64()
		MOVQ(field(disp), r)
		return r
	}
	d1, d2, sums := pointer(pairDenominator1), pointer(pairDenominator2), pointer(pairSums)
	offset := GP64()
	secure := func(base Register) (v [4]VecVirtual) {
		for q := range v {
			v[q] = m.load(at(base, offset, q*blockBytes))
		}
		return v
	}
	m.rows(end, offset, 1, func() {
		var x [4]VecVirtual
		for q := range x {
			x[q] = m.load(at(pointer(pairStep+8*q), offset, 0))
		}
		r := m.secureProduct(x, m.forms(secure(d1), local))

		// The constant is -power·m1, or -power or power with a block m1.
		constantOnly, added := m.label("constant"), m.label("added")
		factor := pointer(pairFactor1)
		TESTQ(factor, factor)
		JZ(LabelRef(constantOnly))
		f := m.split(m.load(at(factor, offset, 0)))
		for q := range r {
			c := m.broadcast64(field(pairConstant + 8*q))
			m.fold(r[q])
			m.addTo(m.product(f, pair{c, c}), r[q])
		}
		JMP(LabelRef(added))
		Label(constantOnly)
		for q := range r {
			c := m.broadcast64(field(pairConstant + 8*q))
			m.addTo(pair{c, c}, r[q])
		}
		Label(added)

		mode := GP32()
		MOVL(field(pairMode), mode)
		single := m.label("single")
		TESTL(U32(1), mode)
		JNZ(LabelRef(single))
		for q := range x {
			v := m.reduceFull(r[q])
			x[q] = v
		}
		s := m.secureProduct(x, m.forms(secure(d2), local))
		for q := range s {
			m.move(s[q].even, r[q].even)
			m.move(s[q].odd, r[q].odd)
		}
		Label(single)
		for q := range r {
			m.fold(r[q])
		}

		// The second multiplicity times d1, for which modes tell the sign.
		done, block, plus := m.label("done"), m.label("block"), m.label("plus")
		TESTL(U32(2), mode)
		JZ(LabelRef(done))
		TESTL(U32(4), mode)
		JZ(LabelRef(block))
		for q := range r {
			v := m.load(at(d1, offset, q*blockBytes))
			negative := m.label("sign")
			TESTL(U32(8), mode)
			JZ(LabelRef(negative))
			VPSUBD(v, m.p, v)
			Label(negative)
			t := m.vec()
			m.and(m.low, v, t)
			VPSRLQ(Imm(32), v, v)
			m.addTo(pair{t, v}, r[q])
		}
		JMP(LabelRef(done))
		Label(block)
		factor2 := pointer(pairFactor2)
		w := m.load(at(factor2, offset, 0))
		TESTL(U32(8), mode)
		JZ(LabelRef(plus))
		VPSUBD(w, m.p, w)
		Label(plus)
		g := m.split(w)
		for q := range r {
			m.addTo(m.product(m.split(m.load(at(d1, offset, q*blockBytes))), g), r[q])
			m.fold(r[q])
		}
		Label(done)
		for q := range r {
			even, odd := m.sums(sums, offset, q)
			m.addTo(pair{m.load(even), m.load(odd)}, r[q])
			m.store(r[q].even, even)
			m.store(r[q].odd, odd)
		}
	})
	VZEROUPPER()
	RET()
}

func (m *machine) finish() {
	TEXT("finish"+m.suffix(), NOSPLIT, "func(dst *uint32, sums *uint64, k uint32, rows int)")
	Pragma("noescape")
	Doc("finish" + m.suffix() + " adds k times accumulators to a column.")
	dst, sums, end := Load(Param("dst"), GP64()), Load(Param("sums"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	k := m.broadcastParam("k")
	offset := GP64()
	m.rows(end, offset, 1, func() {
		even, odd := m.sums(sums, offset, 0)
		v := m.mul(m.split(m.reduceFull(pair{m.load(even), m.load(odd)})), pair{k, k})
		m.add(v, m.load(at(dst, offset, 0)), v)
		m.store(v, at(dst, offset, 0))
	})
	VZEROUPPER()
	RET()
}

// norms emits, for x + y·u in the secure field, w = x² - (2+i)·y² and its norm w0² + w1². For x = a + b·i and y = c + d·i
//
//	w0 = a² - b² - 2·(c² - d²) + 2·c·d = a·a - b·b + 2·c·(d - c) + d·(2·d)
//	w1 = 2·a·b - (c² - d²) - 4·c·d     = 2·a·b - c·(c + 4·d) + d·d
func (m *machine) norms() {
	TEXT("norms"+m.suffix(), NOSPLIT, "func(norms, w, x *uint32, rows int)")
	Pragma("noescape")
	Doc("norms" + m.suffix() + " writes the relative norms of the four blocks at x to the two blocks at w, and the norms, or 1 for 0, to norms.")
	norms, w, x, end := Load(Param("norms"), GP64()), Load(Param("w"), GP64()), Load(Param("x"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	one := m.constant(1<<32 | 1)
	offset := GP64()
	twice := func(v VecVirtual) VecVirtual {
		r := m.vec()
		m.add(v, v, r)
		return r
	}
	sum := func(products ...[2]VecVirtual) VecVirtual {
		var acc pair
		for k, f := range products {
			t := m.product(m.split(f[0]), m.split(f[1]))
			if k == 0 {
				acc = t
			} else {
				m.addTo(t, acc)
			}
		}
		return m.reduceFull(acc)
	}
	m.rows(end, offset, 1, func() {
		var v [4]VecVirtual
		for q := range v {
			v[q] = m.load(at(x, offset, q*blockBytes))
		}
		a, b, c, d := v[0], v[1], v[2], v[3]
		t := m.vec()
		m.sub(d, c, t)
		w0 := sum([2]VecVirtual{a, a}, [2]VecVirtual{b, m.negate(b)}, [2]VecVirtual{c, twice(t)}, [2]VecVirtual{d, twice(d)})
		m.store(w0, at(w, offset, 0))
		t = twice(twice(d))
		m.add(t, c, t)
		w1 := sum([2]VecVirtual{twice(a), b}, [2]VecVirtual{c, m.negate(t)}, [2]VecVirtual{d, d})
		m.store(w1, at(w, offset, blockBytes))
		n := sum([2]VecVirtual{w0, w0}, [2]VecVirtual{w1, w1})
		VPMAXUD(one, n, n)
		m.store(n, at(norms, offset, 0))
	})
	VZEROUPPER()
	RET()
}

func (m *machine) addFraction() {
	TEXT("addFraction"+m.suffix(), NOSPLIT, "func(dst, src **uint32, x, w, inverse, multiplicity *uint32, k uint32, rows int)")
	Pragma("noescape")
	Doc("addFraction"+m.suffix()+" sets the four blocks of dst to those of src plus m/x, where inverse has the inverse norms and w the relative norms of x,",
		"and m is k times multiplicity, or k if that is nil.")
	dst, src, x, w := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("x"), GP64()), Load(Param("w"), GP64())
	inverse, multiplicity, end := Load(Param("inverse"), GP64()), Load(Param("multiplicity"), GP64()), Load(Param("rows"), GP64())
	SHLQ(Imm(2), end)
	m.setup()
	k := m.broadcastParam("k")
	offset := GP64()
	m.rows(end, offset, 1, func() {
		v := m.mul(m.split(m.load(at(inverse, offset, 0))), pair{k, k})
		constant := m.label("constant")
		TESTQ(multiplicity, multiplicity)
		JZ(LabelRef(constant))
		f := m.split(m.load(at(multiplicity, offset, 0)))
		r := m.mul(m.split(v), f)
		m.move(r, v)
		Label(constant)
		// The inverse of w is conjugate(w)/norm, that of x is conjugate(x)/w.
		q := m.split(v)
		g0 := m.mul(m.split(m.load(at(w, offset, 0))), q)
		g1 := m.mul(m.split(m.load(at(w, offset, blockBytes))), q)
		n0, n1 := m.splitLater(m.negate(g0)), m.splitLater(m.negate(g1))
		p0, p1 := m.splitLater(g0), m.splitLater(g1)
		// (a + b·i)·(g0 - g1·i) and -(c + d·i)·(g0 - g1·i).
		for half, g := range [2][4]pair{{p0, p1, p0, n1}, {n0, n1, n0, p1}} {
			a, b := m.splitLater(m.load(at(x, offset, 2*half*blockBytes))), m.splitLater(m.load(at(x, offset, (2*half+1)*blockBytes)))
			re := m.product(a, g[0])
			m.addTo(m.product(b, g[1]), re)
			im := m.product(b, g[2])
			m.addTo(m.product(a, g[3]), im)
			for j, acc := range []pair{re, im} {
				r := m.reduceFull(acc)
				from, to := GP64(), GP64()
				MOVQ(Mem{Base: src, Disp: 8 * (2*half + j)}, from)
				MOVQ(Mem{Base: dst, Disp: 8 * (2*half + j)}, to)
				m.add(r, m.load(at(from, offset, 0)), r)
				m.store(r, at(to, offset, 0))
			}
		}
	})
	VZEROUPPER()
	RET()
}

// invertChains is the number of vectors whose products run in parallel.
const invertChains = 2

// invert emits batch inversion: each lane of some vectors has the running product of every so many elements.
func (m *machine) invert() {
	TEXT("invert"+m.suffix(), NOSPLIT, "func(v, scratch *uint32, n int)")
	Pragma("noescape")
	Doc("invert" + m.suffix() + " replaces n values by their inverses. None is 0, and n is a multiple of 32.")
	v, scratch, n := Load(Param("v"), GP64()), Load(Param("scratch"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	m.setup()
	one := m.constant(1<<32 | 1)
	var product [invertChains]VecVirtual
	for c := range product {
		product[c] = m.vec()
		m.move(one, product[c])
	}
	offset := GP64()
	m.rows(n, offset, invertChains, func() {
		for c := range product {
			m.store(product[c], at(scratch, offset, c*m.bytes()))
			m.move(m.mul(m.split(product[c]), m.split(m.load(at(v, offset, c*m.bytes())))), product[c])
		}
	})
	// x^(p-2): p-2 has 31 bits, all ones but bit 1.
	var power [invertChains]VecVirtual
	for c := range power {
		power[c] = m.vec()
		m.move(one, power[c])
	}
	bits, rest := GP32(), GP32()
	MOVL(U32(p-2), bits)
	MOVL(U32(31), rest)
	loop, skip := m.label("power"), m.label("skip")
	Label(loop)
	for c := range power {
		s := m.split(power[c])
		m.move(m.mul(s, s), power[c])
	}
	BTL(Imm(30), bits)
	JCC(LabelRef(skip))
	for c := range power {
		m.move(m.mul(m.split(power[c]), m.split(product[c])), power[c])
	}
	Label(skip)
	SHLL(Imm(1), bits)
	DECL(rest)
	JNZ(LabelRef(loop))

	back := m.label("back")
	Label(back)
	SUBQ(Imm(uint64(invertChains*m.bytes())), n)
	for c := range power {
		s := m.split(power[c])
		x := m.split(m.load(at(v, n, c*m.bytes())))
		m.store(m.mul(s, m.split(m.load(at(scratch, n, c*m.bytes())))), at(v, n, c*m.bytes()))
		m.move(m.mul(s, x), power[c])
	}
	TESTQ(n, n)
	JNZ(LabelRef(back))
	VZEROUPPER()
	RET()
}

// interleave emits the copy of the even cells of one column and the odd cells of another.
func (m *machine) interleave() {
	TEXT("interleave"+m.suffix(), NOSPLIT, "func(dst, even, odd *uint32, n int)")
	Pragma("noescape")
	Doc("interleave" + m.suffix() + " copies the even cells of even and the odd cells of odd. n is a multiple of 32.")
	dst, even, odd, n := Load(Param("dst"), GP64()), Load(Param("even"), GP64()), Load(Param("odd"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	m.setup()
	offset := GP64()
	m.rows(n, offset, 1, func() {
		v := m.load(at(even, offset, 0))
		if m.wide {
			VMOVDQU32(at(odd, offset, 0), m.odds, v)
		} else {
			VPBLENDD(Imm(0xaa), at(odd, offset, 0), v, v)
		}
		m.store(v, at(dst, offset, 0))
	})
	VZEROUPPER()
	RET()
}

// cells emits a loop over the vectors of s, a column of n cells, which correspond to pairs of vectors of v, a column of 2n: those of its even cells
// from the first on, and those of its odd cells from the last backwards. body gets the memory of s, and of the two pairs.
func (m *machine) cells(s, v, n Register, body func(s, forward, backward Mem)) {
	SHLQ(Imm(2), n)
	forward, backward := GP64(), GP64()
	MOVQ(v, forward)
	LEAQ(Mem{Base: v, Index: n, Scale: 2}, backward)
	offset := GP64()
	m.rows(n, offset, 1, func() {
		SUBQ(Imm(uint64(2*m.bytes())), backward)
		body(at(s, offset, 0), Mem{Base: forward}, Mem{Base: backward})
		ADDQ(Imm(uint64(2*m.bytes())), forward)
	})
}

// evens returns the even cells of the pair of vectors at mem, and oddsReversed its odd cells from the last to the first.
func (m *machine) evens(mem Mem) VecVirtual {
	if m.wide {
		index := m.load(tables["evens512"])
		VPERMI2D(mem.Offset(m.bytes()), m.load(mem), index)
		return index
	}
	return m.pick(mem, tables["evens256"], 0)
}

func (m *machine) oddsReversed(mem Mem) VecVirtual {
	if m.wide {
		index := m.load(tables["oddsReversed512"])
		VPERMI2D(mem.Offset(m.bytes()), m.load(mem), index)
		return index
	}
	return m.pick(mem, tables["oddsReversed256"], 1)
}

// pick permutes each of two vectors of AVX2, which puts the wanted lanes in both halves, and takes one half of each.
func (m *machine) pick(mem, permutation Mem, low int) VecVirtual {
	index, a, b := m.load(permutation), m.vec(), m.vec()
	VPERMD(mem.Offset(low*m.bytes()), index, a)
	VPERMD(mem.Offset((1-low)*m.bytes()), index, b)
	VPBLENDD(Imm(0xf0), b, a, a)
	return a
}

func (m *machine) pairSums() {
	TEXT("pairSums"+m.suffix(), NOSPLIT, "func(s, v *uint32, k uint32, n int)")
	Pragma("noescape")
	Doc("pairSums" + m.suffix() + " sets s[b] to v[2b] + v[2n-1-2b] - k for n cells, a multiple of 32.")
	s, v, n := Load(Param("s"), GP64()), Load(Param("v"), GP64()), Load(Param("n"), GP64())
	m.setup()
	k := m.broadcastParam("k")
	m.cells(s, v, n, func(s, forward, backward Mem) {
		r := m.vec()
		m.add(m.evens(forward), m.oddsReversed(backward), r)
		m.sub(r, k, r)
		m.store(r, s)
	})
	VZEROUPPER()
	RET()
}

func (m *machine) spreadSums() {
	TEXT("spreadSums"+m.suffix(), NOSPLIT, "func(v, s *uint32, k uint32, n int)")
	Pragma("noescape")
	Doc("spreadSums" + m.suffix() + " sets v[2b] to s[b] + v[2b] - k, and v[2n-1-2b] to that + v[2n-1-2b] - k, for n cells, a multiple of 32.")
	s, v, n := Load(Param("s"), GP64()), Load(Param("v"), GP64()), Load(Param("n"), GP64())
	m.setup()
	k := m.broadcastParam("k")
	m.cells(s, v, n, func(s, forward, backward Mem) {
		even, odd := m.vec(), m.vec()
		m.add(m.evens(forward), m.load(s), even)
		m.sub(even, k, even)
		m.add(m.oddsReversed(backward), even, odd)
		m.sub(odd, k, odd)
		m.scatter(even, odd, forward, backward)
	})
	VZEROUPPER()
	RET()
}

// scatter stores the even cells at forward and the odd cells, from the last to the first, at backward.
func (m *machine) scatter(even, odd VecVirtual, forward, backward Mem) {
	put := func(v VecVirtual, mem Mem, name string, parity int) {
		index, r := m.load(tables[name+m.suffix()]), m.vec()
		VPERMD(v, index, r)
		if !m.wide {
			VPBLENDD(Imm([2]uint64{0xaa, 0x55}[parity]), mem, r, r)
			m.store(r, mem)
			return
		}
		mask := m.odds
		if parity == 0 {
			mask = m.evenMask
		}
		VMOVDQU32(r, mask, mem)
	}
	put(even, forward, "spreadEven0", 0)
	put(even, forward.Offset(m.bytes()), "spreadEven1", 0)
	put(odd, backward.Offset(m.bytes()), "spreadOdd1", 1)
	put(odd, backward, "spreadOdd0", 1)
}

// sumsUp and sumsDown emit the two passes of prefix sums (see bitReversedPrefixSums in ../interaction.go).
func (m *machine) sumsUp() {
	TEXT("sumsUp"+m.suffix(), NOSPLIT, "func(low, high *uint32, n int)")
	Pragma("noescape")
	Doc("sumsUp" + m.suffix() + " replaces (low, high) by (low + high, low) in n cells, a multiple of 32.")
	low, high, n := Load(Param("low"), GP64()), Load(Param("high"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	m.setup()
	offset := GP64()
	m.rows(n, offset, 1, func() {
		a, b := m.load(at(low, offset, 0)), m.load(at(high, offset, 0))
		m.store(a, at(high, offset, 0))
		m.add(a, b, b)
		m.store(b, at(low, offset, 0))
	})
	VZEROUPPER()
	RET()
}

func (m *machine) sumsDown() {
	TEXT("sumsDown"+m.suffix(), NOSPLIT, "func(low, high *uint32, n int)")
	Pragma("noescape")
	Doc("sumsDown" + m.suffix() + " adds low to high in n cells, a multiple of 32.")
	low, high, n := Load(Param("low"), GP64()), Load(Param("high"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	m.setup()
	offset := GP64()
	m.rows(n, offset, 1, func() {
		a, b := m.load(at(low, offset, 0)), m.load(at(high, offset, 0))
		m.add(a, b, b)
		m.store(b, at(high, offset, 0))
	})
	VZEROUPPER()
	RET()
}
