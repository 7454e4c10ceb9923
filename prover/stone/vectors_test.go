package stone

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/cairo0"
	"github.com/starkd/starkd/internal/golden"
)

// vectors are the layouts in testdata/vectors: Stone's proofs of our programs. They are in the tree, so that a clone without the corpus is
// judged by Stone too.
var vectors = []struct {
	layout string
	steps  uint64
}{
	{"plain", 256},
	{"small", 512},
}

// vectorFile returns the path of a file of a vector.
func vectorFile(layout, name string) string {
	return filepath.Join("testdata", "vectors", layout, name)
}

func vectorProof(t testing.TB, layout string) *Proof {
	t.Helper()
	p, err := ParseProof(golden.Gunzip(t, vectorFile(layout, "proof.json.gz")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runVector runs the program of a vector.
func runVector(t testing.TB, layout string) *cairo.Trace {
	t.Helper()
	run, err := cairo0.RunProgram(golden.Gunzip(t, vectorFile(layout, "program.json.gz")), cairo0.RunOptions{Layout: layout, ProofMode: true, MaxSteps: 1 << 12})
	if err != nil {
		t.Fatal(err)
	}
	return run.Trace
}

// TestVectorsAreProved makes the proofs of the vectors. They and their annotations are Stone's, byte for byte.
func TestVectorsAreProved(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.layout, func(t *testing.T) {
			want := vectorProof(t, v.layout)
			run := runVector(t, v.layout)
			if run.Public.Steps != v.steps {
				t.Errorf("got %d steps, want %d", run.Public.Steps, v.steps)
			}
			if !reflect.DeepEqual(&run.Public, want.PublicInput) {
				t.Errorf("got public input\n%+v\nwant Stone's\n%+v", &run.Public, want.PublicInput)
			}
			got, err := Prove(t.Context(), run, want.Parameters, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes, want.Bytes) {
				at := 0
				for at < min(len(got.Bytes), len(want.Bytes)) && got.Bytes[at] == want.Bytes[at] {
					at++
				}
				t.Errorf("the proof of %d bytes differs from Stone's of %d bytes at byte %d", len(got.Bytes), len(want.Bytes), at)
			}
			digest, err := os.ReadFile(vectorFile(v.layout, "annotations.sha256"))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(strings.Join(got.Annotations, "\n")))
			if got, want := hex.EncodeToString(sum[:]), strings.TrimSpace(string(digest)); got != want {
				t.Errorf("the annotations have hash %s, want Stone's %s", got, want)
			}
		})
	}
}

// TestVectorsVerify verifies Stone's proofs of the vectors, and checks that none is accepted as one of Stone v2, for other parameters, or with
// a byte that is different, missing or added.
func TestVectorsVerify(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.layout, func(t *testing.T) {
			p := vectorProof(t, v.layout)
			text, err := os.ReadFile(vectorFile(v.layout, "params.json"))
			if err != nil {
				t.Fatal(err)
			}
			if params, err := ParseParameters(text); err != nil || !reflect.DeepEqual(params, p.Parameters) {
				t.Errorf("got parameters %+v, %v, the proof says %+v", params, err, p.Parameters)
			}
			if err := p.Verify(V6); err != nil {
				t.Fatal(err)
			}
			refused := func(what string, version Version, change func(q *Proof)) {
				t.Helper()
				q := vectorProof(t, v.layout)
				change(q)
				if err := q.Verify(version); err == nil {
					t.Errorf("%s: accepted", what)
				}
			}
			refused("as a proof of Stone v2", V5, func(*Proof) {})
			refused("one query less", V6, func(q *Proof) { q.Parameters.Queries-- })
			refused("30 bits of work more", V6, func(q *Proof) { q.Parameters.PowBits += 30 })
			refused("another final pc", V6, func(q *Proof) { q.PublicInput.Segments[0].End++ })
			refused("a smaller rc_max", V6, func(q *Proof) { q.PublicInput.RangeCheckMax-- })
			refused("a byte less", V6, func(q *Proof) { q.Bytes = q.Bytes[:len(q.Bytes)-1] })
			refused("a byte more", V6, func(q *Proof) { q.Bytes = append(q.Bytes, 0) })
			const changes = 24
			for i := range changes {
				at := i * (len(p.Bytes) - 1) / (changes - 1)
				refused("another byte", V6, func(q *Proof) { q.Bytes[at] ^= 1 << (i % 8) })
			}
		})
	}
}

// TestVectorsAreCompiled checks that the official compiler makes the compiled programs of the vectors from their sources.
func TestVectorsAreCompiled(t *testing.T) {
	compiler, err := exec.LookPath("cairo-compile")
	if err != nil {
		t.Skip("cairo-compile of cairo-lang 0.14.0.1 is not on PATH")
	}
	for _, v := range vectors {
		t.Run(v.layout, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "program.json")
			if text, err := exec.Command(compiler, "--proof_mode", "--no_debug_info", vectorFile(v.layout, "program.cairo"), "--output", out).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			program, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(program) || !bytes.Equal(program, golden.Gunzip(t, vectorFile(v.layout, "program.json.gz"))) {
				t.Error("the compiled program is not that of the source (scripts/fixtures/stone.py writes it)")
			}
		})
	}
}
