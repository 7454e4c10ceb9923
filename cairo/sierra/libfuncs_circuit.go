package sierra

import "math/big"

// circuitLibfuncs returns the libfuncs of arithmetic circuits modulo a number of up to 384 bits.
func circuitLibfuncs() []libfunc {
	return []libfunc{
		{"init_circuit_data", audited, one(func(s *specialisation, circuit TypeID) Signature {
			rc96 := s.typ("RangeCheck96")
			return straight(apNew, params(addConst(rc96)), outMoved(rc96), outDeferred(s.wrap("CircuitInputAccumulator", circuit)))
		})},
		{"add_circuit_input", audited, one(func(s *specialisation, circuit TypeID) Signature {
			acc := s.wrap("CircuitInputAccumulator", circuit)
			return branching(plains(acc, s.fixedArray(s.typ("U96Guarantee"), CircuitValueCells)),
				branch(apKnown, outDerefs(s.wrap("CircuitData", circuit))),
				branch(apKnown, outDerefs(acc)))
		})},
		{"get_circuit_descriptor", audited, one(func(s *specialisation, circuit TypeID) Signature {
			return straight(apKnown, nil, outTemp(s.wrap("CircuitDescriptor", circuit), 0))
		})},
		{"eval_circuit", audited, one(func(s *specialisation, circuit TypeID) Signature {
			add, mul := s.typ("AddMod"), s.typ("MulMod")
			return branching(
				plains(add, mul, s.wrap("CircuitDescriptor", circuit), s.wrap("CircuitData", circuit), s.typ("CircuitModulus"),
					s.boundedInt(bigZero, bigZero), s.boundedInt(bigOne, bigOne)),
				branch(apKnown, outMoved(add), outDeferred(mul), outDerefs(s.wrap("CircuitOutputs", circuit))),
				branch(apKnown, outMoved(add), outDeferred(mul),
					outDerefs(s.wrap("CircuitPartialOutputs", circuit)), outDerefs(s.typ("CircuitFailureGuarantee"))))
		})},
		{"get_circuit_output", audited, func(s *specialisation) Signature {
			circuit, output := s.twoTypes()
			l := s.longID(output)
			s.require(isCircuitComponent(l.Generic), "type %d (%s) is not a circuit's component", output, l.Generic)
			return straight(apKnown, plains(s.wrap("CircuitOutputs", circuit)), outDerefs(s.u384()), outDerefs(s.limbsGuarantee(4)))
		}},
		{"try_into_circuit_modulus", audited, none(func(s *specialisation) Signature {
			return branching(plains(s.fixedArray(s.u96(), CircuitValueCells)),
				branch(apKnown, outSame(s.typ("CircuitModulus"), 0)),
				branch(apKnown))
		})},
		{"circuit_failure_guarantee_verify", audited, none(func(s *specialisation) Signature {
			rc96, mul := s.typ("RangeCheck96"), s.typ("MulMod")
			return straight(apKnown,
				plains(rc96, mul, s.typ("CircuitFailureGuarantee"), s.boundedInt(bigZero, bigZero), s.boundedInt(bigOne, bigOne)),
				outMoved(rc96), outMoved(mul), outDerefs(s.limbsGuarantee(4)))
		})},
		{"into_u96_guarantee", audited, one(func(s *specialisation, t TypeID) Signature {
			s.require(Range{bigZero, big2Pow96}.covers(s.rangeOf(t)), "type %d does not fit in 96 bits", t)
			return reinterpret(t, s.typ("U96Guarantee"))
		})},
		{"u96_guarantee_verify", audited, none(func(s *specialisation) Signature {
			rc96 := s.typ("RangeCheck96")
			return straight(apNew, params(addConst(rc96), plain(s.typ("U96Guarantee"))), outMoved(rc96))
		})},
		{"u96_limbs_less_than_guarantee_verify", audited, func(s *specialisation) Signature {
			limbs := s.soleValue()
			s.require(limbs.Cmp(bigOne) > 0 && limbs.IsInt64(), "%v is not a number of limbs above 1", limbs)
			if s.err != "" {
				return Signature{}
			}
			n := limbs.Int64()
			return branching(plains(s.limbsGuarantee(n)),
				branch(apKnown, outPartial(s.limbsGuarantee(n-1), 0)),
				branch(apNew, outTemp(s.typ("U96Guarantee"), 0)))
		}},
		{"u96_single_limb_less_than_guarantee_verify", audited, none(func(s *specialisation) Signature {
			return straight(apNew, plains(s.limbsGuarantee(1)), outDeferred(s.typ("U96Guarantee")))
		})},
	}
}

// u96 returns the type of a limb, u384 that of four limbs.
func (s *specialisation) u96() TypeID {
	return s.boundedInt(bigZero, new(big.Int).Sub(big2Pow96, bigOne))
}

func (s *specialisation) u384() TypeID {
	return s.structOf("core::circuit::u384", repeat(s.u96(), 4)...)
}

// limbsGuarantee returns the type of the guarantee that one number of n limbs is less than another.
func (s *specialisation) limbsGuarantee(n int64) TypeID {
	return s.find("U96LimbsLtGuarantee", GenericArg{Kind: ValueArg, Value: big.NewInt(n)})
}
