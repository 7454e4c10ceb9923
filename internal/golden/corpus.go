package golden

import (
	"archive/zip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// Count returns the number of files or cases that a test must find: shared if the shared corpus exists, else small, for the small corpus.
func Count(t testing.TB, shared, small int) int {
	t.Helper()
	if _, err := os.Stat(sharedPath(t, "STARKD_CORPUS", "corpus", nil)); err != nil {
		return small
	}
	return shared
}

// unpacked holds the folder in which this process has unpacked the small corpus, or "".
var unpacked struct {
	sync.Mutex
	dir string
}

// smallCorpus returns a folder with the small corpus, the archives of testdata/corpus (made by scripts/fixtures/corpus.py). It has the layout
// of the shared corpus. It is unpacked once for all processes, into the temporary folder, under a name that is derived from its content.
func smallCorpus(t testing.TB) string {
	t.Helper()
	unpacked.Lock()
	defer unpacked.Unlock()
	if unpacked.dir != "" {
		return unpacked.dir
	}
	root := ModuleRoot(t)
	sources, err := filepath.Glob(filepath.Join(root, "internal", "golden", "testdata", "corpus", "*.zip"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no archives of the small corpus: %v", err)
	}
	slices.Sort(sources)
	hash := sha256.New()
	for _, source := range sources {
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%s %d\n", filepath.Base(source), len(data))
		hash.Write(data)
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("starkd-corpus-%x", hash.Sum(nil)[:8]))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := unpack(dir, sources); err != nil {
			t.Fatal(err)
		}
	}
	unpacked.dir = dir
	return dir
}

// unpack extracts the archives to dir. If it fails, dir does not exist.
func unpack(dir string, sources []string) error {
	making, err := os.MkdirTemp(filepath.Dir(dir), "starkd-corpus-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(making)
	for _, source := range sources {
		archive, err := zip.OpenReader(source)
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
		err = os.CopyFS(making, archive)
		archive.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
	}
	if err := os.Chmod(making, 0o755); err != nil {
		return err
	}
	if err := os.Rename(making, dir); err != nil {
		if _, other := os.Stat(dir); other != nil {
			return err
		}
		// Another process was faster.
	}
	return nil
}
