// Package machine is the Cairo machine. It knows neither contracts nor Cairo 0 programs: cairo/vm and cairo/cairo0 run
// those on it.
//
// The model is that of the Cairo paper (eprint 2021/1063). Memory is a set of segments that grow and whose cells are
// written once; a value is a field element or an address (segment, offset). The machine has three registers: pc, the
// next instruction; ap, the first free cell; fp, the frame. Both ap and fp are offsets in the execution segment, segment
// 1. A step reads an instruction, finds dst, op0, op1 and res in memory or deduces the one that is missing, asserts, and
// moves the registers. Builtins are segments whose cells are checked or deduced by rule. Hints run before the
// instruction that they are attached to and may write memory.
package machine
