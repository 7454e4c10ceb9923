package casm

import "math/big"

// HintKind is the kind of a hint.
type HintKind uint8

// Kinds of hints, grouped as in the official compiler. cairo/compiler makes none of those after SystemCall: some are
// deprecated and occur in older classes, others occur only in the wrappers of runners.
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

// Inputs returns the JSON names of the values in the hint's In, in order.
func (k HintKind) Inputs() []string { return hintTable[k].inputs() }

// Outputs returns the JSON names of the cells in the hint's Out, in order.
func (k HintKind) Outputs() []string { return hintTable[k].outputs() }

// Hint is nondeterministic advice to the machine: it reads In, may write the cells Out and may keep state. The meaning of a
// value follows from its position: see HintKind.Inputs and HintKind.Outputs. A felt (the cheatcode's selector) is an Immediate.
type Hint struct {
	Kind HintKind
	In   []Operand
	Out  []Cell
}

// HintsAt holds the hints of the instruction at an offset of the bytecode, in the order in which they run.
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

// fieldKind is the kind of a hint's field.
type fieldKind uint8

const (
	integer fieldKind = iota // an operand; Python reduces it modulo the prime
	address                  // an operand that is a pointer
	value                    // a number without operand form, stored as an Immediate
	output                   // a cell
)

// field is a field of a hint. In every hint, inputs come before outputs.
type field struct {
	name string
	kind fieldKind
}

// hintRow describes a kind of hint: its JSON name, its fields, and its Python text, in which $name stands for a field.
type hintRow struct {
	name   string
	fields []field
	python string
}

// inputs returns the names of the fields that are not outputs.
func (r *hintRow) inputs() (names []string) {
	for _, f := range r.fields {
		if f.kind != output {
			names = append(names, f.name)
		}
	}
	return names
}

// outputs returns the names of the outputs.
func (r *hintRow) outputs() (names []string) {
	for _, f := range r.fields {
		if f.kind == output {
			names = append(names, f.name)
		}
	}
	return names
}

// in, ptr and out return fields of kind integer, address and output.
func in(names ...string) []field  { return fieldsOf(integer, names) }
func ptr(names ...string) []field { return fieldsOf(address, names) }
func out(names ...string) []field { return fieldsOf(output, names) }

// fieldsOf returns fields of one kind.
func fieldsOf(kind fieldKind, names []string) []field {
	fields := make([]field, len(names))
	for i, name := range names {
		fields[i] = field{name, kind}
	}
	return fields
}

// fields joins groups of fields.
func fields(groups ...[]field) (all []field) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// hex returns the JSON form of a number: lower-case hexadecimal, with a minus sign before the prefix.
func hex(v *big.Int) string {
	if v.Sign() < 0 {
		return "-0x" + new(big.Int).Neg(v).Text(16)
	}
	return "0x" + v.Text(16)
}
