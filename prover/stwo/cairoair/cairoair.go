// Package cairoair contains the components that prove an execution of Cairo: opcodes, memory, builtins and tables, as in S-two's Cairo AIR
// (version 1.3.0). A run is split into rows of components; what one component asks of another is a lookup.
package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// Memory gives the witness the ids and values of the execution's memory.
type Memory interface {
	ID(address m31.M31) m31.M31         // id of the value at an address
	Limbs(id m31.M31) [limbs252]m31.M31 // limbs of 9 bits of the value of an id
}

// Witness is what the columns of all components are computed from.
type Witness struct {
	Memory Memory
}

// limbName returns the name of the column of limb k of a value.
func limbName(value string, k int) string { return fmt.Sprintf("%s_limb_%d", value, k) }
