package cairoair_test

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/cairoair"
)

// Components and what a row of one of them consists of.
func Example() {
	columns, constraints := 0, 0
	for _, c := range cairoair.Components() {
		columns += len(c.AIR().Columns)
		constraints += c.AIR().ConstraintCount()
	}
	fmt.Println(len(cairoair.Components()), "components,", columns, "columns,", constraints, "constraints")

	for _, c := range cairoair.Components() {
		if c.Name == "jnz_opcode_non_taken" {
			for _, column := range c.AIR().Columns {
				fmt.Println(column.Name)
			}
			for _, l := range c.AIR().Lookups {
				fmt.Println(l.Relation.Name)
			}
		}
	}
	// Output:
	// 68 components, 5033 columns, 2013 constraints
	// input_pc
	// input_ap
	// input_fp
	// offset0
	// dst_base_fp
	// ap_update_add_1
	// mem_dst_base
	// dst_id
	// enabler
	// VerifyInstruction
	// MemoryAddressToId
	// MemoryIdToBig
	// Opcodes
	// Opcodes
}
