// Command _asm generates ../kernels_amd64.s: the layers of the circle FFT for AVX-512 (16 lanes) and AVX2 (8 lanes).
//
//	go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg circle
//
// Elements are canonical in memory and in registers. Twiddles are doubled: the upper word of the 64-bit product b·2w is ⌊b·w/2^31⌋, and half of
// its lower word is b·w modulo 2^31. Their sum is b·w modulo p, below 2p.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const p = 1<<31 - 1

// Kernels fetch data so many bytes ahead of their use. The hardware does not do that across pages of 4 KiB.
const (
	lowAhead  = 4096
	highAhead = 512
)

// machine emits vector code for one instruction set.
type machine struct {
	wide     bool // AVX-512
	lanesLog int

	// Constants in registers.
	p             VecVirtual // p in all lanes
	p2, spread    VecVirtual // 2p, and the permutation of layer 0's twiddles (AVX-512)
	first, second VecVirtual // permutations that make the first and the second result of (de)interleaving (AVX-512)
	evens, odds   Register   // masks of even and of odd lanes (AVX-512)
	middle        Register   // mask of lanes 1 and 2 of each 4 (AVX-512)

	// The counts of a rotation, in registers or, because AVX2 has only 16, in memory.
	right, left Op
}

func (m *machine) lanes() int { return 1 << m.lanesLog }
func (m *machine) bytes() int { return 4 << m.lanesLog }

func (m *machine) suffix() string { return fmt.Sprint(32 * m.lanes()) }

func (m *machine) vec() VecVirtual {
	if m.wide {
		return ZMM()
	}
	return YMM()
}

func (m *machine) load(mem Mem) VecVirtual {
	v := m.vec()
	if m.wide {
		VMOVDQU32(mem, v)
	} else {
		VMOVDQU(mem, v)
	}
	return v
}

func (m *machine) store(v VecVirtual, mem Mem) {
	if m.wide {
		VMOVDQU32(v, mem)
	} else {
		VMOVDQU(v, mem)
	}
}

func (m *machine) copy(v VecVirtual) VecVirtual {
	r := m.vec()
	if m.wide {
		VMOVDQA32(v, r)
	} else {
		VMOVDQA(v, r)
	}
	return r
}

func (m *machine) broadcast(value uint32) VecVirtual {
	g := GP32()
	MOVL(U32(value), g)
	return m.broadcastReg(g)
}

func (m *machine) broadcastReg(g Register) VecVirtual {
	v := m.vec()
	if m.wide {
		VPBROADCASTD(g, v)
	} else {
		x := XMM()
		VMOVD(g, x)
		VPBROADCASTD(x, v)
	}
	return v
}

var tables = map[string]Mem{}

// table returns a constant of 32-bit words in read-only memory.
func table(name string, words ...uint32) Mem {
	mem := GLOBL(name, RODATA|NOPTR)
	for i, w := range words {
		DATA(4*i, U32(w))
	}
	tables[name] = mem
	return mem
}

// setup emits the constants. Those for the lanes of a register are needed by the low layers only.
func (m *machine) setup(low, interpolation bool) {
	m.p = m.broadcast(p)
	if m.wide {
		mask := func(bits uint32) Register {
			g, k := GP32(), K()
			MOVL(U32(bits), g)
			KMOVW(g, k)
			return k
		}
		m.evens, m.odds = mask(0x5555), mask(0xaaaa)
		if low {
			m.middle = mask(0x6666)
			m.p2, m.spread = m.broadcast(2*p), m.load(tables["spread"])
			if interpolation {
				m.first, m.second = m.load(tables["evenLanes"]), m.load(tables["oddLanes"])
			} else {
				m.first, m.second = m.load(tables["firstLanes"]), m.load(tables["secondLanes"])
			}
		}
	}
}

// reduce returns s modulo p for s below 2p, in place of s.
func (m *machine) reduce(s VecVirtual) VecVirtual {
	t := m.vec()
	VPSUBD(m.p, s, t)
	VPMINUD(t, s, s)
	return s
}

func (m *machine) add(a, b VecVirtual) VecVirtual {
	s := m.vec()
	VPADDD(b, a, s)
	return m.reduce(s)
}

func (m *machine) sub(a, b VecVirtual) VecVirtual {
	d, t := m.vec(), m.vec()
	VPSUBD(b, a, d)
	VPADDD(m.p, d, t)
	VPMINUD(t, d, d)
	return d
}

// twiddle is the factor of one vector: doubled twiddles for the even lanes and for the odd lanes, each in the lower word of a 64-bit lane.
type twiddle struct {
	even, odd VecVirtual
	// broadcast, if not nil, is the address of the factor of all lanes in place of even and odd.
	broadcast *Mem
	// pairs, if not nil, is the address of one factor of all even lanes followed by that of all odd lanes.
	pairs *Mem
}

// words returns the twiddle that repeats the n consecutive words at mem, n a power of two up to half the lanes.
func (m *machine) words(mem Mem, n int) twiddle {
	next := mem.Offset(4)
	if m.wide {
		switch n {
		case 1:
			return twiddle{broadcast: &mem}
		case 2:
			return twiddle{pairs: &mem}
		case 4:
			t := twiddle{even: ZMM(), odd: ZMM()}
			VBROADCASTI32X4(mem, t.even)
			VBROADCASTI32X4(next, t.odd)
			return t
		case 8:
			t := twiddle{even: ZMM(), odd: ZMM()}
			VBROADCASTI32X8(mem, t.even)
			VBROADCASTI32X8(next, t.odd)
			return t
		}
	}
	t := twiddle{even: YMM(), odd: YMM()}
	switch n {
	case 1:
		VPBROADCASTD(mem, t.even)
		t.odd = t.even
	case 2:
		VPBROADCASTQ(mem, t.even)
		VPBROADCASTD(next, t.odd)
	case 4:
		VBROADCASTI128(mem, t.even)
		VBROADCASTI128(next, t.odd)
	default:
		panic("words")
	}
	return t
}

// layer0 returns the twiddle of layer 0 for the pairs of two vectors: (Y, -Y, -X, X) for each pair (X, Y) of x twiddles at mem.
func (m *machine) layer0(mem Mem) twiddle {
	t := twiddle{even: m.vec(), odd: m.vec()}
	x := m.vec()
	if m.wide {
		VBROADCASTI32X8(mem, x)
		VPERMD(x, m.spread, t.even)
		VPSUBD(t.even, m.p2, m.middle, t.even)
	} else {
		p2 := m.load(tables["twice"])
		VBROADCASTI128(mem, x)
		VPERMD(x, m.load(tables["spread"]), x)
		VPSUBD(x, p2, t.even)
		VPBLENDD(Imm(0x66), t.even, x, t.even)
		VPSUBD(t.even, p2, t.odd)
		return t
	}
	VPSUBD(t.even, m.p2, t.odd) // the factors of odd lanes are opposite to those before them
	return t
}

func (m *machine) mul(b VecVirtual, t twiddle) VecVirtual {
	e, o, shifted := m.vec(), m.vec(), m.vec()
	VPSRLQ(Imm(32), b, shifted)
	switch {
	case t.broadcast != nil:
		VPMULUDQ_BCST(*t.broadcast, b, e)
		VPMULUDQ_BCST(*t.broadcast, shifted, o)
	case t.pairs != nil:
		VPMULUDQ_BCST(*t.pairs, b, e)
		VPMULUDQ_BCST(t.pairs.Offset(4), shifted, o)
	default:
		VPMULUDQ(t.even, b, e)
		VPMULUDQ(t.odd, shifted, o)
	}
	var high VecVirtual
	if m.wide {
		high = m.copy(o)
		VMOVSHDUP(e, m.evens, high)
		VMOVSLDUP(o, m.odds, e)
	} else {
		high = m.vec()
		VMOVSHDUP(e, high)
		VPBLENDD(Imm(0xaa), o, high, high)
		VMOVSLDUP(o, o)
		VPBLENDD(Imm(0xaa), o, e, e)
	}
	VPSRLD(Imm(1), e, e)
	VPADDD(high, e, e)
	return m.reduce(e)
}

// interpolate returns (a+b, (a-b)·t).
func (m *machine) interpolate(a, b VecVirtual, t twiddle) (VecVirtual, VecVirtual) {
	return m.add(a, b), m.mul(m.sub(a, b), t)
}

// evaluate returns (a+b·t, a-b·t).
func (m *machine) evaluate(a, b VecVirtual, t twiddle) (VecVirtual, VecVirtual) {
	b = m.mul(b, t)
	return m.add(a, b), m.sub(a, b)
}

// deinterleave returns the even and the odd elements of the vector (a, b). It overwrites a.
func (m *machine) deinterleave(a, b VecVirtual) (VecVirtual, VecVirtual) {
	if m.wide {
		e := m.copy(a)
		VPERMT2D(b, m.first, e)
		VPERMT2D(b, m.second, a)
		return e, a
	}
	e, o := m.vec(), m.vec()
	VSHUFPS(Imm(0x88), b, a, e)
	VSHUFPS(Imm(0xdd), b, a, o)
	VPERMQ(Imm(0xd8), e, e)
	VPERMQ(Imm(0xd8), o, o)
	return e, o
}

// interleave inverts deinterleave. It overwrites a and b.
func (m *machine) interleave(a, b VecVirtual) (VecVirtual, VecVirtual) {
	lo, hi := m.vec(), m.vec()
	if m.wide {
		VMOVDQA32(a, lo)
		VPERMT2D(b, m.first, lo)
		VPERMT2D(b, m.second, a)
		return lo, a
	}
	VPUNPCKLDQ(b, a, lo)
	VPUNPCKHDQ(b, a, hi)
	VPERM2I128(Imm(0x20), hi, lo, a)
	VPERM2I128(Imm(0x31), hi, lo, b)
	return a, b
}

// rotate divides v by a power of two, whose exponent is in shiftRight, in place: the bits move to the right, and those that fall out come in at
// bit 30.
func (m *machine) rotate(v VecVirtual) {
	right := m.vec()
	VPSRLVD(m.right, v, right)
	VPSLLVD(m.left, v, v)
	if m.wide {
		VPTERNLOGD(U8(0xec), m.p, right, v) // v&p | right, where v is bit 2 of the table's index, right bit 1, p bit 0
	} else {
		VPAND(m.p, v, v)
		VPOR(right, v, v)
	}
}

func param(name string) Register { return Load(Param(name), GP64()) }

// finish stores the vectors, divided by 2^shift if shift is not 0, by put.
func (m *machine) finish(v []VecVirtual, label string, shift Register, put func(i int, v VecVirtual)) {
	plain, done := label+"Plain", label+"Done"
	TESTQ(shift, shift)
	JZ(LabelRef(plain))
	for i := range v {
		m.rotate(v[i])
		put(i, v[i])
	}
	JMP(LabelRef(done))
	Label(plain)
	for i := range v {
		put(i, v[i])
	}
	Label(done)
}

// setupShift sets the counts of rotate from shift.
func (m *machine) setupShift(shift Register) {
	g := GP64()
	right := m.broadcastReg(shift.(GPVirtual).As32())
	MOVQ(U32(31), g)
	SUBQ(shift, g)
	left := m.broadcastReg(g.As32())
	m.right, m.left = right, left
	if !m.wide {
		stack := AllocLocal(64)
		m.right, m.left = stack, stack.Offset(32)
		m.store(right, stack)
		m.store(left, stack.Offset(32))
	}
}

// lowLog returns log2 of the size of a block of the low layers: all data registers.
func (m *machine) lowLog() int {
	if m.wide {
		return m.lanesLog + 4
	}
	return m.lanesLog + 3
}

// lowPointers loads the addresses of the tables of layers 1 to lowLog-1.
func (m *machine) lowPointers() []Register {
	tables := param("tables")
	t := make([]Register, m.lowLog())
	for k := 1; k < m.lowLog(); k++ {
		t[k] = GP64()
		MOVQ(Mem{Base: tables, Disp: 8 * k}, t[k])
	}
	return t
}

// lowTwiddle returns the twiddle of layer k for registers 2q and 2q+1, k up to lanesLog.
func (m *machine) lowTwiddle(t []Register, k, q int) twiddle {
	if k == 0 {
		return m.layer0(Mem{Base: t[1], Disp: 4 * q * m.lanes() / 2})
	}
	n := m.lanes() >> k
	return m.words(Mem{Base: t[k], Disp: 4 * q * n}, n)
}

// low emits the kernel of the layers of blocks that fit in registers, in the direction of interpolation or of evaluation.
func (m *machine) low(interpolation bool) {
	if interpolation {
		TEXT("interpolateLow"+m.suffix(), NOSPLIT, "func(dst, src *uint32, blocks int, tables *[8]*uint32, shift int)")
		Doc(fmt.Sprintf("interpolateLow%s runs layers 0 to %d of an interpolation on blocks of %d cells, and divides by 2^shift. tables[k] points to the twiddles of layer k ≥ 1.", m.suffix(), m.lowLog()-1, 1<<m.lowLog()))
	} else {
		TEXT("evaluateLow"+m.suffix(), NOSPLIT, "func(dst, src *uint32, blocks int, tables *[8]*uint32)")
		Doc(fmt.Sprintf("evaluateLow%s runs layers %d to 0 of an evaluation on blocks of %d cells. tables[k] points to the twiddles of layer k ≥ 1.", m.suffix(), m.lowLog()-1, 1<<m.lowLog()))
	}
	Pragma("noescape")
	dst, src, blocks := param("dst"), param("src"), param("blocks")
	t := m.lowPointers()
	m.setup(true, interpolation)
	var shift Register
	if interpolation {
		shift = param("shift")
		m.setupShift(shift)
	}
	count := 1 << (m.lowLog() - m.lanesLog)
	v := make([]VecVirtual, count)
	high := func(k int) {
		d := 1 << (k - m.lanesLog)
		for q := range count {
			if q&d == 0 {
				w := m.words(Mem{Base: t[k], Disp: 4 * (q / (2 * d))}, 1)
				if interpolation {
					v[q], v[q+d] = m.interpolate(v[q], v[q+d], w)
				} else {
					v[q], v[q+d] = m.evaluate(v[q], v[q+d], w)
				}
			}
		}
	}
	Label("loop")
	for q := range v {
		v[q] = m.load(Mem{Base: src, Disp: q * m.bytes()})
	}
	for q := 0; q < count*m.bytes(); q += 64 {
		PREFETCHT0(Mem{Base: src, Disp: lowAhead + q})
	}
	put := func(i int, w VecVirtual) { m.store(w, Mem{Base: dst, Disp: i * m.bytes()}) }
	if interpolation {
		for k := range m.lanesLog + 1 {
			for q := range count / 2 {
				a, b := m.deinterleave(v[2*q], v[2*q+1])
				v[2*q], v[2*q+1] = m.interpolate(a, b, m.lowTwiddle(t, k, q))
			}
		}
		for k := m.lanesLog + 1; k < m.lowLog(); k++ {
			high(k)
		}
		m.finish(v, "store", shift, put)
	} else {
		for k := m.lowLog() - 1; k > m.lanesLog; k-- {
			high(k)
		}
		for k := m.lanesLog; k >= 0; k-- {
			for q := range count / 2 {
				a, b := m.evaluate(v[2*q], v[2*q+1], m.lowTwiddle(t, k, q))
				v[2*q], v[2*q+1] = m.interleave(a, b)
			}
		}
		for i := range v {
			put(i, v[i])
		}
	}
	ADDQ(U32(count*m.bytes()), src)
	ADDQ(U32(count*m.bytes()), dst)
	for k := 1; k < m.lowLog(); k++ {
		ADDQ(U32(4<<(m.lowLog()-1-k)), t[k])
	}
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// high emits the kernel of layers k to k+r-1 on blocks of 2^(k+r) cells: 2^r rows of 2^k cells, of which it works on a range of columns.
func (m *machine) high(interpolation bool, r int) {
	rows := 1 << r
	if interpolation {
		TEXT(fmt.Sprintf("interpolateHigh%dx%s", rows, m.suffix()), NOSPLIT, "func(dst *uint32, stride, vectors, blocks int, tables *[4]*uint32, shift int)")
		Doc(fmt.Sprintf("interpolateHigh%dx%s runs the layers of an interpolation on blocks of %d rows of stride bytes, on the first cells of each row, and divides by 2^shift. tables[j] points to the twiddles of the layer that pairs rows at distance 2^j.", rows, m.suffix(), rows))
	} else {
		TEXT(fmt.Sprintf("evaluateHigh%dx%s", rows, m.suffix()), NOSPLIT, "func(dst, src *uint32, stride, vectors, blocks int, tables *[4]*uint32)")
		Doc(fmt.Sprintf("evaluateHigh%dx%s runs the layers of an evaluation on blocks of %d rows of stride bytes, on the first cells of each row. tables[j] points to the twiddles of the layer that pairs rows at distance 2^j.", rows, m.suffix(), rows))
	}
	Pragma("noescape")
	dst, stride, vectors := param("dst"), param("stride"), param("vectors")
	tables := param("tables")
	t := make([]Register, r)
	for j := range t {
		t[j] = GP64()
		MOVQ(Mem{Base: tables, Disp: 8 * j}, t[j])
	}
	m.setup(false, interpolation)
	var shift, delta Register
	if interpolation {
		shift = param("shift")
		m.setupShift(shift)
	} else {
		delta = param("src")
		SUBQ(dst, delta)
	}
	stride3 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	blocks := AllocLocal(8)
	initial := param("blocks")
	MOVQ(initial, blocks)

	// base[i] is the address of row 4i.
	base := make([]Register, (rows+3)/4)
	row := func(i int) Mem {
		b := Mem{Base: base[i/4]}
		switch i % 4 {
		case 1:
			b.Index, b.Scale = stride, 1
		case 2:
			b.Index, b.Scale = stride, 2
		case 3:
			b.Index, b.Scale = stride3, 1
		}
		return b
	}
	Label("block")
	for i := range base {
		base[i] = GP64()
		if i == 0 {
			MOVQ(dst, base[0])
		} else {
			LEAQ(Mem{Base: base[i-1], Index: stride, Scale: 4}, base[i])
		}
	}
	n := GP64()
	MOVQ(vectors, n)
	Label("loop")
	v := make([]VecVirtual, rows)
	for i := range v {
		if interpolation {
			v[i] = m.load(row(i))
			PREFETCHT0(row(i).Offset(highAhead))
			continue
		}
		PREFETCHT0(row(i).Offset(highAhead))
		if i%4 == 0 {
			ADDQ(delta, base[i/4])
		}
		v[i] = m.load(row(i))
		PREFETCHT0(row(i).Offset(highAhead))
		if i == rows-1 || i%4 == 3 {
			SUBQ(delta, base[i/4])
		}
	}
	layer := func(j int) {
		for i := range v {
			if i>>j&1 == 0 {
				w := m.words(Mem{Base: t[j], Disp: 4 * (i >> (j + 1))}, 1)
				if interpolation {
					v[i], v[i+1<<j] = m.interpolate(v[i], v[i+1<<j], w)
				} else {
					v[i], v[i+1<<j] = m.evaluate(v[i], v[i+1<<j], w)
				}
			}
		}
	}
	put := func(i int, w VecVirtual) { m.store(w, row(i)) }
	if interpolation {
		for j := range r {
			layer(j)
		}
		m.finish(v, "store", shift, put)
	} else {
		for j := r - 1; j >= 0; j-- {
			layer(j)
		}
		for i := range v {
			put(i, v[i])
		}
	}
	for _, b := range base {
		ADDQ(U32(m.bytes()), b)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	for j := range t {
		ADDQ(U32(4<<(r-1-j)), t[j])
	}
	for range rows / 2 {
		LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
	}
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}
