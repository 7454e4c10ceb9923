// Package cairoair contains the components that prove an execution of Cairo: opcodes, memory, builtins and tables, as in S-two's Cairo AIR
// (version 1.3.0).
//
// A step of the machine is a row of one opcode component. The row has the registers before the step; it decodes the instruction, reads the
// operands and states what the step does. What it cannot see itself it looks up: an instruction at verify_instruction, a value of memory at
// the tables of the memory, a range at a fixed table. The state before the step is used of the relation of states and the one after it is
// yielded, so that all steps together make a single path from the first state to the last. Builtins and Blake2s have components of their
// own, and larger computations, such as a multiplication of 252 bits or a round of Poseidon, are rows of components that others call.
//
// Each component is defined once, with package air, in the file of its family. Components lists them in the order in which a claim does. Fill
// makes the columns of a run. Names of components, relations and columns are S-two's. Cairo's machine is described in "Cairo – a Turing-complete
// STARK-friendly CPU architecture" (ePrint 2021/1063), section 4.
package cairoair

import "fmt"

// limbName returns the name of the column of limb k of a value.
func limbName(value string, k int) string { return fmt.Sprintf("%s_limb_%d", value, k) }
