// Package sierra implements Sierra, Cairo's safe intermediate representation: decoding from felts and from text, the
// registry of types and libfuncs with their signatures, and validation. CASM and the computation of gas are in package
// compiler.
//
// A Program is a list of type declarations, libfunc declarations, statements and functions. The ids of a decoded program
// are positions in these lists. Source: cairo-lang-sierra 2.20.0.
package sierra

import "math/big"

// TypeID, LibfuncID and FuncID index a program's declarations; VarID identifies a variable of a function.
type (
	TypeID    int
	LibfuncID int
	FuncID    int
	VarID     uint64
)

// StatementIdx indexes Program.Statements.
type StatementIdx int

// Program is a decoded Sierra program.
type Program struct {
	Version    Version // zero for text
	Compiler   Version // of the compiler that wrote it; stored, but not checked
	Types      []TypeDeclaration
	Libfuncs   []LibfuncDeclaration
	Statements []Statement
	Funcs      []Function
}

// Version is the Sierra version in the first felts of a contract class; the zero value means text without a version.
type Version struct{ Major, Minor, Patch int }

// TypeDeclaration names a concrete type. Info, if not nil, is the declared info, which must equal the computed one.
type TypeDeclaration struct {
	ID     TypeID
	Name   string // debug name of text programs, "" when decoded from felts
	LongID LongID
	Info   *TypeInfo
}

// TypeInfo says which operations the values of a type allow.
type TypeInfo struct{ Storable, Droppable, Duplicatable, ZeroSized bool }

// LibfuncDeclaration names a concrete libfunc.
type LibfuncDeclaration struct {
	ID     LibfuncID
	Name   string
	LongID LongID
}

// LongID is a generic id with its arguments, of a type ("Array", [felt252]) or of a libfunc ("array_append", [felt252]).
type LongID struct {
	Generic string
	Args    []GenericArg
}

// ArgKind says which field of a GenericArg is set.
type ArgKind uint8

// The kinds of generic argument, numbered as in the felt form.
const (
	UserTypeArg ArgKind = iota
	TypeArg
	ValueArg
	UserFuncArg
	LibfuncArg
)

// GenericArg is one generic argument; Kind says which field is set.
type GenericArg struct {
	Kind     ArgKind
	UserType UserType
	Type     TypeID
	Value    *big.Int
	Func     FuncID
	Libfunc  LibfuncID
}

// UserType is the id of a user's type (keccak of its path) and, in text, its name.
type UserType struct {
	ID   *big.Int
	Name string
}

// Statement is an invocation, or a return if Return is set.
type Statement struct {
	Return   bool
	Libfunc  LibfuncID // invocation only
	Args     []VarID   // arguments, or returned variables
	Branches []Branch  // invocation only
}

// Branch is one continuation of an invocation.
type Branch struct {
	Fallthrough bool
	Target      StatementIdx // if not Fallthrough
	Results     []VarID
}

// Next returns the statement that follows idx on the branch.
func (b *Branch) Next(idx StatementIdx) StatementIdx {
	if b.Fallthrough {
		return idx + 1
	}
	return b.Target
}

// Function is a user function: its parameters, result types and first statement.
type Function struct {
	ID     FuncID
	Name   string
	Params []Param
	Ret    []TypeID
	Entry  StatementIdx
}

// Param is a function's parameter.
type Param struct {
	Var  VarID
	Type TypeID
}

// Signature is the signature of a concrete libfunc.
type Signature struct {
	Params      []ParamSignature
	Branches    []BranchSignature
	Fallthrough int // index of the branch that may fall through, -1 for none
}

// ParamSignature is one parameter: its type and the kinds of expressions that it accepts besides memory cells.
type ParamSignature struct {
	Type          TypeID
	AllowDeferred bool
	AllowAddConst bool
	AllowConst    bool
}

// BranchSignature is the outputs and the ap change of one branch.
type BranchSignature struct {
	Vars     []OutputVar
	ApChange ApChange
}

// OutputVar is one output: its type and its representation.
type OutputVar struct {
	Type TypeID
	Ref  OutputRef
}

// RefKind says how an output relates to the inputs and to ap.
type RefKind uint8

// Reference kinds (OutputVarReferenceInfo).
const (
	SameAsParam RefKind = iota
	SimpleDerefs
	NewTempVar
	NewLocalVar
	DeferredConst
	DeferredAddConst // a cell plus a constant, such as an advanced builtin pointer
	DeferredGeneric
	PartialParam // a part of parameter Param
	ZeroSizedRef
)

// OutputRef is the representation of an output.
type OutputRef struct {
	Kind  RefKind
	Param int // SameAsParam, PartialParam
	Temp  int // NewTempVar: index of the temporary, from the lowest address
}

// ApChange is a branch's effect on ap as given by the signature (SierraApChange).
type ApChange struct {
	Known        bool
	NewVarsOnly  bool
	BranchAlign  bool
	FunctionCall bool
}
