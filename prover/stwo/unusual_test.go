//go:build !js

package stwo

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/adapter"
)

// TestUnusualInstructions proves a run with instructions that no compiler makes. StarkWare's adapter refuses them; the component generic_opcode
// proves them.
func TestUnusualInstructions(t *testing.T) {
	word := func(off0, off1, off2 int, flags casm.Flags) uint64 {
		const bias = 1 << 15
		return uint64(off0+bias) | uint64(off1+bias)<<16 | uint64(off2+bias)<<32 | uint64(flags)<<48
	}
	const dst, op0 = casm.FlagDstFP, casm.FlagOp0FP
	code := []uint64{
		// The frame that a verifier requires.
		0x40780017fff7fff, 1, 0x1104800180018000, 4, 0x10780017fff7fff, 0,
		// [fp - 2] is the caller's fp, before which is a 0. [fp - 1] is address 5.
		word(0, -2, -1, op0|casm.FlagResAdd|casm.FlagAssertEq|casm.FlagAPAdd1), // [ap] = [fp - 2] + [[fp - 2] - 1]; ap++
		word(-1, -1, 1, dst|op0|casm.FlagAPAdd),                                // ap += [[fp - 1] + 1]
		word(-1, -1, -3, dst|op0|casm.FlagJumpRel),                             // jmp rel [[fp - 1] - 3]
		word(-1, -1, 1, dst|op0),                                               // no operation
		word(0, -1, -3, op0|casm.FlagOp1FP|casm.FlagAssertEq|casm.FlagAPAdd1),  // [ap] = [fp - 3]; ap++
		0x208b7fff7fff7ffe, // ret
	}
	var data []string
	for _, w := range code {
		data = append(data, fmt.Sprintf("%#x", w))
	}
	label := func(pc int) map[string]any { return map[string]any{"pc": pc, "type": "label"} }
	program, err := json.Marshal(map[string]any{
		"attributes": []any{}, "builtins": []string{"output"}, "compiler_version": "0.14.0.1", "data": data, "debug_info": nil,
		"hints": map[string]any{}, "main_scope": "__main__", "prime": "0x" + felt.Modulus().Text(16),
		"reference_manager": map[string]any{"references": []any{}},
		"identifiers":       map[string]any{"__main__.__start__": label(0), "__main__.__end__": label(4)},
	})
	if err != nil {
		t.Fatal(err)
	}
	run, err := cairo0.RunProgram(program, cairo0.RunOptions{Layout: "all_cairo_stwo", ProofMode: true})
	if err != nil {
		t.Fatal(err)
	}
	in, err := adapter.FromTrace(run.Trace)
	if err != nil {
		t.Fatal(err)
	}
	if n := in.Opcodes[adapter.Generic].Len(); n != 4 {
		t.Errorf("%d generic instructions, want 4", n)
	}
	params, err := ParseParams([]byte(programParams[0].text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := p.Prove(t.Context(), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkProof(t, params, proof)
}
