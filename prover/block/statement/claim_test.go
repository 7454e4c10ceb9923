package statement

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover"
)

// TestProgramIsPinned checks that the constants of the program agree with os.json, which cairo-compile wrote, and the hash with
// cairo-hash-program.
func TestProgramIsPinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(golden.ModuleRoot(t), "cairo", "os", "os.json"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := cairo0.ParseProgram(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint64{"main": programMain, "__end__": programEnd, "builtin_costs": programCosts} {
		if got, err := program.Label(name); err != nil || got != want {
			t.Errorf("%s is at %d (%v), want %d", name, got, err, want)
		}
	}
	if len(program.Builtins) != len(programBuiltins) {
		t.Errorf("builtins %v, want %v", program.Builtins, programBuiltins)
	}
	for i, b := range programBuiltins {
		if program.Builtins[i] != b.name {
			t.Errorf("builtin %d is %s, want %s", i, program.Builtins[i], b.name)
		}
	}
	if got := (&prover.Program{Words: program.Data, Main: programMain, Builtins: program.Builtins}).Hash(); got != ProgramHash {
		t.Errorf("program hash %v, want %v", got, ProgramHash)
	}
	claim := Claim{Program: program.Data}
	if err := claim.checkProgram(); err != nil {
		t.Error(err)
	}
	for _, i := range []int{0, len(claim.Program) / 2, len(claim.Program) - 1} {
		word := &claim.Program[i]
		word.Add(word, &felt.One)
		if claim.checkProgram() == nil {
			t.Errorf("a program with another word %d was taken for the known one", i)
		}
		word.Sub(word, &felt.One)
	}
	claim.Program = append(claim.Program[:100:100], claim.Program[101:]...)
	if claim.checkProgram() == nil {
		t.Error("a program with a word less was taken for the known one")
	}
}
