package cairo

import "github.com/starkd/starkd/crypto/felt"

// Trace is a finished proof-mode run: everything that the AIR of a layout needs. Addresses are relocated: the program
// starts at 1. It is a value; the prover takes it and never reaches the machine that made it.
type Trace struct {
	Layout    string      // "plain", "small", "recursive", …
	Registers []Registers // one per step; a power of two of them, final state first of the padding
	Memory    Memory
	Public    PublicInput
	Private   PrivateInput
}

// Registers is the machine's state before a step.
type Registers struct{ AP, FP, PC uint64 }

// Memory is relocated memory by address. Address 0 is unused. Cells that the run never touched are not Known.
type Memory struct {
	Value []felt.Felt
	Known []bool
}

// PublicInput is the AIR public input (Stone's air_public_input.json).
type PublicInput struct {
	Layout        string
	Steps         uint64 // power of two
	RangeCheckMin uint16
	RangeCheckMax uint16
	Segments      []Segment // in the layout's canonical order: program, execution, output, pedersen, range_check, …
	Memory        []PublicCell
	DynamicParams map[string]uint64 // layout dynamic only
}

// Segment is a named memory segment as the public input states it.
type Segment struct {
	Name       string
	Begin, End uint64 // begin_addr and stop_ptr
}

// PublicCell is one cell of public memory.
type PublicCell struct {
	Address uint64
	Value   felt.Felt
	Page    uint32
}

// PrivateInput lists the builtin instances of a run (Stone's air_private_input.json). Index is the instance's number in
// its segment.
type PrivateInput struct {
	RangeCheck []RangeCheckInstance
	Pedersen   []PairInstance
	Bitwise    []PairInstance
	ECDSA      []ECDSAInstance
	ECOp       []ECOpInstance
	Poseidon   []PoseidonInstance
	Keccak     []KeccakInstance

	RangeCheck96 []RangeCheckInstance
	AddMod       *ModInput // nil where the layout lacks the builtin
	MulMod       *ModInput
}

// ModInput lists the instances of add_mod or mul_mod.
type ModInput struct {
	ZeroValueAddress uint64
	Instances        []ModInstance
}

// ModInstance is a op b = c modulo p on numbers of four 96-bit words, at offsets from ValuesPtr.
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

// ECDSAInstance is one signature check: w is the inverse of s.
type ECDSAInstance struct {
	Index      uint64
	PubKey     felt.Felt
	Msg        felt.Felt
	SigR, SigW felt.Felt
}

// ECOpInstance is P + m·Q.
type ECOpInstance struct {
	Index          uint64
	PX, PY, QX, QY felt.Felt
	M              felt.Felt
}

// PoseidonInstance is one permutation's input.
type PoseidonInstance struct {
	Index uint64
	S     [3]felt.Felt
}

// KeccakInstance is one permutation's input, eight 200-bit words.
type KeccakInstance struct {
	Index uint64
	S     [8]felt.Felt
}
