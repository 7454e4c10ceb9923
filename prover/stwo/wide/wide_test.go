package wide

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// variants are the implementations: Go's, and the kernels of a width in bits.
var variants = []struct {
	name string
	bits int
}{{"Go", 0}, {"AVX2", 256}, {"AVX-512", 512}}

// eachKernel runs a test with each implementation.
func eachKernel(t *testing.T, test func(t *testing.T, random *rand.Rand)) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			defer setKernels(t, v.bits)()
			random := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				test(t, random)
			}
		})
	}
}

var (
	modulus = felt.Modulus()
	radix   = new(big.Int).Lsh(big.NewInt(1), 256)
)

// randomFelts returns numbers below P, small and large ones among them.
func randomFelts(random *rand.Rand) (z Felts) {
	for i := range Rows {
		v := new(big.Int)
		switch random.IntN(8) {
		case 0:
			v.SetUint64(random.Uint64N(3))
		case 1:
			v.Sub(modulus, big.NewInt(1+random.Int64N(3)))
		case 2:
			v.Lsh(big.NewInt(1), random.UintN(252))
			v.Sub(v, big.NewInt(random.Int64N(2)))
		default:
			for range 4 {
				v.Lsh(v, 64)
				v.Add(v, new(big.Int).SetUint64(random.Uint64()))
			}
		}
		z.Set(i, felt.FromBigInt(v))
	}
	return z
}

func (z *Felts) big(i int) *big.Int {
	v := new(big.Int)
	for k := 3; k >= 0; k-- {
		v.Lsh(v, 64)
		v.Add(v, new(big.Int).SetUint64(z[k][i]))
	}
	return v
}

func TestFelts(t *testing.T) {
	eachKernel(t, func(t *testing.T, random *rand.Rand) {
		x, y := randomFelts(random), randomFelts(random)
		var product, sum, difference Felts
		product.Mul(&x, &y)
		sum.Add(&x, &y)
		difference.Sub(&x, &y)
		inverses, scratch := []Felts{x, y}, make([]Felts, 2)
		InvertAll(inverses, scratch)
		check := func(what string, i int, got, want *big.Int) {
			if got.Cmp(want.Mod(want, modulus)) != 0 {
				t.Fatalf("%s of %x and %x: got %x, want %x", what, x.big(i), y.big(i), got, want)
			}
		}
		inverseRadix := new(big.Int).ModInverse(radix, modulus)
		for i := range Rows {
			a, b := x.big(i), y.big(i)
			p := new(big.Int).Mul(a, b)
			check("product", i, product.big(i), p.Mul(p, inverseRadix))
			check("sum", i, sum.big(i), new(big.Int).Add(a, b))
			check("difference", i, difference.big(i), new(big.Int).Sub(a, b))
			for k, v := range []*big.Int{a, b} {
				want := new(big.Int)
				if v.Sign() != 0 {
					want.ModInverse(v, modulus)
					want.Mul(want, radix).Mul(want, radix)
				}
				check("inverse", i, inverses[k].big(i), want)
			}
		}
	})
}

// TestLimbs takes numbers to limbs in columns and back.
func TestLimbs(t *testing.T) {
	eachKernel(t, func(t *testing.T, random *rand.Rand) {
		z := randomFelts(random)
		var x, again Limbs
		x.FromFelts(&z)
		var p, pAgain Packed
		p.FromFelts(&z)
		columns := make([][]m31.M31, Count+PackedCount)
		for k := range columns {
			columns[k] = make([]m31.M31, 3*Rows)
		}
		x.Store(columns, Rows)
		p.Store(columns[Count:], Rows)
		for i := range Rows {
			v := z.big(i)
			for k, column := range columns {
				width, at := Bits, k
				if k >= Count {
					width, at = PackedBits, k-Count
				}
				want := new(big.Int).Rsh(v, uint(width*at))
				want.And(want, big.NewInt(1<<width-1))
				if got := column[Rows+i]; int64(got) != want.Int64() || column[i] != 0 || column[2*Rows+i] != 0 {
					t.Fatalf("limb %d of %d bits of %x: got %d, want %d", at, width, v, got, want)
				}
			}
		}
		again.Load(columns, Rows)
		pAgain.Load(columns[Count:], Rows)
		if again != x || pAgain != p {
			t.Fatal("limbs that are loaded are not those that were stored")
		}
		var fromLimbs, fromPacked Felts
		fromLimbs.FromLimbs(&x)
		fromPacked.FromPacked(&p)
		if fromLimbs != z || fromPacked != z {
			t.Fatalf("from limbs: got %x and %x, want %x", fromLimbs, fromPacked, z)
		}
	})
}

// TestCarries checks what the constraints on k and the carries say, for a factor that is the difference of two numbers and a sum as the
// subtrahend.
func TestCarries(t *testing.T) {
	eachKernel(t, func(t *testing.T, random *rand.Rand) {
		var x, y, a, b, z Limbs
		numbers := [4]Felts{randomFelts(random), randomFelts(random), randomFelts(random), randomFelts(random)}
		x.FromFelts(&numbers[0])
		y.FromFelts(&numbers[1])
		a.FromFelts(&numbers[2])
		b.FromFelts(&numbers[3])
		var f, product Felts
		f.Sub(&numbers[0], &numbers[1])
		x.Sub(&x, &y)
		product.Mul(&f, &numbers[2])
		square := Montgomery(felt.FromBigInt(radix))
		product.Mul(&product, &square)
		product.Sub(&product, &numbers[3])
		z.FromFelts(&product)
		z.Add(&z, &b) // (n0 - n1)·n2 = z + n3
		columns := make([][]m31.M31, Count)
		for k := range columns {
			columns[k] = make([]m31.M31, 2*Rows)
		}
		Carries(columns, Rows, &x, &a, &z)
		for i := range Rows {
			var sums [2*Count - 1]int64
			for j, v := range x {
				for k, w := range a {
					sums[j+k] += int64(v[i]) * int64(w[i])
				}
			}
			for j := range z {
				sums[j] -= int64(z[j][i])
			}
			var w [Count]int64
			Fold(func(to int, factor int32, from int) { w[to] += int64(factor) * sums[from] })
			value := func(k int) int64 {
				v := int64(columns[k][Rows+i])
				if v > m31.P/2 {
					v -= m31.P
				}
				if v < -1<<19 || v >= 1<<19 {
					t.Fatalf("column %d has the value %d, which is not of 20 bits", k, v)
				}
				return v
			}
			k, carry := value(0), int64(0)
			for j := range w {
				carry += w[j] - k*int64(prime[j])
				if j == Count-1 {
					if carry != 0 {
						t.Fatalf("%d is left after the last limb", carry)
					}
					break
				}
				if next := value(1 + j); carry != next<<Bits {
					t.Fatalf("carry %d: got %d, want %d/512", j, next, carry)
				} else {
					carry = next
				}
			}
		}
	})
}

func TestSplit(t *testing.T) {
	x := felt.MustHex("0x5a0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e")
	for _, c := range []struct{ n, width int }{{Count, Bits}, {PackedCount, PackedBits}} {
		sum := new(big.Int)
		for k, v := range Split(x, c.n, c.width) {
			if v >= 1<<c.width {
				t.Errorf("limb %d is %d, which is not of %d bits", k, v, c.width)
			}
			sum.Add(sum, new(big.Int).Lsh(big.NewInt(int64(v)), uint(c.width*k)))
		}
		if sum.Cmp(x.BigInt()) != 0 {
			t.Errorf("limbs of %d bits: got %x, want %s", c.width, sum, x)
		}
	}
}

// BenchmarkKernels measures each implementation.
func BenchmarkKernels(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var x, y, z Limbs
	var p Packed
	f, g := randomFelts(random), randomFelts(random)
	x.FromFelts(&f)
	y.FromFelts(&f)
	p.FromFelts(&f)
	columns := make([][]m31.M31, Count)
	for k := range columns {
		columns[k] = make([]m31.M31, Rows)
	}
	felts, scratch := make([]Felts, 16), make([]Felts, 16)
	for i := range felts {
		felts[i] = randomFelts(random)
	}
	for _, op := range []struct {
		name string
		rows int
		f    func()
	}{
		{"Load", Rows, func() { x.Load(columns, 0) }},
		{"Store", Rows, func() { y.Store(columns, 0) }},
		{"AddLimbs", Rows, func() { z.Add(&x, &y) }},
		{"Carries", Rows, func() { Carries(columns, 0, &x, &y, &z) }},
		{"FromLimbs", Rows, func() { g.FromLimbs(&y) }},
		{"FromPacked", Rows, func() { g.FromPacked(&p) }},
		{"Limbs", Rows, func() { x.FromFelts(&f) }},
		{"Packed", Rows, func() { p.FromFelts(&f) }},
		{"Mul", Rows, func() { g.Mul(&g, &f) }},
		{"Add", Rows, func() { g.Add(&g, &f) }},
		{"Sub", Rows, func() { g.Sub(&g, &f) }},
		{"Invert", Rows * len(felts), func() { InvertAll(felts, scratch) }},
	} {
		for _, v := range variants {
			b.Run(op.name+"/"+v.name, func(b *testing.B) {
				defer setKernels(b, v.bits)()
				for b.Loop() {
					op.f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*op.rows), "ns/row")
			})
		}
	}
}
