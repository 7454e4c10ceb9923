package compiler

import (
	"math"
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// cellVar is a value that a builder's code works with: a cell, an immediate or an expression of them.
type cellVar int

// state is what is known at a point of the code. Values are written relative to ap at the start of the code (or of the
// last rescope or call), so that they need no change as ap moves.
type state struct {
	vars      []casm.Operand // by Var; dead ones have Kind noVar
	allocated int            // cells given out as temporaries or locals
	apChange  int
	steps     int
}

// noVar is the Kind of a variable that is not in scope.
const noVar casm.OperandKind = 255

func (s *state) clone() state {
	c := *s
	c.vars = append([]casm.Operand(nil), s.vars...)
	return c
}

// adjusted returns a value as written at the current ap.
func (s *state) adjusted(v cellVar) casm.Operand { return shift(s.value(v), s.apChange) }

func (s *state) value(v cellVar) casm.Operand {
	if int(v) >= len(s.vars) || s.vars[v].Kind == noVar {
		refuse("value %d is not in scope", v)
	}
	return s.vars[v]
}

// final checks that ap has moved over everything that was allocated.
func (s *state) final() {
	if s.apChange < s.allocated {
		refuse("ap moved by %d but %d cells were allocated", s.apChange, s.allocated)
	}
}

// meet joins another way to the same label: both must agree on ap and on the values that both know.
func (s *state) meet(other *state, fixed bool) {
	if s.apChange != other.apChange || s.allocated != other.allocated {
		refuse("branches that meet differ in ap: %d and %d, allocated %d and %d", s.apChange, other.apChange, s.allocated, other.allocated)
	}
	if fixed && s.steps < other.steps {
		refuse("a loop comes back with more steps")
	}
	s.steps = max(s.steps, other.steps)
	for v := range s.vars {
		if s.vars[v].Kind == noVar {
			continue
		}
		if v >= len(other.vars) || other.vars[v].Kind == noVar {
			s.vars[v] = casm.Operand{Kind: noVar}
		} else if !s.vars[v].Equal(&other.vars[v]) {
			refuse("value %d differs between branches that meet", v)
		}
	}
}

func shift(o casm.Operand, n int) casm.Operand {
	o, ok := o.Shift(n)
	if !ok {
		refuse("an offset does not fit in 16 bits")
	}
	return o
}

// label is a place in the code. Its offset is -1 until the code gets there; a label that never does is a branch of the
// libfunc.
type label struct {
	name   string
	state  state
	offset int
}

// fallthroughLabel names the branch that goes on behind the code.
const fallthroughLabel = "Fallthrough"

// builder writes the CASM of a libfunc without regard to the sizes of instructions and to ap: it adds ap++ wherever a
// cell was allocated that ap has not passed yet. What it is asked to do must be possible for some form of the arguments;
// for the others it refuses.
type builder struct {
	state
	labels       []label
	instructions []casm.Instruction
	jumps        []jump
	hints        []casm.Hint
	unreachable  bool
	offset       int // of the next instruction
	count        int // variables made so far, in any state: no number is given out twice
}

// jump is an instruction that must be told where its label is.
type jump struct {
	label       string
	instruction int
	offset      int
}

// built is the code and, for each branch asked for, its state and the instructions that jump there.
type built struct {
	instructions []casm.Instruction
	states       []state
	jumps        [][]int
}

// build finishes the code. names are the labels of the branches.
func (b *builder) build(names ...string) built {
	if len(b.hints) > 0 {
		refuse("hints without an instruction")
	}
	out := built{instructions: b.instructions, states: make([]state, len(names)), jumps: make([][]int, len(names))}
	for _, j := range b.jumps {
		if at := b.find(j.label); at.offset >= 0 {
			b.instructions[j.instruction].Res = casm.Imm(int64(at.offset - j.offset))
			continue
		}
		for i, name := range names {
			if name == j.label {
				out.jumps[i] = append(out.jumps[i], j.instruction)
			}
		}
	}
	if !b.unreachable {
		b.labels = append(b.labels, label{fallthroughLabel, b.state, -1})
	}
	used := 0
	for i, name := range names {
		at := b.find(name)
		if at == nil || at.offset >= 0 {
			refuse("no branch %s", name)
		}
		at.state.final()
		out.states[i] = at.state
		used++
	}
	for i := range b.labels {
		if b.labels[i].offset < 0 {
			used--
		}
	}
	if used != 0 {
		refuse("a branch of the code is not used")
	}
	return out
}

func (b *builder) find(name string) *label {
	for i := range b.labels {
		if b.labels[i].name == name {
			return &b.labels[i]
		}
	}
	return nil
}

// add brings a value in scope.
func (b *builder) add(o casm.Operand) cellVar {
	v := cellVar(b.count)
	b.count++
	b.set(v, o)
	return v
}

func (b *builder) set(v cellVar, o casm.Operand) {
	if b.vars == nil {
		b.vars = make([]casm.Operand, 0, 8) // what most code has use for
	}
	for len(b.vars) <= int(v) {
		b.vars = append(b.vars, casm.Operand{Kind: noVar})
	}
	b.vars[v] = o
}

// constant returns an immediate.
func (b *builder) constant(v int64) cellVar { return b.add(casm.Imm(v)) }

// big returns an immediate.
func (b *builder) big(v *big.Int) cellVar { return b.add(casm.ImmBig(v)) }

// temp allocates the next cell of the stack.
func (b *builder) temp() cellVar { return b.alloc(casm.AP) }

// local allocates the next cell after fp.
func (b *builder) local() cellVar { return b.alloc(casm.FP) }

func (b *builder) alloc(reg casm.Register) cellVar {
	v := b.add(casm.At(casm.Cell{Reg: reg, Off: offset16(b.allocated)}))
	b.allocated++
	return v
}

// tempIs allocates a cell that holds v.
func (b *builder) tempIs(v cellVar) cellVar {
	t := b.temp()
	b.assert(t, v)
	return t
}

// localIs allocates a cell after fp that holds v.
func (b *builder) localIs(v cellVar) cellVar {
	t := b.local()
	b.assert(t, v)
	return t
}

// cell is v if that is a cell (perhaps with nothing added or multiplied by one), else a new cell that holds it.
func (b *builder) cell(v cellVar) cellVar {
	switch o := b.value(v); {
	case o.Kind == casm.Deref:
		return b.add(o)
	case o.Kind == casm.BinOp && o.Imm != nil && (o.Op == casm.Add || o.Op == casm.Sub) && o.Imm.Sign() == 0,
		o.Kind == casm.BinOp && o.Imm != nil && (o.Op == casm.Mul || o.Op == casm.Div) && o.Imm.IsInt64() && o.Imm.Int64() == 1:
		return b.add(casm.At(o.Cell))
	}
	return b.tempIs(v)
}

// dup is another name for v.
func (b *builder) dup(v cellVar) cellVar { return b.add(b.value(v)) }

func (b *builder) sum(x, y cellVar) cellVar        { return b.binOp(casm.Add, x, y) }
func (b *builder) difference(x, y cellVar) cellVar { return b.binOp(casm.Sub, x, y) }
func (b *builder) product(x, y cellVar) cellVar    { return b.binOp(casm.Mul, x, y) }
func (b *builder) quotient(x, y cellVar) cellVar   { return b.binOp(casm.Div, x, y) }

// binOp returns x op y: x a cell, y a cell or an immediate; or x a cell plus an immediate, op addition, y an immediate.
func (b *builder) binOp(op casm.Operator, x, y cellVar) cellVar {
	l, r := b.value(x), b.value(y)
	switch {
	case l.Kind == casm.Deref && r.Kind == casm.Deref:
		return b.add(casm.Operand{Kind: casm.BinOp, Op: op, Cell: l.Cell, B: r.Cell})
	case l.Kind == casm.Deref && r.Kind == casm.Immediate:
		return b.add(casm.Operand{Kind: casm.BinOp, Op: op, Cell: l.Cell, Imm: r.Imm})
	case l.Kind == casm.BinOp && l.Op == casm.Add && l.Imm != nil && op == casm.Add && r.Kind == casm.Immediate:
		l.Imm = new(big.Int).Add(l.Imm, r.Imm)
		return b.add(l)
	}
	refuse("%v %v %v is not an expression of cells", l, op, r)
	return 0
}

// pointer is v as a cell and an offset that an instruction can hold.
func (b *builder) pointer(v cellVar, more int) (casm.Cell, int16) {
	cell, offset := pointer(b.value(v))
	offset16(offset)
	return cell, offset16(offset + more)
}

func offset16(n int) int16 {
	if n < math.MinInt16 || n > math.MaxInt16 {
		refuse("offset %d does not fit in 16 bits", n)
	}
	return int16(n)
}

// at returns the value behind the pointer: [[v] + offset].
func (b *builder) at(v cellVar, offset int) cellVar {
	c, off := b.pointer(v, offset)
	return b.add(casm.Operand{Kind: casm.DoubleDeref, Cell: c, Off: off})
}

// next returns the value behind the buffer pointer, which moves on by one.
func (b *builder) next(buffer cellVar) cellVar {
	c, off := b.pointer(buffer, 0)
	b.vars[buffer] = casm.Operand{Kind: casm.BinOp, Op: casm.Add, Cell: c, Imm: big.NewInt(int64(off) + 1)}
	return b.add(casm.Operand{Kind: casm.DoubleDeref, Cell: c, Off: off})
}

// write asserts that the buffer's next value is v, a cell, and moves the buffer on.
func (b *builder) write(buffer, v cellVar) { b.assert(v, b.next(buffer)) }

// tempNext allocates a cell that holds the buffer's next value.
func (b *builder) tempNext(buffer cellVar) cellVar {
	t := b.temp()
	b.write(buffer, t)
	return t
}

// tempAt allocates a cell that holds the value behind the pointer.
func (b *builder) tempAt(v cellVar, offset int) cellVar {
	t := b.temp()
	b.assert(t, b.at(v, offset))
	return t
}

// assert adds dst = v; dst must be a cell. Subtraction and division are turned round.
func (b *builder) assert(dst, v cellVar) { b.assertOp(casm.AssertEq, dst, v) }

// assertOp is assert with the instruction to use.
func (b *builder) assertOp(op casm.Op, dst, v cellVar) {
	d, r := b.value(dst), b.value(v)
	if d.Kind != casm.Deref {
		refuse("the left side of an assertion is not a cell")
	}
	to := d.Cell
	if r.Kind == casm.BinOp && (r.Op == casm.Sub || r.Op == casm.Div) {
		to, r.Cell = r.Cell, to
		if r.Op == casm.Sub {
			r.Op = casm.Add
		} else {
			r.Op = casm.Mul
		}
	}
	b.emit(casm.Instruction{Op: op, Dst: shiftCell(to, b.apChange), Res: shift(r, b.apChange)}, true)
}

func shiftCell(c casm.Cell, n int) casm.Cell {
	c, ok := c.Shift(n)
	if !ok {
		refuse("an offset does not fit in 16 bits")
	}
	return c
}

// emit adds an instruction with the hints so far, and ap++ if it can carry one that is wanted.
func (b *builder) emit(i casm.Instruction, mayInc bool) {
	if b.unreachable {
		refuse("instruction in unreachable code")
	}
	if mayInc && b.allocated > b.apChange {
		i.IncAP = true
		b.apChange++
	}
	b.steps++
	b.offset += i.Size()
	i.Hints, b.hints = b.hints, nil
	if b.instructions == nil {
		b.instructions = make([]casm.Instruction, 0, 8)
	}
	b.instructions = append(b.instructions, i)
}

// addAP moves ap by n.
func (b *builder) addAP(n int) {
	b.emit(casm.Instruction{Op: casm.AddAP, Res: casm.Imm(int64(n))}, false)
	b.apChange += n
}

// skip counts n cells as allocated and passed, which an instruction outside this code does.
func (b *builder) skip(n int) {
	b.apChange += n
	b.allocated += n
}

// hint adds a hint to the next instruction. Inputs may be any value that an instruction could read, outputs are cells.
func (b *builder) hint(kind casm.HintKind, in, out []cellVar) {
	h := casm.Hint{Kind: kind}
	for _, v := range in {
		o := b.value(v)
		if o.Kind == casm.BinOp && (o.Op == casm.Sub || o.Op == casm.Div) {
			refuse("hint %v cannot read a difference or quotient", kind)
		}
		h.In = append(h.In, shift(o, b.apChange))
	}
	for _, v := range out {
		h.Out = append(h.Out, b.cellOf(v))
	}
	b.hints = append(b.hints, h)
}

// cellOf is v, which must be a cell, at the current ap.
func (b *builder) cellOf(v cellVar) casm.Cell {
	o := b.value(v)
	if o.Kind != casm.Deref {
		refuse("not a cell")
	}
	return shiftCell(o.Cell, b.apChange)
}

// jump adds a jump to a label.
func (b *builder) jump(to string) {
	b.emitJump(to, casm.Instruction{Op: casm.Jump, Relative: true}, true)
	b.reach(to, b.state)
	b.state = state{}
	b.unreachable = true
}

// jumpIf adds a jump that is taken if the cell is not zero.
func (b *builder) jumpIf(condition cellVar, to string) {
	b.emitJump(to, casm.Instruction{Op: casm.Jnz, Dst: b.cellOf(condition)}, true)
	b.reach(to, b.state.clone())
}

func (b *builder) emitJump(to string, i casm.Instruction, mayInc bool) {
	b.jumps = append(b.jumps, jump{to, len(b.instructions), b.offset})
	i.Res = casm.Imm(0)
	b.emit(i, mayInc)
}

// reach records the state in which a label is jumped to.
func (b *builder) reach(name string, s state) {
	if at := b.find(name); at != nil {
		at.state.meet(&s, at.offset >= 0)
		return
	}
	b.labels = append(b.labels, label{name, s, -1})
}

// label puts a label here.
func (b *builder) label(name string) {
	at := b.find(name)
	switch {
	case at == nil && b.unreachable:
		refuse("nothing leads to label %s", name)
	case at == nil:
		b.labels = append(b.labels, label{name, b.state, 0})
		at = &b.labels[len(b.labels)-1]
	case !b.unreachable:
		at.state.meet(&b.state, false)
	}
	at.offset = b.offset
	b.state = at.state.clone()
	b.unreachable = false
}

// rescope starts over with ap here: only the variables on the left stay, with the values of those on the right.
func (b *builder) rescope(pairs ...[2]cellVar) {
	b.final()
	values := make([]casm.Operand, len(pairs))
	for i, p := range pairs {
		values[i] = b.adjusted(p[1])
	}
	for v := range b.vars {
		b.vars[v].Kind = noVar
	}
	for i, p := range pairs {
		b.set(p[0], values[i])
	}
	b.apChange, b.allocated = 0, 0
}

// call calls a label. What is relative to ap goes with the function, where it is relative to fp; what is relative to fp
// stays. results is the number of cells that the function leaves before ap.
func (b *builder) call(to string, results int) []cellVar {
	b.final()
	function := state{vars: make([]casm.Operand, len(b.vars))}
	main := make([]casm.Operand, len(b.vars))
	for v, o := range b.vars {
		function.vars[v].Kind, main[v].Kind = noVar, noVar
		if o.Kind == noVar {
			continue
		}
		toFunction, stays := true, true
		switch {
		case o.Kind == casm.Immediate, o.Kind == casm.BinOp && o.Imm != nil:
		case o.Kind == casm.BinOp && o.Cell.Reg != o.B.Reg:
			toFunction, stays = false, false
		default:
			toFunction = o.Cell.Reg == casm.AP
			stays = !toFunction
		}
		if stays {
			main[v] = o
		}
		if toFunction {
			f := shift(o, b.apChange+2)
			if f.Kind != casm.Immediate {
				f.Cell.Reg = casm.FP
			}
			if f.Kind == casm.BinOp && f.Imm == nil {
				f.B.Reg = casm.FP
			}
			function.vars[v] = f
		}
	}
	b.emitJump(to, casm.Instruction{Op: casm.Call, Relative: true}, false)
	b.vars, b.allocated, b.apChange = main, 0, 0
	b.reach(to, function)
	vars := make([]cellVar, results)
	for i := range vars {
		vars[i] = b.add(casm.At(casm.Cell{Reg: casm.AP, Off: int16(i - results)}))
	}
	return vars
}

// ret adds ret.
func (b *builder) ret() {
	b.final()
	b.emit(casm.Instruction{Op: casm.Ret}, false)
	b.unreachable = true
}

// fail adds an assertion that never holds.
func (b *builder) fail() {
	fp := casm.Cell{Reg: casm.FP, Off: -1}
	b.emit(casm.Instruction{Op: casm.AssertEq, Dst: fp, Res: casm.AddConst(fp, 1)}, false)
	b.unreachable = true
}

// unsatisfiable adds an assertion that never holds where this code is reached.
func (b *builder) unsatisfiable(dst, v cellVar) {
	b.assert(dst, v)
	b.unreachable = true
}
