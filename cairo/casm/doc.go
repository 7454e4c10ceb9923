// Package casm is Cairo assembly: instructions and their encoding, hints, the assembler, the compiled contract class in
// the JSON form of the official compiler, and both compiled class hashes (BLAKE and Poseidon).
//
// An Instruction names cells relative to ap and fp through Operands and may carry Hints, which the machine runs before
// it. Assembled, it is one or two felts: a Word (three 16-bit offsets and fifteen flags, Cairo paper section 4.4, plus
// the opcode extension bits of Stwo) and, when an operand is an immediate, that immediate. A Class is what a network
// stores and hashes: bytecode, hints by offset, entry points and the lengths of the bytecode's segments.
package casm
