package adapter

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/golden"
)

// cases returns the folders of the corpus with a run.
func cases(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(golden.Corpus(t, "stwo"), "*", "prover_input.json.gz"))
	if err != nil || len(found) < 12 {
		t.Fatalf("%d cases, want 12 (%v)", len(found), err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

// loadCase reads the run of a case: its steps, its memory without holes, and its segments.
func loadCase(t testing.TB, dir string) *cairo.Trace {
	t.Helper()
	trace, memory := golden.Gunzip(t, filepath.Join(dir, "trace.bin.gz")), golden.Gunzip(t, filepath.Join(dir, "memory.bin.gz"))
	run := &cairo.Trace{Layout: "all_cairo_stwo"}
	for ; len(trace) > 0; trace = trace[24:] {
		run.Registers = append(run.Registers, cairo.Registers{
			AP: binary.LittleEndian.Uint64(trace), FP: binary.LittleEndian.Uint64(trace[8:]), PC: binary.LittleEndian.Uint64(trace[16:]),
		})
	}
	size := len(memory)/40 + 1
	run.Memory = cairo.Memory{Value: make([]felt.Felt, size), Known: make([]bool, size)}
	for ; len(memory) > 0; memory = memory[40:] {
		var limbs [4]uint64
		for k := range limbs {
			limbs[k] = binary.LittleEndian.Uint64(memory[8+8*k:])
		}
		a := binary.LittleEndian.Uint64(memory)
		run.Memory.Value[a], run.Memory.Known[a] = felt.FromLimbs(limbs), true
	}
	var file struct {
		Segments map[string]*struct {
			Begin uint64 `json:"begin_addr"`
			Stop  uint64 `json:"stop_ptr"`
		} `json:"builtin_segments"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "segments.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, b := range builtins {
		if s := file.Segments[b.field]; s != nil {
			run.Public.Segments = append(run.Public.Segments, cairo.Segment{Name: b.name, Begin: s.Begin, End: s.Stop})
		}
	}
	return run
}

// TestCorpus compares the input of each run of the corpus with StarkWare's, and with its counts.
func TestCorpus(t *testing.T) {
	for _, dir := range cases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			in, err := FromTrace(loadCase(t, dir))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := in.WriteJSON(&got); err != nil {
				t.Fatal(err)
			}
			want := golden.Gunzip(t, filepath.Join(dir, "prover_input.json.gz"))
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the input differs: %s", difference(got.Bytes(), want))
			}
			compareCounts(t, in, dir)

			read, err := ReadJSON(bytes.NewReader(want))
			if err != nil {
				t.Fatalf("ReadJSON: %v", err)
			}
			var again bytes.Buffer
			if err := read.WriteJSON(&again); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.Bytes(), want) {
				t.Errorf("the input differs after ReadJSON: %s", difference(again.Bytes(), want))
			}
		})
	}
}

// difference returns the surroundings of the first byte that differs.
func difference(got, want []byte) string {
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	around := func(b []byte) []byte { return b[max(0, n-60):min(len(b), n+60)] }
	return fmt.Sprintf("at byte %d\ngot  %s\nwant %s", n, around(got), around(want))
}

func compareCounts(t *testing.T, in *Input, dir string) {
	t.Helper()
	var want struct {
		Steps        int
		Opcodes      map[string]int
		Addresses    int
		Big          int `json:"big_values"`
		Small        int `json:"small_values"`
		Instructions int `json:"distinct_pcs"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "counts.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	steps := 1 // the last state is in no list
	for o := range OpcodeCount {
		if got := in.Opcodes[o].Len(); got != want.Opcodes[o.String()] {
			t.Errorf("%d steps of %v, want %d", got, o, want.Opcodes[o.String()])
		}
		steps += in.Opcodes[o].Len()
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"steps", steps, want.Steps}, {"addresses", len(in.Memory.IDs), want.Addresses}, {"big values", len(in.Memory.Big), want.Big},
		{"small values", len(in.Memory.Small), want.Small}, {"instructions", in.Instructions, want.Instructions},
	} {
		if c.got != c.want {
			t.Errorf("%d %s, want %d", c.got, c.what, c.want)
		}
	}
}
