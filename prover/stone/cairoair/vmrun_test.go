package cairoair

import (
	"os"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/internal/golden"
)

// TestConstraintsHoldOnVMRuns checks that runs of starkd's VM satisfy the constraints, also in layouts for which there is no
// proof from another prover.
func TestConstraintsHoldOnVMRuns(t *testing.T) {
	for _, c := range []struct{ layout, program string }{
		{"perpetual", "vm_dict_squash.p.json"},
		{"all_solidity", "vm_blake2s_felts.p.json"},
		{"all_solidity", "vm_pedersen_test.p.json"},
		{"dex_with_bitwise", "own_o_bits.p.json"},
		{"recursive_large_output", "own_o_bits.p.json"},
		{"starknet", "vm_ec_op.p.json"},
	} {
		t.Run(c.layout+"/"+c.program, func(t *testing.T) {
			program, err := os.ReadFile(golden.Corpus(t, "vm-cases", "cairo0", c.program))
			if err != nil {
				t.Fatal(err)
			}
			run, err := cairo0.RunProgram(program, cairo0.RunOptions{Layout: c.layout, ProofMode: true})
			if err != nil {
				t.Fatal(err)
			}
			if run.Trace.Public.Steps > 1<<12 && os.Getenv("STARKD_FULL") == "" {
				t.Skip("set STARKD_FULL=1 (make test-full)")
			}
			w, err := NewTrace(run.Trace)
			if err != nil {
				t.Fatal(err)
			}
			columns, values := fillBoth(t, w)
			for _, f := range w.System().CheckRows(columns, values, 2) {
				t.Error(f)
			}
		})
	}
}
