package cairoair

import (
	"encoding/binary"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// use returns the sink of a lookup of c, which has the given number of rows.
func (t *trace) use(c *Component, r *air.Relation, rows int) air.Sink {
	fail := func(row int, value m31.M31) { t.fail(&lookupError{c.Name, row, r.Name, value}) }
	switch r {
	case memoryAddressToID:
		n := m31.M31(len(t.in.Memory.IDs))
		return func(worker, first int, values [][]m31.M31) {
			times := t.addresses.of(worker)
			for i, address := range values[0] {
				if address == 0 || address >= n {
					fail(first+i, address)
					continue
				}
				times.add(address)
			}
		}
	case memoryIDToValue:
		return func(worker, first int, values [][]m31.M31) {
			small, big := t.small.of(worker), t.big.of(worker)
			for i, id := range values[0] {
				switch {
				case int(id) < len(t.in.Memory.Small):
					small.add(id)
				case id >= adapter.BigID && int(id-adapter.BigID) < len(t.in.Memory.Big):
					big.add(id - adapter.BigID)
				default:
					fail(first+i, id)
				}
			}
		}
	}
	target := t.yielder[r]
	switch {
	case target == nil:
		panic("cairoair: no component yields " + r.Name)
	case target.Source == FixedTable:
		return tableSink(target, r, t.counts[target], fail)
	case target.Name == "verify_instruction":
		return t.instructions.sink(fail)
	default:
		return t.pass(target, rows)
	}
}

// counter counts how often each of its rows is used. Each worker counts for itself: that is several times faster than atomic additions, and
// workers that never use a table need no memory for it.
type counter struct {
	rows    int
	workers []tally
}

// tally is the counts of one worker, which are low + high. Most rows are rarely used, and bytes miss the cache less often than words. high holds
// multiples of 256 in pages, which are nil as long as there are none.
type tally struct {
	low  []uint8
	high [][]m31.M31
}

const tallyPage = 1 << 10

func newCounter(rows int) *counter { return &counter{rows, make([]tally, parallel.Workers())} }

// of returns the counts of a worker.
func (c *counter) of(worker int) *tally {
	t := &c.workers[worker]
	if t.low == nil {
		t.low = make([]uint8, c.rows)
		t.high = make([][]m31.M31, (c.rows+tallyPage-1)/tallyPage)
	}
	return t
}

// add counts a use of a row.
func (t *tally) add(row m31.M31) {
	t.low[row]++
	if t.low[row] == 0 {
		t.carry(row)
	}
}

// carry adds 256 to the count of a row.
func (t *tally) carry(row m31.M31) {
	page := &t.high[row/tallyPage]
	if *page == nil {
		*page = make([]m31.M31, tallyPage)
	}
	(*page)[row%tallyPage] += 1 << 8
}

// column returns the sum of all workers' counts. It touches only the memory of rows that are used.
func (c *counter) column() []m31.M31 {
	total := make([]m31.M31, c.rows)
	pages := (c.rows + tallyPage - 1) / tallyPage
	parallel.Chunks(pages, 4, func(start, end int) {
		for page := start; page < end; page++ {
			from, to := page*tallyPage, min((page+1)*tallyPage, c.rows)
			for _, t := range c.workers {
				if t.low != nil {
					t.addTo(total[from:to], page)
				}
			}
		}
	})
	clear(c.workers)
	return total
}

// addTo adds the counts of a page to total.
func (t *tally) addTo(total []m31.M31, page int) {
	for i, n := range t.high[page] {
		if n != 0 {
			total[i] += n
		}
	}
	low := t.low[page*tallyPage:][:len(total)]
	for ; len(low) >= 8; low, total = low[8:], total[8:] {
		if binary.LittleEndian.Uint64(low) != 0 {
			for i, n := range low[:8] {
				total[i] += m31.M31(n)
			}
		}
	}
	for i, n := range low {
		total[i] += m31.M31(n)
	}
}

// counters are the multiplicity columns of a fixed table.
type counters []*counter

// columns returns the columns; those of relations that nothing uses are nil.
func (c counters) columns() [][]m31.M31 {
	columns := make([][]m31.M31, len(c))
	for k := range c {
		if slices.ContainsFunc(c[k].workers, func(t tally) bool { return t.low != nil }) {
			columns[k] = c[k].column()
		}
	}
	return columns
}

// tableSink returns the sink of a lookup in a fixed table, whose rows are the numbers that the leading values of a tuple make up.
func tableSink(c *Component, r *air.Relation, columns counters, fail func(row int, value m31.M31)) air.Sink {
	if r == xor12 {
		const low = 10
		return func(worker, first int, values [][]m31.M31) {
			for i, x := range values[0] {
				y := values[1][i]
				if x|y >= 1<<12 {
					fail(first+i, x|y)
					continue
				}
				columns[x>>low<<2|y>>low].of(worker).add(x&(1<<low-1)<<low | y&(1<<low-1))
			}
		}
	}
	column := columns[slices.IndexFunc(c.AIR().Lookups, func(l air.Lookup) bool { return l.Relation == r })]
	widths := c.widths
	return func(worker, first int, values [][]m31.M31) {
		times := column.of(worker)
		low := times.low
		const group = 64
		var rows [group]m31.M31
		for from := 0; from < len(values[0]); from += group {
			n := min(group, len(values[0])-from)
			rows, above := rows[:n], m31.M31(0)
			for k, w := range widths {
				value := values[k][from : from+n]
				for _, v := range value {
					above |= v >> w
				}
				if above != 0 {
					i := slices.IndexFunc(value, func(v m31.M31) bool { return v>>w != 0 })
					fail(first+from+i, value[i])
					break
				}
				if k == 0 {
					copy(rows, value)
					continue
				}
				for i, v := range value {
					rows[i] = rows[i]<<w | v
				}
			}
			if above != 0 {
				continue
			}
			for _, row := range rows {
				low[row]++
				if low[row] == 0 {
					times.carry(row)
				}
			}
		}
	}
}
