package air

import (
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestFill fills a component that has every kind of witness, with more than one block of rows, and compares cells with a direct computation.
func TestFill(t *testing.T) {
	r := NewRelation("pairs", 2)
	squares := &Function{Name: "square and cube", In: 1, Out: 2, Partial: true, Eval: func(env any, in, out [][]m31.M31) {
		for i, v := range in[0] {
			if out[0] != nil {
				panic("the square is not needed")
			}
			out[1][i] = v.Mul(v).Mul(v).Add(env.(m31.M31))
		}
	}}
	b := NewBuilder("kinds", 2)
	x, y := b.Column("x", b.Input(0)), b.Column("y", b.Input(1))
	enabled := b.Column("enabled", b.Enabled())
	b.Column("row", b.RowNumber())
	b.Column("twice", x) // a copy
	inverse := b.Column("inverse", x.Sub(y).Inverse())
	b.Column("equal", x.Sub(y).IsZero())
	b.Column("bits", y.Bits(3, 5))
	b.Column("parameter", b.Parameter().Add(b.Rows(3)))
	b.Column("polynomial", x.Mul(y).Sub(b.Const(7).Sub(x)).Neg().Times(5))
	b.Column("cube", b.Compute(squares, x)[1])
	b.Use(r, x.Plus(1), inverse)
	b.UseTimes(enabled, r, x)
	b.Use(r, y)
	b.Feed("other", x, y)
	c := b.Build()

	const logSize, n = 10, 1000
	f := &Filling{Env: m31.M31(11), LogSize: logSize, Parameter: 9, Enabled: n, Inputs: make([][]m31.M31, 2)}
	for i := range 1 << logSize {
		f.Inputs[0] = append(f.Inputs[0], m31.M31(i*i))
		f.Inputs[1] = append(f.Inputs[1], m31.M31(400*i))
	}
	var sent [3][2][1 << logSize]m31.M31
	sink := func(k int) Sink {
		return func(_, first int, values [][]m31.M31) {
			for j := range values {
				copy(sent[k][j][first:], values[j])
			}
		}
	}
	f.Uses = []Sink{sink(0), nil, nil}
	f.Feeds = []Sink{sink(2)}
	columns := c.Fill(f)
	for i := range 1 << logSize {
		x, y := f.Inputs[0][i], f.Inputs[1][i]
		want := []m31.M31{x, y, 0, m31.M31(i), x, x.Sub(y).Inverse(), 0, y >> 3 & 31, 9 + 3<<logSize,
			m31.M31(7).Sub(x).Sub(x.Mul(y)).Mul(5), x.Mul(x).Mul(x).Add(11)}
		if i < n {
			want[2] = 1
		}
		if x == y {
			want[6] = 1
		}
		var got []m31.M31
		for _, column := range columns {
			got = append(got, column[i])
		}
		if !slices.Equal(got, want) {
			t.Fatalf("row %d: got %d, want %d", i, got, want)
		}
		if got, want := [...]m31.M31{sent[0][0][i], sent[0][1][i], sent[2][0][i], sent[2][1][i]}, [...]m31.M31{x.Add(1), want[5], x, y}; got != want {
			t.Fatalf("row %d: sent %d, want %d", i, got, want)
		}
	}
}

// TestCheck checks that a wrong cell is named by its constraint, and a tuple that nobody yields by its relation.
func TestCheck(t *testing.T) {
	r := NewRelation("squares", 2)
	b := NewBuilder("square", 1)
	x := b.Column("x", b.Input(0))
	y := b.Column("y", x.Mul(x))
	b.Constrain("y is the square of x", y.Sub(x.Mul(x)))
	b.Yield(b.Const(2), r, x, y)
	c := b.Build()

	table := &Table{LogSize: 2, Columns: [][]m31.M31{{1, 2, 3, 4}, {1, 4, 10, 16}}}
	var balance Balance
	balance.Use(2, r, 1, 1)
	balance.Use(2, r, 2, 4)
	balance.Use(2, r, 3, 9)
	balance.Use(1, r, 4, 16)
	var got []string
	for _, f := range c.Check(table, 0, 4, &balance) {
		got = append(got, f.String())
	}
	got = append(got, balance.Failures()...)
	want := []string{
		`square, row 2: "y is the square of x" is 1, not 0`,
		"the claim: squares(3, 9) is used more often than yielded, by 2",
		"square, row 2: squares(3, 10) is yielded more often than used, by 2",
		"square, row 3: squares(4, 16) is yielded more often than used, by 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
