// Package air defines algebraic intermediate representations: the polynomial identities that the columns of a trace must
// satisfy, and the rows on which they hold.
//
// Constraints are data. A Builder makes expressions over cells (a column and a row offset), periodic columns, run-time values
// and constants. Constrain states that an expression is zero on a set of rows. The result, a System, does not depend on the
// trace length or the statement. All readers use the same list of constraints: degrees bounds their degrees, CheckRows tests
// them on a trace, EvalPoint evaluates the composition at a point (for the verifier) and Evaluator on a coset (for the prover).
//
// The composition polynomial is Σ α^i · c_i(x) · Π(exempt rows) / Π(rows of the domain), where i counts calls of Constrain, as
// in Stone.
package air

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/starkd/starkd/prover/stone/field"
)

// AIR is a statement: a system of constraints, with the trace length and the run-time values of this statement.
type AIR interface {
	// System returns the constraint system, which never changes.
	System() *System
	// TraceLength returns the number of rows, a power of two.
	TraceLength() uint64
	// Values returns one element for each Builder.Value, in their order. challenges holds the interaction elements that the
	// verifier drew (System.Challenges of them). Values returns an error if an element makes the statement undefined.
	Values(challenges []field.Element) ([]field.Element, error)
}

// Trace is an AIR with a trace that satisfies it.
type Trace interface {
	AIR
	// Main returns the columns of the main trace in natural row order. The caller must not change them.
	Main(ctx context.Context) ([][]field.Element, error)
	// Interaction returns the columns of the interaction trace for the interaction elements. The caller must not change them,
	// and calls Interaction once, after Main. The trace may then free all columns.
	Interaction(ctx context.Context, challenges []field.Element) ([][]field.Element, error)
}

// Cell is a trace cell relative to the current row. Columns of the interaction trace are numbered after those of the main
// trace.
type Cell struct {
	Column int
	Row    int // offset, not negative
}

// Rows is a residue class of rows: all rows r with r ≡ Offset modulo Period. Period 0 means the trace length, so that the
// class is one row; a negative Offset then counts from the end.
type Rows struct {
	Period uint64
	Offset int64
}

// Every returns the rows 0, period, 2·period, ….
func Every(period uint64) Rows { return Rows{Period: period} }

// RowsAt returns the rows offset, offset+period, …: the zeros of x^(n/period) - g^(offset·n/period).
func RowsAt(period uint64, offset int64) Rows { return Rows{Period: period, Offset: offset} }

// Row returns the single row with this index. A negative index counts from the end: Row(-16) is row n-16.
func Row(index int64) Rows { return Rows{Offset: index} }

// Domain is the set of rows on which a constraint holds: the union of the classes On, except the rows in Exemptions. The
// classes of a list must be disjoint. Exemptions is a factor of the numerator, so each exempt class must be within On, or
// disjoint from it if Stone's constraint is written so.
type Domain struct {
	On         []Rows
	Exemptions []Rows
}

// On returns the domain of all rows in any of the classes.
func On(rows ...Rows) Domain { return Domain{On: rows} }

// Exempt returns d without the given rows.
func (d Domain) Exempt(rows ...Rows) Domain {
	return Domain{On: d.On, Exemptions: append(slices.Clone(d.Exemptions), rows...)}
}

// Periodic is a public column that repeats. Row i·Step holds Values[i mod len(Values)]. The other rows follow from the
// polynomial of lowest degree in x^(n/(Step·len(Values))).
type Periodic struct {
	Values []field.Element
	Step   uint64
}

// period returns the number of rows after which the column repeats.
func (p Periodic) period() uint64 { return uint64(len(p.Values)) * p.Step }

// Constraint states that an expression is zero on the rows of a domain.
type Constraint struct {
	Name   string
	Domain Domain
	expr   int32
}

// System is a complete list of constraints.
type System struct {
	Main        int      // number of columns of the main trace
	Interaction int      // number of columns of the interaction trace
	Challenges  int      // number of interaction elements, drawn between the phases
	Values      []string // names of the run-time values
	Periodic    []Periodic
	Constraints []Constraint
	Mask        []Cell // every cell that a constraint reads, sorted by column, then row
	nodes       []node
	maskIndex   map[Cell]int
}

// Columns returns the number of columns of both phases.
func (s *System) Columns() int { return s.Main + s.Interaction }

// MinTraceLength returns the smallest number of rows for which all domains and periodic columns are defined. It ignores the
// rows of the mask, which wrap around the trace, as in Stone.
func (s *System) MinTraceLength() uint64 {
	n := uint64(1)
	for _, p := range s.Periodic {
		n = max(n, p.period())
	}
	for _, c := range s.Constraints {
		for _, r := range append(slices.Clone(c.Domain.On), c.Domain.Exemptions...) {
			n = max(n, r.Period)
			if r.Period == 0 {
				for k := max(r.Offset+1, -r.Offset); n < uint64(k); n *= 2 {
				}
			}
		}
	}
	return n
}

type op uint8

const (
	opCell op = iota
	opPeriodic
	opValue
	opConst
	opAdd
	opSub
	opMul
)

// node is a vertex of the expression graph. a and b are node numbers; for a leaf they are column and row, or an index.
type node struct {
	op    op
	a, b  int32
	value field.Element
}

// Expr is an expression. Its methods build larger expressions. It belongs to the Builder that made it.
type Expr struct {
	b  *Builder
	id int32
}

// Builder collects expressions and constraints. It stores equal expressions once. Its methods panic on programming errors; it
// never receives untrusted data.
type Builder struct {
	s     System
	index map[node]int32
}

// NewBuilder returns a builder for a system with the given numbers of columns and interaction elements.
func NewBuilder(main, interaction, challenges int) *Builder {
	return &Builder{s: System{Main: main, Interaction: interaction, Challenges: challenges}, index: map[node]int32{}}
}

func (b *Builder) node(n node) Expr {
	id, ok := b.index[n]
	if !ok {
		id = int32(len(b.s.nodes))
		b.s.nodes = append(b.s.nodes, n)
		b.index[n] = id
	}
	return Expr{b, id}
}

// Cell returns the value of a column at row rows after the current row.
func (b *Builder) Cell(column, row int) Expr {
	if column < 0 || column >= b.s.Columns() || row < 0 {
		panic(fmt.Sprintf("air: cell (%d, %d) outside %d columns", column, row, b.s.Columns()))
	}
	return b.node(node{op: opCell, a: int32(column), b: int32(row)})
}

// Periodic adds a periodic column and returns its value at the current row.
func (b *Builder) Periodic(values []field.Element, step uint64) Expr {
	_, ok := field.Log2(uint64(len(values)))
	if _, ok2 := field.Log2(step); !ok || !ok2 {
		panic(fmt.Sprintf("air: periodic column of %d values with step %d", len(values), step))
	}
	b.s.Periodic = append(b.s.Periodic, Periodic{values, step})
	return b.node(node{op: opPeriodic, a: int32(len(b.s.Periodic) - 1)})
}

// Value adds a run-time value that AIR.Values supplies: a public constant, an interaction element, or a value derived from
// them.
func (b *Builder) Value(name string) Expr {
	b.s.Values = append(b.s.Values, name)
	return b.node(node{op: opValue, a: int32(len(b.s.Values) - 1)})
}

// Const returns the constant v.
func (b *Builder) Const(v uint64) Expr { return b.Element(field.New(v)) }

// Element returns the constant v.
func (b *Builder) Element(v field.Element) Expr { return b.node(node{op: opConst, value: v}) }

// Add returns e + f.
func (e Expr) Add(f Expr) Expr {
	return e.b.node(node{op: opAdd, a: min(e.id, f.id), b: max(e.id, f.id)})
}

// Sub returns e - f.
func (e Expr) Sub(f Expr) Expr { return e.b.node(node{op: opSub, a: e.id, b: f.id}) }

// Mul returns e·f.
func (e Expr) Mul(f Expr) Expr {
	return e.b.node(node{op: opMul, a: min(e.id, f.id), b: max(e.id, f.id)})
}

// AddConst returns e + v.
func (e Expr) AddConst(v uint64) Expr { return e.Add(e.b.Const(v)) }

// SubConst returns e - v.
func (e Expr) SubConst(v uint64) Expr { return e.Sub(e.b.Const(v)) }

// Scale returns v·e.
func (e Expr) Scale(v uint64) Expr { return e.Mul(e.b.Const(v)) }

// Square returns e².
func (e Expr) Square() Expr { return e.Mul(e) }

// IsBit returns e² - e, which is zero if and only if e is 0 or 1.
func (e Expr) IsBit() Expr { return e.Square().Sub(e) }

// Constrain adds the constraint that e is zero on d. The order of calls is the order of the powers of α.
func (b *Builder) Constrain(name string, e Expr, d Domain) {
	if e.b != b {
		panic("air: expression of another builder in " + name)
	}
	for _, r := range append(slices.Clone(d.On), d.Exemptions...) {
		if _, ok := field.Log2(r.Period); r.Period != 0 && (!ok || r.Offset < 0 || uint64(r.Offset) >= r.Period) {
			panic(fmt.Sprintf("air: rows %d mod %d in %s", r.Offset, r.Period, name))
		}
	}
	b.s.Constraints = append(b.s.Constraints, Constraint{Name: name, Domain: d, expr: e.id})
}

// Build returns the system. The mask is the list of all cells that a constraint reads, sorted by column, then row. Build panics
// if a constraint's degree is too high for the composition's two columns.
func (b *Builder) Build() *System {
	s := b.s
	seen := make([]bool, len(s.nodes))
	var visit func(id int32)
	visit = func(id int32) {
		if seen[id] {
			return
		}
		seen[id] = true
		switch n := s.nodes[id]; n.op {
		case opCell:
			s.Mask = append(s.Mask, Cell{int(n.a), int(n.b)})
		case opAdd, opSub, opMul:
			visit(n.a)
			visit(n.b)
		}
	}
	for _, c := range s.Constraints {
		visit(c.expr)
	}
	sort.Slice(s.Mask, func(i, j int) bool {
		x, y := &s.Mask[i], &s.Mask[j]
		return x.Column < y.Column || x.Column == y.Column && x.Row < y.Row
	})
	s.maskIndex = make(map[Cell]int, len(s.Mask))
	for i, c := range s.Mask {
		s.maskIndex[c] = i
	}
	for i, d := range s.degrees() {
		if d > CompositionColumns {
			panic(fmt.Sprintf("air: %s has degree %d trace lengths, bound %d", s.Constraints[i].Name, d, CompositionColumns))
		}
	}
	return &s
}

// CompositionColumns is the degree bound of the composition polynomial in trace lengths, and so the number of columns into
// which it is split.
const CompositionColumns = 2
