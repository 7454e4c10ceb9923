package sierra

import (
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// constType returns the rule of Const<T, …>, a value of type T known at compile time. The arguments after T depend on T:
//
//	a number              the number
//	a struct              one Const type for each member
//	an enum               the variant's index and a Const type for its payload
//	NonZero<U>            a Const type of U, not zero
//	EcPoint               the coordinates
func constType(s *specialisation, t *ConcreteType) {
	t.Inner = s.typeArg(0)
	inner := s.longID(t.Inner)
	if s.err != "" {
		return
	}
	data := t.Args[1:]
	switch inner.Generic {
	case "Struct":
		s.constStruct(inner, data)
	case "Enum":
		s.constEnum(inner, data)
	case "NonZero":
		s.constNonZero(t.Inner, data)
	case "EcPoint":
		s.constPoint(data)
	default:
		r, ok := constRange(inner)
		switch {
		case !ok:
			s.fail("type %d (%s) has no constants", t.Inner, inner.Generic)
		case len(data) != 1 || data[0].Kind != ValueArg:
			s.fail("a constant of %s is not one value", inner.Generic)
		case !r.contains(data[0].Value):
			s.fail("%v is not a value of %s", data[0].Value, inner.Generic)
		}
	}
}

// constRange returns the range of the types whose constants are numbers.
func constRange(l LongID) (Range, bool) {
	if l.Generic == "ContractAddress" || l.Generic == "ClassHash" {
		return Range{bigZero, big2Pow251}, true
	}
	return rangeOf(l.Generic, l.Args)
}

// constOf returns the type of a Const's value, and the rest of the Const's arguments.
func (s *specialisation) constOf(id TypeID) (TypeID, []GenericArg) {
	args := s.argsOf(id, "Const")
	if s.err != "" {
		return noType, nil
	}
	if len(args) == 0 || args[0].Kind != TypeArg {
		s.fail("type %d (Const) has no type argument", id)
		return noType, nil
	}
	return args[0].Type, args[1:]
}

// constArg requires a to be a Const type of want, and returns the rest of its arguments.
func (s *specialisation) constArg(a *GenericArg, want TypeID) []GenericArg {
	if a.Kind != TypeArg {
		s.fail("part of a constant is not a type")
		return nil
	}
	of, data := s.constOf(a.Type)
	s.require(of == want, "type %d is a constant of type %d, want one of type %d", a.Type, of, want)
	return data
}

func (s *specialisation) constStruct(inner LongID, data []GenericArg) {
	if len(inner.Args)-1 != len(data) {
		s.fail("constant of %d members, the struct has %d", len(data), len(inner.Args)-1)
		return
	}
	for i := range data {
		member := &inner.Args[1+i]
		s.require(member.Kind == TypeArg, "member %d is not a type", i)
		s.constArg(&data[i], member.Type)
	}
}

func (s *specialisation) constEnum(inner LongID, data []GenericArg) {
	if len(data) != 2 || data[0].Kind != ValueArg || data[1].Kind != TypeArg {
		s.fail("a constant of an enum is not an index and a type")
		return
	}
	index := data[0].Value
	if index.Sign() < 0 || index.Cmp(big.NewInt(int64(len(inner.Args)-1))) >= 0 || inner.Args[1+index.Int64()].Kind != TypeArg {
		s.fail("the enum has no variant %v", index)
		return
	}
	s.constArg(&data[1], inner.Args[1+index.Int64()].Type)
}

func (s *specialisation) constNonZero(id TypeID, data []GenericArg) {
	wrapped, _ := s.peel(id, "NonZero")
	if s.err != "" {
		return
	}
	if len(data) != 1 {
		s.fail("a constant of NonZero is not one type")
		return
	}
	values := s.constArg(&data[0], wrapped)
	inner := s.longID(wrapped)
	if s.err != "" {
		return
	}
	switch inner.Generic {
	case "EcPoint":
		s.require(len(values) == 2 && values[0].Kind == ValueArg && values[1].Kind == ValueArg && values[1].Value.Sign() != 0,
			"the point at infinity is not a NonZero")
	case "Struct":
		s.constNonZeroWords(inner, values)
	default:
		_, ok := rangeOf(inner.Generic, inner.Args)
		s.require(ok && len(values) == 1 && values[0].Kind == ValueArg && values[0].Value.Sign() != 0,
			"zero, or not a number, as a NonZero<%s>", inner.Generic)
	}
}

// constNonZeroWords checks a NonZero constant of a struct. Only u256 and u512 are allowed, and one of their words must
// not be zero.
func (s *specialisation) constNonZeroWords(inner LongID, words []GenericArg) {
	if len(inner.Args) == 0 ||
		!(len(words) == 2 && s.r.isUserType(&inner.Args[0], "core::integer::u256") ||
			len(words) == 4 && s.r.isUserType(&inner.Args[0], "core::integer::u512")) {
		s.fail("a struct other than u256 and u512 has no NonZero constant")
		return
	}
	nonZero := false
	for i := range words {
		if words[i].Kind != TypeArg {
			s.fail("word %d of a constant is not a type", i)
			return
		}
		of, data := s.constOf(words[i].Type)
		s.argsOf(of, "u128")
		if s.err != "" {
			return
		}
		if len(data) != 1 || data[0].Kind != ValueArg {
			s.fail("word %d of a constant is not one value", i)
			return
		}
		nonZero = nonZero || data[0].Value.Sign() != 0
	}
	s.require(nonZero, "zero as a NonZero")
}

func (s *specialisation) constPoint(data []GenericArg) {
	if len(data) != 2 || data[0].Kind != ValueArg || data[1].Kind != ValueArg {
		s.fail("a constant of EcPoint is not two values")
		return
	}
	x, y := data[0].Value, data[1].Value
	if x.Sign() == 0 && y.Sign() == 0 {
		return // the point at infinity
	}
	field := Range{bigZero, bigPrime}
	s.require(field.contains(x) && field.contains(y), "a coordinate of the constant point is not a felt")
	if s.err == "" {
		point := starkcurve.Point{X: felt.FromBigInt(x), Y: felt.FromBigInt(y)}
		s.require(starkcurve.IsOnCurve(point), "point (%v, %v) is not on the curve", x, y)
	}
}

// constAsBox returns the signature of a constant in a segment of the program, given by its address.
func constAsBox(s *specialisation) Signature {
	if !s.count(2) {
		return Signature{}
	}
	seg := s.valueArg(1)
	s.require(seg.IsUint64() && seg.Uint64() <= 1<<32-1, "segment %v is not a 32-bit number", seg)
	of, _ := s.constOf(s.typeArg(0))
	return straight(apKnown, nil, outTemp(s.box(of), 0))
}

// constAsImmediate returns the signature of a constant in the instructions that use it.
func constAsImmediate(s *specialisation) Signature {
	of, _ := s.constOf(s.soleType())
	return straight(apNew, nil, outConst(of))
}
