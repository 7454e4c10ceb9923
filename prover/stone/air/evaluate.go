package air

import (
	"context"
	"fmt"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
)

// Evaluator evaluates the composition polynomial on cosets of the trace domain. It compiles the constraints to a list of
// operations on vectors of chunk rows. A register is reused after the last operation that reads it.
type Evaluator struct {
	s     *System
	n     uint64
	gen   field.Element
	chunk int

	cells    []Cell  // views of columns
	tables   []table // views of vectors that depend only on the coset
	scalars  []field.Element
	program  []instr
	register int // number of registers
}

// table is a vector over the coset that repeats with a period of at most n rows.
type table struct {
	kind     tableKind
	periodic int    // index of the column, for tablePeriodic
	rows     []Rows // one class for tableVanishing; the classes of the product for tableInverse
	shift    uint64 // row shift of the view, for tableInversePoint
}

type tableKind uint8

const (
	tablePeriodic     tableKind = iota // a periodic column
	tableVanishing                     // the vanishing polynomial of a class
	tableInverse                       // 1/Π of vanishing polynomials
	tableInversePoint                  // 1/(x-1), shifted by shift rows
	tablePoints                        // x
)

// maxChunk is the number of rows that an operation processes. It is large enough to hide the cost of dispatch, and small enough
// that the live registers fit in the second-level cache.
const maxChunk = 128

type opcode uint8

const (
	addVV  opcode = iota // dst = a + b
	addVS                // dst = a + scalar b
	subVV                // dst = a - b
	subSV                // dst = scalar b - a
	mulVV                // dst = a·b
	mulVS                // dst = a·scalar b
	fmaVS                // dst += a·scalar b
	fmaVV                // dst += a·b
	zero                 // dst = 0
	output               // out += a
)

// instr is one operation. Its vector operands are slots, numbered cells first, then tables, then registers.
type instr struct {
	op   opcode
	dst  int
	a, b int
}

// NewEvaluator compiles the system for a trace of n rows, with the given run-time values and composition challenge.
func NewEvaluator(s *System, n uint64, values []field.Element, alpha field.Element) *Evaluator {
	log, ok := field.Log2(n)
	if !ok || n < s.MinTraceLength() || len(values) != len(s.Values) {
		panic(fmt.Sprintf("air: evaluator for %d rows and %d values", n, len(values)))
	}
	e := &Evaluator{s: s, n: n, gen: field.RootOfUnity(log), chunk: int(min(n, maxChunk))}
	c := &compiler{e: e, values: values, known: map[int32]operand{}, tableIndex: map[string]int{}}
	c.compile(alpha)
	return e
}

// operand is the location of a node's value during compilation.
type operand struct {
	scalar bool
	value  field.Element // value of a scalar
	slot   int           // slot of a vector, at first a virtual slot
}

// compiler emits the program with virtual slots. It numbers cells, tables and registers in separate lists. allocate replaces
// virtual slots by final ones once the counts are known.
type compiler struct {
	e          *Evaluator
	values     []field.Element
	known      map[int32]operand
	tableIndex map[string]int
	virtual    int // number of virtual registers
}

// A virtual slot has its kind in the low two bits.
const (
	virtualRegister = 0
	virtualCell     = 1
	virtualTable    = 2
)

func (c *compiler) newRegister() int { c.virtual++; return (c.virtual-1)<<2 | virtualRegister }

func (c *compiler) emit(op opcode, dst, a, b int) {
	c.e.program = append(c.e.program, instr{op, dst, a, b})
}

func (c *compiler) scalar(v field.Element) int {
	c.e.scalars = append(c.e.scalars, v)
	return len(c.e.scalars) - 1
}

func (c *compiler) table(t table) int {
	key := fmt.Sprint(t.kind, t.periodic, t.rows, t.shift)
	k, ok := c.tableIndex[key]
	if !ok {
		k = len(c.e.tables)
		c.e.tables = append(c.e.tables, t)
		c.tableIndex[key] = k
	}
	return k<<2 | virtualTable
}

// compile emits operations for each set of rows on which constraints hold. For each list of exemptions in the set, it computes
// (Σ α^i·c_i)·Π(exempt rows). The sum of these is multiplied by the inverse of the set's vanishing polynomial.
func (c *compiler) compile(alpha field.Element) {
	s := c.e.s
	powers := field.Powers(alpha, len(s.Constraints))
	var groups [][]Rows
	members := map[string][]int{}
	for i, con := range s.Constraints {
		key := fmt.Sprint(con.Domain.On)
		if members[key] == nil {
			groups = append(groups, con.Domain.On)
		}
		members[key] = append(members[key], i)
	}
	for _, on := range groups {
		inverse, factor := c.inverse(on)
		outer := c.newRegister()
		c.emit(zero, outer, 0, 0)
		rest := members[fmt.Sprint(on)]
		for len(rest) > 0 {
			exemptions := s.Constraints[rest[0]].Domain.Exemptions
			sum := outer
			if len(exemptions) > 0 {
				sum = c.newRegister()
				c.emit(zero, sum, 0, 0)
			}
			var later []int
			for _, i := range rest {
				con := &s.Constraints[i]
				if !slices.Equal(con.Domain.Exemptions, exemptions) {
					later = append(later, i)
					continue
				}
				coefficient := powers[i]
				coefficient.Mul(&coefficient, &factor)
				v := c.node(con.expr)
				if v.scalar { // a constant constraint, which only degenerate systems have
					v.slot = c.newRegister()
					c.emit(zero, v.slot, 0, 0)
					c.emit(addVS, v.slot, v.slot, c.scalar(v.value))
				}
				c.emit(fmaVS, sum, v.slot, c.scalar(coefficient))
			}
			if len(exemptions) > 0 {
				f := c.vanishing(exemptions[0])
				for _, r := range exemptions[1:] {
					product := c.newRegister()
					c.emit(mulVV, product, f, c.vanishing(r))
					f = product
				}
				c.emit(fmaVV, outer, sum, f)
			}
			rest = later
		}
		product := c.newRegister()
		c.emit(mulVV, product, outer, inverse)
		c.emit(output, 0, product, 0)
	}
	c.allocate()
}

// inverse returns a slot with 1/Π of the vanishing polynomials, up to the constant factor.
func (c *compiler) inverse(on []Rows) (slot int, factor field.Element) {
	if len(on) == 1 && on[0].Period == 0 {
		// 1/(x - g^k) = g^-k · 1/(x·g^-k - 1): the same vector for all k, shifted.
		_, k := on[0].resolve(c.e.n)
		shift := (c.e.n - k) & (c.e.n - 1)
		return c.table(table{kind: tableInversePoint, shift: shift}), field.Pow(c.e.gen, shift)
	}
	return c.table(table{kind: tableInverse, rows: on}), field.One()
}

// vanishing returns a slot with the vanishing polynomial of a class.
func (c *compiler) vanishing(r Rows) int {
	if r.Period != 0 {
		return c.table(table{kind: tableVanishing, rows: []Rows{r}})
	}
	_, k := r.resolve(c.e.n)
	root := field.Pow(c.e.gen, k)
	root.Neg(&root)
	dst := c.newRegister()
	c.emit(addVS, dst, c.table(table{kind: tablePoints}), c.scalar(root))
	return dst
}

// node emits the operations of a node the first time that it is called for it.
func (c *compiler) node(id int32) operand {
	if v, ok := c.known[id]; ok {
		return v
	}
	n := &c.e.s.nodes[id]
	var v operand
	switch n.op {
	case opCell:
		c.e.cells = append(c.e.cells, Cell{int(n.a), int(n.b)})
		v.slot = (len(c.e.cells)-1)<<2 | virtualCell
	case opPeriodic:
		v.slot = c.table(table{kind: tablePeriodic, periodic: int(n.a)})
	case opValue:
		v = operand{scalar: true, value: c.values[n.a]}
	case opConst:
		v = operand{scalar: true, value: n.value}
	default:
		v = c.binary(n.op, c.node(n.a), c.node(n.b))
	}
	c.known[id] = v
	return v
}

func (c *compiler) binary(op op, a, b operand) operand {
	if a.scalar && b.scalar {
		switch op {
		case opAdd:
			a.value.Add(&a.value, &b.value)
		case opSub:
			a.value.Sub(&a.value, &b.value)
		default:
			a.value.Mul(&a.value, &b.value)
		}
		return a
	}
	v := operand{slot: c.newRegister()}
	switch {
	case !a.scalar && !b.scalar:
		c.emit([...]opcode{addVV, subVV, mulVV}[op-opAdd], v.slot, a.slot, b.slot)
	case op == opSub && a.scalar:
		c.emit(subSV, v.slot, b.slot, c.scalar(a.value))
	case op == opSub:
		b.value.Neg(&b.value)
		c.emit(addVS, v.slot, a.slot, c.scalar(b.value))
	default:
		if a.scalar {
			a, b = b, a
		}
		c.emit([...]opcode{addVS, 0, mulVS}[op-opAdd], v.slot, a.slot, c.scalar(b.value))
	}
	return v
}

// reads returns the vector operands that an instruction reads.
func (i *instr) reads() (slots [3]int, n int) {
	switch i.op {
	case zero:
		return slots, 0
	case addVV, subVV, mulVV:
		return [3]int{i.a, i.b}, 2
	case fmaVV:
		return [3]int{i.a, i.b, i.dst}, 3
	case fmaVS:
		return [3]int{i.a, i.dst}, 2
	}
	return [3]int{i.a}, 1
}

// allocate replaces virtual slots by final ones: cells, tables, and registers, which are reused after their last reader.
func (c *compiler) allocate() {
	e := c.e
	last := make([]int, c.virtual)
	for at := range e.program {
		slots, n := e.program[at].reads()
		for _, s := range slots[:n] {
			if s&3 == virtualRegister {
				last[s>>2] = at
			}
		}
	}
	assigned := make([]int, c.virtual)
	var free []int
	base := len(e.cells) + len(e.tables)
	final := func(s int) int {
		switch s & 3 {
		case virtualCell:
			return s >> 2
		case virtualTable:
			return len(e.cells) + s>>2
		}
		return base + assigned[s>>2]
	}
	defined := make([]bool, c.virtual)
	for at := range e.program {
		in := &e.program[at]
		slots, n := in.reads()
		if in.op != output && !defined[in.dst>>2] {
			// A new destination must not share the register of an operand that is last read here, because dst may not overlap
			// it.
			defined[in.dst>>2] = true
			if k := len(free); k > 0 {
				assigned[in.dst>>2], free = free[k-1], free[:k-1]
			} else {
				assigned[in.dst>>2] = e.register
				e.register++
			}
		}
		dead := map[int]bool{}
		for _, s := range slots[:n] {
			if s&3 == virtualRegister && last[s>>2] == at {
				dead[assigned[s>>2]] = true
			}
		}
		switch in.op {
		case addVV, subVV, mulVV, fmaVV:
			in.b = final(in.b)
		}
		if in.op != zero {
			in.a = final(in.a)
		}
		if in.op != output {
			in.dst = final(in.dst)
		}
		for r := range e.register { // in order, to make the program deterministic
			if dead[r] {
				free = append(free, r)
			}
		}
	}
}

// Coset evaluates the composition on offset·⟨g⟩. columns holds the values of the trace polynomials there, in natural order; out
// receives the values of the composition. If ctx ends, out is incomplete. Coset runs on all cores.
func (e *Evaluator) Coset(ctx context.Context, columns [][]field.Element, offset field.Element, out []field.Element) {
	tables := e.prepare(offset)
	chunks := int(e.n) / e.chunk
	parallel.Chunks(chunks, 1, func(start, end int) {
		w := e.newWorker(columns, tables)
		for k := start; k < end && ctx.Err() == nil; k++ {
			w.run(uint64(k*e.chunk), out[k*e.chunk:(k+1)*e.chunk])
		}
	})
}

// prepare computes the tables for a coset, each with at least chunk elements.
func (e *Evaluator) prepare(offset field.Element) [][]field.Element {
	out := make([][]field.Element, len(e.tables))
	points := make([]field.Element, e.n)
	parallel.Chunks(len(points), 1<<10, func(start, end int) {
		x := field.Pow(e.gen, uint64(start))
		x.Mul(&x, &offset)
		field.PowersFrom(points[start:end], x, e.gen)
	})
	var inversePoints []field.Element // shared by the tables of all shifts
	for i := range e.tables {
		t := &e.tables[i]
		var v []field.Element
		switch t.kind {
		case tablePeriodic:
			v = e.s.Periodic[t.periodic].evaluate(e.n, offset)
		case tablePoints:
			v = points
		case tableVanishing:
			v = e.vanishingTable(t.rows, offset, points)
		case tableInverse:
			v = e.vanishingTable(t.rows, offset, points)
			invertAll(v)
		case tableInversePoint:
			if inversePoints == nil {
				inversePoints = slices.Clone(points)
				one := field.One()
				one.Neg(&one)
				field.ShiftVec(inversePoints, inversePoints, &one)
				invertAll(inversePoints)
			}
			v = inversePoints
		}
		for len(v) < e.chunk { // repeat a short period up to a chunk
			v = append(v, v...)
		}
		out[i] = v
	}
	return out
}

func invertAll(v []field.Element) {
	parallel.Chunks(len(v), 1<<10, func(start, end int) {
		scratch := make([]field.Element, 1<<10)
		for ; start < end; start += len(scratch) {
			field.BatchInvert(v[start:min(end, start+len(scratch))], scratch)
		}
	})
}

// vanishingTable returns one period of the product of the vanishing polynomials on the coset.
func (e *Evaluator) vanishingTable(rows []Rows, offset field.Element, points []field.Element) []field.Element {
	period := uint64(1)
	for _, r := range rows {
		p, _ := r.resolve(e.n)
		period = max(period, p)
	}
	v := make([]field.Element, period)
	for i := range v {
		v[i] = field.One()
	}
	for _, r := range rows {
		p, k := r.resolve(e.n)
		// x^(n/p) takes p values on the coset.
		root := field.Pow(e.gen, k*(e.n/p))
		y, step := field.Pow(offset, e.n/p), field.Pow(e.gen, e.n/p)
		for i := range v {
			var f field.Element
			f.Sub(&y, &root)
			v[i].Mul(&v[i], &f)
			y.Mul(&y, &step) // after p steps y has its first value again
		}
	}
	return v
}

// worker holds the registers of one core.
type worker struct {
	e       *Evaluator
	columns [][]field.Element
	tables  [][]field.Element
	slots   [][]field.Element
	wrapped [][]field.Element // copies of views that cross the end of a vector
}

func (e *Evaluator) newWorker(columns, tables [][]field.Element) *worker {
	w := &worker{e: e, columns: columns, tables: tables}
	views := len(e.cells) + len(e.tables)
	w.slots = make([][]field.Element, views+e.register)
	w.wrapped = make([][]field.Element, views)
	memory := make([]field.Element, e.register*e.chunk)
	for r := range e.register {
		w.slots[views+r] = memory[r*e.chunk : (r+1)*e.chunk : (r+1)*e.chunk]
	}
	return w
}

// view sets a slot to chunk elements of v from index start on, cyclically.
func (w *worker) view(slot int, v []field.Element, start uint64) {
	n, chunk := len(v), w.e.chunk
	at := int(start & uint64(n-1))
	if at+chunk <= n {
		w.slots[slot] = v[at : at+chunk]
		return
	}
	if w.wrapped[slot] == nil {
		w.wrapped[slot] = make([]field.Element, chunk)
	}
	k := copy(w.wrapped[slot], v[at:])
	copy(w.wrapped[slot][k:], v)
	w.slots[slot] = w.wrapped[slot]
}

func (w *worker) run(row uint64, out []field.Element) {
	e := w.e
	for i, c := range e.cells {
		w.view(i, w.columns[c.Column], row+uint64(c.Row))
	}
	for i := range e.tables {
		w.view(len(e.cells)+i, w.tables[i], row+e.tables[i].shift)
	}
	clear(out)
	for k := range e.program {
		in := &e.program[k]
		if in.op == output {
			field.AddVec(out, out, w.slots[in.a])
			continue
		}
		dst := w.slots[in.dst]
		switch in.op {
		case addVV:
			field.AddVec(dst, w.slots[in.a], w.slots[in.b])
		case addVS:
			field.ShiftVec(dst, w.slots[in.a], &e.scalars[in.b])
		case subVV:
			field.SubVec(dst, w.slots[in.a], w.slots[in.b])
		case subSV:
			field.RSubVec(dst, w.slots[in.a], &e.scalars[in.b])
		case mulVV:
			field.MulVec(dst, w.slots[in.a], w.slots[in.b])
		case mulVS:
			field.ScaleVec(dst, w.slots[in.a], &e.scalars[in.b])
		case fmaVS:
			field.MulAddVec(dst, w.slots[in.a], &e.scalars[in.b])
		case fmaVV:
			field.AddMulVec(dst, w.slots[in.a], w.slots[in.b])
		case zero:
			clear(dst)
		}
	}
}
