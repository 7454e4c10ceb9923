// Package vm is the Cairo machine: engine 1, the judge, and the only maker of traces.
//
// The model is that of the Cairo paper (eprint 2021/1063). Memory is a set of segments that grow and whose cells are
// written once; a value is a field element or an address (segment, offset). The machine has three registers: pc, the
// next instruction; ap, the first free cell; fp, the frame. Both ap and fp are offsets in the execution segment, segment
// 1. A step reads an instruction, finds dst, op0, op1 and res in memory or deduces the one that is missing, asserts, and
// moves the registers. Builtins are segments whose cells are checked or deduced by rule. Hints run before the
// instruction that they are attached to and may write memory.
//
// Three ways in: RunProgram runs a compiled Cairo 0 program as the official runner does and yields a cairo.Trace in
// proof mode; Engine runs entry points of contract classes as Starknet does; Machine is the bare machine with pluggable
// hints, which the other two are made of.
package vm
