package pedersen

import (
	"math/big"
	"testing"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// TestTables compares entries of both tables, for some digits of each window, with gnark-crypto's scalar multiplication.
func TestTables(t *testing.T) {
	check := func(name string, got starkcurve.Affine, base starkcurve.Point, digit int64) {
		t.Helper()
		if want := base.ScalarMul(big.NewInt(digit)); got != affine(&want) {
			t.Fatalf("%s: %d times: %v, want %v", name, digit, got, want)
		}
	}
	for input := range 2 {
		for position, list := range tables()[input] {
			if len(list) != digits(position) {
				t.Fatalf("%d entries at position %d, want %d", len(list), position, digits(position))
			}
			base := Bases[input][0].ScalarMul(new(big.Int).Lsh(big.NewInt(1), uint(8*position)))
			if position == positions-1 {
				base = Bases[input][1]
			}
			for _, digit := range []int{1, 2, 3, 4, 7, 8, 15, len(list)} {
				check("table", list[digit-1], base, int64(digit))
			}
		}
	}
	for window, list := range wideTable() {
		base := Bases[0][0].ScalarMul(new(big.Int).Lsh(big.NewInt(1), uint(wideBits*window)))
		if window == wideWindows {
			base = Bases[0][1]
		}
		for _, digit := range []int{1, 2, 3, 5, 8, 14, len(list) / 2, len(list) - 1, len(list)} {
			check("wide table", list[digit-1], base, int64(digit))
		}
	}
}

// TestHashLong compares hashLong with Hash, for random felts and for felts whose digits are zero, minimal, maximal or carry to the end.
func TestHashLong(t *testing.T) {
	check := func(a, b felt.Felt) {
		t.Helper()
		if got, want := hashLong(a, b), Hash(a, b); got != want {
			t.Fatalf("hash of %v and %v: %v, want %v", a, b, got, want)
		}
	}
	p := fp.Modulus()
	ofBig := func(v *big.Int) felt.Felt {
		var e fp.Element
		e.SetBigInt(new(big.Int).Mod(v, p))
		return felt.Felt(e)
	}
	one := big.NewInt(1)
	for shift := range uint(252) {
		for delta := range int64(5) {
			v := new(big.Int).Add(new(big.Int).Lsh(one, shift), big.NewInt(delta-2))
			check(ofBig(v), felt.Zero)
			check(ofBig(v.Sub(p, v)), felt.One)
		}
	}
	for _, digit := range []int64{0, 1, 2047, 2048, 2049, 4094, 4095} { // in every window
		v := new(big.Int)
		for range 20 {
			v.Lsh(v, wideBits).Add(v, big.NewInt(digit))
			check(ofBig(v), felt.One)
		}
		for top := range int64(8) {
			for _, middle := range []int64{0, 1, 127, 128, 255} {
				high := new(big.Int).Lsh(big.NewInt(top<<8|middle), 240)
				check(ofBig(high.Add(high, v)), felt.Zero)
			}
		}
	}
	for range 500 {
		var a, b fp.Element
		if _, err := a.SetRandom(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.SetRandom(); err != nil {
			t.Fatal(err)
		}
		check(felt.Felt(a), felt.Felt(b))
	}
}

// TestHashManyLong compares the hash of an array that is long enough for the wide table with the definition.
func TestHashManyLong(t *testing.T) {
	xs := make([]felt.Felt, longArray)
	acc := felt.Zero
	for i := range xs {
		xs[i] = felt.FromUint64(uint64(i) * 0x9e3779b97f4a7c15)
		acc = Hash(acc, xs[i])
	}
	if got, want := HashMany(xs...), Hash(acc, felt.FromUint64(longArray)); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// BenchmarkHashLong hashes a pair with the wide table.
func BenchmarkHashLong(b *testing.B) {
	wideTable()
	acc := felt.One
	for range b.N {
		acc = hashLong(acc, felt.One)
	}
}

// BenchmarkTables computes half of the table of multiples.
func BenchmarkTables(b *testing.B) {
	for range b.N {
		bases := append(starkcurve.Powers(affine(&Bases[0][0]), 8, positions-1), affine(&Bases[0][1]))
		counts := make([]int, positions)
		for i := range counts {
			counts[i] = digits(i)
		}
		starkcurve.Multiples(bases, counts)
	}
}
