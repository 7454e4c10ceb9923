package pedersen

import (
	"math/big"
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
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

// TestMulLimbs compares field operations on limbs with gnark-crypto's.
func TestMulLimbs(t *testing.T) {
	all := edges(t)
	for i := range all {
		var got, want fp.Element
		squareLimbs(&got, &all[i])
		if want.Square(&all[i]); got != want {
			t.Fatalf("square of %x: %x, want %x", all[i], got, want)
		}
		doubleLimbs(&got, &all[i])
		if want.Double(&all[i]); got != want {
			t.Fatalf("twice %x: %x, want %x", all[i], got, want)
		}
		for j := range all {
			mulLimbs(&got, &all[i], &all[j])
			if want.Mul(&all[i], &all[j]); got != want {
				t.Fatalf("%x times %x: %x, want %x", all[i], all[j], got, want)
			}
			subLimbs(&got, &all[i], &all[j])
			if want.Sub(&all[i], &all[j]); got != want {
				t.Fatalf("%x minus %x: %x, want %x", all[i], all[j], got, want)
			}
		}
	}
}

// TestAddMixedLimbs compares mixed additions with gnark-crypto's, including those of infinity, equal points and negatives.
func TestAddMixedLimbs(t *testing.T) {
	points := tables()[0][3][:64]
	var negative curve.G1Affine
	negative.Neg(&points[5])
	addends := append([]curve.G1Affine{negative, shift, {}}, points...)
	check := func(acc *curve.G1Jac, p *curve.G1Affine) {
		t.Helper()
		got, want := *acc, *acc
		addMixedLimbs(&got, p)
		if want.AddMixed(p); !got.Equal(&want) || !got.IsOnCurve() {
			t.Fatalf("%v + %v: %v, want %v", acc, p, &got, &want)
		}
		*acc = want
	}
	var sum curve.G1Jac
	for i := range points {
		var acc curve.G1Jac
		for j := range addends { // including the point itself, its negative and infinity
			acc.FromAffine(&points[i])
			check(&acc, &addends[j])
		}
		check(&sum, &points[i])
		acc.Set(&sum)
		var same curve.G1Affine
		same.FromJacobian(&acc) // the same point with another Z
		check(&acc, &same)
	}
	var infinity curve.G1Jac
	check(&infinity, &points[0])
}

// BenchmarkMulLimbs multiplies on limbs.
func BenchmarkMulLimbs(b *testing.B) {
	x, y := shift.X, shift.Y
	for range b.N {
		mulLimbs(&x, &x, &y)
	}
}

// BenchmarkMul multiplies with gnark-crypto.
func BenchmarkMul(b *testing.B) {
	x, y := shift.X, shift.Y
	for range b.N {
		x.Mul(&x, &y)
	}
}
