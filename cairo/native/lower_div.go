package native

import "math/bits"

// Divisions with remainder. WebAssembly only divides words by words. Wider divisions are built from those, or run in the host.

// divModWord lowers divisions of unsigned integers of one word.
func divModWord(l *invocation) {
	v := l.values()
	q, r := l.divWords(v[0][0], v[1][0])
	l.out(0, []slot{q}, []slot{r})
}

// divMod128 lowers u128_safe_divmod.
func divMod128(l *invocation) {
	v := l.values()
	q, r := l.div128(v[0], v[1])
	l.out(0, q, r)
}

// divMod256 lowers u256_safe_divmod. The host divides if an operand has more than 128 bits.
func divMod256(l *invocation) {
	v := l.values()
	x, y := v[0], v[1]
	zero := []slot{constant(0), constant(0)}
	out := l.either(func() { l.pushZero(join(x[2:], y[2:])) }, func() []slot {
		q, r := l.div128(x[:2], y[:2])
		return join(q, zero, r, zero)
	}, func() []slot { return l.host("u256_divmod", x, y) })
	l.out(0, out[:4], out[4:])
}

// boundedDivRem lowers bounded_int_div_rem.
func boundedDivRem(l *invocation) {
	v := l.values()
	sig := &l.lf.Signature
	_, xc := l.c.ints(sig.Params[1].Type)
	_, yc := l.c.ints(sig.Params[2].Type)
	_, qc := l.c.ints(sig.Branches[0].Vars[1].Type)
	_, rc := l.c.ints(sig.Branches[0].Vars[2].Type)
	x, y := v[0], v[1]
	if xc.slots() == 1 && yc.slots() == 1 {
		q, r := l.divWords(x[0], y[0])
		l.out(0, l.convert([]slot{q}, classU64, qc), l.convert([]slot{r}, classU64, rc))
		return
	}
	if xc.slots() <= 2 && yc.slots() <= 2 {
		q, r := l.div128(l.extend(x, xc), l.extend(y, yc))
		l.out(0, l.convert(q, classU128, qc), l.convert(r, classU128, rc))
		return
	}
	// Divide as u256: neither operand is negative.
	wide := func(x []slot, class intClass) []slot {
		if class == classFelt {
			return l.helper(helperFromMont, x)
		}
		return join(l.extend(x, class), []slot{constant(0), constant(0)})
	}
	r := l.host("u256_divmod", wide(x, xc), wide(y, yc))
	l.out(0, l.convert(r[:2], classU128, qc), l.convert(r[4:6], classU128, rc))
}

// divWords divides a word by a word.
func (a *asm) divWords(x, y slot) (q, r slot) {
	if d := y.value; y.known && d != 0 && d&(d-1) == 0 {
		return a.do(opShrU, x, constant(uint64(bits.TrailingZeros64(d)))), a.do(opAnd, x, constant(d-1))
	}
	q = a.do(opDivU, x, y)
	return q, a.do(opSub, x, a.do(opMul, q, y))
}

// div128 divides 128 bits by 128 bits.
func (l *body) div128(x, y []slot) (q, r []slot) {
	if q, r, ok := l.divConst(x, y); ok {
		return q, r
	}
	out := l.either(func() { l.pushZero([]slot{x[1], y[1]}) }, func() []slot {
		q, r := l.divWords(x[0], y[0])
		return []slot{q, constant(0), r, constant(0)}
	}, func() []slot { return l.helper(helperDiv, x, y) })
	return out[:2], out[2:]
}

// either returns the values of yes if the condition that the function condition pushes holds, else the values of no.
func (a *asm) either(condition func(), yes, no func() []slot) []slot {
	var out []slot
	assign := func(values []slot) {
		for i, s := range values {
			if i == len(out) {
				out = append(out, a.fresh())
			}
			a.push(s)
			a.set(out[i])
		}
	}
	condition()
	a.op(opIf, blockVoid)
	assign(yes())
	a.op(opElse)
	assign(no())
	a.op(opEnd)
	return out
}

// divConst divides 128 bits by a known number that is a power of two or fits a word; ok is false for other divisors.
func (l *body) divConst(x, y []slot) (q, r []slot, ok bool) {
	if !y[0].known || !y[1].known {
		return nil, nil, false
	}
	d, zero := y[0].value, constant(0)
	switch {
	case d == 0 && y[1].value == 0:
		return nil, nil, false
	case d == 0 && y[1].value&(y[1].value-1) == 0: // 2^64 and more
		k := uint64(bits.TrailingZeros64(y[1].value))
		return []slot{l.do(opShrU, x[1], constant(k)), zero}, []slot{x[0], l.do(opAnd, x[1], constant(1<<k-1))}, true
	case y[1].value != 0:
		return nil, nil, false
	case d&(d-1) == 0:
		k := uint64(bits.TrailingZeros64(d))
		low := l.do(opShrU, x[0], constant(k))
		if k > 0 {
			low = l.do(opOr, low, l.do(opShl, x[1], constant(64-k)))
		}
		return []slot{low, l.do(opShrU, x[1], constant(k))}, []slot{l.do(opAnd, x[0], constant(1<<k-1)), zero}, true
	}
	// Divide the high word first, then two words by one with the divisor's reciprocal (Möller, Granlund: Improved division by
	// invariant integers, algorithm 4). The high word is usually below the divisor, and a comparison is cheaper than a division.
	top := l.rarely([]slot{zero, x[1]}, func() []slot {
		q := l.do(opDivU, x[1], y[0])
		return []slot{q, l.do(opSub, x[1], l.do(opMul, q, y[0]))}
	}, func() { l.bin(opGeU, x[1], y[0]) })
	high, rest := top[0], top[1]
	shift := uint64(bits.LeadingZeros64(d))
	n := d << shift
	reciprocal, _ := bits.Div64(^n, ^uint64(0), n)
	u1, u0 := l.do(opShl, rest, constant(shift)), l.do(opShl, x[0], constant(shift))
	if shift > 0 {
		u1 = l.do(opOr, u1, l.do(opShrU, x[0], constant(64-shift)))
	}
	p := l.wide(u1, constant(reciprocal))
	next := l.do(opAdd, u1, constant(1))
	q0, carry := l.addCarry(p[0], u0, zero)
	q1 := l.do(opAdd, l.do(opAdd, next, p[1]), carry)
	// Compute the remainder u0 - q1·n from q1's terms, so that it need not wait for their sum.
	early := l.do(opAdd, u0, l.do(opMul, next, constant(-n)))
	early = l.choice(comparison{opLtU, q0, p[0]}, l.do(opAdd, early, constant(-n)), early)
	rem := l.do(opAdd, early, l.do(opMul, p[1], constant(-n)))
	less, more := l.do(opSub, q1, constant(1)), l.do(opAdd, rem, constant(n))
	q1 = l.choice(comparison{opGtU, rem, q0}, less, q1)
	rem = l.choice(comparison{opGtU, rem, q0}, more, rem)
	// The second correction is rare.
	out := l.rarely([]slot{q1, rem}, func() []slot {
		return []slot{l.do(opAdd, q1, constant(1)), l.do(opSub, rem, constant(n))}
	}, func() { l.bin(opGeU, rem, constant(n)) })
	return []slot{out[0], high}, []slot{l.do(opShrU, out[1], constant(shift)), zero}, true
}

// div writes the code of helperDiv. y is not zero.
func (a *asm) div() {
	p := a.param(0, 4)
	x, y, zero := p[:2], p[2:], constant(0)
	a.pushZero(y[1:])
	a.op(opIf, blockVoid)
	top := a.rarely([]slot{zero, x[1]}, func() []slot {
		q, r := a.divWords(x[1], y[0])
		return []slot{q, r}
	}, func() { a.bin(opGeU, x[1], y[0]) })
	q, r := a.divWide(top[1], x[0], y[0])
	a.push(q, top[0], r, zero)
	a.op(opReturn, opEnd)

	a.bin(opLtU, x[1], y[1])
	a.op(opIf, blockVoid)
	a.push(zero, zero, x[0], x[1])
	a.op(opReturn, opEnd)

	// Divide by the divisor's highest 64 bits (Warren: Hacker's Delight, 9-5). The quotient is at most 1 too large, so q - 1 is at
	// most 1 too small.
	shift := a.leadingZeros(y[1])
	v := a.shifted(y, shift)
	q, _ = a.divWide(a.do(opShrU, x[1], constant(1)), a.do(opOr, a.do(opShrU, x[0], constant(1)), a.do(opShl, x[1], constant(63))), v)
	q = a.do(opShrU, q, a.do(opSub, constant(63), shift))
	q = a.do(opSub, q, a.flag(opNe, q, zero))
	w := a.wide(q, y[0])
	rem := a.sub128(x, []slot{w[0], a.do(opAdd, w[1], a.do(opMul, q, y[1]))})
	out := a.rarely([]slot{q, rem[0], rem[1]}, func() []slot {
		return append([]slot{a.do(opAdd, q, constant(1))}, a.sub128(rem, y)...)
	}, func() { a.pushLessEq(y, rem, classU128) })
	a.push(out[0], zero, out[1], out[2])
}

// leadingZeros returns the number of leading zero bits of a word.
func (a *asm) leadingZeros(x slot) slot {
	a.push(x)
	a.op(opClz)
	return a.pop()
}

// shifted returns the high word of x·2^by, for by below 64.
func (a *asm) shifted(x []slot, by slot) slot {
	low := a.do(opShrU, a.do(opShrU, x[0], constant(1)), a.do(opSub, constant(63), by)) // two shifts: 64 - by may be 64
	return a.do(opOr, a.do(opShl, x[1], by), low)
}

// divWide divides the two words x1, x0 by y, which is above x1. It uses digits of 32 bits (Knuth: The Art of Computer Programming 2,
// 4.3.1, algorithm D).
func (a *asm) divWide(x1, x0, y slot) (q, r slot) {
	half, mask := constant(32), constant(1<<32-1)
	shift := a.leadingZeros(y)
	v := a.do(opShl, y, shift)
	v1, v0 := a.do(opShrU, v, half), a.do(opAnd, v, mask)
	// digit returns quotient and remainder of (n·2^32 + next) / v for n below v.
	digit := func(n, next slot) (q, r slot) {
		q, r = a.divWords(n, v1)
		// A q of 2^32 or more is found too large too; its product with v0 fits a word because n is below v.
		tooLarge := func(q, r slot) { // pushes whether q is too large, for r below 2^32
			a.bin(opGtU, a.do(opMul, q, v0), a.do(opOr, a.do(opShl, r, half), next))
		}
		out := a.rarely([]slot{q}, func() []slot {
			q, r := a.do(opSub, q, constant(1)), a.do(opAdd, r, v1)
			return a.rarely([]slot{q}, func() []slot { return []slot{a.do(opSub, q, constant(1))} }, func() {
				tooLarge(q, r)
				a.bin(opLeU, r, mask)
				a.op(opI32And)
			})
		}, func() { tooLarge(q, r) })
		return out[0], a.do(opSub, a.do(opOr, a.do(opShl, n, half), next), a.do(opMul, out[0], v))
	}
	low := a.do(opShl, x0, shift)
	q1, rest := digit(a.shifted([]slot{x0, x1}, shift), a.do(opShrU, low, half))
	q0, rest := digit(rest, a.do(opAnd, low, mask))
	return a.do(opOr, a.do(opShl, q1, half), q0), a.do(opShrU, rest, shift)
}
