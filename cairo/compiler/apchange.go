package compiler

import (
	"math"

	"github.com/starkd/starkd/cairo/sierra"
)

// apKind says how a branch's effect on ap is found.
type apKind uint8

const (
	apKnown          apKind = iota // ap += n
	apUnknown                      // by an amount that only the run knows
	apFromMetadata                 // branch_align: by the statement's variable
	apAllocLocal                   // n cells, moved over when the locals are finalised
	apFunctionCall                 // by the function's own change, and 2
	apFinalizeLocals               // by the locals allocated so far
	apEnableTracking
	apDisableTracking
)

// apChange is a branch's effect on ap.
type apChange struct {
	kind apKind
	n    int
	fn   sierra.FuncID
}

// maxAP bounds by how much a function may move ap: no run gets that far, and sums of such moves do not overflow. What a
// branch_align adds is charged for in gas, so that it is bounded by 31 bits.
const maxAP = 1 << 40

// noFunction marks a tracking base that is not the start of a function.
const noFunction sierra.FuncID = -1

// apSolver finds, in linear time, by how much each function moves ap, if that is known, and by how much each branch_align
// must move it so that branches which meet again, or return, agree.
type apSolver struct {
	*resolved
	branches [][]apChange
	infos    []apInfo
}

// apInfo is what the solver knows of a statement.
type apInfo struct {
	locals      int           // cells allocated for locals before it
	toReturn    int           // known: the distance of the furthest return
	base        sierra.FuncID // tracked: the function from whose start ap is counted, or noFunction
	fromBase    int           // tracked: at most so much since the base
	effective   int           // isEffective: what fromBase becomes once every branch is aligned
	known       bool
	tracked     bool
	isEffective bool
}

// solve returns the function's changes (-1 for unknown) and the variable of each statement.
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
			return nil, nil, errorf(codeEnvironment, sierra.StatementIdx(idx), "ap would have to move by %d to align", v)
		}
	}
	return functions, vars, nil
}

func (a *apSolver) next(idx sierra.StatementIdx, branch int) sierra.StatementIdx {
	return a.program.Statements[idx].Branches[branch].Next(idx)
}

// countLocals passes the number of allocated cells on to the statements that follow.
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

// distanceToReturn finds by how much ap moves until the furthest return, if every way there is known.
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

// track finds how far ap is from where its tracking began.
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

// align finds the distance from the base that all branches can be made to agree on, and what each needs for it.
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

// change is by how much a branch moves ap; ok is false where that is unknown or not tracked.
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
