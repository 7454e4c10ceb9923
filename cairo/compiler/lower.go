package compiler

import (
	"math"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

// trackingChange is what a branch does to the tracking of ap.
type trackingChange uint8

const (
	keepTracking trackingChange = iota
	enableTracking
	disableTracking
)

// output is a value that a branch yields.
type output struct {
	cells  []casm.Operand
	typ    sierra.TypeID
	stack  int
	sameAs *introduction // of the argument that it is
}

// branchChange is what a branch does to the references and to the environment.
type branchChange struct {
	outputs    []output
	apKnown    bool
	apChange   int
	tracking   trackingChange
	gas        Costs
	clearStack bool // is the old stack no longer contiguous with the new one?
	stackSize  int
}

// relocation says what has to be added to an instruction's immediate when every offset is known.
type relocation struct {
	instruction int
	kind        relocationKind
	target      int           // statement, or const segment
	typ         sierra.TypeID // constant or circuit
}

type relocationKind uint8

const (
	toStatement relocationKind = iota
	toSegment
	toConst
	toCircuit
	toEnd // of the program, const segments included
)

// lowering is the compilation of one invocation: the arguments, and the code as far as it goes.
type lowering struct {
	*compilation
	idx     sierra.StatementIdx
	st      *sierra.Statement
	lf      *libfunc
	refs    []reference
	env     environment
	changes []branchChange
	// before is code in front of the builder's, with its relocations and cost.
	before      []casm.Instruction
	beforeCost  constCost
	relocations []relocation
	code        []casm.Instruction
}

// lower compiles an invocation. The result is good until the next call.
func (c *compilation) lower(idx sierra.StatementIdx, env environment, refs []reference) (l *lowering, err error) {
	s := &c.program.Statements[idx]
	l = &c.last
	*l = lowering{compilation: c, idx: idx, st: s, lf: &c.libfuncs[s.Libfunc], refs: refs, env: env, changes: l.changes[:0]}
	defer func() {
		if e, ok := err.(*sierra.ClassError); ok && e.Statement < 0 {
			e.Statement, e.Libfunc = idx, l.lf.Generic
		}
	}()
	defer recovered(&err)
	for i := range refs {
		if want := l.lf.Signature.Params[i].Type; refs[i].typ != want {
			refuse("argument %d has type %d, want %d", i, refs[i].typ, want)
		}
		if len(refs[i].cells) != c.size(refs[i].typ) {
			refuse("argument %d has %d cells, want %d", i, len(refs[i].cells), c.size(refs[i].typ))
		}
	}
	l.lf.row.lower(l)
	return l, nil
}

// gasVars returns the amounts that the gas solver found for this statement.
func (l *lowering) gasVars() *Costs { return &l.metadata.gasVars[l.idx] }

// cells returns the cells of argument i, of which there must be n.
func (l *lowering) cells(i, n int) []casm.Operand {
	if i >= len(l.refs) || len(l.refs[i].cells) != n {
		refuse("argument %d is not of %d cells", i, n)
	}
	return l.refs[i].cells
}

// single returns the one cell of argument i.
func (l *lowering) single(i int) casm.Operand { return l.cells(i, 1)[0] }

// deref brings a value that must be a cell of memory into the builder's scope.
func (b *builder) deref(o casm.Operand) cellVar {
	if o.Kind != casm.Deref {
		refuse("the argument is not in memory")
	}
	return b.add(o)
}

// derefOrImm allows an immediate as well.
func (b *builder) derefOrImm(o casm.Operand) cellVar {
	if o.Kind != casm.Deref && o.Kind != casm.Immediate {
		refuse("the argument is neither in memory nor an immediate")
	}
	return b.add(o)
}

// buffer allows a cell plus a constant, such that n more cells can be reached from there.
func (b *builder) buffer(n int, o casm.Operand) cellVar {
	cell, offset := pointer(o)
	if offset16(offset); offset+n > math.MaxInt16 {
		refuse("the buffer's offset %d leaves no room for %d cells", offset, n)
	}
	return b.add(casm.AddConst(cell, int64(offset)))
}

// pointer returns a cell plus a constant of 32 bits.
func pointer(o casm.Operand) (casm.Cell, int) {
	switch {
	case o.Kind == casm.Deref:
		return o.Cell, 0
	case o.Kind == casm.BinOp && o.Op == casm.Add && o.Imm != nil && o.Imm.IsInt64() && int64(int32(o.Imm.Int64())) == o.Imm.Int64():
		return o.Cell, int(o.Imm.Int64())
	}
	refuse("the argument is not a pointer with an offset")
	return casm.Cell{}, 0
}

// target is where the branch jumps; it must not be the one that falls through.
func (l *lowering) target(branch int) sierra.StatementIdx {
	if branch >= len(l.st.Branches) || l.st.Branches[branch].Fallthrough {
		refuse("malformed invocation: branch %d does not jump", branch)
	}
	return l.st.Branches[branch].Target
}

// only finishes an invocation of one branch that has no code.
func (l *lowering) only(outputs ...[]casm.Operand) { l.finish(nil, outputs) }

// value returns an output of one cell.
func value(o casm.Operand) []casm.Operand { return []casm.Operand{o} }

// branch is how a branch of a builder's code ends: its label and its outputs, each a list of cells.
type branch struct {
	label   string
	outputs [][]cellVar
}

// ends says how the code of the fallthrough branch ends.
func ends(outputs ...[]cellVar) branch { return branch{fallthroughLabel, outputs} }

// endsAt says how a branch that jumps to a label ends.
func endsAt(label string, outputs ...[]cellVar) branch { return branch{label, outputs} }

// of returns one output.
func of(cells ...cellVar) []cellVar { return cells }

// usage is what the code of a builder costs beside its steps.
type usage struct {
	// start and end are the pointers into the range check segment before and after.
	start, end cellVar
	rangeCheck bool
	checks96   bool  // they are those of the 96-bit range check
	extra      []int // gas for each branch
}

// noUsage is that of code that costs its steps only.
var noUsage = usage{}

// checks returns the usage of range checks.
func checks(start, end cellVar) usage { return usage{start: start, end: end, rangeCheck: true} }

// extra returns the usage of something that costs gas of its own.
func extra(gas ...int) usage { return usage{extra: gas} }

// build finishes an invocation with a builder's code. The first branch of the libfunc may fall through, the others jump.
// The code's changes of ap and its cost must be those of the row.
func (l *lowering) build(b *builder, u usage, branches ...branch) {
	names := make([]string, len(branches))
	for i := range branches {
		names[i] = branches[i].label
	}
	built := b.build(names...)
	ap := l.apChanges()
	if len(ap) != len(branches) || len(l.lf.costs) != len(branches) {
		refuse("%d branches in the code, %d in the table", len(branches), len(ap))
	}
	outputs := make([][][]casm.Operand, len(branches))
	for i := range branches {
		s := &built.states[i]
		if ap[i] != (apChange{n: s.apChange}) {
			refuse("branch %d moves ap by %d, want %+v", i, s.apChange, ap[i])
		}
		cost := constCost{steps: s.steps}.add(l.beforeCost)
		if u.rangeCheck {
			_, from := pointer(s.adjusted(u.start))
			_, to := pointer(s.adjusted(u.end))
			if u.checks96 {
				cost.rangeChecks96 += to - from
			} else {
				cost.rangeChecks += to - from
			}
		}
		gas := cost.gas()
		if u.extra != nil {
			gas += int64(u.extra[i])
		}
		if want := l.lf.costs[i].atStatement(l.metadata, l.idx)[Const]; gas != want {
			refuse("branch %d costs %d, want %d", i, gas, want)
		}
		for _, at := range built.jumps[i] {
			l.relocations = append(l.relocations,
				relocation{instruction: len(l.before) + at, kind: toStatement, target: int(l.target(i))})
		}
		for _, vars := range branches[i].outputs {
			cells := make([]casm.Operand, len(vars))
			for k, v := range vars {
				cells[k] = s.adjusted(v)
			}
			outputs[i] = append(outputs[i], cells)
		}
	}
	code := built.instructions
	if l.before != nil {
		code = append(l.before, code...)
	}
	l.finish(code, outputs...)
}

// finish finishes an invocation with code and, for each branch, the outputs' cells, as written after the branch's change
// of ap.
func (l *lowering) finish(code []casm.Instruction, outputs ...[][]casm.Operand) {
	sig := &l.lf.Signature
	ap := l.apChanges()
	if len(outputs) != len(sig.Branches) || len(ap) != len(sig.Branches) || len(l.lf.costs) != len(sig.Branches) {
		refuse("%d branches in the signature, %d in the table", len(sig.Branches), len(ap))
	}
	l.code = code
	l.changes = append(l.changes[:0], make([]branchChange, len(sig.Branches))...)
	for i := range sig.Branches {
		c := &l.changes[i]
		l.applyAP(c, ap[i])
		c.gas = l.lf.costs[i].atStatement(l.metadata, l.idx)
		l.placeOutputs(c, &sig.Branches[i], outputs[i])
	}
}

// apChanges are those of the row at this statement.
func (l *lowering) apChanges() []apChange {
	if l.lf.row.apOfGas != nil {
		return l.lf.row.apOfGas(l.gasVars())
	}
	return l.lf.ap
}

func (l *lowering) applyAP(c *branchChange, ap apChange) {
	c.apKnown = true
	switch ap.kind {
	case apKnown:
		c.apChange = ap.n
	case apUnknown:
		c.apKnown = false
	case apFromMetadata:
		c.apChange = l.metadata.apVars[l.idx]
	case apFunctionCall:
		if n := l.metadata.FunctionAPChange[ap.fn]; n >= 0 {
			c.apChange = n + 2
		} else {
			c.apKnown = false
		}
	case apFinalizeLocals:
		c.apChange = l.env.frame.allocated
	case apEnableTracking:
		c.tracking = enableTracking
	case apDisableTracking:
		c.tracking = disableTracking
	}
}

// placeOutputs checks that each output has the form that the signature promises and finds its place on the stack.
func (l *lowering) placeOutputs(c *branchChange, sig *sierra.BranchSignature, outputs [][]casm.Operand) {
	if len(outputs) != len(sig.Vars) {
		refuse("%d outputs, %d in the signature", len(outputs), len(sig.Vars))
	}
	newVarsOnly := sig.ApChange.Known && sig.ApChange.NewVarsOnly
	c.clearStack = !newVarsOnly
	base := 0
	if newVarsOnly {
		base = l.env.stackSize
	}
	c.stackSize = base
	c.outputs = make([]output, len(outputs))
	for i, cells := range outputs {
		ref := &sig.Vars[i].Ref
		checkForm(ref, cells)
		out := output{cells: cells, typ: sig.Vars[i].Type, stack: notOnStack}
		switch ref.Kind {
		case sierra.NewTempVar:
			out.stack = base + ref.Temp
		case sierra.SameAsParam:
			param := &l.refs[ref.Param]
			out.sameAs = &param.introduced
			if newVarsOnly {
				out.stack = param.stack
			}
		}
		c.stackSize = max(c.stackSize, out.stack+1)
		c.outputs[i] = out
	}
	checkTop(c, sig, c.stackSize-base, newVarsOnly)
}

// checkForm checks an output's cells against the signature.
func checkForm(ref *sierra.OutputRef, cells []casm.Operand) {
	if ref.Kind == sierra.SameAsParam {
		return
	}
	if (len(cells) == 0) != (ref.Kind == sierra.ZeroSizedRef) {
		refuse("an output of %d cells, zero-sized in the signature: %v", len(cells), ref.Kind == sierra.ZeroSizedRef)
	}
	for i := range cells {
		c := &cells[i]
		ok := true
		switch ref.Kind {
		case sierra.NewTempVar:
			ok = c.Kind == casm.Deref && c.Cell.Reg == casm.AP && ref.Temp >= 0
		case sierra.NewLocalVar:
			ok = c.Kind == casm.Deref && c.Cell.Reg == casm.FP
		case sierra.SimpleDerefs:
			ok = c.Kind == casm.Deref
		}
		if !ok {
			refuse("output %v has not the form of the signature", *c)
		}
	}
}

// checkTop checks that the values new on the stack lie contiguously and, where nothing else was written, right behind the
// old ones.
func checkTop(c *branchChange, sig *sierra.BranchSignature, size int, newVarsOnly bool) {
	top := make([]int, size)
	for i := range top {
		top[i] = -1
	}
	for i := range sig.Vars {
		if ref := &sig.Vars[i].Ref; ref.Kind == sierra.NewTempVar {
			top[ref.Temp] = i
		}
	}
	cells, last := 0, 0
	for k, i := range top {
		if i < 0 {
			refuse("value %d of %d on top of the stack is missing", k, size)
		}
		for _, o := range c.outputs[i].cells {
			if off := int(o.Cell.Off); cells > 0 && off != last+1 {
				refuse("values on top of the stack are not contiguous")
			}
			last = int(o.Cell.Off)
			cells++
		}
	}
	if newVarsOnly && (!c.apKnown || c.apChange != cells) {
		refuse("ap moves by %d over %d new cells", c.apChange, cells)
	}
}
