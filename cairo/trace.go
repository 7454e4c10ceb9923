package cairo

import "github.com/starkd/starkd/crypto/felt"

// Trace is a finished proof-mode run: all data that the AIR of a layout needs. Addresses are relocated: the program starts
// at 1. A Trace does not refer to the machine that made it.
type Trace struct {
	Layout    string      // "plain", "small", "recursive", …
	Registers []Registers // one per step; their number is a power of two, except in the layouts of S-two
	Memory    Memory
	Public    PublicInput
	Private   PrivateInput
}

// Registers is the machine's state before a step.
type Registers struct{ AP, FP, PC uint64 }

// Memory is relocated memory, indexed by address. Address 0 is unused. Known is false for cells that the run never used.
type Memory struct {
	Value []felt.Felt
	Known []bool
}

// PublicInput is the AIR public input (Stone's air_public_input.json).
type PublicInput struct {
	Layout        string
	Steps         uint64 // number of the trace's steps
	RangeCheckMin uint16
	RangeCheckMax uint16
	Segments      []Segment // in the layout's canonical order: program, execution, output, pedersen, range_check, …
	Memory        []PublicCell
	DynamicParams map[string]uint64 // only for layout dynamic
}

// Segment is a named memory segment of the public input.
type Segment struct {
	Name       string
	Begin, End uint64 // begin_addr and stop_ptr
}

// PublicCell is a cell of public memory.
type PublicCell struct {
	Address uint64
	Value   felt.Felt
	Page    uint32
}

// PrivateInput lists the builtin instances of a run (Stone's air_private_input.json). Index is an instance's number in its
// segment. A nil list means that the file has no section for the builtin; an empty list is an empty section.
type PrivateInput struct {
	RangeCheck []RangeCheckInstance
	Pedersen   []PairInstance
	Bitwise    []PairInstance
	ECDSA      []ECDSAInstance
	ECOp       []ECOpInstance
	Poseidon   []PoseidonInstance
	Keccak     []KeccakInstance

	RangeCheck96 []RangeCheckInstance
	AddMod       *ModInput // nil if the layout lacks the builtin
	MulMod       *ModInput // nil if the layout lacks the builtin
}

// ModInput lists the instances of add_mod or mul_mod.
type ModInput struct {
	ZeroValueAddress uint64
	Instances        []ModInstance
}

// ModInstance is an equation a op b = c modulo p of numbers with four 96-bit words. The numbers are at AOffset, BOffset and COffset
// from ValuesPtr.
type ModInstance struct {
	Index                     uint64
	P                         [4]felt.Felt
	ValuesPtr, OffsetsPtr, N  uint64
	AOffset, BOffset, COffset uint64
	A, B, C                   [4]felt.Felt
}

// RangeCheckInstance is one range-checked value.
type RangeCheckInstance struct {
	Index uint64
	Value felt.Felt
}

// PairInstance is an instance of a builtin with two inputs.
type PairInstance struct {
	Index uint64
	X, Y  felt.Felt
}

// ECDSAInstance is one signature check.
type ECDSAInstance struct {
	Index      uint64
	PubKey     felt.Felt
	Msg        felt.Felt
	SigR, SigW felt.Felt // r, and the inverse of s
}

// ECOpInstance is a computation of P + m·Q.
type ECOpInstance struct {
	Index          uint64
	PX, PY, QX, QY felt.Felt
	M              felt.Felt
}

// PoseidonInstance is the input of a Poseidon permutation.
type PoseidonInstance struct {
	Index uint64
	S     [3]felt.Felt
}

// KeccakInstance is the input of a Keccak permutation, as eight 200-bit words.
type KeccakInstance struct {
	Index uint64
	S     [8]felt.Felt
}
