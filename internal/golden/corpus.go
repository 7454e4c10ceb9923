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

// Count returns how many files or cases of a kind a test must find: shared in the shared corpus, small in the one of the tree.
func Count(t testing.TB, shared, small int) int {
	t.Helper()
	if _, err := os.Stat(sharedPath(t, "STARKD_CORPUS", "corpus", nil)); err != nil {
		return small
	}
	return shared
}

// unpacked is where smallCorpus has put its files in this process.
var unpacked struct {
	sync.Mutex
	dir string
}

// smallCorpus returns the folder of the corpus that is in the tree, laid out as the shared one: the archives of testdata/corpus
// (scripts/fixtures/corpus.py). It is unpacked once for all processes, into the temporary folder under a name that the content gives it.
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

// unpack writes the corpus to dir, whole or not at all.
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
