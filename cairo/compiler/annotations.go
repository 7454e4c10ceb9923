package compiler

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

// introduction says where a value was created: as the output of a branch, or as a parameter if from is -1.
type introduction struct {
	from, to sierra.StatementIdx
	output   int
}

// notOnStack is the stack index of a value that is not part of the contiguous stack.
const notOnStack = -1

// reference locates a variable's value: its cells, relative to ap at the statement or to fp.
type reference struct {
	cells      []casm.Operand // owned: moved in place as ap moves
	typ        sierra.TypeID
	stack      int // position on the contiguous stack, 0 for the oldest, or notOnStack
	introduced introduction
}

// usesAP reports whether the value becomes unreachable when ap moves by an unknown amount.
func (r *reference) usesAP() bool {
	for i := range r.cells {
		if r.cells[i].UsesAP() {
			return true
		}
	}
	return false
}

// variable is a live variable. Statements have few of them, so a list is searched faster than a map.
type variable struct {
	id sierra.VarID
	reference
}

// annotation is what the compiler knows before a statement.
type annotation struct {
	vars      []variable
	function  sierra.FuncID
	converges bool // whether several statements may lead here
	env       environment
}

func (a *annotation) find(id sierra.VarID) int {
	for i := range a.vars {
		if a.vars[i].id == id {
			return i
		}
	}
	return -1
}

// clone returns a deep copy of a.
func (as *annotations) clone(a *annotation) *annotation {
	c := *a
	c.vars = append([]variable(nil), a.vars...)
	n := 0
	for i := range c.vars {
		n += len(c.vars[i].cells)
	}
	as.budget.copy(n + len(c.vars))
	cells := make([]casm.Operand, 0, n)
	for i := range c.vars {
		start := len(cells)
		cells = append(cells, c.vars[i].cells...)
		c.vars[i].cells = cells[start:len(cells):len(cells)]
	}
	return &c
}

// take removes the arguments from the live variables and appends them to taken.
func (a *annotation) take(taken []reference, idx sierra.StatementIdx, ids []sierra.VarID) ([]reference, error) {
	for _, id := range ids {
		at := a.find(id)
		if at < 0 {
			return nil, errorf(codeReferences, idx, "variable [%d] is undefined", id)
		}
		taken = append(taken, a.vars[at].reference)
		a.vars = append(a.vars[:at], a.vars[at+1:]...)
	}
	return taken, nil
}

// annotations holds the annotation of each statement, nil if it is not known yet or has been consumed.
type annotations struct {
	*compilation
	at []*annotation
	// loops marks the statements that are targets of backward jumps. Their annotations are kept for comparison.
	loops []bool
	taken []reference // arguments of the statement being compiled
}

// newAnnotations returns the annotations of the functions' entry points; all others are nil.
func (c *compilation) newAnnotations() (*annotations, error) {
	p := c.program
	as := &annotations{compilation: c, at: make([]*annotation, len(p.Statements)), loops: make([]bool, len(p.Statements))}
	for idx := range p.Statements {
		for _, b := range p.Statements[idx].Branches {
			if !b.Fallthrough && int(b.Target) < idx {
				as.loops[b.Target] = true
			}
		}
	}
	for i := range p.Funcs {
		f := &p.Funcs[i]
		a := &annotation{function: sierra.FuncID(i)}
		a.env.tracking = tracking{enabled: true, base: functionStart}
		a.env.wallet = c.metadata.FunctionCosts[i]
		offset := -3
		for k := len(f.Params) - 1; k >= 0; k-- {
			size := c.size(f.Params[k].Type)
			c.budget.copy(size + 1)
			if a.find(f.Params[k].Var) >= 0 {
				return nil, errorf(codeReferences, f.Entry, "function %d: parameter [%d] is declared twice", i, f.Params[k].Var)
			}
			ref := reference{typ: f.Params[k].Type, stack: notOnStack,
				introduced: introduction{from: -1, to: f.Entry, output: len(f.Params) - 1 - k}}
			for n := offset - size + 1; n <= offset; n++ {
				ref.cells = append(ref.cells, casm.At(casm.Cell{Reg: casm.FP, Off: offset16(n)}))
			}
			a.vars = append(a.vars, variable{f.Params[k].Var, ref})
			offset -= size
		}
		if err := as.set(f.Entry, a); err != nil {
			return nil, err
		}
	}
	return as, nil
}

// use returns the annotation of statement idx without its arguments, and the arguments.
func (as *annotations) use(idx sierra.StatementIdx, args []sierra.VarID) (*annotation, []reference, error) {
	a := as.at[idx]
	if a == nil {
		return nil, nil, errorf(codeReferences, idx, "nothing leads to the statement")
	}
	if as.loops[idx] {
		as.at[idx] = as.clone(a)
	} else {
		as.at[idx] = nil
	}
	as.budget.move(len(a.vars) * len(args))
	var err error
	as.taken, err = a.take(as.taken[:0], idx, args)
	return a, as.taken, err
}

// set records the annotation of a statement, or checks that it agrees with the recorded one.
func (as *annotations) set(idx sierra.StatementIdx, a *annotation) error {
	want := as.at[idx]
	if want == nil {
		as.at[idx] = a
		return nil
	}
	switch {
	case want.function != a.function:
		return errorf(codeReferences, idx, "the statement belongs to two functions, %d and %d", want.function, a.function)
	case want.env.tracking != a.env.tracking:
		return errorf(codeEnvironment, idx, "inconsistent ap tracking: %+v and %+v", want.env.tracking, a.env.tracking)
	case want.env.frame != a.env.frame:
		return errorf(codeEnvironment, idx, "inconsistent frame state: %+v and %+v", want.env.frame, a.env.frame)
	case want.env.wallet != a.env.wallet:
		return errorf(codeEnvironment, idx, "inconsistent gas wallet: %v and %v", want.env.wallet, a.env.wallet)
	}
	if err := as.consistent(idx, a, want); err != nil {
		return err
	}
	if !want.converges {
		return errorf(codeReferences, idx, "branches meet at the target of a statement with several branches")
	}
	return nil
}

// consistent checks that the variables on two paths to a statement can be merged. They are usually in the same order.
func (as *annotations) consistent(idx sierra.StatementIdx, a, want *annotation) error {
	fail := func(format string, args ...any) error {
		return errorf(codeReferences, idx, "inconsistent references: "+format, args...)
	}
	if len(a.vars) != len(want.vars) {
		return fail("%d and %d variables", len(want.vars), len(a.vars))
	}
	for i := range a.vars {
		v, at := &a.vars[i], i
		if want.vars[i].id != v.id {
			as.budget.move(len(want.vars))
			if at = want.find(v.id); at < 0 {
				return fail("variable [%d] is missing", v.id)
			}
		}
		as.budget.move(1 + len(v.cells))
		w := &want.vars[at]
		if v.typ != w.typ {
			return fail("variable [%d] has types %d and %d", v.id, w.typ, v.typ)
		}
		same := len(v.cells) == len(w.cells)
		for k := 0; same && k < len(v.cells); k++ {
			same = v.cells[k].Equal(&w.cells[k])
		}
		switch {
		case !same:
			return fail("variable [%d] is %v and %v", v.id, w.cells, v.cells)
		case v.stack != w.stack:
			return fail("variable [%d] has stack positions %d and %d", v.id, w.stack, v.stack)
		case v.stack != notOnStack || !v.usesAP():
		case !a.env.tracking.enabled:
			return fail("variable [%d] depends on ap, which is not tracked", v.id)
		case v.introduced != w.introduced:
			return fail("variable [%d] was introduced at %+v and %+v", v.id, w.introduced, v.introduced)
		}
	}
	return nil
}

// propagate moves annotation a, whose arguments have been taken out, along a branch to statement to.
func (as *annotations) propagate(from, to sierra.StatementIdx, a *annotation, results []sierra.VarID,
	change *branchChange, mustSet bool) error {
	if mustSet && as.at[to] != nil {
		return errorf(codeReferences, from, "a branch leads to statement %d, and so does another statement", to)
	}
	as.budget.move(len(a.vars) * (2 + len(results)))
	for i := range a.vars {
		v := &a.vars[i]
		if change.clearStack {
			v.stack = notOnStack
		}
		as.budget.move(len(v.cells))
		if !change.apKnown {
			if v.usesAP() {
				return errorf(codeReferences, from, "unknown ap change while variable [%d] depends on it", v.id)
			}
			continue
		}
		if change.apChange == 0 {
			continue
		}
		for k := range v.cells {
			var ok bool
			if v.cells[k], ok = v.cells[k].Shift(change.apChange); !ok {
				return errorf(codeReferences, from, "variable [%d] moves out of reach of ap", v.id)
			}
		}
	}
	for i, id := range results {
		out := &change.outputs[i]
		if a.find(id) >= 0 {
			return errorf(codeReferences, from, "variable [%d] was overridden", id)
		}
		as.budget.copy(len(out.cells) + 1)
		ref := reference{cells: append([]casm.Operand(nil), out.cells...), typ: out.typ, stack: out.stack,
			introduced: introduction{from: from, to: to, output: i}}
		if out.sameAs != nil {
			ref.introduced = *out.sameAs
		}
		a.vars = append(a.vars, variable{id, ref})
	}
	a.trimStack(change.stackSize)
	switch change.tracking {
	case disableTracking:
		a.env.tracking = tracking{}
	case enableTracking:
		if a.env.tracking.enabled {
			return errorf(codeEnvironment, from, "ap tracking is already enabled")
		}
		a.env.tracking = tracking{enabled: true, base: to}
	default:
		a.env.tracking = a.env.tracking.moved(change.apKnown, change.apChange)
	}
	if !as.options.NoGasCheck {
		a.env.wallet = a.env.wallet.sub(change.gas)
		if w := a.env.wallet; w != w.rectify() {
			return errorf(codeEnvironment, from, "ran out of gas: %v minus %v", w.add(change.gas), change.gas)
		}
	}
	a.converges = !mustSet
	return as.set(to, a)
}

// trimStack shortens a stack of the given size to its top part without gaps.
func (a *annotation) trimStack(size int) {
	a.env.stackSize = 0
	if size == 0 {
		return
	}
	there := make([]bool, size)
	for i := range a.vars {
		if s := a.vars[i].stack; s != notOnStack {
			there[s] = true
		}
	}
	kept := 0
	for kept < size && there[size-1-kept] {
		kept++
	}
	a.env.stackSize = kept
	if gone := size - kept; gone > 0 {
		for i := range a.vars {
			a.vars[i].stack = max(a.vars[i].stack-gone, notOnStack)
		}
	}
}

// checkReturn checks the state at a return statement.
func (as *annotations) checkReturn(idx sierra.StatementIdx, a *annotation, refs []reference) error {
	if len(a.vars) > 0 {
		return errorf(codeReferences, idx, "variable [%d] is dangling", a.vars[0].id)
	}
	want := tracking{}
	if n := as.metadata.FunctionAPChange[a.function]; n >= 0 {
		want = tracking{enabled: true, apChange: n, base: functionStart}
	}
	if a.env.tracking != want {
		return errorf(codeEnvironment, idx, "function %d returns with ap tracking %+v, want %+v", a.function, a.env.tracking, want)
	}
	ret := as.program.Funcs[a.function].Ret
	if len(ret) != len(refs) {
		return errorf(codeReferences, idx, "%d values are returned, want %d", len(refs), len(ret))
	}
	for i := range ret {
		if refs[i].typ != ret[i] {
			return errorf(codeReferences, idx, "returned value %d has type %d, want %d", i, refs[i].typ, ret[i])
		}
	}
	if a.env.frame.state == allocating {
		return errorf(codeEnvironment, idx, "locals were allocated but finalize_locals was not called")
	}
	if !onStack(refs) {
		return errorf(codeReferences, idx, "return arguments are not on the stack")
	}
	return nil
}

// onStack reports whether the values are contiguous and end at ap - 1.
func onStack(refs []reference) bool {
	offset := -1
	for i := len(refs) - 1; i >= 0; i-- {
		for k := len(refs[i].cells) - 1; k >= 0; k-- {
			c := &refs[i].cells[k]
			if c.Kind != casm.Deref || c.Cell.Reg != casm.AP || int(c.Cell.Off) != offset {
				return false
			}
			offset--
		}
	}
	return true
}
