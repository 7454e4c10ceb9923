package cairoair

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// words384 returns n as a uint384.
func words384(n *big.Int) *uint384 {
	var x uint384
	for k := range x {
		x[k] = new(big.Int).Rsh(n, uint(64*k)).Uint64()
	}
	return &x
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
		words, carries := divide(words384(p), words384(x), words384(y), words384(z))
		got := new(big.Int)
		for k := mulWords - 1; k >= 0; k-- {
			got.Add(got.Lsh(got, mulBits), big.NewInt(int64(words[k])))
		}
		if got.Cmp(q) != 0 {
			t.Fatalf("(%v·%v - %v)/%v: got %v, want %v", x, y, z, p, got, q)
		}
		for k, c := range carries {
			if c.Add(1<<17) >= 1<<18 {
				t.Fatalf("carry %d of %v·%v modulo %v is %v", k, x, y, p, c)
			}
		}
	}
}

func BenchmarkDivide(b *testing.B) {
	x := uint384{1, 2, 3, 4, 5, 6}
	for b.Loop() {
		divide(&x, &x, &x, &x)
	}
}
