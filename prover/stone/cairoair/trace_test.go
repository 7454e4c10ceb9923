package cairoair

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/stoneruns"
	"github.com/starkd/starkd/prover/stone/field"
)

var runs = []string{
	"plain8-tiny-last1", "plain512-lcg-keccak-upd", "rec16384-idle-keccak", "small8192-math-keccak", "small8192-sig-k160lsb",
	"rec131072-squash-pstar",
}

// testChallenges returns interaction elements. Any elements are right for a valid trace.
func testChallenges(n int) []field.Element { return field.Powers(field.New(0x1234567), n+1)[1:] }

// columnsOf fills both phases of a run.
func columnsOf(t testing.TB, name string) (*Trace, [][]field.Element, []field.Element) {
	t.Helper()
	w, err := NewTrace(stoneruns.Read(t, caseDir(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	columns, values := fillBoth(t, w)
	return w, columns, values
}

// fillBoth returns the columns of both phases for the test's challenges, and the run-time values.
func fillBoth(t testing.TB, w *Trace) (columns [][]field.Element, values []field.Element) {
	t.Helper()
	main, err := w.Main(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	challenges := testChallenges(w.System().Challenges)
	interaction, err := w.Interaction(t.Context(), challenges)
	if err != nil {
		t.Fatal(err)
	}
	values, err = w.Values(challenges)
	if err != nil {
		t.Fatal(err)
	}
	return append(main, interaction...), values
}

// slow skips runs that are only in the full test.
func slow(t *testing.T, name string) {
	t.Helper()
	long := strings.HasPrefix(name, "rec131072") || name == "small8192-sig-k160lsb" || isDir(filepath.Join("testdata", name))
	if long && os.Getenv("STARKD_FULL") == "" {
		t.Skip("set STARKD_FULL=1 (make test-full)")
	}
}

func TestConstraintsHoldOnRuns(t *testing.T) {
	for _, name := range append(runs, "recursive_with_poseidon", "starknet") {
		t.Run(name, func(t *testing.T) {
			slow(t, name)
			w, columns, values := columnsOf(t, name)
			for _, f := range w.System().CheckRows(columns, values, 2) {
				t.Error(f)
			}
		})
	}
}
