package starkcurve

import (
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

// TestSignaturesEqualStarknetJS compares signatures with those of starknet.js 10.8.0 (scripts/fixtures/crypto.mjs). Both use RFC 6979, so
// the signatures are equal.
func TestSignaturesEqualStarknetJS(t *testing.T) {
	data, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Sign [][4]felt.Felt
		Pub  [][2]felt.Felt
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Sign) < 8 {
		t.Fatalf("%d vectors", len(vectors.Sign))
	}
	for i, c := range vectors.Sign {
		key, hash, wantR, wantS := c[0], c[1], c[2], c[3]
		r, s, err := Sign(key, hash)
		if err != nil || r != wantR || s != wantS {
			t.Errorf("Sign(%v, %v) = %v, %v, %v; want %v, %v", key, hash, r, s, err, wantR, wantS)
		}
		pub, err := PublicKey(key)
		if err != nil || pub != vectors.Pub[i][1] {
			t.Errorf("PublicKey(%v) = %v, %v; want %v", key, pub, err, vectors.Pub[i][1])
		}
		if !Verify(pub, hash, r, s) {
			t.Errorf("signature %d does not verify", i)
		}
		var other felt.Felt
		for name, ok := range map[string]bool{
			"hash": Verify(pub, *other.Add(&hash, &felt.One), r, s),
			"r":    Verify(pub, hash, *other.Add(&r, &felt.One), s),
			"s":    Verify(pub, hash, r, *other.Add(&s, &felt.One)),
			"key":  Verify(*other.Add(&pub, &felt.One), hash, r, s),
			"zero": Verify(pub, hash, felt.Zero, felt.Zero),
		} {
			if ok {
				t.Errorf("signature %d verifies with another %s", i, name)
			}
		}
	}
}

// TestInvalidKeys checks that the private keys 0 and Order are rejected.
func TestInvalidKeys(t *testing.T) {
	if _, err := PublicKey(felt.Zero); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("PublicKey(0): %v", err)
	}
	if _, _, err := Sign(felt.FromBigInt(Order()), felt.One); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("Sign by the order: %v", err)
	}
}

// TestGroupLaw checks identities of the group.
func TestGroupLaw(t *testing.T) {
	infinity := Point{Infinity: true}
	if got := Generator.ScalarMul(Order()); got != infinity {
		t.Errorf("order·G = %v", got)
	}
	if got := Generator.Add(Generator.Neg()); got != infinity {
		t.Errorf("G - G = %v", got)
	}
	if got, want := Generator.Add(Generator), Generator.ScalarMul(big.NewInt(2)); got != want || !IsOnCurve(got) {
		t.Errorf("G + G = %v, want %v", got, want)
	}
	if got, want := Generator.ScalarMul(big.NewInt(-3)), Generator.ScalarMul(big.NewInt(3)).Neg(); got != want {
		t.Errorf("-3·G = %v, want %v", got, want)
	}
	if y, ok := YFromX(Generator.X); !ok || (y != Generator.Y && y != Generator.Neg().Y) {
		t.Errorf("YFromX(G) = %v, %v", y, ok)
	}
	if IsOnCurve(Point{X: felt.One, Y: felt.One}) {
		t.Error("(1, 1) is on the curve")
	}
}

// TestECOpOfDoubled checks that ECOp with precomputed doublings has the same result as without, also if there is none.
func TestECOpOfDoubled(t *testing.T) {
	rng := rand.New(rand.NewChaCha8([32]byte{1}))
	random := func() felt.Felt {
		return felt.FromLimbs([4]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64(), rng.Uint64() >> 6})
	}
	failed := 0
	for i := range 400 {
		m := random()
		p := Generator.ScalarMul(big.NewInt(rng.Int64()))
		if i%2 == 0 { // a partial sum equals the point doubled k times, or its negative
			k := rng.IntN(250)
			low := new(big.Int).Mod(m.BigInt(), new(big.Int).Lsh(big.NewInt(1), uint(k)))
			p = Generator.ScalarMul(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(k)), low))
			if i%4 == 0 {
				p = Generator.ScalarMul(new(big.Int).Neg(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), uint(k)), low)))
			}
		}
		got, ok := ECOp(p, Generator, m)
		want, wantOK := ecOp(p, Generator, m)
		if got != want || ok != wantOK {
			t.Fatalf("%v + %v·G = %v, %v, want %v, %v", p, m, got, ok, want, wantOK)
		}
		if !ok {
			failed++
		} else if q := Generator.ScalarMul(big.NewInt(int64(i) + 3)); i < 40 {
			got, ok := NewDoubled(q).ECOp(p, m)
			if want, wantOK := ECOp(p, q, m); got != want || ok != wantOK {
				t.Fatalf("%v + %v·%v = %v, %v, want %v, %v", p, m, q, got, ok, want, wantOK)
			}
		} else if sum := p.Add(Generator.ScalarMul(m.BigInt())); got != sum {
			t.Fatalf("%v + %v·G = %v, want %v", p, m, got, sum)
		}
	}
	if failed < 100 {
		t.Errorf("%d of 400 have no answer, want at least 100", failed)
	}
	for n := range uint64(16) {
		if got, want := Blinding(n), blinding(n); got != want {
			t.Errorf("blinding point %d is %v, want %v", n, got, want)
		}
	}
}
