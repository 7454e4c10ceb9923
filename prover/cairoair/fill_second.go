package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/field"
)

// second holds the interaction columns while they are filled; all of them follow from the first phase's columns.
type second struct {
	layout  *Layout
	first   [][]field.Element
	rows    int
	columns [][]field.Element
}

func newSecond(l *Layout, first [][]field.Element) *second {
	rows := len(first[0])
	return &second{layout: l, first: first, rows: rows, columns: newColumns(l.Second, rows)}
}

func (s *second) fill(named map[string]field.Element) error {
	one := field.One()
	m := &s.layout.Memory
	z, alpha := named[memoryZ], named[memoryAlpha]
	unit := func(u Units) func(int) field.Element {
		return func(i int) field.Element {
			v := s.get(u.Value, i)
			v.Mul(&v, &alpha)
			a := s.get(u.Addr, i)
			return *v.Add(&v, &a)
		}
	}
	if err := s.product("memory", m.Product, z, named[memoryProduct], unit(m.Pool), unit(m.Sorted)); err != nil {
		return err
	}
	cell := func(v View) func(int) field.Element { return func(i int) field.Element { return s.get(v, i) } }
	r := &s.layout.RangeCheck
	if err := s.product("range_check16", r.Product, named[rangeCheckZ], one, cell(r.Pool), cell(r.Sorted)); err != nil {
		return err
	}
	if d := s.layout.Diluted; d != nil {
		if err := s.product("diluted_check", d.Product, named[dilutedPermZ], one, cell(d.Pool), cell(d.Sorted)); err != nil {
			return err
		}
		return s.cumulative(d, named[dilutedZ], named[dilutedAlpha], named[dilutedFinal])
	}
	return nil
}

// get reads a cell of the first phase, set writes one of the second.
func (s *second) get(v View, i int) field.Element { return s.first[v.Column][v.Row(i)] }

func (s *second) set(v View, i int, x field.Element) {
	s.columns[v.Column-s.layout.First][v.Row(i)] = x
}

// product fills a view with the running product of (z - pool_i)/(z - sorted_i), in chunks: each from 1, then scaled by the
// product of those before it.
func (s *second) product(name string, view View, z, want field.Element, pool, sorted func(int) field.Element) error {
	n := view.Len(s.rows)
	totals := make([]field.Element, (n+chunk-1)/chunk)
	parallel.For(len(totals), func(c int) {
		start, end := c*chunk, min((c+1)*chunk, n)
		den, scratch := make([]field.Element, end-start), make([]field.Element, end-start)
		for i := range den {
			x := sorted(start + i)
			den[i].Sub(&z, &x)
		}
		field.BatchInvert(den, scratch)
		p := field.One()
		for i := range den {
			x := pool(start + i)
			x.Sub(&z, &x)
			p.Mul(&p, &den[i])
			p.Mul(&p, &x)
			s.set(view, start+i, p)
		}
		totals[c] = p
	})
	before := field.One()
	for c := range totals {
		totals[c], before = before, *new(field.Element).Mul(&before, &totals[c])
	}
	if before != want {
		return fmt.Errorf("%s: the permutation's product is %s, want %s", name, before.String(), want.String())
	}
	column := s.columns[view.Column-s.layout.First]
	parallel.For(len(totals), func(c int) {
		for i := c * chunk; i < min((c+1)*chunk, n); i++ {
			x := &column[view.Row(i)]
			x.Mul(x, &totals[c])
		}
	})
	return nil
}

// cumulative fills r_0 = 1, r_i = r_{i-1}·(1 + z·u) + α·u² with u the step between sorted values, which is 0 but 2^16 times.
func (s *second) cumulative(d *Diluted, z, alpha, want field.Element) error {
	r, one := field.One(), field.One()
	before := s.get(d.Sorted, 0)
	for i := range d.Sorted.Len(s.rows) {
		now := s.get(d.Sorted, i)
		if now != before {
			var u, t field.Element
			u.Sub(&now, &before)
			t.Mul(&z, &u).Add(&t, &one)
			r.Mul(&r, &t)
			t.Mul(&alpha, &u).Mul(&t, &u)
			r.Add(&r, &t)
			before = now
		}
		s.set(d.Cumulative, i, r)
	}
	if r != want {
		return fmt.Errorf("diluted_check: the cumulative value is %s, want %s", r.String(), want.String())
	}
	return nil
}
