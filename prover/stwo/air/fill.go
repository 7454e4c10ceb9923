package air

import (
	"fmt"
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

// Fill returns the columns of a component. A column that is a word of the input shares its memory.
func (c *Component) Fill(f *Filling) [][]m31.M31 {
	p := c.witness()
	rows := 1 << f.LogSize
	if len(f.Inputs) != c.Inputs {
		panic(fmt.Sprintf("air: %s has %d input words, not %d", c.Name, c.Inputs, len(f.Inputs)))
	}
	columns := make([][]m31.M31, len(c.Columns))
	for k, input := range p.copied {
		if input >= 0 {
			columns[k] = f.Inputs[input][:rows:rows]
		} else {
			columns[k] = make([]m31.M31, rows)
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

// compileWitness returns the witness program of c.
func compileWitness(c *Component) *witness {
	p := &witness{columns: len(c.Columns), inputs: c.Inputs, copied: make([]int, len(c.Columns))}
	type sink struct {
		values []int32
		index  int
		feed   bool
	}
	// Each sink follows the last of its values, and the witness of a column is a column's register.
	var sinks []sink
	for k, l := range c.Lookups {
		if l.Count {
			sinks = append(sinks, sink{l.values, k, false})
		}
	}
	for k, f := range c.Feeds {
		sinks = append(sinks, sink{f.values, k, true})
	}
	sinksAt := map[int32][]sink{}
	columnsAt := map[int32][]int32{}
	for k, column := range c.Columns {
		columnsAt[column.witness] = append(columnsAt[column.witness], int32(k))
	}
	outputs := map[int32][]int32{} // of each call, the nodes of its outputs

	// A node is needed if a column or a sink depends on it.
	needed := make([]bool, len(c.nodes))
	last := make([]int32, len(c.nodes)) // the last node that reads a node
	var need func(n, reader int32)
	need = func(n, reader int32) {
		last[n] = max(last[n], reader)
		needed[n] = true
	}
	for _, column := range c.Columns {
		need(column.witness, column.witness)
	}
	for _, s := range sinks {
		ready := int32(0)
		for _, v := range s.values {
			ready = max(ready, v)
		}
		for _, v := range s.values {
			need(v, ready)
		}
		sinksAt[ready] = append(sinksAt[ready], s)
	}
	for i := int32(len(c.nodes)) - 1; i >= 0; i-- {
		n := c.nodes[i]
		if !needed[i] {
			continue
		}
		switch n.op {
		case opColumn:
			need(c.Columns[n.k].witness, i)
		case opAdd, opSub, opMul:
			need(n.a, i)
			need(n.b, i)
		case opNeg, opBits, opIsZero, opInverse:
			need(n.a, i)
		case opOutput:
			need(n.a, i)
			outputs[n.a] = append(outputs[n.a], i)
		case opCall:
			for _, v := range c.calls[n.k].in {
				need(v, i)
			}
		}
	}

	first := int32(p.columns + p.inputs) // the first fixed register
	location := make([]int32, len(c.nodes))
	for i, n := range c.nodes {
		switch n.op {
		case opConst, opParameter, opSize, opEnabled, opPreprocessed:
			if !needed[i] {
				continue
			}
			if n.op == opPreprocessed && c.Preprocessed[n.k] != RowNumber {
				panic("air: the witness of " + c.Name + " reads the preprocessed column " + c.Preprocessed[n.k])
			}
			location[i] = first + int32(len(p.fixed))
			p.fixed = append(p.fixed, n)
		case opInput:
			location[i] = int32(p.columns) + int32(n.k)
		case opColumn:
			location[i] = int32(n.k)
		}
	}

	temporary := first + int32(len(p.fixed))
	next := temporary
	var free []int32
	allocate := func(n int32) int32 {
		if k := columnsAt[n]; k != nil {
			location[n] = k[0]
		} else if len(free) > 0 {
			location[n] = free[len(free)-1]
			free = free[:len(free)-1]
		} else {
			location[n] = next
			next++
		}
		return location[n]
	}
	locations := func(nodes []int32) []int32 {
		at := make([]int32, len(nodes))
		for i, n := range nodes {
			at[i] = location[n]
		}
		return at
	}
	for k := range p.copied {
		p.copied[k] = -1
	}
	emit := func(i instruction) {
		if n := len(p.steps); n == 0 || p.steps[n-1].op != opCode {
			p.steps = append(p.steps, fillStep{op: opCode})
		}
		last := &p.steps[len(p.steps)-1]
		last.code = append(last.code, i)
	}
	for i := range c.nodes {
		i := int32(i)
		n := c.nodes[i]
		if !needed[i] {
			continue
		}
		fresh := false // the node has a register of its own
		var read []int32
		switch n.op {
		case opAdd, opSub, opMul:
			fresh = true
			read = []int32{n.a, n.b}
			a, b := c.nodes[n.a], c.nodes[n.b]
			code := instruction{op: codeOf[n.op], a: location[n.a], b: location[n.b]}
			switch {
			case n.op == opSub && a.op == opConst:
				code = instruction{op: codeConstantMinus, a: location[n.b], k: m31.M31(a.k)}
			case n.op == opSub && b.op == opConst:
				code = instruction{op: codeAddConstant, a: location[n.a], k: m31.M31(b.k).Neg()}
			case n.op == opAdd && a.op == opConst:
				code = instruction{op: codeAddConstant, a: location[n.b], k: m31.M31(a.k)}
			case n.op == opAdd && b.op == opConst:
				code = instruction{op: codeAddConstant, a: location[n.a], k: m31.M31(b.k)}
			case a.op == opConst:
				code = instruction{op: codeScale, a: location[n.b], k: m31.M31(a.k)}
			case b.op == opConst:
				code = instruction{op: codeScale, a: location[n.a], k: m31.M31(b.k)}
			}
			code.dst = allocate(i)
			emit(code)
		case opNeg:
			fresh = true
			read = []int32{n.a}
			emit(instruction{op: codeConstantMinus, a: location[n.a], dst: allocate(i)})
		case opBits, opIsZero, opInverse:
			fresh = true
			read = []int32{n.a}
			p.steps = append(p.steps, fillStep{op: n.op, a: location[n.a], b: n.b, k: n.k, dst: allocate(i)})
		case opCall:
			call := c.calls[n.k]
			read = call.in
			step := fillStep{op: opCall, f: call.f, in: locations(call.in), out: make([]int32, call.f.Out)}
			for k := range step.out {
				step.out[k] = unused
			}
			for _, o := range outputs[i] {
				step.out[c.nodes[o].k] = allocate(o)
			}
			p.steps = append(p.steps, step)
		case opOutput:
			fresh = true
		}
		// Further columns with this witness are copies; so is a column whose witness has a register already.
		for j, k := range columnsAt[i] {
			switch {
			case n.op == opInput:
				p.copied[k] = int(n.k)
			case !fresh || j > 0:
				emit(instruction{op: codeAddConstant, a: location[i], dst: k})
			}
		}
		for _, s := range sinksAt[i] {
			p.steps = append(p.steps, fillStep{op: opSink, in: locations(s.values), sink: s.index, feed: s.feed})
			read = append(read, s.values...)
		}
		for k, r := range read {
			if last[r] == i && location[r] >= temporary && !contains(read[:k], r) {
				free = append(free, location[r])
			}
		}
		if fresh && last[i] == i && location[i] >= temporary && !contains(read, i) {
			free = append(free, location[i])
		}
	}
	p.registers = int(next)
	for i := range p.steps {
		if s := &p.steps[i]; s.op == opCode {
			s.text = words(s.code)
		}
	}
	return p
}

// codeOf is the instruction for a node of two operands.
var codeOf = map[op]opcode{opAdd: codeAdd, opSub: codeSub, opMul: codeMul}

func contains(list []int32, n int32) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

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
