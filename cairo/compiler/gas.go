package compiler

import (
	"math"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// gasSolver computes, in linear time, how much gas must be in the wallet before each statement, and from it the amounts
// of withdraw_gas, redeposit_gas, coupon_refund and branch_align. It runs twice: for the builtins (post is false), then
// for Const, which includes the price of adding up the builtins' costs.
//
// The wallet of a statement is the maximum that its branches need. A branch that needs less has an excess, which is
// carried forward to the next redeposit_gas or subtracted from the next withdraw_gas. The wallets are then recomputed
// with these targets.
type gasSolver struct {
	*resolved
	post     bool
	pre      []Costs                        // post: the first run's variables
	apVars   []int                          // post
	enforced map[sierra.StatementIdx]*Costs // wallets that are fixed
	order    []sierra.StatementIdx          // each statement after those on whose wallets it depends
	flow     []sierra.StatementIdx          // each statement after its successors
	wallet   []Costs                        // the second run overwrites those of the first
	target   []Costs                        // nil in the first round
	// overflow is a statement whose amount exceeds 31 bits, -1 if there is none. The official compiler counts in 31 bits.
	overflow sierra.StatementIdx
}

// fit bounds amounts above 31 bits, so that their sums do not overflow, and records the statement.
func (g *gasSolver) fit(idx sierra.StatementIdx, c Costs) Costs {
	for t := range c {
		if c[t] > math.MaxInt32 {
			c[t] = math.MaxInt32 + 1
			if g.overflow < 0 {
				g.overflow = idx
			}
		}
	}
	return c
}

// solve returns the variables of each statement and the cost of each function.
func (g *gasSolver) solve() (vars []Costs, functions []Costs, err error) {
	n := len(g.program.Statements)
	if g.wallet == nil {
		g.wallet = make([]Costs, n)
		if g.order, err = reverseTopological(n, true, g.walletDependencies); err != nil {
			return nil, nil, err
		}
		if g.flow, err = reverseTopological(n, false, g.successors); err != nil {
			return nil, nil, err
		}
	}
	g.target, g.overflow = nil, -1
	g.prepareWallets()
	g.target = g.targets()
	g.prepareWallets()
	if g.overflow >= 0 {
		return nil, nil, errorf(codeGas, g.overflow, "the cost exceeds %d", math.MaxInt32)
	}
	for i := range g.program.Funcs {
		idx := g.program.Funcs[i].Entry
		if want, ok := g.enforced[idx]; ok && g.wallet[idx] != *want {
			return nil, nil, errorf(codeGas, idx, "the cost of the function cannot be fixed at %d", want[Const])
		}
	}
	vars = g.target // no longer needed
	clear(vars)
	for idx := range g.program.Statements {
		g.variables(sierra.StatementIdx(idx), vars)
	}
	for idx := range vars {
		if vars[idx] != vars[idx].rectify() {
			return nil, nil, errorf(codeGas, sierra.StatementIdx(idx), "negative amount of gas")
		}
	}
	functions = make([]Costs, len(g.program.Funcs))
	for i := range g.program.Funcs {
		functions[i] = g.walletAt(g.program.Funcs[i].Entry)
		if functions[i] != functions[i].rectify() {
			return nil, nil, errorf(codeGas, g.program.Funcs[i].Entry, "function %d has a negative cost", i)
		}
	}
	return vars, functions, nil
}

// walletAt returns the wallet needed before a statement. For a branch_align it excludes the alignment.
func (g *gasSolver) walletAt(idx sierra.StatementIdx) Costs {
	if c, ok := g.enforced[idx]; ok {
		return *c
	}
	return g.wallet[idx]
}

// walletDependencies appends the statements whose wallets requirement reads.
func (g *gasSolver) walletDependencies(idx sierra.StatementIdx, children []sierra.StatementIdx) []sierra.StatementIdx {
	add := func(child sierra.StatementIdx) {
		for _, c := range children {
			if c == child {
				return
			}
		}
		children = append(children, child)
	}
	s := &g.program.Statements[idx]
	if s.Return {
		return children
	}
	for i := range s.Branches {
		b := &g.libfuncs[s.Libfunc].costs[i]
		if b.kind == functionCost {
			add(g.program.Funcs[b.fn].Entry)
		}
		if b.kind == withdrawGasCost && b.success {
			continue
		}
		add(s.Branches[i].Next(idx))
	}
	return children
}

// successors appends the statements that may follow idx.
func (g *gasSolver) successors(idx sierra.StatementIdx, children []sierra.StatementIdx) []sierra.StatementIdx {
	s := &g.program.Statements[idx]
	for i := range s.Branches {
		children = append(children, s.Branches[i].Next(idx))
	}
	return children
}

// requirement returns the gas that a branch needs in the wallet: its own cost plus the wallet after it.
func (g *gasSolver) requirement(idx sierra.StatementIdx, branch *sierra.Branch, b *branchCost) Costs {
	var c Costs
	switch b.kind {
	case regularCost:
		if !g.post {
			c = b.pre
		}
	case functionCost:
		c = g.walletAt(g.program.Funcs[b.fn].Entry)
	case withdrawGasCost:
		if g.post {
			c[Const] = b.withdrawal(&g.pre[idx]).gas()
		}
		if b.success {
			return c // a successful withdrawal fills the wallet as far as needed
		}
	case branchAlignCost:
		if g.post {
			c[Const] = alignment(g.apVars[idx]).gas()
		}
	case redepositGasCost, unspentGasCost:
		if g.post {
			c[Const] = int64(g.pre[idx].computationSteps(false)) * constants.StepGas
		}
	}
	if g.post {
		c[Const] += b.cost.gas()
	}
	if b.refund {
		c = Costs{}.sub(c)
	}
	return g.fit(idx, c.add(g.walletAt(branch.Next(idx))))
}

// prepareWallets computes the wallets of all statements, raised to the targets if there are any.
func (g *gasSolver) prepareWallets() {
	for _, idx := range g.order {
		s := &g.program.Statements[idx]
		var wallet Costs
		if !s.Return {
			costs := g.libfuncs[s.Libfunc].costs
			for i := range s.Branches {
				wallet = wallet.max(g.requirement(idx, &s.Branches[i], &costs[i]).rectify())
			}
			// The wallet may be raised at a statement with several branches, whose branch_aligns take up the excess, and
			// at redeposit_gas.
			if g.target != nil && (len(s.Branches) > 1 || len(costs) == 1 && costs[0].kind == redepositGasCost) {
				wallet = wallet.max(g.target[idx])
			}
		}
		g.wallet[idx] = wallet
	}
}

// targets returns each statement's wallet plus the excess that reaches it.
func (g *gasSolver) targets() []Costs {
	n := len(g.program.Statements)
	excess := make([]Costs, n)
	reached := make([]bool, n) // whether excess is set
	final := make([]bool, n)
	for i := n - 1; i >= 0; i-- {
		g.pushExcess(g.flow[i], excess, reached, final)
	}
	for idx := range excess {
		excess[idx] = g.fit(sierra.StatementIdx(idx), g.wallet[idx].add(excess[idx]))
	}
	return excess
}

// pushExcess passes a statement's excess on to its branches. redeposit_gas absorbs all of it and withdraw_gas the amount
// that it would have withdrawn; other branches add the difference between the wallet and their need.
func (g *gasSolver) pushExcess(idx sierra.StatementIdx, excess []Costs, reached, final []bool) {
	wallet := g.wallet[idx]
	if c, ok := g.enforced[idx]; ok {
		excess[idx] = c.sub(wallet).rectify()
	}
	final[idx] = true
	s := &g.program.Statements[idx]
	if s.Return {
		return
	}
	costs := g.libfuncs[s.Libfunc].costs
	for i := range s.Branches {
		b := &costs[i]
		next := s.Branches[i].Next(idx)
		if final[next] {
			return // in a cycle: the first result stays
		}
		left := excess[idx]
		switch {
		case len(s.Branches) > 1 && b.kind == withdrawGasCost && b.success:
			left = left.sub(g.withdrawn(idx, b, wallet, g.walletAt(next))).rectify()
		case len(s.Branches) > 1, b.refund:
			left = left.add(wallet.sub(g.requirement(idx, &s.Branches[i], b)).rectify())
		case b.kind == redepositGasCost:
			left = Costs{}
		}
		if reached[next] {
			left = left.min(excess[next])
		}
		excess[next], reached[next] = left, true
	}
}

// withdrawn returns the amount that withdraw_gas adds to the wallet, negative if the failing branch costs more.
func (g *gasSolver) withdrawn(idx sierra.StatementIdx, b *branchCost, wallet, next Costs) Costs {
	if g.post {
		next[Const] += b.withdrawal(&g.pre[idx]).gas()
		next = g.fit(idx, next)
	}
	return next.sub(wallet)
}

// variables sets the amounts of the statement, or of the branch_aligns that follow it.
func (g *gasSolver) variables(idx sierra.StatementIdx, vars []Costs) {
	s := &g.program.Statements[idx]
	if s.Return {
		return
	}
	costs := g.libfuncs[s.Libfunc].costs
	wallet := g.walletAt(idx)
	for i := range s.Branches {
		b := &costs[i]
		next := s.Branches[i].Next(idx)
		switch {
		case b.kind == withdrawGasCost && b.success:
			c := g.withdrawn(idx, b, wallet, g.walletAt(next))
			vars[idx] = c.rectify()
			vars[next] = Costs{}.sub(c).rectify()
		case b.kind == unspentGasCost:
			vars[idx] = wallet
		case b.kind == redepositGasCost, b.refund:
			vars[idx] = wallet.sub(g.requirement(idx, &s.Branches[i], b))
		case len(s.Branches) > 1:
			vars[next] = wallet.sub(g.requirement(idx, &s.Branches[i], b))
		}
	}
}
