package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// double returns 2v, which fits in 32 bits.
func (m *machine) double(v VecVirtual) VecVirtual {
	d := m.vec()
	VPADDD(v, v, d)
	return d
}

// doubleHalves returns the halves of 2v.
func (m *machine) doubleHalves(v VecVirtual) wide { return m.halves(m.double(v)) }

// factor returns v as a factor of mul.
func (m *machine) factor(v VecVirtual) twiddle {
	h := m.doubleHalves(v)
	return twiddle{even: h.even, odd: h.odd}
}

// negate returns p-v, which is p for 0 and so only good as a factor.
func (m *machine) negate(v VecVirtual) VecVirtual {
	d := m.vec()
	VPSUBD(v, m.p, d)
	return d
}

// narrowDoubled returns half of the sum modulo p, for a sum of two products of which one factor is doubled, plus less than 2^34. It overwrites the
// sum. The upper words are below 2^32 - 8, so that one subtraction of p reduces them.
func (m *machine) narrowDoubled(x wide) VecVirtual {
	var high VecVirtual
	if m.wide {
		high = m.copy(x.odd)
		VMOVSHDUP(x.even, m.evens, high)
	} else {
		high = m.vec()
		VMOVSHDUP(x.even, high)
		VPBLENDD(Imm(0xaa), x.odd, high, high)
	}
	low := m.merge(x)
	m.reduce(high)
	VPSRLD(Imm(1), low, low)
	VPADDD(high, low, low)
	return m.reduce(low)
}

// addConstant adds the word at mem to the sum.
func (m *machine) addConstant(sum wide, mem Mem) {
	k := m.constant(mem)
	VPADDQ(k, sum.even, sum.even)
	VPADDQ(k, sum.odd, sum.odd)
}

// stream emits a loop over vectors at the same offset of several arrays.
func (m *machine) stream(n Register, body func(at func(base Register) Mem)) {
	index := GP64()
	XORQ(index, index)
	Label("loop")
	body(func(base Register) Mem { return Mem{Base: base, Index: index, Scale: 1} })
	ADDQ(U32(m.bytes()), index)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// linear emits the kernel of linear functions of two arrays.
func (m *machine) linear() {
	TEXT("linear"+m.suffix(), NOSPLIT, "func(dst, a, b *uint32, k *[3]uint64, vectors int)")
	Pragma("noescape")
	Doc("linear" + m.suffix() + " sets dst to k0·a + k1·b + k2, where k holds the doubled constants.")
	dst, a, b, k, n := param("dst"), param("a"), param("b"), param("k"), param("vectors")
	m.setup(false, false)
	m.stream(n, func(at func(Register) Mem) {
		var s wide
		m.timesConstant(&s, m.halves(m.load(at(a))), Mem{Base: k})
		m.timesConstant(&s, m.halves(m.load(at(b))), Mem{Base: k, Disp: 8})
		m.addConstant(s, Mem{Base: k, Disp: 16})
		m.store(m.narrowDoubled(s), at(dst))
	})
}

// norms emits the kernel of norms of elements of CM31.
func (m *machine) norms() {
	TEXT("norms"+m.suffix(), NOSPLIT, "func(dst, a, b *uint32, vectors int)")
	Pragma("noescape")
	Doc("norms" + m.suffix() + " sets dst to a² + b².")
	dst, a, b, n := param("dst"), param("a"), param("b"), param("vectors")
	m.setup(false, false)
	m.stream(n, func(at func(Register) Mem) {
		var s wide
		for _, base := range []Register{a, b} {
			v := m.load(at(base))
			m.times(&s, m.halves(v), m.doubleHalves(v))
		}
		m.store(m.narrowDoubled(s), at(dst))
	})
}

// invert emits the kernel of inverses by Montgomery's trick, in four chains.
func (m *machine) invert() {
	const chains = 4
	TEXT("invert"+m.suffix(), NOSPLIT, "func(v, scratch *uint32, groups int)")
	Pragma("noescape")
	Doc("invert" + m.suffix() + " replaces groups of four vectors by their inverses. If an element is 0, those in the same lane of vectors a multiple of four away become 0 too. scratch is as long as v.")
	v, scratch, n := param("v"), param("scratch"), param("groups")
	m.setup(false, false)
	var acc [chains]VecVirtual
	for c := range acc {
		acc[c] = m.broadcast(1)
	}
	count := GP64()
	MOVQ(n, count)
	Label("forward")
	for c := range acc {
		m.store(acc[c], Mem{Base: scratch, Disp: c * m.bytes()})
		product := m.mul(acc[c], m.factor(m.load(Mem{Base: v, Disp: c * m.bytes()})))
		m.move(product, acc[c])
	}
	ADDQ(U32(chains*m.bytes()), v)
	ADDQ(U32(chains*m.bytes()), scratch)
	DECQ(count)
	JNZ(LabelRef("forward"))

	// The power p-2 = 2^31 - 3: 29 ones, then 01, in binary. power holds the products' powers of which the exponent has the leading bits of that.
	var power [chains]VecVirtual
	for c := range acc {
		power[c] = m.copy(acc[c])
	}
	bit := GP64()
	MOVQ(U32(28), bit)
	Label("power")
	for c := range acc {
		square := m.mul(power[c], m.factor(power[c]))
		m.move(m.mul(square, m.factor(acc[c])), power[c])
	}
	DECQ(bit)
	JNZ(LabelRef("power"))
	for c := range acc {
		square := m.mul(power[c], m.factor(power[c]))
		square = m.mul(square, m.factor(square))
		m.move(m.mul(square, m.factor(acc[c])), acc[c])
	}

	Label("back")
	SUBQ(U32(chains*m.bytes()), v)
	SUBQ(U32(chains*m.bytes()), scratch)
	for c := range acc {
		at := Mem{Base: v, Disp: c * m.bytes()}
		f := m.factor(acc[c])
		m.move(m.mul(m.load(at), f), acc[c])
		m.store(m.mul(m.load(Mem{Base: scratch, Disp: c * m.bytes()}), f), at)
	}
	DECQ(n)
	JNZ(LabelRef("back"))
	VZEROUPPER()
	RET()
}

func (m *machine) move(from, to VecVirtual) {
	if m.wide {
		VMOVDQA32(from, to)
	} else {
		VMOVDQA(from, to)
	}
}

// quotients emits the kernel that adds the quotients of one point to the DEEP sum.
func (m *machine) quotients() {
	TEXT("quotients"+m.suffix(), NOSPLIT, "func(dst, numerator *[4]*uint32, y, a, b, inverse *uint32, k *[8]uint64, vectors int)")
	Pragma("noescape")
	Doc("quotients" + m.suffix() + " adds (numerator + k0..3·y + k4..7)·(a - b·i)·inverse to dst, where k holds the doubled constants.")
	to, from := pointers(param("dst"), 4), pointers(param("numerator"), 4)
	y, a, b, inverse, k := param("y"), param("a"), param("b"), param("inverse"), param("k")
	left := AllocLocal(8) // there are not enough registers
	{
		n := param("vectors")
		MOVQ(n, left)
	}
	m.setup(false, false)
	index := GP64()
	XORQ(index, index)
	at := func(base Register) Mem { return Mem{Base: base, Index: index, Scale: 1} }
	Label("loop")
	// The two halves of the element of the secure field, each in CM31, are multiplied by (a - b·i)·inverse.
	v := m.factor(m.load(at(inverse)))
	la := m.mul(m.load(at(a)), v)
	lb := m.mul(m.load(at(b)), v)
	fa, fb, minus := m.doubleHalves(la), m.doubleHalves(lb), m.doubleHalves(m.negate(lb))
	for half := range 2 {
		hy := m.halves(m.load(at(y)))
		var e [2]wide
		for c := range e {
			q := 2*half + c
			var s wide
			m.timesConstant(&s, hy, Mem{Base: k, Disp: 8 * q})
			m.addConstant(s, Mem{Base: k, Disp: 8 * (4 + q)})
			e[c] = m.halves(m.add(m.load(at(from[q])), m.narrowDoubled(s)))
		}
		for c := range e {
			q := 2*half + c
			var s wide
			if c == 0 {
				m.times(&s, e[0], fa)
				m.times(&s, e[1], fb)
			} else {
				m.times(&s, e[1], fa)
				m.times(&s, e[0], minus)
			}
			m.store(m.add(m.load(at(to[q])), m.narrowDoubled(s)), at(to[q]))
		}
	}
	ADDQ(U32(m.bytes()), index)
	DECQ(left)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
