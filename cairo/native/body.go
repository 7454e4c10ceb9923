package native

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/cairo/sierra"
)

// unsupported is the reason why a class cannot be lowered. reject panics with it, and lowerClass returns it as an error.
type unsupported struct{ reason string }

// reject ends the lowering of the class with a reason.
func reject(format string, args ...any) { panic(unsupported{fmt.Sprintf(format, args...)}) }

// Bounds of compiled modules, far above the needs of real classes. A class that exceeds one runs on the VM.
const (
	maxModule  = 6 << 20 // bytes of code
	maxLocals  = 50_000  // locals of one function
	maxNesting = 2_000   // depth of nested blocks
	maxCopies  = 1 << 22 // variables copied at branches, in all functions
	// maxLive bounds the slots that are moved at a merge point, because those moves cost no gas.
	maxLive = 1_000
)

// env holds the slots of each live variable.
type env map[sierra.VarID][]slot

// body lowers one function.
type body struct {
	*asm
	c       *compiler
	fn      *sierra.Function
	index   sierra.FuncID
	loop    bool                                          // the function calls itself in tail position
	order   map[sierra.StatementIdx]int                   // position in reverse postorder
	weight  map[sierra.StatementIdx]int                   // number of statements dominated, itself included
	merges  map[sierra.StatementIdx][]sierra.StatementIdx // merge points by immediate dominator, in reverse postorder
	merge   map[sierra.StatementIdx]env                   // variables of a merge point, in fixed locals; nil until reached
	isMerge map[sierra.StatementIdx]bool
	labels  []sierra.StatementIdx // open blocks: the merge point at their end, labelNone or labelLoop
}

const (
	labelNone sierra.StatementIdx = -1
	labelLoop sierra.StatementIdx = -2
)

// lowerFunction returns the code of a function.
func (c *compiler) lowerFunction(id sierra.FuncID) *wasmFunc {
	fn := &c.program.Funcs[id]
	sig := c.functionSignature(id)
	b := &body{asm: newAsm(sig.params), c: c, fn: fn, index: id}
	b.analyse()
	start := env{}
	at := 0
	for _, p := range fn.Params {
		n := c.size(p.Type)
		start[p.Var] = b.param(at, n)
		at += n
	}
	b.pollEntry()
	if b.loop {
		b.op(opLoop, blockVoid)
		b.labels = append(b.labels, labelLoop)
	}
	if b.isMerge[fn.Entry] {
		reject("a function's entry is a merge point")
	}
	b.run(fn.Entry, start)
	if b.loop {
		b.op(opEnd)
	}
	b.op(opUnreachable)
	if b.locals > maxLocals {
		reject("a function takes %d locals, at most %d", b.locals, maxLocals)
	}
	return b.finish(sig)
}

// analyse orders the function's statements and finds its merge points and their dominators.
func (b *body) analyse() {
	stmts := b.c.program.Statements
	b.order = map[sierra.StatementIdx]int{}
	b.merges, b.merge = map[sierra.StatementIdx][]sierra.StatementIdx{}, map[sierra.StatementIdx]env{}
	b.isMerge = map[sierra.StatementIdx]bool{}
	preds := map[sierra.StatementIdx][]sierra.StatementIdx{}
	const open = -1
	var post []sierra.StatementIdx
	type visit struct {
		at   sierra.StatementIdx
		next int
	}
	stack := []visit{{b.fn.Entry, 0}}
	b.order[b.fn.Entry] = open
	for len(stack) > 0 {
		v := &stack[len(stack)-1]
		s := &stmts[v.at]
		if v.next < len(s.Branches) && !s.Return {
			next := s.Branches[v.next].Next(v.at)
			v.next++
			preds[next] = append(preds[next], v.at)
			if o, ok := b.order[next]; !ok {
				b.order[next] = open
				stack = append(stack, visit{next, 0})
			} else if o == open {
				reject("a function has a cycle of jumps")
			}
			continue
		}
		post = append(post, v.at)
		b.order[v.at] = len(post)
		if !s.Return && b.isTailCall(v.at) {
			b.loop = true
		}
		stack = stack[:len(stack)-1]
	}
	n := len(post)
	for at := range b.order {
		b.order[at] = n - b.order[at]
	}
	slices.Reverse(post)
	// Without cycles one pass in this order finds the dominators.
	idom := make([]int, n)
	for i, at := range post {
		if i == 0 {
			continue
		}
		d := -1
		for _, p := range preds[at] {
			o := b.order[p]
			if d < 0 {
				d = o
				continue
			}
			for d != o {
				if d > o {
					d = idom[d]
				} else {
					o = idom[o]
				}
			}
		}
		idom[i] = d
		if len(preds[at]) > 1 {
			b.isMerge[at] = true
			b.merges[post[d]] = append(b.merges[post[d]], at)
		}
	}
	weight := make([]int, n)
	b.weight = make(map[sierra.StatementIdx]int, n)
	for i := n - 1; i >= 0; i-- {
		weight[i]++
		if i > 0 {
			weight[idom[i]] += weight[i]
		}
		b.weight[post[i]] = weight[i]
	}
}

// isTailCall reports whether the statement calls the function itself and the statements after it only return the results.
func (b *body) isTailCall(idx sierra.StatementIdx) bool {
	s := &b.c.program.Statements[idx]
	lf := b.c.r.Libfunc(s.Libfunc)
	if lf.Generic != "function_call" || lf.Args[0].Func != b.index {
		return false
	}
	results := slices.Clone(s.Branches[0].Results)
	for at := s.Branches[0].Next(idx); ; {
		s := &b.c.program.Statements[at]
		if s.Return {
			return slices.Equal(s.Args, results)
		}
		switch b.c.r.Libfunc(s.Libfunc).Generic {
		case "store_temp", "rename":
			i := slices.Index(results, s.Args[0])
			if i < 0 {
				return false
			}
			results[i] = s.Branches[0].Results[0]
		default:
			return false
		}
		at = s.Branches[0].Next(at)
	}
}

// invocation is a statement being lowered.
type invocation struct {
	*body
	idx     sierra.StatementIdx
	s       *sierra.Statement
	lf      *sierra.ConcreteLibfunc
	args    [][]slot // by parameter
	env     env      // the live variables without the arguments
	results [][]slot // results of the only branch, see out
	done    bool     // results is set
}

// run lowers a statement and all statements that it dominates.
func (b *body) run(idx sierra.StatementIdx, vars env) {
	stmts := b.c.program.Statements
	for {
		if b.c.codeSize+len(b.code) > maxModule {
			reject("the module takes more than %d bytes", maxModule)
		}
		s := &stmts[idx]
		if s.Return {
			for _, v := range s.Args {
				b.push(b.take(vars, v)...)
			}
			b.op(opReturn)
			return
		}
		merges := b.merges[idx]
		for i := len(merges) - 1; i >= 0; i-- {
			b.open(opBlock, merges[i])
		}
		next, alone := b.invoke(idx, s, vars)
		for _, m := range merges {
			b.close()
			if e := b.merge[m]; e != nil {
				b.run(m, e)
			}
		}
		if !alone {
			return
		}
		idx = next
	}
}

// open opens a block. A jump to the label goes to the block's end.
func (b *body) open(op byte, label sierra.StatementIdx) {
	b.op(op, blockVoid)
	b.labels = append(b.labels, label)
	if len(b.labels) > maxNesting {
		reject("blocks are nested deeper than %d", maxNesting)
	}
}

// close ends the innermost block.
func (b *body) close() {
	b.op(opEnd)
	b.labels = b.labels[:len(b.labels)-1]
}

// brTo jumps to an open label.
func (b *body) brTo(label sierra.StatementIdx) {
	for i := len(b.labels) - 1; i >= 0; i-- {
		if b.labels[i] == label {
			b.opN(opBr, len(b.labels)-1-i)
			return
		}
	}
	reject("statement %d is not an open label", label)
}

// take removes a variable from vars and returns its slots.
func (b *body) take(vars env, v sierra.VarID) []slot {
	s, ok := vars[v]
	if !ok {
		reject("variable %d is not set", v)
	}
	delete(vars, v)
	return s
}

// invoke lowers an invocation. If it has a single branch and the branch's target is not a merge point, invoke returns the target and
// true, and the caller lowers the target.
func (b *body) invoke(idx sierra.StatementIdx, s *sierra.Statement, vars env) (next sierra.StatementIdx, alone bool) {
	lf := b.c.r.Libfunc(s.Libfunc)
	l := &invocation{body: b, idx: idx, s: s, lf: lf, env: vars}
	for _, v := range s.Args {
		l.args = append(l.args, b.take(vars, v))
	}
	lower := l.c.rows[lf.Generic]
	if lower == nil {
		reject("libfunc %s is not lowered", lf.Generic)
	}
	if lf.Generic == "function_call" && b.loop && b.isTailCall(idx) {
		n := 0
		for _, a := range l.args {
			b.push(a...)
			n += len(a)
		}
		for i := n - 1; i >= 0; i-- {
			b.opN(opLocalSet, i)
		}
		b.brTo(labelLoop)
		return 0, false
	}
	lower(l)
	if len(s.Branches) != 1 {
		return 0, false
	}
	if !l.done {
		reject("libfunc %s has no result", lf.Generic)
	}
	l.bind(vars, 0, l.results)
	next = s.Branches[0].Next(idx)
	if b.isMerge[next] {
		b.enter(next, vars)
		return 0, false
	}
	return next, true
}

// bind sets the variables of a branch's results.
func (l *invocation) bind(vars env, branch int, results [][]slot) {
	br := &l.s.Branches[branch]
	at := 0
	for i, v := range br.Results {
		t := l.lf.Signature.Branches[branch].Vars[i].Type
		n := l.c.size(t)
		if n == 0 {
			vars[v] = nil
			continue
		}
		if at >= len(results) || len(results[at]) != n {
			reject("libfunc %s: result %d of branch %d does not have %d slots", l.lf.Generic, i, branch, n)
		}
		vars[v] = results[at]
		at++
	}
	if at != len(results) {
		reject("libfunc %s: %d extra results in branch %d", l.lf.Generic, len(results)-at, branch)
	}
}

// out ends the code of one branch. results holds the slots of the branch's results, without the results that take no slots.
func (l *invocation) out(branch int, results ...[]slot) {
	if len(l.s.Branches) == 1 {
		l.results, l.done = results, true
		return
	}
	vars := make(env, len(l.env)+len(results))
	if l.c.copies += len(l.env); l.c.copies > maxCopies {
		reject("branches copy more than %d variables", maxCopies)
	}
	for v, s := range l.env {
		vars[v] = s
	}
	l.bind(vars, branch, results)
	next := l.s.Branches[branch].Next(l.idx)
	if l.isMerge[next] {
		l.enter(next, vars)
		return
	}
	l.run(next, vars)
}

// enter moves the variables into the locals of a merge point and jumps there. The first call for a merge point chooses the locals.
func (b *body) enter(at sierra.StatementIdx, vars env) {
	want := b.merge[at]
	if want == nil {
		want = make(env, len(vars))
		live := 0
		for _, v := range sorted(vars) {
			if live += len(vars[v]); live > maxLive {
				reject("more than %d slots are live at a merge point", maxLive)
			}
			for range vars[v] {
				want[v] = append(want[v], b.fresh())
			}
			if len(vars[v]) == 0 {
				want[v] = nil
			}
		}
		b.merge[at] = want
	}
	if len(want) != len(vars) {
		reject("the paths to statement %d differ in their variables", at)
	}
	for _, v := range sorted(vars) {
		to, ok := want[v]
		if !ok || len(to) != len(vars[v]) {
			reject("the paths to statement %d differ in variable %d", at, v)
		}
		for i, s := range vars[v] {
			b.push(s)
			b.set(to[i])
		}
	}
	b.brTo(at)
}

// sorted returns the variables in increasing order.
func sorted(vars env) []sierra.VarID {
	ids := make([]sierra.VarID, 0, len(vars))
	for v := range vars {
		ids = append(ids, v)
	}
	slices.Sort(ids)
	return ids
}

// choose takes a condition from the stack. onYes writes the code of branch yes, which runs if the condition holds, and onNo that of
// branch no. The branch with less code is put into a block, so that long functions do not nest deeply.
func (l *invocation) choose(yes int, onYes func(), no int, onNo func()) {
	weight := func(branch int) int {
		next := l.s.Branches[branch].Next(l.idx)
		if l.isMerge[next] {
			return 0
		}
		return l.weight[next]
	}
	if weight(yes) <= weight(no) {
		l.open(opIf, labelNone)
		onYes()
		l.close()
		onNo()
		return
	}
	l.not()
	l.open(opIf, labelNone)
	onNo()
	l.close()
	onYes()
}

// choose01 takes a condition from the stack and goes to branch 0 if it holds, else to branch 1. Unlike with choose, the results of
// both branches are computed before the branch.
func (l *invocation) choose01(zero [][]slot, one [][]slot) {
	l.choose(0, func() { l.out(0, zero...) }, 1, func() { l.out(1, one...) })
}

// values returns the arguments that take slots.
func (l *invocation) values() [][]slot {
	var out [][]slot
	for _, a := range l.args {
		if len(a) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// maxInline is the number of locals above which a function calls the short helpers instead of inlining them.
const maxInline = 8_000

// helper runs a runtime function on slots and returns its results. Short functions are inlined.
func (l *body) helper(h helper, args ...[]slot) []slot {
	if l.locals < maxInline {
		switch h {
		case helperAdd:
			if small(args[1]) {
				return l.addSmall(args[0], args[1])
			}
			if small(args[0]) {
				return l.addSmall(args[1], args[0])
			}
			return l.addUsual(args[0], args[1], func() []slot {
				l.push(flat(args)...)
				l.call(l.c.helperBase + int(h))
				return l.popN(4)
			})
		case helperSub:
			if n, ok := negated(args[1]); ok && small(n) {
				return l.addSmall(args[0], n)
			}
			return l.feltSub(args[0], args[1])
		case helperWide:
			return l.wide(args[0][0], args[1][0])
		}
	}
	for _, a := range args {
		l.push(a...)
	}
	l.call(l.c.helperBase + int(h))
	return l.popN(helperSignatures[h].results)
}

// small reports whether y is a known element for addSmall: the middle limbs are 0 and the lowest limb is so small that adding it
// rarely carries. In Montgomery form, the negatives of small numbers are such elements.
func small(y []slot) bool {
	for _, s := range y {
		if !s.known {
			return false
		}
	}
	return y[0].value < 1<<32 && y[1].value == 0 && y[2].value == 0
}

// addSmall returns x + y for a small y. Only the lowest and the highest limb change, except in about one of 2^32 additions.
func (l *body) addSmall(x, y []slot) []slot {
	low, high := l.do(opAdd, x[0], y[0]), l.do(opAdd, x[3], y[3])
	// A carry: the sum's lowest limb is below what was added.
	rare := []func(){func() { l.bin(opLtU, low, y[0]) }}
	usual := []slot{low, x[1], x[2], high}
	if y[3].value < 1<<32 {
		// The sum is rarely P or more.
		rare = append(rare, func() { l.bin(opGeU, high, constant(primeTop)) })
	} else {
		usual = l.lessPrime(usual)
		// The subtraction of P borrows if the lowest limb is 0.
		rare[0] = func() { l.bin(opLtU, low, constant(max(1, y[0].value))) }
	}
	return l.rarely(usual, func() []slot {
		l.push(x...)
		l.push(y...)
		l.call(l.c.helperBase + int(helperAdd))
		return l.popN(4)
	}, rare...)
}

// host calls a host function and returns its results.
func (l *body) host(name string, args ...[]slot) []slot {
	i, ok := hosts().index[name]
	if !ok {
		reject("host function %s does not exist", name)
	}
	for _, a := range args {
		l.push(a...)
	}
	l.call(i)
	return l.popN(hosts().list[i].sig.results)
}
