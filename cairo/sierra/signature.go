package sierra

// Constructors in which the libfunc tables write signatures.

// Effects of a branch on ap.
var (
	// apNew: the change is known at compile time, and all new cells belong to the outputs.
	apNew = ApChange{Known: true, NewVarsOnly: true}
	// apKnown: the change is known at compile time.
	apKnown   = ApChange{Known: true}
	apUnknown = ApChange{}
	apAlign   = ApChange{BranchAlign: true}
	apCall    = ApChange{FunctionCall: true}
)

// straight returns the signature of a libfunc with one branch, which falls through.
func straight(ap ApChange, params []ParamSignature, outs ...OutputVar) Signature {
	return Signature{Params: params, Branches: []BranchSignature{branch(ap, outs...)}}
}

// branching returns the signature of a libfunc whose first branch falls through.
func branching(params []ParamSignature, branches ...BranchSignature) Signature {
	return Signature{Params: params, Branches: branches}
}

func branch(ap ApChange, outs ...OutputVar) BranchSignature {
	return BranchSignature{Vars: outs, ApChange: ap}
}

func params(p ...ParamSignature) []ParamSignature { return p }

// plain returns a parameter that must be in memory cells.
func plain(t TypeID) ParamSignature { return ParamSignature{Type: t} }

func plains(types ...TypeID) []ParamSignature {
	p := make([]ParamSignature, len(types))
	for i, t := range types {
		p[i] = plain(t)
	}
	return p
}

// addConst returns a parameter that may also be a cell plus a constant, such as a builtin pointer.
func addConst(t TypeID) ParamSignature { return ParamSignature{Type: t, AllowAddConst: true} }

// orConst returns a parameter that may also be a constant.
func orConst(t TypeID) ParamSignature { return ParamSignature{Type: t, AllowConst: true} }

// anything returns a parameter that may be any expression.
func anything(t TypeID) ParamSignature {
	return ParamSignature{Type: t, AllowDeferred: true, AllowAddConst: true, AllowConst: true}
}

func out(t TypeID, kind RefKind) OutputVar { return OutputVar{Type: t, Ref: OutputRef{Kind: kind}} }

// outSame returns parameter i as an output, outPartial some of its cells.
func outSame(t TypeID, i int) OutputVar {
	return OutputVar{Type: t, Ref: OutputRef{Kind: SameAsParam, Param: i}}
}
func outPartial(t TypeID, i int) OutputVar {
	return OutputVar{Type: t, Ref: OutputRef{Kind: PartialParam, Param: i}}
}

// outTemp returns the i-th new variable on top of the stack.
func outTemp(t TypeID, i int) OutputVar {
	return OutputVar{Type: t, Ref: OutputRef{Kind: NewTempVar, Temp: i}}
}

func outConst(t TypeID) OutputVar    { return out(t, DeferredConst) }
func outDeferred(t TypeID) OutputVar { return out(t, DeferredGeneric) }
func outDerefs(t TypeID) OutputVar   { return out(t, SimpleDerefs) }

// outMoved returns a pointer plus a constant, such as a builtin or array pointer after its use.
func outMoved(t TypeID) OutputVar { return out(t, DeferredAddConst) }

// sized returns the output, or a reference without cells if its type has none.
func (s *specialisation) sized(o OutputVar) OutputVar {
	if s.info(o.Type).ZeroSized {
		return out(o.Type, ZeroSizedRef)
	}
	return o
}

// reinterpret returns the signature of a libfunc that only changes the type of its argument.
func reinterpret(from, to TypeID) Signature {
	return straight(apNew, params(anything(from)), outSame(to, 0))
}

// isZero returns the signature of a test for zero. The second branch returns the value as NonZero.
func (s *specialisation) isZero(t TypeID) Signature {
	return branching(plains(t), branch(apNew), branch(apNew, outSame(s.nonZero(t), 0)))
}

// tryFromFelt returns the signature of a conversion that fails outside the range of t.
func (s *specialisation) tryFromFelt(t TypeID) Signature {
	rc := s.typ("RangeCheck")
	return branching(params(addConst(rc), plain(s.typ("felt252"))),
		branch(apKnown, outMoved(rc), outSame(t, 1)),
		branch(apKnown, outMoved(rc)))
}

// constant returns the signature of a libfunc whose output is its only generic argument, a number in the range.
func (s *specialisation) constant(t TypeID, r Range) Signature {
	v := s.soleValue()
	s.require(r.contains(v), "%v is not in [%v, %v)", v, r.Lower, r.Upper)
	return straight(apNew, nil, outConst(t))
}
