package compiler

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// ecRows returns the rows of the STARK curve's arithmetic. A state is a point plus a random point, with a pointer to the
// random point, so that additions never meet equal or opposite points.
func ecRows() map[string]row {
	return map[string]row{
		"ec_point_zero": {cost: free, ap: aps(0), lower: func(l *lowering) { l.only([]casm.Operand{casm.Imm(0), casm.Imm(0)}) }},
		"ec_point_unwrap": {cost: free, ap: aps(0), lower: func(l *lowering) {
			var b builder
			x, y := l.array(&b, 0)
			l.build(&b, noUsage, ends(of(x), of(y)))
		}},
		"ec_neg":    {cost: free, ap: aps(0), lower: lowerECNeg},
		"ec_neg_nz": {cost: free, ap: aps(0), lower: lowerECNeg},
		// No point has y = 0.
		"ec_point_is_zero": {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: func(l *lowering) {
			var b builder
			x, y := l.array(&b, 0)
			b.jumpIf(y, "Target")
			l.build(&b, noUsage, ends(), endsAt("Target", of(x, y)))
		}},
		"ec_point_try_new_nz":      {cost: costs(steps(7), steps(7)), ap: aps(6, 6), lower: lowerECTryNew},
		"ec_point_from_x_nz":       {cost: costs(stepsRC(14, 3), steps(9)), ap: aps(11, 7), lower: lowerECFromX},
		"ec_state_init":            {cost: costs(steps(7)), ap: aps(7), lower: lowerECInit},
		"ec_state_add":             {cost: costs(steps(10)), ap: aps(9), lower: lowerECAdd},
		"ec_state_try_finalize_nz": {cost: costs(steps(12), steps(6)), ap: aps(11, 3), lower: lowerECFinalize},
		"ec_state_add_mul":         {cost: builtin(steps(5), EcOp, 1), ap: aps(0), lower: lowerECAddMul},
	}
}

func lowerECNeg(l *lowering) {
	var b builder
	x, y := l.array(&b, 0)
	l.build(&b, noUsage, ends(of(x, b.product(y, b.constant(-1)))))
}

// curveRight asserts that right is x³ + x + beta. aux are three unused cells.
func (b *builder) curveRight(x cellVar, aux [3]cellVar, right cellVar) {
	beta := b.big(starkcurve.Beta.BigInt())
	b.assert(aux[0], b.product(x, x))
	b.assert(aux[1], b.product(aux[0], x))
	b.assert(aux[2], b.sum(x, beta))
	b.assert(right, b.sum(aux[1], aux[2]))
}

// addPoints returns the sum of two points, from the slope of the line through them. numerator is the difference of the y
// coordinates.
func (b *builder) addPoints(x0, y0, x1, numerator, denominator cellVar) (x, y cellVar) {
	slope := b.tempIs(b.quotient(numerator, denominator))
	slope2 := b.tempIs(b.product(slope, slope))
	sumX := b.tempIs(b.sum(x0, x1))
	xDiff, change := b.temp(), b.temp()
	x, y = b.temp(), b.temp()
	b.assert(x, b.difference(slope2, sumX))
	b.assert(xDiff, b.difference(x0, x))
	b.assert(change, b.product(slope, xDiff))
	b.assert(y, b.difference(change, y0))
	return x, y
}

func lowerECTryNew(l *lowering) {
	var b builder
	x, y := b.deref(l.single(0)), b.deref(l.single(1))
	left, right := b.temp(), b.temp()
	aux := [3]cellVar{b.temp(), b.temp(), b.temp()}
	b.assert(left, b.product(y, y))
	b.curveRight(x, aux, right)
	diff := b.tempIs(b.difference(left, right))
	b.jumpIf(diff, "NotOnCurve")
	l.build(&b, noUsage, ends(of(x, y)), endsAt("NotOnCurve"))
}

// lowerECFromX gets y from a hint: a square root of the right side or, if there is none, of three times the right side (3
// is not a square). Of the two roots it takes the one below P/2.
func lowerECFromX(l *lowering) {
	var b builder
	rc := b.buffer(2, l.single(0))
	x := b.deref(l.single(1))
	origRC := b.dup(rc)
	right := b.temp()
	aux := [3]cellVar{b.temp(), b.temp(), b.temp()}
	b.curveRight(x, aux, right)
	y := b.temp()
	b.hint(casm.FieldSqrt, of(right), of(y))
	left := b.temp()
	b.assert(left, b.product(y, y))
	diff := b.tempIs(b.difference(left, right))
	b.jumpIf(diff, "VerifyNotOnCurve")
	b.jump("OnCurve")
	b.label("VerifyNotOnCurve")
	b.assert(left, b.product(right, b.constant(3)))
	b.jump("NotOnCurve")
	b.label("OnCurve")
	cells := []cellVar{b.temp(), b.temp(), b.temp(), b.temp()}
	b.underLimit(1, fieldHalf(1), y, rc, cells)
	l.build(&b, checks(origRC, rc), ends(of(rc), of(x, y)), endsAt("NotOnCurve", of(rc)))
}

func lowerECInit(l *lowering) {
	var b builder
	y2 := b.temp()
	aux := [3]cellVar{b.temp(), b.temp(), b.temp()}
	x, y, ptr := b.temp(), b.temp(), b.temp()
	b.hint(casm.RandomEcPoint, nil, of(x, y))
	b.hint(casm.AllocConstantSize, of(b.constant(2)), of(ptr))
	b.assert(x, b.at(ptr, 0))
	b.assert(y, b.at(ptr, 1))
	b.assert(y2, b.product(y, y))
	b.curveRight(x, aux, y2)
	l.build(&b, noUsage, ends(of(x, y, ptr)))
}

// state brings the three cells of an elliptic curve state into scope.
func (l *lowering) state(b *builder, i int) (x, y, ptr cellVar) {
	c := l.cells(i, 3)
	return b.deref(c[0]), b.deref(c[1]), b.deref(c[2])
}

func lowerECAdd(l *lowering) {
	var b builder
	px, py := l.array(&b, 1)
	sx, sy, ptr := l.state(&b, 0)
	denominator := b.tempIs(b.difference(px, sx))
	b.jumpIf(denominator, "NotSameX")
	b.fail() // the state is random: only a dishonest prover reaches equal x coordinates
	b.label("NotSameX")
	numerator := b.tempIs(b.difference(py, sy))
	x, y := b.addPoints(px, py, sx, numerator, denominator)
	l.build(&b, noUsage, ends(of(x, y, ptr)))
}

// lowerECFinalize subtracts the random point. The result may be the point at infinity.
func lowerECFinalize(l *lowering) {
	var b builder
	x, y, ptr := l.state(&b, 0)
	rx := b.tempAt(ptr, 0)
	ry := b.tempAt(ptr, 1)
	denominator := b.tempIs(b.difference(x, rx))
	b.jumpIf(denominator, "NotSameX")
	b.assert(y, b.dup(ry))
	b.jump("SumIsInfinity")
	b.label("NotSameX")
	numerator := b.tempIs(b.sum(y, ry))
	sx, sy := b.addPoints(x, y, rx, numerator, denominator)
	l.build(&b, noUsage, ends(of(sx, sy)), endsAt("SumIsInfinity"))
}

func lowerECAddMul(l *lowering) {
	var b builder
	ptr := b.buffer(6, l.single(0))
	sx, sy, random := l.state(&b, 1)
	px, py := l.array(&b, 3)
	m := b.deref(l.single(2))
	for _, v := range [...]cellVar{sx, sy, px, py, m} {
		b.write(ptr, v)
	}
	x, y := b.next(ptr), b.next(ptr)
	l.build(&b, noUsage, ends(of(ptr), of(x, y, random)))
}
