package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// wideRows returns the rows of integers of 256 and 512 bits, in limbs of 128 bits from the lowest. Products of limbs are
// returned as guarantees (x, y, high, low), which must be verified later.
func wideRows() map[string]row {
	return map[string]row{
		"u256_is_zero": {cost: costs(steps(2), steps(2)), ap: aps(0, 0), lower: func(l *lowering) {
			var b builder
			low, high := l.array(&b, 0)
			b.jumpIf(low, "Target")
			b.jumpIf(high, "Target")
			l.build(&b, noUsage, ends(), endsAt("Target", of(low, high)))
		}},
		"u256_safe_divmod":         {cost: costs(stepsRC(26, 6)), ap: aps(19), lower: lowerU256DivMod},
		"u256_sqrt":                {cost: costs(stepsRC(30, 7)), ap: aps(25), lower: lowerU256Sqrt},
		"u256_guarantee_inv_mod_n": {cost: costs(stepsRC(40, 9), stepsRC(25, 7)), ap: aps(46, 14), lower: lowerU256InvModN},
		"u512_safe_divmod_by_u256": {cost: costs(stepsRC(47, 12)), ap: aps(43), lower: lowerU512DivMod},
	}
}

// pow2 returns 2^n.
func pow2(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

// checkFixer returns 2^128 - 2^n, which is added to a value before a range check to check for n bits.
func checkFixer(n uint) *big.Int { return new(big.Int).Sub(two128, pow2(n)) }

// temps allocates n cells.
func (b *builder) temps(n int) []cellVar {
	vars := make([]cellVar, n)
	for i := range vars {
		vars[i] = b.temp()
	}
	return vars
}

// limbs brings the n cells of argument i into scope.
func (l *lowering) limbs(b *builder, i, n int) []cellVar {
	vars := make([]cellVar, n)
	for k, cell := range l.cells(i, n) {
		vars[k] = b.deref(cell)
	}
	return vars
}

// wideMul allocates two cells for the product of two limbs, which a hint computes.
func (b *builder) wideMul(x, y cellVar) (low, high cellVar) {
	low, high = b.temp(), b.temp()
	b.hint(casm.WideMul128, of(x, y), of(high, low))
	return low, high
}

// plus allocates a cell with the sum of two cells, minus one with the difference.
func (b *builder) plus(x, y cellVar) cellVar  { return b.tempIs(b.sum(x, y)) }
func (b *builder) minus(x, y cellVar) cellVar { return b.tempIs(b.difference(x, y)) }

// belowDivisor checks remainder < divisor, both of two limbs. prepare, if not nil, allocates other cells between the
// computation of diff1, the difference of the high limbs, and the comparison.
func (b *builder) belowDivisor(rc cellVar, divisor, remainder []cellVar, prepare func()) {
	diff1 := b.minus(divisor[1], remainder[1])
	if prepare != nil {
		prepare()
	}
	diff0, diff0Minus1 := b.temp(), b.temp()
	b.jumpIf(diff1, "HighDiff")
	b.assert(diff0, b.difference(divisor[0], remainder[0]))
	b.assert(diff0Minus1, b.difference(diff0, b.constant(1)))
	b.write(rc, diff0Minus1)
	b.jump("After")
	b.label("HighDiff")
	if prepare == nil {
		b.addAP(1) // as far as on the other path
	}
	b.write(rc, diff1)
	b.label("After")
}

// topProduct computes qHigh·divisor[0] + qLow·divisor[1]. One of the products is zero and the other below 2^128. The
// smaller factor is below 2^64, which is checked so that the product does not wrap around.
func (b *builder) topProduct(rc cellVar, qHigh, qLow cellVar, divisor []cellVar) cellVar {
	small, large := b.temp(), b.temp()
	b.jumpIf(qHigh, "DIVISOR1_EQ_ZERO")
	less := b.temp()
	b.hint(casm.TestLessThan, of(qLow, divisor[1]), of(less))
	b.jumpIf(less, "LOW_LESS_THAN_DIVISOR1")
	b.assert(small, divisor[1])
	b.assert(large, qLow)
	b.jump("MERGE")
	b.label("LOW_LESS_THAN_DIVISOR1")
	b.assert(small, qLow)
	b.assert(large, divisor[1])
	b.jump("MERGE")
	b.label("DIVISOR1_EQ_ZERO")
	b.assert(divisor[1], b.constant(0))
	less = b.temp()
	b.hint(casm.TestLessThan, of(qHigh, divisor[0]), of(less))
	b.jumpIf(less, "HIGH_LESS_THAN_DIVISOR0")
	b.assert(small, divisor[0])
	b.assert(large, qHigh)
	b.jump("MERGE")
	b.label("HIGH_LESS_THAN_DIVISOR0")
	b.assert(small, qHigh)
	b.assert(large, divisor[0])
	b.label("MERGE")
	b.write(rc, b.plus(small, b.big(checkFixer(64))))
	return b.tempIs(b.product(small, large))
}

func lowerU256DivMod(l *lowering) {
	var b builder
	rc := b.buffer(5, l.single(0))
	dividend, divisor := l.limbs(&b, 1, 2), l.limbs(&b, 2, 2)
	limit := b.big(two128)
	origRC := b.dup(rc)
	q, r := b.temps(2), b.temps(2)
	b.hint(casm.Uint256DivMod, append(dividend[:2:2], divisor...), append(q[:2:2], r...))
	for _, v := range [...]cellVar{q[0], q[1], r[0], r[1]} {
		b.write(rc, v)
	}
	b.belowDivisor(rc, divisor, r, nil)
	low, high := b.wideMul(q[0], divisor[0])
	// q·divisor + r = dividend, limb by limb. The carry of the first limb is 0 or 1.
	rest := b.tempIs(b.quotient(b.minus(b.plus(low, r[0]), dividend[0]), limit))
	b.assert(rest, b.product(rest, rest))
	top := b.topProduct(rc, q[1], q[0], divisor)
	b.assert(dividend[1], b.sum(b.plus(b.plus(rest, high), r[1]), top))
	l.build(&b, checks(origRC, rc), ends(of(rc), q, r, of(q[0], divisor[0], high, low)))
}

func lowerU512DivMod(l *lowering) {
	var b builder
	rc := b.buffer(9, l.single(0))
	dividend, d := l.limbs(&b, 1, 4), l.limbs(&b, 2, 2)
	fixer4 := b.big(checkFixer(2))
	limit := b.big(two128)
	origRC := b.dup(rc)
	q, r := b.temps(4), b.temps(2)
	b.hint(casm.Uint512DivModByUint256, append(dividend[:4:4], d...), append(q[:4:4], r...))
	for _, v := range [...]cellVar{q[0], q[1], q[2], q[3], r[0], r[1]} {
		b.write(rc, v)
	}
	b.belowDivisor(rc, d, r, func() { b.addAP(12) })
	q0d0Low, q0d0High := b.wideMul(q[0], d[0])
	q1d0Low, q1d0High := b.wideMul(q[1], d[0])
	q0d1Low, q0d1High := b.wideMul(q[0], d[1])
	q1d1Low, q1d1High := b.wideMul(q[1], d[1])
	q2d0Low, q2d0High := b.wideMul(q[2], d[0])

	// limb checks that the sum of the parts minus the dividend's limb is a multiple of 2^128, and returns the carry.
	limb := func(i int, first cellVar, parts ...cellVar) cellVar {
		for _, p := range parts {
			first = b.plus(first, p)
		}
		return b.tempIs(b.quotient(b.minus(first, dividend[i]), limit))
	}
	checkCarry := func(c cellVar) { // 0 ≤ c ≤ 3
		b.write(rc, c)
		b.write(rc, b.plus(c, fixer4))
	}
	carry := limb(0, q0d0Low, r[0])
	b.assert(carry, b.product(carry, carry))
	carry = limb(1, carry, q0d0High, q1d0Low, q0d1Low, r[1])
	checkCarry(carry)
	carry = limb(2, carry, q1d0High, q0d1High, q1d1Low, q2d0Low)
	checkCarry(carry)
	top := b.topProduct(rc, q[3], q[2], d)
	b.assert(dividend[3], b.sum(b.plus(b.plus(carry, q2d0High), q1d1High), top))
	l.build(&b, checks(origRC, rc), ends(of(rc), q, r,
		of(q[0], d[0], q0d0High, q0d0Low),
		of(q[0], d[1], q0d1High, q0d1Low),
		of(q[1], d[0], q1d0High, q1d0Low),
		of(q[1], d[1], q1d1High, q1d1Low),
		of(q[2], d[0], q2d0High, q2d0Low)))
}

// lowerU256Sqrt checks root² + remainder = value and remainder ≤ 2·root. The root has limbs of 64 bits, the remainder of
// 128 bits.
func lowerU256Sqrt(l *lowering) {
	var b builder
	rc := b.buffer(6, l.single(0))
	v := l.limbs(&b, 1, 2)
	two64, limit, half := b.big(pow2(64)), b.big(two128), b.big(pow2(127))
	fixer65 := b.big(checkFixer(65))
	origRC := b.dup(rc)
	root0, root1, restLow, restHigh, large := b.temp(), b.temp(), b.temp(), b.temp(), b.temp()
	b.hint(casm.Uint256SquareRoot, v, of(root0, root1, restLow, restHigh, large))
	b.write(rc, root0)
	b.write(rc, root1)
	b.write(rc, b.plus(b.plus(root0, root1), fixer65))
	b.write(rc, restLow)
	b.assert(restHigh, b.product(restHigh, restHigh)) // 0 or 1

	// The limbs of 2^0, 2^64 and 2^128 in turn, with carries.
	element := b.tempIs(b.product(root0, root0))
	carry := b.tempIs(b.quotient(b.minus(b.plus(restLow, element), v[0]), two64))
	b.write(rc, b.plus(carry, half))
	element = b.tempIs(b.product(root0, root1))
	carry = b.tempIs(b.quotient(b.plus(b.plus(carry, element), element), two64))
	b.write(rc, carry)
	carry = b.plus(carry, restHigh)
	element = b.tempIs(b.product(root1, root1))
	b.assert(v[1], b.sum(carry, element))

	shifted := b.tempIs(b.product(root1, two64))
	root := b.plus(root0, shifted)
	shifted = b.tempIs(b.product(restHigh, limit))
	rest := b.plus(restLow, shifted)
	twice := b.plus(root, root)
	diff := b.minus(twice, rest)
	fixed := b.temp()
	// The hint says whether the difference has 129 bits.
	b.jumpIf(large, "SqrtMul2MinusRemainderGeU128")
	b.write(rc, diff)
	b.jump("Done")
	b.label("SqrtMul2MinusRemainderGeU128")
	b.assert(fixed, b.difference(diff, limit))
	b.write(rc, fixed)
	b.label("Done")
	l.build(&b, checks(origRC, rc), ends(of(rc), of(root)))
}

// lowerU256InvModN returns r with r·x = k·n + 1, or a common divisor g of x and n: g·s = x, g·t = n, and g > 1 (or g = n
// = 1).
func lowerU256InvModN(l *lowering) {
	var b builder
	rc := b.buffer(6, l.single(0))
	x, n := l.limbs(&b, 1, 2), l.limbs(&b, 2, 2)
	zero, one := b.constant(0), b.constant(1)
	fixer65 := b.big(checkFixer(65))
	fixerI16 := b.big(new(big.Int).Sub(two128Less1, big.NewInt(1<<15-1)))
	lowerI16 := b.constant(-1 << 15)
	limit, two64 := b.big(two128), b.big(pow2(64))
	origRC := b.dup(rc)
	out := b.temps(6)
	b.hint(casm.U256InvModN, append(x[:2:2], n...), out)
	b.jumpIf(out[0], "NoInverse")

	r, k := out[2:4], out[4:6]
	for _, v := range [...]cellVar{r[0], r[1], k[0], k[1]} {
		b.write(rc, v)
	}
	b.belowDivisor(rc, n, r, func() { b.addAP(18) })
	r0x0Low, r0x0High := b.wideMul(r[0], x[0])
	r0x1Low, r0x1High := b.wideMul(r[0], x[1])
	r1x0Low, r1x0High := b.wideMul(r[1], x[0])
	r1x1Low, r1x1High := b.wideMul(r[1], x[1])
	n0k0Low, n0k0High := b.wideMul(n[0], k[0])
	n0k1Low, n0k1High := b.wideMul(n[0], k[1])
	n1k0Low, n1k0High := b.wideMul(n[1], k[0])
	n1k1Low, n1k1High := b.wideMul(n[1], k[1])

	// k·n + 1 - r·x = 0, limb by limb.
	carry := b.tempIs(b.quotient(b.minus(b.plus(n0k0Low, one), r0x0Low), limit))
	b.assert(carry, b.product(carry, carry))
	limb := func(add [3]cellVar, sub [3]cellVar) { // the carry is between -2 and 2
		sum := b.plus(add[0], carry)
		sum = b.plus(b.plus(sum, add[1]), add[2])
		for _, v := range sub {
			sum = b.minus(sum, v)
		}
		carry = b.tempIs(b.quotient(sum, limit))
		b.write(rc, b.minus(carry, lowerI16))
		b.write(rc, b.plus(carry, fixerI16))
	}
	limb([3]cellVar{n0k0High, n0k1Low, n1k0Low}, [3]cellVar{r0x0High, r0x1Low, r1x0Low})
	limb([3]cellVar{n0k1High, n1k0High, n1k1Low}, [3]cellVar{r1x0High, r0x1High, r1x1Low})
	b.assert(r1x1High, b.sum(n1k1High, carry))
	b.jump("Done")

	b.label("NoInverse")
	g, s, t := out[0:2], out[2:4], out[4:6]
	for _, v := range out {
		b.write(rc, v)
	}
	gMinus1 := b.temp()
	b.jumpIf(g[1], "GIsValid")
	b.assert(gMinus1, b.difference(g[0], one))
	b.jumpIf(gMinus1, "GIsValid")
	b.assert(n[1], zero)
	b.assert(n[0], one)
	b.label("GIsValid")
	gsLow, gsHigh := b.dup(x[0]), b.temp()
	b.hint(casm.WideMul128, of(g[0], s[0]), of(gsHigh, gsLow))
	gtLow, gtHigh := b.dup(n[0]), b.temp()
	b.hint(casm.WideMul128, of(g[0], t[0]), of(gtHigh, gtLow))
	// In the products of the high limbs the smaller factors are below 2^64, so their sum is below 2^65.
	gs1, gt1, smalls := b.temp(), b.temp(), b.temp()
	b.jumpIf(g[1], "S1_AND_T1_EQ_ZERO")
	b.assert(gs1, b.product(s[1], g[0]))
	b.assert(gt1, b.product(t[1], g[0]))
	isSmall := b.temp()
	b.hint(casm.TestLessThan, of(g[0], two64), of(isSmall))
	b.jumpIf(isSmall, "G0IsSmall")
	b.assert(smalls, b.sum(s[1], t[1]))
	b.jump("MERGE")
	b.label("G0IsSmall")
	b.assert(smalls, g[0])
	b.jump("MERGE")
	b.label("S1_AND_T1_EQ_ZERO")
	b.assert(gs1, b.product(s[0], g[1]))
	b.assert(gt1, b.product(t[0], g[1]))
	b.assert(s[1], zero)
	b.assert(t[1], zero)
	isSmall = b.temp()
	b.hint(casm.TestLessThan, of(g[1], two64), of(isSmall))
	b.jumpIf(isSmall, "G1IsSmall")
	b.assert(smalls, b.sum(s[0], t[0]))
	b.jump("MERGE")
	b.label("G1IsSmall")
	b.assert(smalls, g[1])
	b.label("MERGE")
	b.write(rc, b.plus(smalls, fixer65))
	b.assert(x[1], b.sum(gs1, gsHigh))
	b.assert(n[1], b.sum(gt1, gtHigh))
	b.jump("Failure")
	b.label("Done")
	l.build(&b, checks(origRC, rc),
		ends(of(rc), r,
			of(r[0], x[0], r0x0High, r0x0Low),
			of(r[0], x[1], r0x1High, r0x1Low),
			of(r[1], x[0], r1x0High, r1x0Low),
			of(r[1], x[1], r1x1High, r1x1Low),
			of(n[0], k[0], n0k0High, n0k0Low),
			of(n[0], k[1], n0k1High, n0k1Low),
			of(n[1], k[0], n1k0High, n1k0Low),
			of(n[1], k[1], n1k1High, n1k1Low)),
		endsAt("Failure", of(rc), of(g[0], s[0], gsHigh, gsLow), of(g[0], t[0], gtHigh, gtLow)))
}
