package sierra

import (
	"fmt"
	"math/big"
)

// specialisation computes a concrete type or a signature from a generic id and its arguments. Its methods look up what
// the rules need. It keeps the first error in err; later calls return zero values, so that rules need no error checks.
type specialisation struct {
	r    *Registry
	args []GenericArg
	err  string
}

// noType stands for a type that was not found; err is then set.
const noType TypeID = -1

// fail records an error unless there is one.
func (s *specialisation) fail(format string, args ...any) {
	if s.err == "" {
		s.err = fmt.Sprintf(format, args...)
	}
}

// require fails unless ok.
func (s *specialisation) require(ok bool, format string, args ...any) {
	if !ok {
		s.fail(format, args...)
	}
}

// count requires n generic arguments.
func (s *specialisation) count(n int) bool {
	if len(s.args) != n {
		s.fail("%d generic arguments, want %d", len(s.args), n)
	}
	return s.err == ""
}

func (s *specialisation) typeArg(i int) TypeID {
	if i >= len(s.args) || s.args[i].Kind != TypeArg {
		s.fail("generic argument %d is not a type", i)
		return noType
	}
	return s.args[i].Type
}

func (s *specialisation) valueArg(i int) *big.Int {
	if i >= len(s.args) || s.args[i].Kind != ValueArg {
		s.fail("generic argument %d is not a value", i)
		return bigZero
	}
	return s.args[i].Value
}

// soleType returns the only generic argument, which must be a type.
func (s *specialisation) soleType() TypeID {
	if !s.count(1) {
		return noType
	}
	return s.typeArg(0)
}

// twoTypes returns the two generic arguments, which must be types.
func (s *specialisation) twoTypes() (TypeID, TypeID) {
	if !s.count(2) {
		return noType, noType
	}
	return s.typeArg(0), s.typeArg(1)
}

// soleValue returns the only generic argument, which must be a value.
func (s *specialisation) soleValue() *big.Int {
	if !s.count(1) {
		return bigZero
	}
	return s.valueArg(0)
}

// soleFunc returns the only generic argument, which must be a declared user function.
func (s *specialisation) soleFunc() *Function {
	if !s.count(1) {
		return &Function{}
	}
	return s.function(&s.args[0])
}

func (s *specialisation) function(a *GenericArg) *Function {
	funcs := s.r.Program.Funcs
	switch {
	case a.Kind != UserFuncArg:
		s.fail("generic argument is not a user function")
	case a.Func < 0 || int(a.Func) >= len(funcs):
		s.fail("function %d is not declared", a.Func)
	default:
		return &funcs[a.Func]
	}
	return &Function{}
}

// shape returns what is known about a type while types are specialised: its declaration, and its properties if it
// declares them or has been specialised.
func (s *specialisation) shape(id TypeID) (LongID, TypeInfo) {
	switch p := s.r.Program; {
	case s.err != "":
	case id < 0 || int(id) >= len(p.Types):
		s.fail("type %d is not declared", id)
	case int(id) < len(s.r.types):
		return p.Types[id].LongID, s.r.types[id].Info
	case p.Types[id].Info != nil:
		return p.Types[id].LongID, *p.Types[id].Info
	default:
		s.fail("type %d is used before its declaration", id)
	}
	return LongID{}, TypeInfo{}
}

func (s *specialisation) info(id TypeID) TypeInfo {
	_, info := s.shape(id)
	return info
}

func (s *specialisation) longID(id TypeID) LongID {
	l, _ := s.shape(id)
	return l
}

// argsOf returns the generic arguments of a type that must have the given generic id.
func (s *specialisation) argsOf(id TypeID, generic string) []GenericArg {
	l := s.longID(id)
	if s.err == "" && l.Generic != generic {
		s.fail("type %d is %s, want %s", id, l.Generic, generic)
	}
	if s.err != "" {
		return nil
	}
	return l.Args
}

// find returns the declared type with the given generic id and arguments.
func (s *specialisation) find(generic string, args ...GenericArg) TypeID {
	if s.err != "" {
		return noType
	}
	id, ok := s.r.Lookup(generic, args...)
	if !ok {
		s.fail("type %s, which it needs, is not declared", (&textWriter{p: s.r.Program}).longID(&LongID{generic, args}))
		return noType
	}
	return id
}

// typ returns the declared type without arguments.
func (s *specialisation) typ(generic string) TypeID { return s.find(generic) }

// wrap returns the declared type with one type argument.
func (s *specialisation) wrap(generic string, inner TypeID) TypeID {
	return s.find(generic, GenericArg{Kind: TypeArg, Type: inner})
}

func (s *specialisation) array(elem TypeID) TypeID    { return s.wrap("Array", elem) }
func (s *specialisation) box(inner TypeID) TypeID     { return s.wrap("Box", inner) }
func (s *specialisation) nonZero(inner TypeID) TypeID { return s.wrap("NonZero", inner) }

// snapshot returns the type of a snapshot: the type itself if it is duplicatable.
func (s *specialisation) snapshot(inner TypeID) TypeID {
	if s.info(inner).Duplicatable {
		return inner
	}
	return s.wrap("Snapshot", inner)
}

// snapshotIf returns the snapshot type if wanted, else the type itself.
func (s *specialisation) snapshotIf(wanted bool, inner TypeID) TypeID {
	if wanted {
		return s.snapshot(inner)
	}
	return inner
}

// user returns the declared struct or enum of the user type with the given path.
func (s *specialisation) user(generic, path string, members ...TypeID) TypeID {
	args := make([]GenericArg, 0, 1+len(members))
	args = append(args, s.r.userType(path))
	for _, m := range members {
		args = append(args, GenericArg{Kind: TypeArg, Type: m})
	}
	return s.find(generic, args...)
}

// structOf returns the struct of a user type, tuple the struct of an unnamed one, fixedArray a tuple of n equal members.
func (s *specialisation) structOf(path string, members ...TypeID) TypeID {
	return s.user("Struct", path, members...)
}
func (s *specialisation) tuple(members ...TypeID) TypeID { return s.structOf("Tuple", members...) }
func (s *specialisation) fixedArray(elem TypeID, n int) TypeID {
	return s.tuple(repeat(elem, n)...)
}

func (s *specialisation) unit() TypeID { return s.tuple() }
func (s *specialisation) bool() TypeID {
	unit := s.unit()
	return s.user("Enum", "core::bool", unit, unit)
}
func (s *specialisation) u256() TypeID {
	return s.structOf("core::integer::u256", repeat(s.typ("u128"), 2)...)
}

// span returns Span<elem>. The type's name contains the element's name.
func (s *specialisation) span(elem TypeID, name string) TypeID {
	return s.structOf("core::array::Span::<"+name+">", s.snapshot(s.array(elem)))
}
func (s *specialisation) feltSpan() TypeID { return s.span(s.typ("felt252"), "core::felt252") }

// boundedInt returns BoundedInt<min, max>.
func (s *specialisation) boundedInt(min, max *big.Int) TypeID {
	return s.find("BoundedInt", GenericArg{Kind: ValueArg, Value: min}, GenericArg{Kind: ValueArg, Value: max})
}

// rangeOf returns the range of a type that must have one.
func (s *specialisation) rangeOf(id TypeID) Range {
	l := s.longID(id)
	r, ok := rangeOf(l.Generic, l.Args)
	if !ok {
		s.fail("type %d (%s) is not an integer", id, l.Generic)
		return Range{bigZero, bigOne}
	}
	return r
}

// peel returns the type inside a NonZero or Snapshot, or the type itself, and whether it was wrapped.
func (s *specialisation) peel(id TypeID, wrapper string) (inner TypeID, wrapped bool) {
	l := s.longID(id)
	if l.Generic != wrapper {
		return id, false
	}
	if len(l.Args) != 1 || l.Args[0].Kind != TypeArg {
		s.fail("type %d (%s) does not have one type argument", id, wrapper)
		return noType, true
	}
	return l.Args[0].Type, true
}

// members returns the members of a Struct or the variants of an Enum.
func (s *specialisation) members(id TypeID, generic string) []TypeID {
	args := s.argsOf(id, generic)
	if s.err != "" {
		return nil
	}
	if int(id) < len(s.r.types) {
		return s.r.types[id].Members
	}
	return s.memberArgs(args)
}

// memberArgs returns the types of generic arguments of the form user type, types….
func (s *specialisation) memberArgs(args []GenericArg) []TypeID {
	if len(args) == 0 || args[0].Kind != UserTypeArg {
		s.fail("the first generic argument is not a user type")
		return nil
	}
	members := make([]TypeID, 0, len(args)-1)
	for i := range args[1:] {
		if args[1+i].Kind != TypeArg {
			s.fail("generic argument %d is not a type", 1+i)
			return nil
		}
		members = append(members, args[1+i].Type)
	}
	return members
}

func repeat(id TypeID, n int) []TypeID {
	ids := make([]TypeID, n)
	for i := range ids {
		ids[i] = id
	}
	return ids
}
