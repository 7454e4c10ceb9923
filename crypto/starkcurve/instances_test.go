package starkcurve

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
)

func affineOf(t testing.TB, p Point) Affine {
	t.Helper()
	if p.Infinity {
		t.Fatal("infinity has no affine coordinates")
	}
	return Affine{p.X, p.Y}
}

// TestCheckInstances compares CheckInstances with gnark-crypto's curve, for scalars at the edges, points with and without tables, sums that pass through
// infinity or equal points, and instances that are false.
func TestCheckInstances(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	scalar := func() felt.Felt {
		return felt.FromLimbs([4]uint64{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()})
	}
	point := func(k uint64) Point { return Generator.ScalarMul(new(big.Int).SetUint64(k)) }
	minusOne := felt.FromInt64(-1)
	order := felt.FromBigInt(Order())
	var edges []felt.Felt
	for _, v := range []felt.Felt{felt.Zero, order, minusOne} {
		for delta := int64(-18); delta <= 18; delta++ {
			d := felt.FromInt64(delta)
			edges = append(edges, *d.Add(&d, &v))
		}
	}
	for bit := range 252 { // carries of the signed digits
		power := felt.FromBigInt(new(big.Int).Lsh(big.NewInt(1), uint(bit)))
		edges = append(edges, power, *new(felt.Felt).Sub(&power, &felt.One), *new(felt.Felt).Sub(&minusOne, &power))
	}
	for d := range 32 { // the same digit in every window
		v := new(big.Int)
		for range 50 {
			v.Lsh(v, 5).Add(v, big.NewInt(int64(d)))
		}
		edges = append(edges, felt.FromBigInt(v))
	}
	var list []Instance
	var want []bool
	add := func(p, q Point, m felt.Felt) {
		sum := p.Add(q.ScalarMul(m.BigInt()))
		if sum.Infinity { // no instance has this sum
			list, want = append(list, Instance{affineOf(t, p), affineOf(t, q), affineOf(t, p), m}), append(want, false)
			return
		}
		list, want = append(list, Instance{affineOf(t, p), affineOf(t, q), affineOf(t, sum), m}), append(want, true)
	}
	for i, m := range edges {
		add(point(7), Generator, m)
		add(point(7), point(9), m)                             // has a table
		add(point(uint64(i+1)), point(uint64(1000+i)), m)      // has none
		add(point(uint64(i+1)), point(uint64(i+1)), m)         // p = q
		add(point(uint64(i+1)).Neg(), point(uint64(i+1)), m)   // p = -q
		add(point(2*uint64(i+1)).Neg(), point(uint64(i+1)), m) // p = -2q
		add(Generator.Neg(), Generator, m)
	}
	for i := range 200 {
		add(point(random.Uint64()), Generator, scalar())
		add(point(random.Uint64()), point(random.Uint64()), scalar())
		add(point(uint64(i)+3), point(9), scalar())
	}
	n := len(list)
	for i := 0; i < n; i += 7 { // false ones
		wrong := list[i]
		one := &felt.One
		switch i / 7 % 8 {
		case 0:
			wrong.Sum.X.Add(&wrong.Sum.X, one)
		case 1:
			wrong.Sum.Y.Neg(&wrong.Sum.Y)
		case 2:
			wrong.P.Y.Add(&wrong.P.Y, one)
		case 3:
			wrong.Q.X.Add(&wrong.Q.X, one)
		case 4:
			wrong.Q = Affine{}
		case 5:
			wrong.P = Affine{}
		case 6:
			wrong.Sum = Affine{}
		case 7:
			if wrong.M.Add(&wrong.M, one); wrong.M == (felt.Felt{}) {
				continue
			}
		}
		list, want = append(list, wrong), append(want, false)
	}
	random.Shuffle(len(list), func(i, j int) {
		list[i], list[j] = list[j], list[i]
		want[i], want[j] = want[j], want[i]
	})
	for i, got := range CheckInstances(list) {
		if got != want[i] {
			t.Fatalf("%+v: %t, want %t", list[i], got, want[i])
		}
	}
	if got := CheckInstances(nil); len(got) != 0 {
		t.Errorf("%v for no instances", got)
	}
}

// BenchmarkCheckInstances checks what 100 signatures of one account need: multiples of the generator, of the account's key and of a point of the signature.
func BenchmarkCheckInstances(b *testing.B) {
	var list []Instance
	m := felt.FromInt64(-12345)
	key := Generator.ScalarMul(big.NewInt(4711))
	for i := range 100 {
		for _, q := range []Point{Generator, key, Generator.ScalarMul(big.NewInt(int64(1000 + i)))} {
			m.Mul(&m, &m)
			p := Generator.ScalarMul(big.NewInt(int64(i + 2)))
			list = append(list, Instance{affineOf(b, p), affineOf(b, q), affineOf(b, p.Add(q.ScalarMul(m.BigInt()))), m})
		}
	}
	for b.Loop() {
		CheckInstances(list)
	}
}
