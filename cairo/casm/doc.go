// Package casm is Cairo assembly: instructions and their encoding, hints, the assembler, the compiled contract class in
// the JSON form of the official compiler, and both compiled class hashes (BLAKE and Poseidon).
package casm

// Class is a compiled contract class.
type Class struct{}
