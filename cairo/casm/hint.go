package casm

import "math/big"

// HintKind names a hint.
type HintKind uint8

// The hints, in the families of the official compiler. Those after SystemCall never occur in a compiled class that this
// compiler makes; older classes have the deprecated ones, runners' wrappers the external ones.
const (
	AllocSegment HintKind = iota
	TestLessThan
	TestLessThanOrEqual
	TestLessThanOrEqualAddress
	WideMul128
	DivMod
	Uint256DivMod
	Uint512DivModByUint256
	SquareRoot
	Uint256SquareRoot
	LinearSplit
	AllocFelt252Dict
	Felt252DictEntryInit
	Felt252DictEntryUpdate
	GetSegmentArenaIndex
	InitSquashData
	GetCurrentAccessIndex
	ShouldSkipSquashLoop
	GetCurrentAccessDelta
	ShouldContinueSquashLoop
	GetNextDictKey
	AssertLeFindSmallArcs
	AssertLeIsFirstArcExcluded
	AssertLeIsSecondArcExcluded
	RandomEcPoint
	FieldSqrt
	DebugPrint
	AllocConstantSize
	U256InvModN
	EvalCircuit
	SystemCall
	Cheatcode
	AssertCurrentAccessIndicesIsEmpty
	AssertAllAccessesUsed
	AssertAllKeysUsed
	AssertLeAssertThirdArcExcluded
	AssertLtAssertValidInput
	Felt252DictRead
	Felt252DictWrite
	AddRelocationRule
	WriteRunParam
	AddMarker
	AddTrace
	hintKinds
)

func (k HintKind) String() string {
	if k < hintKinds {
		return hintTable[k].name
	}
	return "unknown hint"
}

// Inputs and Outputs name the fields of the hint's In and Out, in order, as the JSON form does.
func (k HintKind) Inputs() []string { return hintTable[k].inputs() }

// Outputs names the fields of the hint's Out.
func (k HintKind) Outputs() []string { return hintTable[k].outputs() }

// Hint is advice to the machine: it reads In, may write the cells Out and may keep state. What each field means is its
// position: see HintKind.Inputs and Outputs. A felt field (the cheatcode's selector) is an Immediate in In.
type Hint struct {
	Kind HintKind
	In   []Operand
	Out  []Cell
}

// HintsAt is the hints of the instruction at an offset of the bytecode, in the order in which they run.
type HintsAt struct {
	Offset int
	Hints  []Hint
}

// equal reports whether two hints are the same.
func (h *Hint) equal(g *Hint) bool {
	if h.Kind != g.Kind || len(h.In) != len(g.In) || len(h.Out) != len(g.Out) {
		return false
	}
	for i := range h.In {
		if !h.In[i].Equal(&g.In[i]) {
			return false
		}
	}
	for i := range h.Out {
		if h.Out[i] != g.Out[i] {
			return false
		}
	}
	return true
}

// fieldKind is how a hint's field is stored and shown.
type fieldKind uint8

const (
	integer fieldKind = iota // an operand, in Python reduced modulo the prime
	address                  // an operand that is a pointer
	value                    // a plain number, stored as an Immediate
	output                   // a cell
)

// field is one field of a hint. Inputs come before outputs in every hint, so both keep their JSON order.
type field struct {
	name string
	kind fieldKind
}

// hintRow describes a hint: its JSON name and fields, and its Python with $name for a field.
type hintRow struct {
	name   string
	fields []field
	python string
}

func (r *hintRow) inputs() (names []string) {
	for _, f := range r.fields {
		if f.kind != output {
			names = append(names, f.name)
		}
	}
	return names
}

func (r *hintRow) outputs() (names []string) {
	for _, f := range r.fields {
		if f.kind == output {
			names = append(names, f.name)
		}
	}
	return names
}

// in, ptr and out build a row's list of fields.
func in(names ...string) []field  { return fieldsOf(integer, names) }
func ptr(names ...string) []field { return fieldsOf(address, names) }
func out(names ...string) []field { return fieldsOf(output, names) }

func fieldsOf(kind fieldKind, names []string) []field {
	fields := make([]field, len(names))
	for i, name := range names {
		fields[i] = field{name, kind}
	}
	return fields
}

func fields(groups ...[]field) (all []field) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// hex returns the JSON form of a number: lower-case hexadecimal, the sign before the prefix.
func hex(v *big.Int) string {
	if v.Sign() < 0 {
		return "-0x" + new(big.Int).Neg(v).Text(16)
	}
	return "0x" + v.Text(16)
}
