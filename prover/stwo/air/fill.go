package air

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Filling is what the columns of a component are computed from.
type Filling struct {
	Env       any // passed to functions
	LogSize   int
	Parameter m31.M31
	Enabled   int         // the number of rows that have an input of their own; those after them are padding
	Inputs    [][]m31.M31 // each word of the rows' inputs, padding included
	// Uses receives the tuples of counted lookups, in the order of Component.Lookups, and Feeds those of Component.Feeds. A nil Sink drops
	// the tuples.
	Uses, Feeds []Sink
}

// Sink receives a tuple from each row of a block: values[k][i] is value k of row first+i. Values that a lookup leaves out are missing. Several
// goroutines call a sink, each with a number of its own from 0 to parallel.Workers()-1. A sink must not keep or change the values.
type Sink func(worker, first int, values [][]m31.M31)

// Fill returns the columns of a component. A column that is a word of the input takes over its memory; a second one is a copy.
func (c *Component) Fill(f *Filling) [][]m31.M31 {
	p := c.witness()
	rows := 1 << f.LogSize
	if len(f.Inputs) != c.Inputs {
		panic(fmt.Sprintf("air: %s has %d input words, not %d", c.Name, c.Inputs, len(f.Inputs)))
	}
	columns := make([][]m31.M31, len(c.Columns))
	for k, input := range p.copied {
		switch {
		case input < 0:
			columns[k] = make([]m31.M31, rows)
		case slices.Contains(p.copied[:k], input):
			columns[k] = slices.Clone(f.Inputs[input][:rows])
		default:
			columns[k] = f.Inputs[input][:rows:rows]
		}
	}
	size := min(rows, blockRows)
	var workers atomic.Int32
	parallel.Chunks(rows/size, 1, func(start, end int) {
		w := p.newWorker(f, columns, size)
		w.number = int(workers.Add(1)) - 1
		for block := start; block < end; block++ {
			w.run(block * size)
		}
	})
	return columns
}

// witness is a component's witness as steps over registers. A register is a slice with a word for each row of a block. The registers are, in
// this order: the columns, the words of the input, the fixed registers, and temporary ones.
type witness struct {
	steps     []fillStep
	columns   int
	inputs    int
	fixed     []node // the nodes of fixed registers: constants, opParameter, opSize, opEnabled, opPreprocessed (the row number)
	registers int
	copied    []int // the word of the input that a column is, or -1
}

// fillStep is a step of a witness program: instructions, or one of the operations that instructions do not have.
type fillStep struct {
	op   op
	code []instruction // of opCode
	text []uint32      // the same for the kernels

	a, b, dst int32
	k         uint32

	f       *Function
	in, out []int32 // the registers of a call; the values of a sink
	sink    int
	feed    bool
}

// Operations of steps that nodes do not have.
const (
	opCode op = 100 + iota // instructions
	opSink
)

// unused is the register of an output that nothing reads.
const unused = -1

// witnessCompiler holds the state of a compilation. It goes through the nodes in their order, which is one in which they can be computed.
type witnessCompiler struct {
	c *Component
	p *witness

	needed  []bool             // a column or a sink depends on the node
	last    []int32            // the last node that reads the node
	columns map[int32][]int32  // the columns of which the node is the witness
	sinks   map[int32][]sinkOf // the sinks of which the node is the last value
	outputs map[int32][]int32  // of a call, the nodes of its outputs

	location  []int32 // the register of the node
	temporary int32   // the first temporary register
	next      int32   // the first register that was never used
	free      []int32 // temporary registers that nothing needs any more
}

// sinkOf is a counted lookup or a feed.
type sinkOf struct {
	values []int32
	index  int
	feed   bool
}

// compileWitness returns the witness program of c.
func compileWitness(c *Component) *witness {
	n := len(c.nodes)
	w := &witnessCompiler{c: c, p: &witness{columns: len(c.Columns), inputs: c.Inputs, copied: make([]int, len(c.Columns))},
		needed: make([]bool, n), last: make([]int32, n), columns: map[int32][]int32{}, sinks: map[int32][]sinkOf{}, outputs: map[int32][]int32{},
		location: make([]int32, n)}
	w.findNeeded()
	w.placeFixed()
	for k := range w.p.copied {
		w.p.copied[k] = -1
	}
	for i := range c.nodes {
		if w.needed[i] {
			w.compute(int32(i))
		}
	}
	w.p.registers = int(w.next)
	for i := range w.p.steps {
		if s := &w.p.steps[i]; s.op == opCode {
			s.text = words(s.code)
		}
	}
	return w.p
}

// findNeeded goes from columns and sinks to the nodes that they depend on.
func (w *witnessCompiler) findNeeded() {
	c := w.c
	read := func(n, reader int32) {
		w.last[n] = max(w.last[n], reader)
		w.needed[n] = true
	}
	for k, column := range c.Columns {
		w.columns[column.witness] = append(w.columns[column.witness], int32(k))
		read(column.witness, column.witness)
	}
	add := func(s sinkOf) {
		ready := slices.Max(s.values)
		for _, v := range s.values {
			read(v, ready)
		}
		w.sinks[ready] = append(w.sinks[ready], s)
	}
	for k, l := range c.Lookups {
		if l.Count {
			add(sinkOf{l.values, k, false})
		}
	}
	for k, f := range c.Feeds {
		add(sinkOf{f.values, k, true})
	}
	for i := int32(len(c.nodes)) - 1; i >= 0; i-- {
		if !w.needed[i] {
			continue
		}
		for _, v := range w.operands(i) {
			read(v, i)
		}
		switch n := c.nodes[i]; n.op {
		case opColumn:
			read(c.Columns[n.k].witness, i)
		case opOutput:
			read(n.a, i)
			w.outputs[n.a] = append(w.outputs[n.a], i)
		}
	}
}

// operands returns the nodes whose registers the step of node i reads.
func (w *witnessCompiler) operands(i int32) []int32 {
	switch n := w.c.nodes[i]; n.op {
	case opAdd, opSub, opMul:
		return []int32{n.a, n.b}
	case opNeg, opBits, opIsZero, opInverse:
		return []int32{n.a}
	case opCall:
		return w.c.calls[n.k].in
	}
	return nil
}

// placeFixed gives registers to the nodes that have them from the beginning.
func (w *witnessCompiler) placeFixed() {
	c, p := w.c, w.p
	first := p.columns + p.inputs
	for i, n := range c.nodes {
		switch n.op {
		case opConst, opParameter, opSize, opEnabled, opPreprocessed:
			if !w.needed[i] {
				continue
			}
			if n.op == opPreprocessed && c.Preprocessed[n.k] != RowNumber {
				panic("air: the witness of " + c.Name + " reads the preprocessed column " + c.Preprocessed[n.k])
			}
			w.location[i] = int32(first + len(p.fixed))
			p.fixed = append(p.fixed, n)
		case opInput:
			w.location[i] = int32(p.columns) + int32(n.k)
		case opColumn:
			w.location[i] = int32(n.k)
		}
	}
	w.temporary = int32(first + len(p.fixed))
	w.next = w.temporary
}

// place returns a register for the value of node n: that of the column of which it is the witness, or a temporary one.
func (w *witnessCompiler) place(n int32) int32 {
	switch k := w.columns[n]; {
	case k != nil:
		w.location[n] = k[0]
	case len(w.free) > 0:
		w.location[n] = w.free[len(w.free)-1]
		w.free = w.free[:len(w.free)-1]
	default:
		w.location[n] = w.next
		w.next++
	}
	return w.location[n]
}

// compute adds the steps that compute node i, and those that become possible by it.
func (w *witnessCompiler) compute(i int32) {
	n := w.c.nodes[i]
	placed := true // the node has got a register now
	switch n.op {
	case opAdd, opSub, opMul, opNeg:
		code := w.arithmetic(n)
		code.dst = w.place(i)
		w.emit(code)
	case opBits, opIsZero, opInverse:
		w.p.steps = append(w.p.steps, fillStep{op: n.op, a: w.location[n.a], b: n.b, k: n.k, dst: w.place(i)})
	case opCall:
		call := w.c.calls[n.k]
		step := fillStep{op: opCall, f: call.f, in: w.locations(call.in), out: make([]int32, call.f.Out)}
		for k := range step.out {
			step.out[k] = unused
		}
		for _, o := range w.outputs[i] {
			step.out[w.c.nodes[o].k] = w.place(o)
		}
		w.p.steps = append(w.p.steps, step)
		placed = false
	case opOutput: // placed at the call
	default:
		placed = false
	}
	// Further columns with this witness are copies; so is a column whose witness had a register already.
	for j, k := range w.columns[i] {
		switch {
		case n.op == opInput:
			w.p.copied[k] = int(n.k)
		case !placed || j > 0:
			w.emit(instruction{op: codeAddConstant, a: w.location[i], dst: k})
		}
	}
	read := w.operands(i)
	for _, s := range w.sinks[i] {
		w.p.steps = append(w.p.steps, fillStep{op: opSink, in: w.locations(s.values), sink: s.index, feed: s.feed})
		read = append(read[:len(read):len(read)], s.values...)
	}
	if placed {
		read = append(read[:len(read):len(read)], i)
	}
	for k, r := range read {
		if w.last[r] == i && w.location[r] >= w.temporary && !slices.Contains(read[:k], r) {
			w.free = append(w.free, w.location[r])
		}
	}
}

// arithmetic returns the instruction of a node, without its register.
func (w *witnessCompiler) arithmetic(n node) instruction {
	a, b := w.c.nodes[n.a], w.c.nodes[n.b]
	switch {
	case n.op == opNeg:
		return instruction{op: codeConstantMinus, a: w.location[n.a]}
	case n.op == opSub && a.op == opConst:
		return instruction{op: codeConstantMinus, a: w.location[n.b], k: m31.M31(a.k)}
	case n.op == opSub && b.op == opConst:
		return instruction{op: codeAddConstant, a: w.location[n.a], k: m31.M31(b.k).Neg()}
	case a.op == opConst:
		return instruction{op: withConstant[n.op], a: w.location[n.b], k: m31.M31(a.k)}
	case b.op == opConst:
		return instruction{op: withConstant[n.op], a: w.location[n.a], k: m31.M31(b.k)}
	}
	return instruction{op: codeOf[n.op], a: w.location[n.a], b: w.location[n.b]}
}

// emit adds an instruction.
func (w *witnessCompiler) emit(i instruction) {
	p := w.p
	if n := len(p.steps); n == 0 || p.steps[n-1].op != opCode {
		p.steps = append(p.steps, fillStep{op: opCode})
	}
	last := &p.steps[len(p.steps)-1]
	last.code = append(last.code, i)
}

func (w *witnessCompiler) locations(nodes []int32) []int32 {
	at := make([]int32, len(nodes))
	for i, n := range nodes {
		at[i] = w.location[n]
	}
	return at
}

// codeOf is the instruction for a node of two operands, and withConstant that for one of which an operand is constant.
var (
	codeOf       = map[op]opcode{opAdd: codeAdd, opSub: codeSub, opMul: codeMul}
	withConstant = map[op]opcode{opAdd: codeAddConstant, opMul: codeScale}
)

// fillWorker runs a witness program on one block after the other.
type fillWorker struct {
	*machine
	p       *witness
	f       *Filling
	number  int
	unused  []m31.M31
	in, out [][]m31.M31
	scratch []m31.M31
}

// newWorker returns a worker that fills columns in blocks of the given size.
func (p *witness) newWorker(f *Filling, columns [][]m31.M31, size int) *fillWorker {
	first := p.columns + p.inputs
	w := &fillWorker{machine: newMachine(append(columns[:len(columns):len(columns)], f.Inputs...), p.registers-first), p: p, f: f,
		unused: make([]m31.M31, size), scratch: make([]m31.M31, size)}
	w.seek(0, size)
	for k, n := range p.fixed {
		v := m31.M31(n.k)
		switch n.op {
		case opParameter:
			v = f.Parameter
		case opSize:
			v = m31.New(uint64(n.k) << f.LogSize)
		}
		register := w.slots[first+k]
		for i := range register {
			register[i] = v
		}
	}
	return w
}

// run fills the block of rows from the given one on.
func (w *fillWorker) run(from int) {
	p := w.p
	w.seek(from, len(w.unused))
	r := w.slots
	for k, n := range p.fixed {
		register := r[p.columns+p.inputs+k]
		switch n.op {
		case opEnabled:
			for i := range register {
				register[i] = 0
				if from+i < w.f.Enabled {
					register[i] = 1
				}
			}
		case opPreprocessed:
			for i := range register {
				register[i] = m31.M31(from + i)
			}
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		switch s.op {
		case opCode:
			w.machine.run(s.code, s.text)
		case opBits:
			d, a := r[s.dst], r[s.a]
			mask, shift := m31.M31(1)<<s.b-1, s.k&31
			for i := range d {
				d[i] = a[i] >> shift & mask
			}
		case opIsZero:
			d, a := r[s.dst], r[s.a]
			for i := range d {
				// The highest bit is set if 0 is taken from.
				d[i] = (a[i] - 1) >> 31
			}
		case opInverse:
			w.inverse(r[s.dst], r[s.a])
		case opCall:
			w.call(s)
		case opSink:
			sinks := w.f.Uses
			if s.feed {
				sinks = w.f.Feeds
			}
			if sinks == nil || sinks[s.sink] == nil {
				continue
			}
			w.in = w.in[:0]
			for _, in := range s.in {
				w.in = append(w.in, r[in])
			}
			sinks[s.sink](w.number, from, w.in)
		}
	}
}

// call carries out a call of a function.
func (w *fillWorker) call(s *fillStep) {
	w.in, w.out = w.in[:0], w.out[:0]
	for _, in := range s.in {
		w.in = append(w.in, w.slots[in])
	}
	for _, out := range s.out {
		switch {
		case out != unused:
			w.out = append(w.out, w.slots[out])
		case s.f.Partial:
			w.out = append(w.out, nil)
		default:
			w.out = append(w.out, w.unused)
		}
	}
	s.f.Eval(w.f.Env, w.in, w.out)
}

// inverse sets d[i] to 1/a[i], or to 0 if that is 0, with one inversion (Montgomery's trick).
func (w *fillWorker) inverse(d, a []m31.M31) {
	product := m31.M31(1)
	for i, v := range a {
		w.scratch[i] = product
		if v != 0 {
			product = product.Mul(v)
		}
	}
	product = product.Inverse()
	for i := len(a) - 1; i >= 0; i-- {
		v := a[i]
		if v == 0 {
			d[i] = 0
			continue
		}
		d[i] = product.Mul(w.scratch[i])
		product = product.Mul(v)
	}
}
