package air

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// Failure is a constraint that does not hold in a row.
type Failure struct {
	Component string
	Row       int
	Label     string // of the constraint
	Value     m31.M31
}

func (f Failure) String() string {
	return fmt.Sprintf("%s, row %d: %q is %d, not 0", f.Component, f.Row, f.Label, f.Value)
}

// Check returns the constraints that do not hold in rows first to first+n-1 of a table, all of them. It adds the lookups of these rows to the
// balance, unless that is nil. A check is exact, where a proof only shows with high probability that sums of fractions are 0.
func (c *Component) Check(t *Table, first, n int, b *Balance) []Failure {
	var failures []Failure
	columns, preprocessed := make([]m31.M31, len(c.Columns)), make([]m31.M31, len(c.Preprocessed))
	for row := first; row < first+n; row++ {
		rowOf(columns, t.Columns, row)
		rowOf(preprocessed, t.Preprocessed, row)
		v := evaluate(c, func(v m31.M31) m31.M31 { return v }, columns, preprocessed, t.Parameter, t.LogSize)
		for _, k := range c.Constraints {
			if v[k.expr] != 0 {
				failures = append(failures, Failure{c.Name, row, k.Label, v[k.expr]})
			}
		}
		if b == nil {
			continue
		}
		for _, l := range c.Lookups {
			m := v[l.multiplicity]
			if l.Yield {
				m = m.Neg()
			}
			if m == 0 {
				continue
			}
			tuple := make([]m31.M31, len(l.values))
			for k, n := range l.values {
				tuple[k] = v[n]
			}
			b.add(fmt.Sprintf("%s, row %d", c.Name, row), m, l.Relation, tuple)
		}
	}
	return failures
}

// rowOf sets row[k] to a cell of each column.
func rowOf(row []m31.M31, columns [][]m31.M31, at int) {
	for k, column := range columns {
		row[k] = 0
		if column != nil {
			row[k] = column[at]
		}
	}
}

// Balance counts how often tuples are used and yielded, modulo P as the LogUp argument does. The zero Balance is empty.
type Balance struct {
	tuples map[string]*entry
}

// entry is the number of uses of a tuple, less that of its yields.
type entry struct {
	relation *Relation
	tuple    []m31.M31
	count    m31.M31
	last     string // the last row that uses or yields the tuple
}

// Use adds m uses of a tuple by the verifier, who knows it from the claim. Yields are negative uses.
func (b *Balance) Use(m m31.M31, r *Relation, tuple ...m31.M31) { b.add("the claim", m, r, tuple) }

func (b *Balance) add(row string, m m31.M31, r *Relation, tuple []m31.M31) {
	for len(tuple) > 0 && tuple[len(tuple)-1] == 0 {
		tuple = tuple[:len(tuple)-1]
	}
	key := make([]byte, 0, 4+4*len(tuple))
	key = binary.BigEndian.AppendUint32(key, uint32(r.ID))
	for _, v := range tuple {
		key = binary.BigEndian.AppendUint32(key, uint32(v))
	}
	e := b.tuples[string(key)]
	if e == nil {
		if b.tuples == nil {
			b.tuples = map[string]*entry{}
		}
		e = &entry{relation: r, tuple: tuple}
		b.tuples[string(key)] = e
	}
	e.count, e.last = e.count.Add(m), row
}

// Failures describes each tuple that is not used as often as it is yielded.
func (b *Balance) Failures() []string {
	var failures []string
	for _, key := range slices.Sorted(maps.Keys(b.tuples)) {
		e := b.tuples[key]
		if e.count == 0 {
			continue
		}
		values := make([]string, len(e.tuple))
		for k, v := range e.tuple {
			values[k] = fmt.Sprint(v)
		}
		times, what := int64(e.count), "used more often than yielded"
		if times > m31.P/2 {
			times, what = m31.P-times, "yielded more often than used"
		}
		failures = append(failures, fmt.Sprintf("%s: %s(%s) is %s, by %d", e.last, e.relation.Name, strings.Join(values, ", "), what, times))
	}
	return failures
}
