package felt

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// edges returns elements whose Montgomery form is next to a power of two, or to the modulus minus one, and random elements.
func edges(t *testing.T) []fp.Element {
	p := fp.Modulus()
	words := func(v *big.Int) (e fp.Element) {
		v = new(big.Int).Mod(v, p)
		for i := range e {
			e[i] = new(big.Int).Rsh(v, uint(64*i)).Uint64()
		}
		return e
	}
	all := []fp.Element{{}}
	for shift := range uint(252) {
		for _, delta := range []int64{-1, 0, 1} {
			v := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), shift), big.NewInt(delta))
			all = append(all, words(v), words(v.Sub(p, v)))
		}
	}
	for range 500 {
		var e fp.Element
		if _, err := e.SetRandom(); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// TestLimbs compares field operations on limbs with gnark-crypto's.
func TestLimbs(t *testing.T) {
	all := edges(t)
	for i := range all {
		x := (*Felt)(&all[i])
		var got Felt
		var want fp.Element
		squareLimbs(&got, x)
		if want.Square(&all[i]); got != Felt(want) {
			t.Fatalf("square of %x: %x, want %x", all[i], got, want)
		}
		if got, want := fromMontgomeryLimbs(x), all[i].Bits(); got != want {
			t.Fatalf("integer of %x: %x, want %x", all[i], got, want)
		}
		for j := range all {
			y := (*Felt)(&all[j])
			mulLimbs(&got, x, y)
			if want.Mul(&all[i], &all[j]); got != Felt(want) {
				t.Fatalf("%x times %x: %x, want %x", all[i], all[j], got, want)
			}
			addLimbs(&got, x, y)
			if want.Add(&all[i], &all[j]); got != Felt(want) {
				t.Fatalf("%x plus %x: %x, want %x", all[i], all[j], got, want)
			}
			subLimbs(&got, x, y)
			if want.Sub(&all[i], &all[j]); got != Felt(want) {
				t.Fatalf("%x minus %x: %x, want %x", all[i], all[j], got, want)
			}
		}
	}
}

// TestLimbsNotReduced multiplies words that are not below P: 2^256 - 1 by those below P, and about 5·P by the same, as package poseidon may.
func TestLimbsNotReduced(t *testing.T) {
	check := func(x, y Felt) {
		t.Helper()
		value := func(w Felt) *big.Int {
			v := new(big.Int)
			for i := 3; i >= 0; i-- {
				v.Or(v.Lsh(v, 64), new(big.Int).SetUint64(w[i]))
			}
			return v
		}
		want := new(big.Int).Mul(value(x), value(y))
		want.Mul(want, new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256), Modulus())).Mod(want, Modulus())
		var got Felt
		mulLimbs(&got, &x, &y)
		if value(got).Cmp(want) != 0 {
			t.Fatalf("%x times %x: %x, want %x", x, y, got, want)
		}
		if x == y {
			if squareLimbs(&got, &x); value(got).Cmp(want) != 0 {
				t.Fatalf("square of %x: %x, want %x", x, got, want)
			}
		}
	}
	most := Felt{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	large := Felt{31 << 59, 0, 0, 5 * topWord}
	for _, e := range edges(t) {
		check(most, Felt(e))
		check(Felt(e), most)
		check(large, Felt(e))
	}
	check(large, large)
}

// TestFromBytesBounds checks the greatest bytes that FromBytes accepts, P-1, and the smallest that it rejects.
func TestFromBytesBounds(t *testing.T) {
	for _, c := range []struct {
		add int64
		ok  bool
	}{{-2, true}, {-1, true}, {0, false}, {1, false}, {2, false}} {
		v := new(big.Int).Add(Modulus(), big.NewInt(c.add))
		f, err := FromBytes(v.FillBytes(make([]byte, Bytes)))
		if (err == nil) != c.ok || c.ok && f.BigInt().Cmp(v) != 0 {
			t.Errorf("P%+d: %v, %v", c.add, f, err)
		}
	}
	for i := range 4 { // every word of P counts
		v := new(big.Int).Add(Modulus(), new(big.Int).Lsh(big.NewInt(1), uint(64*i)))
		if f, err := FromBytes(v.FillBytes(make([]byte, Bytes))); err == nil {
			t.Errorf("P + 2^%d: %v, want an error", 64*i, f)
		}
	}
}

// BenchmarkMulLimbs multiplies on limbs.
func BenchmarkMulLimbs(b *testing.B) {
	x, y := radix, One
	for range b.N {
		mulLimbs(&x, &x, &y)
	}
}

// BenchmarkMul multiplies with gnark-crypto.
func BenchmarkMul(b *testing.B) {
	x, y := fp.Element(radix), fp.Element(One)
	for range b.N {
		x.Mul(&x, &y)
	}
}
