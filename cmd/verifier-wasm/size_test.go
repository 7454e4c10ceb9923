package main

import (
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/starkd/starkd/internal/golden"
)

// maxCompressed is the largest number of bytes of the browser's verifier, compressed as servers do it (gzip at level 9). docs/stwo.md names it.
const maxCompressed = 2_200_000

// TestCompressedSize checks that `make wasm` makes a file of at most maxCompressed bytes. It logs the size, so that a growing one is seen early.
func TestCompressedSize(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the browser's verifier")
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed: the browser's verifier is not built")
	}
	dir := t.TempDir()
	build := exec.Command("make", "-s", "wasm", "WASM="+dir)
	build.Dir = golden.ModuleRoot(t)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	data, err := os.ReadFile(filepath.Join(dir, "verifier.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	var size counter
	w, err := gzip.NewWriterLevel(&size, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d compressed", len(data), size)
	if size > maxCompressed {
		t.Errorf("the browser's verifier has %d bytes compressed, want at most %d", size, maxCompressed)
	}
}

// counter is a writer that counts the bytes.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
