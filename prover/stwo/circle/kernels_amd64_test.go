//go:build amd64 && !purego

package circle

import (
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// eachWidth runs the test for every width of kernels that the machine has, and for scalar code.
func eachWidth(t *testing.T, test func(t *testing.T)) {
	old := vectorBits
	t.Cleanup(func() { vectorBits = old })
	for _, width := range []struct {
		name string
		bits int
	}{{"scalar", 0}, {"avx2", 256}, {"avx512", 512}} {
		if width.bits <= old {
			vectorBits = width.bits
			t.Run(width.name, test)
		}
	}
}

// TestArithmetic compares the kernels of the quotients with scalar arithmetic, on all pairs of values near the ends of the range.
func TestArithmetic(t *testing.T) {
	edges := []m31.M31{0, 1, 2, 3, 1<<30 - 1, 1 << 30, 1<<30 + 1, m31.P - 3, m31.P - 2, m31.P - 1}
	const n = 128
	var a, b [n]m31.M31
	for i := range n {
		a[i], b[i] = edges[i%len(edges)], edges[i/len(edges)%len(edges)]
	}
	eachWidth(t, func(t *testing.T) {
		if lanes() == 0 {
			t.Skip("the plain code has no product of vectors: no kernels")
		}
		var got [n]m31.M31
		for _, x := range edges {
			for _, y := range edges {
				for _, z := range edges {
					k := [3]uint64{uint64(double(x)), uint64(double(y)), uint64(double(z))}
					linear(vectorBits, words(got[:], 0), words(a[:], 0), words(b[:], 0), &k, n/lanes())
					for i, v := range got {
						if want := x.Mul(a[i]).Add(y.Mul(b[i])).Add(z); v != want {
							t.Fatalf("%d·%d + %d·%d + %d: got %d, want %d", x, a[i], y, b[i], z, v, want)
						}
					}
				}
			}
		}
		norms(vectorBits, words(got[:], 0), words(a[:], 0), words(b[:], 0), n/lanes())
		for i, v := range got {
			if want := a[i].Square().Add(b[i].Square()); v != want {
				t.Fatalf("%d² + %d²: got %d, want %d", a[i], b[i], v, want)
			}
		}
		for i := range got {
			got[i] = max(a[i], 1)
		}
		var scratch [n]m31.M31
		invert(vectorBits, words(got[:], 0), words(scratch[:], 0), n/lanes()/4)
		for i, v := range got {
			if want := max(a[i], 1).Inverse(); v != want {
				t.Fatalf("1/%d: got %d, want %d", max(a[i], 1), v, want)
			}
		}
	})
}
