package cairo0

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/internal/golden"
)

// TestStwo compares runs for S-two with those of StarkWare's Python VM: trace, memory with padded builtin segments, and segments.
func TestStwo(t *testing.T) {
	programs, err := filepath.Glob(filepath.Join(golden.Corpus(t, "stwo"), "*", "program.json.gz"))
	if err != nil || len(programs) < 10 {
		t.Fatalf("%d programs, want 10 (%v)", len(programs), err)
	}
	for _, path := range programs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			res, err := RunProgram(golden.Gunzip(t, path), RunOptions{Layout: "all_cairo_stwo", ProofMode: true})
			if err != nil {
				t.Fatal(err)
			}
			checkFiles(t, res)
			var trace, memory bytes.Buffer
			if err := res.Trace.WriteRegisters(&trace); err != nil {
				t.Fatal(err)
			}
			if err := res.Trace.Memory.WriteMemory(&memory); err != nil {
				t.Fatal(err)
			}
			for file, got := range map[string][]byte{"trace.bin.gz": trace.Bytes(), "memory.bin.gz": memory.Bytes()} {
				if want := golden.Gunzip(t, filepath.Join(dir, file)); !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes that differ from the %d wanted", file, len(got), len(want))
				}
			}
			public, err := json.Marshal(res.Trace.Public)
			if err != nil {
				t.Fatal(err)
			}
			private, err := res.Trace.Private.JSON("trace", "memory")
			if err != nil {
				t.Fatal(err)
			}
			if loaded, err := cairo.LoadTrace(public, private, trace.Bytes(), memory.Bytes()); err != nil {
				t.Error(err)
			} else if loaded.Private = res.Trace.Private; !reflect.DeepEqual(loaded, res.Trace) {
				t.Error("the files of the run give another run")
			}
			var segments struct {
				Public   []uint64 `json:"public_memory_addresses"`
				Segments map[string]*struct {
					Begin uint64 `json:"begin_addr"`
				} `json:"builtin_segments"`
			}
			data, err := os.ReadFile(filepath.Join(dir, "segments.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &segments); err != nil {
				t.Fatal(err)
			}
			addresses := make(map[uint64]bool)
			for _, c := range res.Trace.Public.Memory {
				addresses[c.Address] = true
			}
			for _, a := range segments.Public {
				if !addresses[a] {
					t.Errorf("address %d is not public", a)
				}
			}
			if len(addresses) != len(segments.Public) {
				t.Errorf("%d public addresses, want %d", len(addresses), len(segments.Public))
			}
			for _, s := range res.Trace.Public.Segments {
				want := segments.Segments[s.Name+"_builtin"]
				if s.Name == "output" {
					want = segments.Segments[s.Name]
				}
				if want != nil && s.Begin != want.Begin || want == nil && s.Begin != s.End && s.Name != "program" && s.Name != "execution" {
					t.Errorf("segment %+v, want %+v", s, want)
				}
			}
		})
	}
}
