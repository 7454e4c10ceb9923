package compiler

import (
	"math"

	"github.com/starkd/starkd/cairo/sierra"
)

// apKind says how the effect of a branch on ap is determined.
type apKind uint8

const (
	apKnown          apKind = iota // ap += n
	apUnknown                      // ap moves by an amount that is known only at run time
	apFromMetadata                 // branch_align: ap moves by the statement's variable
	apAllocLocal                   // allocates n cells; ap moves over them in finalize_locals
	apFunctionCall                 // ap moves by the function's own change plus 2
	apFinalizeLocals               // ap moves by the number of locals allocated so far
	apEnableTracking
	apDisableTracking
)

// apChange is a branch's effect on ap.
type apChange struct {
	kind apKind
	n    int
	fn   sierra.FuncID
}

// maxAP bounds how far a function may move ap. No run gets that far, and sums of such moves do not overflow. The cells
// that branch_align adds are charged in gas, which bounds them by 31 bits.
const maxAP = 1 << 40

// noFunction marks a tracking base that is not the start of a function.
const noFunction sierra.FuncID = -1

// apSolver computes, in linear time, how far each function moves ap (if that is known) and how far each branch_align must
// move it so that branches which meet or return agree.
type apSolver struct {
	*resolved
	branches [][]apChange
	infos    []apInfo
}

// apInfo is what the solver knows about a statement.
type apInfo struct {
	locals      int           // cells allocated for locals before the statement
	toReturn    int           // if known: how far ap moves until the furthest return
	base        sierra.FuncID // if tracked: the function from whose start ap is counted, or noFunction
	fromBase    int           // if tracked: the largest distance of ap from the base
	effective   int           // if isEffective: fromBase after all branches are aligned
	known       bool
	tracked     bool
	isEffective bool
}

// solve returns the ap change of each function (-1 if unknown) and the variable of each statement.
func (a *apSolver) solve() (functions, vars []int, err error) {
	n := len(a.program.Statements)
	a.infos = make([]apInfo, n)
	order, err := reverseTopological(n, false, func(idx sierra.StatementIdx, children []sierra.StatementIdx) []sierra.StatementIdx {
		for i, change := range a.branches[idx] {
			children = append(children, a.next(idx, i))
			if change.kind == apFunctionCall {
				children = append(children, a.program.Funcs[change.fn].Entry)
			}
		}
		return children
	})
	if err != nil {
		return nil, nil, err
	}
	for i := n - 1; i >= 0; i-- {
		a.countLocals(order[i])
	}
	for _, idx := range order {
		a.distanceToReturn(idx)
	}
	functions = make([]int, len(a.program.Funcs))
	for i := range a.program.Funcs {
		functions[i] = -1
		if info := &a.infos[a.program.Funcs[i].Entry]; info.known {
			if functions[i] = info.toReturn; info.toReturn > maxAP {
				return nil, nil, errorf(codeEnvironment, a.program.Funcs[i].Entry, "function %d moves ap by more than %d", i, maxAP)
			}
		}
	}
	ofFunction := func(fn sierra.FuncID) (int, bool) { return functions[fn], functions[fn] >= 0 }

	order, err = reverseTopological(n, false, func(idx sierra.StatementIdx, children []sierra.StatementIdx) []sierra.StatementIdx {
		for i, change := range a.branches[idx] {
			switch change.kind {
			case apUnknown:
				continue
			case apFunctionCall:
				if functions[change.fn] < 0 {
					continue
				}
			}
			children = append(children, a.next(idx, i))
		}
		return children
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range a.program.Funcs {
		info := &a.infos[a.program.Funcs[i].Entry]
		info.tracked, info.base, info.fromBase = true, sierra.FuncID(i), 0
	}
	for i := n - 1; i >= 0; i-- {
		a.track(order[i], ofFunction)
	}
	vars = make([]int, n)
	for _, idx := range order {
		a.align(idx, functions, vars, ofFunction)
	}
	for idx, v := range vars {
		if v < 0 || v > math.MaxInt32 {
			return nil, nil, errorf(codeEnvironment, sierra.StatementIdx(idx), "aligning the branches would move ap by %d", v)
		}
	}
	return functions, vars, nil
}

// next returns the statement that a branch leads to.
func (a *apSolver) next(idx sierra.StatementIdx, branch int) sierra.StatementIdx {
	return a.program.Statements[idx].Branches[branch].Next(idx)
}

// countLocals adds the cells allocated by statement idx to the count of its successors.
func (a *apSolver) countLocals(idx sierra.StatementIdx) {
	for i, change := range a.branches[idx] {
		switch change.kind {
		case apAllocLocal:
			a.infos[a.next(idx, i)].locals = a.infos[idx].locals + change.n
		case apUnknown, apFinalizeLocals:
		default:
			a.infos[a.next(idx, i)].locals = a.infos[idx].locals
		}
	}
}

// distanceToReturn computes how far ap moves until the furthest return, if the change is known on every path to one.
func (a *apSolver) distanceToReturn(idx sierra.StatementIdx) {
	furthest := 0
	for i, change := range a.branches[idx] {
		next := &a.infos[a.next(idx, i)]
		n, ok := a.change(idx, change, func(fn sierra.FuncID) (int, bool) {
			entry := &a.infos[a.program.Funcs[fn].Entry]
			return entry.toReturn, entry.known
		})
		if !ok || !next.known {
			return
		}
		furthest = max(furthest, min(next.toReturn+n, maxAP+1))
	}
	a.infos[idx].known, a.infos[idx].toReturn = true, furthest
}

// track computes the distance of ap from its tracking base for the successors of idx.
func (a *apSolver) track(idx sierra.StatementIdx, ofFunction func(sierra.FuncID) (int, bool)) {
	for i, change := range a.branches[idx] {
		info, next := &a.infos[idx], &a.infos[a.next(idx, i)]
		if change.kind == apEnableTracking {
			next.tracked, next.base, next.fromBase = true, noFunction, 0
			continue
		}
		n, ok := a.change(idx, change, ofFunction)
		if !ok || !info.tracked {
			continue
		}
		if next.tracked {
			next.fromBase = max(next.fromBase, info.fromBase+n)
		} else {
			next.tracked, next.base, next.fromBase = true, info.base, info.fromBase+n
		}
	}
}

// align computes the distance from the base on which all branches can agree, and the adjustment that each needs.
func (a *apSolver) align(idx sierra.StatementIdx, functions, vars []int, ofFunction func(sierra.FuncID) (int, bool)) {
	info := &a.infos[idx]
	if !info.tracked {
		return
	}
	if a.program.Statements[idx].Return {
		if info.base != noFunction && functions[info.base] >= 0 {
			info.isEffective, info.effective = true, functions[info.base]
		}
		return
	}
	type path struct {
		next     sierra.StatementIdx
		apChange int
	}
	var paths []path
	set := func(n int) {
		if info.isEffective {
			n = min(n, info.effective)
		}
		info.isEffective, info.effective = true, n
	}
	for i, change := range a.branches[idx] {
		if change.kind == apEnableTracking {
			continue
		}
		n, ok := a.change(idx, change, ofFunction)
		if !ok {
			info.isEffective, info.effective = true, info.fromBase
			continue
		}
		if next := a.next(idx, i); a.infos[next].isEffective {
			n = a.infos[next].effective - n
			paths = append(paths, path{next, n})
			set(n)
		}
	}
	for _, p := range paths {
		if p.apChange != info.effective {
			vars[p.next] = p.apChange - info.effective
		}
	}
}

// change returns how far a branch moves ap; ok is false if the distance is unknown or not tracked.
func (a *apSolver) change(idx sierra.StatementIdx, c apChange, ofFunction func(sierra.FuncID) (int, bool)) (n int, ok bool) {
	switch c.kind {
	case apKnown:
		return c.n, true
	case apFromMetadata, apAllocLocal, apEnableTracking:
		return 0, true
	case apFinalizeLocals:
		return a.infos[idx].locals, true
	case apFunctionCall:
		n, ok = ofFunction(c.fn)
		return n + 2, ok
	}
	return 0, false
}
