package sierra

import (
	"math"
	"math/big"
)

// typeRule sets a concrete type's properties, and the fields that its kind uses, from its generic arguments.
type typeRule func(s *specialisation, t *ConcreteType)

// specialiseType applies the rule of a declaration's generic id.
func (s *specialisation) specialiseType(d *TypeDeclaration) ConcreteType {
	t := ConcreteType{ID: d.ID, Generic: d.LongID.Generic, Args: d.LongID.Args, Inner: noType}
	if info, ok := plainTypes[t.Generic]; ok {
		if s.count(0) {
			t.Info = info
		}
	} else if rule := typeRules(t.Generic); rule != nil {
		rule(s, &t)
	} else {
		s.fail("no such type")
	}
	return t
}

var (
	// value types may be stored, dropped and duplicated.
	value = TypeInfo{Storable: true, Droppable: true, Duplicatable: true}
	// linear types must be used exactly once: builtin pointers and guarantees.
	linear = TypeInfo{Storable: true}
	// affine types may be dropped but not duplicated.
	affine = TypeInfo{Storable: true, Droppable: true}
	// immaterial types exist only at compile time.
	immaterial = TypeInfo{ZeroSized: true}
)

// plainTypes maps the types without generic arguments to their properties.
var plainTypes = map[string]TypeInfo{
	"felt252": value, "bytes31": value, "qm31": value,
	"u8": value, "u16": value, "u32": value, "u64": value, "u128": value,
	"i8": value, "i16": value, "i32": value, "i64": value, "i128": value,
	"EcPoint": value, "EcState": value, "Blake2sState": value, "BuiltinCosts": value,
	"U128MulGuarantee": linear,

	"RangeCheck": linear, "RangeCheck96": linear, "Pedersen": linear, "Poseidon": linear, "Bitwise": linear, "EcOp": linear,
	"SegmentArena": linear, "AddMod": linear, "MulMod": linear,
	"GasBuiltin": linear, "GasReserve": affine, "System": linear,

	"ClassHash": value, "ContractAddress": value, "StorageBaseAddress": value, "StorageAddress": value,
	"Secp256k1Point": value, "Secp256r1Point": value, "Sha256StateHandle": value, "Sha512StateHandle": value,

	"CircuitModulus": value, "CircuitFailureGuarantee": linear, "U96Guarantee": linear,
}

// typeRules returns the rule of a type with generic arguments, nil if there is none.
func typeRules(generic string) typeRule {
	switch generic {
	case "Array", "Span", "SquashedFelt252Dict":
		return collectionType
	case "Box", "Nullable", "NonZero":
		return wrapperType
	case "Snapshot":
		return snapshotType
	case "Uninitialized":
		return uninitializedType
	case "Struct":
		return structType
	case "Enum":
		return enumType
	case "Felt252Dict", "Felt252DictEntry":
		return dictType
	case "Const":
		return constType
	case "BoundedInt", "BoundedIntGuarantee":
		return boundedIntType
	case "IntRange":
		return intRangeType
	case "Coupon":
		return couponType
	case "CircuitInput":
		return circuitInputType
	case "AddModGate", "SubModGate", "MulModGate", "InverseGate":
		return gateType
	case "Circuit":
		return circuitType
	case "CircuitInputAccumulator", "CircuitData", "CircuitPartialOutputs", "CircuitOutputs", "CircuitDescriptor":
		return ofCircuitType
	case "U96LimbsLtGuarantee":
		return limbsGuaranteeType
	}
	return nil
}

// inner sets t.Inner to the only generic argument, a type, and returns its properties.
func (s *specialisation) inner(t *ConcreteType) TypeInfo {
	t.Inner = s.soleType()
	return s.info(t.Inner)
}

func (s *specialisation) requireStorable(id TypeID, info TypeInfo) {
	s.require(info.Storable, "type %d cannot be stored", id)
}

func collectionType(s *specialisation, t *ConcreteType) {
	in := s.inner(t)
	s.requireStorable(t.Inner, in)
	s.require(!in.ZeroSized, "element type %d has no size", t.Inner)
	t.Info = TypeInfo{Storable: true, Droppable: in.Droppable}
	if t.Generic == "Span" {
		t.Info.Duplicatable = in.Duplicatable
	}
}

func wrapperType(s *specialisation, t *ConcreteType) {
	in := s.inner(t)
	s.requireStorable(t.Inner, in)
	t.Info = TypeInfo{Storable: true, Droppable: in.Droppable, Duplicatable: in.Duplicatable}
	if t.Generic == "NonZero" {
		t.Info.ZeroSized = in.ZeroSized
	}
}

func snapshotType(s *specialisation, t *ConcreteType) {
	in := s.inner(t)
	s.requireStorable(t.Inner, in)
	s.require(!in.Duplicatable, "type %d can be duplicated, so it is its own snapshot", t.Inner)
	t.Info = value
	t.Info.ZeroSized = in.ZeroSized
}

func uninitializedType(s *specialisation, t *ConcreteType) {
	in := s.inner(t)
	s.requireStorable(t.Inner, in)
	t.Info = TypeInfo{Droppable: true, ZeroSized: in.ZeroSized}
}

func structType(s *specialisation, t *ConcreteType) {
	t.Members = s.memberArgs(t.Args)
	t.Info = s.structInfo(t.Members)
}

// structInfo returns the properties of a struct: those that all of its members have.
func (s *specialisation) structInfo(members []TypeID) TypeInfo {
	all := TypeInfo{true, true, true, true}
	for _, m := range members {
		in := s.info(m)
		all.Storable = all.Storable && in.Storable
		all.Droppable = all.Droppable && in.Droppable
		all.Duplicatable = all.Duplicatable && in.Duplicatable
		all.ZeroSized = all.ZeroSized && in.ZeroSized
	}
	return all
}

func enumType(s *specialisation, t *ConcreteType) {
	t.Members = s.memberArgs(t.Args)
	t.Info = value
	for _, m := range t.Members {
		in := s.info(m)
		s.requireStorable(m, in)
		t.Info.Droppable = t.Info.Droppable && in.Droppable
		t.Info.Duplicatable = t.Info.Duplicatable && in.Duplicatable
	}
}

// dictType returns the rule of dictionaries. Their values start as the cell 0, so only types for which 0 is a valid value are
// allowed: numbers, Nullable, and enums of at most two empty variants.
func dictType(s *specialisation, t *ConcreteType) {
	in := s.inner(t)
	l := s.longID(t.Inner)
	allowed := false
	switch l.Generic {
	case "felt252", "u8", "u16", "u32", "u64", "u128":
		allowed = len(l.Args) == 0
	case "Nullable":
		allowed = len(l.Args) == 1
	case "Enum":
		allowed = 1 <= len(l.Args) && len(l.Args) <= 3
		for i := 1; i < len(l.Args) && allowed; i++ {
			allowed = l.Args[i].Kind == TypeArg && s.info(l.Args[i].Type).ZeroSized
		}
	}
	s.require(allowed && in.Storable && in.Droppable, "type %d (%s) cannot be a dictionary's value", t.Inner, l.Generic)
	t.Info = linear
}

func boundedIntType(s *specialisation, t *ConcreteType) {
	if !s.count(2) {
		return
	}
	lower, upper := s.valueArg(0), s.valueArg(1)
	if s.err != "" {
		return
	}
	t.Info = value
	if t.Generic == "BoundedIntGuarantee" {
		s.requireU32Bounds(lower, upper)
		t.Info = linear
	}
	spread := new(big.Int).Sub(upper, lower)
	s.require(spread.Sign() >= 0, "lower bound %v is above upper bound %v", lower, upper)
	s.require(lower.CmpAbs(bigPrime) < 0 && upper.CmpAbs(bigPrime) < 0 && spread.Cmp(bigPrime) < 0,
		"bounds %v and %v are not within the field", lower, upper)
}

// requireU32Bounds requires the bounds of u32, the only type with guarantees.
func (s *specialisation) requireU32Bounds(lower, upper *big.Int) {
	s.require(lower.Sign() == 0 && upper.IsUint64() && upper.Uint64() == math.MaxUint32, "bounds %v and %v are not those of u32", lower, upper)
}

// intRangeType returns the rule of IntRange, a range [x, y) of an integer type.
func intRangeType(s *specialisation, t *ConcreteType) {
	s.inner(t)
	l := s.longID(t.Inner)
	_, ok := rangeOf(l.Generic, l.Args)
	s.require(ok && l.Generic != "felt252" && l.Generic != "bytes31", "type %d (%s) is not an integer", t.Inner, l.Generic)
	t.Info = value
}

func couponType(s *specialisation, t *ConcreteType) {
	if s.count(1) {
		s.require(s.args[0].Kind == UserFuncArg, "generic argument is not a user function")
	}
	t.Info = TypeInfo{Storable: true, Droppable: true, ZeroSized: true}
}

// computeSizes sets the sizes of types in cells. It is a separate pass because a size depends on the sizes of earlier
// types, while properties may depend on those that a later type declares.
func (r *Registry) computeSizes() *ClassError {
	for i := range r.types {
		t := &r.types[i]
		missing := noType
		sizeOf := func(id TypeID) int {
			if int(id) >= i || !r.types[id].Sized {
				missing = id
				return 0
			}
			return r.types[id].Size
		}
		size := 1
		switch t.Generic {
		case "Coupon":
			size = 0
		case "Array", "Span", "EcPoint", "SquashedFelt252Dict", "IntRange", "CircuitInputAccumulator":
			size = 2
		case "EcState":
			size = 3
		case "U128MulGuarantee", "CircuitDescriptor", "CircuitModulus":
			size = 4
		case "CircuitOutputs":
			size = 5
		case "CircuitPartialOutputs":
			size = 6
		case "CircuitFailureGuarantee":
			size = 8
		case "NonZero", "Snapshot", "Uninitialized":
			size = sizeOf(t.Inner)
		case "U96LimbsLtGuarantee":
			if size = math.MaxInt; t.Args[0].Value.IsInt64() && t.Args[0].Value.Int64() <= math.MaxInt16 {
				size = 2 * int(t.Args[0].Value.Int64())
			}
		case "Enum":
			size = 0
			for _, v := range t.Members {
				size = max(size, sizeOf(v))
			}
			size++
		case "Struct":
			if !t.Info.Storable {
				continue
			}
			size = 0
			for _, m := range t.Members {
				size = min(size+sizeOf(m), math.MaxInt16+1)
			}
		case "Const", "Circuit", "CircuitInput", "AddModGate", "InverseGate", "MulModGate", "SubModGate":
			continue
		}
		if missing != noType {
			return errorf(CodeTypeSize, "type %d (%s): the size of type %d is not known", i, t.Generic, missing)
		}
		if size > math.MaxInt16 {
			return errorf(CodeTypeSize, "type %d (%s): its size is not below 2^15 cells", i, t.Generic)
		}
		t.Size, t.Sized = size, true
	}
	return nil
}
