// Package cairoair contains the components that prove an execution of Cairo: opcodes, memory, builtins and tables, as in S-two's Cairo AIR
// (version 1.3.0). A run is split into rows of components; what one component asks of another is a lookup.
package cairoair

import "fmt"

// Witness is what the columns of all components are computed from.
type Witness struct {
	Memory *Memory
}

// limbName returns the name of the column of limb k of a value.
func limbName(value string, k int) string { return fmt.Sprintf("%s_limb_%d", value, k) }
