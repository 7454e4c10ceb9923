// Command _asm generates ../kernels_amd64.s: vector kernels for AVX-512 with IFMA (52-bit multiply-add) and VBMI2.
//
//	go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg field
//
// The kernels handle eight elements at once. In memory an element is four 64-bit words. A load transposes eight elements into
// four registers of eight words each; for products it splits these into five 52-bit limbs. The lanes of a register hold the
// elements in an order that is the same for all operands, and the store restores the order in memory.
//
// Montgomery multiplication with radix 2^52 divides by 2^260. The words in memory have R = 2^256, so one factor is multiplied
// by 2^4 when it is split. The modulus is p = 1 + 17·2^192 + 2^251, in limbs (1, 0, 0, 17·2^36, 2^43). So -1/p = -1 modulo
// 2^52, and a reduction step costs four multiply-adds.
//
// Between the layers of a transform, elements are lazily reduced: congruent to their value modulo p, and below slightly more
// than 4·p (evaluate) or 2·p (interpolate). This needs one approximate comparison instead of exact reductions.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	elementBytes = 32
	lanes        = 8
	blockBytes   = elementBytes * lanes
)

var storeLow, storeHigh Mem

// consts holds the constants that a kernel keeps in registers.
type consts struct {
	mask   VecVirtual // 2^52 - 1
	p3, p4 VecVirtual // limbs 3 and 4 of p, radix 2^52
	top    VecVirtual // word 3 of p, radix 2^64
	one    VecVirtual
	zero   VecVirtual
	lo, hi VecVirtual // permutations for the store

	two, two3, two4 VecVirtual // limbs 0, 3 and 4 of 2·p
}

func broadcast(v uint64) VecVirtual {
	g, z := GP64(), ZMM()
	MOVQ(U64(v), g)
	VPBROADCASTQ(g, z)
	return z
}

func newConsts() *consts {
	c := &consts{
		mask: broadcast(1<<52 - 1), p3: broadcast(17 << 36), p4: broadcast(1 << 43),
		top: broadcast(0x0800000000000011), one: broadcast(1), zero: broadcast(0), lo: ZMM(), hi: ZMM(),
	}
	VMOVDQU64(storeLow, c.lo)
	VMOVDQU64(storeHigh, c.hi)
	return c
}

// newLazyConsts returns the constants of kernels with lazily reduced results.
func newLazyConsts() *consts {
	c := &consts{
		mask: broadcast(1<<52 - 1), p3: broadcast(17 << 36), p4: broadcast(1 << 43), zero: broadcast(0),
		two: broadcast(2), two3: broadcast(34 << 36), two4: broadcast(1 << 44), lo: ZMM(), hi: ZMM(),
	}
	VMOVDQU64(storeLow, c.lo)
	VMOVDQU64(storeHigh, c.hi)
	return c
}

// place is the location of the eight elements of a vector: lane i is at base + disp + i·stride.
type place struct {
	base   Register
	disp   int // bytes
	stride int // bytes
}

func at(base Register) place { return place{base, 0, elementBytes} }

// everyEighth returns the place of element k of each of eight groups of eight elements.
func everyEighth(base Register, k int) place { return place{base, k * elementBytes, blockBytes} }

// load reads eight elements as four vectors of words.
func (p place) load() (w [4]VecVirtual) {
	var z [4]VecVirtual
	for i := range z {
		z[i] = ZMM()
		low := Mem{Base: p.base, Disp: p.disp + 2*i*p.stride}
		if p.stride == elementBytes {
			VMOVDQU64(low, z[i])
		} else {
			VBROADCASTI64X4(low, z[i]) // unlike a load of half a register, this defines the whole register
			VINSERTI64X4(Imm(1), Mem{Base: p.base, Disp: p.disp + (2*i+1)*p.stride}, z[i], z[i])
		}
	}
	even01, odd01, even23, odd23 := ZMM(), ZMM(), ZMM(), ZMM()
	VPUNPCKLQDQ(z[1], z[0], even01) // words 0 and 2
	VPUNPCKHQDQ(z[1], z[0], odd01)  // words 1 and 3
	VPUNPCKLQDQ(z[3], z[2], even23)
	VPUNPCKHQDQ(z[3], z[2], odd23)
	for i := range w {
		w[i] = ZMM()
	}
	VSHUFI64X2(Imm(0x88), even23, even01, w[0])
	VSHUFI64X2(Imm(0x88), odd23, odd01, w[1])
	VSHUFI64X2(Imm(0xdd), even23, even01, w[2])
	VSHUFI64X2(Imm(0xdd), odd23, odd01, w[3])
	return w
}

// store writes eight elements. It inverts load.
func (p place) store(c *consts, w [4]VecVirtual) {
	l01, h01, l23, h23 := ZMM(), ZMM(), ZMM(), ZMM()
	VPUNPCKLQDQ(w[1], w[0], l01)
	VPUNPCKHQDQ(w[1], w[0], h01)
	VPUNPCKLQDQ(w[3], w[2], l23)
	VPUNPCKHQDQ(w[3], w[2], h23)
	out := [4]VecVirtual{ZMM(), ZMM(), l01, h01}
	VMOVDQA64(l01, out[0])
	VPERMT2Q(l23, c.lo, out[0])
	VMOVDQA64(h01, out[1])
	VPERMT2Q(h23, c.lo, out[1])
	VPERMT2Q(l23, c.hi, out[2])
	VPERMT2Q(h23, c.hi, out[3])
	for i, z := range out {
		low := Mem{Base: p.base, Disp: p.disp + 2*i*p.stride}
		if p.stride == elementBytes {
			VMOVDQU64(z, low)
		} else {
			VMOVDQU64(z.AsY(), low)
			VEXTRACTI64X4(Imm(1), z, Mem{Base: p.base, Disp: p.disp + (2*i+1)*p.stride})
		}
	}
}

// loadBroadcast reads element k into all lanes.
func loadBroadcast(base Register, k int) (w [4]VecVirtual) {
	for i := range w {
		w[i] = ZMM()
		VPBROADCASTQ(Mem{Base: base, Disp: k*elementBytes + 8*i}, w[i])
	}
	return w
}

// split returns 2^shift times the value in limbs of 52 bits. shift must be 0 or 4. The bits of a limb above the low 52 are
// undefined; multiply-add ignores them, and clean clears them.
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

func clean(c *consts, l [5]VecVirtual) (out [5]VecVirtual) {
	for i := range l {
		out[i] = l[i]
		if i < 4 {
			out[i] = ZMM()
			VPANDQ(c.mask, l[i], out[i])
		}
	}
	return out
}

// product returns a·b/2^260 modulo p, in limbs whose carries are pending. If a < 2^258 and b < p, the value is below (1 +
// 1/4)·p. If a < 16·p and b < p, it is below (1 + 1/16)·p.
func product(c *consts, a, b [5]VecVirtual) [5]VecVirtual {
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
		// m = -t[i]; t += m·p·2^(52·i) clears limb i and carries ⌈t[i]/2^52⌉.
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

// carry propagates the carries, including signed ones, in place. It leaves limbs 0 to 3 below 2^52.
func carry(c *consts, l [5]VecVirtual) {
	for i := range 4 {
		up := ZMM()
		VPSRAQ(Imm(52), l[i], up)
		VPANDQ(c.mask, l[i], l[i])
		VPADDQ(up, l[i+1], l[i+1])
	}
}

// pack converts carried limbs to words.
func pack(l [5]VecVirtual) (w [4]VecVirtual) {
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

// reduce subtracts p, in place, if the value is not below it.
func reduce(c *consts, w [4]VecVirtual) {
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

// finish converts limbs of a value below (times+1)·p to reduced words.
func finish(c *consts, l [5]VecVirtual, times int) [4]VecVirtual {
	carry(c, l)
	w := pack(l)
	for range times {
		reduce(c, w)
	}
	return w
}

// add returns a + b in new limbs.
func add(a, b [5]VecVirtual) (l [5]VecVirtual) {
	for i := range l {
		l[i] = ZMM()
		VPADDQ(b[i], a[i], l[i])
	}
	return l
}

// sub returns a - b + times·p in signed limbs.
func sub(c *consts, a, b [5]VecVirtual, times int) (l [5]VecVirtual) {
	for i := range l {
		l[i] = ZMM()
		VPSUBQ(b[i], a[i], l[i])
	}
	for range times {
		VPADDQ(c.one, l[0], l[0])
		VPADDQ(c.p3, l[3], l[3])
		VPADDQ(c.p4, l[4], l[4])
	}
	return l
}

// trim subtracts 2·p, in place, if limb 4 shows that the value exceeds it. It leaves signed limbs. The result is below slightly
// more than 2·p, because a value that reaches 2·p only in the lower limbs or in a pending carry is not reduced.
func trim(c *consts, l [5]VecVirtual) {
	above := K()
	VPCMPUQ(Imm(6), c.two4, l[4], above)
	VPSUBQ(c.two, l[0], above, l[0])
	VPSUBQ(c.two3, l[3], above, l[3])
	VPSUBQ(c.two4, l[4], above, l[4])
}

// subLazy returns a - b + 2·p·times in signed limbs.
func subLazy(c *consts, a, b [5]VecVirtual, times int) (l [5]VecVirtual) {
	for i := range l {
		l[i] = ZMM()
		VPSUBQ(b[i], a[i], l[i])
	}
	for range times {
		VPADDQ(c.two, l[0], l[0])
		VPADDQ(c.two3, l[3], l[3])
		VPADDQ(c.two4, l[4], l[4])
	}
	return l
}

// scratch is the location of limbs in memory.
type scratch struct{ mem Mem }

func (s scratch) limb(i int) Mem { return s.mem.Offset(64 * i) }

func (s scratch) put(l [5]VecVirtual) {
	for i := range l {
		VMOVDQU64(l[i], s.limb(i))
	}
}

func (s scratch) get() (l [5]VecVirtual) {
	for i := range l {
		l[i] = ZMM()
		VMOVDQU64(s.limb(i), l[i])
	}
	return l
}

// evaluateLimbs returns the butterfly (x + w·y, x - w·y) on lazily reduced limbs. x and y must be below slightly more than 4·p,
// and y clean. The results are carried and again below slightly more than 4·p.
func evaluateLimbs(c *consts, loadX func() [5]VecVirtual, y, w [5]VecVirtual) (e, o [5]VecVirtual) {
	t := product(c, w, y)
	x := loadX() // load late, because registers are scarce
	trim(c, x)
	o = subLazy(c, x, t, 1)
	for i := range x {
		VPADDQ(t[i], x[i], x[i])
	}
	carry(c, x)
	carry(c, o)
	return x, o
}

// interpolateLimbs computes the butterfly (x + y, (x - y)·w) on clean limbs below slightly more than 2·p; the results have the
// same bound. It stores the first result before it loads w, because registers are scarce.
func interpolateLimbs(c *consts, x, y [5]VecVirtual, loadW func() [5]VecVirtual, putE, putO func([5]VecVirtual)) {
	d := subLazy(c, x, y, 2)
	for i := range x {
		VPADDQ(y[i], x[i], x[i])
	}
	trim(c, x)
	carry(c, x)
	putE(x)
	carry(c, d)
	o := product(c, loadW(), d)
	carry(c, o)
	putO(o)
}

// loop emits a loop that runs body blocks times and advances the pointers by step bytes.
func loop(blocks Register, step int, pointers []Register, body func()) {
	Label("loop")
	body()
	for _, p := range pointers {
		ADDQ(U32(step), p)
	}
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func param(name string) Register { return Load(Param(name), GP64()) }

func main() {
	ConstraintExpr("!purego")
	storeLow = GLOBL("storeLow", RODATA|NOPTR)
	for i, v := range []uint64{0, 1, 8, 9, 2, 3, 10, 11} {
		DATA(8*i, U64(v))
	}
	storeHigh = GLOBL("storeHigh", RODATA|NOPTR)
	for i, v := range []uint64{4, 5, 12, 13, 6, 7, 14, 15} {
		DATA(8*i, U64(v))
	}

	attributes := NOSPLIT
	kernel := func(name, signature, doc string) {
		TEXT(name, attributes, signature)
		Pragma("noescape")
		Doc(doc)
	}

	kernel("mulVec", "func(dst, a, b *[4]uint64, blocks int)", "mulVec sets dst[i] = a[i]·b[i] on blocks of eight elements.")
	{
		dst, a, b, blocks := param("dst"), param("a"), param("b"), param("blocks")
		c := newConsts()
		loop(blocks, blockBytes, []Register{dst, a, b}, func() {
			x, y := split(at(a).load(), 4), split(at(b).load(), 0)
			at(dst).store(c, finish(c, product(c, x, y), 1))
		})
	}
	kernel("scaleVec", "func(dst, a, k *[4]uint64, blocks int)", "scaleVec sets dst[i] = a[i]·k on blocks of eight elements.")
	{
		dst, a, k, blocks := param("dst"), param("a"), param("k"), param("blocks")
		c := newConsts()
		y := split(loadBroadcast(k, 0), 4)
		loop(blocks, blockBytes, []Register{dst, a}, func() {
			x := split(at(a).load(), 0)
			at(dst).store(c, finish(c, product(c, y, x), 1))
		})
	}
	kernel("mulAddVec", "func(dst, a, k *[4]uint64, blocks int)", "mulAddVec sets dst[i] += a[i]·k on blocks of eight elements.")
	{
		dst, a, k, blocks := param("dst"), param("a"), param("k"), param("blocks")
		c := newConsts()
		y := split(loadBroadcast(k, 0), 4)
		loop(blocks, blockBytes, []Register{dst, a}, func() {
			x := split(at(a).load(), 0)
			t := product(c, y, x)
			s := add(clean(c, split(at(dst).load(), 0)), t)
			at(dst).store(c, finish(c, s, 2))
		})
	}
	kernel("addMulVec", "func(dst, a, b *[4]uint64, blocks int)", "addMulVec sets dst[i] += a[i]·b[i] on blocks of eight elements.")
	{
		dst, a, b, blocks := param("dst"), param("a"), param("b"), param("blocks")
		c := newConsts()
		loop(blocks, blockBytes, []Register{dst, a, b}, func() {
			x, y := split(at(a).load(), 4), split(at(b).load(), 0)
			t := product(c, x, y)
			s := add(clean(c, split(at(dst).load(), 0)), t)
			at(dst).store(c, finish(c, s, 2))
		})
	}
	kernel("butterflyEvaluate", "func(e, o, w *[4]uint64, blocks int)",
		"butterflyEvaluate sets (e, o) to (e + w·o, e - w·o), reduced, on blocks of eight lazily reduced elements.")
	{
		e, o, w, blocks := param("e"), param("o"), param("w"), param("blocks")
		c := newConsts()
		two4 := broadcast(1 << 44)
		loop(blocks, blockBytes, []Register{e, o, w}, func() {
			t := product(c, split(at(w).load(), 4), split(at(o).load(), 0))
			x := clean(c, split(at(e).load(), 0))
			above := K()
			VPCMPUQ(Imm(6), two4, x[4], above)
			for range 2 { // trim by p, twice
				VPSUBQ(c.one, x[0], above, x[0])
				VPSUBQ(c.p3, x[3], above, x[3])
				VPSUBQ(c.p4, x[4], above, x[4])
			}
			d := sub(c, x, t, 2)
			at(e).store(c, finish(c, add(x, t), 3))
			at(o).store(c, finish(c, d, 4))
		})
	}
	kernel("evaluateLazy", "func(e, o, w *[4]uint64, blocks int)",
		"evaluateLazy sets (e, o) to (e + w·o, e - w·o), lazily reduced, on blocks of eight elements.")
	{
		e, o, w, blocks := param("e"), param("o"), param("w"), param("blocks")
		c := newLazyConsts()
		loop(blocks, blockBytes, []Register{e, o, w}, func() {
			y, z := split(at(o).load(), 0), split(at(w).load(), 4)
			u, v := evaluateLimbs(c, func() [5]VecVirtual { return clean(c, split(at(e).load(), 0)) }, y, z)
			at(e).store(c, pack(u))
			at(o).store(c, pack(v))
		})
	}
	kernel("interpolateLazy", "func(e, o, w *[4]uint64, blocks int)",
		"interpolateLazy sets (e, o) to (e + o, (e - o)·w), lazily reduced, on blocks of eight elements.")
	{
		e, o, w, blocks := param("e"), param("o"), param("w"), param("blocks")
		c := newLazyConsts()
		loop(blocks, blockBytes, []Register{e, o, w}, func() {
			x, y := clean(c, split(at(e).load(), 0)), clean(c, split(at(o).load(), 0))
			interpolateLimbs(c, x, y, func() [5]VecVirtual { return split(at(w).load(), 4) },
				func(l [5]VecVirtual) { at(e).store(c, pack(l)) },
				func(l [5]VecVirtual) { at(o).store(c, pack(l)) })
		})
	}
	// Two layers at once. Values between the layers remain in limbs on the stack, so these kernels need the stack check.
	attributes = 0
	kernel("evaluateLazy4", "func(a *[4]uint64, stride int, w, v *[4]uint64, blocks int)",
		"evaluateLazy4 runs two layers of butterflies on four vectors that are stride bytes apart: pairs (0, 1) and (2, 3) with w, then (0, 2) and (1, 3) with v and v + stride bytes.")
	{
		a, stride, w, v, blocks := param("a"), param("stride"), param("w"), param("v"), param("blocks")
		a2, v1 := GP64(), GP64()
		LEAQ(Mem{Base: a, Index: stride, Scale: 2}, a2)
		LEAQ(Mem{Base: v, Index: stride, Scale: 1}, v1)
		a1, a3 := GP64(), GP64()
		LEAQ(Mem{Base: a, Index: stride, Scale: 1}, a1)
		LEAQ(Mem{Base: a2, Index: stride, Scale: 1}, a3)
		c := newLazyConsts()
		var s [4]scratch
		local := AllocLocal(4 * 5 * 64)
		for i := range s {
			s[i] = scratch{local.Offset(i * 5 * 64)}
		}
		loop(blocks, blockBytes, []Register{a, a1, a2, a3, w, v, v1}, func() {
			for i, p := range [][2]Register{{a, a1}, {a2, a3}} {
				y, z := split(at(p[1]).load(), 0), split(at(w).load(), 4)
				e, o := evaluateLimbs(c, func() [5]VecVirtual { return clean(c, split(at(p[0]).load(), 0)) }, y, z)
				s[2*i].put(e)
				s[2*i+1].put(o)
			}
			for i, p := range [][3]Register{{a, a2, v}, {a1, a3, v1}} {
				y, z := s[i+2].get(), split(at(p[2]).load(), 4)
				e, o := evaluateLimbs(c, s[i].get, y, z)
				at(p[0]).store(c, pack(e))
				at(p[1]).store(c, pack(o))
			}
		})
	}
	kernel("interpolateLazy4", "func(a *[4]uint64, stride int, w, v *[4]uint64, blocks int)",
		"interpolateLazy4 runs two layers of butterflies on four vectors that are stride bytes apart: pairs (0, 2) and (1, 3) with v and v + stride bytes, then (0, 1) and (2, 3) with w.")
	{
		a, stride, w, v, blocks := param("a"), param("stride"), param("w"), param("v"), param("blocks")
		a1, a2, a3, v1 := GP64(), GP64(), GP64(), GP64()
		LEAQ(Mem{Base: a, Index: stride, Scale: 1}, a1)
		LEAQ(Mem{Base: a, Index: stride, Scale: 2}, a2)
		LEAQ(Mem{Base: a2, Index: stride, Scale: 1}, a3)
		LEAQ(Mem{Base: v, Index: stride, Scale: 1}, v1)
		c := newLazyConsts()
		var s [4]scratch
		local := AllocLocal(4 * 5 * 64)
		for i := range s {
			s[i] = scratch{local.Offset(i * 5 * 64)}
		}
		loop(blocks, blockBytes, []Register{a, a1, a2, a3, w, v, v1}, func() {
			for i, p := range [][3]Register{{a, a2, v}, {a1, a3, v1}} {
				x, y := clean(c, split(at(p[0]).load(), 0)), clean(c, split(at(p[1]).load(), 0))
				interpolateLimbs(c, x, y, func() [5]VecVirtual { return split(at(p[2]).load(), 4) }, s[i].put, s[i+2].put)
			}
			for i, p := range [][2]Register{{a, a1}, {a2, a3}} {
				interpolateLimbs(c, s[2*i].get(), s[2*i+1].get(), func() [5]VecVirtual { return split(at(w).load(), 4) },
					func(l [5]VecVirtual) { at(p[0]).store(c, pack(l)) },
					func(l [5]VecVirtual) { at(p[1]).store(c, pack(l)) })
			}
		})
	}
	// Three layers at once on groups of eight elements, one group in each lane.
	small := func() (s [8]scratch) {
		local := AllocLocal(8 * 5 * 64)
		for i := range s {
			s[i] = scratch{local.Offset(i * 5 * 64)}
		}
		return s
	}
	kernel("evaluateSmall", "func(dst, src, w0, w1, w2 *[4]uint64, blocks int)",
		"evaluateSmall runs the transforms of 2, 4 and 8 elements, lazily reduced, on blocks of eight groups of eight.")
	{
		dst, src, blocks := param("dst"), param("src"), param("blocks")
		w := [3]Register{param("w0"), param("w1"), param("w2")}
		c := newLazyConsts()
		s := small()
		loop(blocks, blockBytes*lanes, []Register{dst, src}, func() {
			for k := range 3 {
				for i := 0; i < lanes; i += 2 << k {
					for j := range 1 << k {
						e, o := i+j, i+j+1<<k
						y, x := s[o].get, s[e].get
						if k == 0 {
							y = func() [5]VecVirtual { return split(everyEighth(src, o).load(), 0) }
							x = func() [5]VecVirtual { return clean(c, split(everyEighth(src, e).load(), 0)) }
						}
						u, v := evaluateLimbs(c, x, y(), split(loadBroadcast(w[k], j), 4))
						if k < 2 {
							s[e].put(u)
							s[o].put(v)
						} else {
							everyEighth(dst, e).store(c, pack(u))
							everyEighth(dst, o).store(c, pack(v))
						}
					}
				}
			}
		})
	}
	kernel("interpolateSmall", "func(a, w0, w1, w2 *[4]uint64, blocks int)",
		"interpolateSmall inverts evaluateSmall up to the factor 8, with inverse twiddles.")
	{
		a, blocks := param("a"), param("blocks")
		w := [3]Register{param("w0"), param("w1"), param("w2")}
		c := newLazyConsts()
		s := small()
		loop(blocks, blockBytes*lanes, []Register{a}, func() {
			for k := 2; k >= 0; k-- {
				for i := 0; i < lanes; i += 2 << k {
					for j := range 1 << k {
						e, o := i+j, i+j+1<<k
						x, y := s[e].get, s[o].get
						if k == 2 {
							x = func() [5]VecVirtual { return clean(c, split(everyEighth(a, e).load(), 0)) }
							y = func() [5]VecVirtual { return clean(c, split(everyEighth(a, o).load(), 0)) }
						}
						putE, putO := s[e].put, s[o].put
						if k == 0 {
							putE = func(l [5]VecVirtual) { everyEighth(a, e).store(c, pack(l)) }
							putO = func(l [5]VecVirtual) { everyEighth(a, o).store(c, pack(l)) }
						}
						interpolateLimbs(c, x(), y(), func() [5]VecVirtual { return split(loadBroadcast(w[k], j), 4) }, putE, putO)
					}
				}
			}
		})
	}
	attributes = NOSPLIT
	kernel("innerProduct", "func(sums *[80]uint64, a, b *[4]uint64, blocks int)",
		"innerProduct sets sums[8·k+lane] to limb k, radix 2^52, of the sum of the unreduced products of blocks of eight elements, at most 256 blocks.")
	{
		sums, a, b, blocks := param("sums"), param("a"), param("b"), param("blocks")
		var t [10]VecVirtual
		for i := range t {
			t[i] = broadcast(0)
		}
		Label("loop")
		x, y := split(at(a).load(), 0), split(at(b).load(), 0)
		for i := range 5 {
			for j := range 5 {
				VPMADD52LUQ(y[j], x[i], t[i+j])
				VPMADD52HUQ(y[j], x[i], t[i+j+1])
			}
		}
		ADDQ(U32(blockBytes), a)
		ADDQ(U32(blockBytes), b)
		DECQ(blocks)
		JNZ(LabelRef("loop"))
		for i := range t {
			VMOVDQU64(t[i], Mem{Base: sums, Disp: 64 * i})
		}
		VZEROUPPER()
		RET()
	}
	hashWords()
	Generate()
}

// hashWords emits the kernel that writes the big-endian bytes of sixteen elements as the words of a hash with little-endian
// words, one element in each lane.
func hashWords() {
	// Lane of element e after load.
	lane := [8]uint32{0, 2, 1, 3, 4, 6, 5, 7}
	halves := [2]Mem{}
	for half := range halves {
		halves[half] = GLOBL([]string{"lowHalves", "highHalves"}[half], RODATA|NOPTR)
		for e := range 16 {
			DATA(4*e, U32(2*lane[e%8]+uint32(half)+uint32(e/8)*16))
		}
	}
	swap := GLOBL("swapBytes", RODATA|NOPTR)
	for k := range 8 {
		DATA(8*k, U64([2]uint64{0x0405060700010203, 0x0c0d0e0f08090a0b}[k%2]))
	}
	TEXT("hashWords", NOSPLIT, "func(dst *[8][16]uint32, src *[4]uint64)")
	Pragma("noescape")
	Doc("hashWords sets dst[k][i] to bytes 4k to 4k+3, as a little-endian word, of the big-endian form of src[i].")
	dst, src := param("dst"), param("src")
	low, high, swapped := ZMM(), ZMM(), ZMM()
	VMOVDQU64(halves[0], low)
	VMOVDQU64(halves[1], high)
	VMOVDQU64(swap, swapped)
	a := at(src).load()
	ADDQ(U32(blockBytes), src)
	b := at(src).load()
	for k := range 4 {
		for half, index := range []VecVirtual{high, low} {
			z := ZMM()
			VMOVDQA64(a[3-k], z)
			VPERMT2D(b[3-k], index, z)
			VPSHUFB(swapped, z, z)
			VMOVDQU64(z, Mem{Base: dst, Disp: 64 * (2*k + half)})
		}
	}
	VZEROUPPER()
	RET()
}
