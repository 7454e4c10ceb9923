package compiler

import (
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// Token is what execution is charged in: Const is gas that is known when compiling (steps, holes and range checks at fixed
// prices), the others are uses of a builtin whose price is looked up when running.
type Token int

// The tokens; the builtins' in the order in which their costs are added up at run time.
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

// costTableOffset is where a builtin's price is in the table that get_builtin_costs points to.
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

// rectify replaces negative amounts by zero.
func (c Costs) rectify() Costs { return c.max(Costs{}) }

// computationSteps returns the number of steps, and of cells, that adding up the price of these builtins takes. Without the
// table at hand it has to be fetched first, which takes four.
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

// constCost is the resources of a piece of code whose price is known.
type constCost struct{ steps, holes, rangeChecks, rangeChecks96 int }

func (c constCost) gas() int64 {
	return int64(c.steps)*constants.StepGas + int64(c.holes)*constants.MemoryHoleGas +
		int64(c.rangeChecks)*constants.RangeCheckGas + int64(c.rangeChecks96)*constants.RangeCheck96Gas
}

func (c constCost) add(d constCost) constCost {
	return constCost{c.steps + d.steps, c.holes + d.holes, c.rangeChecks + d.rangeChecks, c.rangeChecks96 + d.rangeChecks96}
}

// costKind says how the cost of a branch is found.
type costKind uint8

const (
	regularCost      costKind = iota
	functionCost              // and that of a function: charged, or given back when refund is set
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
	// withdrawGasCost: is it the branch with enough gas, and is the table of builtin costs an argument?
	success, table bool
}

// withdrawal returns what withdraw_gas itself costs in this branch, when it withdraws for these builtins.
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

// alignment returns what branch_align costs when it moves ap.
func alignment(apChange int) constCost {
	if apChange == 0 {
		return constCost{}
	}
	return constCost{steps: 1, holes: apChange}
}

// atStatement returns the cost of the branch at a statement, once every function and every variable is known.
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
