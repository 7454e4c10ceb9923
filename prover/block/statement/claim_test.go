package statement

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover"
)

// TestProgramsArePinned checks that the constants of the programs agree with os.json, which cairo-compile wrote, and the hashes with
// cairo-hash-program.
func TestProgramsArePinned(t *testing.T) {
	for number, file := range map[Format]string{FormatStone: "v1/os.json", FormatStwo: "os.json"} {
		text, err := os.ReadFile(filepath.Join(golden.ModuleRoot(t), "cairo", "os", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		program, err := cairo0.ParseProgram(text)
		if err != nil {
			t.Fatal(err)
		}
		f := number.format()
		if f.number != number {
			t.Errorf("format %d has number %d", number, f.number)
		}
		for name, want := range map[string]uint64{"main": f.main, "__end__": programEnd, "builtin_costs": f.costs} {
			if got, err := program.Label(name); err != nil || got != want {
				t.Errorf("%s: %s is at %d (%v), want %d", file, name, got, err, want)
			}
		}
		if !slices.Equal(program.Builtins, number.Builtins()) {
			t.Errorf("%s: builtins %v, want %v", file, program.Builtins, number.Builtins())
		}
		if got := (&prover.Program{Words: program.Data, Main: f.main, Builtins: program.Builtins}).Hash(); got != number.ProgramHash() {
			t.Errorf("%s: program hash %v, want %v", file, got, number.ProgramHash())
		}
		claim := Claim{Program: program.Data}
		if got, err := claim.checkProgram(); err != nil || got != f {
			t.Error(got, err)
		}
		for _, i := range []int{0, len(claim.Program) / 2, len(claim.Program) - 1} {
			word := &claim.Program[i]
			word.Add(word, &felt.One)
			if _, err := claim.checkProgram(); err == nil {
				t.Errorf("%s: a program with another word %d was taken for the known one", file, i)
			}
			word.Sub(word, &felt.One)
		}
		claim.Program = append(claim.Program[:100:100], claim.Program[101:]...)
		if _, err := claim.checkProgram(); err == nil {
			t.Errorf("%s: a program with a word less was taken for the known one", file)
		}
	}
}
