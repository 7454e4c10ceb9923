package poseidon

import (
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestEqualsStarknetJS compares hashes with those of starknet.js 10.8.0 (scripts/fixtures/crypto.mjs).
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

// BenchmarkPermute runs one permutation.
func BenchmarkPermute(b *testing.B) {
	var s [3]felt.Felt
	for b.Loop() {
		Permute(&s)
	}
}

// TestPermuteByDefinition compares Permute with the definition, for random states and for felts at the edges of the field.
func TestPermuteByDefinition(t *testing.T) {
	rng := rand.New(rand.NewChaCha8([32]byte{1}))
	edges := []felt.Felt{felt.Zero, felt.One, felt.MustHex("0x800000000000011000000000000000000000000000000000000000000000000"), felt.MustHex("0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")}
	for i := range 2000 {
		var s [3]felt.Felt
		for lane := range s {
			if s[lane] = edges[rng.IntN(len(edges))]; i >= 100 {
				s[lane] = felt.FromLimbs([4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64()})
			}
		}
		got, want := s, byDefinition(s)
		if Permute(&got); got != want {
			t.Fatalf("of %v: %v, want %v", s, got, want)
		}
	}
}

// byDefinition returns the Hades permutation of s by its definition.
func byDefinition(s [3]felt.Felt) [3]felt.Felt {
	for r := range rounds {
		for lane := range s {
			digest := sha256.Sum256([]byte("Hades" + strconv.Itoa(3*r+lane)))
			key := felt.FromBytesReduce(digest[:])
			s[lane].Add(&s[lane], &key)
			if lane == 2 || r < fullRounds/2 || r >= rounds-fullRounds/2 {
				var square felt.Felt
				square.Square(&s[lane])
				s[lane].Mul(&s[lane], &square)
			}
		}
		var sum felt.Felt
		sum.Add(&s[0], &s[1])
		sum.Add(&sum, &s[2])
		for lane, of := range []int64{2, -2, -3} {
			factor := felt.FromBigInt(big.NewInt(of))
			s[lane].Mul(&s[lane], &factor)
			s[lane].Add(&s[lane], &sum)
		}
	}
	return s
}
