package cairo0

import (
	"math/big"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// This file has native implementations of the hints of starkware.cairo.common.uint256, and of the assertions in
// starkware.cairo.common.math that compute nothing else.

const pyCairoMath = "starkware.cairo.common.math_utils."

var mask128 = new(big.Int).Sub(new(big.Int).Lsh(one, 128), one)

// uint256 returns ids.name.low + 2^128·ids.name.high; false if one of them is not an integer.
func (ids *IDs) uint256(m *machine.Machine, name string) (*big.Int, bool) {
	low, high, ok := ids.halves(m, name)
	if !ok {
		return nil, false
	}
	h := high.BigInt()
	return h.Add(h.Lsh(h, 128), low.BigInt()), true
}

// halves returns ids.name.low and ids.name.high; false if one of them is not an integer.
func (ids *IDs) halves(m *machine.Machine, name string) (low, high felt.Felt, ok bool) {
	if _, _, ok := ids.structAt(m, name); !ok {
		return low, high, false
	}
	for _, half := range []struct {
		member string
		to     *felt.Felt
	}{{"low", &low}, {"high", &high}} {
		at, err := ids.member(m, name, half.member)
		if err != nil {
			return low, high, false
		}
		if *half.to, err = m.Memory.Felt(at); err != nil {
			return low, high, false
		}
	}
	return low, high, true
}

// setMembers writes integers, modulo P, to members of ids. It ends a hint.
func (ids *IDs) setMembers(m *machine.Machine, members ...member) error {
	for _, to := range members {
		at, err := ids.member(m, to.name, to.member)
		if err != nil {
			return err
		}
		if err := m.Memory.Insert(at, machine.FeltValue(felt.FromBigInt(to.n))); err != nil {
			return err
		}
	}
	return nil
}

type member struct {
	name, member string
	n            *big.Int
}

// part returns bits from to from + 127 of n, or all from there on if last is set.
func part(n *big.Int, from uint, last bool) *big.Int {
	r := new(big.Int).Rsh(n, from)
	if !last {
		r.And(r, mask128)
	}
	return r
}

// inMemory returns whether the structs of these names are in memory, so that their members can be written.
func (ids *IDs) inMemory(m *machine.Machine, names ...string) bool {
	for _, name := range names {
		if _, _, ok := ids.structAt(m, name); !ok {
			return false
		}
	}
	return true
}

func hintUint256Add(m *machine.Machine, ids *IDs) (bool, error) {
	aLow, aHigh, ok := ids.halves(m, "a")
	if !ok {
		return false, nil
	}
	bLow, bHigh, ok := ids.halves(m, "b")
	if !ok {
		return false, nil
	}
	shift, err := ids.Const("SHIFT")
	if err != nil {
		return false, nil
	}
	carry := func(a, b *felt.Felt, in *big.Int) (sum, out *big.Int) {
		sum = a.BigInt()
		sum.Add(sum.Add(sum, b.BigInt()), in)
		if sum.Cmp(shift) >= 0 {
			return sum, one
		}
		return sum, noInt
	}
	low, carryLow := carry(&aLow, &bLow, noInt)
	ids.doneImporting(nil, nil, "sum_low", low)
	if err := ids.SetInt(m, "carry_low", carryLow); err != nil {
		return true, err
	}
	high, carryHigh := carry(&aHigh, &bHigh, carryLow)
	ids.doneImporting(nil, nil, "sum_high", high)
	return true, ids.SetInt(m, "carry_high", carryHigh)
}

func hintSplit64(m *machine.Machine, ids *IDs) (bool, error) {
	a, err := ids.Felt(m, "a")
	if err != nil {
		return false, nil
	}
	high, low := shifted(a.Limbs(), 64)
	if err := ids.Set(m, "low", machine.FeltValue(felt.FromLimbs(low))); err != nil {
		return true, err
	}
	return true, ids.Set(m, "high", machine.FeltValue(felt.FromLimbs(high)))
}

func hintUint256SignedNN(m *machine.Machine, ids *IDs) (bool, error) {
	_, high, ok := ids.halves(m, "a")
	if !ok {
		return false, nil
	}
	return true, m.Memory.Insert(m.APAddr(), machine.BoolValue(high.BitLen() <= 127))
}

func hintUint256DivRem(m *machine.Machine, ids *IDs) (bool, error) {
	a, ok := ids.uint256(m, "a")
	if !ok {
		return false, nil
	}
	div, ok := ids.uint256(m, "div")
	if !ok || div.Sign() == 0 || !ids.inMemory(m, "quotient", "remainder") {
		return false, nil
	}
	q, r := new(big.Int).QuoRem(a, div, new(big.Int))
	ids.doneImporting(nil, nil, "a", a, "div", div, "quotient", q, "remainder", r)
	return true, ids.setMembers(m,
		member{"quotient", "low", part(q, 0, false)}, member{"quotient", "high", part(q, 128, true)},
		member{"remainder", "low", part(r, 0, false)}, member{"remainder", "high", part(r, 128, true)})
}

func hintUint256MulDivMod(m *machine.Machine, ids *IDs) (bool, error) {
	a, ok := ids.uint256(m, "a")
	if !ok {
		return false, nil
	}
	b, ok := ids.uint256(m, "b")
	if !ok {
		return false, nil
	}
	div, ok := ids.uint256(m, "div")
	if !ok || div.Sign() == 0 || !ids.inMemory(m, "quotient_low", "quotient_high", "remainder") {
		return false, nil
	}
	q, r := new(big.Int).QuoRem(new(big.Int).Mul(a, b), div, new(big.Int))
	ids.doneImporting(nil, nil, "a", a, "b", b, "div", div, "quotient", q, "remainder", r)
	return true, ids.setMembers(m,
		member{"quotient_low", "low", part(q, 0, false)}, member{"quotient_low", "high", part(q, 128, false)},
		member{"quotient_high", "low", part(q, 256, false)}, member{"quotient_high", "high", part(q, 384, true)},
		member{"remainder", "low", part(r, 0, false)}, member{"remainder", "high", part(r, 128, true)})
}

func hintAssertNotZero(m *machine.Machine, ids *IDs) (bool, error) {
	v, err := ids.Felt(m, "value")
	if err != nil || v.IsZero() {
		return false, nil
	}
	ids.doneImporting([]string{pyCairoMath + "assert_integer"}, nil)
	return true, nil
}

func hintAssertNotEqual(m *machine.Machine, ids *IDs) (bool, error) {
	a, b, err := ids.feltPair(m)
	if err != nil || a == b {
		return false, nil
	}
	ids.doneImporting([]string{"starkware.cairo.lang.vm.relocatable.RelocatableValue"}, nil, "both_ints", true, "both_relocatable", false)
	return true, nil
}

func hintAssert250Bit(m *machine.Machine, ids *IDs) (bool, error) {
	v, err := ids.Int(m, "value")
	if err != nil {
		return false, nil
	}
	bound, err := ids.Const("UPPER_BOUND")
	if err != nil || v.Cmp(bound) >= 0 {
		return false, nil
	}
	shift, err := ids.Const("SHIFT")
	if err != nil || shift.Sign() <= 0 {
		return false, nil
	}
	ids.doneImporting([]string{pyCairoMath + "as_int"}, nil, "value", v)
	q, r := new(big.Int).QuoRem(v, shift, new(big.Int))
	if err := ids.SetInt(m, "high", q); err != nil {
		return true, err
	}
	return true, ids.SetInt(m, "low", r)
}

// hintNoKeys asserts that the list keys is empty.
func hintNoKeys(_ *machine.Machine, ids *IDs) (bool, error) {
	l, ok := ids.scopes.Variables()["keys"].(*pyhint.List)
	return ok && len(l.Items) == 0, nil
}
