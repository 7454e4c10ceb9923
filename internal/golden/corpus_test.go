package golden

import (
	"path/filepath"
	"testing"
)

// TestSmallCorpus checks that the small corpus has the files that tests of other packages need.
func TestSmallCorpus(t *testing.T) {
	t.Setenv("STARKD_CORPUS", filepath.Join(t.TempDir(), "none"))
	for pattern, want := range map[string]int{"sierra-casm/*.contract_class.json": 13, "sierra-casm/*.compiled_contract_class.json": 13} {
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
