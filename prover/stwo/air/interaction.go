package air

import (
	"slices"
	"sync"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// fractionReader reads one lookup: it adds multiplicity/denominator to the sum of the row.
type fractionReader struct {
	multiplicity factor
	negative     bool // the multiplicity is subtracted
	denominator  secureSum
	pair         int
	last         bool // of its pair
}

func (f *fractionReader) operands(g func(*int32)) {
	f.multiplicity.operands(g)
	f.denominator.operands(g)
}

func (f *fractionReader) finish() { f.denominator.widen() }

// Interactions are the interaction columns of a component and the claimed sum: the sum of all fractions of all rows.
type Interactions struct {
	// Columns are four for each pair of lookups, the coordinates of a column over the secure field. Column k of these has in each row the
	// sum of the fractions of the pairs 0 to k; the last one has instead the running sum over the rows of that sum minus the claimed sum
	// divided by the number of rows. All four are nil if the column is 0 because all multiplicities are.
	Columns    [][]m31.M31
	ClaimedSum m31.QM31
}

// Interaction returns the interaction columns of the trace t.
func (c *Component) Interaction(t *Table, ch *Challenges) *Interactions {
	s := &Interactions{Columns: make([][]m31.M31, c.InteractionColumns())}
	multiplicities, all := c.multiplicityColumns()
	p := c.compileFractions(t.withoutZeros(multiplicities), ch)
	if !all {
		multiplicities = nil
	}
	if len(p.steps) == 0 {
		return s
	}
	rows := 1 << t.LogSize
	for k := 4 * p.steps[0].read.pair; k < len(s.Columns); k++ {
		s.Columns[k] = make([]m31.M31, rows)
	}
	size := min(rows, blockRows)
	share(rows/size, func(next func() int) {
		f := newFractions(p, t, multiplicities)
		for b := next(); b >= 0; b = next() {
			f.block(b*size, size, s.Columns)
		}
	})
	last := [4][]m31.M31(s.Columns[len(s.Columns)-4:])
	var total [4]m31.M31
	parallel.For(4, func(q int) { total[q] = prefixSums(last[q]) })
	s.ClaimedSum = m31.NewQM31(total[0], total[1], total[2], total[3])
	return s
}

// multiplicityColumns returns the numbers of the columns that are multiplicities of lookups, and whether all multiplicities are such columns.
func (c *Component) multiplicityColumns() (columns []int, all bool) {
	all = true
	for _, l := range c.Lookups {
		n := c.nodes[l.multiplicity]
		if n.op == opNeg {
			n = c.nodes[n.a]
		}
		if n.op == opColumn {
			columns = append(columns, int(n.k))
		} else {
			all = false
		}
	}
	return columns, all
}

// withoutZeros returns t with nil for those of the given columns that are zeros. Generated columns are not nil.
func (t *Table) withoutZeros(columns []int) *Table {
	sparse := *t
	sparse.Columns = slices.Clone(t.Columns)
	for _, k := range columns {
		if m31.AllZero(t.Columns[k]) {
			sparse.Columns[k] = nil
		}
	}
	if t.Generate != nil {
		sparse.Preprocessed = make([][]m31.M31, len(t.Preprocessed))
		for k := range sparse.Preprocessed {
			sparse.Preprocessed[k] = []m31.M31{}
		}
	}
	return &sparse
}

// compileFractions compiles the program that yields the lookups' fractions. It has no steps for the pairs before the first that has a
// multiplicity other than 0, and none at all if there is no such pair.
func (c *Component) compileFractions(t *Table, ch *Challenges) *program[*fractionReader] {
	var roots []int32
	for _, l := range c.Lookups {
		roots = append(append(roots, l.multiplicity), l.values...)
	}
	a := assembler[*fractionReader]{compiler: newCompiler(c, t, roots, 0)}
	var pending []*fractionReader
	for k := range c.Lookups {
		l := &c.Lookups[k]
		r := &fractionReader{pair: k / 2, last: k%2 == 1 || k == len(c.Lookups)-1}
		r.multiplicity, r.negative = a.multiplicity(l)
		pending = append(pending, r)
		if r.multiplicity == (factor{slot: -1}) {
			if len(a.program.steps) == 0 {
				if r.last {
					pending = pending[:0]
				}
				continue
			}
		} else {
			r.denominator = a.denominator(l, ch, m31.FromM31(1))
		}
		for _, r := range pending {
			a.read(r)
		}
		pending = pending[:0]
	}
	return a.finish()
}

// fractionGroup is the number of fractions whose denominators are inverted together.
const fractionGroup = 16

// fractions computes the sums of a program's fractions in blocks of rows. A denominator x + y·u has the inverse (x - y·u)/w with w = x² - (2+i)·y²
// in CM31, and w has the inverse conjugate(w)/|w|² with |w|² in M31.
type fractions struct {
	program *program[*fractionReader]
	machine *machine
	table   *Table
	// The preprocessed columns, if they are generated for each block. If multiplicities are not nil, rows in which these columns are 0 are left out.
	generated      []block
	multiplicities []int
	sums           [4]block // the sums of the fractions until now
	zeros          block
	group          [fractionGroup]heldFraction
	held           int
	norming        int       // how many of the group have a norm, and are not 0 in the whole block
	norms          []m31.M31 // of the group, in a row
	scratch        []m31.M31
}

// heldFraction is a fraction of which the denominator is being inverted.
type heldFraction struct {
	read         *fractionReader
	denominator  secureBlock
	w            block // two blocks
	zero         bool  // the multiplicity is 0 in all rows of the block
	multiplicity block // or nil if it is constant
	copied       block // memory for the multiplicity
}

// constant returns the constant factor of the multiplicity.
func (g *heldFraction) constant() m31.M31 {
	k := m31.M31(1)
	if g.multiplicity == nil {
		k = g.read.multiplicity.constant
	}
	if g.read.negative {
		k = k.Neg()
	}
	return k
}

func newFractions(p *program[*fractionReader], t *Table, multiplicities []int) *fractions {
	f := &fractions{program: p, table: t, multiplicities: multiplicities, zeros: make(block, blockRows)}
	preprocessed := t.Preprocessed
	if t.Generate != nil {
		preprocessed = make([][]m31.M31, len(t.Preprocessed))
		for range preprocessed {
			f.generated = append(f.generated, make(block, blockRows))
		}
	}
	f.machine = newMachine(slices.Concat(t.Columns, preprocessed), p.registers)
	f.norms = make([]m31.M31, fractionGroup*blockRows)
	f.scratch = make([]m31.M31, fractionGroup*blockRows)
	for k := range f.group {
		g := &f.group[k]
		g.denominator = newSecureBlock()
		g.w = make(block, 2*blockRows)
		g.copied = make(block, blockRows)
	}
	return f
}

// block writes the cumulative sums of n rows from first on to out.
func (f *fractions) block(first, n int, out [][]m31.M31) {
	m := f.machine
	m.seek(first, n)
	f.generate(first, n)
	for q := range f.sums {
		f.sums[q] = f.zeros[:n]
	}
	steps := f.program.steps
	for k := range steps {
		m.prefetch(k, len(steps))
		m.run(steps[k].code, steps[k].words)
		f.add(steps[k].read)
		if f.held == fractionGroup || k == len(steps)-1 {
			f.flush(first, n, out)
		}
	}
}

// generateRows is the number of rows that generate fills or leaves out together. Most rows of fixed tables are not used.
const generateRows = 16

// generate fills the generated columns of n rows from first on.
func (f *fractions) generate(first, n int) {
	if f.generated == nil {
		return
	}
	for k, c := range f.generated {
		f.machine.set(len(f.table.Columns)+k, c[:n])
	}
	used := func(from, end int) bool {
		return f.multiplicities == nil || slices.ContainsFunc(f.multiplicities, func(k int) bool {
			c := f.table.Columns[k]
			return c != nil && !m31.AllZero(c[first+from:first+end])
		})
	}
	for from := 0; from < n; {
		end := min(from+generateRows, n)
		if !used(from, end) {
			from = end
			continue
		}
		for end < n && used(end, min(end+generateRows, n)) {
			end = min(end+generateRows, n)
		}
		for k, c := range f.generated {
			f.table.Generate(k, c[from:end], first+from)
		}
		from = end
	}
}

// add computes the denominator of one fraction and holds it in the group.
func (f *fractions) add(r *fractionReader) {
	m := f.machine
	g := &f.group[f.held]
	f.held++
	g.read = r
	g.multiplicity = nil
	g.zero = r.multiplicity == factor{slot: -1}
	if slot := int(r.multiplicity.slot); slot >= 0 {
		g.multiplicity = m.slots[slot]
		g.zero = m31.AllZero(g.multiplicity)
		if slot >= f.program.inputs && !g.zero {
			// The register may be used again before the group is inverted.
			g.multiplicity = g.copied[:m.n]
			copy(g.multiplicity, m.slots[slot])
		}
	}
	if g.zero {
		return
	}
	norms := f.norms[f.norming*m.n:][:m.n]
	f.norming++
	m.secureSum(&g.denominator, &r.denominator)
	relativeNorms(norms, g.w, &g.denominator)
}

// flush inverts the denominators of the group, adds its fractions to the sum, and writes the sums after each pair.
func (f *fractions) flush(first, n int, out [][]m31.M31) {
	if f.norming > 0 {
		invert(f.norms[:f.norming*n], f.scratch)
	}
	norms := f.norms
	for k := range f.group[:f.held] {
		g := &f.group[k]
		var to [4]block
		for q := range to {
			to[q] = out[4*g.read.pair+q][first : first+n]
		}
		switch {
		case !g.zero:
			addFraction(&to, &f.sums, &g.denominator, g.w, norms[:n], g.multiplicity, g.constant())
			norms = norms[n:]
			f.sums = to
		case g.read.last && &f.sums[0][0] != &to[0][0]:
			for q := range to {
				copy(to[q], f.sums[q])
			}
			f.sums = to
		}
	}
	f.held, f.norming = 0, 0
}

// prefixSums replaces the column v by its running sums in coset order, of its values minus their mean, and returns the sum of its values.
//
// Of N = 2M cells, cell 2·b is number 2·r in coset order, and cell N-1-2·b number 2·r+1, where r is b with its bits reversed. So the sum s(b) of
// these two cells is number r of a column of M cells in bit-reversed order; its prefix sums follow from those of half as many cells (see
// bitReversedPrefixSums).
func prefixSums(v []m31.M31) m31.M31 {
	n := len(v)
	sum := uint64(0)
	for _, x := range v {
		sum += uint64(x)
	}
	total := m31.New(sum)
	mean := total.Mul(m31.New(uint64(n)).Inverse())
	scratch := columns.Get().(*[]m31.M31)
	defer columns.Put(scratch)
	if cap(*scratch) < n/2 {
		*scratch = make([]m31.M31, n/2)
	}
	s := (*scratch)[:n/2]
	if vectorized(len(s)) {
		vectorPairSums(s, v, mean.Double())
		bitReversedPrefixSums(s)
		vectorSpreadSums(v, s, mean)
		return total
	}
	for b := range s {
		s[b] = v[2*b].Add(v[n-1-2*b]).Sub(mean.Double())
	}
	bitReversedPrefixSums(s)
	for b, before := range s {
		even := before.Add(v[2*b]).Sub(mean)
		v[2*b] = even
		v[n-1-2*b] = even.Add(v[n-1-2*b]).Sub(mean)
	}
	return total
}

// columns holds scratch of prefixSums.
var columns = sync.Pool{New: func() any { return new([]m31.M31) }}

// bitReversedPrefixSums replaces each cell by the sum of the cells before it, in bit-reversed order. Cells b and b+M/2 of M are neighbours in that
// order, so their sums are a column of M/2 cells in bit-reversed order.
func bitReversedPrefixSums(s []m31.M31) {
	if len(s) == 1 {
		s[0] = 0
		return
	}
	low, high := s[:len(s)/2], s[len(s)/2:]
	vector := vectorized(len(low))
	if vector {
		vectorSumsUp(low, high)
	} else {
		for b, x := range low {
			low[b], high[b] = x.Add(high[b]), x
		}
	}
	bitReversedPrefixSums(low)
	if vector {
		vectorSumsDown(low, high)
	} else {
		for b, x := range low {
			high[b] = high[b].Add(x)
		}
	}
}
