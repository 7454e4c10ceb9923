package cairoair

import (
	"fmt"
	"sort"

	"github.com/starkd/starkd/prover/stone/field"
)

// fillPublicMemory claims the units of public memory, which remain (0, 0) in the trace. Units beyond the public cells repeat
// the first public cell.
func (f *filler) fillPublicMemory(m *Memory) {
	cells := f.public.Memory
	for i := range m.Public.Addr.Len(f.rows) {
		c := &cells[0]
		if i < len(cells) {
			c = &cells[i]
		}
		f.address[poolIndex(m.Pool.Addr, m.Public.Addr, i)] = c.Address
	}
}

// finishMemory assigns unclaimed units to the addresses that were not accessed, lowest first, with value 0, and then to the
// address after the last. It writes the pool's addresses and the sorted columns.
func (f *filler) finishMemory(m *Memory) error {
	units := len(f.address)
	var top uint64 // highest accessed address
	for _, a := range f.address {
		top = max(top, a)
	}
	if top > uint64(units) {
		return fmt.Errorf("memory address %d is accessed, but %d units cannot fill all addresses below it", top, units)
	}

	// The value and the number of accesses of each address, including the address after top.
	value := make([]field.Element, top+2)
	count := make([]uint32, top+2)
	record := func(a uint64, v field.Element) error {
		if count[a] == 0 {
			value[a] = v
		} else if value[a] != v {
			return fmt.Errorf("memory address %d holds %s and %s", a, value[a].String(), v.String())
		}
		count[a]++
		return nil
	}
	public := m.Public.Addr
	for i, a := range f.address {
		row := m.Pool.Addr.Row(i)
		v := f.columns[m.Pool.Value.Column][row+1]
		if row%public.Step == public.Offset {
			v = field.Element(f.public.Memory[0].Value)
			if j := row / public.Step; j < len(f.public.Memory) {
				v = field.Element(f.public.Memory[j].Value)
			}
			if a == 0 {
				return fmt.Errorf("public memory contains address 0")
			}
		}
		if a == 0 {
			continue
		}
		if err := record(a, v); err != nil {
			return err
		}
	}
	hole := uint64(1)
	for i, a := range f.address {
		if a != 0 {
			continue
		}
		for hole <= top && count[hole] != 0 {
			hole++
		}
		f.address[i] = hole
		count[hole]++
	}
	for ; hole <= top; hole++ {
		if count[hole] == 0 {
			return fmt.Errorf("memory has a hole at address %d (highest address %d) and no unit of %d left to fill it", hole, top, units)
		}
	}

	// begin holds the sorted index of each address's first access.
	begin := make([]int, top+3)
	for a, n := range count {
		begin[a+1] = begin[a] + int(n)
	}
	return chunks(units, func(start, end int) error {
		a := sort.SearchInts(begin, start+1) - 1
		for i := start; i < end; i++ {
			if row := m.Pool.Addr.Row(i); row%public.Step != public.Offset {
				f.columns[m.Pool.Addr.Column][row] = field.New(f.address[i])
			}
			for i >= begin[a+1] {
				a++
			}
			f.set(m.Sorted.Addr, i, field.New(uint64(a)))
			f.set(m.Sorted.Value, i, value[a])
		}
		return nil
	})
}

// finishRangeCheck assigns the free cells of the pool to the values of [rc_min, rc_max] that do not occur, lowest first, and
// then to rc_max. It writes the pool and the sorted column.
func (f *filler) finishRangeCheck(r *RangeCheck) error {
	low, high := int32(f.public.RangeCheckMin), int32(f.public.RangeCheckMax)
	for i, v := range f.rangeCheck {
		if v != free && (v < low || v > high) {
			return fmt.Errorf("range-check cell %d has value %d, outside rc_min %d and rc_max %d", i, v, low, high)
		}
	}
	if missing := fillFree(f.rangeCheck, int(low), int(high)); missing != 0 {
		return fmt.Errorf("%d values between rc_min %d and rc_max %d do not fit the %d range-check cells", missing, low, high, len(f.rangeCheck))
	}
	return f.finishPool(f.rangeCheck, r.Pool, r.Sorted, func(v int32) field.Element { return field.New(uint64(v)) })
}

// finishDiluted does the same for the diluted pool, whose values are all 16-bit values.
func (f *filler) finishDiluted(d *Diluted) error {
	if missing := fillFree(f.diluted, 0, 1<<dilutedBits-1); missing != 0 {
		return fmt.Errorf("%d of 2^%d diluted values do not fit the trace's %d cells", missing, dilutedBits, len(f.diluted))
	}
	return f.finishPool(f.diluted, d.Pool, d.Sorted, func(v int32) field.Element { return field.New(dilute(uint16(v))) })
}

// fillFree assigns the free cells to the values of [low, high] that do not occur, lowest first, and then to high. It returns
// the number of values that did not fit.
func fillFree(pool []int32, low, high int) (missing int) {
	seen := make([]bool, high-low+1)
	for _, v := range pool {
		if v != free {
			seen[int(v)-low] = true
		}
	}
	next := 0
	for i, v := range pool {
		if v != free {
			continue
		}
		for next < len(seen) && seen[next] {
			next++
		}
		if next == len(seen) {
			pool[i] = int32(high)
			continue
		}
		pool[i] = int32(low + next)
		seen[next] = true
	}
	for _, s := range seen {
		if !s {
			missing++
		}
	}
	return missing
}

// finishPool writes a pool of 16-bit values and its sorted column.
func (f *filler) finishPool(pool []int32, view, sorted View, element func(int32) field.Element) error {
	begin := make([]int, 1<<16+1)
	for _, v := range pool {
		begin[v+1]++
	}
	for v := range 1 << 16 {
		begin[v+1] += begin[v]
	}
	return chunks(len(pool), func(start, end int) error {
		v := sort.SearchInts(begin, start+1) - 1
		e := element(int32(v))
		for i := start; i < end; i++ {
			f.set(view, i, element(pool[i]))
			if i >= begin[v+1] {
				for i >= begin[v+1] {
					v++
				}
				e = element(int32(v))
			}
			f.set(sorted, i, e)
		}
		return nil
	})
}
