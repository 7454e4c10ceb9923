package m31

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// edges are values at the borders of the range, mixed into random ones.
var edges = []M31{0, 1, 2, 3, P - 1, P - 2, 1 << 30, 1<<30 - 1, 1 << 16, 0x5555_5555}

func sample(r *rand.Rand) M31 {
	if r.IntN(4) == 0 {
		return edges[r.IntN(len(edges))]
	}
	return M31(r.Uint32N(P))
}

func TestM31(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := big.NewInt(P)
	check := func(name string, a, b, got M31, want *big.Int) {
		t.Helper()
		want.Mod(want, p)
		if got >= P || uint64(got) != want.Uint64() {
			t.Fatalf("%d %s %d: got %d, want %v", a, name, b, got, want)
		}
	}
	for range 100_000 {
		a, b := sample(r), sample(r)
		x, y := big.NewInt(int64(a)), big.NewInt(int64(b))
		check("+", a, b, a.Add(b), new(big.Int).Add(x, y))
		check("-", a, b, a.Sub(b), new(big.Int).Sub(x, y))
		check("·", a, b, a.Mul(b), new(big.Int).Mul(x, y))
		check("neg", a, b, a.Neg(), new(big.Int).Neg(x))
		check("pow", a, b, a.Pow(uint64(b)), new(big.Int).Exp(x, y, p))
		if a != 0 {
			check("inverse", a, b, a.Inverse(), new(big.Int).ModInverse(x, p))
		}
	}
	if M31(0).Inverse() != 0 {
		t.Errorf("the inverse of 0 is %d, want 0", M31(0).Inverse())
	}
	for _, v := range []uint64{0, P - 1, P, P + 1, 2 * P, 1 << 32, 1<<64 - 1, 1<<62 - 1, P * P, (P - 1) * (P - 1)} {
		if got := New(v); uint64(got) != v%P {
			t.Errorf("New(%d): got %d, want %d", v, got, v%P)
		}
	}
}

// TestExtensions checks the products of CM31 and QM31 against their definition, coordinate by coordinate.
func TestExtensions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := func() QM31 { return NewQM31(sample(r), sample(r), sample(r), sample(r)) }
	one := FromM31(1)
	i, u := NewQM31(0, 1, 0, 0), NewQM31(0, 0, 1, 0)
	if i.Square() != one.Neg() || u.Square() != NewQM31(2, 1, 0, 0) {
		t.Fatalf("i² = %v, u² = %v", i.Square(), u.Square())
	}
	for range 20_000 {
		a, b, c := random(), random(), random()
		if a.Mul(b.Add(c)) != a.Mul(b).Add(a.Mul(c)) || a.Mul(b) != b.Mul(a) || a.Mul(b).Mul(c) != a.Mul(b.Mul(c)) {
			t.Fatalf("the field's laws fail for %v, %v, %v", a, b, c)
		}
		x := a.Coordinates()
		sum := FromM31(x[0]).Add(i.Scale(x[1])).Add(u.Scale(x[2])).Add(i.Mul(u).Scale(x[3]))
		if sum != a {
			t.Fatalf("coordinates of %v give %v", a, sum)
		}
		if !a.IsZero() && a.Mul(a.Inverse()) != one {
			t.Fatalf("%v times its inverse is %v", a, a.Mul(a.Inverse()))
		}
		if got, want := a.Pow(5), a.Mul(a).Mul(a).Mul(a).Mul(a); got != want {
			t.Fatalf("%v^5: got %v, want %v", a, got, want)
		}
		if got, want := a.Conjugate().Mul(b.Conjugate()), a.Mul(b).Conjugate(); got != want {
			t.Fatalf("the conjugate of a product: got %v, want %v", got, want)
		}
	}
}
