package cairo0

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/internal/golden"
)

// checkFiles compares the files that a result writes straight from the machine with those of its Trace.
func checkFiles(t *testing.T, res *RunResult) {
	t.Helper()
	var got, want bytes.Buffer
	compare := func(name string, errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s: %d bytes that differ from the %d of the trace", name, got.Len(), want.Len())
		}
		got.Reset()
		want.Reset()
	}
	compare("trace", res.WriteRegisters(&got), res.Trace.WriteRegisters(&want))
	compare("memory", res.WriteMemory(&got), res.Trace.Memory.WriteMemory(&want))
	if !res.run.opt.ProofMode {
		return
	}
	private, err := res.Trace.Private.JSON("a", "b")
	want.Write(private)
	compare("private input", res.WritePrivate(&got, "a", "b"), err)
	public, err := json.MarshalIndent(res.Trace.Public, "", "    ")
	want.Write(public)
	compare("public input", res.WritePublic(&got), err)
}

// TestFilesOnly checks that a run with FilesOnly has no Trace and writes the files of a run with one.
func TestFilesOnly(t *testing.T) {
	program := readFile(t, filepath.Join(golden.Corpus(t, "stone-cases"), "plain8-tiny-last1", "program.json"))
	for _, layout := range []string{"small", "all_cairo_stwo"} {
		full, err := RunProgram(program, RunOptions{Layout: layout, ProofMode: true})
		if err != nil {
			t.Fatal(err)
		}
		short, err := RunProgram(program, RunOptions{Layout: layout, ProofMode: true, FilesOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if short.Trace != nil {
			t.Error("a run with FilesOnly has a Trace")
		}
		short.Trace = full.Trace
		checkFiles(t, short)
	}
}

// TestFilesOverlap writes cells after the end of the program's segment in a run in proof mode. They have the addresses of the first cells of the
// execution segment, whose values count.
func TestFilesOverlap(t *testing.T) {
	p, err := ParseProgram(readFile(t, filepath.Join(golden.Corpus(t, "stone-cases"), "plain8-tiny-last1", "program.json")))
	if err != nil {
		t.Fatal(err)
	}
	n := len(p.Data)
	for _, layout := range []string{"small", "all_cairo_stwo"} {
		res, err := p.Run(RunOptions{Layout: layout, ProofMode: true, Started: func(m *machine.Machine) error {
			_, err := m.Memory.Load(machine.Addr{Offset: uint64(n)}, machine.UintValue(77), machine.UintValue(78))
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
		if !res.run.overlapping() {
			t.Fatal("the segments do not overlap")
		}
		// The first cell of the execution segment points to its third one.
		if got, want := res.Trace.Memory.Value[n+1], res.Trace.Registers[0].FP; got.Uint64() != want {
			t.Errorf("%s: the cell at %d is %v, want %d", layout, n+1, got, want)
		}
		checkFiles(t, res)
	}
}
