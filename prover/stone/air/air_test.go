package air

import (
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stone/field"
)

// sampleSystem returns a system with constraints over every kind of domain and operand. Column 0 counts rows in steps of the
// value "step". Column 1 is the square of column 0 plus a periodic value.
func sampleSystem() *System {
	b := NewBuilder(2, 1, 1)
	step := b.Value("step")
	z := b.Value("z")
	p := b.Periodic([]field.Element{field.New(5), field.New(7)}, 2)
	c0, next, c1, c2 := b.Cell(0, 0), b.Cell(0, 1), b.Cell(1, 0), b.Cell(2, 0)
	b.Constrain("count", next.Sub(c0).Sub(step), On(Every(1)).Exempt(Row(-1)))
	b.Constrain("square", c1.Sub(c0.Square()).Sub(p), On(Every(2)))
	b.Constrain("odd", b.Const(3).Sub(c2).Mul(c0.Sub(b.Cell(0, 3)).AddConst(1)), On(RowsAt(8, 1), RowsAt(8, 5)))
	b.Constrain("start", c0.Sub(step), On(Row(0)))
	b.Constrain("end", c2.Sub(z.Mul(step).Scale(2)), On(Row(-4)))
	b.Constrain("two exemptions", c2.Mul(c2.Sub(z)), On(Every(1)).Exempt(RowsAt(4, 1), Row(-4)))
	return b.Build()
}

// sampleTrace returns a trace that satisfies the system.
func sampleTrace(n int, step, z field.Element) [][]field.Element {
	columns := [][]field.Element{make([]field.Element, n), make([]field.Element, n), make([]field.Element, n)}
	x := step
	for i := range n {
		columns[0][i] = x
		columns[1][i].Square(&x)
		if i%2 == 0 {
			p := field.New([]uint64{5, 7}[i/2%2])
			columns[1][i].Add(&columns[1][i], &p)
		}
		x.Add(&x, &step)
	}
	for i := range n {
		if i%8 == 1 || i%8 == 5 {
			columns[2][i] = field.New(3)
		}
	}
	columns[2][n-4].Mul(&z, &step)
	columns[2][n-4].Double(&columns[2][n-4])
	return columns
}

func TestCheckRows(t *testing.T) {
	s := sampleSystem()
	step, z := field.New(11), field.New(13)
	values := []field.Element{step, z}
	columns := sampleTrace(16, step, z)
	// "two exemptions" exempts row 12 and rows 1, 5, 9, 13.
	if f := s.CheckRows(columns, values, 3); len(f) != 0 {
		t.Fatalf("got failures %v, want none", f)
	}
	for _, c := range []struct {
		column, row int
		want        string
	}{
		{0, 3, "count"}, {1, 6, "square"}, {2, 9, "odd"}, {0, 0, "start"}, {2, 12, "end"}, {2, 2, "two exemptions"},
	} {
		tampered := sampleTrace(16, step, z)
		tampered[c.column][c.row] = field.New(12345)
		var names []string
		for _, f := range s.CheckRows(tampered, values, 3) {
			names = append(names, f.Constraint)
		}
		if !strings.Contains(strings.Join(names, ","), c.want) {
			t.Errorf("cell (%d, %d) changed: got failures %v, want one of %q", c.column, c.row, names, c.want)
		}
	}
}

func TestDegrees(t *testing.T) {
	want := []int{1, 2, 2, 1, 1, 2}
	got := sampleSystem().degrees()
	for i := range want {
		if got[i] > want[i] {
			t.Errorf("constraint %d: degree bound %d, want at most %d", i, got[i], want[i])
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a constraint of degree 3 was built")
		}
	}()
	b := NewBuilder(1, 0, 0)
	x := b.Cell(0, 0)
	b.Constrain("cube of cube", x.Square().Mul(x).Square(), On(Every(1)))
	b.Build()
}

// TestEvaluatorMatchesEvalPoint compares the prover's evaluator with the verifier's, on arbitrary columns.
func TestEvaluatorMatchesEvalPoint(t *testing.T) {
	s := sampleSystem()
	for _, n := range []uint64{8, 64, 512} {
		log, _ := field.Log2(n)
		values := []field.Element{field.New(3), field.New(17)}
		alpha := field.New(99)
		columns := make([][]field.Element, 3)
		x := field.New(2)
		for c := range columns {
			columns[c] = make([]field.Element, n)
			for i := range columns[c] {
				x.Square(&x)
				k := field.New(uint64(i))
				x.Add(&x, &k)
				columns[c][i] = x
			}
		}
		d := field.NewDomain(log).Shift(field.New(5))
		out := make([]field.Element, n)
		NewEvaluator(s, n, values, alpha).Coset(t.Context(), columns, d.Offset, out)
		mask := make([]field.Element, len(s.Mask))
		for i := range n {
			for k, c := range s.Mask {
				mask[k] = columns[c.Column][(i+uint64(c.Row))%n]
			}
			want, err := s.EvalPoint(d.At(i), n, mask, values, alpha)
			if err != nil {
				t.Fatal(err)
			}
			if out[i] != want {
				t.Fatalf("%d rows, point %d: got %v, want %v", n, i, out[i], want)
			}
		}
		if _, err := s.EvalPoint(field.RootOfUnity(log), n, mask, values, alpha); err == nil {
			t.Error("a point of the trace domain was accepted")
		}
	}
}
