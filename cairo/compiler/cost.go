package compiler

import (
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// Token is a unit in which execution is charged. Const is gas known at compile time (steps, memory holes and range checks
// at fixed prices). Each other token counts the uses of a builtin, whose price is looked up at run time.
type Token int

// The tokens. The builtins are in the order in which their costs are added up at run time.
const (
	Const Token = iota
	Pedersen
	Poseidon
	Bitwise
	EcOp
	AddMod
	MulMod
	Blake
	tokens
)

var tokenNames = [tokens]string{"Const", "Pedersen", "Poseidon", "Bitwise", "EcOp", "AddMod", "MulMod", "Blake"}

func (t Token) String() string { return tokenNames[t] }

// costTableOffset is the position of each builtin's price in the table that get_builtin_costs points to.
var costTableOffset = [tokens]int16{Pedersen: 0, Bitwise: 1, EcOp: 2, Poseidon: 3, AddMod: 4, MulMod: 5, Blake: 6}

// Costs is an amount of every token.
type Costs [tokens]int64

func (c Costs) add(d Costs) Costs {
	for t := range c {
		c[t] += d[t]
	}
	return c
}

func (c Costs) sub(d Costs) Costs {
	for t := range c {
		c[t] -= d[t]
	}
	return c
}

func (c Costs) max(d Costs) Costs {
	for t := range c {
		c[t] = max(c[t], d[t])
	}
	return c
}

func (c Costs) min(d Costs) Costs {
	for t := range c {
		c[t] = min(c[t], d[t])
	}
	return c
}

// rectify replaces negative amounts with zero.
func (c Costs) rectify() Costs { return c.max(Costs{}) }

// computationSteps returns the number of steps, which is also the number of cells, for adding up the price of these
// builtins. Without a pointer to the price table (table is false), four more steps fetch it.
func (c *Costs) computationSteps(table bool) int {
	steps := 0
	for t := Pedersen; t < tokens; t++ {
		steps += min(int(c[t]), 2)
		if c[t] > 0 {
			steps++
		}
	}
	if steps > 0 && !table {
		steps += 4
	}
	return steps
}

// constCost is the resources of a piece of code whose prices are known.
type constCost struct{ steps, holes, rangeChecks, rangeChecks96 int }

// gas returns the price of the resources.
func (c constCost) gas() int64 {
	return int64(c.steps)*constants.StepGas + int64(c.holes)*constants.MemoryHoleGas +
		int64(c.rangeChecks)*constants.RangeCheckGas + int64(c.rangeChecks96)*constants.RangeCheck96Gas
}

func (c constCost) add(d constCost) constCost {
	return constCost{c.steps + d.steps, c.holes + d.holes, c.rangeChecks + d.rangeChecks, c.rangeChecks96 + d.rangeChecks96}
}

// costKind says how the cost of a branch is determined.
type costKind uint8

const (
	regularCost      costKind = iota
	functionCost              // plus the cost of a function: charged, or refunded if refund is set
	branchAlignCost           // alignment of ap and gas
	withdrawGasCost           // withdraw_gas and withdraw_gas_all
	redepositGasCost          // redeposit_gas
	unspentGasCost            // get_unspent_gas
)

// branchCost is the cost of one branch of a libfunc.
type branchCost struct {
	kind   costKind
	cost   constCost
	pre    Costs         // regularCost: builtins used
	fn     sierra.FuncID // functionCost
	refund bool          // functionCost
	// withdrawGasCost: whether the branch has enough gas, and whether the price table is an argument
	success, table bool
}

// withdrawal returns the cost of withdraw_gas itself in this branch if it withdraws gas for the given builtins.
func (b *branchCost) withdrawal(usage *Costs) constCost {
	computation := usage.computationSteps(b.table)
	steps := 3 + computation
	if !b.success {
		steps++
		if b.table || computation > 0 {
			steps++
		}
	}
	return constCost{steps: steps, rangeChecks: 1}
}

// alignment returns the cost of a branch_align that moves ap by apChange.
func alignment(apChange int) constCost {
	if apChange == 0 {
		return constCost{}
	}
	return constCost{steps: 1, holes: apChange}
}

// atStatement returns the cost of the branch at statement idx, after the solvers have run.
func (b *branchCost) atStatement(m *Metadata, idx sierra.StatementIdx) Costs {
	vars := m.gasVars[idx]
	var c Costs
	switch b.kind {
	case regularCost:
		c = b.pre
		c[Const] = b.cost.gas()
	case functionCost:
		c = m.FunctionCosts[b.fn]
		c[Const] += b.cost.gas()
		if b.refund {
			c = vars.sub(c)
		}
	case branchAlignCost:
		c = vars
		c[Const] += alignment(m.apVars[idx]).gas()
	case withdrawGasCost:
		if b.success {
			c = Costs{}.sub(vars)
		}
		c[Const] += b.withdrawal(&vars).gas()
	case redepositGasCost:
		c = vars
		c[Const] += int64(vars.computationSteps(false)) * constants.StepGas
	case unspentGasCost:
		c[Const] = int64(vars.computationSteps(false)) * constants.StepGas
	}
	return c
}
