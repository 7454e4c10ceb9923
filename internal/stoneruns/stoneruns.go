// Package stoneruns gives tests the Cairo runs of which the corpus has Stone proofs.
package stoneruns

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

// Read loads the run of a case in the corpus's folder stone-cases: trace, memory, public and private input, as the official runner wrote them.
func Read(t testing.TB, dir string) *cairo.Trace {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	run, err := cairo.LoadTrace(read("air_public_input.json"), read("air_private_input.json"),
		golden.Gunzip(t, filepath.Join(dir, "trace.bin.gz")), golden.Gunzip(t, filepath.Join(dir, "memory.bin.gz")))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Fibonacci returns the run of a proof in the corpus's folder stone. It takes the program from the proof's public memory and runs it. The
// program has one hint, which chooses the index of the Fibonacci number; here it reads the index from the first output cell of the proof.
func Fibonacci(t testing.TB, public *cairo.PublicInput) *cairo.Trace {
	t.Helper()
	cells := map[uint64]felt.Felt{}
	for _, c := range public.Memory {
		cells[c.Address] = c.Value
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
		value := cells[a]
		if strings.HasPrefix(value.String(), "0x400380007ff") { // [[fp - x]] = [fp]
			hintPC = a - 1
		}
		data = append(data, value.String())
	}
	label := func(pc int) map[string]any { return map[string]any{"pc": pc, "type": "label"} }
	program, err := json.Marshal(map[string]any{
		"attributes": []any{}, "builtins": builtins, "compiler_version": "0.13.0", "data": data, "debug_info": nil,
		"hints": map[string]any{}, "main_scope": "__main__", "prime": "0x" + felt.Modulus().Text(16),
		"reference_manager": map[string]any{"references": []any{}},
		"identifiers":       map[string]any{"__main__.__start__": label(0), "__main__.__end__": label(4)},
	})
	if err != nil {
		t.Fatal(err)
	}
	index := cells[segments["output"].Begin]
	run, err := cairo0.RunProgram(program, cairo0.RunOptions{
		Layout: public.Layout, ProofMode: true,
		Started: func(m *machine.Machine) error {
			return m.AddHints(machine.Addr{Offset: hintPC}, func(m *machine.Machine) error {
				return m.Memory.Insert(m.FPAddr(), machine.UintValue(index.Uint64()))
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
