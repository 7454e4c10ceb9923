package air

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// op says what a node of a component's program computes.
type op uint8

const (
	opConst        op = iota // the value k
	opColumn                 // trace column k
	opPreprocessed           // preprocessed column k of the component's list
	opParameter              // the component's parameter: a builtin segment's first address, or the first id of a memory table
	opSize                   // k times the number of rows
	opAdd                    // a + b
	opSub                    // a - b
	opMul                    // a · b
	opNeg                    // -a

	// Nodes below exist only in witnesses. They are not polynomials, so a constraint must not contain them.
	opInput   // word k of the row's input
	opEnabled // 1 in rows that have an input of their own, 0 in padding
	opBits    // bits k to k+b-1 of a
	opIsZero  // 1 if a is 0, else 0
	opInverse // 1/a, and 0 for 0
	opCall    // the call b of a Function; its outputs are opOutput nodes
	opOutput  // output k of the call a
)

// node is one step of a component's program. Operands a and b are numbers of earlier nodes.
type node struct {
	op   op
	a, b int32
	k    uint32
}

// Expr is an expression over the columns of a row: a node of its builder's program.
type Expr struct {
	b *Builder
	n int32
}

// Function computes words of a witness that are not polynomials in the row's columns, such as the carries of a product of 252 bits. It must be
// a function of its inputs and of env alone.
type Function struct {
	Name string
	In   int // words taken
	Out  int // words computed

	// Partial is set if Eval skips the outputs that are nil, which are those that the component does not need.
	Partial bool

	// Eval writes out[j][i], for each row i of a block, from in[0][i] to in[In-1][i]. All slices have one length. env is what the witness
	// of the whole proof is made from (such as the memory).
	Eval func(env any, in, out [][]m31.M31)
}

// call is one use of a function.
type call struct {
	f  *Function
	in []int32
}

// Column is one column of a component's main trace.
type Column struct {
	Name    string
	witness int32
}

// Constraint is an expression that is 0 in every row.
type Constraint struct {
	Label string
	expr  int32
}

// Lookup is a tuple that each row uses of a relation or yields to it.
type Lookup struct {
	Relation *Relation
	Yield    bool
	// Count is set if the witness adds the tuple to the multiplicities or inputs of the component that yields it.
	Count bool

	multiplicity int32
	values       []int32
}

// Feed is an input that each row passes to another component, for relations whose use is not the input itself.
type Feed struct {
	Component string
	values    []int32
}

// Builder collects the program of one component. Columns, constraints and lookups have the order in which they are added.
type Builder struct {
	c    Component
	seen map[node]int32
}

// NewBuilder returns a builder of the component name, of which each row is given the stated number of input words.
func NewBuilder(name string, inputs int) *Builder {
	return &Builder{c: Component{Name: name, Inputs: inputs}, seen: map[node]int32{}}
}

// add returns the expression of n. Equal nodes are one.
func (b *Builder) add(n node) Expr {
	if i, ok := b.seen[n]; ok {
		return Expr{b, i}
	}
	i := int32(len(b.c.nodes))
	b.c.nodes = append(b.c.nodes, n)
	b.seen[n] = i
	return Expr{b, i}
}

// Const returns the constant v.
func (b *Builder) Const(v uint32) Expr { return b.add(node{op: opConst, k: v}) }

// Input returns word k of the row's input.
func (b *Builder) Input(k int) Expr {
	if k >= b.c.Inputs {
		panic(fmt.Sprintf("air: %s has %d input words, not word %d", b.c.Name, b.c.Inputs, k))
	}
	return b.add(node{op: opInput, k: uint32(k)})
}

// Enabled returns 1 in rows that have an input of their own, and 0 in padding.
func (b *Builder) Enabled() Expr { return b.add(node{op: opEnabled}) }

// Column adds a column to the trace and returns it. Its cells are the values of witness.
func (b *Builder) Column(name string, witness Expr) Expr {
	k := len(b.c.Columns)
	b.c.Columns = append(b.c.Columns, Column{Name: name, witness: witness.n})
	return b.add(node{op: opColumn, k: uint32(k)})
}

// Preprocessed returns the preprocessed column id.
func (b *Builder) Preprocessed(id string) Expr {
	for k, have := range b.c.Preprocessed {
		if have == id {
			return b.add(node{op: opPreprocessed, k: uint32(k)})
		}
	}
	b.c.Preprocessed = append(b.c.Preprocessed, id)
	return b.add(node{op: opPreprocessed, k: uint32(len(b.c.Preprocessed) - 1)})
}

// RowNumber returns the preprocessed column that counts rows from 0, of the component's own size.
func (b *Builder) RowNumber() Expr { return b.Preprocessed(RowNumber) }

// Parameter returns the component's parameter, which its claim gives.
func (b *Builder) Parameter() Expr { return b.add(node{op: opParameter}) }

// Rows returns k times the number of the component's rows.
func (b *Builder) Rows(k uint32) Expr { return b.add(node{op: opSize, k: k}) }

// Compute returns the outputs of f for the given inputs, for witnesses.
func (b *Builder) Compute(f *Function, in ...Expr) []Expr {
	if len(in) != f.In {
		panic(fmt.Sprintf("air: %s takes %d words, not %d", f.Name, f.In, len(in)))
	}
	// Equal calls are one. The outputs, of which there may be tens of thousands, follow the call.
	arguments := numbers(in)
	k := slices.IndexFunc(b.c.calls, func(c call) bool { return c.f == f && slices.Equal(c.in, arguments) })
	known := k >= 0
	if !known {
		k = len(b.c.calls)
		b.c.calls = append(b.c.calls, call{f, arguments})
	}
	c := b.add(node{op: opCall, k: uint32(k)})
	if !known {
		b.c.nodes = slices.Grow(b.c.nodes, f.Out)
		for k := range f.Out {
			b.c.nodes = append(b.c.nodes, node{op: opOutput, a: c.n, k: uint32(k)})
		}
	}
	out := make([]Expr, f.Out)
	for k := range out {
		out[k] = Expr{b, c.n + 1 + int32(k)}
	}
	return out
}

// Constrain adds the constraint e = 0.
func (b *Builder) Constrain(label string, e Expr) {
	b.c.Constraints = append(b.c.Constraints, Constraint{label, e.n})
}

// Use adds the tuple values of r with multiplicity 1, and counts it at the component that yields it.
func (b *Builder) Use(r *Relation, values ...Expr) {
	b.lookup(Lookup{Relation: r, Count: true}, b.Const(1), values)
}

// UseTimes adds the tuple values of r with multiplicity m. It is not counted at the component that yields it.
func (b *Builder) UseTimes(m Expr, r *Relation, values ...Expr) {
	b.lookup(Lookup{Relation: r}, m, values)
}

// Yield adds the tuple values of r with multiplicity -m.
func (b *Builder) Yield(m Expr, r *Relation, values ...Expr) {
	b.lookup(Lookup{Relation: r, Yield: true}, m, values)
}

func (b *Builder) lookup(l Lookup, m Expr, values []Expr) {
	if len(values) > l.Relation.Arity {
		panic(fmt.Sprintf("air: %s: a tuple of %s has at most %d values, not %d", b.c.Name, l.Relation.Name, l.Relation.Arity, len(values)))
	}
	l.multiplicity, l.values = m.n, numbers(values)
	b.c.Lookups = append(b.c.Lookups, l)
}

// Feed passes values as one input row to the named component.
func (b *Builder) Feed(component string, values ...Expr) {
	b.c.Feeds = append(b.c.Feeds, Feed{component, numbers(values)})
}

func numbers(e []Expr) []int32 {
	n := make([]int32, len(e))
	for i := range e {
		n[i] = e[i].n
	}
	return n
}

// constant returns the value of e if it is a constant.
func (e Expr) constant() (m31.M31, bool) {
	n := e.b.c.nodes[e.n]
	return m31.M31(n.k), n.op == opConst
}

// Add returns e + f.
func (e Expr) Add(f Expr) Expr { return e.b.fold(opAdd, e, f) }

// Sub returns e - f.
func (e Expr) Sub(f Expr) Expr { return e.b.fold(opSub, e, f) }

// Mul returns e·f.
func (e Expr) Mul(f Expr) Expr { return e.b.fold(opMul, e, f) }

// Neg returns -e.
func (e Expr) Neg() Expr { return e.b.add(node{op: opNeg, a: e.n}) }

// Plus returns e + k.
func (e Expr) Plus(k uint32) Expr { return e.Add(e.b.Const(k)) }

// Minus returns e - k.
func (e Expr) Minus(k uint32) Expr { return e.Sub(e.b.Const(k)) }

// Times returns e·k.
func (e Expr) Times(k uint32) Expr { return e.Mul(e.b.Const(k)) }

// Not returns 1 - e, for e that is 0 or 1.
func (e Expr) Not() Expr { return e.b.Const(1).Sub(e) }

// Bits returns bits lo to lo+n-1 of e as a number, for witnesses.
func (e Expr) Bits(lo, n int) Expr {
	return e.b.add(node{op: opBits, a: e.n, b: int32(n), k: uint32(lo)})
}

// IsZero returns 1 if e is 0, else 0, for witnesses.
func (e Expr) IsZero() Expr { return e.b.add(node{op: opIsZero, a: e.n}) }

// Inverse returns 1/e, and 0 for 0, for witnesses.
func (e Expr) Inverse() Expr { return e.b.add(node{op: opInverse, a: e.n}) }

// Sum returns the sum of its arguments, of which there must be at least one.
func Sum(e ...Expr) Expr {
	s := e[0]
	for _, x := range e[1:] {
		s = s.Add(x)
	}
	return s
}

// fold returns the node of an operation, with the trivial cases of constants worked out.
func (b *Builder) fold(o op, e, f Expr) Expr {
	if e.b != b || f.b != b {
		panic("air: an expression of another component")
	}
	x, xConst := e.constant()
	y, yConst := f.constant()
	switch {
	case xConst && yConst && o == opAdd:
		return b.Const(uint32(x.Add(y)))
	case xConst && yConst && o == opSub:
		return b.Const(uint32(x.Sub(y)))
	case xConst && yConst && o == opMul:
		return b.Const(uint32(x.Mul(y)))
	case yConst && y == 0 && o != opMul, yConst && y == 1 && o == opMul:
		return e
	case xConst && x == 0 && o == opAdd, xConst && x == 1 && o == opMul:
		return f
	case o == opMul && (xConst && x == 0 || yConst && y == 0):
		return b.Const(0)
	}
	return b.add(node{op: o, a: e.n, b: f.n})
}
