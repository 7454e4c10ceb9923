package cairo0

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCairo0 compares trace and memory files with the files that cairo-run wrote.
func TestCairo0(t *testing.T) {
	dir := golden.Corpus(t, "cairo0")
	programs, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if len(programs) < 10 {
		t.Fatalf("%d programs in %s, want 10", len(programs), dir)
	}
	for _, path := range programs {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			base := strings.TrimSuffix(path, ".json")
			p, err := ParseProgram(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			// The files of fibonacci_1000 are from another compilation than its JSON: run the words in the memory file.
			p.Data = recordedProgram(t, base)
			res, err := p.Run(RunOptions{Trace: true})
			if err != nil {
				t.Fatal(err)
			}
			var trace, memory bytes.Buffer
			if err := res.Trace.WriteRegisters(&trace); err != nil {
				t.Fatal(err)
			}
			if err := res.Trace.Memory.WriteMemory(&memory); err != nil {
				t.Fatal(err)
			}
			if want := readFile(t, base+".trace"); !bytes.Equal(trace.Bytes(), want) {
				t.Errorf("trace: %d bytes differ from the %d of cairo-run", trace.Len(), len(want))
			}
			if want := readFile(t, base+".memory"); !bytes.Equal(memory.Bytes(), want) {
				t.Errorf("memory: %d bytes differ from the %d of cairo-run", memory.Len(), len(want))
			}
		})
	}
}

// recordedProgram returns the program of a recorded run without builtins: all cells before the execution segment, which
// begins two cells before the first ap.
func recordedProgram(t *testing.T, base string) []felt.Felt {
	t.Helper()
	ap := binary.LittleEndian.Uint64(readFile(t, base+".trace"))
	var data []felt.Felt
	for rec := range slices.Chunk(readFile(t, base+".memory"), 40) {
		if a := binary.LittleEndian.Uint64(rec); a >= 1 && a < ap-2 {
			var be [32]byte
			for i := range be {
				be[i] = rec[39-i]
			}
			f, err := felt.FromBytes(be[:])
			if err != nil || a != uint64(len(data)+1) {
				t.Fatalf("memory record at %d: %v", a, err)
			}
			data = append(data, f)
		}
	}
	return data
}
