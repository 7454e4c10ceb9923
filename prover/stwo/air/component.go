// Package air is the language in which the components of a circle STARK are written. A component is a table: columns, constraints between
// the cells of a row, and lookups (tuples that each row uses of a relation, or yields to it). It is written once, with a Builder, as a
// straight-line program over the columns. The same program serves every reader: the degree check, the check of single rows with
// labels, the evaluation on a whole domain, the evaluation at a point outside it, the LogUp columns, and the filling of the columns.
//
// A component of one column and its square, which it yields to a relation:
//
//	b := air.NewBuilder("squares", 1)
//	x := b.Column("x", b.Input(0))
//	y := b.Column("y", x.Mul(x))
//	b.Constrain("y is the square of x", y.Sub(x.Mul(x)))
//	b.Yield(b.Enabled(), squares, x, y)
//
// The argument for lookups is LogUp (Haböck, "Multivariate lookups based on logarithmic derivatives", ePrint 2022/1530).
package air

import (
	"fmt"
	"sync"
)

// RowNumber is the name under which a component lists the preprocessed column that counts its rows.
const RowNumber = "seq"

// MaxDegree is the largest degree of a constraint in the columns, LogUp constraints included. Quotients then have twice as many
// coefficients as a column, which is the size at which the composition is evaluated.
const MaxDegree = 3

// Component is a finished component. It does not change.
type Component struct {
	Name         string
	LogSize      int // log2 of the number of rows if it is always the same, else 0
	Inputs       int // words of a row's input
	Columns      []Column
	Preprocessed []string // ids of the preprocessed columns that it reads
	Constraints  []Constraint
	Lookups      []Lookup
	Feeds        []Feed

	nodes   []node
	calls   []call
	witness func() *witness // compiles the witness on the first call
}

// Build returns the component. It panics if a constraint is not a polynomial of degree at most MaxDegree, because components are part of the program.
func (b *Builder) Build() *Component {
	c := b.c
	degrees := c.degrees()
	check := func(what string, n int32, limit int) {
		if d := degrees[n]; d < 0 || d > limit {
			panic(fmt.Sprintf("air: %s: %s has degree %d, the bound is %d", c.Name, what, d, limit))
		}
	}
	for _, k := range c.Constraints {
		check("constraint "+k.Label, k.expr, MaxDegree)
	}
	for first := 0; first < len(c.Lookups); first += 2 {
		// (S - S')·d1·d2 - (m1·d2 + m2·d1), see LogUp.
		pair := c.Lookups[first:min(first+2, len(c.Lookups))]
		d := 1
		for i, l := range pair {
			denominator := 0
			for _, v := range l.values {
				check("a value of "+l.Relation.Name, v, MaxDegree)
				denominator = max(denominator, degrees[v])
			}
			check("a multiplicity of "+l.Relation.Name, l.multiplicity, MaxDegree-(len(pair)-1))
			d += denominator
			_ = i
		}
		if d > MaxDegree {
			panic(fmt.Sprintf("air: %s: lookups %d and %d together have degree %d, the bound is %d", c.Name, first, first+1, d, MaxDegree))
		}
	}
	c.witness = sync.OnceValue(func() *witness { return compileWitness(&c) })
	return &c
}

// Fixed sets the number of rows to 2^logSize.
func (b *Builder) Fixed(logSize int) { b.c.LogSize = logSize }

// InteractionColumns returns the number of base field columns of the interaction trace: four for each pair of lookups.
func (c *Component) InteractionColumns() int { return 4 * c.batches() }

// ConstraintCount returns the number of constraints, those of LogUp included.
func (c *Component) ConstraintCount() int { return len(c.Constraints) + c.batches() }

// batches returns the number of pairs of lookups, the last of which may be single.
func (c *Component) batches() int { return (len(c.Lookups) + 1) / 2 }

// degrees returns the degree of each node in the columns, and -1 for nodes that exist only in witnesses.
func (c *Component) degrees() []int {
	d := make([]int, len(c.nodes))
	for i, n := range c.nodes {
		switch n.op {
		case opConst, opParameter, opSize:
			d[i] = 0
		case opColumn, opPreprocessed:
			d[i] = 1
		case opAdd, opSub:
			d[i] = join(d[n.a], d[n.b], max(d[n.a], d[n.b]))
		case opMul:
			d[i] = join(d[n.a], d[n.b], d[n.a]+d[n.b])
		case opNeg:
			d[i] = d[n.a]
		default:
			d[i] = -1
		}
	}
	return d
}

// join returns d, or -1 if one of two operands is no polynomial.
func join(a, b, d int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return d
}
