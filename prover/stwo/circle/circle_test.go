package circle

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

func random(seed uint64) func() m31.M31 {
	r := rand.New(rand.NewPCG(seed, 31))
	return func() m31.M31 { return m31.M31(r.Uint32N(m31.P)) }
}

func randoms(n int, seed uint64) []m31.M31 {
	v, next := make([]m31.M31, n), random(seed)
	for i := range v {
		v[i] = next()
	}
	return v
}

func randomPoint(seed uint64) Point[m31.QM31] {
	next := random(seed)
	return RandomPoint(m31.NewQM31(next(), next(), next(), next()))
}

func onCircle[F field[F]](p Point[F]) bool { return p.X.Square().Add(p.Y.Square()) == one[F]() }

func TestGroup(t *testing.T) {
	if !onCircle(generator) || generator.DoubleN(logOrder) != zero[m31.M31]() || generator.DoubleN(logOrder-1) == zero[m31.M31]() {
		t.Fatal("the generator has another order than 2^31")
	}
	checkGroup(t, Index(123456789).Point(), Index(987654321).Point())
	checkGroup(t, randomPoint(1), randomPoint(2))
	sum := zero[m31.M31]()
	for i := range 1000 {
		if got := Index(i).Point(); got != sum {
			t.Fatalf("point %d: got %v, want %v", i, got, sum)
		}
		if got := Index(i).Neg().Point(); got != sum.Conjugate() {
			t.Fatalf("point -%d: got %v, want %v", i, got, sum.Conjugate())
		}
		sum = sum.Add(generator)
	}
	for i := Index(1); i < 1<<31; i = i*3 + 1 {
		if got, want := i.Point(), generator.Mul(uint64(i)); got != want {
			t.Fatalf("point %d: got %v, want %v", i, got, want)
		}
	}
	if got := Index(1<<31 - 1).Point(); got != generator.Conjugate() {
		t.Errorf("point 2^31-1: got %v, want %v", got, generator.Conjugate())
	}
	if got, want := Secure(generator).DoubleN(5), Secure(Index(32).Point()); got != want {
		t.Errorf("the generator over QM31, doubled: got %v, want %v", got, want)
	}
}

func checkGroup[F field[F]](t *testing.T, p, q Point[F]) {
	t.Helper()
	if !onCircle(p) || !onCircle(q) || !onCircle(p.Add(q)) {
		t.Errorf("a point is not on the circle: %v, %v, %v", p, q, p.Add(q))
	}
	if p.Add(q) != q.Add(p) || p.Add(q).Add(p) != p.Add(q.Add(p)) || p.Add(q).Sub(q) != p || p.Add(zero[F]()) != p {
		t.Errorf("the group's laws fail for %v, %v", p, q)
	}
	if p.Double() != p.Add(p) || p.DoubleN(3) != p.Mul(8) || p.Mul(0) != zero[F]() || p.Mul(11) != p.Mul(8).Add(p.Double()).Add(p) {
		t.Errorf("multiples of %v differ from its sums", p)
	}
}

// TestDomains checks sizes and orders of domains against their definitions (facts/stwo.md, section 2).
func TestDomains(t *testing.T) {
	for log := 1; log <= 10; log++ {
		size := 1 << log
		canonic := Odds(log)
		cells := make(map[Point[m31.M31]]int)
		for i := range size {
			p := CellPoint(i, log)
			cells[p] = i
			if want := (halfOdds(log - 1)); bitReverse(i, log) < size/2 && p != want.At(bitReverse(i, log)) {
				t.Errorf("log %d, cell %d: got %v, want %v", log, i, p, want.At(bitReverse(i, log)))
			}
			if i&1 == 1 && p != CellPoint(i-1, log).Conjugate() {
				t.Errorf("log %d: cells %d and %d are not conjugate", log, i-1, i)
			}
		}
		step := canonic.Step().Point()
		if step.DoubleN(log) != zero[m31.M31]() || step.DoubleN(log-1) == zero[m31.M31]() {
			t.Errorf("log %d: the step's order is not 2^%d", log, log)
		}
		for j := range size {
			p := canonic.At(j)
			if j > 0 && p != canonic.At(j-1).Add(step) {
				t.Errorf("log %d: points %d and %d do not differ by the step", log, j-1, j)
			}
			cell, ok := cells[p]
			if !ok || CosetCell(j, log) != cell {
				t.Fatalf("log %d: point %d of the coset: got cell %d, want %d, %t", log, j, CosetCell(j, log), cell, ok)
			}
			if Vanishing(log, p) != 0 || Vanishing(log, p.Add(generator)) == 0 {
				t.Errorf("log %d: the vanishing polynomial at point %d of the coset: %d; beside it: %d", log, j, Vanishing(log, p), Vanishing(log, p.Add(generator)))
			}
			for small := 1; small <= log; small++ {
				previous := cells[p.Sub(Odds(small).Step().Point())]
				if got := PreviousCell(cell, small, log); got != previous {
					t.Fatalf("log %d: the cell before %d by a step of log %d: got %d, want %d", log, cell, small, got, previous)
				}
			}
		}
		for small := 1; small <= log; small++ {
			for j := range size {
				p := CellPoint(j, log).DoubleN(log - small)
				if got := CellPoint(LiftedCell(j, log-small), small); got != p {
					t.Fatalf("log %d: cell %d lifted from log %d: got %v, want %v", log, j, small, got, p)
				}
			}
		}
		half := halfOdds(log)
		for i := range size {
			if got := LinePoint(i, log); got != half.At(bitReverse(i, log)).X {
				t.Errorf("line domain of log %d, cell %d: got %d", log, i, got)
			}
			if got, want := half.Double().At(i), half.At(i).Double(); got != want {
				t.Errorf("half odds of log %d doubled, point %d: got %v, want %v", log, i, got, want)
			}
		}
		if half.Double() != halfOdds(log-1) {
			t.Errorf("half odds of log %d doubled: got %v, want %v", log, half.Double(), halfOdds(log-1))
		}
	}
	for i, want := range []int{0, 4, 2, 6, 1, 5, 3, 7} {
		if got := bitReverse(i, 3); got != want {
			t.Errorf("bits of %d reversed: got %d, want %d", i, got, want)
		}
	}
	if got := bitReverse(0, 0); got != 0 {
		t.Errorf("no bits reversed: got %d", got)
	}
	// The largest domain: its first and last points are G and -G.
	if got := domainIndex(0, MaxLog); got != 1 {
		t.Errorf("first point of the largest domain: got index %d", got)
	}
	if got := Odds(MaxLog).Index(1<<MaxLog - 1); got != 1<<31-1 {
		t.Errorf("last point of the largest domain: got index %d", got)
	}
}

// valueAt returns the value at p of the polynomial with the given coefficients, term by term from the definition of the basis.
func valueAt[F field[F]](coefficients []m31.M31, p Point[F], scale func(F, m31.M31) F) F {
	var sum F
	for i, c := range coefficients {
		term, x := one[F](), p.X
		if i&1 == 1 {
			term = p.Y
		}
		for i >>= 1; i > 0; i >>= 1 {
			if i&1 == 1 {
				term = term.Mul(x)
			}
			x = doubleX(x)
		}
		sum = sum.Add(scale(term, c))
	}
	return sum
}

// TestTransforms compares evaluation on domains and at a point, interpolation and extension with the definition.
func TestTransforms(t *testing.T) {
	for _, top := range []int{1, 2, 3, 12} {
		twiddles := NewTwiddles(top)
		for log := 1; log <= min(top, 8); log++ {
			for small := 0; small <= log; small++ {
				coefficients := randoms(1<<small, uint64(log))
				values := make([]m31.M31, 1<<log)
				twiddles.Evaluate(values, coefficients)
				for i, got := range values {
					if want := valueAt(coefficients, CellPoint(i, log), m31.M31.Mul); got != want {
						t.Fatalf("2^%d coefficients at cell %d of 2^%d: got %d, want %d", small, i, log, got, want)
					}
				}
				p := randomPoint(uint64(small))
				want := valueAt(coefficients, p, m31.QM31.Scale)
				if got := EvaluateAt(coefficients, p); got != want {
					t.Errorf("2^%d coefficients at a point: got %v, want %v", small, got, want)
				}
				if small > 0 {
					if got := twiddles.Weights(small, log-small, p).Combine(values)[0]; got != want {
						t.Errorf("2^%d of 2^%d values at a point: got %v, want %v", small, log, got, want)
					}
				}
				if small > 0 {
					column := make([]m31.M31, 1<<small)
					twiddles.Evaluate(column, coefficients)
					before := slices.Clone(column)
					extended := make([]m31.M31, 1<<log)
					twiddles.Extend(extended, column)
					if !slices.Equal(extended, values) || !slices.Equal(column, before) {
						t.Errorf("extension from 2^%d to 2^%d: got %v, want %v", small, log, extended, values)
					}
				}
				twiddles.Interpolate(values)
				if want := append(slices.Clone(coefficients), make([]m31.M31, 1<<log-1<<small)...); !slices.Equal(values, want) {
					t.Errorf("interpolation of 2^%d values: got %v, want %v", log, values, want)
				}
			}
		}
	}
}

// TestLift checks that a lifted column is f(2^k·P), as cells and at a point.
func TestLift(t *testing.T) {
	twiddles := NewTwiddles(9)
	column := randoms(1<<6, 6)
	lifted := make([]m31.M31, 1<<9)
	for j := range lifted {
		lifted[j] = column[LiftedCell(j, 3)]
	}
	p := randomPoint(9)
	want := twiddles.Weights(6, 0, p.DoubleN(3)).Combine(column)[0]
	if got := twiddles.Weights(9, 0, p).Combine(lifted)[0]; got != want {
		t.Errorf("a lifted column at a point: got %v, want %v", got, want)
	}
}

func TestLine(t *testing.T) {
	for log := 0; log <= 6; log++ {
		next := random(uint64(log))
		coefficients := make([]m31.QM31, 1<<log)
		for i := range coefficients {
			coefficients[i] = m31.NewQM31(next(), next(), next(), next())
		}
		values := make([]m31.QM31, 1<<log)
		for i := range values {
			x := m31.FromM31(LinePoint(i, log))
			values[i] = EvaluateLine(coefficients, x)
			var want m31.QM31
			for j, c := range coefficients {
				for y := x; j > 0; j, y = j>>1, doubleX(y) {
					if j&1 == 1 {
						c = c.Mul(y)
					}
				}
				want = want.Add(c)
			}
			if values[i] != want {
				t.Fatalf("line polynomial of 2^%d coefficients at %v: got %v, want %v", log, x, values[i], want)
			}
		}
		InterpolateLine(values)
		if !slices.Equal(values, coefficients) {
			t.Errorf("line interpolation of 2^%d values: got %v, want %v", log, values, coefficients)
		}
	}
}

// TestColumns extends several columns at once.
func TestColumns(t *testing.T) {
	twiddles := NewTwiddles(7)
	var values, extended [][]m31.M31
	for log := 1; log <= 6; log++ {
		values = append(values, randoms(1<<log, uint64(log)))
		extended = append(extended, make([]m31.M31, 2<<log))
	}
	twiddles.ExtendAll(extended, values)
	for i, column := range values {
		coefficients := slices.Clone(column)
		twiddles.Interpolate(coefficients)
		for j, got := range extended[i] {
			if want := valueAt(coefficients, CellPoint(j, i+2), m31.M31.Mul); got != want {
				t.Fatalf("column %d extended, cell %d: got %v, want %v", i, j, got, want)
			}
		}
	}
}

func BenchmarkPoint(b *testing.B) {
	i := Index(1)
	for b.Loop() {
		i = i*5 + 1
		i.Point()
	}
}
