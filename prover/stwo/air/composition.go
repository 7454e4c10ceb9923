package air

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Composition computes a component's share of the composition polynomial on the canonic domain of twice the trace's size: the sum over the
// constraints of power·value, divided by the vanishing polynomial of the trace domain.
type Composition struct {
	program *program[*termReader]
	logSize int
}

// Compose returns the composition of c on the trace t with the interaction columns s. powers[i] belongs to constraint i of Evaluate. Of the columns
// only matters which of them are nil.
func (c *Component) Compose(t *Table, s *Interactions, ch *Challenges, powers []m31.QM31) *Composition {
	if len(powers) != c.ConstraintCount() || len(s.Columns) != c.InteractionColumns() {
		panic(fmt.Sprintf("air: %s has %d constraints and %d interaction columns, not %d and %d", c.Name, c.ConstraintCount(), c.InteractionColumns(),
			len(powers), len(s.Columns)))
	}
	return &Composition{c.compileComposition(t, s, ch, powers), t.LogSize}
}

// AddPart adds the composition in n cells of the domain, from number first on, to acc, by coordinates. n is a power of two and divides first. The columns
// of t and s, extended to the domain, hold these cells, but last, the last four interaction columns, and acc those of the whole domain.
func (k *Composition) AddPart(first, n int, t *Table, s *Interactions, last, acc [4][]m31.M31) {
	size := min(blockRows, n)
	// The vanishing polynomial has one value in the first half of the cells, and its negative in the second.
	factor := circle.Vanishing(k.logSize, circle.CellPoint(0, k.logSize+1)).Inverse()
	if first >= 1<<k.logSize {
		factor = factor.Neg()
	}
	share(n/size, func(next func() int) {
		e := newComposer(k.program, t, s, last, first)
		for b := next(); b >= 0; b = next() {
			e.block(b*size, size, factor, acc)
		}
	})
}

// Composition adds the component's share of the composition polynomial to acc, by coordinates. The columns of t and s are those of the trace extended to
// the canonic domain of twice the trace's size, and acc is as long.
func (c *Component) Composition(t *Table, s *Interactions, ch *Challenges, powers []m31.QM31, acc [4][]m31.M31) {
	k := c.Compose(t, s, ch, powers)
	var last [4][]m31.M31
	if n := len(s.Columns); n > 0 {
		last = [4][]m31.M31(s.Columns[n-4:])
	}
	for half := range 2 {
		cut := func(columns [][]m31.M31) [][]m31.M31 {
			out := make([][]m31.M31, len(columns))
			for i, c := range columns {
				if c != nil {
					out[i] = c[half<<t.LogSize:][:1<<t.LogSize]
				}
			}
			return out
		}
		part := *t
		part.Columns, part.Preprocessed = cut(t.Columns), cut(t.Preprocessed)
		k.AddPart(half<<t.LogSize, 1<<t.LogSize, &part, &Interactions{Columns: cut(s.Columns), ClaimedSum: s.ClaimedSum}, last, acc)
	}
}

// termReader adds terms to the composition of a row: constraints, or the constraint of a pair of lookups.
type termReader struct {
	constraints secureSum // power·value of constraints
	pair        *pairTerm // or nil
}

// pairTerm is the LogUp constraint of a pair of lookups m1/d1 + m2/d2, times its power of the composition coefficient. With D the step of the
// interaction column it is
//
//	power·(D·d1·d2 - m1·d2 - m2·d1) = (D·power·d1 - power·m1)·d2 - m2·power·d1
//
// so two products suffice if power·d1 is computed from powers of α that are multiplied by power. A single lookup has power·(D·d1 - m1).
type pairTerm struct {
	step        [4]int32
	denominator [2]secureSum // power·d1 and d2
	pairFactors
}

func (r *termReader) operands(f func(*int32)) {
	r.constraints.operands(f)
	p := r.pair
	if p == nil {
		return
	}
	for q := range p.step {
		f(&p.step[q])
	}
	for k := range p.denominator {
		p.denominator[k].operands(f)
		if p.slots[k] >= 0 {
			f(&p.slots[k])
		}
	}
}

func (r *termReader) finish() {
	r.constraints.widen()
	if r.pair != nil {
		r.pair.denominator[0].widen()
		r.pair.denominator[1].widen()
	}
}

// constraintGroup is the number of constraints whose values are read together, and so are in registers at the same time.
const constraintGroup = 8

func (c *Component) compileComposition(t *Table, s *Interactions, ch *Challenges, powers []m31.QM31) *program[*termReader] {
	var roots []int32
	for _, k := range c.Constraints {
		roots = append(roots, k.expr)
	}
	for _, l := range c.Lookups {
		roots = append(append(roots, l.multiplicity), l.values...)
	}
	// The reader's own columns: those of the interaction, four of its last columns at the previous row, and one of zeros.
	first := int32(len(t.Columns) + len(t.Preprocessed))
	previous := first + int32(len(s.Columns))
	zero := previous + 4
	a := assembler[*termReader]{compiler: newCompiler(c, t, roots, len(s.Columns)+5)}
	for first := 0; first < len(c.Constraints); first += constraintGroup {
		var r termReader
		for k := first; k < min(first+constraintGroup, len(c.Constraints)); k++ {
			a.addTo(&r.constraints, c.Constraints[k].expr, powers[k])
		}
		a.read(&r)
	}
	shift := s.ClaimedSum.Scale(m31.New(1 << t.LogSize).Inverse()).Coordinates()
	for k := range c.batches() {
		p := &pairTerm{}
		isZero := true
		for q := range p.step {
			var step sum
			if s.Columns[4*k+q] != nil {
				step.plain[0] = append(step.plain[0], first+int32(4*k+q))
			}
			if k > 0 && s.Columns[4*(k-1)+q] != nil {
				step.plain[1] = append(step.plain[1], first+int32(4*(k-1)+q))
			}
			if k == c.batches()-1 && s.Columns[4*k+q] != nil {
				step.plain[1] = append(step.plain[1], previous+int32(q))
				step.constant = shift[q]
			}
			switch {
			case len(step.plain[0])+len(step.plain[1]) == 0:
				p.step[q] = zero
				continue
			case len(step.plain[1]) == 0 && step.constant == 0:
				p.step[q] = step.plain[0][0]
			default:
				p.step[q] = a.emit(step)
			}
			isZero = false
		}
		power := powers[len(c.Constraints)+k]
		first, negative := a.multiplicity(&c.Lookups[2*k])
		p.setFirst(first, negative, power.Neg())
		second := factor{slot: -1}
		if p.mode = pairSingle; 2*k+1 < len(c.Lookups) {
			second, negative = a.multiplicity(&c.Lookups[2*k+1])
			if v := second.constant; second.slot < 0 && v != 0 && v != 1 && v != m31.P-1 {
				// There is no mode for this.
				second.slot = a.emit(sum{constant: v, plain: [2][]int32{{zero}}})
			}
			p.setSecond(second, negative)
		}
		if none := (factor{slot: -1}); isZero && first == none && second == none {
			continue
		}
		p.denominator[0] = a.denominator(&c.Lookups[2*k], ch, power)
		if p.mode&pairSingle == 0 {
			p.denominator[1] = a.denominator(&c.Lookups[2*k+1], ch, m31.FromM31(1))
		}
		a.read(&termReader{pair: p})
	}
	return a.finish()
}

// composer evaluates the composition in blocks of rows.
type composer struct {
	program     *program[*termReader]
	machine     *machine
	last        [4][]m31.M31 // the last interaction columns on the whole domain
	start       int          // the number in the domain of the columns' first cell
	logSize     int
	previous    int // the first slot of those at the previous row
	shifted     secureBlock
	constant    m31.QM31 // of all constraints' values
	sums        secureSums
	denominator [2]secureBlock
}

func newComposer(p *program[*termReader], t *Table, s *Interactions, last [4][]m31.M31, start int) *composer {
	columns := slices.Concat(t.Columns, t.Preprocessed, s.Columns, make([][]m31.M31, 5))
	e := &composer{
		program: p, machine: newMachine(columns, p.registers), last: last, start: start, logSize: t.LogSize, previous: len(columns) - 5,
		shifted: newSecureBlock(), sums: newSecureSums(), denominator: [2]secureBlock{newSecureBlock(), newSecureBlock()},
	}
	e.machine.set(len(columns)-1, make(block, blockRows))
	for k := range p.steps {
		e.constant = e.constant.Add(p.steps[k].read.constraints.constant)
	}
	return e
}

// block adds factor times the composition in n rows, the first of which has the number first in the columns, to out.
func (e *composer) block(first, n int, factor m31.M31, out [4][]m31.M31) {
	m := e.machine
	m.seek(first, n)
	first += e.start
	e.seekPrevious(first, n)
	clear(e.sums)
	for k := range e.program.steps {
		s := &e.program.steps[k]
		m.prefetch(k, len(e.program.steps))
		m.run(s.code, s.words)
		if p := s.read.pair; p != nil {
			e.addPair(p)
		} else {
			m.addSecureSum(e.sums, &s.read.constraints)
		}
	}
	constant := e.constant.Scale(factor).Coordinates()
	for q := range out {
		d := out[q][first : first+n]
		e.sums.addTo(d, q, factor)
		if constant[q] != 0 {
			for i := range d {
				d[i] = d[i].Add(constant[q])
			}
		}
	}
}

// seekPrevious sets the slots of the last interaction columns at the previous row.
func (e *composer) seekPrevious(first, n int) {
	if e.last[0] == nil {
		return
	}
	previous := func(i int) int { return circle.PreviousCell(first+i, e.logSize, e.logSize+1) }
	// The previous rows of a block's even cells are the even cells of another block, in the same order, and so for odd cells. Only where the
	// number of the block begins or ends a cycle are they in another order.
	even, odd := previous(0), previous(1)-1
	ordered := previous(n-2) == even+n-2 && previous(n-1) == odd+n-1
	for q, c := range e.last {
		shifted := e.shifted[q][:n]
		switch {
		case ordered && e.machine.vector:
			vectorInterleave(shifted, c[even:], c[odd:])
		case ordered:
			for i := 0; i < n; i += 2 {
				shifted[i], shifted[i+1] = c[even+i], c[odd+i+1]
			}
		default:
			for i := range n {
				shifted[i] = c[previous(i)]
			}
		}
		e.machine.set(e.previous+q, shifted)
	}
}

// addPair adds the term of a pair of lookups to the sums.
func (e *composer) addPair(p *pairTerm) {
	m := e.machine
	m.secureSum(&e.denominator[0], &p.denominator[0])
	if p.mode&pairSingle == 0 {
		m.secureSum(&e.denominator[1], &p.denominator[1])
	}
	m.addPair(e.sums, p.step, &e.denominator, &p.pairFactors)
}
