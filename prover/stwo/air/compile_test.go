package air

import (
	"fmt"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// text writes instructions with the names of columns, and r0, r1, … for registers.
func text(c *Component, p *program[*termReader]) string {
	var b strings.Builder
	name := func(slot int32) string {
		if int(slot) < len(c.Columns) {
			return c.Columns[slot].Name
		}
		return fmt.Sprint("r", int(slot)-p.inputs)
	}
	for _, s := range p.steps {
		for _, i := range s.code {
			fmt.Fprintf(&b, "%s =", name(i.dst))
			switch i.op {
			case codeAdd:
				fmt.Fprintf(&b, " %s + %s", name(i.a), name(i.b))
			case codeSub:
				fmt.Fprintf(&b, " %s - %s", name(i.a), name(i.b))
			case codeMul:
				fmt.Fprintf(&b, " %s*%s", name(i.a), name(i.b))
			case codeAddConstant:
				fmt.Fprintf(&b, " %s + %d", name(i.a), i.k)
			case codeConstantMinus:
				fmt.Fprintf(&b, " %d - %s", i.k, name(i.a))
			case codeScale:
				fmt.Fprintf(&b, " %d*%s", i.k, name(i.a))
			case codeSum:
				fmt.Fprintf(&b, " %d", i.sum.constant)
				for side, sign := range []string{"+", "-"} {
					for _, t := range i.sum.plain[side] {
						fmt.Fprintf(&b, " %s %s", sign, name(t))
					}
					for _, t := range i.sum.scaled[side] {
						fmt.Fprintf(&b, " %s %d*%s", sign, t.k, name(t.slot))
					}
					for _, t := range i.sum.products[side] {
						fmt.Fprintf(&b, " %s %s*%s", sign, name(t.a), name(t.b))
					}
				}
			}
			b.WriteString("\n")
		}
		var terms []string
		for _, t := range s.read.constraints.terms {
			terms = append(terms, fmt.Sprintf("%d*%s", t.k.A.A, name(t.slot)))
		}
		fmt.Fprintf(&b, "read %d + %s\n", s.read.constraints.constant.A.A, strings.Join(terms, " + "))
	}
	return b.String()
}

// TestCompile checks the instructions for the composition of small components, in which constraint i has the power 10^i.
func TestCompile(t *testing.T) {
	for _, test := range []struct {
		name  string
		build func(b *Builder, x, y, z Expr)
		want  string
	}{
		{"a sum that is used once is part of its user", func(b *Builder, x, y, z Expr) { b.Constrain("", x.Add(y).Sub(z.Add(z.Mul(x)).Times(512))) },
			`
r0 = z*x
r0 = 0 + x + y - 512*z - 512*r0
read 0 + 1*r0`},
		{"products are part of a sum", func(b *Builder, x, y, z Expr) { b.Constrain("", x.Mul(y).Sub(y.Mul(z)).Add(x).Plus(7)) },
			`
r0 = 0 + x + x*y - y*z
read 7 + 1*r0`},
		{"equal terms are one", func(b *Builder, x, y, z Expr) { b.Constrain("", x.Add(y).Add(x).Sub(y)) }, `
r0 = 2*x
read 0 + 1*r0`},
		{"a value that is used twice is computed once", func(b *Builder, x, y, z Expr) {
			s := x.Add(y).Add(z)
			b.Constrain("", s.Mul(s.Minus(1)))
			b.Constrain("", s.Mul(x))
		}, `
r0 = 0 + x + y + z
r1 = r0 + 2147483646
r1 = r0*r1
r0 = r0*x
read 0 + 1*r1 + 10*r0`},
		{"factors and constants go to the coefficients", func(b *Builder, x, y, z Expr) {
			b.Constrain("", x.Mul(y).Times(3).Plus(4))
			b.Constrain("", x.Times(5))
		}, `
r0 = x*y
read 4 + 3*r0 + 50*x`},
		{"parameters, sizes and columns of zeros are constants", func(b *Builder, x, y, z Expr) {
			zero := b.Column("zero", b.Const(0))
			b.Constrain("", b.Parameter().Mul(x).Add(b.Rows(2)).Add(zero.Mul(y)))
			b.Constrain("", zero)
		}, `
read 32 + 9*x`},
	} {
		b := NewBuilder("test", 0)
		x, y, z := b.Column("x", b.Const(0)), b.Column("y", b.Const(0)), b.Column("z", b.Const(0))
		test.build(b, x, y, z)
		c := b.Build()
		table := &Table{LogSize: 4, Parameter: 9, Columns: makeColumns(3, 32)}
		for len(table.Columns) < len(c.Columns) {
			table.Columns = append(table.Columns, nil)
		}
		powers := make([]m31.QM31, len(c.Constraints))
		power := m31.M31(1)
		for k := range powers {
			powers[k], power = m31.FromM31(power), power.Mul(10)
		}
		p := c.compileComposition(table, &Interactions{}, NewChallenges(m31.QM31{}, m31.QM31{}), powers)
		if got := text(c, p); got != strings.TrimPrefix(test.want, "\n")+"\n" {
			t.Errorf("%s:\ngot\n%swant%s", test.name, got, test.want)
		}
	}
}
