// Package golden gives tests access to reference data: the corpus of test vectors that other software made, inputs that failed in an earlier
// release, and golden files in a package's testdata folder, which `go test -update` rewrites.
package golden

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Corpus returns the path of elem in the corpus of test vectors. It skips the test if elem does not exist. The corpus is the folder
// STARKD_CORPUS, by default ../shared/corpus relative to the module's root. If that folder does not exist, the corpus is the small one of
// this package's testdata, so that a clone without it is tested against other software too.
func Corpus(t testing.TB, elem ...string) string {
	t.Helper()
	root := sharedPath(t, "STARKD_CORPUS", "corpus", nil)
	if _, err := os.Stat(root); err == nil {
		return shared(t, "STARKD_CORPUS", "corpus", elem)
	}
	path := filepath.Join(append([]string{smallCorpus(t)}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("corpus absent: no %s, and the small corpus has no %s (set STARKD_CORPUS)", root, filepath.Join(elem...))
	}
	return path
}

// ClassFolders returns the folders of contract classes with their compiled classes: two of the shared corpus, or one of the small corpus.
func ClassFolders(t testing.TB) []string {
	t.Helper()
	if Count(t, 2, 1) == 1 {
		return []string{Corpus(t, "sierra-casm")}
	}
	return []string{Corpus(t, "sierra-casm"), Corpus(t, "contracts", "sierra-casm")}
}

// Case returns the path of elem in the folder of inputs that failed in an earlier release (STARKD_CASES, by default ../shared/cases). It skips
// the test if elem does not exist.
func Case(t testing.TB, elem ...string) string {
	t.Helper()
	return shared(t, "STARKD_CASES", "cases", elem)
}

// sharedPath returns the path of elem in the folder of the environment variable, by default ../shared/name relative to the module's root.
func sharedPath(t testing.TB, variable, name string, elem []string) string {
	t.Helper()
	root := os.Getenv(variable)
	if root == "" {
		root = filepath.Join(ModuleRoot(t), "..", "shared", name)
	}
	return filepath.Join(append([]string{root}, elem...)...)
}

// shared returns the same path as sharedPath. It skips the test if the path does not exist.
func shared(t testing.TB, variable, name string, elem []string) string {
	t.Helper()
	path := sharedPath(t, variable, name, elem)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s absent: %v (set %s)", name, err, variable)
	}
	return path
}

// SameAsCase compares a file of the repository with the case elem of which it is a copy. If the case does not exist it only logs that.
func SameAsCase(t testing.TB, copied string, elem ...string) {
	t.Helper()
	want, err := os.ReadFile(sharedPath(t, "STARKD_CASES", "cases", elem))
	if err != nil {
		t.Logf("cases absent: %v (set STARKD_CASES)", err)
		return
	}
	if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs from %s (%v)", copied, filepath.Join(elem...), err)
	}
}

// ModuleRoot returns the folder with go.mod, which is the test's working directory or above it.
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

// Gzip compares got with the content of the compressed golden file testdata/name, or rewrites the file if -update is set. Equal of the
// compressed bytes would depend on the compressor.
func Gzip(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err == nil {
			_, err = w.Write(got)
		}
		if err == nil {
			err = w.Close()
		}
		if err == nil {
			err = os.WriteFile(path, packed.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := Gunzip(t, path); !bytes.Equal(got, want) {
		t.Errorf("%s, %d bytes, differs from the current result, %d bytes (-update writes it):\ngot:\n%s\nwant:\n%s", path, len(want), len(got), clip(got), clip(want))
	}
}

// Gunzip returns the content of a gzip file.
func Gunzip(t testing.TB, path string) []byte {
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
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Unxz returns the content of an xz file. It runs the command xz, and skips the test if there is none.
func Unxz(t testing.TB, path string) []byte {
	t.Helper()
	command, err := exec.LookPath("xz")
	if err != nil {
		t.Skipf("%s needs the command xz: %v", path, err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(command, "-dc", path)
	cmd.Stderr = &stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("xz -dc %s: %v: %s", path, err, stderr.Bytes())
	}
	return data
}

// Equal compares got with the golden file testdata/name, or rewrites the file if -update is set.
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

// Section compares got with the part of a document between the lines <!-- NAME --> and <!-- /NAME -->, or rewrites that part if -update is set.
func Section(t testing.TB, path, name string, got []byte) {
	t.Helper()
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, last := []byte("<!-- "+name+" -->\n"), []byte("<!-- /"+name+" -->\n")
	head, rest, ok := bytes.Cut(document, first)
	want, tail, closed := bytes.Cut(rest, last)
	switch {
	case !ok || !closed:
		t.Fatalf("%s has no lines %s and %s", path, bytes.TrimSpace(first), bytes.TrimSpace(last))
	case bytes.Equal(got, want):
	case !*update:
		t.Errorf("%s: section %s differs from the current result (-update writes it):\ngot:\n%s\nwant:\n%s", path, name, clip(got), clip(want))
	default:
		if err := os.WriteFile(path, slices.Concat(head, first, got, last, tail), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
