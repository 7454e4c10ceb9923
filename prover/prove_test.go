package prover

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/internal/stoneruns"
)

// caseDir returns the folder of a corpus case: a run with all the files from which its proof was made.
func caseDir(t testing.TB, name string) string {
	t.Helper()
	return filepath.Dir(golden.Corpus(t, "stone-cases", name, "proof.json"))
}

// TestProveEqualsStone proves the corpus runs with Stone's parameters and compares the proofs, byte for byte, and the
// annotations with Stone's.
func TestProveEqualsStone(t *testing.T) {
	for _, c := range []struct {
		name string
		full bool // too long for a unit test
	}{
		{"plain8-tiny-last1", false},
		{"plain8-tiny-pedersen", false},
		{"plain512-lcg-keccak-upd", false},
		{"rec16384-idle-keccak", false},
		{"small8192-sig-k160lsb", true},
		{"small8192-math-keccak", true},
		{"rec131072-squash-pstar", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := caseDir(t, c.name)
			if c.full && os.Getenv("STARKD_FULL") == "" {
				t.Skip("set STARKD_FULL=1 (make test-full)")
			}
			want := readProof(t, "stone-cases/"+c.name+"/proof.json")
			start := time.Now()
			got, err := Prove(t.Context(), stoneruns.Read(t, dir), want.Parameters, &Progress{Stage: func(name string, number, total int) {
				t.Logf("%6.2fs %s", time.Since(start).Seconds(), name)
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%6.2fs done", time.Since(start).Seconds())
			if !bytes.Equal(got.Bytes, want.Bytes) {
				at := 0
				for at < min(len(got.Bytes), len(want.Bytes)) && got.Bytes[at] == want.Bytes[at] {
					at++
				}
				t.Fatalf("proof differs from Stone's at byte %d of %d (got %d bytes)", at, len(want.Bytes), len(got.Bytes))
			}
			if len(want.Annotations) > 0 && !slices.Equal(got.Annotations, want.Annotations) {
				t.Error("annotations differ from Stone's")
			}
		})
	}
}
