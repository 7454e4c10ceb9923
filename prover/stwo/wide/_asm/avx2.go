package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The kernels of this file are for AVX2. A register holds one limb of eight rows, or one 64-bit word of four rows.

const half = register / 2 // bytes

// repeat256 emits code that runs n times. After each time the registers of steps are increased.
func repeat256(n int, steps map[int][]Register, code func()) {
	count := GP32()
	MOVL(U32(n), count)
	Label("next")
	code()
	for _, step := range []int{8, 16, 32} {
		for _, r := range steps[step] {
			ADDQ(U8(step), r)
		}
	}
	DECL(count)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// broadcast256 sets all words of a register; those of 64 bits with wide, else those of 32 bits.
func broadcast256(v uint64, wide bool) VecVirtual {
	g, x, y := GP64(), XMM(), YMM()
	MOVQ(U64(v), g)
	VMOVQ(g, x)
	if wide {
		VPBROADCASTQ(x, y)
	} else {
		VPBROADCASTD(x, y)
	}
	return y
}

func transfer256(n int, load bool) {
	columns, row, x := param("columns"), param("row"), param("x")
	for k := range n {
		c, m := loadColumn(columns, k).at(row), Mem{Base: x, Disp: register * k}
		for range 2 {
			y := YMM()
			if load {
				VMOVDQU(c, y)
				VMOVDQU(y, m)
			} else {
				VMOVDQU(m, y)
				VMOVDQU(y, c)
			}
			c, m = c.Offset(half), m.Offset(half)
		}
	}
	VZEROUPPER()
	RET()
}

func limbwise256(op func(mxy, xy, xy1 Op)) {
	z, x, y := param("z"), param("x"), param("y")
	for k := range 2 * limbs {
		r := YMM()
		VMOVDQU(Mem{Base: x, Disp: half * k}, r)
		op(Mem{Base: y, Disp: half * k}, r, r)
		VMOVDQU(r, Mem{Base: z, Disp: half * k})
	}
	VZEROUPPER()
	RET()
}

// carries256 computes the same as carries, without VNNI: a dot product is a multiplication and an addition, and pairs of limbs of both factors are in memory.
func carries256() {
	columns, row, x, y, z := param("columns"), param("row"), param("x"), param("y"), param("z")
	xs, ys, sums := aligned(half*limbs/2), aligned(half*(limbs+1)), aligned(half*(2*limbs-1))
	prime := broadcast256(1<<31-1, false)
	repeat256(2, map[int][]Register{32: {x, y, z}, 8: {row}}, func() {
		// pair returns the limb at low below the limb at up. One of them may be missing: it is 0 then.
		pair := func(low, up *Mem) VecVirtual {
			t := YMM()
			if up == nil {
				VPXOR(t, t, t)
			} else {
				VMOVDQU(*up, t)
				VPSLLD(Imm(16), t, t)
			}
			if low != nil {
				VPBLENDW(Imm(0x55), *low, t, t)
			}
			return t
		}
		at := func(base Register, k int) *Mem {
			if k < 0 || k >= limbs {
				return nil
			}
			return &Mem{Base: base, Disp: register * k}
		}
		for i := range limbs / 2 {
			VMOVDQA(pair(at(x, 2*i), at(x, 2*i+1)), xs.Offset(half*i))
		}
		for j := range limbs + 1 {
			VMOVDQA(pair(at(y, j), at(y, j-1)), ys.Offset(half*j))
		}

		const together = 5
		for first := 0; first < 2*limbs-1; first += together {
			n := min(together, 2*limbs-1-first)
			var acc [together]VecVirtual
			for i := range limbs / 2 {
				var factor VecVirtual
				for a := range n {
					j := first + a - 2*i
					if j < 0 || j > limbs {
						continue
					}
					if factor == nil {
						factor = YMM()
						VMOVDQA(xs.Offset(half*i), factor)
					}
					t := YMM()
					VPMADDWD(ys.Offset(half*j), factor, t)
					if acc[a] == nil {
						acc[a] = t
					} else {
						VPADDD(t, acc[a], acc[a])
					}
				}
			}
			for a := range n {
				if k := first + a; k < limbs {
					VPSUBD(Mem{Base: z, Disp: register * k}, acc[a], acc[a])
				}
				VMOVDQA(acc[a], sums.Offset(half*(first+a)))
			}
		}

		terms := foldTerms()
		word := func(j int) VecVirtual {
			w := YMM()
			for i, t := range terms[j] {
				m := sums.Offset(half * t.from)
				if t.factor == 1 && i > 0 {
					VPADDD(m, w, w)
					continue
				}
				s := YMM()
				if i == 0 {
					s = w
				}
				VMOVDQA(m, s)
				if n := shifts[max(t.factor, -t.factor)]; n > 0 {
					VPSLLD(Imm(n), s, s)
				}
				switch {
				case i == 0 && t.factor < 0:
					panic("a first term is negative")
				case i == 0:
				case t.factor < 0:
					VPSUBD(s, w, w)
				default:
					VPADDD(s, w, w)
				}
			}
			return w
		}
		store := func(v VecVirtual, k int) {
			up := YMM()
			VPADDD(prime, v, up) // of a negative number, it is the smaller one without its sign
			VPMINUD(up, v, up)
			VMOVDQU(up, loadColumn(columns, k).at(row))
		}
		w0, w1 := word(0), word(1)
		k := YMM()
		VPSLLD(Imm(limbBits), w1, k)
		VPADDD(w0, k, k)
		VPSLLD(Imm(14), k, k)
		VPSRAD(Imm(14), k, k)
		store(k, 0)
		var carry VecVirtual
		for j := range limbs - 1 {
			var w VecVirtual
			switch j {
			case 0:
				w = w0
			case 1:
				w = w1
			default:
				w = word(j)
			}
			switch starkPrime[j] {
			case 1:
				VPSUBD(k, w, w)
			case 136:
				for _, n := range []uint64{7, 3} {
					t := YMM()
					VPSLLD(Imm(n), k, t)
					VPSUBD(t, w, w)
				}
			}
			if carry != nil {
				VPADDD(carry, w, w)
			}
			VPSRAD(Imm(limbBits), w, w)
			carry = w
			store(w, 1+j)
		}
	})
}

func collect256(n, width int) {
	z, x := param("z"), param("x")
	repeat256(4, map[int][]Register{32: {z}, 16: {x}}, func() {
		var words [4]VecVirtual
		or := func(k int, v VecVirtual) {
			if words[k] == nil {
				words[k] = v
			} else {
				VPOR(v, words[k], words[k])
			}
		}
		for k := range n {
			limb := YMM()
			VPMOVZXDQ(Mem{Base: x, Disp: register * k}, limb)
			at := width * k
			low := limb
			if at%64 != 0 {
				low = YMM()
				VPSLLQ(Imm(uint64(at%64)), limb, low)
			}
			or(at/64, low)
			if at%64+width > 64 && at/64 < 3 {
				up := YMM()
				VPSRLQ(Imm(uint64(64-at%64)), limb, up)
				or(at/64+1, up)
			}
		}
		for k, w := range words {
			VMOVDQU(w, Mem{Base: z, Disp: 2 * register * k})
		}
	})
}

func distribute256(n, width int) {
	x, z, twice := param("x"), param("z"), GP64()
	MOVQ(z, twice)
	mask := broadcast256(1<<width-1, false)
	repeat256(2, map[int][]Register{32: {x, twice, twice}}, func() {
		var words [2][4]VecVirtual
		for part := range words {
			words[part] = loadWords256(twice, half*part)
		}
		for k := range n {
			at := width * k
			var limb [2]VecVirtual
			for part, w := range words {
				limb[part] = bits256(w, at, width)
			}
			narrow := YMM()
			VSHUFPS(Imm(0x88), limb[1], limb[0], narrow) // the low halves of the words, in the order 0 1 4 5 2 3 6 7
			VPERMQ(Imm(0xd8), narrow, narrow)
			VPAND(mask, narrow, narrow)
			VMOVDQU(narrow, Mem{Base: x, Disp: register * k})
		}
	})
}

func loadWords256(base Register, offset int) (w [4]VecVirtual) {
	for k := range w {
		w[k] = YMM()
		VMOVDQU(Mem{Base: base, Disp: 2*register*k + offset}, w[k])
	}
	return w
}

func storeWords256(base Register, w [4]VecVirtual) {
	for k := range w {
		VMOVDQU(w[k], Mem{Base: base, Disp: 2 * register * k})
	}
}

// bits256 returns the bits of a number from at on, of which there are width with other bits above them.
func bits256(w [4]VecVirtual, at, width int) VecVirtual {
	limb := YMM()
	switch {
	case at < 0: // zeros below
		VPSLLQ(Imm(uint64(-at)), w[0], limb)
	default:
		VPSRLQ(Imm(uint64(at%64)), w[at/64], limb)
	}
	if at >= 0 && at%64+width > 64 && at/64 < 3 {
		up := YMM()
		VPSLLQ(Imm(uint64(64-at%64)), w[at/64+1], up)
		VPOR(up, limb, limb)
	}
	return limb
}

// Numbers are multiplied in nine limbs of 29 bits, for which P is 1 + 17·2^18·B^6 + 2^19·B^8, with B = 2^29. Nine products of limbs and what a
// reduction adds are below 2^62.
const (
	factorBits  = 29
	factorLimbs = 9
)

// multiply256 computes z = x·y/2^256 modulo P, as 2^5·x·y/2^261.
func multiply256() {
	z, x, y := param("z"), param("x"), param("y")
	a, b := aligned(half*factorLimbs), aligned(half*factorLimbs)
	mask, top := broadcast256(1<<factorBits-1, true), broadcast256(0x0800000000000011, true)
	repeat256(4, map[int][]Register{32: {z, x, y}}, func() {
		split := func(w [4]VecVirtual, shift int, to Mem) {
			for i := range factorLimbs {
				limb := bits256(w, factorBits*i-shift, factorBits)
				VPAND(mask, limb, limb)
				VMOVDQA(limb, to.Offset(half*i))
			}
		}
		split(loadWords256(x, 0), 5, a)
		split(loadWords256(y, 0), 0, b)
		var t [2 * factorLimbs]VecVirtual
		for i := range factorLimbs {
			factor := YMM()
			VMOVDQA(a.Offset(half*i), factor)
			for j := range factorLimbs {
				p := YMM()
				VPMULUDQ(b.Offset(half*j), factor, p)
				if t[i+j] == nil {
					t[i+j] = p
				} else {
					VPADDQ(p, t[i+j], t[i+j])
				}
			}
			// -1/P is -1 modulo B. Add m·P, which makes the limb 0.
			m := YMM()
			VPXOR(m, m, m)
			VPSUBQ(t[i], m, m)
			VPAND(mask, m, m)
			VPADDQ(m, t[i], t[i])
			VPSRLQ(Imm(factorBits), t[i], t[i])
			VPADDQ(t[i], t[i+1], t[i+1])
			for _, term := range []struct {
				limb  int
				shift uint64
			}{{6, 18}, {6, 22}, {8, 19}} {
				s := YMM()
				VPSLLQ(Imm(term.shift), m, s)
				VPADDQ(s, t[i+term.limb], t[i+term.limb])
			}
		}
		l := t[factorLimbs:]
		for i := range factorLimbs - 1 {
			up := YMM()
			VPSRLQ(Imm(factorBits), l[i], up)
			VPAND(mask, l[i], l[i])
			if l[i+1] == nil {
				l[i+1] = up
			} else {
				VPADDQ(up, l[i+1], l[i+1])
			}
		}
		var w [4]VecVirtual
		for i := range factorLimbs {
			at := factorBits * i
			low := l[i]
			if at%64 != 0 {
				low = YMM()
				VPSLLQ(Imm(uint64(at%64)), l[i], low)
			}
			if w[at/64] == nil {
				w[at/64] = low
			} else {
				VPOR(low, w[at/64], w[at/64])
			}
			if at%64+factorBits > 64 && at/64 < 3 {
				w[at/64+1] = YMM()
				VPSRLQ(Imm(uint64(64-at%64)), l[i], w[at/64+1])
			}
		}
		reduce256(top, w)
		storeWords256(z, w)
	})
}

// carried256 returns what is carried to each word when on, a mask, is added or subtracted: it passes through words that are 0.
func carried256(w VecVirtual, on VecVirtual) VecVirtual {
	c := YMM()
	VPXOR(c, c, c)
	VPCMPEQQ(w, c, c)
	VPAND(on, c, c)
	return c
}

// reduce256 subtracts P, in place, if the number is not below it.
func reduce256(top VecVirtual, w [4]VecVirtual) {
	rest, on, above := YMM(), YMM(), YMM()
	VPOR(w[0], w[1], rest)
	VPOR(w[2], rest, rest)
	VPCMPEQQ(top, w[3], on)
	VPANDN(on, carried256(rest, on), on) // equal, and the rest is not 0
	VPCMPGTQ(top, w[3], above)
	VPOR(above, on, on)
	for k := range 3 {
		next := carried256(w[k], on)
		if k == 0 {
			t := YMM()
			VPAND(top, on, t)
			VPSUBQ(t, w[3], w[3])
		}
		VPADDQ(on, w[k], w[k])
		on = next
	}
	VPADDQ(on, w[3], w[3])
}

func addFelts256() {
	z, x, y := param("z"), param("x"), param("y")
	top := broadcast256(0x0800000000000011, true)
	repeat256(4, map[int][]Register{32: {z, x, y}}, func() {
		a, b := loadWords256(x, 0), loadWords256(y, 0)
		var s [4]VecVirtual
		var carry VecVirtual
		for k := range s {
			s[k] = YMM()
			VPADDQ(b[k], a[k], s[k])
			if carry != nil {
				VPADDQ(carry, s[k], s[k])
			}
			// A bit is carried if two of the summands' bits and the complement of the sum's are 1.
			carry = YMM()
			VPAND(b[k], a[k], carry)
			VPOR(b[k], a[k], a[k])
			VPANDN(a[k], s[k], a[k])
			VPOR(a[k], carry, carry)
			VPSRLQ(Imm(63), carry, carry)
		}
		reduce256(top, s)
		storeWords256(z, s)
	})
}

func subFelts256() {
	z, x, y := param("z"), param("x"), param("y")
	top := broadcast256(0x0800000000000011, true)
	repeat256(4, map[int][]Register{32: {z, x, y}}, func() {
		a, b := loadWords256(x, 0), loadWords256(y, 0)
		var d [4]VecVirtual
		var borrow VecVirtual
		for k := range d {
			d[k] = YMM()
			VPSUBQ(b[k], a[k], d[k])
			if borrow != nil {
				VPSUBQ(borrow, d[k], d[k])
			}
			borrow = YMM()
			VPXOR(b[k], a[k], borrow)
			VPANDN(d[k], borrow, borrow)
			VPANDN(b[k], a[k], a[k])
			VPOR(a[k], borrow, borrow)
			VPSRLQ(Imm(63), borrow, borrow)
		}
		// Add P = (1, 0, 0, top) where the difference is negative.
		on := YMM()
		VPXOR(on, on, on)
		VPSUBQ(borrow, on, on)
		t := YMM()
		VPAND(top, on, t)
		VPADDQ(t, d[3], d[3])
		for k := range 3 {
			VPSUBQ(on, d[k], d[k])
			on = carried256(d[k], on)
		}
		VPSUBQ(on, d[3], d[3])
		storeWords256(z, d)
	})
}
