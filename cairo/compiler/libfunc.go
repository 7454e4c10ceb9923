package compiler

import (
	"math/big"
	"sync"

	"github.com/starkd/starkd/cairo/sierra"
)

// row is what the compiler knows about a generic libfunc in addition to its signature: the cost and the ap change of each
// branch, and how to write the code. The code's cost and ap change are compared with the row.
type row struct {
	cost func(*libfunc) []branchCost
	ap   func(*libfunc) []apChange
	// apOfGas replaces ap if the change depends on the builtins in the amount of gas.
	apOfGas func(usage *Costs) []apChange
	lower   func(*lowering)
}

// rows returns the rows of all supported libfuncs by generic id.
var rows = sync.OnceValue(func() map[string]*row {
	all := map[string]*row{}
	for _, family := range []func() map[string]row{
		coreRows, memoryRows, gasRows, feltRows, structRows, enumRows, arrayRows, boxRows, boolRows,
		uintRows, u128Rows, castRows, boundedRows, hashRows, ecRows, starknetRows, signedRows, wideRows,
		dictRows, circuitRows, rangeRows, qm31Rows,
	} {
		for generic, r := range family() {
			if all[generic] != nil {
				panic("compiler: two rows for " + generic)
			}
			all[generic] = &r
		}
	}
	return all
})

// isSupported reports whether a generic libfunc can be compiled.
func isSupported(generic string) bool { return rows()[generic] != nil }

// libfunc is a concrete libfunc with its row, costs and ap changes.
type libfunc struct {
	*sierra.ConcreteLibfunc
	r     *resolved
	row   *row
	costs []branchCost
	ap    []apChange // nil if the row has apOfGas
}

// resolved is a program with the rows of the libfuncs that its statements use.
type resolved struct {
	program  *sierra.Program
	registry *sierra.Registry
	libfuncs []libfunc
}

// resolve finds the rows of all libfuncs in use and checks the shape of the statements against the signatures.
func resolve(registry *sierra.Registry) (r *resolved, err error) {
	defer recovered(&err)
	p := registry.Program
	r = &resolved{program: p, registry: registry, libfuncs: make([]libfunc, len(p.Libfuncs))}
	n := sierra.StatementIdx(len(p.Statements))
	for i := range p.Statements {
		s, idx := &p.Statements[i], sierra.StatementIdx(i)
		if s.Return {
			continue
		}
		lf := &r.libfuncs[s.Libfunc]
		if lf.row == nil {
			if err := r.resolveLibfunc(lf, s.Libfunc); err != nil {
				err.Statement = idx
				return nil, err
			}
		}
		sig := &lf.Signature
		ok := len(s.Args) == len(sig.Params) && len(s.Branches) == len(sig.Branches) && len(s.Branches) == len(lf.costs)
		for k := 0; ok && k < len(s.Branches); k++ {
			next := s.Branches[k].Next(idx)
			ok = len(s.Branches[k].Results) == len(sig.Branches[k].Vars) && next >= 0 && next < n &&
				(k != sig.Fallthrough || s.Branches[k].Fallthrough)
		}
		if !ok {
			return nil, errorf(codeLowering, idx, "invocation of %s does not fit its signature", lf.Generic)
		}
	}
	for i := range p.Funcs {
		if e := p.Funcs[i].Entry; e < 0 || e >= n {
			return nil, errorf(codeReferences, -1, "function %d starts at statement %d of %d", i, e, n)
		}
	}
	return r, nil
}

// resolveLibfunc sets the signature, row, costs and ap changes of a libfunc.
func (r *resolved) resolveLibfunc(lf *libfunc, id sierra.LibfuncID) *sierra.ClassError {
	lf.ConcreteLibfunc, lf.r = r.registry.Libfunc(id), r
	if lf.row = rows()[lf.Generic]; lf.row == nil {
		return &sierra.ClassError{Code: codeUnsupported, Statement: -1, Libfunc: lf.Generic, Message: "cannot be compiled"}
	}
	lf.costs = lf.row.cost(lf)
	if lf.row.ap != nil {
		lf.ap = lf.row.ap(lf)
	}
	return nil
}

// size returns the number of cells of a type.
func (r *resolved) size(id sierra.TypeID) int {
	t := r.registry.Type(id)
	if t == nil || !t.Sized {
		reject("type %d has no size", id)
	}
	return t.Size
}

// typ returns a declared type.
func (r *resolved) typ(id sierra.TypeID) *sierra.ConcreteType {
	t := r.registry.Type(id)
	if t == nil {
		reject("type %d is not declared", id)
	}
	return t
}

// typeArg returns generic argument i, which must be a type.
func (l *libfunc) typeArg(i int) sierra.TypeID {
	if i >= len(l.Args) || l.Args[i].Kind != sierra.TypeArg {
		reject("%s: generic argument %d is not a type", l.Generic, i)
	}
	return l.Args[i].Type
}

// sizeArg returns the size of the type that is generic argument i.
func (l *libfunc) sizeArg(i int) int { return l.r.size(l.typeArg(i)) }

// valueArg returns generic argument i, which must be a number.
func (l *libfunc) valueArg(i int) *big.Int {
	if i >= len(l.Args) || l.Args[i].Kind != sierra.ValueArg {
		reject("%s: generic argument %d is not a value", l.Generic, i)
	}
	return l.Args[i].Value
}

// funcArg returns the function that is the generic argument or that belongs to the coupon type which is the generic
// argument.
func (l *libfunc) funcArg() sierra.FuncID {
	args := l.Args
	if len(args) == 1 && args[0].Kind == sierra.TypeArg {
		args = l.r.typ(args[0].Type).Args
	}
	if len(args) != 1 || args[0].Kind != sierra.UserFuncArg || int(args[0].Func) >= len(l.r.program.Funcs) || args[0].Func < 0 {
		reject("%s: the generic argument is not a function", l.Generic)
	}
	return args[0].Func
}

// rangeOf returns the range of an integer type.
func (l *libfunc) rangeOf(id sierra.TypeID) sierra.Range {
	r, ok := l.r.registry.IntRange(id)
	if !ok {
		reject("%s: type %d is not a range of integers", l.Generic, id)
	}
	return r
}

// steps returns a cost in steps, stepsRC one with range checks too.
func steps(n int) constCost       { return constCost{steps: n} }
func stepsRC(n, rc int) constCost { return constCost{steps: n, rangeChecks: rc} }

// costs returns a row's cost, the same for every use of the libfunc, from the cost of each branch.
func costs(branches ...constCost) func(*libfunc) []branchCost {
	list := regular(branches...)
	return func(*libfunc) []branchCost { return list }
}

// regular returns the branches with the given costs.
func regular(branches ...constCost) []branchCost {
	list := make([]branchCost, len(branches))
	for i, c := range branches {
		list[i].cost = c
	}
	return list
}

// free is the cost of libfuncs with one branch and no cost.
var free = costs(constCost{})

// builtin returns the cost of one branch that uses a builtin n times.
func builtin(c constCost, token Token, n int64) func(*libfunc) []branchCost {
	list := regular(c)
	list[0].pre[token] = n
	return func(*libfunc) []branchCost { return list }
}

// aps returns a row's ap change, the same for every use of the libfunc, from the change of each branch.
func aps(branches ...int) func(*libfunc) []apChange {
	list := knownAP(branches...)
	return func(*libfunc) []apChange { return list }
}

// knownAP returns the branches with the given ap changes.
func knownAP(branches ...int) []apChange {
	list := make([]apChange, len(branches))
	for i, n := range branches {
		list[i].n = n
	}
	return list
}

// apIs returns the ap change of one branch that is not a known number.
func apIs(kind apKind) func(*libfunc) []apChange {
	list := []apChange{{kind: kind}}
	return func(*libfunc) []apChange { return list }
}
