package adapter

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/internal/golden"
)

// TestRunner runs the programs of the corpus on the Cairo machine. In the layout of S-two the input is StarkWare's. In a layout of Stone, with padding,
// holes and more builtins, the same steps are in the same components.
func TestRunner(t *testing.T) {
	programs, err := filepath.Glob(filepath.Join(golden.Corpus(t, "stwo"), "*", "program.json.gz"))
	if err != nil || len(programs) < 10 {
		t.Fatalf("%d programs, want 10 (%v)", len(programs), err)
	}
	for _, path := range programs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			run := func(layout string) *Input {
				res, err := cairo0.RunProgram(golden.Gunzip(t, path), cairo0.RunOptions{Layout: layout, ProofMode: true})
				if err != nil {
					t.Fatal(err)
				}
				in, err := FromTrace(res.Trace)
				if err != nil {
					t.Fatal(err)
				}
				return in
			}
			in := run("all_cairo_stwo")
			var got bytes.Buffer
			if err := in.WriteJSON(&got); err != nil {
				t.Fatal(err)
			}
			if want := golden.Gunzip(t, filepath.Join(dir, "prover_input.json.gz")); !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the input differs: %s", difference(got.Bytes(), want))
			}

			padded := run("all_cairo")
			for o := range OpcodeCount {
				if padded.Opcodes[o].Len() != in.Opcodes[o].Len() {
					t.Errorf("all_cairo: %d steps of %v, want %d", padded.Opcodes[o].Len(), o, in.Opcodes[o].Len())
				}
			}
			for b := range BuiltinCount {
				if padded.Segments[b].Len() != in.Segments[b].Len() || padded.Present[b] != in.Present[b] {
					t.Errorf("all_cairo: %d cells of %v, want %d", padded.Segments[b].Len(), b, in.Segments[b].Len())
				}
			}
			var text strings.Builder
			if err := padded.WriteJSON(&text); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadJSON(strings.NewReader(text.String())); err != nil {
				t.Error(err)
			}
		})
	}
}
