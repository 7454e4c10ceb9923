package native

import (
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// feltRows holds the lowerings of field elements, bytes31, addresses and booleans.
var feltRows = map[string]lowering{
	"felt252_add": feltOp(helperAdd), "felt252_sub": feltOp(helperSub), "felt252_mul": feltOp(helperMul),
	"felt252_div": func(l *invocation) { v := l.values(); l.out(0, l.host("felt_div", v[0], v[1])) },
	"felt252_const": func(l *invocation) {
		l.out(0, feltSlots(felt.FromBigInt(l.lf.Args[0].Value)))
	},
	"felt252_is_zero": isZero,

	"bytes31_const": feltConst, "contract_address_const": feltConst, "class_hash_const": feltConst, "storage_base_address_const": feltConst,
	"bytes31_to_felt252": same, "contract_address_to_felt252": same, "class_hash_to_felt252": same,
	"storage_address_to_felt252": same, "storage_address_from_base": same,
	"bytes31_try_from_felt252":          belowTop(1 << (248 - 192)),
	"contract_address_try_from_felt252": belowTop(1 << (251 - 192)),
	"class_hash_try_from_felt252":       belowTop(1 << (251 - 192)),
	"storage_address_try_from_felt252":  belowTop(1 << (251 - 192)),
	"storage_base_address_from_felt252": func(l *invocation) {
		x := l.values()[0]
		w := l.helper(helperFromMont, x)
		// The result is x if x is below 2^251 - 256, else x - (2^251 - 256).
		bound := felt.FromLimbs([4]uint64{1<<64 - 256, 1<<64 - 1, 1<<64 - 1, 1<<59 - 1})
		over := l.helper(helperSub, x, feltSlots(bound))
		l.pushBelow(w, []uint64{1<<64 - 256, 1<<64 - 1, 1<<64 - 1, 1<<59 - 1})
		l.op(opExtendU)
		below := l.pop()
		out := make([]slot, 4)
		for i := range out {
			l.push(x[i], over[i], below)
			l.op(opWrap, opSelect)
			out[i] = l.pop()
		}
		l.out(0, out)
	},
	"storage_address_from_base_and_offset": func(l *invocation) {
		v := l.values()
		l.out(0, l.helper(helperAdd, v[0], l.helper(helperToMont64, v[1])))
	},

	"bool_and_impl": boolOp(opAnd), "bool_or_impl": boolOp(opOr), "bool_xor_impl": boolOp(opXor),
	"bool_not_impl": func(l *invocation) {
		l.out(0, []slot{l.do(opXor, l.values()[0][0], constant(1))})
	},
	"bool_to_felt252": func(l *invocation) {
		flag := l.values()[0][0]
		mask := l.do(opSub, constant(0), flag)
		out := feltSlots(felt.One)
		for i := range out {
			out[i] = l.do(opAnd, out[i], mask)
		}
		l.out(0, out)
	},
}

// feltOp lowers an operation on field elements that a helper computes.
func feltOp(h helper) lowering {
	return func(l *invocation) {
		v := l.values()
		l.out(0, l.helper(h, v[0], v[1]))
	}
}

// feltConst lowers constants that are one field element.
func feltConst(l *invocation) { l.out(0, feltSlots(felt.FromBigInt(l.lf.Args[0].Value))) }

// boolOp lowers an operation on booleans.
func boolOp(op byte) lowering {
	return func(l *invocation) {
		v := l.values()
		l.out(0, []slot{l.do(op, v[0][0], v[1][0])})
	}
}

// pushZero pushes whether all slots are zero.
func (a *asm) pushZero(slots []slot) {
	for i, s := range slots {
		a.push(s)
		if i > 0 {
			a.op(opOr)
		}
	}
	a.op(opI64Eqz)
}

// pushEqual pushes whether two values are equal.
func (a *asm) pushEqual(x, y []slot) {
	if len(x) == 1 {
		a.bin(opEq, x[0], y[0])
		return
	}
	for i := range x {
		a.bin(opXor, x[i], y[i])
		if i > 0 {
			a.op(opOr)
		}
	}
	a.op(opI64Eqz)
}

// pushBelow pushes whether an unsigned number of several words, lowest first, is below a constant.
func (a *asm) pushBelow(x []slot, bound []uint64) {
	top := len(bound) - 1
	for bound[top] == 0 && top > 0 {
		top--
	}
	if !slices.ContainsFunc(bound[:top], func(w uint64) bool { return w != 0 }) {
		// Only one word of the bound is not 0: compare that word, and check that the words above it are 0.
		if bound[top] == 1 {
			a.pushZero(x[top:])
			return
		}
		a.bin(opLtU, x[top], constant(bound[top]))
		if top+1 < len(x) {
			a.pushZero(x[top+1:])
			a.op(opI32And)
		}
		return
	}
	// Go up from the lowest word: a higher word decides unless it is equal.
	a.bin(opLtU, x[0], constant(bound[0]))
	for i := 1; i < len(x); i++ {
		a.bin(opEq, x[i], constant(bound[i]))
		a.op(opI32And)
		a.bin(opLtU, x[i], constant(bound[i]))
		a.op(opI32Or)
	}
}

// isZero lowers comparisons with zero: branch 0 for zero, else branch 1 gets the value as a NonZero.
func isZero(l *invocation) {
	v := l.values()[0]
	if zero, ok := knownZero(v); ok {
		if zero {
			l.out(0)
		} else {
			l.out(1, v)
		}
		return
	}
	l.pushZero(v)
	l.choose01(nil, [][]slot{v})
}

// knownZero reports whether a value is zero; ok is false if that is not known at compile time.
func knownZero(v []slot) (zero, ok bool) {
	zero, ok = true, true
	for _, s := range v {
		if s.known && s.value != 0 {
			return false, true
		}
		ok = ok && s.known
	}
	return zero, ok
}

// belowTop lowers try_from with a bound of bound·2^192.
func belowTop(bound uint64) lowering {
	return func(l *invocation) {
		x := l.values()[0]
		w := l.helper(helperFromMont, x)
		l.bin(opLtU, w[3], constant(bound))
		l.choose01([][]slot{x}, nil)
	}
}
