package sierra

// flowLibfuncs returns the libfuncs of control flow, ap tracking and calls.
func flowLibfuncs() []libfunc {
	return []libfunc{
		{"branch_align", audited, none(func(s *specialisation) Signature { return straight(apAlign, nil) })},
		{"jump", audited, none(func(s *specialisation) Signature {
			return Signature{Branches: []BranchSignature{branch(apNew)}, Fallthrough: noFallthrough}
		})},
		{"revoke_ap_tracking", audited, none(func(s *specialisation) Signature { return straight(apUnknown, nil) })},
		{"enable_ap_tracking", audited, none(func(s *specialisation) Signature { return straight(apNew, nil) })},
		{"disable_ap_tracking", audited, none(func(s *specialisation) Signature { return straight(apNew, nil) })},
		{"function_call", audited, func(s *specialisation) Signature { return s.call(s.soleFunc()) }},
		{"coupon_call", audited, func(s *specialisation) Signature {
			f := s.soleFunc()
			if s.err != "" {
				return Signature{}
			}
			return s.call(f, s.find("Coupon", s.args[0]))
		}},
		{"coupon_buy", audited, func(s *specialisation) Signature {
			return straight(apNew, nil, out(s.coupon(), ZeroSizedRef))
		}},
		{"coupon_refund", audited, func(s *specialisation) Signature { return straight(apNew, plains(s.coupon())) }},
		{"unsafe_panic", experimental, none(func(s *specialisation) Signature { return Signature{Fallthrough: noFallthrough} })},
	}
}

// noFallthrough is the Signature.Fallthrough of libfuncs without a branch to the next statement.
const noFallthrough = -1

// call returns the signature of a call of f with further arguments. The results are on top of the stack.
func (s *specialisation) call(f *Function, more ...TypeID) Signature {
	sig := straight(apCall, nil)
	for _, p := range f.Params {
		sig.Params = append(sig.Params, plain(p.Type))
	}
	sig.Params = append(sig.Params, plains(more...)...)
	temps := 0
	for _, t := range f.Ret {
		o := s.sized(outTemp(t, temps))
		if o.Ref.Kind == NewTempVar {
			temps++
		}
		sig.Branches[0].Vars = append(sig.Branches[0].Vars, o)
	}
	return sig
}

// coupon returns the only generic argument, which must be the Coupon of a declared function.
func (s *specialisation) coupon() TypeID {
	t := s.soleType()
	args := s.argsOf(t, "Coupon")
	if s.err != "" {
		return noType
	}
	if len(args) != 1 {
		s.fail("type %d (Coupon) does not have one argument", t)
		return noType
	}
	s.function(&args[0])
	return t
}

// memoryLibfuncs returns the libfuncs that store, rename, drop and duplicate variables.
func memoryLibfuncs() []libfunc {
	return []libfunc{
		{"store_temp", audited, one(func(s *specialisation, t TypeID) Signature {
			s.requireStorable(t, s.info(t))
			return straight(apNew, params(anything(t)), s.sized(outTemp(t, 0)))
		})},
		{"store_local", audited, one(func(s *specialisation, t TypeID) Signature {
			s.requireStorable(t, s.info(t))
			return straight(apNew, params(plain(s.wrap("Uninitialized", t)), anything(t)), s.sized(out(t, NewLocalVar)))
		})},
		{"finalize_locals", audited, none(func(s *specialisation) Signature { return straight(apKnown, nil) })},
		{"alloc_local", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, nil, s.sized(out(s.wrap("Uninitialized", t), NewLocalVar)))
		})},
		{"rename", audited, one(func(s *specialisation, t TypeID) Signature { return reinterpret(t, t) })},
		{"drop", audited, one(func(s *specialisation, t TypeID) Signature {
			s.require(s.info(t).Droppable, "type %d cannot be dropped", t)
			return straight(apNew, params(anything(t)))
		})},
		{"dup", audited, one(func(s *specialisation, t TypeID) Signature {
			s.require(s.info(t).Duplicatable, "type %d cannot be duplicated", t)
			return straight(apNew, params(orConst(t)), outSame(t, 0), outSame(t, 0))
		})},
		{"snapshot_take", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, params(anything(t)), outSame(t, 0), outSame(s.snapshot(t), 0))
		})},
		{"unwrap_non_zero", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, plains(s.nonZero(t)), outSame(t, 0))
		})},
		{"const_as_box", audited, constAsBox},
		{"const_as_immediate", audited, constAsImmediate},
	}
}

// gasLibfuncs returns the libfuncs of the gas counter.
func gasLibfuncs() []libfunc {
	return []libfunc{
		{"withdraw_gas", audited, none(func(s *specialisation) Signature { return s.withdrawGas() })},
		{"withdraw_gas_all", audited, none(func(s *specialisation) Signature { return s.withdrawGas(s.typ("BuiltinCosts")) })},
		{"redeposit_gas", audited, none(func(s *specialisation) Signature {
			gas := s.typ("GasBuiltin")
			return straight(apKnown, plains(gas), outDeferred(gas))
		})},
		{"get_builtin_costs", audited, none(func(s *specialisation) Signature {
			return straight(apKnown, nil, outDeferred(s.typ("BuiltinCosts")))
		})},
		{"gas_reserve_create", audited18, none(func(s *specialisation) Signature {
			rc, gas, reserve := s.typ("RangeCheck"), s.typ("GasBuiltin"), s.typ("GasReserve")
			return branching(params(addConst(rc), plain(gas), plain(s.typ("u128"))),
				branch(apKnown, outMoved(rc), outTemp(gas, 0), outSame(reserve, 2)),
				branch(apKnown, outMoved(rc), outSame(gas, 1)))
		})},
		{"gas_reserve_utilize", audited18, none(func(s *specialisation) Signature {
			gas := s.typ("GasBuiltin")
			return straight(apNew, plains(gas, s.typ("GasReserve")), outDeferred(gas))
		})},
		{"get_available_gas", debugging, none(func(s *specialisation) Signature {
			gas := s.typ("GasBuiltin")
			return straight(apNew, plains(gas), outSame(gas, 0), outSame(s.typ("u128"), 0))
		})},
		{"get_unspent_gas", debugging, none(func(s *specialisation) Signature {
			gas := s.typ("GasBuiltin")
			return straight(apKnown, plains(gas), outSame(gas, 0), outDeferred(s.typ("u128")))
		})},
	}
}

func (s *specialisation) withdrawGas(more ...TypeID) Signature {
	rc, gas := s.typ("RangeCheck"), s.typ("GasBuiltin")
	return branching(append(params(addConst(rc), plain(gas)), plains(more...)...),
		branch(apKnown, outMoved(rc), outTemp(gas, 0)),
		branch(apKnown, outMoved(rc), outSame(gas, 1)))
}

// debugLibfuncs returns the libfuncs of development tools.
func debugLibfuncs() []libfunc {
	return []libfunc{
		{"trace", experimental, func(s *specialisation) Signature {
			s.soleValue()
			return straight(apKnown, nil)
		}},
		{"print", debugging, none(func(s *specialisation) Signature {
			return straight(apNew, plains(s.array(s.typ("felt252"))))
		})},
		{"cheatcode", debugging, func(s *specialisation) Signature {
			s.soleValue()
			span := s.feltSpan()
			return straight(apNew, plains(span), outTemp(span, 0))
		}},
	}
}
