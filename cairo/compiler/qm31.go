package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// qm31Part is the number of bits of each of the four parts of a qm31 in a felt.
const qm31Part = 36

// qm31Rows returns the rows of arithmetic in the field of Stwo, for which the machine has extended opcodes.
func qm31Rows() map[string]row {
	rows := map[string]row{
		"qm31_const": {cost: free, ap: aps(0), lower: func(l *lowering) {
			v := new(big.Int)
			for i := len(l.lf.Args) - 1; i >= 0; i-- {
				v.Add(v.Lsh(v, qm31Part), l.lf.valueArg(i))
			}
			l.only(value(casm.ImmBig(v)))
		}},
		"qm31_is_zero":  {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: lowerIsZero},
		"qm31_pack":     {cost: costs(steps(6)), ap: aps(6), lower: lowerQM31Pack},
		"qm31_unpack":   {cost: costs(stepsRC(15, 5)), ap: aps(13), lower: lowerQM31Unpack},
		"qm31_from_m31": {cost: free, ap: aps(0), lower: lowerIdentity},
	}
	for name, op := range map[string]casm.Operator{"add": casm.Add, "sub": casm.Sub, "mul": casm.Mul, "div": casm.Div} {
		r := row{cost: costs(steps(1)), ap: aps(1), lower: func(l *lowering) {
			var b builder
			x, y := b.deref(l.single(0)), b.derefOrImm(l.single(1))
			v := b.binOp(op, x, y)
			result := b.temp()
			b.assertOp(casm.AssertEqQM31, result, v)
			l.build(&b, noUsage, ends(of(result)))
		}}
		rows["qm31_"+name], rows["m31_"+name] = r, r
	}
	return rows
}

func lowerQM31Pack(l *lowering) {
	var b builder
	shift := b.constant(1 << qm31Part)
	w := []cellVar{b.deref(l.single(0)), b.deref(l.single(1)), b.deref(l.single(2)), b.deref(l.single(3))}
	v := w[3]
	for i := 2; i >= 0; i-- {
		v = b.plus(b.tempIs(b.product(v, shift)), w[i])
	}
	l.build(&b, noUsage, ends(of(v)))
}

// lowerQM31Unpack splits with hints. The parts are in range if their sum is.
func lowerQM31Unpack(l *lowering) {
	var b builder
	rc := b.buffer(5, l.single(0))
	v := b.deref(l.single(1))
	origRC := b.dup(rc)
	shift := b.constant(1 << qm31Part)
	split := func(v cellVar) (part, rest cellVar) {
		part, rest = b.temp(), b.temp()
		b.hint(casm.DivMod, of(v, shift), of(rest, part))
		return part, rest
	}
	w0, w321 := split(v)
	w1, w32 := split(w321)
	w2, w3 := split(w32)
	b.assert(w32, b.sum(b.tempIs(b.product(w3, shift)), w2))
	b.assert(w321, b.sum(b.tempIs(b.product(w32, shift)), w1))
	b.assert(v, b.sum(b.tempIs(b.product(w321, shift)), w0))
	for _, w := range [...]cellVar{w0, w1, w2, w3} {
		b.write(rc, w)
	}
	w01 := b.plus(w0, w1)
	w23 := b.plus(w2, w3)
	sum := b.plus(w01, w23)
	b.write(rc, b.plus(sum, b.big(checkFixer(qm31Part))))
	l.build(&b, checks(origRC, rc), ends(of(rc), of(w0), of(w1), of(w2), of(w3)))
}
