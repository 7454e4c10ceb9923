package circle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// edgy returns random elements, a quarter of them near the ends of the range.
func edgy(n int, seed uint64) []m31.M31 {
	v := randoms(n, seed)
	r := rand.New(rand.NewPCG(seed, 7))
	edges := []m31.M31{0, 1, 2, m31.P - 1, m31.P - 2, 1 << 30, 1<<30 - 1}
	for i := range v {
		if r.IntN(4) == 0 {
			v[i] = edges[r.IntN(len(edges))]
		}
	}
	return v
}

// TestKernels compares the transforms with the scalar transform of the whole, for every width.
func TestKernels(t *testing.T) {
	const top = 18
	twiddles := NewTwiddles(top)
	for n := 5; n <= top; n++ {
		values := edgy(1<<n, uint64(n))
		coefficients := slices.Clone(values)
		twiddles.interpolateScalar(coefficients, n)
		extended := make([]m31.M31, min(4<<n, 1<<top))
		copy(extended, coefficients)
		twiddles.evaluateScalar(extended, logSize(len(extended)), logSize(len(extended)), 0)
		eachWidth(t, func(t *testing.T) {
			got := slices.Clone(values)
			twiddles.Interpolate(got)
			if !slices.Equal(got, coefficients) {
				t.Fatalf("interpolation of 2^%d values differs from the scalar one at %d", n, firstDifference(got, coefficients))
			}
			twiddles.Evaluate(got, got)
			if !slices.Equal(got, values) {
				t.Fatalf("evaluation of 2^%d coefficients differs at %d", n, firstDifference(got, values))
			}
			got = make([]m31.M31, len(extended))
			twiddles.Extend(got, values)
			if !slices.Equal(got, extended) {
				t.Fatalf("extension from 2^%d to %d differs at %d", n, len(extended), firstDifference(got, extended))
			}
			if greatest := slices.Max(got); greatest >= m31.P {
				t.Fatalf("a value %d is not canonical", greatest)
			}
		})
	}
}

// TestEvaluateBlock checks evaluations of parts of a column against those of the whole, and that the first cells of a column give its coefficients.
func TestEvaluateBlock(t *testing.T) {
	const top = 15
	twiddles := NewTwiddles(top)
	for m := 1; m <= 12; m++ {
		for n := m; n <= min(m+3, top); n++ {
			coefficients, extended := edgy(1<<m, uint64(m)), make([]m31.M31, 1<<n)
			twiddles.Evaluate(extended, coefficients)
			eachWidth(t, func(t *testing.T) {
				got := make([]m31.M31, 1<<n)
				for s := 1; s <= m; s++ {
					for c := range 1 << (n - s) {
						twiddles.EvaluateBlock(got[c<<s:][:1<<s], coefficients, n, c)
					}
					if !slices.Equal(got, extended) {
						t.Fatalf("2^%d cells from 2^%d coefficients, in blocks of 2^%d: differs at %d", n, m, s, firstDifference(got, extended))
					}
				}
				some := []int{1<<n - 1}
				for cell := 1<<n - 1; cell > 0; cell = cell*2/3 - 1 {
					some = append(some, cell)
				}
				slices.Sort(some)
				some = slices.Compact(some)
				clear(got)
				twiddles.EvaluateCells(got, coefficients, some)
				for _, cell := range some {
					if got[cell] != extended[cell] {
						t.Fatalf("cell %d of 2^%d from 2^%d: got %d, want %d", cell, n, m, got[cell], extended[cell])
					}
				}
				twiddles.InterpolatePrefix(got[:1<<m], extended[:1<<m], n)
				if !slices.Equal(got[:1<<m], coefficients) {
					t.Fatalf("2^%d of 2^%d cells: coefficients differ at %d", m, n, firstDifference(got, coefficients))
				}
			})
		}
	}
}

func firstDifference(a, b []m31.M31) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// TestNoAllocation checks that a transform allocates nothing.
func TestNoAllocation(t *testing.T) {
	twiddles := NewTwiddles(11)
	values, extended := randoms(1<<10, 1), make([]m31.M31, 1<<11)
	if n := testing.AllocsPerRun(10, func() { twiddles.Extend(extended, values) }); n != 0 {
		t.Errorf("an extension allocates %v times, want 0", n)
	}
}

func BenchmarkInterpolate(b *testing.B) {
	for _, n := range []int{8, 12, 16, 18, 20, 22} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			twiddles, v := NewTwiddles(n), randoms(1<<n, 1)
			b.SetBytes(4 << n)
			for b.Loop() {
				twiddles.Interpolate(v)
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{8, 12, 16, 18, 20, 22} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			twiddles, v := NewTwiddles(n), randoms(1<<n, 1)
			b.SetBytes(4 << n)
			for b.Loop() {
				twiddles.Evaluate(v, v)
			}
		})
	}
}

// BenchmarkEvaluateBlock evaluates all blocks of a column of twice as many cells as there are coefficients, in 2, 4, 8, 16 and 32 blocks.
func BenchmarkEvaluateBlock(b *testing.B) {
	const m = 20
	twiddles, coefficients, dst := NewTwiddles(m+1), randoms(1<<m, 1), make([]m31.M31, 1<<m)
	for parts := range 5 {
		b.Run(fmt.Sprint(2<<parts), func(b *testing.B) {
			for b.Loop() {
				for c := range 2 << parts {
					twiddles.EvaluateBlock(dst[:1<<m>>parts], coefficients, m+1, c)
				}
			}
		})
	}
}

func BenchmarkExtend(b *testing.B) {
	for _, n := range []int{12, 16, 18, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			twiddles, v, dst := NewTwiddles(n+1), randoms(1<<n, 1), make([]m31.M31, 2<<n)
			b.SetBytes(4 << n)
			for b.Loop() {
				twiddles.Extend(dst, v)
			}
		})
	}
}

func BenchmarkTwiddles(b *testing.B) {
	for _, n := range []int{12, 20, 22} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(4 << n)
			for b.Loop() {
				NewTwiddles(n)
			}
		})
	}
}
