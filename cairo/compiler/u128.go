package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

var u128Range = sierra.Range{Lower: new(big.Int), Upper: two128}

// u128Rows returns the rows of u128, whose values one range check covers.
func u128Rows() map[string]row {
	return map[string]row{
		"u128_const":           {cost: free, ap: aps(0), lower: lowerConstValue},
		"u128_to_felt252":      {cost: free, ap: aps(0), lower: lowerIdentity},
		"u128_eq":              {cost: costs(steps(2), steps(3)), ap: aps(1, 1), lower: lowerEqual},
		"u128_is_zero":         {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: lowerIsZero},
		"u128_sqrt":            {cost: costs(stepsRC(9, 4)), ap: aps(6), lower: lowerSqrt},
		"u128_overflowing_add": {cost: costs(stepsRC(3, 1), stepsRC(5, 1)), ap: aps(2, 3), lower: lowerU128OverflowingAdd},
		"u128_overflowing_sub": {cost: costs(stepsRC(3, 1), stepsRC(5, 1)), ap: aps(2, 3),
			lower: func(l *lowering) { lowerSmallDiff(l, two128) }},
		"u128_safe_divmod": {cost: costs(stepsRC(11, 4)), ap: aps(7), lower: func(l *lowering) {
			lowerDivRem(l, u128Range, sierra.Range{Lower: big.NewInt(1), Upper: two128})
		}},
		"u128_guarantee_mul":        {cost: costs(steps(1)), ap: aps(2), lower: lowerGuaranteeMul},
		"u128_mul_guarantee_verify": {cost: costs(stepsRC(23, 9)), ap: aps(15), lower: lowerMulGuaranteeVerify},
		"u128s_from_felt252":        {cost: costs(stepsRC(2, 1), stepsRC(11, 3)), ap: aps(1, 6), lower: lowerU128sFromFelt},
		"u128_byte_reverse":         {cost: builtin(steps(24), Bitwise, 4), ap: aps(16), lower: lowerByteReverse},
		"bitwise":                   {cost: builtin(steps(2), Bitwise, 1), ap: aps(0), lower: lowerBitwise},
		"bytes31_const":             {cost: free, ap: aps(0), lower: lowerConstValue},
		"bytes31_to_felt252":        {cost: free, ap: aps(0), lower: lowerIdentity},
		"bytes31_try_from_felt252": {cost: costs(stepsRC(7, 3), stepsRC(9, 3)), ap: aps(5, 6),
			lower: func(l *lowering) { lowerTryFromFelt(l, 248) }},
		"u128_to_u32_guarantees": {cost: costs(steps(7)), ap: aps(9), lower: lowerU32Guarantees},
	}
}

func lowerU128OverflowingAdd(l *lowering) {
	var b builder
	rc := b.buffer(0, l.single(0))
	x, y := b.deref(l.single(1)), b.deref(l.single(2))
	origRC := b.dup(rc)
	noOverflow := b.temp()
	sum := b.tempIs(b.sum(x, y))
	limit := b.big(two128)
	b.hint(casm.TestLessThan, of(sum, limit), of(noOverflow))
	b.jumpIf(noOverflow, "NoOverflow")
	wrapped := b.tempIs(b.difference(sum, limit))
	b.write(rc, wrapped)
	b.jump("Target")
	b.label("NoOverflow")
	b.write(rc, sum)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(sum)), endsAt("Target", of(rc), of(wrapped)))
}

// lowerGuaranteeMul trusts the hint: the guarantee (x, y, high, low) must be verified later.
func lowerGuaranteeMul(l *lowering) {
	var b builder
	x, y := b.deref(l.single(0)), b.deref(l.single(1))
	high, low := b.temp(), b.temp()
	b.hint(casm.WideMul128, of(x, y), of(high, low))
	b.addAP(2)
	l.build(&b, noUsage, ends(of(high), of(low), of(x, y, high, low)))
}

// lowerMulGuaranteeVerify checks x·y = 2^128·high + low. With x = x1·2^64 + x0 the products x0·y and x1·y have 192 bits.
// low is the low half of x0·y plus the low 64 bits of x1·y shifted by 64; high is the carry plus the rest of x1·y.
func lowerMulGuaranteeVerify(l *lowering) {
	var b builder
	rc := b.buffer(8, l.single(0))
	g := l.cells(1, 4)
	x, y, high, low := b.deref(g[0]), b.deref(g[1]), b.deref(g[2]), b.deref(g[3])
	origRC := b.dup(rc)
	x0, x1 := b.temp(), b.temp()
	two64 := b.big(new(big.Int).Lsh(big.NewInt(1), 64))
	b.hint(casm.DivMod, of(x, two64), of(x1, x0))
	u64Fixer := b.big(new(big.Int).Sub(two128, new(big.Int).Lsh(big.NewInt(1), 64)))
	b.write(rc, b.tempIs(b.sum(x0, u64Fixer)))
	b.write(rc, x0)
	b.write(rc, x1)
	b.assert(x, b.sum(b.tempIs(b.product(x1, two64)), x0))

	x0y := b.tempIs(b.product(x0, y))
	x1y := b.tempIs(b.product(x1, y))
	upper, bottom := b.temp(), b.temp()
	b.hint(casm.DivMod, of(x1y, two64), of(upper, bottom))
	b.write(rc, b.tempIs(b.sum(bottom, u64Fixer)))
	b.write(rc, bottom)
	b.write(rc, upper)
	b.assert(x1y, b.sum(b.tempIs(b.product(upper, two64)), bottom))

	shiftedBottom := b.tempIs(b.product(bottom, two64))
	carry, fixedCarry, shiftedCarry, lower := b.temp(), b.temp(), b.temp(), b.temp()
	b.assert(lower, b.sum(x0y, shiftedBottom)) // below 2^193
	limit := b.big(two128)
	b.hint(casm.DivMod, of(lower, limit), of(carry, low))
	b.assert(fixedCarry, b.sum(carry, b.big(new(big.Int).Sub(two128, new(big.Int).Lsh(big.NewInt(1), 65)))))
	b.write(rc, fixedCarry)
	b.write(rc, carry)
	b.write(rc, low)
	b.assert(shiftedCarry, b.product(carry, limit))
	b.assert(lower, b.sum(shiftedCarry, low))
	b.assert(high, b.sum(upper, carry))
	l.build(&b, checks(origRC, rc), ends(of(rc)))
}

// lowerU128sFromFelt returns the value if it has 128 bits, else its two 128-bit words. P - 1 = 2^128·maxHigh + 0.
func lowerU128sFromFelt(l *lowering) {
	maxHigh, _ := new(big.Int).SetString("10633823966279327296825105735305134080", 10)
	var b builder
	rc := b.buffer(3, l.single(0))
	v := b.deref(l.single(1))
	origRC := b.dup(rc)
	isU128 := b.temp()
	limit := b.big(two128)
	b.hint(casm.TestLessThan, of(v, limit), of(isU128))
	b.jumpIf(isU128, "NoOverflow")
	shifted, toMax, checked, x, y := b.temp(), b.temp(), b.temp(), b.temp(), b.temp()
	b.hint(casm.DivMod, of(v, limit), of(x, y))
	b.write(rc, x)
	b.write(rc, y)
	b.assert(shifted, b.product(x, limit))
	b.assert(v, b.sum(shifted, y))
	// 2^128·x + y does not wrap around if x < maxHigh, or x = maxHigh and y = 0.
	b.assert(toMax, b.sum(x, b.big(new(big.Int).Neg(maxHigh))))
	b.jumpIf(toMax, "XNotMaxX")
	b.assert(checked, b.sum(y, b.big(two128Less1)))
	b.jump("WriteRcedValue")
	b.label("XNotMaxX")
	b.assert(checked, b.sum(x, b.big(new(big.Int).Sub(two128, maxHigh))))
	b.label("WriteRcedValue")
	b.write(rc, checked)
	b.jumpIf(x, "Failure")
	b.fail() // x is not zero
	b.label("NoOverflow")
	b.write(rc, v)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(v)), endsAt("Failure", of(rc), of(x), of(y)))
}

// lowerByteReverse swaps adjacent bytes, then pairs of bytes, then groups of four, then the 64-bit halves. Each step
// moves one half of the groups up over the other, so the value shifts up by 8, 16, 32 and 64 bits; the last product
// divides by 2^120.
func lowerByteReverse(l *lowering) {
	var b builder
	v := b.deref(l.single(1))
	ptr := b.buffer(20, l.single(0))
	shift := new(big.Int).Lsh(big.NewInt(1), 16)
	for _, mask := range [...]string{
		"00ff00ff00ff00ff00ff00ff00ff00ff",
		"00ffff0000ffff0000ffff0000ffff00",
		"00ffffffff00000000ffffffff000000",
		"00ffffffffffffffff00000000000000",
	} {
		m, _ := new(big.Int).SetString(mask, 16)
		b.write(ptr, v)
		b.write(ptr, b.tempIs(b.big(m)))
		and := b.tempNext(ptr)
		b.next(ptr)
		b.next(ptr)
		shifted := b.tempIs(b.product(and, b.big(new(big.Int).Sub(shift, big.NewInt(1)))))
		v = b.tempIs(b.sum(v, shifted))
		shift = new(big.Int).Mul(shift, shift)
	}
	inverse, _ := new(big.Int).SetString("-800000000000011000000000000000000", 16)
	l.build(&b, noUsage, ends(of(ptr), of(b.product(v, b.big(inverse)))))
}

// lowerU32Guarantees splits 128 bits into four words, whose bounds must be verified later.
func lowerU32Guarantees(l *lowering) {
	var b builder
	v := b.deref(l.single(0))
	two32 := b.constant(1 << 32)
	shifted123, shifted23, shifted3, w123, w23 := b.temp(), b.temp(), b.temp(), b.temp(), b.temp()
	w0, w1, w2, w3 := b.temp(), b.temp(), b.temp(), b.temp()
	b.hint(casm.DivMod, of(v, two32), of(w123, w0))
	b.hint(casm.DivMod, of(w123, two32), of(w23, w1))
	b.hint(casm.DivMod, of(w23, two32), of(w3, w2))
	b.addAP(3)
	b.assert(shifted123, b.product(w123, two32))
	b.assert(v, b.sum(shifted123, w0))
	b.assert(shifted23, b.product(w23, two32))
	b.assert(w123, b.sum(shifted23, w1))
	b.assert(shifted3, b.product(w3, two32))
	b.assert(w23, b.sum(shifted3, w2))
	l.build(&b, noUsage, ends(of(w0), of(w1), of(w2), of(w3)))
}
