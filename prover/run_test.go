package prover

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/cairo"
)

// readRun loads the run of one of the cases: trace, memory, public and private input as the official runner wrote them.
func readRun(t testing.TB, dir string) *cairo.Trace {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	run, err := cairo.LoadTrace(read("air_public_input.json"), read("air_private_input.json"),
		gunzip(t, filepath.Join(dir, "trace.bin.gz")), gunzip(t, filepath.Join(dir, "memory.bin.gz")))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
