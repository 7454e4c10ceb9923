// Package adapter turns a run of a Cairo program into the input of S-two's Cairo prover. It sorts the steps by the opcode component that
// proves them, gives each distinct value of memory an id, and describes the segments of the builtins.
//
// Addresses are relocated: the program starts at 1, and segments follow each other without gaps. A builtin's segment is a power of two of
// instances, at least 16. A step is a row of one opcode component, and a step's state is what that component's row starts from.
//
// A run comes as a cairo.Trace, as files, or as StarkWare's prover_input.json. The reference is stwo-cairo-adapter 1.3.0.
package adapter

import "github.com/starkd/starkd/prover/stwo/m31"

// Input is a run as the components need it. All addresses are below 2^29.
type Input struct {
	Initial, Final State // before the first step, and before the last one, which is the loop at the program's end

	// Opcodes holds the states before each step but the last one, by the component that proves the step, in the order of the run.
	Opcodes [OpcodeCount]States

	Memory Memory

	// Public lists the addresses of the public memory. Each is read once more than components read it.
	Public []uint32

	// Segments holds the addresses of each builtin's segment. A builtin without a component (ecdsa and keccak) has an empty one.
	Segments [BuiltinCount]Segment
	// Present says for which builtins main takes and returns a pointer.
	Present [BuiltinCount]bool

	// Instructions is the number of distinct program counters in Opcodes.
	Instructions int
}

// State holds the registers before a step.
type State struct{ PC, AP, FP m31.M31 }

// States is a list of states, one slice for each register. The slices have the same length.
type States struct{ PC, AP, FP []m31.M31 }

// Len returns the number of states.
func (s *States) Len() int { return len(s.PC) }

// Opcode is an opcode component. The numbers follow the order of a claim.
type Opcode int

// The opcode components.
const (
	Add Opcode = iota
	AddSmall
	AddAP
	AssertEq
	AssertEqImm
	AssertEqDoubleDeref
	BlakeCompress
	CallAbs
	CallRelImm
	Generic
	JnzNonTaken
	JnzTaken
	JumpAbs
	JumpDoubleDeref
	JumpRel
	JumpRelImm
	Mul
	MulSmall
	QM31AddMul
	Ret
	OpcodeCount
)

var opcodeNames = [OpcodeCount]string{
	Add: "add_opcode", AddSmall: "add_opcode_small", AddAP: "add_ap_opcode",
	AssertEq: "assert_eq_opcode", AssertEqImm: "assert_eq_opcode_imm", AssertEqDoubleDeref: "assert_eq_opcode_double_deref",
	BlakeCompress: "blake_compress_opcode", CallAbs: "call_opcode_abs", CallRelImm: "call_opcode_rel_imm", Generic: "generic_opcode",
	JnzNonTaken: "jnz_opcode_non_taken", JnzTaken: "jnz_opcode_taken",
	JumpAbs: "jump_opcode_abs", JumpDoubleDeref: "jump_opcode_double_deref", JumpRel: "jump_opcode_rel", JumpRelImm: "jump_opcode_rel_imm",
	Mul: "mul_opcode", MulSmall: "mul_opcode_small", QM31AddMul: "qm_31_add_mul_opcode", Ret: "ret_opcode",
}

// String returns the component's name.
func (o Opcode) String() string { return opcodeNames[o] }

// Builtin is a builtin. The numbers follow the order of the pointers that main takes.
type Builtin int

// The builtins.
const (
	Output Builtin = iota
	Pedersen
	RangeCheck
	ECDSA
	Bitwise
	ECOp
	Keccak
	Poseidon
	RangeCheck96
	AddMod
	MulMod
	BuiltinCount
)

// builtin is what the adapter knows of a builtin.
type builtin struct {
	name  string // in the files of a run
	field string // in prover_input.json; empty for a builtin without a component
	cells int    // of an instance
}

var builtins = [BuiltinCount]builtin{
	Output:       {"output", "output", 1},
	Pedersen:     {"pedersen", "pedersen_builtin", 3},
	RangeCheck:   {"range_check", "range_check_builtin", 1},
	ECDSA:        {"ecdsa", "", 2},
	Bitwise:      {"bitwise", "bitwise_builtin", 5},
	ECOp:         {"ec_op", "ec_op_builtin", 7},
	Keccak:       {"keccak", "", 16},
	Poseidon:     {"poseidon", "poseidon_builtin", 6},
	RangeCheck96: {"range_check96", "range_check96_builtin", 1},
	AddMod:       {"add_mod", "add_mod_builtin", 7},
	MulMod:       {"mul_mod", "mul_mod_builtin", 7},
}

// String returns the builtin's name.
func (b Builtin) String() string { return builtins[b].name }

// Cells returns the number of cells of an instance.
func (b Builtin) Cells() int { return builtins[b].cells }

// Segment is a range of addresses: Begin is the first one, End the first one after it. They are equal if the builtin is not used.
type Segment struct{ Begin, End uint32 }

// Len returns the number of cells.
func (s Segment) Len() int { return int(s.End - s.Begin) }

// Memory is the memory of a run. It holds each distinct value once: a value below 2^72 is small and its id is its index in Small, another
// one is big and its id is BigID plus its index in Big. Ids are in the order of the lowest address that holds the value.
type Memory struct {
	IDs   []m31.M31 // the id of the value at each address; Empty at address 0, which is not part of memory
	Small []Uint128
	Big   [][8]uint32 // words of 32 bits, low first
}

const (
	BigID = 1 << 30   // the id of the first big value
	Empty = BigID - 1 // the id of an address without a value
)

// Uint128 is the number Hi·2^64 + Lo.
type Uint128 struct{ Lo, Hi uint64 }

// Value returns the value of an id, as words of 32 bits, low first. The id must be one of m.IDs other than Empty.
func (m *Memory) Value(id m31.M31) [8]uint32 {
	if id >= BigID {
		return m.Big[id-BigID]
	}
	s := m.Small[id]
	return [8]uint32{uint32(s.Lo), uint32(s.Lo >> 32), uint32(s.Hi), uint32(s.Hi >> 32)}
}
