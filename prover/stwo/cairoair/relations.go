package cairoair

import "github.com/starkd/starkd/prover/stwo/air"

// The relations between components. Opcodes are states (pc, ap, fp) of the machine: an opcode component uses the state before its
// instruction and yields the one after it.
var (
	opcodes           = air.NewRelation("Opcodes", 3)
	verifyInstruction = air.NewRelation("VerifyInstruction", 7)
	memoryAddressToID = air.NewRelation("MemoryAddressToId", 2)
	memoryIDToValue   = air.NewRelation("MemoryIdToBig", 1+limbs252)
)
