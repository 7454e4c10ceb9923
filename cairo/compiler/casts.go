package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

// castRows returns the rows of the casts between integer types.
func castRows() map[string]row {
	return map[string]row{
		"upcast":   {cost: free, ap: aps(0), lower: lowerIdentity},
		"downcast": {cost: downcastCost, ap: downcastAP, lower: lowerDowncast},
	}
}

// downcast is what a downcast must check.
type downcast struct {
	from, to     sierra.Range
	above, below bool // whether the value may be above or below the target's range
}

// downcast returns the checks of the libfunc's downcast.
func (l *libfunc) downcast() downcast {
	from, to := l.typeArg(0), l.typeArg(1)
	d := downcast{from: l.rangeOf(from)}
	ok := false
	// A felt near the prime is not a negative number, so the target's range is intersected with the source's.
	if d.to, ok = l.rangeOf(to).Intersect(d.from); !ok {
		reject("downcast between disjoint ranges")
	}
	if from == to && d.from.Lower.Sign() == 0 {
		// The official compiler treats the cast of an unsigned type to itself as if it could overflow.
		d.above = true
		return d
	}
	d.above = d.to.Upper.Cmp(d.from.Upper) < 0
	d.below = d.to.Lower.Cmp(d.from.Lower) > 0
	return d
}

// zeroIs returns 0 if v is zero, because comparing with a zero bound needs no arithmetic, else 1.
func zeroIs(v *big.Int) int { return oneIf(v.Sign() != 0) }

// fixUpper returns 1 if a range check of value + 2^128 - upper needs arithmetic.
func fixUpper(upper *big.Int) int { return oneIf(upper.Cmp(two128) != 0) }

func downcastCost(l *libfunc) []branchCost {
	d := l.downcast()
	below, above := zeroIs(d.to.Lower), zeroIs(d.to.Upper)
	switch {
	case d.from.IsFull():
		return regular(stepsRC(3+below+fixUpper(d.to.Upper), 2), stepsRC(9+above, 3))
	case d.above && d.below:
		return regular(stepsRC(4+below, 2), stepsRC(5, 1))
	case d.above:
		return regular(stepsRC(3, 1), stepsRC(3+above, 1))
	case d.below:
		return regular(stepsRC(2+below, 1), stepsRC(4, 1))
	}
	return regular(constCost{}, constCost{})
}

func downcastAP(l *libfunc) []apChange {
	d := l.downcast()
	below, above := zeroIs(d.to.Lower), zeroIs(d.to.Upper)
	switch {
	case d.from.IsFull():
		return knownAP(1+below+fixUpper(d.to.Upper), 6+above)
	case d.above && d.below:
		return knownAP(2+below, 3)
	case d.above:
		return knownAP(2, 1+above)
	case d.below:
		return knownAP(1+below, 2)
	}
	return knownAP(0, 0)
}

func lowerDowncast(l *lowering) {
	d := l.lf.downcast()
	if d.from.IsFull() {
		lowerRangeReduction(l, d.to, true)
		return
	}
	if !d.from.IsSmall() || !d.to.IsSmall() {
		reject("downcast of more than 128 bits")
	}
	var b builder
	rc := b.buffer(1, l.single(0))
	v := b.deref(l.single(1))
	origRC := b.dup(rc)
	switch {
	case d.above && d.below:
		b.downcastBoth(v, rc, d.to)
	case d.above:
		// v is valid if v - upper is negative, that is at least 2^128 in the field.
		diff := b.sum(v, b.big(new(big.Int).Neg(d.to.Upper)))
		valid := b.temp()
		b.hint(casm.TestLessThanOrEqual, of(b.big(two128), diff), of(valid))
		b.jumpIf(valid, "Success")
		b.checkGE(rc, v, d.to.Upper)
		b.jump("Failure")
		b.label("Success")
		b.checkLT(rc, v, d.to.Upper)
	case d.below:
		diff := b.sum(v, b.big(new(big.Int).Neg(d.to.Lower)))
		valid := b.temp()
		b.hint(casm.TestLessThan, of(diff, b.big(two128)), of(valid))
		b.jumpIf(valid, "Success")
		b.checkLT(rc, v, d.to.Lower)
		b.jump("Failure")
		b.label("Success")
		b.checkGE(rc, v, d.to.Lower)
	default:
		pointer, value := l.refs[0].cells, l.refs[1].cells
		l.finish(nil, [][]casm.Operand{pointer, value}, [][]casm.Operand{pointer})
		return
	}
	l.build(&b, checks(origRC, rc), ends(of(rc), of(v)), endsAt("Failure", of(rc)))
}

// downcastBoth checks a downcast whose value may be above or below the target's range.
func (b *builder) downcastBoth(v, rc cellVar, to sierra.Range) {
	canonical := b.sum(v, b.big(new(big.Int).Neg(to.Lower)))
	valid := b.temp()
	b.hint(casm.TestLessThan, of(canonical, b.big(to.Size())), of(valid))
	b.jumpIf(valid, "Success")
	above := b.temp()
	b.hint(casm.TestLessThan, of(canonical, b.big(two128)), of(above))
	b.jumpIf(above, "OverflowAbove")
	// If a check needs no cell, one is skipped, so that both failing paths agree on ap.
	before := b.apChange
	b.checkLT(rc, v, to.Lower)
	if b.apChange == before {
		b.temp()
	}
	b.jump("Failure")
	b.label("OverflowAbove")
	before = b.apChange
	b.checkGE(rc, v, to.Upper)
	if b.apChange == before {
		b.temp()
	}
	b.jump("Failure")
	b.label("Success")
	b.checkGE(rc, v, to.Lower)
	b.checkLT(rc, v, to.Upper)
}

// checkLT shows v < bound by range-checking v + 2^128 - bound.
func (b *builder) checkLT(rc, v cellVar, bound *big.Int) {
	b.write(rc, b.cell(b.sum(v, b.big(new(big.Int).Sub(two128, bound)))))
}

// checkGE shows v ≥ bound by range-checking v - bound.
func (b *builder) checkGE(rc, v cellVar, bound *big.Int) {
	b.write(rc, b.cell(b.difference(v, b.big(bound))))
}

// boundedRows returns the rows of bounded integers.
func boundedRows() map[string]row {
	return map[string]row{
		"bounded_int_add": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Add) }},
		"bounded_int_sub": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Sub) }},
		"bounded_int_mul": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Mul) }},
		"bounded_int_div_rem": {
			cost: func(l *libfunc) []branchCost {
				return regular([...]constCost{stepsRC(7, 3), stepsRC(9, 4), stepsRC(11, 4)}[l.divRem().Kind])
			},
			ap:    func(l *libfunc) []apChange { return knownAP([...]int{5, 6, 7}[l.divRem().Kind]) },
			lower: func(l *lowering) { lowerDivRem(l, l.lf.rangeOf(l.lf.typeArg(0)), l.lf.rangeOf(l.lf.typeArg(1))) },
		},
		"bounded_int_constrain": {
			cost: func(l *libfunc) []branchCost {
				return regular(stepsRC(2+fixUpper(l.valueArg(1)), 1), stepsRC(3+zeroIs(l.valueArg(1)), 1))
			},
			ap:    func(l *libfunc) []apChange { return knownAP(1+fixUpper(l.valueArg(1)), 1+zeroIs(l.valueArg(1))) },
			lower: lowerConstrain,
		},
		"bounded_int_trim_min":      trimRow((*libfunc).lowest),
		"bounded_int_trim_max":      trimRow((*libfunc).highest),
		"bounded_int_is_zero":       {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: lowerIsZero},
		"bounded_int_wrap_non_zero": {cost: free, ap: aps(0), lower: lowerIdentity},
		"bounded_int_guarantee_verify": {
			cost: func(l *libfunc) []branchCost {
				r := l.boundsArgs()
				return regular(stepsRC(2+zeroIs(r.Lower)+fixUpper(r.Upper), 2))
			},
			ap: func(l *libfunc) []apChange {
				r := l.boundsArgs()
				return knownAP(zeroIs(r.Lower) + fixUpper(r.Upper))
			},
			lower: func(l *lowering) {
				r := l.lf.boundsArgs()
				var b builder
				rc := b.buffer(2, l.single(0))
				v := b.deref(l.single(1))
				origRC := b.dup(rc)
				b.checkGE(rc, v, r.Lower)
				b.checkLT(rc, v, r.Upper)
				l.build(&b, checks(origRC, rc), ends(of(rc)))
			},
		},
	}
}

// boundsArgs returns the range whose minimum and maximum are the two generic arguments.
func (l *libfunc) boundsArgs() sierra.Range {
	return sierra.Range{Lower: l.valueArg(0), Upper: new(big.Int).Add(l.valueArg(1), big.NewInt(1))}
}

// divRem returns the division algorithm for the types of the generic arguments.
func (l *libfunc) divRem() sierra.DivRem {
	d, ok := sierra.DivRemAlgorithm(l.rangeOf(l.typeArg(0)), l.rangeOf(l.typeArg(1)))
	if !ok {
		reject("division of these ranges is not supported")
	}
	return d
}

// lowerDivRem checks x = q·y + r and r < y, and that q·y + r does not wrap around.
func lowerDivRem(l *lowering, left, right sierra.Range) {
	alg, ok := sierra.DivRemAlgorithm(left, right)
	if !ok {
		reject("division of these ranges is not supported")
	}
	var b builder
	slack := 3
	if alg.Kind == sierra.SmallDivisor {
		slack = 2
	}
	rc := b.buffer(slack, l.single(0))
	x, y := b.deref(l.single(1)), b.deref(l.single(2))
	origRC := b.dup(rc)
	rPlus1, rest := b.temp(), b.temp()
	var qIsSmall, bounded cellVar
	switch alg.Kind {
	case sierra.SmallQuotient:
		bounded = b.temp()
	case sierra.SmallDividend:
		qIsSmall, bounded = b.temp(), b.temp()
	}
	product, q, r := b.temp(), b.temp(), b.temp()
	b.hint(casm.DivMod, of(x, y), of(q, r))
	// The order of the checks is fixed by the bytecode of the older division libfuncs.
	if alg.Kind != sierra.SmallDivisor {
		b.write(rc, q)
	}
	b.write(rc, r)
	b.assert(rPlus1, b.sum(r, b.constant(1)))
	b.assert(rest, b.difference(y, rPlus1))
	b.write(rc, rest)
	switch alg.Kind {
	case sierra.SmallDivisor:
		b.write(rc, q)
	case sierra.SmallQuotient:
		b.assert(bounded, b.sum(q, b.big(new(big.Int).Sub(two128, alg.Bound))))
		b.write(rc, bounded)
	case sierra.SmallDividend:
		// Either q or y is below the bound.
		b.hint(casm.TestLessThan, of(q, b.big(alg.Bound)), of(qIsSmall))
		fixer := b.big(new(big.Int).Sub(two128, alg.Bound))
		b.jumpIf(qIsSmall, "QIsSmall")
		b.assert(bounded, b.sum(y, fixer))
		b.jump("VerifyBQ")
		b.label("QIsSmall")
		b.assert(bounded, b.sum(q, fixer))
		b.label("VerifyBQ")
		b.write(rc, bounded)
	}
	b.assert(product, b.product(y, q))
	b.assert(x, b.sum(product, r))
	l.build(&b, checks(origRC, rc), ends(of(rc), of(q), of(r)))
}

// lowerConstrain tests whether a value is below a boundary.
func lowerConstrain(l *lowering) {
	boundary := l.lf.valueArg(1)
	var b builder
	rc := b.buffer(1, l.single(0))
	v := b.deref(l.single(1))
	origRC := b.dup(rc)
	under := b.temp()
	canonical := b.sum(v, b.big(new(big.Int).Neg(boundary)))
	b.hint(casm.TestLessThanOrEqual, of(b.big(two128), canonical), of(under))
	b.jumpIf(under, "Under")
	b.write(rc, b.cell(canonical))
	b.jump("Over")
	b.label("Under")
	b.checkLT(rc, v, boundary)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(v)), endsAt("Over", of(rc), of(v)))
}

func (l *libfunc) lowest() *big.Int  { return l.rangeOf(l.typeArg(0)).Lower }
func (l *libfunc) highest() *big.Int { return l.rangeOf(l.typeArg(0)).Max() }

// trimRow returns the row of a libfunc that tests whether a value is the minimum or maximum of its range.
func trimRow(end func(*libfunc) *big.Int) row {
	return row{
		cost: func(l *libfunc) []branchCost {
			n := 1 + zeroIs(end(l))
			return regular(steps(n), steps(n))
		},
		ap: func(l *libfunc) []apChange {
			n := zeroIs(end(l))
			return knownAP(n, n)
		},
		lower: func(l *lowering) {
			var b builder
			v := b.deref(l.single(0))
			diff := b.cell(b.difference(v, b.big(end(l.lf))))
			b.jumpIf(diff, "Target")
			l.build(&b, noUsage, ends(), endsAt("Target", of(v)))
		},
	}
}

// rangeRows returns the rows of integer ranges [start, end).
func rangeRows() map[string]row {
	return map[string]row{
		"int_range_try_new": {cost: costs(stepsRC(3, 1), stepsRC(5, 1)), ap: aps(2, 3), lower: func(l *lowering) {
			var b builder
			start, end := b.deref(l.single(1)), b.deref(l.single(2))
			rc := b.buffer(1, l.single(0))
			origRC := b.dup(rc)
			diff := b.tempIs(b.difference(end, start))
			bound := b.big(two128)
			valid := b.temp()
			b.hint(casm.TestLessThan, of(diff, bound), of(valid))
			b.jumpIf(valid, "Valid")
			b.write(rc, b.tempIs(b.sum(diff, bound)))
			b.jump("Failure")
			b.label("Valid")
			b.write(rc, diff)
			l.build(&b, checks(origRC, rc), ends(of(rc), of(start, end)), endsAt("Failure", of(rc), of(end, end)))
		}},
		"int_range_pop_front": {cost: costs(steps(2), steps(2)), ap: aps(1, 1), lower: func(l *lowering) {
			var b builder
			start, end := l.array(&b, 0)
			rest := b.sum(start, b.constant(1))
			nonEmpty := b.tempIs(b.difference(end, start))
			b.jumpIf(nonEmpty, "NonEmpty")
			l.build(&b, noUsage, ends(), endsAt("NonEmpty", of(rest, end), of(start)))
		}},
	}
}

// signedRows returns the rows of the signed integers.
func signedRows() map[string]row {
	rows := map[string]row{}
	for _, bits := range [...]uint{8, 16, 32, 64, 128} {
		half := new(big.Int).Lsh(big.NewInt(1), bits-1)
		r := sierra.Range{Lower: new(big.Int).Neg(half), Upper: half}
		name := "i" + big.NewInt(int64(bits)).String()
		rows[name+"_const"] = row{cost: free, ap: aps(0), lower: lowerConstValue}
		rows[name+"_to_felt252"] = row{cost: free, ap: aps(0), lower: lowerIdentity}
		rows[name+"_eq"] = row{cost: costs(steps(2), steps(3)), ap: aps(1, 1), lower: lowerEqual}
		rows[name+"_diff"] = row{cost: costs(stepsRC(3, 1), stepsRC(5, 1)), ap: aps(2, 3),
			lower: func(l *lowering) { lowerSmallDiff(l, r.Size()) }}
		fromFelt := row{cost: costs(stepsRC(5, 2), stepsRC(10, 3)), ap: aps(3, 7),
			lower: func(l *lowering) { lowerRangeReduction(l, r, false) }}
		operation := func(op casm.Operator) row {
			return row{cost: costs(stepsRC(6, 2), stepsRC(6, 1), stepsRC(6, 1)), ap: aps(4, 4, 4),
				lower: func(l *lowering) { lowerSignedOperation(l, r, op) }}
		}
		add, sub := operation(casm.Add), operation(casm.Sub)
		if bits == 128 {
			// One range check covers all 128 bits.
			fromFelt.cost, fromFelt.ap = costs(stepsRC(3, 1), stepsRC(10, 3)), aps(2, 7)
			add.cost, add.ap = costs(stepsRC(4, 1), stepsRC(6, 1), stepsRC(6, 1)), aps(3, 4, 4)
			sub.cost, sub.ap = add.cost, add.ap
		} else {
			rows[name+"_wide_mul"] = row{cost: free, ap: aps(0), lower: lowerWideMul}
		}
		rows[name+"_try_from_felt252"] = fromFelt
		rows[name+"_overflowing_add_impl"] = add
		rows[name+"_overflowing_sub_impl"] = sub
	}
	return rows
}

// lowerSignedOperation adds or subtracts; below and above the range the result wraps around.
func lowerSignedOperation(l *lowering, r sierra.Range, op casm.Operator) {
	var b builder
	rc := b.buffer(1, l.single(0))
	x, y := b.deref(l.single(1)), b.deref(l.single(2))
	origRC := b.dup(rc)
	v := b.tempIs(b.binOp(op, x, y))
	size := b.big(r.Size())
	canonical := b.sum(v, b.big(new(big.Int).Neg(r.Lower)))
	inRange := b.temp()
	b.hint(casm.TestLessThan, of(canonical, size), of(inRange))
	b.jumpIf(inRange, "IsInRange")
	above := b.temp()
	b.hint(casm.TestLessThan, of(v, b.big(two128)), of(above))
	b.jumpIf(above, "IsAbove")
	// v + 2^128 - lower < 2^128 shows v < lower.
	b.write(rc, b.tempIs(b.sum(v, b.big(new(big.Int).Sub(two128, r.Lower)))))
	fixedBelow := b.sum(v, size)
	b.jump("Below")
	b.label("IsAbove")
	b.write(rc, b.tempIs(b.difference(v, b.big(r.Upper))))
	fixedAbove := b.difference(v, size)
	b.jump("Above")
	b.label("IsInRange")
	b.write(rc, b.tempIs(canonical))
	if r.Size().Cmp(two128) != 0 {
		b.write(rc, b.tempIs(b.sum(v, b.big(new(big.Int).Sub(two128, r.Upper)))))
	}
	l.build(&b, checks(origRC, rc),
		ends(of(rc), of(v)),
		endsAt("Below", of(rc), of(fixedBelow)),
		endsAt("Above", of(rc), of(fixedAbove)))
}
