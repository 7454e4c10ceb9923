// Package golden finds and compares what other people's software made: the shared corpus of test vectors, and golden
// files in a package's testdata folder that `go test -update` rewrites.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Corpus returns the path of elem inside the shared corpus (STARKD_CORPUS, by default ../shared/corpus beside the
// module's root) and skips the test, saying so, where it is absent.
func Corpus(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("STARKD_CORPUS")
	if root == "" {
		root = filepath.Join(ModuleRoot(t), "..", "shared", "corpus")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("corpus absent: %v (set STARKD_CORPUS)", err)
	}
	return path
}

// ModuleRoot is the folder that holds go.mod, found upwards from the test's working directory.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}

// Equal compares got with the golden file testdata/name, or rewrites the file under -update.
func Equal(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs\ngot:\n%s\nwant:\n%s", path, clip(got), clip(want))
	}
}

func clip(b []byte) []byte {
	if len(b) > 4000 {
		return append(b[:4000:4000], "…"...)
	}
	return b
}
