package prover

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/prover/field"
)

// fibonacciRun is the run behind the proofs in `stone`, whose program is public: it is put together from public memory and
// run once more. Its one hint, which chooses the index of the number to be computed, writes the first cell of the output.
func fibonacciRun(t *testing.T, p *Proof) *cairo.Trace {
	t.Helper()
	public := p.PublicInput
	cells := map[uint64]string{}
	for _, c := range public.Memory {
		cells[c.Address] = c.Value.String()
	}
	segments := map[string]cairo.Segment{}
	var builtins []string
	for i, s := range public.Segments {
		segments[s.Name] = s
		if i >= 2 {
			builtins = append(builtins, s.Name)
		}
	}
	var data []string
	var hintPC uint64
	for a := uint64(1); a < segments["execution"].Begin-2; a++ {
		if strings.HasPrefix(cells[a], "0x400380007ff") { // [[fp - x]] = [fp]
			hintPC = a - 1
		}
		data = append(data, cells[a])
	}
	label := func(pc int) map[string]any { return map[string]any{"pc": pc, "type": "label"} }
	program, err := json.Marshal(map[string]any{
		"attributes": []any{}, "builtins": builtins, "compiler_version": "0.13.0", "data": data, "debug_info": nil,
		"hints": map[string]any{}, "main_scope": "__main__", "prime": "0x" + field.Modulus().Text(16),
		"reference_manager": map[string]any{"references": []any{}},
		"identifiers":       map[string]any{"__main__.__start__": label(0), "__main__.__end__": label(4)},
	})
	if err != nil {
		t.Fatal(err)
	}
	index := field.Element{}
	for _, c := range public.Memory {
		if c.Address == segments["output"].Begin {
			index = field.Element(c.Value)
		}
	}
	run, err := vm.RunProgram(program, vm.RunOptions{
		Layout: public.Layout, ProofMode: true,
		Started: func(m *vm.Machine) error {
			return m.AddHints(vm.Addr{Offset: hintPC}, func(m *vm.Machine) error {
				return m.Memory.Insert(m.FPAddr(), vm.UintValue(index.Uint64()))
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(public, &run.Trace.Public); diff != "" {
		t.Fatalf("public input of the proof and of the run differ:\n%s", diff)
	}
	return run.Trace
}

// TestProveEqualsStoneOnFibonacci runs the program of a proof for which the corpus has no run again.
func TestProveEqualsStoneOnFibonacci(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("set STARKD_FULL=1 (make test-full)")
	}
	for _, name := range []string{"recursive.16384", "recursive.stone6.blake2s_248"} { // the second has trees of Poseidon alone
		t.Run(name, func(t *testing.T) {
			want := readProof(t, "stone/"+name+".json")
			got, err := Prove(fibonacciRun(t, want), want.Parameters, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes, want.Bytes) {
				t.Error("proof differs from Stone's")
			}
		})
	}
}
