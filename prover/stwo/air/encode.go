package air

import (
	"encoding/binary"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// The part of a component that a verifier evaluates has a compact form: columns, preprocessed columns, constraints and lookups, without labels
// and names of columns, and without the witness. Numbers are varints; a node refers to operands by their
// distance, a constraint or a lookup to its expressions by the distance from the last one.

// AppendConstraints appends the compact form of the component.
func (c *Component) AppendConstraints(b []byte) []byte {
	// Only polynomials that a constraint or a lookup reads are kept.
	used := make([]bool, len(c.nodes))
	for _, k := range c.Constraints {
		used[k.expr] = true
	}
	for _, l := range c.Lookups {
		used[l.multiplicity] = true
		for _, v := range l.values {
			used[v] = true
		}
	}
	for i := len(c.nodes) - 1; i >= 0; i-- {
		if n := c.nodes[i]; used[i] {
			switch n.op {
			case opAdd, opSub, opMul:
				used[n.a], used[n.b] = true, true
			case opNeg:
				used[n.a] = true
			}
		}
	}
	kept := uint64(0)
	for _, u := range used {
		if u {
			kept++
		}
	}

	number := func(v uint64) { b = binary.AppendUvarint(b, v) }
	text := func(s string) {
		number(uint64(len(s)))
		b = append(b, s...)
	}
	text(c.Name)
	number(uint64(c.LogSize))
	number(uint64(len(c.Columns)))
	number(uint64(len(c.Preprocessed)))
	for _, id := range c.Preprocessed {
		text(id)
	}
	number(kept)
	at := make([]int, len(c.nodes)) // new numbers of the nodes that are kept
	next := 0
	var operands []byte // after the operations, which compress better on their own
	operand := func(v int) { operands = binary.AppendUvarint(operands, uint64(v)) }
	for i, n := range c.nodes {
		if !used[i] {
			continue
		}
		at[i] = next
		b = append(b, byte(n.op))
		switch n.op {
		case opConst, opColumn, opPreprocessed, opSize:
			operand(int(n.k))
		case opAdd, opSub, opMul:
			operand(next - at[n.a])
			operand(next - at[n.b])
		case opNeg:
			operand(next - at[n.a])
		case opParameter:
		default:
			panic(fmt.Sprintf("air: %s: a constraint or a lookup reads a node of the witness", c.Name))
		}
		next++
	}
	b = append(b, operands...)
	last := 0
	reference := func(n int) { // of a node, by its distance from the last one
		b = binary.AppendVarint(b, int64(n-last))
		last = n
	}
	number(uint64(len(c.Constraints)))
	for _, k := range c.Constraints {
		reference(at[k.expr])
	}
	number(uint64(len(c.Lookups)))
	for _, l := range c.Lookups {
		number(uint64(l.Relation.ID))
		yield := uint64(0)
		if l.Yield {
			yield = 1
		}
		number(yield)
		reference(at[l.multiplicity])
		number(uint64(len(l.values)))
		for _, v := range l.values {
			reference(at[v])
		}
	}
	return b
}

// ReadConstraints returns the component whose compact form b begins with, and the rest of b. The component can be evaluated, but it has no witness and
// no labels. relations are all relations. It panics if b is malformed, because compact forms are part of the program.
func ReadConstraints(b []byte, relations []*Relation) (*Component, []byte) {
	byID := map[m31.M31]*Relation{}
	for _, r := range relations {
		byID[r.ID] = r
	}
	number := func() int {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			panic("air: a compact component ends early")
		}
		b = b[n:]
		return int(v)
	}
	text := func() string {
		n := number()
		s := string(b[:n])
		b = b[n:]
		return s
	}
	c := &Component{Name: text(), LogSize: number()}
	c.Columns = make([]Column, number())
	c.Preprocessed = make([]string, number())
	for i := range c.Preprocessed {
		c.Preprocessed[i] = text()
	}
	c.nodes = make([]node, number())
	for i := range c.nodes {
		c.nodes[i].op = op(b[i])
	}
	b = b[len(c.nodes):]
	for i := range c.nodes {
		n := &c.nodes[i]
		switch n.op {
		case opConst, opColumn, opPreprocessed, opSize:
			n.k = uint32(number())
		case opAdd, opSub, opMul:
			n.a = int32(i - number())
			n.b = int32(i - number())
		case opNeg:
			n.a = int32(i - number())
		}
	}
	last := int32(0)
	reference := func() int32 {
		d, n := binary.Varint(b)
		b = b[n:]
		last += int32(d)
		return last
	}
	c.Constraints = make([]Constraint, number())
	for i := range c.Constraints {
		c.Constraints[i].expr = reference()
	}
	c.Lookups = make([]Lookup, number())
	for i := range c.Lookups {
		l := &c.Lookups[i]
		l.Relation = byID[m31.M31(number())]
		if l.Relation == nil {
			panic("air: " + c.Name + ": unknown relation")
		}
		l.Yield = number() == 1
		l.multiplicity = reference()
		l.values = make([]int32, number())
		for k := range l.values {
			l.values[k] = reference()
		}
	}
	return c, b
}
