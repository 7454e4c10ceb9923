// Package casm is Cairo assembly: instructions and their encoding, hints, the assembler, the compiled contract class in
// the JSON format of the official compiler, and both compiled class hashes (BLAKE and Poseidon).
//
// An Instruction refers to cells relative to ap and fp through Operands. It may have Hints, which the machine runs before
// the instruction. Assembled, it is one or two felts: a Word (three 16-bit offsets and fifteen flags, Cairo paper section
// 4.4, plus the opcode extension bits of Stwo) and, if an operand is an immediate, that immediate. A Class is the form that a
// network stores and hashes: bytecode, hints by offset, entry points and the lengths of the bytecode's segments.
package casm
