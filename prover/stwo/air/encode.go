package air

import (
	"encoding/binary"
	"fmt"
)

// The part of a component that a verifier evaluates has a compact form: columns, preprocessed columns, constraints and lookups, without labels
// and names of columns, and without the witness. It is made for compression. Numbers of one kind are stored next to each other over all components,
// and a number of a node is stored as the difference from one like it.

// Kinds of numbers in compact forms. Each kind is a list of varints, but for those that say otherwise.
const (
	kindText         = iota // texts: the length, then the bytes
	kindCount               // numbers of elements, and numbers that a component has once
	kindOp                  // operations of nodes, a byte each
	kindColumn              // numbers of columns, less the last one
	kindConstant            // other k of nodes
	kindConstraint          // expressions of constraints, less the last one
	kindRelation            // relations of lookups
	kindYield               // 1 for lookups that yield
	kindMultiplicity        // multiplicities of lookups, less the last node that a lookup refers to
	kindValue               // values of lookups, less the last node that a lookup refers to
	kindA                   // first operands: one kind for each operation, from opAdd on
	kindB            = kindA + operations
	kinds            = kindB + operations

	operations = int(opNeg-opAdd) + 1 // with operands
)

// differences turns numbers into differences from the last number of the same kind, and back.
type differences [kinds]int

func (d *differences) of(kind, v int) int {
	last := d[kind]
	d[kind] = v
	return v - last
}

func (d *differences) back(kind, v int) int {
	d[kind] += v
	return d[kind]
}

// Writer collects compact forms of components, and texts and numbers of the caller between them.
type Writer struct{ lists [kinds][]byte }

// Text writes a text.
func (w *Writer) Text(s string) {
	w.number(kindText, len(s))
	w.lists[kindText] = append(w.lists[kindText], s...)
}

// Number writes a number of at least 0.
func (w *Writer) Number(v int) { w.number(kindCount, v) }

func (w *Writer) number(kind, v int) {
	w.lists[kind] = binary.AppendUvarint(w.lists[kind], uint64(v))
}

func (w *Writer) signed(kind, v int) {
	w.lists[kind] = binary.AppendVarint(w.lists[kind], int64(v))
}

// Bytes returns everything that was written.
func (w *Writer) Bytes() []byte {
	var b []byte
	for _, list := range w.lists {
		b = append(binary.AppendUvarint(b, uint64(len(list))), list...)
	}
	return b
}

// Component writes the compact form of a component. relations are all relations.
func (w *Writer) Component(c *Component, relations []*Relation) {
	numberOf := map[*Relation]int{}
	for i, r := range relations {
		numberOf[r] = i
	}
	w.Text(c.Name)
	w.Number(c.LogSize)
	w.Number(len(c.Columns))
	w.Number(len(c.Preprocessed))
	for _, id := range c.Preprocessed {
		w.Text(id)
	}
	used, kept := c.used()
	w.Number(kept)
	at := make([]int, len(c.nodes)) // new numbers of the nodes that are kept
	var d differences
	next := 0
	for i, n := range c.nodes {
		if !used[i] {
			continue
		}
		at[i] = next
		w.lists[kindOp] = append(w.lists[kindOp], byte(n.op))
		switch n.op {
		case opColumn:
			w.signed(kindColumn, d.of(kindColumn, int(n.k)))
		case opConst, opPreprocessed, opSize:
			w.number(kindConstant, int(n.k))
		case opAdd, opSub, opMul:
			kind := int(n.op - opAdd)
			w.signed(kindA+kind, d.of(kindA+kind, next-at[n.a]))
			w.signed(kindB+kind, d.of(kindB+kind, next-at[n.b]))
		case opNeg:
			kind := kindA + int(n.op-opAdd)
			w.signed(kind, d.of(kind, next-at[n.a]))
		case opParameter:
		default:
			panic(fmt.Sprintf("air: %s: a constraint or a lookup reads a node of the witness", c.Name))
		}
		next++
	}
	w.Number(len(c.Constraints))
	for _, k := range c.Constraints {
		w.signed(kindConstraint, d.of(kindConstraint, at[k.expr]))
	}
	w.Number(len(c.Lookups))
	for _, l := range c.Lookups {
		w.number(kindRelation, numberOf[l.Relation])
		yield := 0
		if l.Yield {
			yield = 1
		}
		w.number(kindYield, yield)
		w.signed(kindMultiplicity, d.of(kindValue, at[l.multiplicity]))
		w.Number(len(l.values))
		for _, v := range l.values {
			w.signed(kindValue, d.of(kindValue, at[v]))
		}
	}
}

// used reports for each node whether a constraint or a lookup reads it, directly or through other nodes, and returns the number of those.
func (c *Component) used() (used []bool, n int) {
	used = make([]bool, len(c.nodes))
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
		if !used[i] {
			continue
		}
		n++
		switch node := c.nodes[i]; node.op {
		case opAdd, opSub, opMul:
			used[node.a], used[node.b] = true, true
		case opNeg:
			used[node.a] = true
		}
	}
	return used, n
}

// Reader reads what a Writer wrote. It panics if that is malformed, because compact forms are part of the program.
type Reader struct{ lists [kinds][]byte }

// NewReader returns a reader of b.
func NewReader(b []byte) *Reader {
	r := new(Reader)
	for kind := range r.lists {
		n, size := binary.Uvarint(b)
		b = b[size:]
		r.lists[kind], b = b[:n], b[n:]
	}
	return r
}

// Text reads a text.
func (r *Reader) Text() string {
	n := r.number(kindText)
	list := &r.lists[kindText]
	s := string((*list)[:n])
	*list = (*list)[n:]
	return s
}

// Number reads a number.
func (r *Reader) Number() int { return r.number(kindCount) }

func (r *Reader) number(kind int) int {
	list := &r.lists[kind]
	if v := (*list)[0]; v < 0x80 { // nearly all
		*list = (*list)[1:]
		return int(v)
	}
	v, n := binary.Uvarint(*list)
	*list = (*list)[n:]
	return int(v)
}

func (r *Reader) signed(kind int) int {
	v := r.number(kind)
	return v>>1 ^ -(v & 1)
}

// Component reads a component. It can be evaluated, but it has no witness and no labels. relations are all relations.
func (r *Reader) Component(relations []*Relation) *Component {
	c := &Component{Name: r.Text(), LogSize: r.Number()}
	c.Columns = make([]Column, r.Number())
	c.Preprocessed = make([]string, r.Number())
	for i := range c.Preprocessed {
		c.Preprocessed[i] = r.Text()
	}
	c.nodes = make([]node, r.Number())
	ops := r.lists[kindOp][:len(c.nodes)] // a byte each
	r.lists[kindOp] = r.lists[kindOp][len(c.nodes):]
	var d differences
	for i := range c.nodes {
		n := &c.nodes[i]
		n.op = op(ops[i])
		switch n.op {
		case opColumn:
			n.k = uint32(d.back(kindColumn, r.signed(kindColumn)))
		case opConst, opPreprocessed, opSize:
			n.k = uint32(r.number(kindConstant))
		case opAdd, opSub, opMul:
			kind := int(n.op - opAdd)
			n.a = int32(i - d.back(kindA+kind, r.signed(kindA+kind)))
			n.b = int32(i - d.back(kindB+kind, r.signed(kindB+kind)))
		case opNeg:
			kind := kindA + int(n.op-opAdd)
			n.a = int32(i - d.back(kind, r.signed(kind)))
		}
	}
	c.Constraints = make([]Constraint, r.Number())
	for i := range c.Constraints {
		c.Constraints[i].expr = int32(d.back(kindConstraint, r.signed(kindConstraint)))
	}
	c.Lookups = make([]Lookup, r.Number())
	for i := range c.Lookups {
		l := &c.Lookups[i]
		l.Relation = relations[r.number(kindRelation)]
		l.Yield = r.number(kindYield) == 1
		l.multiplicity = int32(d.back(kindValue, r.signed(kindMultiplicity)))
		l.values = make([]int32, r.Number())
		for k := range l.values {
			l.values[k] = int32(d.back(kindValue, r.signed(kindValue)))
		}
	}
	return c
}
