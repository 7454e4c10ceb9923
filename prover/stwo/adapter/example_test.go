package adapter_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// A program whose main returns at once.
const program = `{"prime": "0x800000000000011000000000000000000000000000000000000000000000001", "main_scope": "__main__",
	"data": ["0x40780017fff7fff", "0x1", "0x1104800180018000", "0x4", "0x10780017fff7fff", "0x0", "0x480a7ffd7fff8000", "0x208b7fff7fff7ffe"],
	"builtins": ["output"], "hints": {}, "reference_manager": {"references": []}, "attributes": [], "compiler_version": "0.14.0.1", "debug_info": null,
	"identifiers": {"__main__.__start__": {"pc": 0, "type": "label"}, "__main__.__end__": {"pc": 4, "type": "label"}}}`

func Example() {
	run, err := cairo0.RunProgram([]byte(program), cairo0.RunOptions{Layout: "all_cairo_stwo", ProofMode: true})
	if err != nil {
		panic(err)
	}
	in, err := adapter.FromTrace(run.Trace)
	if err != nil {
		panic(err)
	}
	for opcode := range adapter.OpcodeCount {
		if states := in.Opcodes[opcode]; states.Len() > 0 {
			fmt.Println(opcode, "at", states.PC)
		}
	}
	fmt.Println(len(in.Memory.Small), "small values and", len(in.Memory.Big), "big ones at", len(in.Memory.IDs)-1, "addresses")
	// Output:
	// add_ap_opcode at [1]
	// assert_eq_opcode at [7]
	// call_opcode_rel_imm at [3]
	// ret_opcode at [8]
	// 11 small values and 0 big ones at 18 addresses
}
