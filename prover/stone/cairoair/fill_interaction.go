package cairoair

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
)

// interaction holds the interaction columns while they are filled. All of them follow from the columns of the main trace.
type interaction struct {
	layout  *Layout
	main    [][]field.Element
	rows    int
	columns [][]field.Element
}

func newInteraction(l *Layout, main [][]field.Element) *interaction {
	rows := len(main[0])
	return &interaction{layout: l, main: main, rows: rows, columns: newColumns(l.Interaction, rows)}
}

func (s *interaction) fill(ctx context.Context, named map[string]field.Element) error {
	one := field.One()
	m, r := &s.layout.Memory, &s.layout.RangeCheck
	z, alpha := named[memoryZ], named[memoryAlpha]
	if err := s.product("memory", m.Product, z, named[memoryProduct], s.pairs(m.Pool, alpha), s.pairs(m.Sorted, alpha)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.product("range_check16", r.Product, named[rangeCheckZ], one, s.cells(r.Pool), s.cells(r.Sorted)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if d := s.layout.Diluted; d != nil {
		if err := s.product("diluted_check", d.Product, named[dilutedPermZ], one, s.cells(d.Pool), s.cells(d.Sorted)); err != nil {
			return err
		}
		return s.cumulative(d, named[dilutedZ], named[dilutedAlpha], named[dilutedFinal])
	}
	return nil
}

// get returns a cell of the main trace. set writes a cell of the interaction trace.
func (s *interaction) get(v View, i int) field.Element { return s.main[v.Column][v.Row(i)] }

func (s *interaction) set(v View, i int, x field.Element) {
	s.columns[v.Column-s.layout.Main][v.Row(i)] = x
}

// series writes elements of one side of a permutation to dst, in lanes: element k of lane l, dst[k·lanes + l], is element start
// + l·depth + k of the side, for k below depth.
type series func(dst []field.Element, start, depth int)

// cells returns the series of a virtual column.
func (s *interaction) cells(v View) series {
	return func(dst []field.Element, start, depth int) {
		lanes := len(dst) / depth
		for l := range lanes {
			for k := range depth {
				dst[k*lanes+l] = s.get(v, start+l*depth+k)
			}
		}
	}
}

// pairs returns the series address + α·value of memory units.
func (s *interaction) pairs(u Units, alpha field.Element) series {
	addresses, values := s.cells(u.Addr), s.cells(u.Value)
	return func(dst []field.Element, start, depth int) {
		v := make([]field.Element, len(dst))
		addresses(dst, start, depth)
		values(v, start, depth)
		field.MulAddVec(dst, v, &alpha)
	}
}

// productLanes is the number of lanes of a chunk that are multiplied in parallel.
const productLanes = 64

// product fills a view with the running product of (z - pool_i)/(z - sorted_i). It computes lanes of chunks, each starting from
// 1, and then scales each lane by the product of all lanes before it.
func (s *interaction) product(name string, view View, z, want field.Element, pool, sorted series) error {
	n := view.Len(s.rows) // a power of two
	size := min(n, chunk)
	lanes := min(size, productLanes)
	depth := size / lanes
	running := make([]field.Element, n)      // each chunk in the order of series
	totals := make([]field.Element, n/depth) // product of each lane of each chunk
	parallel.For(n/size, func(c int) {
		q := running[c*size : (c+1)*size]
		den, prefix, inv := make([]field.Element, size), make([]field.Element, size), make([]field.Element, lanes)
		row := func(a []field.Element, k int) []field.Element { return a[k*lanes : (k+1)*lanes] }
		pool(q, c*size, depth)
		field.RSubVec(q, q, &z)
		sorted(den, c*size, depth)
		field.RSubVec(den, den, &z)
		copy(row(prefix, 0), row(den, 0))
		for k := 1; k < depth; k++ {
			field.MulVec(row(prefix, k), row(prefix, k-1), row(den, k))
		}
		copy(inv, row(prefix, depth-1))
		field.BatchInvert(inv, nil)
		for k := depth - 1; k > 0; k-- { // inv is 1/(den_0 ⋯ den_k)
			field.MulVec(row(q, k), row(q, k), inv)
			field.MulVec(row(q, k), row(q, k), row(prefix, k-1))
			field.MulVec(inv, inv, row(den, k))
		}
		field.MulVec(row(q, 0), row(q, 0), inv)
		for k := 1; k < depth; k++ {
			field.MulVec(row(q, k), row(q, k), row(q, k-1))
		}
		copy(totals[c*lanes:], row(q, depth-1))
	})
	before := field.One()
	for l := range totals {
		totals[l], before = before, *new(field.Element).Mul(&before, &totals[l])
	}
	if before != want {
		return fmt.Errorf("%s: the permutation's product is %s, want %s", name, before.String(), want.String())
	}
	parallel.For(n/size, func(c int) {
		q, scale := running[c*size:(c+1)*size], totals[c*lanes:(c+1)*lanes]
		for k := range depth {
			r := q[k*lanes : (k+1)*lanes]
			field.MulVec(r, r, scale)
		}
		for l := range lanes {
			for k := range depth {
				s.set(view, c*size+l*depth+k, q[k*lanes+l])
			}
		}
	})
	return nil
}

// cumulative fills r_0 = 1 and r_i = r_{i-1}·(1 + z·u) + α·u², where u is the step between sorted values. All but 2^16 steps
// are 0.
func (s *interaction) cumulative(d *Diluted, z, alpha, want field.Element) error {
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
