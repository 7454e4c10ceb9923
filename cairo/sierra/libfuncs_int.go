package sierra

import "math/big"

// intLibfuncs returns the libfuncs of the integer types up to 128 bits.
func intLibfuncs() []libfunc {
	var all []libfunc
	for _, t := range [...]struct{ name, wide, root string }{
		{"u8", "u16", "u8"}, {"u16", "u32", "u8"}, {"u32", "u64", "u16"}, {"u64", "u128", "u32"},
	} {
		all = append(all, intCommon(t.name)...)
		all = append(all, unsignedCommon(t.name, t.root)...)
		all = append(all,
			libfunc{t.name + "_try_from_felt252", audited, none(func(s *specialisation) Signature { return s.tryFromFelt(s.typ(t.name)) })},
			libfunc{t.name + "_wide_mul", audited, none(wideMul(t.name, t.wide))},
			libfunc{t.name + "_bitwise", audited, none(bitwise(t.name))},
		)
	}
	all = append(all, intCommon("u128")...)
	all = append(all, unsignedCommon("u128", "u64")...)
	for _, t := range [...]struct{ name, unsigned, wide string }{
		{"i8", "u8", "i16"}, {"i16", "u16", "i32"}, {"i32", "u32", "i64"}, {"i64", "u64", "i128"}, {"i128", "u128", ""},
	} {
		all = append(all, intCommon(t.name)...)
		all = append(all,
			libfunc{t.name + "_try_from_felt252", audited, none(func(s *specialisation) Signature { return s.tryFromFelt(s.typ(t.name)) })},
			libfunc{t.name + "_overflowing_add_impl", audited, none(signedOperation(t.name))},
			libfunc{t.name + "_overflowing_sub_impl", audited, none(signedOperation(t.name))},
			libfunc{t.name + "_diff", audited, none(signedDiff(t.name, t.unsigned))},
		)
		if t.wide != "" {
			all = append(all, libfunc{t.name + "_wide_mul", audited, none(wideMul(t.name, t.wide))})
		}
	}
	return all
}

// intCommon returns the libfuncs of every integer type.
func intCommon(name string) []libfunc {
	return []libfunc{
		{name + "_const", audited, func(s *specialisation) Signature {
			r, _ := rangeOf(name, nil)
			return s.constant(s.typ(name), r)
		}},
		{name + "_eq", audited, none(func(s *specialisation) Signature {
			t := s.typ(name)
			return branching(params(plain(t), orConst(t)), branch(apKnown), branch(apKnown))
		})},
		{name + "_to_felt252", audited, none(func(s *specialisation) Signature { return reinterpret(s.typ(name), s.typ("felt252")) })},
	}
}

// unsignedCommon returns the libfuncs of every unsigned type.
func unsignedCommon(name, root string) []libfunc {
	return []libfunc{
		{name + "_is_zero", audited, none(func(s *specialisation) Signature { return s.isZero(s.typ(name)) })},
		{name + "_overflowing_add", audited, none(func(s *specialisation) Signature {
			return s.overflowing(name, outTemp(s.typ(name), 0))
		})},
		{name + "_overflowing_sub", audited, none(func(s *specialisation) Signature {
			if name == "u128" {
				return s.overflowing(name, outTemp(s.typ(name), 0))
			}
			return s.overflowing(name, outDeferred(s.typ(name)))
		})},
		{name + "_sqrt", audited, none(func(s *specialisation) Signature {
			rc := s.typ("RangeCheck")
			return straight(apKnown, params(addConst(rc), plain(s.typ(name))), outMoved(rc), outTemp(s.typ(root), 0))
		})},
		{name + "_safe_divmod", audited, none(func(s *specialisation) Signature {
			rc, t := s.typ("RangeCheck"), s.typ(name)
			return straight(apKnown, params(addConst(rc), plain(t), plain(s.nonZero(t))),
				outMoved(rc), outTemp(t, 0), outTemp(t, 1))
		})},
	}
}

// overflowing returns the signature of an unsigned operation whose second branch returns the wrapped result.
func (s *specialisation) overflowing(name string, wrapped OutputVar) Signature {
	rc, t := s.typ("RangeCheck"), s.typ(name)
	return branching(params(addConst(rc), plain(t), plain(t)),
		branch(apKnown, outMoved(rc), outTemp(t, 0)),
		branch(apKnown, outMoved(rc), wrapped))
}

// signedOperation returns the signature of a signed operation. The branches are: in range, below it and above it; the
// latter two return the wrapped result.
func signedOperation(name string) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		rc, t := s.typ("RangeCheck"), s.typ(name)
		return branching(params(addConst(rc), plain(t), plain(t)),
			branch(apKnown, outMoved(rc), outDerefs(t)),
			branch(apKnown, outMoved(rc), outDeferred(t)),
			branch(apKnown, outMoved(rc), outDeferred(t)))
	}
}

// signedDiff returns the signature of a difference as an unsigned number; if it is negative, 2^bits is added.
func signedDiff(name, unsigned string) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		rc, t, u := s.typ("RangeCheck"), s.typ(name), s.typ(unsigned)
		negative := outDeferred(u)
		if name == "i128" {
			negative = outTemp(u, 0)
		}
		return branching(params(addConst(rc), plain(t), plain(t)),
			branch(apKnown, outMoved(rc), outTemp(u, 0)),
			branch(apKnown, outMoved(rc), negative))
	}
}

func wideMul(name, wide string) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		t := s.typ(name)
		return straight(apNew, params(plain(t), orConst(t)), outDeferred(s.typ(wide)))
	}
}

// bitwise returns the signature of and, xor and or.
func bitwise(name string) func(s *specialisation) Signature {
	return func(s *specialisation) Signature {
		builtin, t := s.typ("Bitwise"), s.typ(name)
		return straight(apNew, params(addConst(builtin), plain(t), plain(t)),
			outMoved(builtin), outDeferred(t), outDeferred(t), outDeferred(t))
	}
}

// wideIntLibfuncs returns the libfuncs that only u128 has, and those of u256 and u512.
func wideIntLibfuncs() []libfunc {
	return []libfunc{
		{"bitwise", audited, none(bitwise("u128"))},
		{"u128_guarantee_mul", audited, none(func(s *specialisation) Signature {
			t := s.typ("u128")
			return straight(apNew, plains(t, t), outTemp(t, 0), outTemp(t, 1), outDerefs(s.typ("U128MulGuarantee")))
		})},
		{"u128_mul_guarantee_verify", audited, none(func(s *specialisation) Signature {
			rc := s.typ("RangeCheck")
			return straight(apKnown, params(addConst(rc), plain(s.typ("U128MulGuarantee"))), outMoved(rc))
		})},
		{"u128s_from_felt252", audited, none(func(s *specialisation) Signature {
			rc, t := s.typ("RangeCheck"), s.typ("u128")
			return branching(params(addConst(rc), plain(s.typ("felt252"))),
				branch(apKnown, outMoved(rc), outSame(t, 1)),
				branch(apKnown, outMoved(rc), outTemp(t, 0), outTemp(t, 1)))
		})},
		{"u128_byte_reverse", audited, none(func(s *specialisation) Signature {
			builtin, t := s.typ("Bitwise"), s.typ("u128")
			return straight(apKnown, params(addConst(builtin), plain(t)), outMoved(builtin), outDeferred(t))
		})},
		{"u256_is_zero", audited, none(func(s *specialisation) Signature { return s.isZero(s.u256()) })},
		{"u256_safe_divmod", audited, none(func(s *specialisation) Signature {
			rc, t := s.typ("RangeCheck"), s.u256()
			return straight(apKnown, params(addConst(rc), plain(t), plain(s.nonZero(t))),
				outMoved(rc), outDerefs(t), outDerefs(t), outDerefs(s.typ("U128MulGuarantee")))
		})},
		{"u256_sqrt", audited, none(func(s *specialisation) Signature {
			rc := s.typ("RangeCheck")
			return straight(apKnown, params(addConst(rc), plain(s.u256())), outMoved(rc), outDerefs(s.typ("u128")))
		})},
		{"u256_guarantee_inv_mod_n", audited, none(func(s *specialisation) Signature {
			rc, t := s.typ("RangeCheck"), s.u256()
			return branching(params(addConst(rc), plain(t), plain(s.nonZero(t))),
				branch(apKnown, append([]OutputVar{outMoved(rc), outDerefs(s.nonZero(t))}, s.mulGuarantees(8)...)...),
				branch(apKnown, append([]OutputVar{outMoved(rc)}, s.mulGuarantees(2)...)...))
		})},
		{"u512_safe_divmod_by_u256", audited, none(func(s *specialisation) Signature {
			rc, t := s.typ("RangeCheck"), s.u256()
			u512 := s.structOf("core::integer::u512", repeat(s.typ("u128"), 4)...)
			return straight(apKnown, params(addConst(rc), plain(u512), plain(s.nonZero(t))),
				append([]OutputVar{outMoved(rc), outDerefs(u512), outDerefs(t)}, s.mulGuarantees(5)...)...)
		})},
	}
}

func (s *specialisation) mulGuarantees(n int) []OutputVar {
	outs := make([]OutputVar, n)
	for i := range outs {
		outs[i] = outDerefs(s.typ("U128MulGuarantee"))
	}
	return outs
}

// boundedIntLibfuncs returns the libfuncs of bounded integers. Operands may also be integers of fixed width.
func boundedIntLibfuncs() []libfunc {
	return []libfunc{
		{"bounded_int_add", audited, func(s *specialisation) Signature {
			return s.boundedOperation(func(a, b Range) (lower, upper *big.Int) {
				return new(big.Int).Add(a.Lower, b.Lower), new(big.Int).Add(a.Max(), b.Max())
			})
		}},
		{"bounded_int_sub", audited, func(s *specialisation) Signature {
			return s.boundedOperation(func(a, b Range) (lower, upper *big.Int) {
				return new(big.Int).Sub(a.Lower, b.Max()), new(big.Int).Sub(a.Max(), b.Lower)
			})
		}},
		{"bounded_int_mul", audited, boundedMul},
		{"bounded_int_div_rem", audited, boundedDivRem},
		{"bounded_int_constrain", audited, boundedConstrain},
		{"bounded_int_trim_min", audited, one(func(s *specialisation, t TypeID) Signature {
			r := s.rangeOf(t)
			return s.boundedTrim(t, r.Lower, new(big.Int).Add(r.Lower, bigOne), r.Max())
		})},
		{"bounded_int_trim_max", audited, one(func(s *specialisation, t TypeID) Signature {
			r := s.rangeOf(t)
			return s.boundedTrim(t, r.Max(), r.Lower, new(big.Int).Sub(r.Upper, bigTwo))
		})},
		{"bounded_int_is_zero", audited, one(func(s *specialisation, t TypeID) Signature {
			s.require(s.rangeOf(t).contains(bigZero), "type %d does not contain 0", t)
			return s.isZero(t)
		})},
		{"bounded_int_wrap_non_zero", audited, one(func(s *specialisation, t TypeID) Signature {
			r := s.rangeOf(t)
			s.require(!r.contains(bigZero), "type %d contains 0", t)
			s.require(r.Upper.Cmp(bigPrime) <= 0 && (r.Lower.Sign() >= 0 || r.Lower.CmpAbs(bigPrime) < 0),
				"type %d contains the field's prime", t)
			return reinterpret(t, s.nonZero(t))
		})},
		{"bounded_int_guarantee_verify", experimental, func(s *specialisation) Signature {
			s.count(2)
			s.requireU32Bounds(s.valueArg(0), s.valueArg(1))
			rc := s.typ("RangeCheck")
			return straight(apKnown, params(addConst(rc), plain(s.u32Guarantee())), outMoved(rc))
		}},
		{"u128_to_u32_guarantees", experimental, none(func(s *specialisation) Signature {
			g := s.u32Guarantee()
			return straight(apKnown, plains(s.typ("u128")), outDerefs(g), outDerefs(g), outDerefs(g), outDerefs(g))
		})},
	}
}

func (s *specialisation) u32Guarantee() TypeID {
	return s.find("BoundedIntGuarantee", GenericArg{Kind: ValueArg, Value: bigZero}, GenericArg{Kind: ValueArg, Value: big.NewInt(1<<32 - 1)})
}

// boundedOperation returns the signature of an operation whose result has the bounds returned by bounds.
func (s *specialisation) boundedOperation(bounds func(a, b Range) (lower, upper *big.Int)) Signature {
	left, right := s.twoTypes()
	lower, upper := bounds(s.rangeOf(left), s.rangeOf(right))
	return straight(apNew, params(plain(left), orConst(right)), outDeferred(s.boundedInt(lower, upper)))
}

// boundedMul returns the signature of a product. Its bounds are the least and the largest product of the operands'
// bounds; two NonZero operands give a NonZero product.
func boundedMul(s *specialisation) Signature {
	left, right := s.twoTypes()
	a, leftNZ := s.peel(left, "NonZero")
	b, rightNZ := s.peel(right, "NonZero")
	s.require(leftNZ == rightNZ, "one operand is NonZero and the other is not")
	ra, rb := s.rangeOf(a), s.rangeOf(b)
	var lower, upper *big.Int
	for _, x := range []*big.Int{ra.Lower, ra.Max()} {
		for _, y := range []*big.Int{rb.Lower, rb.Max()} {
			p := new(big.Int).Mul(x, y)
			if lower == nil || p.Cmp(lower) < 0 {
				lower = p
			}
			if upper == nil || p.Cmp(upper) > 0 {
				upper = p
			}
		}
	}
	product := s.boundedInt(lower, upper)
	if leftNZ {
		product = s.nonZero(product)
	}
	return straight(apNew, params(plain(left), orConst(right)), outDeferred(product))
}

func boundedDivRem(s *specialisation) Signature {
	left, right := s.twoTypes()
	a, b := s.rangeOf(left), s.rangeOf(right)
	if s.err != "" {
		return Signature{}
	}
	if a.Lower.Sign() < 0 || b.Lower.Sign() < 0 || b.Upper.Cmp(bigTwo) < 0 {
		s.fail("division of negative numbers or by zero")
		return Signature{}
	}
	if _, ok := DivRemAlgorithm(a, b); !ok {
		s.fail("division of type %d by type %d is not supported: too large", left, right)
		return Signature{}
	}
	least := new(big.Int).Quo(a.Lower, b.Max())
	rc := s.typ("RangeCheck")
	return straight(apKnown, params(addConst(rc), plain(left), plain(s.nonZero(right))),
		outMoved(rc),
		outDerefs(s.boundedInt(least, maxQuotient(a, b))),
		outDerefs(s.boundedInt(bigZero, new(big.Int).Sub(b.Upper, bigTwo))))
}

// maxQuotient returns the largest quotient of a number in a by a number in b other than zero.
func maxQuotient(a, b Range) *big.Int {
	divisor := b.Lower
	if divisor.Sign() == 0 {
		divisor = bigOne
	}
	return new(big.Int).Quo(a.Max(), divisor)
}

// DivRem says how bounded_int_div_rem shows that quotient·divisor + remainder does not wrap around the prime.
type DivRem struct {
	Kind DivRemKind
	// Bound is the bound in the description of Kind, nil for SmallDivisor.
	Bound *big.Int
}

// DivRemKind says which number is small.
type DivRemKind uint8

const (
	// SmallDivisor: the divisor times any quotient of 128 bits is below the prime.
	SmallDivisor DivRemKind = iota
	// SmallQuotient: the quotient is below Bound, and Bound·2^128 is below the prime.
	SmallQuotient
	// SmallDividend: the dividend is below Bound², so the quotient or the divisor is below Bound, and Bound·2^128 is
	// below the prime.
	SmallDividend
)

// DivRemAlgorithm returns the algorithm for the division of a non-negative number in a by a positive number in b; ok is
// false if there is none.
func DivRemAlgorithm(a, b Range) (d DivRem, ok bool) {
	quotient := maxQuotient(a, b)
	// The quotient and the remainder are range-checked.
	if quotient.Cmp(big2Pow128) >= 0 || b.Upper.Cmp(new(big.Int).Add(big2Pow128, bigOne)) > 0 {
		return DivRem{}, false
	}
	fits := func(x *big.Int) bool { return new(big.Int).Mul(x, big2Pow128).Cmp(bigPrime) < 0 }
	if fits(b.Upper) {
		return DivRem{Kind: SmallDivisor}, true
	}
	if bound := quotient.Add(quotient, bigOne); fits(bound) {
		return DivRem{SmallQuotient, bound}, true
	}
	root := new(big.Int).Sqrt(a.Upper)
	if new(big.Int).Mul(root, root).Cmp(a.Upper) != 0 {
		root.Add(root, bigOne)
	}
	if fits(root) && root.Cmp(big2Pow128) < 0 {
		return DivRem{SmallDividend, root}, true
	}
	return DivRem{}, false
}

// boundedConstrain returns the signature of splitting a range at a boundary. Each part must be small enough for a range
// check.
func boundedConstrain(s *specialisation) Signature {
	s.count(2)
	t, boundary := s.typeArg(0), s.valueArg(1)
	inner, nz := s.peel(t, "NonZero")
	r := s.rangeOf(inner)
	if s.err != "" {
		return Signature{}
	}
	low, high := Range{r.Lower, boundary}, Range{boundary, r.Upper}
	s.require(r.Lower.Cmp(boundary) < 0 && boundary.Cmp(r.Upper) < 0, "boundary %v is not inside (%v, %v)", boundary, r.Lower, r.Upper)
	s.require(low.IsSmall() && high.IsSmall(), "a part has more than 2^128 numbers")
	rc := s.typ("RangeCheck")
	part := func(r Range) BranchSignature {
		res := s.boundedInt(r.Lower, r.Max())
		if nz {
			res = s.nonZero(res)
		}
		return branch(apKnown, outMoved(rc), outSame(res, 1))
	}
	return branching(params(addConst(rc), plain(t)), part(low), part(high))
}

// boundedTrim returns the signature of removing a bound from a range. The first branch is taken if the value is the
// bound.
func (s *specialisation) boundedTrim(t TypeID, trimmed, lower, upper *big.Int) Signature {
	ap := apKnown
	if trimmed.Sign() == 0 {
		ap = apNew
	}
	return branching(plains(t), branch(ap), branch(ap, outSame(s.boundedInt(lower, upper), 0)))
}

// castLibfuncs returns the libfuncs of casts between integer types, and of integer ranges.
func castLibfuncs() []libfunc {
	return []libfunc{
		{"upcast", audited, func(s *specialisation) Signature {
			from, to := s.twoTypes()
			s.require(s.rangeOf(to).covers(s.rangeOf(from)), "type %d does not contain type %d", to, from)
			return reinterpret(from, to)
		}},
		{"downcast", audited, downcast},
		{"int_range_try_new", audited, one(func(s *specialisation, t TypeID) Signature {
			rc, r := s.typ("RangeCheck"), s.wrap("IntRange", t)
			s.require(s.rangeOf(t).IsSmall(), "type %d has more than 2^128 numbers", t)
			return branching(params(addConst(rc), plain(t), plain(t)),
				branch(apKnown, outMoved(rc), outDerefs(r)),
				branch(apKnown, outMoved(rc), outDerefs(r)))
		})},
		{"int_range_pop_front", audited, one(func(s *specialisation, t TypeID) Signature {
			r := s.wrap("IntRange", t)
			return branching(plains(r), branch(apKnown), branch(apKnown, outMoved(r), outPartial(t, 0)))
		})},
	}
}

// downcast returns the signature of a downcast. The intersection of the types must fit a range check. The source must fit
// one too, unless it is the whole field and the intersection is below P mod 2^128-1, which the bounds check of a felt252
// requires.
func downcast(s *specialisation) Signature {
	from, to := s.twoTypes()
	source := s.rangeOf(from)
	common, ok := s.rangeOf(to).Intersect(source)
	s.require(ok, "types %d and %d have no number in common", from, to)
	feltBound := new(big.Int).Mod(bigPrime, new(big.Int).Sub(big2Pow128, bigOne))
	s.require(common.IsSmall() && (source.IsSmall() || source.IsFull() && common.Size().Cmp(feltBound) < 0),
		"casting type %d to type %d is not supported: too large", from, to)
	rc := s.typ("RangeCheck")
	return branching(params(addConst(rc), plain(from)),
		branch(apKnown, outMoved(rc), outSame(to, 1)),
		branch(apKnown, outMoved(rc)))
}
