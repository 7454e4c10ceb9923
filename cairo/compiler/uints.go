package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// uintRows returns the rows of the unsigned integers of 8 to 64 bits.
func uintRows() map[string]row {
	rows := map[string]row{}
	for _, bits := range [...]uint{8, 16, 32, 64} {
		limit := new(big.Int).Lsh(big.NewInt(1), bits)
		u := "u" + big.NewInt(int64(bits)).String()
		for name, r := range map[string]row{
			"_const":      {cost: free, ap: aps(0), lower: lowerConstValue},
			"_to_felt252": {cost: free, ap: aps(0), lower: lowerIdentity},
			"_wide_mul":   {cost: free, ap: aps(0), lower: lowerWideMul},
			"_overflowing_add": {cost: costs(stepsRC(4, 1), stepsRC(5, 1)), ap: aps(3, 3),
				lower: func(l *lowering) { lowerOverflowingAdd(l, limit) }},
			"_overflowing_sub": {cost: costs(stepsRC(3, 1), stepsRC(5, 1)), ap: aps(2, 3),
				lower: func(l *lowering) { lowerSmallDiff(l, limit) }},
			"_sqrt": {cost: costs(stepsRC(9, 4)), ap: aps(6), lower: lowerSqrt},
			"_eq":   {cost: costs(steps(2), steps(3)), ap: aps(1, 1), lower: lowerEqual},
			"_try_from_felt252": {cost: costs(stepsRC(4, 2), stepsRC(10, 3)), ap: aps(2, 7),
				lower: func(l *lowering) { lowerRangeReduction(l, sierra.Range{Lower: new(big.Int), Upper: limit}, true) }},
			"_is_zero": {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: lowerIsZero},
			"_safe_divmod": {cost: costs(stepsRC(7, 3)), ap: aps(5), lower: func(l *lowering) {
				lowerDivRem(l, sierra.Range{Lower: new(big.Int), Upper: limit}, sierra.Range{Lower: big.NewInt(1), Upper: limit})
			}},
			"_bitwise": {cost: builtin(steps(2), Bitwise, 1), ap: aps(0), lower: lowerBitwise},
		} {
			rows[u+name] = r
		}
	}
	return rows
}

// fieldHalf returns n/2 in the field.
func fieldHalf(n int64) *big.Int {
	v, two := felt.FromInt64(n), felt.FromUint64(2)
	v.Div(&v, &two)
	return v.BigInt()
}

// lowerWideMul multiplies two numbers whose product is below the prime.
func lowerWideMul(l *lowering) {
	var b builder
	x, y := b.deref(l.single(0)), b.derefOrImm(l.single(1))
	l.build(&b, noUsage, ends(of(b.product(x, y))))
}

// smallDiff is the code of x - y for numbers less than limit apart. A difference that is not negative is range-checked; a
// negative one wraps around.
type smallDiff struct {
	builder
	origRC, rc cellVar
	x, y       cellVar
	diff       cellVar // no overflow
	wrapped    cellVar // overflow: x - y + limit
}

// smallDiff returns the code of the difference of arguments 1 and 2.
func (l *lowering) smallDiff(limit *big.Int) *smallDiff {
	d := &smallDiff{}
	b := &d.builder
	d.rc = b.buffer(0, l.single(0))
	d.x, d.y = b.deref(l.single(1)), b.deref(l.single(2))
	d.origRC = b.dup(d.rc)
	ge := b.temp()
	d.diff = b.tempIs(b.difference(d.x, d.y))
	u128Limit, lim := b.big(two128), b.big(limit)
	b.hint(casm.TestLessThan, of(d.diff, lim), of(ge))
	b.jumpIf(ge, "NoOverflow")
	// -limit < x - y < 0.
	fixed := b.tempIs(b.sum(d.diff, u128Limit))
	b.write(d.rc, fixed)
	if d.wrapped = b.sum(d.diff, lim); limit.Cmp(two128) == 0 {
		d.wrapped = fixed
	}
	b.jump("Overflow")
	b.label("NoOverflow")
	b.write(d.rc, d.diff)
	return d
}

// lowerSmallDiff lowers the subtraction of integers in a range of limit values.
func lowerSmallDiff(l *lowering, limit *big.Int) {
	d := l.smallDiff(limit)
	l.build(&d.builder, checks(d.origRC, d.rc), ends(of(d.rc), of(d.diff)), endsAt("Overflow", of(d.rc), of(d.wrapped)))
}

// lowerOverflowingAdd lowers the addition of integers below limit, which wraps around.
func lowerOverflowingAdd(l *lowering, limit *big.Int) {
	var b builder
	rc := b.buffer(0, l.single(0))
	x, y := b.deref(l.single(1)), b.deref(l.single(2))
	origRC := b.dup(rc)
	noOverflow := b.temp()
	deferred := b.sum(x, y)
	fixer := b.big(new(big.Int).Sub(two128, limit))
	lim := b.big(limit)
	b.hint(casm.TestLessThan, of(deferred, lim), of(noOverflow))
	b.jumpIf(noOverflow, "NoOverflow")
	// limit ≤ x + y < 2·limit - 1.
	sum := b.tempIs(deferred)
	wrapped := b.tempIs(b.difference(sum, lim))
	b.write(rc, wrapped)
	b.jump("Target")
	b.label("NoOverflow")
	// x + y + 2^128 - limit < 2^128.
	fixed := b.temp()
	sum = b.tempIs(deferred)
	b.assert(fixed, b.sum(sum, fixer))
	b.write(rc, fixed)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(sum)), endsAt("Target", of(rc), of(wrapped)))
}

// lowerSqrt checks root < 2^125, root² ≤ value and value ≤ (root + 1)² - 1.
func lowerSqrt(l *lowering) {
	var b builder
	rc := b.buffer(3, l.single(0))
	v := b.deref(l.single(1))
	origRC := b.dup(rc)
	fixedRoot, squared, rest, twice, diff, root := b.temp(), b.temp(), b.temp(), b.temp(), b.temp(), b.temp()
	b.hint(casm.SquareRoot, of(v), of(root))
	fixer := new(big.Int).Sub(two128, new(big.Int).Lsh(big.NewInt(1), 125))
	b.assert(fixedRoot, b.sum(root, b.big(fixer)))
	b.write(rc, root)
	b.write(rc, fixedRoot)
	b.assert(squared, b.product(root, root))
	b.assert(rest, b.difference(v, squared))
	b.write(rc, rest)
	b.assert(twice, b.sum(root, root))
	b.assert(diff, b.difference(twice, rest))
	b.write(rc, diff)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(root)))
}

// underLimit adds code that checks v < limit, for a k of 1 or 2. It shows v = a·x + y with x ≤ 2^128 - k and y < c, where
// a and c are the quotient and remainder of limit by 2^128 - k; this is sound if a ≤ c. For k = 1 the code continues
// after the check; for k = 2 it jumps to Done. aux are allocated cells: four for k = 1, five for k = 2.
func (b *builder) underLimit(k int64, limit *big.Int, v, rc cellVar, aux []cellVar) {
	q, r := new(big.Int).QuoRem(limit, new(big.Int).Sub(two128, big.NewInt(k)), new(big.Int))
	if q.Cmp(r) > 0 {
		reject("k = %d is not supported for the limit %v", k, limit)
	}
	a, fix := b.big(q), b.big(new(big.Int).Sub(two128, r))
	u128Less1 := b.big(two128Less1)
	x, y, xPart, yFixed := aux[0], aux[1], aux[2], aux[3]
	if k == 1 {
		b.hint(casm.LinearSplit, of(v, a, u128Less1), of(x, y))
		b.assert(xPart, b.product(x, a))
		b.assert(v, b.sum(xPart, y))
		b.write(rc, x)
		b.write(rc, y)
		b.assert(yFixed, b.sum(y, fix))
		b.write(rc, yFixed)
		return
	}
	u128Less2 := b.big(new(big.Int).Sub(two128, big.NewInt(2)))
	b.hint(casm.LinearSplit, of(v, a, u128Less2), of(x, y))
	b.assert(xPart, b.product(x, a))
	b.assert(v, b.sum(xPart, y))
	b.write(rc, y)
	b.assert(yFixed, b.sum(y, fix))
	b.write(rc, yFixed)
	b.write(rc, x)
	b.assert(aux[4], b.difference(x, u128Less1))
	b.jumpIf(aux[4], "Done")
	b.fail() // x is not 2^128 - 1
}

// lowerRangeReduction checks that a felt is in a range of at most 2^128 values, and jumps if it is not.
func lowerRangeReduction(l *lowering, out sierra.Range, optimal bool) {
	prime := felt.Modulus()
	size := out.Size()
	if optimal && size.Cmp(new(big.Int).Mod(prime, two128Less1)) >= 0 || !out.IsSmall() {
		reject("the range of %v values is too large", size)
	}
	var b builder
	rc := b.buffer(0, l.single(0))
	v := b.deref(l.single(1))
	origRC := b.dup(rc)
	rangeSize := b.big(size)
	minusLower := b.big(new(big.Int).Neg(out.Lower))
	upper := b.big(out.Upper)
	canonical := b.sum(v, minusLower)
	inRange := b.temp()
	b.hint(casm.TestLessThan, of(canonical, rangeSize), of(inRange))
	b.jumpIf(inRange, "InRange")
	// Outside the range: value - upper < prime - size.
	outside := b.cell(b.difference(v, upper))
	aux := []cellVar{b.temp(), b.temp(), b.temp(), b.temp(), b.temp()}
	b.underLimit(2, new(big.Int).Sub(prime, size), outside, rc, aux)
	b.label("InRange")
	b.write(rc, b.cell(b.sum(v, minusLower)))
	if size.Cmp(two128) < 0 {
		fixer := b.big(new(big.Int).Sub(two128, out.Upper))
		b.write(rc, b.cell(b.sum(v, fixer)))
	}
	l.build(&b, checks(origRC, rc), ends(of(rc), of(v)), endsAt("Done", of(rc)))
}

// lowerTryFromFelt checks that a felt is in [0, 2^bits), for more than 128 bits, and jumps if it is not.
func lowerTryFromFelt(l *lowering, bits uint) {
	bound := new(big.Int).Lsh(big.NewInt(1), bits)
	var b builder
	rc := b.buffer(2, l.single(0))
	v := b.deref(l.single(1))
	aux := []cellVar{b.temp(), b.temp(), b.temp(), b.temp()}
	limit := b.big(bound)
	origRC := b.dup(rc)
	valid := b.temp()
	b.hint(casm.TestLessThan, of(v, limit), of(valid))
	b.jumpIf(valid, "IsValidValue")
	shifted := b.tempIs(b.difference(v, limit))
	b.underLimit(1, new(big.Int).Sub(felt.Modulus(), bound), shifted, rc, aux)
	b.jump("Failure")
	b.label("IsValidValue")
	b.underLimit(1, bound, v, rc, aux)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(v)), endsAt("Failure", of(rc)))
}

// lowerBitwise writes an instance of the bitwise builtin.
func lowerBitwise(l *lowering) {
	var b builder
	x, y := b.deref(l.single(1)), b.deref(l.single(2))
	ptr := b.buffer(4, l.single(0))
	b.write(ptr, x)
	b.write(ptr, y)
	and, xor, or := b.next(ptr), b.next(ptr), b.next(ptr)
	l.build(&b, noUsage, ends(of(ptr), of(and), of(xor), of(or)))
}
