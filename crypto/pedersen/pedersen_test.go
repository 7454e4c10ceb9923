package pedersen

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
	reference "github.com/consensys/gnark-crypto/ecc/stark-curve/pedersen-hash"

	"github.com/starkd/starkd/crypto/felt"
)

// TestHashEqualsStarknetJS compares hashes with those of starknet.js 10.8.0 (scripts/fixtures/crypto.mjs).
func TestHashEqualsStarknetJS(t *testing.T) {
	data, err := os.ReadFile("testdata/pairs.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases [][3]felt.Felt
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 20 {
		t.Fatalf("%d vectors", len(cases))
	}
	for _, c := range cases {
		if got := Hash(c[0], c[1]); got != c[2] {
			t.Errorf("Hash(%v, %v) = %v, want %v", c[0], c[1], got, c[2])
		}
	}
}

func random(r *rand.Rand) felt.Felt {
	return felt.FromLimbs([4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()})
}

// TestHashPairsEqualsGnark compares HashPairs and Hash with gnark-crypto, in batches of several sizes.
func TestHashPairsEqualsGnark(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 15, 16, 17, 512, 600} {
		a, b, dst := make([]felt.Felt, n), make([]felt.Felt, n), make([]felt.Felt, n)
		for i := range n {
			a[i], b[i] = random(r), random(r)
			if i%7 == 0 {
				a[i] = felt.FromUint64(r.Uint64() % 3)
			}
			if i%5 == 0 {
				b[i] = felt.Zero
			}
		}
		HashPairs(dst, a, b)
		for i := range n {
			x, y := fp.Element(a[i]), fp.Element(b[i])
			if want := felt.Felt(reference.Pedersen(&x, &y)); dst[i] != want {
				t.Fatalf("n=%d: HashPairs(%v, %v) = %v, want %v", n, a[i], b[i], dst[i], want)
			}
			if got := Hash(a[i], b[i]); got != dst[i] {
				t.Fatalf("Hash(%v, %v) = %v, want %v", a[i], b[i], got, dst[i])
			}
		}
	}
}

// TestHashManyOfNothing checks the hash of an empty array.
func TestHashManyOfNothing(t *testing.T) {
	if got, want := HashMany(), Hash(felt.Zero, felt.Zero); got != want {
		t.Errorf("HashMany() = %v, want %v", got, want)
	}
}

// BenchmarkHash hashes a pair.
func BenchmarkHash(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := random(r), random(r)
	for b.Loop() {
		x = Hash(x, y)
	}
}

// BenchmarkGnark hashes a pair with gnark-crypto.
func BenchmarkGnark(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := fp.Element(random(r)), fp.Element(random(r))
	for b.Loop() {
		x = reference.Pedersen(&x, &y)
	}
}

// BenchmarkHashPairs512 hashes a full batch.
func BenchmarkHashPairs512(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	x, y := make([]felt.Felt, 512), make([]felt.Felt, 512)
	for i := range x {
		x[i], y[i] = random(r), random(r)
	}
	for b.Loop() {
		HashPairs(x, x, y)
	}
}

// TestWindow adds the points of all windows of two inputs and compares the sum with the hash.
func TestWindow(t *testing.T) {
	a := felt.MustHex("0x3d937c035c878245caf64531a5756109c53068da139362728feb561405371cb")
	b := felt.MustHex("0x7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
	for _, width := range []int{3, 9, 14} {
		sum := Shift
		for input, x := range []felt.Felt{a, b} {
			v := x.BigInt()
			for k := range 252 / width {
				digit := new(big.Int).Rsh(v, uint(k*width))
				digit.And(digit, big.NewInt(1<<width-1))
				points := Window(width, input*252/width+k)
				if len(points) != 1<<width {
					t.Fatalf("width %d: %d points", width, len(points))
				}
				sum = sum.Add(points[digit.Int64()]).Add(Shift)
			}
		}
		if got, want := sum.X, Hash(a, b); got != want {
			t.Errorf("width %d: got %s, want %s", width, got, want)
		}
	}
}
