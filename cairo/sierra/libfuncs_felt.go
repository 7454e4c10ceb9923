package sierra

import "math/big"

// feltLibfuncs returns the libfuncs of field elements and bytes31.
func feltLibfuncs() []libfunc {
	return []libfunc{
		{"felt252_add", audited, none(feltOperation)},
		{"felt252_sub", audited, none(feltOperation)},
		{"felt252_mul", audited, none(feltOperation)},
		{"felt252_div", audited, none(func(s *specialisation) Signature {
			felt := s.typ("felt252")
			return straight(apNew, params(plain(felt), orConst(s.nonZero(felt))), outTemp(felt, 0))
		})},
		{"felt252_add_const", experimental, feltConstOperation},
		{"felt252_sub_const", experimental, feltConstOperation},
		{"felt252_mul_const", experimental, feltConstOperation},
		{"felt252_div_const", experimental, func(s *specialisation) Signature {
			felt := s.typ("felt252")
			s.require(s.soleValue().Sign() != 0, "division by the constant 0")
			return straight(apNew, plains(felt), outTemp(felt, 0))
		}},
		{"felt252_const", audited, func(s *specialisation) Signature {
			s.soleValue()
			return straight(apNew, nil, outConst(s.typ("felt252")))
		}},
		{"felt252_is_zero", audited, none(func(s *specialisation) Signature { return s.isZero(s.typ("felt252")) })},

		{"bytes31_const", audited, func(s *specialisation) Signature { return s.constant(s.typ("bytes31"), Range{bigZero, big2Pow248}) }},
		{"bytes31_to_felt252", audited, none(func(s *specialisation) Signature { return reinterpret(s.typ("bytes31"), s.typ("felt252")) })},
		{"bytes31_try_from_felt252", audited, none(func(s *specialisation) Signature { return s.tryFromFelt(s.typ("bytes31")) })},
	}
}

func feltOperation(s *specialisation) Signature {
	felt := s.typ("felt252")
	return straight(apNew, params(plain(felt), orConst(felt)), outDeferred(felt))
}

func feltConstOperation(s *specialisation) Signature {
	felt := s.typ("felt252")
	s.soleValue()
	return straight(apNew, plains(felt), outDeferred(felt))
}

// boolLibfuncs returns the libfuncs of booleans: the enum core::bool, whose cell is 0 or 1.
func boolLibfuncs() []libfunc {
	return []libfunc{
		{"bool_and_impl", audited, none(func(s *specialisation) Signature {
			b := s.bool()
			return straight(apNew, plains(b, b), outDeferred(b))
		})},
		{"bool_or_impl", audited, none(boolOperation)},
		{"bool_xor_impl", audited, none(boolOperation)},
		{"bool_not_impl", audited, none(func(s *specialisation) Signature {
			b := s.bool()
			return straight(apKnown, plains(b), outDeferred(b))
		})},
		{"bool_to_felt252", audited, none(func(s *specialisation) Signature { return reinterpret(s.bool(), s.typ("felt252")) })},
	}
}

func boolOperation(s *specialisation) Signature {
	b := s.bool()
	return straight(apKnown, plains(b, b), outDeferred(b))
}

// hashLibfuncs returns the libfuncs of hashes that are builtins or opcodes.
func hashLibfuncs() []libfunc {
	return []libfunc{
		{"pedersen", audited, none(func(s *specialisation) Signature {
			builtin, felt := s.typ("Pedersen"), s.typ("felt252")
			return straight(apNew, params(addConst(builtin), plain(felt), plain(felt)), outMoved(builtin), outDeferred(felt))
		})},
		{"hades_permutation", audited, none(func(s *specialisation) Signature {
			builtin, felt := s.typ("Poseidon"), s.typ("felt252")
			return straight(apNew, params(addConst(builtin), plain(felt), plain(felt), plain(felt)),
				outMoved(builtin), outDeferred(felt), outDeferred(felt), outDeferred(felt))
		})},
		{"blake2s_compress", audited18, none(blake2s)},
		{"blake2s_finalize", audited18, none(blake2s)},
		{"blake2s_compress_guarantees", experimental, none(blake2sGuarantees)},
		{"blake2s_finalize_guarantees", experimental, none(blake2sGuarantees)},
	}
}

func blake2s(s *specialisation) Signature {
	return s.blake2s(s.typ("u32"))
}

func blake2sGuarantees(s *specialisation) Signature {
	return s.blake2s(s.u32Guarantee())
}

// blake2s returns the signature of hashing a block of 16 words of the given type into a state.
func (s *specialisation) blake2s(word TypeID) Signature {
	u32 := s.typ("u32")
	state, block := s.box(s.fixedArray(u32, 8)), s.box(s.fixedArray(word, 16))
	return straight(apNew, plains(state, u32, block), outTemp(state, 0))
}

// ecLibfuncs returns the libfuncs of points of the STARK curve.
func ecLibfuncs() []libfunc {
	return []libfunc{
		{"ec_point_zero", audited, none(func(s *specialisation) Signature { return straight(apNew, nil, outConst(s.typ("EcPoint"))) })},
		{"ec_point_try_new_nz", audited, none(func(s *specialisation) Signature {
			felt := s.typ("felt252")
			return branching(plains(felt, felt), branch(apKnown, outDeferred(s.nonZero(s.typ("EcPoint")))), branch(apKnown))
		})},
		{"ec_point_from_x_nz", audited, none(func(s *specialisation) Signature {
			rc := s.typ("RangeCheck")
			return branching(params(addConst(rc), plain(s.typ("felt252"))),
				branch(apKnown, outMoved(rc), outDeferred(s.nonZero(s.typ("EcPoint")))),
				branch(apKnown, outMoved(rc)))
		})},
		{"ec_point_unwrap", audited, none(func(s *specialisation) Signature {
			felt := s.typ("felt252")
			return straight(apNew, plains(s.nonZero(s.typ("EcPoint"))), outPartial(felt, 0), outPartial(felt, 0))
		})},
		{"ec_point_is_zero", audited, none(func(s *specialisation) Signature { return s.isZero(s.typ("EcPoint")) })},
		{"ec_neg", audited, none(func(s *specialisation) Signature {
			point := s.typ("EcPoint")
			return straight(apNew, plains(point), outDeferred(point))
		})},
		{"ec_neg_nz", audited18, none(func(s *specialisation) Signature {
			point := s.nonZero(s.typ("EcPoint"))
			return straight(apNew, plains(point), outDeferred(point))
		})},
		{"ec_state_init", audited, none(func(s *specialisation) Signature {
			return straight(apKnown, nil, outTemp(s.typ("EcState"), 0))
		})},
		{"ec_state_add", audited, none(func(s *specialisation) Signature {
			state := s.typ("EcState")
			return straight(apKnown, plains(state, s.nonZero(s.typ("EcPoint"))), outDeferred(state))
		})},
		{"ec_state_add_mul", audited, none(func(s *specialisation) Signature {
			builtin, state := s.typ("EcOp"), s.typ("EcState")
			return straight(apNew,
				params(addConst(builtin), plain(state), plain(s.typ("felt252")), plain(s.nonZero(s.typ("EcPoint")))),
				outMoved(builtin), outDeferred(state))
		})},
		{"ec_state_try_finalize_nz", audited, none(func(s *specialisation) Signature {
			return branching(plains(s.typ("EcState")), branch(apKnown, outTemp(s.nonZero(s.typ("EcPoint")), 0)), branch(apKnown))
		})},
	}
}

// qm31Libfuncs returns the libfuncs of the field of 2^31-1 elements and of its extension of degree 4.
func qm31Libfuncs() []libfunc {
	return []libfunc{
		{"qm31_add", experimental, none(qm31Operation)},
		{"qm31_sub", experimental, none(qm31Operation)},
		{"qm31_mul", experimental, none(qm31Operation)},
		{"qm31_div", experimental, none(qm31Division)},
		{"m31_add", experimental, none(m31Operation)},
		{"m31_sub", experimental, none(m31Operation)},
		{"m31_mul", experimental, none(m31Operation)},
		{"m31_div", experimental, none(m31Division)},
		{"qm31_const", experimental, func(s *specialisation) Signature {
			s.count(4)
			for i := range s.args {
				v := s.valueArg(i)
				s.require(v.Sign() >= 0 && v.Cmp(m31Max) <= 0, "coordinate %v is not in [0, %v]", v, m31Max)
			}
			return straight(apNew, nil, outConst(s.typ("qm31")))
		}},
		{"qm31_is_zero", experimental, none(func(s *specialisation) Signature { return s.isZero(s.typ("qm31")) })},
		{"qm31_pack", experimental, none(func(s *specialisation) Signature {
			return straight(apKnown, plains(repeat(s.m31(), 4)...), outDeferred(s.typ("qm31")))
		})},
		{"qm31_unpack", experimental, none(func(s *specialisation) Signature {
			rc, m31 := s.typ("RangeCheck"), s.m31()
			return straight(apKnown, params(addConst(rc), plain(s.typ("qm31"))),
				outMoved(rc), outDerefs(m31), outDerefs(m31), outDerefs(m31), outDerefs(m31))
		})},
		{"qm31_from_m31", experimental, none(func(s *specialisation) Signature { return reinterpret(s.m31(), s.typ("qm31")) })},
	}
}

// m31Max is 2^31-2, the largest element.
var m31Max = big.NewInt(1<<31 - 2)

func (s *specialisation) m31() TypeID { return s.boundedInt(bigZero, m31Max) }

func qm31Operation(s *specialisation) Signature {
	t := s.typ("qm31")
	return straight(apNew, params(plain(t), orConst(t)), outTemp(t, 0))
}

func qm31Division(s *specialisation) Signature {
	t := s.typ("qm31")
	return straight(apNew, params(plain(t), orConst(s.nonZero(t))), outTemp(t, 0))
}

func m31Operation(s *specialisation) Signature {
	t := s.m31()
	return straight(apNew, params(plain(t), orConst(t)), outTemp(t, 0))
}

func m31Division(s *specialisation) Signature {
	t := s.m31()
	return straight(apNew, params(plain(t), orConst(s.nonZero(t))), outTemp(t, 0))
}
