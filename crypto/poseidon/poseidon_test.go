package poseidon

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// Vectors: starknet.js 10.8.0 (scripts/fixtures/crypto.mjs).
func TestEqualsStarknetJS(t *testing.T) {
	data, err := os.ReadFile("testdata/hashes.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Pairs [][3]felt.Felt
		Many  [][2]json.RawMessage
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, c := range vectors.Pairs {
		if got := Hash(c[0], c[1]); got != c[2] {
			t.Errorf("Hash(%v, %v) = %v, want %v", c[0], c[1], got, c[2])
		}
	}
	for _, c := range vectors.Many {
		var xs []felt.Felt
		var want felt.Felt
		if json.Unmarshal(c[0], &xs) != nil || json.Unmarshal(c[1], &want) != nil {
			t.Fatalf("bad vector %s", c)
		}
		if got := HashMany(xs...); got != want {
			t.Errorf("HashMany(%v) = %v, want %v", xs, got, want)
		}
		var h Hasher
		for _, x := range xs {
			h.Write(x)
			h.Sum()
		}
		if got := h.Sum(); got != want {
			t.Errorf("Hasher over %v = %v, want %v", xs, got, want)
		}
	}
	if len(vectors.Pairs) < 20 || len(vectors.Many) < 5 {
		t.Fatalf("%d pairs, %d arrays", len(vectors.Pairs), len(vectors.Many))
	}
}

func BenchmarkPermute(b *testing.B) {
	var s [3]felt.Felt
	for b.Loop() {
		Permute(&s)
	}
}
