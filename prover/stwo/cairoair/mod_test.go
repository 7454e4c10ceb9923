package cairoair

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// modRow returns the limbs of numbers as a function's inputs of one row.
func modRow(numbers ...*big.Int) [][]m31.M31 {
	var in [][]m31.M31
	for _, n := range numbers {
		for w := range modWords {
			word := new(big.Int).Rsh(n, uint(96*w))
			for k := range modLimbs {
				bits := min(limbBits, 96-limbBits*k)
				limb := new(big.Int).Rsh(word, uint(limbBits*k))
				in = append(in, []m31.M31{m31.M31(limb.Uint64() & (1<<bits - 1))})
			}
		}
	}
	return in
}

func modOutput(n int) [][]m31.M31 {
	out := make([][]m31.M31, n)
	for k := range out {
		out[k] = make([]m31.M31, 1)
	}
	return out
}

// TestQuotient compares the witness of mul_mod with math/big, for odd and even moduli from 1 to 2^384 - 1.
func TestQuotient(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	bound := new(big.Int).Lsh(big.NewInt(1), 384)
	largest := new(big.Int).Sub(bound, big.NewInt(1))
	random := func() *big.Int {
		n := new(big.Int)
		for range 6 {
			n.Add(n.Lsh(n, 64), new(big.Int).SetUint64(r.Uint64()))
		}
		n.Rsh(n, uint(r.IntN(384)))
		if r.IntN(8) == 0 {
			n.Set(largest)
		}
		return n
	}
	for range 3000 {
		p, x, y := random(), random(), random()
		if p.Sign() == 0 {
			p.SetInt64(2)
		}
		product := new(big.Int).Mul(x, y)
		q, z := new(big.Int).QuoRem(product, p, new(big.Int))
		if q.Cmp(bound) >= 0 {
			continue
		}
		out := modOutput(quotientAndCarries.Out)
		quotientAndCarries.Eval(nil, modRow(p, x, y, z), out)
		got := new(big.Int)
		for k := mulWords - 1; k >= 0; k-- {
			got.Add(got.Lsh(got, mulBits), big.NewInt(int64(out[k][0])))
		}
		if got.Cmp(q) != 0 {
			t.Fatalf("(%v·%v - %v)/%v: got %v, want %v", x, y, z, p, got, q)
		}
		for k := mulWords; k < len(out); k++ {
			if c := out[k][0].Add(1 << 17); c >= 1<<18 {
				t.Fatalf("carry %d of %v·%v modulo %v is %v", k-mulWords, x, y, p, out[k][0])
			}
		}
	}
}

// TestSumDiffers checks the bit of add_mod: whether p is subtracted.
func TestSumDiffers(t *testing.T) {
	largest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 384), big.NewInt(1))
	one := big.NewInt(1)
	for _, c := range []struct {
		x, y, z *big.Int
		want    m31.M31
	}{
		{new(big.Int), new(big.Int), new(big.Int), 0},
		{largest, new(big.Int), largest, 0},
		{largest, one, largest, 1},
		{new(big.Int).Sub(largest, one), one, largest, 0},
		{largest, largest, new(big.Int).Sub(largest, one), 0}, // the sum is modulo 2^384
	} {
		out := modOutput(1)
		sumDiffers.Eval(nil, modRow(c.x, c.y, c.z), out)
		if out[0][0] != c.want {
			t.Errorf("%v + %v ≠ %v: got %d, want %d", c.x, c.y, c.z, out[0][0], c.want)
		}
	}
}

func BenchmarkQuotient(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	const rows = 256
	in, out := make([][]m31.M31, quotientAndCarries.In), make([][]m31.M31, quotientAndCarries.Out)
	for k := range in {
		in[k] = make([]m31.M31, rows)
		for i := range in[k] {
			in[k][i] = m31.M31(r.Uint32N(1 << 6))
		}
	}
	for k := range out {
		out[k] = make([]m31.M31, rows)
	}
	for i := range rows {
		in[0][i] |= 1
	}
	for b.Loop() {
		quotientAndCarries.Eval(nil, in, out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

func BenchmarkCoefficients(b *testing.B) {
	x := uint384{1, 2, 3, 4, 5, 6}
	for b.Loop() {
		coefficients(&x, &x)
	}
}
