package compiler

import (
	"math"
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// cellVar is a value in a builder's code: a cell, an immediate or an expression of them.
type cellVar int

// state is what the builder knows at a point of the code. Values are relative to ap at the start of the code (or at the
// last rescope or call), so they need no update when ap moves.
type state struct {
	vars      []casm.Operand // by cellVar; variables out of scope have Kind noVar
	allocated int            // cells allocated as temporaries or locals
	apChange  int
	steps     int
}

// noVar is the Kind of variables that are not in scope.
const noVar casm.OperandKind = 255

func (s *state) clone() state {
	c := *s
	c.vars = append([]casm.Operand(nil), s.vars...)
	return c
}

// adjusted returns value v relative to the current ap.
func (s *state) adjusted(v cellVar) casm.Operand { return shift(s.value(v), s.apChange) }

// value returns value v, which must be in scope.
func (s *state) value(v cellVar) casm.Operand {
	if int(v) >= len(s.vars) || s.vars[v].Kind == noVar {
		reject("value %d is not in scope", v)
	}
	return s.vars[v]
}

// final checks that ap has passed all allocated cells.
func (s *state) final() {
	if s.apChange < s.allocated {
		reject("ap moved by %d but %d cells were allocated", s.apChange, s.allocated)
	}
}

// meet merges the state of another path to the same label. Both must agree on ap and on the values that both have. fixed
// means that the label has been placed, so other comes from a backward jump.
func (s *state) meet(other *state, fixed bool) {
	if s.apChange != other.apChange || s.allocated != other.allocated {
		reject("branches that meet differ in ap: %d and %d, allocated %d and %d", s.apChange, other.apChange, s.allocated, other.allocated)
	}
	if fixed && s.steps < other.steps {
		reject("a backward jump has more steps than its label")
	}
	s.steps = max(s.steps, other.steps)
	for v := range s.vars {
		if s.vars[v].Kind == noVar {
			continue
		}
		if v >= len(other.vars) || other.vars[v].Kind == noVar {
			s.vars[v] = casm.Operand{Kind: noVar}
		} else if !s.vars[v].Equal(&other.vars[v]) {
			reject("value %d differs between branches that meet", v)
		}
	}
}

// shift returns o relative to an ap that is n higher.
func shift(o casm.Operand, n int) casm.Operand {
	o, ok := o.Shift(n)
	if !ok {
		reject("an offset does not fit in 16 bits")
	}
	return o
}

// label is a place in the code. Its offset is -1 until it is placed; a label that is never placed is a branch of the
// libfunc.
type label struct {
	name   string
	state  state
	offset int
}

// fallthroughLabel names the branch that continues after the code.
const fallthroughLabel = "Fallthrough"

// builder writes the CASM of a libfunc. Callers need not count instruction sizes or move ap: the builder adds ap++ where
// a cell was allocated that ap has not passed yet. It rejects operations that no instruction can express for the form of
// the arguments.
type builder struct {
	state
	labels       []label
	instructions []casm.Instruction
	jumps        []jump
	hints        []casm.Hint
	unreachable  bool
	offset       int // of the next instruction
	count        int // variables created so far, in any state; numbers are not reused
}

// jump is an instruction whose target is a label.
type jump struct {
	label       string
	instruction int
	offset      int // of the instruction
}

// built is the finished code with, for each requested branch, its state and the instructions that jump there.
type built struct {
	instructions []casm.Instruction
	states       []state
	jumps        [][]int
}

// build finishes the code. names are the labels of the libfunc's branches.
func (b *builder) build(names ...string) built {
	if len(b.hints) > 0 {
		reject("hints without an instruction")
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
			reject("no branch %s", name)
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
		reject("a branch of the code is not used")
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

// add brings a value into scope.
func (b *builder) add(o casm.Operand) cellVar {
	v := cellVar(b.count)
	b.count++
	b.set(v, o)
	return v
}

func (b *builder) set(v cellVar, o casm.Operand) {
	if b.vars == nil {
		b.vars = make([]casm.Operand, 0, 8) // enough for most libfuncs
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

// cell returns v if it is a cell (or a cell plus or minus 0, times or divided by 1), else a new cell that holds it.
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

// dup returns a second variable with the value v.
func (b *builder) dup(v cellVar) cellVar { return b.add(b.value(v)) }

func (b *builder) sum(x, y cellVar) cellVar        { return b.binOp(casm.Add, x, y) }
func (b *builder) difference(x, y cellVar) cellVar { return b.binOp(casm.Sub, x, y) }
func (b *builder) product(x, y cellVar) cellVar    { return b.binOp(casm.Mul, x, y) }
func (b *builder) quotient(x, y cellVar) cellVar   { return b.binOp(casm.Div, x, y) }

// binOp returns x op y. Either x is a cell and y a cell or an immediate, or x is a cell plus an immediate, op is addition
// and y is an immediate.
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
	reject("%v %v %v is not an expression of cells", l, op, r)
	return 0
}

// pointer returns v as a cell and an offset of 16 bits, to which more is added.
func (b *builder) pointer(v cellVar, more int) (casm.Cell, int16) {
	cell, offset := pointer(b.value(v))
	offset16(offset)
	return cell, offset16(offset + more)
}

// offset16 returns n as an offset of an instruction.
func offset16(n int) int16 {
	if n < math.MinInt16 || n > math.MaxInt16 {
		reject("offset %d does not fit in 16 bits", n)
	}
	return int16(n)
}

// at returns the value at the pointer: [[v] + offset].
func (b *builder) at(v cellVar, offset int) cellVar {
	c, off := b.pointer(v, offset)
	return b.add(casm.Operand{Kind: casm.DoubleDeref, Cell: c, Off: off})
}

// next returns the value at the buffer pointer and advances the pointer by one.
func (b *builder) next(buffer cellVar) cellVar {
	c, off := b.pointer(buffer, 0)
	b.vars[buffer] = casm.Operand{Kind: casm.BinOp, Op: casm.Add, Cell: c, Imm: big.NewInt(int64(off) + 1)}
	return b.add(casm.Operand{Kind: casm.DoubleDeref, Cell: c, Off: off})
}

// write asserts that the buffer's next value is v, which must be a cell, and advances the buffer.
func (b *builder) write(buffer, v cellVar) { b.assert(v, b.next(buffer)) }

// tempNext allocates a cell that holds the buffer's next value.
func (b *builder) tempNext(buffer cellVar) cellVar {
	t := b.temp()
	b.write(buffer, t)
	return t
}

// tempAt allocates a cell that holds the value at pointer v + offset.
func (b *builder) tempAt(v cellVar, offset int) cellVar {
	t := b.temp()
	b.assert(t, b.at(v, offset))
	return t
}

// assert asserts dst = v; dst must be a cell. A difference or quotient is rewritten as a sum or product.
func (b *builder) assert(dst, v cellVar) { b.assertOp(casm.AssertEq, dst, v) }

// assertOp does what assert does, with a given instruction.
func (b *builder) assertOp(op casm.Op, dst, v cellVar) {
	d, r := b.value(dst), b.value(v)
	if d.Kind != casm.Deref {
		reject("the left side of an assertion is not a cell")
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
		reject("an offset does not fit in 16 bits")
	}
	return c
}

// emit adds an instruction with the pending hints. If mayInc and a cell is allocated that ap has not passed, it sets
// ap++.
func (b *builder) emit(i casm.Instruction, mayInc bool) {
	if b.unreachable {
		reject("instruction in unreachable code")
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

// skip counts n cells as allocated and passed by an instruction outside this code.
func (b *builder) skip(n int) {
	b.apChange += n
	b.allocated += n
}

// hint attaches a hint to the next instruction. Inputs are values that an instruction can read; outputs are cells.
func (b *builder) hint(kind casm.HintKind, in, out []cellVar) {
	h := casm.Hint{Kind: kind}
	for _, v := range in {
		o := b.value(v)
		if o.Kind == casm.BinOp && (o.Op == casm.Sub || o.Op == casm.Div) {
			reject("hint %v cannot read a difference or quotient", kind)
		}
		h.In = append(h.In, shift(o, b.apChange))
	}
	for _, v := range out {
		h.Out = append(h.Out, b.cellOf(v))
	}
	b.hints = append(b.hints, h)
}

// cellOf returns v, which must be a cell, relative to the current ap.
func (b *builder) cellOf(v cellVar) casm.Cell {
	o := b.value(v)
	if o.Kind != casm.Deref {
		reject("not a cell")
	}
	return shiftCell(o.Cell, b.apChange)
}

// jump adds an unconditional jump to a label.
func (b *builder) jump(to string) {
	b.emitJump(to, casm.Instruction{Op: casm.Jump, Relative: true}, true)
	b.reach(to, b.state)
	b.state = state{}
	b.unreachable = true
}

// jumpIf adds a jump that is taken if condition, a cell, is not zero.
func (b *builder) jumpIf(condition cellVar, to string) {
	b.emitJump(to, casm.Instruction{Op: casm.Jnz, Dst: b.cellOf(condition)}, true)
	b.reach(to, b.state.clone())
}

func (b *builder) emitJump(to string, i casm.Instruction, mayInc bool) {
	b.jumps = append(b.jumps, jump{to, len(b.instructions), b.offset})
	i.Res = casm.Imm(0)
	b.emit(i, mayInc)
}

// reach records the state of a jump to a label.
func (b *builder) reach(name string, s state) {
	if at := b.find(name); at != nil {
		at.state.meet(&s, at.offset >= 0)
		return
	}
	b.labels = append(b.labels, label{name, s, -1})
}

// label places a label here.
func (b *builder) label(name string) {
	at := b.find(name)
	switch {
	case at == nil && b.unreachable:
		reject("nothing leads to label %s", name)
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

// rescope makes the current ap the base of all values. Only the left variables of the pairs stay in scope, with the
// values of the right ones.
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

// call calls a label. Values relative to ap are visible in the function only, there relative to fp; values relative to fp
// are visible only after the call; immediates, and expressions with one, in both. results is the number of cells that the
// function leaves below ap.
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

// ret adds a ret instruction.
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

// unsatisfiable adds an assertion that fails whenever it is reached.
func (b *builder) unsatisfiable(dst, v cellVar) {
	b.assert(dst, v)
	b.unreachable = true
}
