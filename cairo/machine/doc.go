// Package machine is the Cairo machine. It knows neither contracts nor Cairo 0 programs: the packages cairo/vm and
// cairo/cairo0 run those on it.
//
// The model is that of the Cairo paper (eprint 2021/1063). Memory is a set of segments that grow and whose cells are
// written once; a value is a field element or an address (segment, offset). The machine has three registers: pc points to
// the next instruction, ap to the first free cell, fp to the current frame. Both ap and fp are offsets in segment 1, the
// execution segment. A step reads an instruction, reads dst, op0 and op1 from memory, deduces the missing one, computes
// res, checks the assertion, and updates the registers. A builtin is a segment with a rule that checks its cells or
// deduces them. A hint runs before the instruction that it is attached to and may write memory.
package machine
