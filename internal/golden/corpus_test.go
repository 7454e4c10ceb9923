package golden

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestSmallCorpus checks that the small corpus has the files that tests of other packages need, and that they equal those of the shared corpus.
func TestSmallCorpus(t *testing.T) {
	shared := sharedPath(t, "STARKD_CORPUS", "corpus", nil)
	t.Setenv("STARKD_CORPUS", filepath.Join(t.TempDir(), "none"))
	for _, name := range []string{
		"rpc-spec/v0.10.2/starknet_api_openrpc.json", "rpc-spec/v0.9.0/starknet_ws_api.json", "libfunc-lists/audited.json",
		"stone-cases/plain8-tiny-pedersen/proof.json", "stone-cases/rec131072-squash-pstar/trace.bin.gz",
	} {
		path := Corpus(t, filepath.FromSlash(name))
		small, err := os.ReadFile(path)
		if err != nil || len(small) == 0 {
			t.Fatalf("%s: %d bytes, %v", name, len(small), err)
		}
		if large, err := os.ReadFile(filepath.Join(shared, filepath.FromSlash(name))); err == nil && !bytes.Equal(small, large) {
			t.Errorf("%s differs from the shared corpus: run scripts/fixtures/corpus.py", name)
		}
	}
	for pattern, want := range map[string]int{"sierra-casm/*.contract_class.json": 13, "sierra-casm/*.compiled_contract_class.json": 13, "contracts/sierra-casm/*.json": 30} {
		if found, err := filepath.Glob(filepath.Join(Corpus(t), filepath.FromSlash(pattern))); err != nil || len(found) < want {
			t.Errorf("%s: %d files, want %d (%v)", pattern, len(found), want, err)
		}
	}
	absent := &skipRecorder{TB: t}
	func() {
		defer func() { recover() }()
		Corpus(absent, "stwo", "air")
	}()
	if !absent.skipped {
		t.Error("a path that the small corpus lacks does not skip the test")
	}
}

// skipRecorder is a testing.TB that records a skip and panics instead of ending the test.
type skipRecorder struct {
	testing.TB
	skipped bool
}

func (r *skipRecorder) Skipf(string, ...any) {
	r.skipped = true
	panic("skipped")
}
