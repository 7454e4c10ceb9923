package circle

import (
	"fmt"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

func edgyColumns(n int, seed uint64) (c [4][]m31.M31) {
	for q := range c {
		c[q] = edgy(n, 4*seed+uint64(q))
	}
	return c
}

func newColumns(n int) (c [4][]m31.M31) {
	for q := range c {
		c[q] = make([]m31.M31, n)
	}
	return c
}

// TestFolds compares the folds with their definition (facts/stwo.md, section 10).
func TestFolds(t *testing.T) {
	const top = 13
	twiddles := NewTwiddles(top)
	alpha := element(new(edgyColumns(1, 77)), 0)
	eachWidth(t, func(t *testing.T) {
		for n := 1; n <= top; n++ {
			src, dst := edgyColumns(1<<n, uint64(n)), newColumns(1<<(n-1))
			check := func(name string, i int, inverse m31.M31) {
				t.Helper()
				a, b := element(&src, 2*i), element(&src, 2*i+1)
				if got, want := element(&dst, i), a.Add(b).Add(alpha.Mul(a.Sub(b).Scale(inverse))); got != want {
					t.Fatalf("fold of 2^%d values of a %s, result %d: got %v, want %v", n, name, i, got, want)
				}
			}
			step := 1 + len(dst[0])/64
			if n >= 2 {
				twiddles.FoldCircle(dst, src, alpha)
				for i := 0; i < len(dst[0]); i += step {
					check("circle", i, CellPoint(2*i, n).Y.Inverse())
				}
				check("circle", len(dst[0])-1, CellPoint(len(src[0])-2, n).Y.Inverse())
			}
			if n < top {
				twiddles.FoldLine(dst, src, alpha)
				for i := 0; i < len(dst[0]); i += step {
					check("line", i, LinePoint(2*i, n).Inverse())
				}
				check("line", len(dst[0])-1, LinePoint(len(src[0])-2, n).Inverse())
			}
		}
	})
}

// TestWeights compares values at a point, from values on a domain, with those from coefficients.
func TestWeights(t *testing.T) {
	const top = 14
	twiddles := NewTwiddles(top)
	p := randomPoint(5)
	for log := 1; log <= 13; log++ {
		for blowup := range min(3, top-log+1) {
			var columns, polynomials [][]m31.M31
			var want []m31.QM31
			for k := range 3 {
				coefficients := edgy(1<<log, uint64(8*log+k))
				polynomials = append(polynomials, coefficients)
				values := make([]m31.M31, 1<<(log+blowup))
				twiddles.Evaluate(values, coefficients)
				columns, want = append(columns, values), append(want, EvaluateAt(coefficients, p))
			}
			eachWidth(t, func(t *testing.T) {
				for k, got := range twiddles.Weights(log, blowup, p).Combine(columns...) {
					if got != want[k] {
						t.Errorf("column %d of 2^%d coefficients on a domain of 2^%d at a point: got %v, want %v", k, log, log+blowup, got, want[k])
					}
				}
				for k, got := range CoefficientWeights(log, p).Combine(polynomials...) {
					if got != want[k] {
						t.Errorf("column %d, from 2^%d coefficients: got %v, want %v", k, log, got, want[k])
					}
				}
			})
		}
	}
}

// TestCombineEdges checks that the sums of products do not overflow: all cells and weights are p-1.
func TestCombineEdges(t *testing.T) {
	const n = 1 << 13
	column, w := make([]m31.M31, n), &Weights{}
	for q := range w.w {
		w.w[q] = make([]m31.M31, n+overread)[:n]
		for i := range n {
			w.w[q][i], column[i] = m31.P-1, m31.P-1
		}
	}
	eachWidth(t, func(t *testing.T) {
		if got, want := w.Combine(column)[0], m31.NewQM31(n, n, n, n); got != want {
			t.Errorf("%d products of -1 and -1: got %v, want %v", n, got, want)
		}
	})
}

// TestAddScaled compares sums of columns with the definition. One of the cases has the largest cells and weights only.
func TestAddScaled(t *testing.T) {
	for log := 0; log <= 11; log++ {
		for _, count := range []int{0, 1, 3, 4, 9} {
			size := 1 << log
			columns, weights := make([][]m31.M31, count), make([]m31.QM31, count)
			for k := range columns {
				columns[k] = edgy(size, uint64(100*log+k))
				weights[k] = element(new(edgyColumns(1, uint64(k))), 0)
				if count == 9 {
					weights[k] = m31.NewQM31(m31.P-1, m31.P-1, m31.P-1, m31.P-1)
					for i := range columns[k] {
						columns[k][i] = m31.P - 1
					}
				}
			}
			want := edgyColumns(size, 1)
			for i := range size {
				v := element(&want, i)
				for k, w := range weights {
					v = v.Add(w.Scale(columns[k][i]))
				}
				setElement(&want, i, v)
			}
			eachWidth(t, func(t *testing.T) {
				got := edgyColumns(size, 1)
				AddScaled(got, columns, weights)
				for i := range size {
					if element(&got, i) != element(&want, i) {
						t.Fatalf("%d columns of %d cells, cell %d: got %v, want %v", count, size, i, element(&got, i), element(&want, i))
					}
				}
			})
		}
	}
}

func BenchmarkWeights(b *testing.B) {
	for _, n := range []int{12, 18, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			twiddles, p := NewTwiddles(n), randomPoint(1)
			b.SetBytes(16 << n)
			for b.Loop() {
				twiddles.Weights(n, 0, p)
			}
		})
	}
}

func BenchmarkCombine(b *testing.B) {
	for _, n := range []int{12, 18} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := NewTwiddles(n).Weights(n, 0, randomPoint(1))
			columns := make([][]m31.M31, 1<<22>>n)
			for i := range columns {
				columns[i] = randoms(1<<n, uint64(i))
			}
			b.SetBytes(4 << 22)
			for b.Loop() {
				w.Combine(columns...)
			}
		})
	}
}

// BenchmarkEvaluateAt measures what Combine replaces: the value at a point from coefficients.
func BenchmarkEvaluateAt(b *testing.B) {
	coefficients, p := randoms(1<<18, 1), randomPoint(1)
	b.SetBytes(4 << 18)
	for b.Loop() {
		EvaluateAt(coefficients, p)
	}
}

func BenchmarkAddScaled(b *testing.B) {
	const n, count = 16, 64
	dst, columns, weights := newColumns(1<<n), make([][]m31.M31, count), make([]m31.QM31, count)
	for k := range columns {
		columns[k], weights[k] = randoms(1<<n, uint64(k)), element(new(edgyColumns(1, uint64(k))), 0)
	}
	b.SetBytes(count * 4 << n)
	for b.Loop() {
		AddScaled(dst, columns, weights)
	}
}

func BenchmarkFoldLine(b *testing.B) {
	const n = 18
	twiddles, src, dst := NewTwiddles(n+1), edgyColumns(1<<n, 1), newColumns(1<<(n-1))
	alpha := element(&src, 0)
	b.SetBytes(16 << n)
	for b.Loop() {
		twiddles.FoldLine(dst, src, alpha)
	}
}

// TestQuotients compares the DEEP sum with its definition, cell by cell.
func TestQuotients(t *testing.T) {
	for _, log := range []int{1, 5, 8, 11} {
		var quotients []Quotient
		for i, k := range []int{0, 1, 3, 9} {
			c := edgyColumns(2, uint64(50+i))
			quotients = append(quotients, Quotient{randomPoint(uint64(i)), edgyColumns(1<<max(log-k, 1), uint64(i)), element(&c, 0), element(&c, 1)})
		}
		want := edgyColumns(1<<log, 9)
		for i := range 1 << log {
			d := CellPoint(i, log)
			v := element(&want, i)
			for j := range quotients {
				q := &quotients[j]
				x, y := q.Point.X, q.Point.Y
				line := x.A.Sub(m31.CM31{A: d.X}).Mul(y.B).Sub(y.A.Sub(m31.CM31{A: d.Y}).Mul(x.B))
				f := element(&q.Numerator, LiftedCell(i, log-logSize(len(q.Numerator[0]))))
				v = v.Add(f.Sub(q.A.Scale(d.Y)).Sub(q.B).ScaleCM31(line.Inverse()))
			}
			setElement(&want, i, v)
		}
		eachWidth(t, func(t *testing.T) {
			got := edgyColumns(1<<log, 9)
			if !AddQuotients(got, log, quotients) {
				t.Errorf("a domain of 2^%d has a point on a line", log)
			}
			for i := range 1 << log {
				if element(&got, i) != element(&want, i) {
					t.Fatalf("quotients on 2^%d cells, cell %d: got %v, want %v", log, i, element(&got, i), element(&want, i))
				}
			}
			// The line through a point of the domain and its conjugate.
			bad := quotients[0]
			bad.Point = Secure(CellPoint(1<<log-1, log))
			if AddQuotients(got, log, append(quotients[:3:3], bad)) {
				t.Errorf("a denominator of 0 on a domain of 2^%d is not reported", log)
			}
		})
	}
}

func BenchmarkQuotients(b *testing.B) {
	const log, n = 16, 10
	var quotients []Quotient
	for i := range n {
		c := edgyColumns(2, uint64(50+i))
		quotients = append(quotients, Quotient{randomPoint(uint64(i)), edgyColumns(1<<(log-i), uint64(i)), element(&c, 0), element(&c, 1)})
	}
	dst := newColumns(1 << log)
	b.SetBytes(n << log) // one "byte" a cell and quotient
	for b.Loop() {
		AddQuotients(dst, log, quotients)
	}
}
