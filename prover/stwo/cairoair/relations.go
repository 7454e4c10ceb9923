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

// The relations of the fixed tables. rangeCheck6 holds the numbers of 6 bits, rangeCheck7x2x5 the triples of numbers of 7, 2 and 5 bits, and
// so on; xor8 holds the triples x, y, x ^ y of bytes. A table that is used very often yields the same tuples to several relations, its
// copies: a multiplicity must stay below P.
var (
	rangeCheck6         = air.NewRelation("RangeCheck_6", 1)
	rangeCheck8         = air.NewRelation("RangeCheck_8", 1)
	rangeCheck11        = air.NewRelation("RangeCheck_11", 1)
	rangeCheck12        = air.NewRelation("RangeCheck_12", 1)
	rangeCheck18        = copies("RangeCheck_18", 1, 2)
	rangeCheck20        = copies("RangeCheck_20", 1, 8)
	rangeCheck4x3       = air.NewRelation("RangeCheck_4_3", 2)
	rangeCheck4x4       = air.NewRelation("RangeCheck_4_4", 2)
	rangeCheck9x9       = copies("RangeCheck_9_9", 2, 8)
	rangeCheck7x2x5     = air.NewRelation("RangeCheck_7_2_5", 3)
	rangeCheck3x6x6x3   = air.NewRelation("RangeCheck_3_6_6_3", 4)
	rangeCheck4x4x4x4   = air.NewRelation("RangeCheck_4_4_4_4", 4)
	rangeCheck3x3x3x3x3 = air.NewRelation("RangeCheck_3_3_3_3_3", 5)

	xor4  = air.NewRelation("VerifyBitwiseXor_4", 3)
	xor7  = air.NewRelation("VerifyBitwiseXor_7", 3)
	xor8  = copies("VerifyBitwiseXor_8", 3, 2)
	xor9  = air.NewRelation("VerifyBitwiseXor_9", 3)
	xor12 = air.NewRelation("VerifyBitwiseXor_12", 3)
)

// copies returns n relations of one table: name, name_B, name_C and so on.
func copies(name string, arity, n int) []*air.Relation {
	r := []*air.Relation{air.NewRelation(name, arity)}
	for k := 1; k < n; k++ {
		r = append(r, air.NewRelation(name+"_"+string(rune('A'+k)), arity))
	}
	return r
}
