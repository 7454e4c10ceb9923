package sierra

import "math/big"

// structLibfuncs returns the libfuncs of structs.
func structLibfuncs() []libfunc {
	return []libfunc{
		{"struct_construct", audited, one(structConstruct)},
		{"struct_deconstruct", audited, one(func(s *specialisation, t TypeID) Signature {
			sig := straight(apNew, params(ParamSignature{Type: t, AllowDeferred: true, AllowConst: true}))
			for _, m := range s.members(t, "Struct") {
				sig.Branches[0].Vars = append(sig.Branches[0].Vars, s.sized(outPartial(m, 0)))
			}
			return sig
		})},
		{"struct_snapshot_deconstruct", audited, one(func(s *specialisation, t TypeID) Signature {
			sig := straight(apNew, plains(s.snapshot(t)))
			for _, m := range s.members(t, "Struct") {
				sig.Branches[0].Vars = append(sig.Branches[0].Vars, s.snapshotOf(m))
			}
			return sig
		})},
		{"struct_boxed_deconstruct", audited18, one(structBoxedDeconstruct)},
	}
}

// structConstruct returns the signature of struct_construct. If only one member has cells, the output is that member.
func structConstruct(s *specialisation, t TypeID) Signature {
	members := s.members(t, "Struct")
	sig := straight(apNew, nil, outDeferred(t))
	only, withCells := 0, 0
	for i, m := range members {
		sig.Params = append(sig.Params, anything(m))
		if !s.info(m).ZeroSized {
			only = i
			withCells++
		}
	}
	if withCells == 1 {
		sig.Branches[0].Vars[0] = outSame(t, only)
	}
	sig.Branches[0].Vars[0] = s.sized(sig.Branches[0].Vars[0])
	return sig
}

// structBoxedDeconstruct returns the signature of struct_boxed_deconstruct: a box of a struct, or of a snapshot of one,
// becomes boxes of the members. The box of the first member with cells, and of the members before it, is the box of the
// struct; later boxes are that box plus an offset.
func structBoxedDeconstruct(s *specialisation, t TypeID) Signature {
	inner, snap := s.peel(t, "Snapshot")
	sig := straight(apNew, params(addConst(s.box(t))))
	moved := false
	for _, m := range s.members(inner, "Struct") {
		o := outSame(s.box(s.snapshotIf(snap, m)), 0)
		if moved {
			o = outMoved(o.Type)
		}
		moved = moved || !s.info(m).ZeroSized
		sig.Branches[0].Vars = append(sig.Branches[0].Vars, o)
	}
	return sig
}

// snapshotOf returns the output for a snapshot of a part of parameter 0.
func (s *specialisation) snapshotOf(part TypeID) OutputVar {
	o := s.sized(outPartial(part, 0))
	o.Type = s.snapshot(part)
	return o
}

// enumLibfuncs returns the libfuncs of enums.
func enumLibfuncs() []libfunc {
	return []libfunc{
		{"enum_init", audited, func(s *specialisation) Signature {
			if !s.count(2) {
				return Signature{}
			}
			t, index := s.typeArg(0), s.valueArg(1)
			variants := s.members(t, "Enum")
			if index.Sign() < 0 || index.Cmp(big.NewInt(int64(len(variants)))) >= 0 {
				s.fail("the enum has no variant %v", index)
				return Signature{}
			}
			return straight(apNew, params(anything(variants[index.Int64()])), outDeferred(t))
		}},
		{"enum_from_bounded_int", audited, one(enumFromBoundedInt)},
		{"enum_match", audited, one(func(s *specialisation, t TypeID) Signature {
			var branches []BranchSignature
			for _, v := range s.members(t, "Enum") {
				branches = append(branches, branch(apNew, s.sized(outPartial(v, 0))))
			}
			return matching(plains(t), branches)
		})},
		{"enum_snapshot_match", audited, one(func(s *specialisation, t TypeID) Signature {
			var branches []BranchSignature
			for _, v := range s.members(t, "Enum") {
				branches = append(branches, branch(apNew, s.snapshotOf(v)))
			}
			return matching(plains(s.snapshot(t)), branches)
		})},
		{"enum_boxed_match", audited18, one(func(s *specialisation, t TypeID) Signature {
			inner, snap := s.peel(t, "Snapshot")
			variants := s.members(inner, "Enum")
			ap := apKnown
			if len(variants) <= 1 {
				ap = apNew
			}
			var branches []BranchSignature
			for _, v := range variants {
				branches = append(branches, branch(ap, outMoved(s.box(s.snapshotIf(snap, v)))))
			}
			return matching(params(addConst(s.box(t))), branches)
		})},
	}
}

// matching returns the signature of a match. The first variant, if there is one, falls through.
func matching(params []ParamSignature, branches []BranchSignature) Signature {
	sig := Signature{Params: params, Branches: branches}
	if len(branches) == 0 {
		sig.Fallthrough = noFallthrough
	}
	return sig
}

// enumFromBoundedInt returns the signature of the conversion of a variant's number to an enum of empty structs. With up
// to two variants the enum's cell is the number.
func enumFromBoundedInt(s *specialisation, t TypeID) Signature {
	variants := s.members(t, "Enum")
	s.require(len(variants) > 0, "the enum has no variants")
	for _, v := range variants {
		l := s.longID(v)
		s.require(l.Generic == "Struct" && len(l.Args) == 1, "variant of type %d is not an empty struct", v)
	}
	in := s.boundedInt(bigZero, big.NewInt(int64(len(variants)-1)))
	if len(variants) <= 2 {
		return reinterpret(in, t)
	}
	return straight(apKnown, plains(in), outDeferred(t))
}

// boxLibfuncs returns the libfuncs of boxes and nullables.
func boxLibfuncs() []libfunc {
	return []libfunc{
		{"into_box", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, plains(t), outTemp(s.box(t), 0))
		})},
		{"local_into_box", audited18, one(func(s *specialisation, t TypeID) Signature {
			return straight(apKnown, plains(t), outMoved(s.box(t)))
		})},
		{"unbox", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, plains(s.box(t)), s.sized(outDeferred(t)))
		})},
		{"box_forward_snapshot", audited, one(func(s *specialisation, t TypeID) Signature {
			return reinterpret(s.snapshot(s.box(t)), s.box(s.snapshot(t)))
		})},
		{"null", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, nil, outDeferred(s.wrap("Nullable", t)))
		})},
		{"nullable_from_box", audited, one(func(s *specialisation, t TypeID) Signature {
			return reinterpret(s.box(t), s.wrap("Nullable", t))
		})},
		{"match_nullable", audited, one(func(s *specialisation, t TypeID) Signature {
			return branching(plains(s.wrap("Nullable", t)), branch(apNew), branch(apNew, outSame(s.box(t), 0)))
		})},
		{"nullable_forward_snapshot", audited, one(func(s *specialisation, t TypeID) Signature {
			return reinterpret(s.snapshot(s.wrap("Nullable", t)), s.wrap("Nullable", s.snapshot(t)))
		})},
	}
}

// dictLibfuncs returns the libfuncs of dictionaries.
func dictLibfuncs() []libfunc {
	return []libfunc{
		{"felt252_dict_new", audited, one(func(s *specialisation, t TypeID) Signature {
			arena := s.typ("SegmentArena")
			return straight(apKnown, params(addConst(arena)), outMoved(arena), outDeferred(s.wrap("Felt252Dict", t)))
		})},
		{"felt252_dict_squash", audited, one(func(s *specialisation, t TypeID) Signature {
			rc, gas, arena := s.typ("RangeCheck"), s.typ("GasBuiltin"), s.typ("SegmentArena")
			return straight(apUnknown, plains(rc, gas, arena, s.wrap("Felt252Dict", t)),
				outTemp(rc, 0), outTemp(gas, 1), outTemp(arena, 2), outTemp(s.wrap("SquashedFelt252Dict", t), 3))
		})},
		{"felt252_dict_entry_get", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, params(addConst(s.wrap("Felt252Dict", t)), plain(s.typ("felt252"))),
				outMoved(s.wrap("Felt252DictEntry", t)), outDeferred(t))
		})},
		{"felt252_dict_entry_finalize", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apNew, params(addConst(s.wrap("Felt252DictEntry", t)), plain(t)), outSame(s.wrap("Felt252Dict", t), 0))
		})},
		{"squashed_felt252_dict_entries", audited18, one(func(s *specialisation, t TypeID) Signature {
			entry := s.tuple(s.typ("felt252"), t, t)
			return reinterpret(s.wrap("SquashedFelt252Dict", t), s.array(entry))
		})},
	}
}

// arrayLibfuncs returns the libfuncs of arrays and spans.
func arrayLibfuncs() []libfunc {
	return []libfunc{
		{"array_new", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apKnown, nil, outDerefs(s.array(t)))
		})},
		{"span_from_tuple", audited, one(func(s *specialisation, t TypeID) Signature {
			elem := s.uniform(t)
			return straight(apNew, plains(s.box(s.snapshot(t))), outMoved(s.snapshot(s.array(elem))))
		})},
		{"tuple_from_span", audited, one(func(s *specialisation, t TypeID) Signature {
			elem := s.uniform(t)
			return branching(plains(s.snapshot(s.array(elem))),
				branch(apKnown, outPartial(s.snapshot(s.box(t)), 0)),
				branch(apKnown))
		})},
		{"array_append", audited, one(func(s *specialisation, t TypeID) Signature {
			arr := s.array(t)
			return straight(apNew, params(addConst(arr), plain(t)), outMoved(arr))
		})},
		{"array_pop_front", audited, one(func(s *specialisation, t TypeID) Signature {
			arr := s.array(t)
			return branching(plains(arr), branch(apKnown, outMoved(arr), outPartial(s.box(t), 0)), branch(apKnown, outSame(arr, 0)))
		})},
		{"array_pop_front_consume", audited, one(func(s *specialisation, t TypeID) Signature {
			arr := s.array(t)
			return branching(plains(arr), branch(apKnown, outMoved(arr), outPartial(s.box(t), 0)), branch(apKnown))
		})},
		{"array_get", audited, one(func(s *specialisation, t TypeID) Signature {
			rc := s.typ("RangeCheck")
			return branching(params(addConst(rc), plain(s.snapshot(s.array(t))), plain(s.typ("u32"))),
				branch(apKnown, outMoved(rc), outDeferred(s.box(s.snapshot(t)))),
				branch(apKnown, outMoved(rc)))
		})},
		{"array_slice", audited, one(func(s *specialisation, t TypeID) Signature {
			rc, arr, index := s.typ("RangeCheck"), s.snapshot(s.array(t)), s.typ("u32")
			return branching(params(addConst(rc), plain(arr), plain(index), plain(index)),
				branch(apKnown, outMoved(rc), outDeferred(arr)),
				branch(apKnown, outMoved(rc)))
		})},
		{"array_len", audited, one(func(s *specialisation, t TypeID) Signature {
			return straight(apKnown, plains(s.snapshot(s.array(t))), outDeferred(s.typ("u32")))
		})},
		{"array_snapshot_pop_front", audited, one(func(s *specialisation, t TypeID) Signature {
			arr := s.snapshot(s.array(t))
			return branching(plains(arr),
				branch(apKnown, outMoved(arr), outPartial(s.box(s.snapshot(t)), 0)),
				branch(apKnown, outSame(arr, 0)))
		})},
		{"array_snapshot_pop_back", audited, one(func(s *specialisation, t TypeID) Signature {
			arr := s.snapshot(s.array(t))
			return branching(plains(arr),
				branch(apKnown, outMoved(arr), outDeferred(s.box(s.snapshot(t)))),
				branch(apKnown, outSame(arr, 0)))
		})},
		{"array_snapshot_multi_pop_front", audited, one(func(s *specialisation, t TypeID) Signature {
			return s.multiPop(t, outPartial(noType, 1))
		})},
		{"array_snapshot_multi_pop_back", audited, one(func(s *specialisation, t TypeID) Signature {
			return s.multiPop(t, outTemp(noType, 0))
		})},
	}
}

// multiPop returns the signature of popping as many elements as the tuple t has members, as a box.
func (s *specialisation) multiPop(t TypeID, popped OutputVar) Signature {
	rc, arr := s.typ("RangeCheck"), s.snapshot(s.array(s.uniform(t)))
	popped.Type = s.snapshot(s.box(t))
	return branching(params(addConst(rc), plain(arr)),
		branch(apKnown, outMoved(rc), outDerefs(arr), popped),
		branch(apKnown, outMoved(rc), outSame(arr, 1)))
}

// uniform returns the member type of a struct whose members all have this type. There must be at least one member, with
// cells.
func (s *specialisation) uniform(t TypeID) TypeID {
	members := s.members(t, "Struct")
	if len(members) == 0 || s.structInfo(members).ZeroSized {
		s.fail("type %d is not a tuple with cells", t)
		return noType
	}
	for _, m := range members {
		s.require(m == members[0], "members of type %d differ", t)
	}
	return members[0]
}
