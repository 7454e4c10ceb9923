package air

import (
	"fmt"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/circle"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Interactions are the interaction columns of a component and the claimed sum.
type Interactions struct {
	Columns    [][]m31.M31 // four for each pair of lookups; nil is a column of zeros, allowed only for all four of a pair that is not the last
	ClaimedSum m31.QM31
}

// Composition adds the component's share of the composition polynomial to acc, by coordinates: the sum over the constraints of power·value, divided
// by the vanishing polynomial of the trace domain. powers[i] belongs to constraint i of Evaluate.
//
// It is evaluated on the canonic domain of twice the trace's size, so the columns of t and s are those of the trace extended to that domain, and acc
// is as long.
func (c *Component) Composition(t *Table, s *Interactions, ch *Challenges, powers []m31.QM31, acc [4][]m31.M31) {
	if len(powers) != c.ConstraintCount() || len(s.Columns) != c.InteractionColumns() {
		panic(fmt.Sprintf("air: %s has %d constraints and %d interaction columns, not %d and %d", c.Name, c.ConstraintCount(), c.InteractionColumns(),
			len(powers), len(s.Columns)))
	}
	p := c.compileComposition(t, s, ch, powers)
	rows := 1 << t.LogSize
	size := min(blockRows, rows)
	// The vanishing polynomial has one value in the first half of the cells, and its negative in the second.
	inverse := circle.Vanishing(t.LogSize, circle.CellPoint(0, t.LogSize+1)).Inverse()
	parallel.Chunks(2*rows/size, 1, func(start, end int) {
		e := newComposer(p, t, s)
		for b := start; b < end; b++ {
			first := b * size
			e.block(first, size)
			v := inverse
			if first >= rows {
				v = v.Neg()
			}
			for q := range acc {
				out := acc[q][first : first+size]
				for i, x := range e.sum[q][:size] {
					out[i] = out[i].Add(x.Mul(v))
				}
			}
		}
	})
}

// termReader adds terms to the composition of a row: constraints, or the constraint of a pair of lookups.
type termReader struct {
	constraints secureSum // power·value of constraints
	pair        *pairTerm // or nil
}

func (r *termReader) operands(f func(*int32)) {
	r.constraints.operands(f)
	if p := r.pair; p != nil {
		for k := range p.count {
			p.multiplicity[k].operands(f)
			p.denominator[k].operands(f)
		}
	}
}

// pairTerm is the LogUp constraint of a pair of lookups m1/d1 + m2/d2, times its power of the composition coefficient. With D the step of the
// interaction column it is
//
//	power·(D·d1·d2 - m1·d2 - m2·d1) = (D·power·d1 - power·m1)·d2 - m2·power·d1
//
// so two products suffice if power·d1 is computed from powers of α that are multiplied by power. A single lookup has power·(D·d1 - m1).
type pairTerm struct {
	number       int
	last         bool
	count        int // of lookups, 1 or 2
	power        m31.QM31
	multiplicity [2]factor
	negative     [2]bool      // the multiplicity is negated
	denominator  [2]secureSum // power·d1 and d2
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
	a := assembler[*termReader]{compiler: newCompiler(c, t, roots)}
	for first := 0; first < len(c.Constraints); first += constraintGroup {
		var r termReader
		for k := first; k < min(first+constraintGroup, len(c.Constraints)); k++ {
			a.addTo(&r.constraints, c.Constraints[k].expr, powers[k])
		}
		a.read(&r)
	}
	for k := range c.batches() {
		p := &pairTerm{number: k, last: k == c.batches()-1, count: min(2, len(c.Lookups)-2*k), power: powers[len(c.Constraints)+k]}
		zero := !p.last && s.Columns[4*k] == nil && (k == 0 || s.Columns[4*k-4] == nil)
		for j := range p.count {
			p.multiplicity[j], p.negative[j] = a.multiplicity(&c.Lookups[2*k+j])
			zero = zero && p.multiplicity[j] == factor{slot: -1}
		}
		if zero {
			continue
		}
		p.denominator[0] = a.denominator(&c.Lookups[2*k], ch, p.power)
		if p.count == 2 {
			p.denominator[1] = a.denominator(&c.Lookups[2*k+1], ch, m31.FromM31(1))
		}
		a.read(&termReader{pair: p})
	}
	return a.finish()
}

// composer evaluates the composition in blocks of rows.
type composer struct {
	program      *program[*termReader]
	machine      *machine
	interactions *Interactions
	logSize      int
	shift        m31.QM31
	sum          secureBlock
	denominator  [2]secureBlock
	step         secureBlock
}

func newComposer(p *program[*termReader], t *Table, s *Interactions) *composer {
	return &composer{
		program: p, machine: p.machine(t), interactions: s, logSize: t.LogSize, shift: s.ClaimedSum.Scale(m31.New(1 << t.LogSize).Inverse()),
		sum: newSecureBlock(), denominator: [2]secureBlock{newSecureBlock(), newSecureBlock()}, step: newSecureBlock(),
	}
}

// block sets e.sum to the composition, without the division, in n rows from first on.
func (e *composer) block(first, n int) {
	m := e.machine
	m.seek(first, n)
	for q := range e.sum {
		clear(e.sum[q])
	}
	for k := range e.program.steps {
		s := &e.program.steps[k]
		m.run(s.code)
		if p := s.read.pair; p != nil {
			e.addPair(p, first, n)
		} else {
			m.addSecureSum(&e.sum, &s.read.constraints)
		}
	}
}

// addPair adds the term of a pair of lookups.
func (e *composer) addPair(p *pairTerm, first, n int) {
	m := e.machine
	for k := range p.count {
		d := e.denominator[k].cut(n)
		m.secureSum(&d, &p.denominator[k])
	}
	e.steps(p, first, n)
	multiplicity := func(k, i int) m31.M31 {
		v := p.multiplicity[k].constant
		if b := m.factor(p.multiplicity[k]); b != nil {
			v = b[i]
		}
		if p.negative[k] {
			v = v.Neg()
		}
		return v
	}
	for i := range n {
		d1 := e.denominator[0].at(i)
		v := e.step.at(i).Mul(d1).Sub(p.power.Scale(multiplicity(0, i)))
		if p.count == 2 {
			v = v.Mul(e.denominator[1].at(i)).Sub(d1.Scale(multiplicity(1, i)))
		}
		e.sum.set(i, e.sum.at(i).Add(v))
	}
}

// steps sets e.step to the difference of the interaction column of p and the one before, and for the last pair also of the previous row.
func (e *composer) steps(p *pairTerm, first, n int) {
	for q := range e.step {
		step := e.step[q][:n]
		clear(step)
		if c := e.interactions.Columns[4*p.number+q]; c != nil {
			copy(step, c[first:])
		}
		if p.number > 0 {
			if c := e.interactions.Columns[4*(p.number-1)+q]; c != nil {
				for i, v := range c[first : first+n] {
					step[i] = step[i].Sub(v)
				}
			}
		}
		if p.last {
			shift := e.shift.Coordinates()[q]
			c := e.interactions.Columns[4*p.number+q]
			for i := range step {
				step[i] = step[i].Sub(c[circle.PreviousCell(first+i, e.logSize, e.logSize+1)]).Add(shift)
			}
		}
	}
}
