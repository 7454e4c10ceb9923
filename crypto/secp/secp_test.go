package secp

import (
	"crypto/elliptic"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"

	k1 "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// oracle is another implementation of a curve. Points are x, y; both 0 is infinity.
type oracle struct {
	name    string
	curve   *Curve
	p, n, b *big.Int
	a       int64
	g       [2]*big.Int
	add     func(p, q [2]*big.Int) [2]*big.Int
	mul     func(p [2]*big.Int, k *big.Int) [2]*big.Int
}

// oracles returns decred's secp256k1, and the standard library's P-256.
func oracles() []oracle {
	jacobian := func(p [2]*big.Int) (j k1.JacobianPoint) {
		if p[0].Sign() != 0 || p[1].Sign() != 0 {
			j.X.SetByteSlice(p[0].Bytes())
			j.Y.SetByteSlice(p[1].Bytes())
			j.Z.SetInt(1)
		}
		return j
	}
	affine := func(j *k1.JacobianPoint) [2]*big.Int {
		if j.Z.Normalize().IsZero() {
			return [2]*big.Int{new(big.Int), new(big.Int)}
		}
		j.ToAffine()
		x, y := j.X.Bytes(), j.Y.Bytes()
		return [2]*big.Int{new(big.Int).SetBytes(x[:]), new(big.Int).SetBytes(y[:])}
	}
	params := k1.Params()
	p256 := elliptic.P256()
	r := p256.Params()
	return []oracle{
		{
			"secp256k1", K1, params.P, params.N, big.NewInt(7), 0, [2]*big.Int{params.Gx, params.Gy},
			func(p, q [2]*big.Int) [2]*big.Int {
				u, v, sum := jacobian(p), jacobian(q), k1.JacobianPoint{}
				k1.AddNonConst(&u, &v, &sum)
				return affine(&sum)
			},
			func(p [2]*big.Int, k *big.Int) [2]*big.Int {
				var s k1.ModNScalar
				s.SetByteSlice(new(big.Int).Mod(k, params.N).Bytes())
				u, product := jacobian(p), k1.JacobianPoint{}
				k1.ScalarMultNonConst(&s, &u, &product)
				return affine(&product)
			},
		},
		{
			"secp256r1", R1, r.P, r.N, r.B, -3, [2]*big.Int{r.Gx, r.Gy},
			func(p, q [2]*big.Int) [2]*big.Int {
				//lint:ignore SA1019 the test needs a second implementation of the group, which the newer packages do not export
				x, y := p256.Add(p[0], p[1], q[0], q[1])
				return [2]*big.Int{x, y}
			},
			func(p [2]*big.Int, k *big.Int) [2]*big.Int {
				//lint:ignore SA1019 as above
				x, y := p256.ScalarMult(p[0], p[1], new(big.Int).Mod(k, r.N).Bytes())
				return [2]*big.Int{x, y}
			},
		},
	}
}

func fromBig(v *big.Int) (x Int) {
	var b [32]byte
	v.FillBytes(b[:])
	for i := range x {
		x[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return x
}

func (x Int) big() *big.Int {
	var b [32]byte
	for i := range x {
		binary.BigEndian.PutUint64(b[24-8*i:], x[i])
	}
	return new(big.Int).SetBytes(b[:])
}

func (o *oracle) point(t *testing.T, p [2]*big.Int) Point {
	t.Helper()
	point, ok := o.curve.New(fromBig(p[0]), fromBig(p[1]))
	if !ok {
		t.Fatalf("%s: %x is not taken as a point", o.name, p)
	}
	return point
}

func same(p Point, q [2]*big.Int) bool { return p.x == fromBig(q[0]) && p.y == fromBig(q[1]) }

// TestConstants compares the constants of the curves with the oracles' parameters.
func TestConstants(t *testing.T) {
	r := new(big.Int).Lsh(big.NewInt(1), 256)
	for _, o := range oracles() {
		c := o.curve
		montgomery := func(v *big.Int) element {
			v = new(big.Int).Mul(v, r)
			return element(fromBig(v.Mod(v, o.p)))
		}
		inverse := new(big.Int).ModInverse(o.p, new(big.Int).Lsh(big.NewInt(1), 64))
		if c.p != fromBig(o.p) || c.negInv != -inverse.Uint64() || c.Modulus() != c.p {
			t.Errorf("%s: p is %x with %x", o.name, c.p, c.negInv)
		}
		if c.one != montgomery(big.NewInt(1)) || c.rr != montgomery(r) {
			t.Errorf("%s: R is %x, R² is %x", o.name, c.one, c.rr)
		}
		if c.a != montgomery(big.NewInt(o.a)) || c.b != montgomery(o.b) || c.b3 != montgomery(new(big.Int).Mul(o.b, big.NewInt(3))) {
			t.Errorf("%s: a, b, 3b are %x, %x, %x", o.name, c.a, c.b, c.b3)
		}
		root := new(big.Int).Add(o.p, big.NewInt(1))
		if o.p.Bit(1) != 1 || c.root != fromBig(root.Rsh(root, 2)) || c.invert != fromBig(new(big.Int).Sub(o.p, big.NewInt(2))) {
			t.Errorf("%s: exponents are %x and %x", o.name, c.root, c.invert)
		}
	}
}

// edges returns integers below 2^256 at the borders of words and of the given numbers, then random ones, to n in all.
func edges(rng *rand.Rand, n int, around ...*big.Int) (list []*big.Int) {
	limit := new(big.Int).Lsh(big.NewInt(1), 256)
	for _, shift := range []uint{0, 1, 31, 32, 63, 64, 96, 127, 128, 191, 192, 224, 255, 256} {
		around = append(around, new(big.Int).Lsh(big.NewInt(1), shift))
	}
	for _, v := range around {
		for d := int64(-2); d <= 2; d++ {
			if v := new(big.Int).Add(v, big.NewInt(d)); v.Sign() >= 0 && v.Cmp(limit) < 0 {
				list = append(list, v)
			}
		}
	}
	for len(list) < n {
		var x Int
		for i := range x {
			x[i] = []uint64{0, 1, ^uint64(0), rng.Uint64(), rng.Uint64()}[rng.IntN(5)]
		}
		list = append(list, x.big())
	}
	return list
}

// TestField compares the arithmetic of the field with math/big.
func TestField(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, o := range oracles() {
		c := o.curve
		var values []*big.Int
		for _, v := range edges(rng, 150, o.p, o.n) {
			values = append(values, v.Mod(v, o.p))
		}
		for _, u := range values {
			for _, v := range values {
				iu, iv := fromBig(u), fromBig(v)
				x, y := c.enter(&iu), c.enter(&iv)
				product, sum, difference := c.mul(&x, &y), c.add(&x, &y), c.sub(&x, &y)
				for _, r := range []struct {
					op   string
					got  element
					want *big.Int
				}{
					{"·", product, new(big.Int).Mul(u, v)}, {"+", sum, new(big.Int).Add(u, v)}, {"-", difference, new(big.Int).Sub(u, v)},
				} {
					if got := c.leave(&r.got).big(); got.Cmp(r.want.Mod(r.want, o.p)) != 0 {
						t.Fatalf("%s: %x %s %x = %x, want %x", o.name, u, r.op, v, got, r.want)
					}
				}
			}
		}
	}
}

// points returns multiples of the generator with the generator's and infinity's neighbours, and their opposites.
func (o *oracle) points(t *testing.T, rng *rand.Rand, count int) (list [][2]*big.Int) {
	for _, k := range edges(rng, count, o.n, new(big.Int).Rsh(o.n, 1)) {
		p := o.mul(o.g, k)
		list = append(list, p)
		if p[1].Sign() != 0 {
			list = append(list, [2]*big.Int{p[0], new(big.Int).Sub(o.p, p[1])})
		}
	}
	return list
}

// TestAdd compares sums with the oracle's, of all pairs of points: with infinity, of equal and of opposite points.
func TestAdd(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, o := range oracles() {
		points := o.points(t, rng, 0)
		kinds := map[string]int{}
		for _, p := range points {
			for _, q := range points {
				want := o.add(p, q)
				if got := o.curve.Add(o.point(t, p), o.point(t, q)); !same(got, want) {
					t.Fatalf("%s: %x + %x = %x, want %x", o.name, p, q, got, want)
				}
				switch {
				case p[0].Sign() == 0 && p[1].Sign() == 0:
					kinds["infinity"]++
				case want[0].Sign() == 0 && want[1].Sign() == 0:
					kinds["opposite"]++
				case p[0].Cmp(q[0]) == 0:
					kinds["equal"]++
				}
			}
		}
		if kinds["infinity"] == 0 || kinds["opposite"] == 0 || kinds["equal"] == 0 {
			t.Errorf("%s: the pairs are %v", o.name, kinds)
		}
	}
}

// TestMul compares products with the oracle's, with scalars around 0, the order and 2^256.
func TestMul(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, o := range oracles() {
		points := o.points(t, rng, 0)
		for i, k := range edges(rng, 200, o.n, o.p, new(big.Int).Rsh(o.n, 1)) {
			for _, p := range [][2]*big.Int{o.g, points[i%len(points)], {new(big.Int), new(big.Int)}} {
				if got, want := o.curve.Mul(o.point(t, p), fromBig(k)), o.mul(p, k); !same(got, want) {
					t.Fatalf("%s: %x · %x = %x, want %x", o.name, k, p, got, want)
				}
			}
		}
	}
}

// TestFromX compares the points with a given x with square roots by math/big.
func TestFromX(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, o := range oracles() {
		found := 0
		for _, x := range edges(rng, 300, o.p, o.n, o.g[0]) {
			yy := new(big.Int).Exp(x, big.NewInt(3), o.p)
			yy.Add(yy, new(big.Int).Mul(x, big.NewInt(o.a))).Add(yy, o.b)
			root := new(big.Int).ModSqrt(yy.Mod(yy, o.p), o.p)
			if x.Cmp(o.p) >= 0 {
				root = nil
			}
			for _, odd := range []bool{false, true} {
				got, ok := o.curve.FromX(fromBig(x), odd)
				if ok != (root != nil) {
					t.Fatalf("%s: a point with x = %x: %t, want %t", o.name, x, ok, root != nil)
				}
				if !ok {
					continue
				}
				found++
				want := root
				if root.Bit(0) == 1 != odd {
					want = new(big.Int).Sub(o.p, root)
				}
				if !same(got, [2]*big.Int{x, want}) {
					t.Fatalf("%s: x = %x, odd %t gives %x, want %x", o.name, x, odd, got, want)
				}
				if _, ok := o.curve.New(got.XY()); !ok {
					t.Fatalf("%s: %x is not on the curve", o.name, got)
				}
			}
		}
		if found < 100 {
			t.Errorf("%s: %d points", o.name, found)
		}
	}
}

// TestNew checks which coordinates are points: the curve's points and (0, 0), in their one form below the modulus.
func TestNew(t *testing.T) {
	for _, o := range oracles() {
		g, one := o.g, big.NewInt(1)
		if o.point(t, [2]*big.Int{new(big.Int), new(big.Int)}) != (Point{}) {
			t.Errorf("%s: (0, 0) is not infinity", o.name)
		}
		small := new(big.Int) // the least x of a point, so that x + p is below 2^256
		for {
			if _, ok := o.curve.FromX(fromBig(small), false); ok {
				break
			}
			small.Add(small, one)
		}
		p, _ := o.curve.FromX(fromBig(small), false)
		y := p.y.big()
		for _, bad := range [][2]*big.Int{
			{g[1], g[0]},
			{new(big.Int).Add(g[0], one), g[1]},
			{g[0], new(big.Int).Sub(g[1], one)},
			{new(big.Int), one},
			{one, new(big.Int)},
			{new(big.Int), o.p},
			{o.p, new(big.Int)},
			{o.p, o.p},
			{new(big.Int).Add(small, o.p), y},
		} {
			if q, ok := o.curve.New(fromBig(bad[0]), fromBig(bad[1])); ok || q != (Point{}) {
				t.Errorf("%s: %x is taken as a point", o.name, bad)
			}
		}
		if _, ok := o.curve.New(fromBig(small), fromBig(y)); !ok {
			t.Errorf("%s: (%x, %x) is not taken as a point", o.name, small, y)
		}
	}
}

// TestCmp compares integers with math/big.
func TestCmp(t *testing.T) {
	list := edges(rand.New(rand.NewPCG(9, 10)), 100)
	for _, u := range list {
		for _, v := range list {
			x, y := fromBig(u), fromBig(v)
			if got, want := x.Cmp(&y), u.Cmp(v); got != want {
				t.Errorf("%x and %x compare as %d, want %d", u, v, got, want)
			}
		}
	}
}

func BenchmarkMul(b *testing.B) {
	for _, o := range oracles() {
		b.Run(o.name, func(b *testing.B) {
			p, _ := o.curve.New(fromBig(o.g[0]), fromBig(o.g[1]))
			k := fromBig(new(big.Int).Rsh(o.n, 1))
			for b.Loop() {
				p = o.curve.Mul(p, k)
			}
		})
	}
}
