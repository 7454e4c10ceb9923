package air

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// Table is what the program of one component is evaluated on, row by row: its columns, either on the trace domain or on a larger one.
type Table struct {
	LogSize      int // log2 of the number of rows of the trace
	Parameter    m31.M31
	Columns      [][]m31.M31 // in storage order; nil is a column of zeros
	Preprocessed [][]m31.M31 // in the order of Component.Preprocessed

	// Generate, if not nil, sets dst to the cells of preprocessed column k from row first on. Interaction calls it for the rows that it needs, on
	// several goroutines, and does not read Preprocessed.
	Generate func(k int, dst []m31.M31, first int)
}

// What follows compiles a component's program for blocks of rows: an instruction computes one value in all rows of a block. Its operands are
// slots: the trace columns, then the preprocessed columns and those of the reader, then registers, which are blocks of the machine's memory.
//
// Compilation knows the table's parameter, its size and which of its columns are 0, so all of these are constants. It goes from what the
// reader of a component asks for (see reader) down to the columns:
//
//  1. Each node is written as k·n + c, where n is a column, a product, or a sum of several such terms (affine).
//  2. A sum that is used once is part of the sum that uses it, and so are products that are used once. What remains becomes instructions, in
//     the order in which they are asked for, each with a register of its own.
//  3. Registers are shared between values that are not alive at the same time.

// opcode says what an instruction computes.
type opcode uint8

const (
	codeAdd           opcode = iota // dst = a + b
	codeSub                         // dst = a - b
	codeMul                         // dst = a·b
	codeAddConstant                 // dst = a + k
	codeConstantMinus               // dst = k - a
	codeScale                       // dst = k·a
	codeSum                         // dst = value of sum
)

// instruction computes the value of slot dst.
type instruction struct {
	op   opcode
	dst  int32
	a, b int32
	k    m31.M31
	sum  *sum
}

// sum is a constant, plus terms, minus terms. Each of its lists has the terms that are added at [0] and those that are subtracted at [1].
type sum struct {
	constant m31.M31
	plain    [2][]int32
	scaled   [2][]scaled
	products [2][]product
}

// scaled is the term k·slot.
type scaled struct {
	slot int32
	k    m31.M31
}

// product is the term a·b.
type product struct{ a, b int32 }

// operands calls f with each slot that the instruction reads.
func (i *instruction) operands(f func(*int32)) {
	switch i.op {
	case codeAdd, codeSub, codeMul:
		f(&i.a)
		f(&i.b)
	case codeAddConstant, codeConstantMinus, codeScale:
		f(&i.a)
	case codeSum:
		for side := range 2 {
			for k := range i.sum.plain[side] {
				f(&i.sum.plain[side][k])
			}
			for k := range i.sum.scaled[side] {
				f(&i.sum.scaled[side][k].slot)
			}
			for k := range i.sum.products[side] {
				f(&i.sum.products[side][k].a)
				f(&i.sum.products[side][k].b)
			}
		}
	}
}

// secureSum is a combination of slots with coefficients of the secure field.
type secureSum struct {
	constant m31.QM31
	terms    []secureTerm

	// The same for the kernels.
	coordinates [4]uint64
	wide        []wideTerm
}

type secureTerm struct {
	slot int32
	k    m31.QM31
}

func (s *secureSum) operands(f func(*int32)) {
	for k := range s.terms {
		f(&s.terms[k].slot)
	}
}

// affine is the value k·n + c, where n is a node; k is 0 if the value is constant. Nodes n are columns, products, and sums that are not of
// this form themselves.
type affine struct {
	n    int32
	k, c m31.M31
}

func (a affine) constant() bool { return a.k == 0 }

// compiler holds the state of a compilation.
type compiler struct {
	c      *Component
	forms  []affine
	uses   []int32 // how often a node is an operand of other values
	slots  []int32 // the slot of a node, or -1
	where  []int32 // scratch of collect: the position of a slot in the list of terms, plus 1
	code   []instruction
	inputs int // number of slots that are columns
	values int // number of values computed so far; value i has slot inputs + i
}

// newCompiler returns a compiler of c for the table t, of which the nodes of roots are to be computed. The reader's own columns are `more` slots
// after those of the table.
func newCompiler(c *Component, t *Table, roots []int32, more int) *compiler {
	if len(t.Columns) != len(c.Columns) || len(t.Preprocessed) != len(c.Preprocessed) {
		panic(fmt.Sprintf("air: %s has %d columns and reads %d preprocessed ones, the table has %d and %d", c.Name, len(c.Columns), len(c.Preprocessed),
			len(t.Columns), len(t.Preprocessed)))
	}
	p := &compiler{c: c, inputs: len(c.Columns) + len(c.Preprocessed) + more}
	p.forms = make([]affine, len(c.nodes))
	p.uses = make([]int32, len(c.nodes))
	p.slots = make([]int32, len(c.nodes))
	for i := range c.nodes {
		p.slots[i] = -1
		p.forms[i] = p.form(int32(i), t)
	}
	seen := make([]bool, len(c.nodes))
	for _, r := range roots {
		p.use(r, seen)
	}
	return p
}

// form returns node i in the form k·n + c. Nodes before i have their forms.
func (p *compiler) form(i int32, t *Table) affine {
	n := p.c.nodes[i]
	constant := func(v m31.M31) affine { return affine{c: v} }
	scale := func(f affine, k m31.M31) affine { return affine{f.n, f.k.Mul(k), f.c.Mul(k)} }
	itself := affine{n: i, k: 1}
	switch n.op {
	case opConst:
		return constant(m31.M31(n.k))
	case opParameter:
		return constant(t.Parameter)
	case opSize:
		return constant(m31.New(uint64(n.k) << t.LogSize))
	case opColumn:
		if t.Columns[n.k] == nil {
			return constant(0)
		}
		p.slots[i] = int32(n.k)
		return itself
	case opPreprocessed:
		if t.Preprocessed[n.k] == nil {
			return constant(0)
		}
		p.slots[i] = int32(len(p.c.Columns)) + int32(n.k)
		return itself
	case opNeg:
		return scale(p.forms[n.a], m31.P-1)
	case opAdd, opSub:
		a, b := p.forms[n.a], p.forms[n.b]
		if n.op == opSub {
			b = scale(b, m31.P-1)
		}
		switch {
		case a.constant():
			return affine{b.n, b.k, a.c.Add(b.c)}
		case b.constant() || a.n == b.n:
			return affine{a.n, a.k.Add(b.k), a.c.Add(b.c)}
		}
		return itself
	case opMul:
		a, b := p.forms[n.a], p.forms[n.b]
		switch {
		case a.constant():
			return scale(b, a.c)
		case b.constant():
			return scale(a, b.c)
		}
		return itself
	}
	return itself // of a witness; never asked for
}

// use counts a use of node i, and at its first the uses of its operands.
func (p *compiler) use(i int32, seen []bool) {
	f := p.forms[i]
	if f.constant() {
		return
	}
	p.uses[f.n]++
	if seen[f.n] {
		return
	}
	seen[f.n] = true
	switch n := p.c.nodes[f.n]; n.op {
	case opAdd, opSub, opMul:
		p.use(n.a, seen)
		p.use(n.b, seen)
	case opColumn, opPreprocessed:
	default:
		panic(fmt.Sprintf("air: %s: an operation of witnesses in a constraint", p.c.Name))
	}
}

// slot returns the slot of node i, which is not constant. It adds the instructions that compute it if there is none yet.
func (p *compiler) slot(i int32) int32 {
	if p.slots[i] >= 0 {
		return p.slots[i]
	}
	f := p.forms[i]
	var s sum
	if f.n != i {
		// In steps, so that node f.n gets a slot of its own.
		s.constant = f.c
		s.addScaled(p.slot(f.n), f.k)
	} else if n := p.c.nodes[i]; n.op == opMul {
		s.products[0] = []product{{p.slot(n.a), p.slot(n.b)}}
	} else {
		terms := collector{p: p}
		terms.add(i, 1)
		s = terms.sum()
	}
	p.slots[i] = p.emit(s)
	return p.slots[i]
}

// emit adds the instruction that computes s, and returns the slot of its value.
func (p *compiler) emit(s sum) int32 {
	i := instruction{op: codeSum, dst: int32(p.inputs + p.values), sum: &s}
	p.values++
	plus, minus := s.plain[0], s.plain[1]
	count := [6]int{len(plus), len(minus), len(s.scaled[0]), len(s.scaled[1]), len(s.products[0]), len(s.products[1])}
	switch {
	case count == [6]int{2} && s.constant == 0:
		i.op, i.a, i.b = codeAdd, plus[0], plus[1]
	case count == [6]int{1, 1} && s.constant == 0:
		i.op, i.a, i.b = codeSub, plus[0], minus[0]
	case count == [6]int{1}:
		i.op, i.a, i.k = codeAddConstant, plus[0], s.constant
	case count == [6]int{0, 1}:
		i.op, i.a, i.k = codeConstantMinus, minus[0], s.constant
	case count == [6]int{0, 0, 1} && s.constant == 0:
		i.op, i.a, i.k = codeScale, s.scaled[0][0].slot, s.scaled[0][0].k
	case count == [6]int{0, 0, 0, 1} && s.constant == 0:
		i.op, i.a, i.k = codeScale, s.scaled[1][0].slot, s.scaled[1][0].k.Neg()
	case count == [6]int{0, 0, 0, 0, 1} && s.constant == 0:
		i.op, i.a, i.b = codeMul, s.products[0][0].a, s.products[0][0].b
	}
	if i.op != codeSum {
		i.sum = nil
	}
	p.code = append(p.code, i)
	return i.dst
}

// addScaled adds k·slot to s.
func (s *sum) addScaled(slot int32, k m31.M31) {
	side := 0
	if k > m31.P/2 {
		side, k = 1, k.Neg()
	}
	switch k {
	case 0:
	case 1:
		s.plain[side] = append(s.plain[side], slot)
	default:
		s.scaled[side] = append(s.scaled[side], scaled{slot, k})
	}
}

// collector gathers the terms of a sum, those of equal slots together.
type collector struct {
	p        *compiler
	constant m31.M31
	terms    []scaled
	products [2][]product
}

// add adds k times the node i, which is a sum.
func (c *collector) add(i int32, k m31.M31) {
	n := c.p.c.nodes[i]
	c.addForm(c.p.forms[n.a], k)
	if n.op == opSub {
		k = k.Neg()
	}
	c.addForm(c.p.forms[n.b], k)
}

func (c *collector) addForm(f affine, k m31.M31) {
	p := c.p
	c.constant = c.constant.Add(f.c.Mul(k))
	k = k.Mul(f.k)
	if k == 0 {
		return
	}
	if n := p.c.nodes[f.n]; p.uses[f.n] == 1 && p.slots[f.n] < 0 {
		switch {
		case n.op == opAdd || n.op == opSub:
			c.add(f.n, k)
			return
		case n.op == opMul && (k == 1 || k == m31.P-1):
			side := 0
			if k != 1 {
				side = 1
			}
			c.products[side] = append(c.products[side], product{p.slot(n.a), p.slot(n.b)})
			return
		}
	}
	c.terms = append(c.terms, scaled{p.slot(f.n), k})
}

// sum returns the sum.
func (c *collector) sum() sum {
	s := sum{constant: c.constant, products: c.products}
	// p.where is all 0 between calls. Slots are fewer than nodes and columns together.
	where := c.p.where
	if where == nil {
		where = make([]int32, c.p.inputs+len(c.p.c.nodes))
		c.p.where = where
	}
	merged := c.terms[:0]
	for _, t := range c.terms {
		if at := where[t.slot]; at > 0 {
			merged[at-1].k = merged[at-1].k.Add(t.k)
			continue
		}
		merged = append(merged, t)
		where[t.slot] = int32(len(merged))
	}
	for _, t := range merged {
		where[t.slot] = 0
		s.addScaled(t.slot, t.k)
	}
	return s
}

// addTo adds k·(node i) to s.
func (p *compiler) addTo(s *secureSum, i int32, k m31.QM31) {
	f := p.forms[i]
	s.constant = s.constant.Add(k.Scale(f.c))
	if f.constant() {
		return
	}
	slot := p.slot(f.n)
	k = k.Scale(f.k)
	for j := range s.terms {
		if s.terms[j].slot == slot {
			s.terms[j].k = s.terms[j].k.Add(k)
			return
		}
	}
	s.terms = append(s.terms, secureTerm{slot, k})
}

// denominator returns k·⟨ID, values…⟩ of the lookup l.
func (p *compiler) denominator(l *Lookup, ch *Challenges, k m31.QM31) secureSum {
	s := secureSum{constant: k.Mul(m31.FromM31(l.Relation.ID).Sub(ch.Z))}
	for j, v := range l.values {
		p.addTo(&s, v, k.Mul(ch.Alpha[j+1]))
	}
	return s
}

// factor is a base field value that is used as such: a constant, or a slot.
type factor struct {
	slot     int32 // -1 if constant
	constant m31.M31
}

func (f *factor) operands(g func(*int32)) {
	if f.slot >= 0 {
		g(&f.slot)
	}
}

// multiplicity returns the multiplicity of a lookup, negative for yields, as a factor times sign. A sign of -1 is not applied.
func (p *compiler) multiplicity(l *Lookup) (f factor, negative bool) {
	form := p.forms[l.multiplicity]
	if form.constant() {
		k := form.c
		if l.Yield {
			k = k.Neg()
		}
		return factor{-1, k}, false
	}
	if form.c == 0 && form.k == m31.P-1 {
		return factor{slot: p.slot(form.n)}, !l.Yield
	}
	return factor{slot: p.slot(l.multiplicity)}, l.Yield
}

// reader is a step of a compiled program: what is done with values after they have been computed.
type reader interface {
	// operands calls f with each slot that the reader reads.
	operands(f func(*int32))
	// finish prepares the reader for the kernels, once its slots are final.
	finish()
}

// step is a part of a compiled program: instructions, then a reader of their values.
type step[R reader] struct {
	code  []instruction
	words []uint32 // the code for the kernels
	read  R
}

// program is a compiled program.
type program[R reader] struct {
	steps     []step[R]
	inputs    int // slots that are columns
	registers int
}

// assembler collects the steps of a program.
type assembler[R reader] struct {
	*compiler
	program program[R]
}

// read adds a step that ends in r. Instructions for it are those that were added since the last one.
func (a *assembler[R]) read(r R) {
	a.program.steps = append(a.program.steps, step[R]{code: a.code, read: r})
	a.code = nil
}

// finish gives the values their registers and returns the program.
func (a *assembler[R]) finish() *program[R] {
	inputs := int32(a.inputs)
	// last[v] is the number of the last instruction or reader that reads value v.
	last := make([]int32, a.values)
	time := int32(0)
	mark := func(s *int32) {
		if *s >= inputs {
			last[*s-inputs] = time
		}
	}
	for i := range a.program.steps {
		s := &a.program.steps[i]
		for j := range s.code {
			s.code[j].operands(mark)
			time++
		}
		s.read.operands(mark)
		time++
	}
	// Registers that are free are reused last in, first out: they are in the nearest cache.
	register := make([]int32, a.values)
	var free []int32
	count := int32(0)
	time = 0
	var dying []int32
	rename := func(s *int32) {
		if *s < inputs {
			return
		}
		v := *s - inputs
		*s = inputs + register[v]
		if last[v] == time {
			last[v] = -1
			dying = append(dying, register[v])
		}
	}
	release := func() {
		free = append(free, dying...)
		dying = dying[:0]
		time++
	}
	for i := range a.program.steps {
		s := &a.program.steps[i]
		for j := range s.code {
			c := &s.code[j]
			c.operands(rename)
			if len(dying) == 0 && len(free) == 0 {
				free = append(free, count)
				count++
			}
			free = append(free, dying...)
			dying = dying[:0]
			r := free[len(free)-1]
			free = free[:len(free)-1]
			register[c.dst-inputs] = r
			c.dst = inputs + r
			release()
		}
		s.read.operands(rename)
		release()
		s.words = words(s.code)
		s.read.finish()
	}
	a.program.inputs, a.program.registers = a.inputs, int(count)
	return &a.program
}
