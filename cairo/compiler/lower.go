package compiler

import (
	"math"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

// trackingChange is the effect of a branch on ap tracking.
type trackingChange uint8

const (
	keepTracking trackingChange = iota
	enableTracking
	disableTracking
)

// output is a value that a branch returns.
type output struct {
	cells  []casm.Operand
	typ    sierra.TypeID
	stack  int
	sameAs *introduction // of the argument that is returned, nil for other outputs
}

// branchChange is the effect of a branch on the references and the environment.
type branchChange struct {
	outputs    []output
	apKnown    bool
	apChange   int
	tracking   trackingChange
	gas        Costs
	clearStack bool // whether the old stack is no longer contiguous with the new one
	stackSize  int
}

// relocation says what is added to an instruction's immediate after all offsets are known.
type relocation struct {
	instruction int
	kind        relocationKind
	target      int           // statement or const segment
	typ         sierra.TypeID // constant or circuit
}

type relocationKind uint8

const (
	toStatement relocationKind = iota
	toSegment
	toConst
	toCircuit
	toEnd // the end of the program, const segments included
)

// lowering is the compilation of one invocation: its arguments and the code so far.
type lowering struct {
	*compilation
	idx     sierra.StatementIdx
	st      *sierra.Statement
	lf      *libfunc
	refs    []reference
	env     environment
	changes []branchChange
	// before is code that precedes the builder's, beforeCost its cost.
	before      []casm.Instruction
	beforeCost  constCost
	relocations []relocation
	code        []casm.Instruction
}

// lower compiles an invocation. The result is valid until the next call.
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
			reject("argument %d has type %d, want %d", i, refs[i].typ, want)
		}
		if len(refs[i].cells) != c.size(refs[i].typ) {
			reject("argument %d has %d cells, want %d", i, len(refs[i].cells), c.size(refs[i].typ))
		}
	}
	l.lf.row.lower(l)
	return l, nil
}

// gasVars returns the amounts that the gas solver computed for this statement.
func (l *lowering) gasVars() *Costs { return &l.metadata.gasVars[l.idx] }

// cells returns the cells of argument i, which must be n.
func (l *lowering) cells(i, n int) []casm.Operand {
	if i >= len(l.refs) || len(l.refs[i].cells) != n {
		reject("argument %d is not of %d cells", i, n)
	}
	return l.refs[i].cells
}

// single returns the only cell of argument i.
func (l *lowering) single(i int) casm.Operand { return l.cells(i, 1)[0] }

// deref brings a value into scope, which must be a memory cell.
func (b *builder) deref(o casm.Operand) cellVar {
	if o.Kind != casm.Deref {
		reject("the argument is not in memory")
	}
	return b.add(o)
}

// derefOrImm brings a memory cell or an immediate into scope.
func (b *builder) derefOrImm(o casm.Operand) cellVar {
	if o.Kind != casm.Deref && o.Kind != casm.Immediate {
		reject("the argument is neither in memory nor an immediate")
	}
	return b.add(o)
}

// buffer brings a pointer (a cell plus a constant) into scope from which n more cells can be reached.
func (b *builder) buffer(n int, o casm.Operand) cellVar {
	cell, offset := pointer(o)
	if offset16(offset); offset+n > math.MaxInt16 {
		reject("the buffer's offset %d leaves no room for %d cells", offset, n)
	}
	return b.add(casm.AddConst(cell, int64(offset)))
}

// pointer splits a value into a cell and a constant of 32 bits.
func pointer(o casm.Operand) (casm.Cell, int) {
	switch {
	case o.Kind == casm.Deref:
		return o.Cell, 0
	case o.Kind == casm.BinOp && o.Op == casm.Add && o.Imm != nil && o.Imm.IsInt64() && int64(int32(o.Imm.Int64())) == o.Imm.Int64():
		return o.Cell, int(o.Imm.Int64())
	}
	reject("the argument is not a pointer with an offset")
	return casm.Cell{}, 0
}

// target returns the statement to which a branch jumps. The branch must not be the one that falls through.
func (l *lowering) target(branch int) sierra.StatementIdx {
	if branch >= len(l.st.Branches) || l.st.Branches[branch].Fallthrough {
		reject("malformed invocation: branch %d does not jump", branch)
	}
	return l.st.Branches[branch].Target
}

// only finishes an invocation with one branch and no code.
func (l *lowering) only(outputs ...[]casm.Operand) { l.finish(nil, outputs) }

// value returns an output of one cell.
func value(o casm.Operand) []casm.Operand { return []casm.Operand{o} }

// branch describes the end of a branch in a builder's code: its label and its outputs, each a list of cells.
type branch struct {
	label   string
	outputs [][]cellVar
}

// ends returns the fallthrough branch.
func ends(outputs ...[]cellVar) branch { return branch{fallthroughLabel, outputs} }

// endsAt returns a branch that jumps to a label.
func endsAt(label string, outputs ...[]cellVar) branch { return branch{label, outputs} }

// of returns one output, made of cells.
func of(cells ...cellVar) []cellVar { return cells }

// usage is what a builder's code costs in addition to its steps.
type usage struct {
	// start and end are the pointer into the range check segment before and after the code.
	start, end cellVar
	rangeCheck bool
	checks96   bool  // the range checks are of 96 bits
	extra      []int // gas of each branch
}

// noUsage is the usage of code that costs only its steps.
var noUsage = usage{}

// checks returns the usage of the range checks from start to end.
func checks(start, end cellVar) usage { return usage{start: start, end: end, rangeCheck: true} }

// extra returns the usage of code with an additional cost in gas for each branch.
func extra(gas ...int) usage { return usage{extra: gas} }

// build finishes an invocation with a builder's code. The first branch may fall through; the others jump. The ap changes
// and the cost of the code must equal those of the row.
func (l *lowering) build(b *builder, u usage, branches ...branch) {
	names := make([]string, len(branches))
	for i := range branches {
		names[i] = branches[i].label
	}
	built := b.build(names...)
	ap := l.apChanges()
	if len(ap) != len(branches) || len(l.lf.costs) != len(branches) {
		reject("%d branches in the code, %d in the table", len(branches), len(ap))
	}
	outputs := make([][][]casm.Operand, len(branches))
	for i := range branches {
		s := &built.states[i]
		if ap[i] != (apChange{n: s.apChange}) {
			reject("branch %d moves ap by %d, want %+v", i, s.apChange, ap[i])
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
			reject("branch %d costs %d, want %d", i, gas, want)
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

// finish finishes an invocation with code and the outputs of each branch. The cells are relative to ap after the branch.
func (l *lowering) finish(code []casm.Instruction, outputs ...[][]casm.Operand) {
	sig := &l.lf.Signature
	ap := l.apChanges()
	if len(outputs) != len(sig.Branches) || len(ap) != len(sig.Branches) || len(l.lf.costs) != len(sig.Branches) {
		reject("%d branches in the signature, %d in the table", len(sig.Branches), len(ap))
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

// apChanges returns the row's ap changes at this statement.
func (l *lowering) apChanges() []apChange {
	if l.lf.row.apOfGas != nil {
		return l.lf.row.apOfGas(l.gasVars())
	}
	return l.lf.ap
}

// applyAP sets the ap change and the tracking of a branch.
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

// placeOutputs checks that each output has the form given by the signature and determines its stack position.
func (l *lowering) placeOutputs(c *branchChange, sig *sierra.BranchSignature, outputs [][]casm.Operand) {
	if len(outputs) != len(sig.Vars) {
		reject("%d outputs, %d in the signature", len(outputs), len(sig.Vars))
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

// checkForm checks the form of an output's cells against the signature.
func checkForm(ref *sierra.OutputRef, cells []casm.Operand) {
	if ref.Kind == sierra.SameAsParam {
		return
	}
	if (len(cells) == 0) != (ref.Kind == sierra.ZeroSizedRef) {
		reject("an output of %d cells, zero-sized in the signature: %v", len(cells), ref.Kind == sierra.ZeroSizedRef)
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
			reject("output %v does not have the form of the signature", *c)
		}
	}
}

// checkTop checks that the new values on the stack are contiguous. If nothing else was written, they must directly follow
// the old ones.
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
			reject("value %d of %d on top of the stack is missing", k, size)
		}
		for _, o := range c.outputs[i].cells {
			if off := int(o.Cell.Off); cells > 0 && off != last+1 {
				reject("values on top of the stack are not contiguous")
			}
			last = int(o.Cell.Off)
			cells++
		}
	}
	if newVarsOnly && (!c.apKnown || c.apChange != cells) {
		reject("ap moves by %d over %d new cells", c.apChange, cells)
	}
}
