// Command _asm generates ../kernels_amd64.s: arithmetic on 16 rows, in this file for AVX-512 with IFMA (52-bit multiply-add), VBMI2 and VNNI (dot
// products of 16-bit words), and in avx2.go for AVX2.
//
//	go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg wide
//
// A register of AVX-512 holds one limb of 16 rows, or one 64-bit word of eight rows.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	limbBits = 9
	limbs    = 28
	packed   = 10
	packBits = 27
	register = 64 // bytes
)

// starkPrime holds the limbs of 9 bits of P that are not 0.
var starkPrime = map[int]uint64{0: 1, 21: 136, 27: 256}

func param(name string) Register { return Load(Param(name), GP64()) }

func broadcast32(v uint32) VecVirtual {
	g, z := GP32(), ZMM()
	MOVL(U32(v), g)
	VPBROADCASTD(g, z)
	return z
}

func broadcast64(v uint64) VecVirtual {
	g, z := GP64(), ZMM()
	MOVQ(U64(v), g)
	VPBROADCASTQ(g, z)
	return z
}

// aligned returns local memory that begins at a multiple of 64 bytes.
func aligned(bytes int) Mem {
	local := AllocLocal(bytes + register)
	g := GP64()
	LEAQ(local, g)
	ADDQ(U8(register-1), g)
	ANDQ(I8(-register), g)
	return Mem{Base: g}
}

func (c column) at(row Register) Mem { return Mem{Base: c.pointer, Index: row, Scale: 4} }

// column is a slice of 32-bit words, of an array of slices.
type column struct{ pointer Register }

func loadColumn(columns Register, k int) column {
	g := GP64()
	MOVQ(Mem{Base: columns, Disp: 24 * k}, g)
	return column{g}
}

// transfer copies 16 rows of n columns to an array of registers, or back.
func transfer(n int, load bool) {
	columns, row, x := param("columns"), param("row"), param("x")
	for k := range n {
		z := ZMM()
		c, m := loadColumn(columns, k).at(row), Mem{Base: x, Disp: register * k}
		if load {
			VMOVDQU32(c, z)
			VMOVDQU32(z, m)
		} else {
			VMOVDQU32(m, z)
			VMOVDQU32(z, c)
		}
	}
	VZEROUPPER()
	RET()
}

// limbwise computes z = x op y on all limbs.
func limbwise(op func(mxyz, xyz, xyz1 Op)) {
	z, x, y := param("z"), param("x"), param("y")
	for k := range limbs {
		r := ZMM()
		VMOVDQU32(Mem{Base: x, Disp: register * k}, r)
		op(Mem{Base: y, Disp: register * k}, r, r)
		VMOVDQU32(r, Mem{Base: z, Disp: register * k})
	}
	VZEROUPPER()
	RET()
}

// term is a summand of a coefficient: a multiple of a sum of products.
type term struct{ factor, from int }

// shifts are log2 of the factors.
var shifts = map[int]uint64{1: 0, 2: 1, 4: 2, 8: 3, 32: 5, 64: 6}

// foldTerms returns the coefficients times s, see Fold in ../wide.go.
func foldTerms() (terms [limbs][]term) {
	add := func(to, factor, from int) { terms[to] = append(terms[to], term{factor, from}) }
	for i := range 21 {
		add(i, 32, i)
		add(i+1, 1, i)
		add(i+7, 2, i)
	}
	for i := range 28 {
		add(i, -4, i+21)
	}
	for i := range 6 {
		add(i, 8, i+49)
		add(i+21, 64, i+49)
		add(i+22, 2, i+49)
	}
	return terms
}

// carries computes k and the carries of x·y - z.
func carries() {
	columns, row, x, y, z := param("columns"), param("row"), param("x"), param("y"), param("z")
	pairs, sums := aligned(register*(limbs+1)), aligned(register*(2*limbs-1))

	// Pairs of limbs of x stay in registers: limb i below limb i+1. In memory limb j of y is below limb j-1, so that a dot product of 16-bit
	// words adds x[i]·y[j] + x[i+1]·y[j-1].
	high := K()
	g := GP32()
	MOVL(U32(0xaaaaaaaa), g)
	KMOVD(g, high)
	pair := func(low, up Op, to VecVirtual) {
		VPSLLD(Imm(16), up, to)
		l := ZMM()
		VMOVDQU32(low, l)
		VPBLENDMW(to, l, high, to)
	}
	var xs [limbs / 2]VecVirtual
	for i := range xs {
		xs[i] = ZMM()
		pair(Mem{Base: x, Disp: register * 2 * i}, Mem{Base: x, Disp: register * (2*i + 1)}, xs[i])
	}
	zero := broadcast32(0)
	for j := range limbs + 1 {
		t := ZMM()
		switch {
		case j == 0:
			VMOVDQU32(Mem{Base: y}, t)
			VPBLENDMW(zero, t, high, t)
		case j == limbs:
			VPSLLD(Imm(16), Mem{Base: y, Disp: register * (limbs - 1)}, t)
		default:
			pair(Mem{Base: y, Disp: register * j}, Mem{Base: y, Disp: register * (j - 1)}, t)
		}
		VMOVDQA32(t, pairs.Offset(register*j))
	}

	// Sums of products, several at a time, because each step waits for the one before.
	const together = 5
	for first := 0; first < 2*limbs-1; first += together {
		n := min(together, 2*limbs-1-first)
		var acc [together]VecVirtual
		for a := range n {
			acc[a] = ZMM()
			VMOVDQA32(zero, acc[a])
		}
		for i, v := range xs {
			for a := range n {
				if j := first + a - 2*i; j >= 0 && j <= limbs {
					VPDPWSSD(pairs.Offset(register*j), v, acc[a])
				}
			}
		}
		for a := range n {
			if k := first + a; k < limbs {
				VPSUBD(Mem{Base: z, Disp: register * k}, acc[a], acc[a])
			}
			VMOVDQA32(acc[a], sums.Offset(register*(first+a)))
		}
	}

	terms := foldTerms()
	word := func(j int) VecVirtual {
		w := ZMM()
		for i, t := range terms[j] {
			m := sums.Offset(register * t.from)
			s := ZMM()
			if i == 0 { // it is positive in all words but the last
				s = w
			}
			negative := t.factor < 0
			factor := max(t.factor, -t.factor)
			switch {
			case factor > 1:
				VPSLLD(Imm(shifts[factor]), m, s)
			case i == 0:
				VMOVDQA32(m, s)
			}
			switch {
			case i == 0 && negative:
				panic("a first term is negative")
			case i == 0:
			case negative:
				VPSUBD(s, w, w)
			case factor == 1:
				VPADDD(m, w, w)
			default:
				VPADDD(s, w, w)
			}
		}
		return w
	}
	prime := broadcast32(1<<31 - 1)
	store := func(v VecVirtual, k int) {
		up := ZMM()
		VPADDD(prime, v, up) // of a negative number, it is the smaller one without its sign
		VPMINUD(up, v, up)
		VMOVDQU32(up, loadColumn(columns, k).at(row))
	}
	w0, w1 := word(0), word(1)
	k := ZMM()
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
			t := ZMM()
			VPSLLD(Imm(7), k, t)
			VPSUBD(t, w, w)
			VPSLLD(Imm(3), k, t)
			VPSUBD(t, w, w)
		}
		if carry != nil {
			VPADDD(carry, w, w)
		}
		VPSRAD(Imm(limbBits), w, w)
		carry = w
		store(w, 1+j)
	}
	VZEROUPPER()
	RET()
}

// collect computes the four words of numbers of n limbs of the given width.
func collect(n, width int) {
	z, x := param("z"), param("x")
	for half := range 2 {
		var words [4]VecVirtual
		or := func(k int, v VecVirtual) {
			if words[k] == nil {
				words[k] = v
			} else {
				VPORQ(v, words[k], words[k])
			}
		}
		for k := range n {
			limb := ZMM()
			VPMOVZXDQ(Mem{Base: x, Disp: register*k + 32*half}, limb)
			at := width * k
			low := limb
			if at%64 != 0 {
				low = ZMM()
				VPSLLQ(Imm(uint64(at%64)), limb, low)
			}
			or(at/64, low)
			if at%64+width > 64 && at/64 < 3 {
				up := ZMM()
				VPSRLQ(Imm(uint64(64-at%64)), limb, up)
				or(at/64+1, up)
			}
		}
		for k, w := range words {
			VMOVDQU64(w, Mem{Base: z, Disp: 2*register*k + register*half})
		}
	}
	VZEROUPPER()
	RET()
}

// distribute computes the n limbs of the given width of numbers of four words.
func distribute(n, width int) {
	x, z := param("x"), param("z")
	mask := broadcast64(1<<width - 1)
	for half := range 2 {
		var words [4]VecVirtual
		for k := range words {
			words[k] = ZMM()
			VMOVDQU64(Mem{Base: z, Disp: 2*register*k + register*half}, words[k])
		}
		for k := range n {
			at := width * k
			limb := ZMM()
			if at%64+width > 64 && at/64 < 3 {
				VPSHRDQ(Imm(uint64(at%64)), words[at/64+1], words[at/64], limb)
			} else {
				VPSRLQ(Imm(uint64(at%64)), words[at/64], limb)
			}
			VPANDQ(mask, limb, limb)
			narrow := YMM()
			VPMOVQD(limb, narrow)
			VMOVDQU(narrow, Mem{Base: x, Disp: register*k + 32*half})
		}
	}
	VZEROUPPER()
	RET()
}

// fieldConsts are the constants of arithmetic modulo P = 1 + 17·2^192 + 2^251, which in limbs of 52 bits is (1, 0, 0, 17·2^36, 2^43).
type fieldConsts struct{ mask, p3, p4, top, one, zero VecVirtual }

func newFieldConsts() *fieldConsts {
	return &fieldConsts{mask: broadcast64(1<<52 - 1), p3: broadcast64(17 << 36), p4: broadcast64(1 << 43), top: broadcast64(0x0800000000000011),
		one: broadcast64(1), zero: broadcast64(0)}
}

func loadWords(base Register, half int) (w [4]VecVirtual) {
	for k := range w {
		w[k] = ZMM()
		VMOVDQU64(Mem{Base: base, Disp: 2*register*k + register*half}, w[k])
	}
	return w
}

func storeWords(base Register, half int, w [4]VecVirtual) {
	for k := range w {
		VMOVDQU64(w[k], Mem{Base: base, Disp: 2*register*k + register*half})
	}
}

// split returns 2^shift times a number in limbs of 52 bits. The bits of a limb above the low 52 are undefined; multiply-add ignores them.
func split(w [4]VecVirtual, shift int) (l [5]VecVirtual) {
	for i := range l {
		l[i] = ZMM()
	}
	if shift == 0 {
		l[0] = w[0]
	} else {
		VPSLLQ(Imm(uint64(shift)), w[0], l[0])
	}
	VPSHRDQ(Imm(uint64(52-shift)), w[1], w[0], l[1])
	VPSHRDQ(Imm(uint64(40-shift)), w[2], w[1], l[2])
	VPSHRDQ(Imm(uint64(28-shift)), w[3], w[2], l[3])
	VPSRLQ(Imm(uint64(16-shift)), w[3], l[4])
	return l
}

// product returns a·b/2^260 modulo P, in limbs of 52 bits whose carries are pending. -1/P is -1 modulo 2^52, so a step of Montgomery's
// reduction costs four multiply-adds.
func product(c *fieldConsts, a, b [5]VecVirtual) [5]VecVirtual {
	var t [10]VecVirtual
	for i := range 5 {
		for j := range 5 {
			for _, k := range []int{i + j, i + j + 1} {
				if t[k] == nil {
					t[k] = ZMM()
					VMOVDQA64(c.zero, t[k])
				}
			}
			VPMADD52LUQ(b[j], a[i], t[i+j])
			VPMADD52HUQ(b[j], a[i], t[i+j+1])
		}
		m, carry := ZMM(), ZMM()
		VPSUBQ(t[i], c.zero, m)
		VPADDQ(c.mask, t[i], carry)
		VPSRLQ(Imm(52), carry, carry)
		VPADDQ(carry, t[i+1], t[i+1])
		VPMADD52LUQ(c.p3, m, t[i+3])
		VPMADD52HUQ(c.p3, m, t[i+4])
		VPMADD52LUQ(c.p4, m, t[i+4])
		VPMADD52HUQ(c.p4, m, t[i+5])
	}
	return [5]VecVirtual(t[5:])
}

// join carries and returns the four words.
func join(c *fieldConsts, l [5]VecVirtual) (w [4]VecVirtual) {
	for i := range 4 {
		up := ZMM()
		VPSRAQ(Imm(52), l[i], up)
		VPANDQ(c.mask, l[i], l[i])
		VPADDQ(up, l[i+1], l[i+1])
	}
	for i := range w {
		low, high := ZMM(), ZMM()
		if i == 0 {
			low = l[0]
		} else {
			VPSRLQ(Imm(uint64(12*i)), l[i], low)
		}
		VPSLLQ(Imm(uint64(52-12*i)), l[i+1], high)
		VPORQ(low, high, high)
		w[i] = high
	}
	return w
}

// reduce subtracts P, in place, if the number is not below it.
func reduce(c *fieldConsts, w [4]VecVirtual) {
	above, equal := K(), K()
	rest := ZMM()
	VPCMPUQ(Imm(6), c.top, w[3], above)
	VPCMPUQ(Imm(0), c.top, w[3], equal)
	VPORQ(w[0], w[1], rest)
	VPORQ(w[2], rest, rest)
	low := K()
	VPTESTMQ(rest, rest, equal, low)
	KORB(low, above, above)
	// Subtract (1, 0, 0, top). The borrow of the 1 passes through words that are zero.
	b0, b1, b2 := K(), K(), K()
	VPTESTNMQ(w[0], w[0], above, b0)
	VPTESTNMQ(w[1], w[1], b0, b1)
	VPTESTNMQ(w[2], w[2], b1, b2)
	VPSUBQ(c.one, w[0], above, w[0])
	VPSUBQ(c.one, w[1], b0, w[1])
	VPSUBQ(c.one, w[2], b1, w[2])
	VPSUBQ(c.top, w[3], above, w[3])
	VPSUBQ(c.one, w[3], b2, w[3])
}

// multiply computes z = x·y/2^256 modulo P.
func multiply() {
	z, x, y := param("z"), param("x"), param("y")
	c := newFieldConsts()
	for half := range 2 {
		w := join(c, product(c, split(loadWords(x, half), 4), split(loadWords(y, half), 0)))
		reduce(c, w)
		storeWords(z, half, w)
	}
	VZEROUPPER()
	RET()
}

// addFelts computes z = x + y modulo P.
func addFelts() {
	z, x, y := param("z"), param("x"), param("y")
	c := newFieldConsts()
	for half := range 2 {
		a, b := loadWords(x, half), loadWords(y, half)
		carry := K()
		for k := range a {
			VPADDQ(b[k], a[k], a[k])
			if k == 3 {
				VPADDQ(c.one, a[k], carry, a[k])
				break
			}
			out := K()
			VPCMPUQ(Imm(1), b[k], a[k], out) // the sum is below a summand
			if k > 0 {
				full := K()
				VPADDQ(c.one, a[k], carry, a[k])
				VPTESTNMQ(a[k], a[k], carry, full)
				KORB(full, out, out)
			}
			carry = out
		}
		reduce(c, a)
		storeWords(z, half, a)
	}
	VZEROUPPER()
	RET()
}

// subFelts computes z = x - y modulo P.
func subFelts() {
	z, x, y := param("z"), param("x"), param("y")
	c := newFieldConsts()
	for half := range 2 {
		a, b := loadWords(x, half), loadWords(y, half)
		borrow := K()
		for k := range a {
			out := K()
			VPCMPUQ(Imm(1), b[k], a[k], out) // a < b
			VPSUBQ(b[k], a[k], a[k])
			if k > 0 {
				empty := K()
				VPTESTNMQ(a[k], a[k], borrow, empty)
				VPSUBQ(c.one, a[k], borrow, a[k])
				KORB(empty, out, out)
			}
			borrow = out
		}
		// Add P = (1, 0, 0, top) where the difference is negative.
		c0, c1, c2 := K(), K(), K()
		VPADDQ(c.one, a[0], borrow, a[0])
		VPTESTNMQ(a[0], a[0], borrow, c0)
		VPADDQ(c.one, a[1], c0, a[1])
		VPTESTNMQ(a[1], a[1], c0, c1)
		VPADDQ(c.one, a[2], c1, a[2])
		VPTESTNMQ(a[2], a[2], c1, c2)
		VPADDQ(c.top, a[3], borrow, a[3])
		VPADDQ(c.one, a[3], c2, a[3])
		storeWords(z, half, a)
	}
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("!purego")
	kernel := func(name, signature string, body func()) {
		TEXT(name, 0, signature)
		Pragma("noescape")
		body()
	}
	move := func(n string) string { return "func(columns *[]uint32, row int, x *[" + n + "][16]int32)" }
	const (
		three  = "func(z, x, y *[28][16]int32)"
		felts  = "func(z, x, y *[4][16]uint64)"
		wanted = "func(columns *[]uint32, row int, x, y, z *[28][16]int32)"
	)
	kernel("loadLimbs512", move("28"), func() { transfer(limbs, true) })
	kernel("storeLimbs512", move("28"), func() { transfer(limbs, false) })
	kernel("loadPacked512", move("10"), func() { transfer(packed, true) })
	kernel("storePacked512", move("10"), func() { transfer(packed, false) })
	kernel("addLimbs512", three, func() { limbwise(func(a, b, c Op) { VPADDD(a, b, c) }) })
	kernel("subLimbs512", three, func() { limbwise(func(a, b, c Op) { VPSUBD(a, b, c) }) })
	kernel("carries512", wanted, carries)
	kernel("collectLimbs512", "func(z *[4][16]uint64, x *[28][16]int32)", func() { collect(limbs, limbBits) })
	kernel("collectPacked512", "func(z *[4][16]uint64, x *[10][16]int32)", func() { collect(packed, packBits) })
	kernel("distributeLimbs512", "func(x *[28][16]int32, z *[4][16]uint64)", func() { distribute(limbs, limbBits) })
	kernel("distributePacked512", "func(x *[10][16]int32, z *[4][16]uint64)", func() { distribute(packed, packBits) })
	kernel("mulFelts512", felts, multiply)
	kernel("addFelts512", felts, addFelts)
	kernel("subFelts512", felts, subFelts)

	kernel("loadLimbs256", move("28"), func() { transfer256(limbs, true) })
	kernel("storeLimbs256", move("28"), func() { transfer256(limbs, false) })
	kernel("loadPacked256", move("10"), func() { transfer256(packed, true) })
	kernel("storePacked256", move("10"), func() { transfer256(packed, false) })
	kernel("addLimbs256", three, func() { limbwise256(func(a, b, c Op) { VPADDD(a, b, c) }) })
	kernel("subLimbs256", three, func() { limbwise256(func(a, b, c Op) { VPSUBD(a, b, c) }) })
	kernel("carries256", wanted, carries256)
	kernel("collectLimbs256", "func(z *[4][16]uint64, x *[28][16]int32)", func() { collect256(limbs, limbBits) })
	kernel("collectPacked256", "func(z *[4][16]uint64, x *[10][16]int32)", func() { collect256(packed, packBits) })
	kernel("distributeLimbs256", "func(x *[28][16]int32, z *[4][16]uint64)", func() { distribute256(limbs, limbBits) })
	kernel("distributePacked256", "func(x *[10][16]int32, z *[4][16]uint64)", func() { distribute256(packed, packBits) })
	kernel("mulFelts256", felts, multiply256)
	kernel("addFelts256", felts, addFelts256)
	kernel("subFelts256", felts, subFelts256)
	Generate()
}
