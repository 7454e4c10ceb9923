package prover

import (
	"bytes"
	"os"
	"testing"

	"github.com/starkd/starkd/internal/stoneruns"
)

// TestProveEqualsStoneOnFibonacci executes the program of a proof whose run is not in the corpus, and checks that Prove makes
// that proof.
func TestProveEqualsStoneOnFibonacci(t *testing.T) {
	if os.Getenv("STARKD_FULL") == "" {
		t.Skip("set STARKD_FULL=1 (make test-full)")
	}
	for _, name := range []string{"recursive.16384", "recursive.stone6.blake2s_248"} { // the second has Poseidon in all layers of its trees
		t.Run(name, func(t *testing.T) {
			want := readProof(t, "stone/"+name+".json")
			got, err := Prove(t.Context(), stoneruns.Fibonacci(t, want.PublicInput), want.Parameters, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes, want.Bytes) {
				t.Error("proof differs from Stone's")
			}
		})
	}
}
