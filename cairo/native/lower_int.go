package native

import (
	"math/big"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
)

// intRows returns the lowerings of integers, casts and bounded integers.
func intRows() map[string]lowering {
	rows := map[string]lowering{
		"bitwise": bitwise,
		"u128_guarantee_mul": func(l *invocation) { // the high word comes first
			v := l.values()
			p := l.mul128(v[0], v[1])
			l.out(0, p[2:], p[:2])
		},
		"u128_mul_guarantee_verify": nothing,
		"u128s_from_felt252": func(l *invocation) {
			w := l.helper(helperFromMont, l.values()[0])
			l.pushZero(w[2:])
			l.choose01([][]slot{w[:2]}, [][]slot{w[2:], w[:2]})
		},
		"u128_byte_reverse": func(l *invocation) { l.out(0, l.host("byte_reverse", l.values()[0])) },
		"u128_sqrt":         func(l *invocation) { l.out(0, l.host("u128_sqrt", l.values()[0])) },
		"u128_safe_divmod":  divMod128,
		"u256_is_zero":      isZero,
		"u256_safe_divmod":  divMod256,
		"u256_sqrt":         func(l *invocation) { l.out(0, l.host("u256_sqrt", l.values()[0])) },
		"u256_guarantee_inv_mod_n": func(l *invocation) {
			v := l.values()
			r := l.host("u256_inv_mod", v[0], v[1])
			l.pushZero(r[4:])
			l.op(opI32Eqz)
			l.choose01([][]slot{r[:4]}, nil)
		},
		"u512_safe_divmod_by_u256": func(l *invocation) {
			v := l.values()
			r := l.host("u512_divmod", v[0], v[1])
			l.out(0, r[:8], r[8:])
		},
		"upcast":   func(l *invocation) { l.out(0, l.convertTypes(l.values()[0])) },
		"downcast": downcast,
		"int_range_try_new": func(l *invocation) {
			v := l.values()
			_, class := l.c.ints(l.lf.Args[0].Type)
			l.pushLessEq(v[0], v[1], class)
			l.choose01([][]slot{join(v[0], v[1])}, [][]slot{join(v[1], v[1])}) // empty, at the end
		},
		"int_range_pop_front": func(l *invocation) {
			r := l.values()[0]
			n := len(r) / 2
			_, class := l.c.ints(l.lf.Args[0].Type)
			from, to := r[:n], r[n:]
			l.pushEqual(from, to)
			l.choose(0, func() { l.out(0) }, 1, func() {
				next := l.addInts(from, intSlots(big.NewInt(1), class), class)
				l.out(1, join(next, to), from)
			})
		},
		"bounded_int_add": boundedOp(opAdd), "bounded_int_sub": boundedOp(opSub), "bounded_int_mul": boundedOp(opMul),
		"bounded_int_div_rem":   boundedDivRem,
		"bounded_int_constrain": boundedConstrain,
		"bounded_int_trim_min":  boundedTrim(func(r sierra.Range) *big.Int { return r.Lower }),
		"bounded_int_trim_max":  boundedTrim(func(r sierra.Range) *big.Int { return r.Max() }),
		"bounded_int_is_zero":   isZero,
		"bounded_int_wrap_non_zero": func(l *invocation) {
			l.out(0, l.values()[0])
		},
	}
	for name, bits := range map[string]uint{"u8": 8, "u16": 16, "u32": 32, "u64": 64} {
		rows[name+"_const"] = intConst
		rows[name+"_eq"] = equal
		rows[name+"_is_zero"] = isZero
		rows[name+"_to_felt252"] = func(l *invocation) { l.out(0, l.convertTypes(l.values()[0])) }
		rows[name+"_try_from_felt252"] = downcast
		rows[name+"_overflowing_add"] = addWord(bits)
		rows[name+"_overflowing_sub"] = subWord(bits)
		rows[name+"_wide_mul"] = wideMul
		rows[name+"_bitwise"] = bitwise
		rows[name+"_sqrt"] = func(l *invocation) {
			v := l.values()[0]
			l.out(0, l.host("u128_sqrt", []slot{v[0], constant(0)}))
		}
		rows[name+"_safe_divmod"] = divModWord
	}
	for name, bits := range map[string]uint{"i8": 8, "i16": 16, "i32": 32, "i64": 64, "i128": 128} {
		rows[name+"_const"] = intConst
		rows[name+"_eq"] = equal
		rows[name+"_to_felt252"] = func(l *invocation) { l.out(0, l.convertTypes(l.values()[0])) }
		rows[name+"_try_from_felt252"] = downcast
		rows[name+"_overflowing_add_impl"] = signedOp(bits, true)
		rows[name+"_overflowing_sub_impl"] = signedOp(bits, false)
		rows[name+"_diff"] = signedDiff(bits)
		if bits < 128 {
			rows[name+"_wide_mul"] = wideMul
		}
	}
	rows["u128_const"] = intConst
	rows["u128_eq"] = equal
	rows["u128_is_zero"] = isZero
	rows["u128_to_felt252"] = func(l *invocation) { l.out(0, l.convertTypes(l.values()[0])) }
	rows["u128_overflowing_add"] = func(l *invocation) {
		v := l.values()
		x, y := v[0], v[1]
		lo, c := l.addCarry(x[0], y[0], constant(0))
		part := l.do(opAdd, x[1], y[1])
		sum := []slot{lo, l.do(opAdd, part, c)}
		l.pushAny(l.carried(part, x[1], y[1]), l.carried(sum[1], part, c))
		l.choose(1, func() { l.out(1, sum) }, 0, func() { l.out(0, sum) })
	}
	rows["u128_overflowing_sub"] = func(l *invocation) {
		v := l.values()
		x, y := v[0], v[1]
		lo, b := l.subBorrow(x[0], y[0], constant(0))
		part := l.do(opSub, x[1], y[1])
		diff := []slot{lo, l.do(opSub, part, b)}
		l.pushAny(comparison{opLtU, x[1], y[1]}, comparison{opLtU, part, b})
		l.choose(1, func() { l.out(1, diff) }, 0, func() { l.out(0, diff) })
	}
	return rows
}

// join joins the slots of several values.
func join(rows ...[]slot) []slot { return flat(rows) }

// comparison is the condition x op y.
type comparison struct {
	op   byte
	x, y slot
}

// carried returns the condition that sum, which is x + y modulo 2^64, overflowed.
func (a *asm) carried(sum, x, y slot) comparison {
	if x.known {
		x, y = y, x
	}
	return comparison{opLtU, sum, y}
}

// choice returns yes if the comparison holds, else no.
func (a *asm) choice(c comparison, yes, no slot) slot {
	a.push(yes, no)
	a.bin(c.op, c.x, c.y)
	a.op(opSelect)
	return a.pop()
}

// pushAny pushes whether any of the comparisons holds.
func (a *asm) pushAny(comparisons ...comparison) {
	some := false
	for _, c := range comparisons {
		if c.op == opLtU && c.y.known && c.y.value == 0 {
			continue
		}
		a.bin(c.op, c.x, c.y)
		if some {
			a.op(opI32Or)
		}
		some = true
	}
	if !some {
		a.i32(0)
	}
}

// intConst lowers constants of integer types.
func intConst(l *invocation) {
	_, class := l.c.ints(l.lf.Signature.Branches[0].Vars[0].Type)
	l.out(0, intSlots(l.lf.Args[0].Value, class))
}

// equal lowers comparisons: branch 0 if the arguments differ, branch 1 if they are equal.
func equal(l *invocation) {
	v := l.values()
	l.pushEqual(v[0], v[1])
	l.choose(1, func() { l.out(1) }, 0, func() { l.out(0) })
}

// addWord lowers additions of unsigned words: branch 0 gets the sum, branch 1 the wrapped sum if it overflowed.
func addWord(bits uint) lowering {
	return func(l *invocation) {
		v := l.values()
		x, y := v[0][0], v[1][0]
		sum := l.do(opAdd, x, y)
		if bits == 64 {
			l.bin(opGeU, sum, x)
			l.choose01([][]slot{{sum}}, [][]slot{{sum}})
			return
		}
		l.bin(opLtU, sum, constant(1<<bits))
		l.choose(0, func() { l.out(0, []slot{sum}) }, 1, func() { l.out(1, []slot{l.do(opSub, sum, constant(1<<bits))}) })
	}
}

// subWord lowers subtractions of unsigned words: branch 0 gets the difference, branch 1 the wrapped difference if it is negative.
func subWord(bits uint) lowering {
	return func(l *invocation) {
		v := l.values()
		x, y := v[0][0], v[1][0]
		diff := l.do(opSub, x, y)
		l.bin(opGeU, x, y)
		l.choose(0, func() { l.out(0, []slot{diff}) }, 1, func() {
			wrapped := diff
			if bits < 64 {
				wrapped = l.do(opAdd, diff, constant(1<<bits))
			}
			l.out(1, []slot{wrapped})
		})
	}
}

// extend returns an integer extended to 128 bits.
func (a *asm) extend(x []slot, class intClass) []slot {
	switch {
	case len(x) == 2:
		return x
	case class.signed():
		if x[0].known {
			return []slot{x[0], constant(uint64(int64(x[0].value) >> 63))}
		}
		return []slot{x[0], a.do(opShrS, x[0], constant(63))}
	}
	return []slot{x[0], constant(0)}
}

// add128 returns x + y modulo 2^128.
func (a *asm) add128(x, y []slot) []slot {
	lo, c := a.addCarry(x[0], y[0], constant(0))
	return []slot{lo, a.do(opAdd, a.do(opAdd, x[1], y[1]), c)}
}

// sub128 returns x - y modulo 2^128.
func (a *asm) sub128(x, y []slot) []slot {
	lo, b := a.subBorrow(x[0], y[0], constant(0))
	return []slot{lo, a.do(opSub, a.do(opSub, x[1], y[1]), b)}
}

// mulLow128 returns the low 128 bits of a product.
func (l *body) mulLow128(x, y []slot) []slot {
	p := l.helper(helperWide, x[:1], y[:1])
	cross := l.do(opAdd, l.do(opMul, x[0], y[1]), l.do(opMul, x[1], y[0]))
	return []slot{p[0], l.do(opAdd, p[1], cross)}
}

// mul128 returns the product of two u128 in four words. Most numbers fit one word, so a branch for those pays.
func (l *body) mul128(x, y []slot) []slot {
	if x[1].known || y[1].known {
		return l.mulWords(x, y)
	}
	return l.either(func() { l.pushZero([]slot{x[1], y[1]}) }, func() []slot {
		return append(l.helper(helperWide, x[:1], y[:1]), constant(0), constant(0))
	}, func() []slot { return l.mulWords(x, y) })
}

// mulWords does what mul128 does, without the branch.
func (l *body) mulWords(x, y []slot) []slot {
	p00 := l.helper(helperWide, x[:1], y[:1])
	p01 := l.helper(helperWide, x[:1], y[1:])
	p10 := l.helper(helperWide, x[1:], y[:1])
	p11 := l.helper(helperWide, x[1:], y[1:])
	w1, c1 := l.addCarry(p00[1], p01[0], constant(0))
	w1, c2 := l.addCarry(w1, p10[0], constant(0))
	w2, d1 := l.addCarry(p01[1], p10[1], c1)
	w2, d2 := l.addCarry(w2, p11[0], c2)
	return []slot{p00[0], w1, w2, l.do(opAdd, p11[1], l.do(opAdd, d1, d2))}
}

// wideMul lowers products whose type is twice as wide as the factors'.
func wideMul(l *invocation) {
	v := l.values()
	_, from := l.c.ints(l.lf.Signature.Params[0].Type)
	_, to := l.c.ints(l.lf.Signature.Branches[0].Vars[0].Type)
	if to.slots() == 1 {
		l.out(0, []slot{l.do(opMul, v[0][0], v[1][0])})
		return
	}
	if !from.signed() {
		l.out(0, l.helper(helperWide, v[0], v[1]))
		return
	}
	l.out(0, l.mulLow128(l.extend(v[0], from), l.extend(v[1], from)))
}

// bitwise lowers bitwise operations: and, xor, or.
func bitwise(l *invocation) {
	v := l.values()
	var out [3][]slot
	for k, op := range [3]byte{opAnd, opXor, opOr} {
		for i := range v[0] {
			out[k] = append(out[k], l.do(op, v[0][i], v[1][i]))
		}
	}
	l.out(0, out[:]...)
}

// signedOp lowers additions and subtractions of signed integers: branch 0 if the result is in range, branch 1 if it is below and branch 2
// if it is above. All branches get the wrapped result.
func signedOp(bits uint, add bool) lowering {
	return func(l *invocation) {
		v := l.values()
		n := len(v[0])
		if bits < 64 {
			op := byte(opAdd)
			if !add {
				op = opSub
			}
			r := l.do(op, v[0][0], v[1][0])
			half := uint64(1) << (bits - 1)
			under := l.flag(opLtS, r, constant(-half))
			over := l.flag(opGeS, r, constant(half))
			l.signedOut([]slot{r}, []slot{l.do(opAdd, r, constant(1<<bits))}, []slot{l.do(opSub, r, constant(1<<bits))}, under, over)
			return
		}
		// The wrapped result r overflowed iff two signs are set: those of x^r and y^r for a sum, of x^y and x^r for a difference.
		var r []slot
		x, y := v[0], v[1]
		switch {
		case n == 1 && add:
			r = []slot{l.do(opAdd, x[0], y[0])}
		case n == 1:
			r = []slot{l.do(opSub, x[0], y[0])}
		case add:
			r = l.add128(x, y)
		default:
			r = l.sub128(x, y)
		}
		xs, ys, rs := x[n-1], y[n-1], r[n-1]
		var overflow slot
		if add {
			overflow = l.do(opAnd, l.do(opXor, xs, rs), l.do(opXor, ys, rs))
		} else {
			overflow = l.do(opAnd, l.do(opXor, xs, ys), l.do(opXor, xs, rs))
		}
		overflow = l.do(opShrU, overflow, constant(63))
		// An overflowed result is below the range if x is negative, else above it.
		negative := l.do(opShrU, xs, constant(63))
		under := l.do(opAnd, overflow, negative)
		over := l.do(opAnd, overflow, l.do(opXor, negative, constant(1)))
		l.signedOut(r, r, r, under, over)
	}
}

// signedOut ends the three branches of signedOp.
func (l *invocation) signedOut(r, under, over []slot, isUnder, isOver slot) {
	l.open(opBlock, labelNone)
	l.push(isUnder)
	l.op(opI64Eqz)
	l.opN(opBrIf, 0)
	l.out(1, under)
	l.close()
	l.open(opBlock, labelNone)
	l.push(isOver)
	l.op(opI64Eqz)
	l.opN(opBrIf, 0)
	l.out(2, over)
	l.close()
	l.out(0, r)
}

// signedDiff lowers differences of signed integers: branch 0 gets x - y if x ≥ y, else branch 1 gets x - y + 2^bits.
func signedDiff(bits uint) lowering {
	return func(l *invocation) {
		v := l.values()
		if bits == 128 {
			l.pushLessEq(v[1], v[0], classI128)
			diff := l.sub128(v[0], v[1])
			l.choose01([][]slot{diff}, [][]slot{diff})
			return
		}
		diff := l.do(opSub, v[0][0], v[1][0])
		wrapped := diff
		if bits < 64 {
			wrapped = l.do(opAdd, diff, constant(1<<bits))
		}
		l.bin(opGeS, v[0][0], v[1][0])
		l.choose01([][]slot{{diff}}, [][]slot{{wrapped}})
	}
}

// pushLessEq pushes x ≤ y.
func (a *asm) pushLessEq(x, y []slot, class intClass) {
	switch class {
	case classU64:
		a.bin(opLeU, x[0], y[0])
	case classI64:
		a.bin(opLeS, x[0], y[0])
	case classU128, classI128:
		less := byte(opLtU)
		if class == classI128 {
			less = opLtS
		}
		a.bin(opLeU, x[0], y[0])
		a.bin(opEq, x[1], y[1])
		a.op(opI32And)
		a.bin(less, x[1], y[1])
		a.op(opI32Or)
	default:
		reject("a comparison of field elements")
	}
}

// pushLess pushes x < bound for an integer of the class. bound may be outside of the class's range.
func (a *asm) pushLess(x []slot, class intClass, bound *big.Int) {
	lower, upper := big.NewInt(0), two64
	switch class {
	case classI64:
		lower, upper = neg(two63), two63
	case classU128:
		upper = two128
	case classI128:
		lower, upper = neg(two127), two127
	}
	switch {
	case bound.Cmp(lower) <= 0:
		a.i32(0)
		return
	case bound.Cmp(upper) >= 0:
		a.i32(1)
		return
	}
	b := intSlots(bound, class)
	switch class {
	case classU64:
		a.bin(opLtU, x[0], b[0])
	case classI64:
		a.bin(opLtS, x[0], b[0])
	case classU128, classI128:
		less := byte(opLtU)
		if class == classI128 {
			less = opLtS
		}
		if b[0].value == 0 {
			a.bin(less, x[1], b[1])
			return
		}
		a.bin(opLtU, x[0], b[0])
		a.bin(opEq, x[1], b[1])
		a.op(opI32And)
		a.bin(less, x[1], b[1])
		a.op(opI32Or)
	default:
		reject("a comparison of field elements")
	}
}

// toFelt returns an integer of a class as a field element.
func (l *body) toFelt(x []slot, class intClass) []slot {
	if class == classFelt {
		return x
	}
	known := true
	for _, s := range x {
		known = known && s.known
	}
	if known {
		v := new(big.Int).SetUint64(x[0].value)
		if len(x) == 2 {
			v.Or(v, new(big.Int).Lsh(new(big.Int).SetUint64(x[1].value), 64))
		}
		if class == classI64 && v.Cmp(two63) >= 0 {
			v.Sub(v, two64)
		}
		if class == classI128 && v.Cmp(two127) >= 0 {
			v.Sub(v, two128)
		}
		return feltSlots(felt.FromBigInt(v))
	}
	switch class {
	case classU64:
		return l.helper(helperToMont64, x)
	case classU128:
		return l.helper(helperToMont128, x)
	}
	// Add 2^127, so that the number is not negative, and subtract it from the field element.
	wide := l.extend(x, class)
	shifted := l.do(opXor, wide[1], constant(1<<63))
	return l.helper(helperSub, l.helper(helperToMont128, []slot{wide[0], shifted}), feltSlots(felt.FromBigInt(two127)))
}

// fromFelt returns a field element as an integer of a class. Its value must be in the class's range.
func (l *body) fromFelt(x []slot, class intClass) []slot {
	switch class {
	case classFelt:
		return x
	case classU64, classU128:
		return l.helper(helperFromMont, x)[:class.slots()]
	}
	w := l.helper(helperFromMont, l.helper(helperAdd, x, feltSlots(felt.FromBigInt(two127))))
	return []slot{w[0], l.do(opXor, w[1], constant(1<<63))}[:class.slots()]
}

// convert returns a value in another class. The value must be in the ranges of both classes.
func (l *body) convert(x []slot, from, to intClass) []slot {
	switch {
	case from == to:
		return x
	case to == classFelt:
		return l.toFelt(x, from)
	case from == classFelt:
		return l.fromFelt(x, to)
	}
	return l.extend(x, from)[:to.slots()]
}

// convertTypes converts the argument x from the type of the first parameter that takes slots to that of the first result.
func (l *invocation) convertTypes(x []slot) []slot {
	_, from := l.c.ints(l.firstType(l.lf.Signature.Params))
	_, to := l.c.ints(l.lf.Signature.Branches[0].Vars[l.firstVar(0)].Type)
	return l.convert(x, from, to)
}

// firstType returns the first type of params that takes slots.
func (l *invocation) firstType(params []sierra.ParamSignature) sierra.TypeID {
	for _, p := range params {
		if l.c.size(p.Type) > 0 {
			return p.Type
		}
	}
	reject("libfunc %s has no argument", l.lf.Generic)
	return 0
}

// firstVar returns the index of a branch's first result that takes slots.
func (l *invocation) firstVar(branch int) int {
	for i, v := range l.lf.Signature.Branches[branch].Vars {
		if l.c.size(v.Type) > 0 {
			return i
		}
	}
	reject("libfunc %s has no result", l.lf.Generic)
	return 0
}

// downcast lowers downcast and libfuncs like u8_try_from_felt252: branch 0 gets the value if it is in the target's range, else branch 1
// is taken.
func downcast(l *invocation) {
	x := l.values()[0]
	fromType := l.firstType(l.lf.Signature.Params)
	toType := l.lf.Signature.Branches[0].Vars[l.firstVar(0)].Type
	from, fromClass := l.c.ints(fromType)
	to, toClass := l.c.ints(toType)
	if fromClass == classFelt {
		l.downcastFelt(x, from, to, toClass)
		return
	}
	upper, lower := to.Upper.Cmp(from.Upper) < 0, to.Lower.Cmp(from.Lower) > 0
	switch {
	case upper && lower && len(x) == 1:
		distance := l.do(opSub, x[0], intSlots(to.Lower, fromClass)[0])
		l.bin(opLtU, distance, intSlots(new(big.Int).Sub(to.Upper, to.Lower), classU64)[0])
	case upper:
		l.pushLess(x, fromClass, to.Upper)
		if lower {
			l.pushLess(x, fromClass, to.Lower)
			l.op(opI32Eqz, opI32And)
		}
	case lower:
		l.pushLess(x, fromClass, to.Lower)
		l.not()
	default:
		l.i32(1)
	}
	l.choose(0, func() { l.out(0, l.convert(x, fromClass, toClass)) }, 1, func() { l.out(1) })
}

// downcastFelt lowers downcast for a field element x. It compares x's distance from the lower end of the intersection of both ranges with the
// intersection's size.
func (l *invocation) downcastFelt(x []slot, from, to sierra.Range, toClass intClass) {
	common, ok := to.Intersect(from)
	if !ok {
		reject("a cast between ranges that do not intersect")
	}
	shifted := x
	if common.Lower.Sign() != 0 {
		shifted = l.helper(helperSub, x, feltSlots(felt.FromBigInt(common.Lower)))
	}
	w := l.helper(helperFromMont, shifted)
	bound := feltWords(new(big.Int).Sub(common.Upper, common.Lower))
	l.pushBelow(w, bound[:])
	l.choose(0, func() {
		if toClass == classFelt {
			l.out(0, x)
			return
		}
		l.out(0, l.add128(w[:2], intSlots(common.Lower, classI128))[:toClass.slots()])
	}, 1, func() { l.out(1) })
}

// boundedOp lowers operations whose result cannot leave the range of the result's type. It computes in words if operands and result fit
// two words, else in the field.
func boundedOp(op byte) lowering {
	return func(l *invocation) {
		v := l.values()
		_, xc := l.c.ints(l.lf.Signature.Params[0].Type)
		_, yc := l.c.ints(l.lf.Signature.Params[1].Type)
		_, rc := l.c.ints(l.lf.Signature.Branches[0].Vars[0].Type)
		x, y := v[0], v[1]
		if rc == classFelt || xc == classFelt || yc == classFelt {
			h := map[byte]helper{opAdd: helperAdd, opSub: helperSub, opMul: helperMul}[op]
			r := l.helper(h, l.toFelt(x, xc), l.toFelt(y, yc))
			l.out(0, l.fromFelt(r, rc))
			return
		}
		if rc.slots() == 1 {
			l.out(0, []slot{l.do(op, x[0], y[0])})
			return
		}
		x, y = l.extend(x, xc), l.extend(y, yc)
		switch op {
		case opAdd:
			l.out(0, l.add128(x, y))
		case opSub:
			l.out(0, l.sub128(x, y))
		default:
			l.out(0, l.mulLow128(x, y))
		}
	}
}

// addInts returns x + y, both of a class, without a check for overflow.
func (l *body) addInts(x, y []slot, class intClass) []slot {
	switch class.slots() {
	case 1:
		return []slot{l.do(opAdd, x[0], y[0])}
	case 2:
		return l.add128(x, y)
	}
	return l.helper(helperAdd, x, y)
}

// boundedConstrain lowers bounded_int_constrain: branch 0 if the value is below the boundary, else branch 1.
func boundedConstrain(l *invocation) {
	x := l.values()[0]
	boundary := l.lf.Args[1].Value
	r, xc := l.c.ints(l.lf.Signature.Params[1].Type)
	_, lc := l.c.ints(l.lf.Signature.Branches[0].Vars[1].Type)
	_, hc := l.c.ints(l.lf.Signature.Branches[1].Vars[1].Type)
	if xc == classFelt {
		w := l.helper(helperFromMont, l.helper(helperSub, x, feltSlots(felt.FromBigInt(r.Lower))))
		bound := feltWords(new(big.Int).Sub(boundary, r.Lower))
		l.pushBelow(w, bound[:])
	} else {
		l.pushLess(x, xc, boundary)
	}
	l.choose(0, func() { l.out(0, l.convert(x, xc, lc)) }, 1, func() { l.out(1, l.convert(x, xc, hc)) })
}

// feltWords returns the four words of a number below 2^256.
func feltWords(v *big.Int) [4]uint64 {
	var out [4]uint64
	mask := new(big.Int).SetUint64(1<<64 - 1)
	for i := range out {
		out[i] = new(big.Int).And(new(big.Int).Rsh(v, uint(64*i)), mask).Uint64()
	}
	return out
}

// boundedTrim lowers bounded_int_trim: branch 0 if the value is the bound, else branch 1 gets the value in the smaller range.
func boundedTrim(bound func(sierra.Range) *big.Int) lowering {
	return func(l *invocation) {
		x := l.values()[0]
		r, xc := l.c.ints(l.lf.Signature.Params[0].Type)
		_, rc := l.c.ints(l.lf.Signature.Branches[1].Vars[0].Type)
		l.pushEqual(x, intSlots(bound(r), xc))
		l.choose(0, func() { l.out(0) }, 1, func() { l.out(1, l.convert(x, xc, rc)) })
	}
}
