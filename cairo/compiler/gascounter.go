package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
)

// gasRows returns the rows of the gas counter. An amount to withdraw or redeposit consists of Const, which is known at
// compile time, and of uses of builtins, whose prices are in a table after the program. With builtins the amount is
// computed at run time.
func gasRows() map[string]row {
	return map[string]row{
		"withdraw_gas":     {cost: withdrawCost(false), apOfGas: withdrawAP(false), lower: lowerWithdrawGas},
		"withdraw_gas_all": {cost: withdrawCost(true), apOfGas: withdrawAP(true), lower: lowerWithdrawGasAll},
		"redeposit_gas": {
			cost:    func(*libfunc) []branchCost { return []branchCost{{kind: redepositGasCost}} },
			apOfGas: unspentAP,
			lower:   func(l *lowering) { lowerUnspent(l, true) },
		},
		"get_unspent_gas": {
			cost:    func(*libfunc) []branchCost { return []branchCost{{kind: unspentGasCost}} },
			apOfGas: unspentAP,
			lower:   func(l *lowering) { lowerUnspent(l, false) },
		},
		"get_available_gas": {cost: free, ap: aps(0), lower: lowerDup},
		"get_builtin_costs": {cost: costs(steps(3)), ap: aps(3), lower: func(l *lowering) {
			var b builder
			l.build(&b, noUsage, ends(of(l.costTable(&b))))
		}},
		"gas_reserve_create": {cost: costs(stepsRC(3, 1), stepsRC(5, 1)), ap: aps(2, 3), lower: func(l *lowering) {
			d := l.smallDiff(two128)
			l.build(&d.builder, checks(d.origRC, d.rc), ends(of(d.rc), of(d.diff), of(d.y)), endsAt("Overflow", of(d.rc), of(d.x)))
		}},
		"gas_reserve_utilize": {cost: free, ap: aps(0), lower: func(l *lowering) {
			var b builder
			gas, reserve := b.deref(l.single(0)), b.deref(l.single(1))
			l.build(&b, noUsage, ends(of(b.sum(gas, reserve))))
		}},
	}
}

func withdrawCost(table bool) func(*libfunc) []branchCost {
	list := []branchCost{
		{kind: withdrawGasCost, success: true, table: table},
		{kind: withdrawGasCost, table: table},
	}
	return func(*libfunc) []branchCost { return list }
}

func withdrawAP(table bool) func(*Costs) []apChange {
	return func(usage *Costs) []apChange {
		n := usage.computationSteps(table)
		if n == 0 && !table {
			return knownAP(2, 2)
		}
		return knownAP(n+2, n+3)
	}
}

func unspentAP(usage *Costs) []apChange { return knownAP(usage.computationSteps(false)) }

// usesBuiltins reports whether the amount depends on the price table.
func (c *Costs) usesBuiltins() bool {
	for t := Pedersen; t < tokens; t++ {
		if c[t] > 0 {
			return true
		}
	}
	return false
}

// costTable prepends code to the builder's that finds the price table, whose address is in the second cell after the
// program. It returns the address, not stored in a cell yet.
func (l *lowering) costTable(b *builder) cellVar {
	l.before = []casm.Instruction{callRel(0), pcPlus(1)}
	l.beforeCost = steps(3)
	l.relocations = append(l.relocations, relocation{instruction: 0, kind: toEnd}, relocation{instruction: 1, kind: toEnd})
	b.skip(3)
	return b.add(casm.Operand{Kind: casm.DoubleDeref, Cell: casm.Cell{Reg: casm.AP, Off: 2}})
}

// requested returns the requested gas: the constant part plus the prices of the builtins.
func (l *lowering) requested(b *builder, table cellVar) cellVar {
	usage := l.gasVars()
	total := b.constant(usage[Const])
	for t := Pedersen; t < tokens; t++ {
		if usage[t] == 0 {
			continue
		}
		price := b.tempAt(table, int(costTableOffset[t]))
		if usage[t] != 1 {
			price = b.tempIs(b.product(price, b.constant(usage[t])))
		}
		total = b.tempIs(b.sum(price, total))
	}
	return total
}

func lowerWithdrawGas(l *lowering) {
	var b builder
	rc := b.buffer(1, l.single(0))
	counter := b.deref(l.single(1))
	usage := l.gasVars()
	if usage.usesBuiltins() {
		table := b.tempIs(l.costTable(&b))
		l.withdraw(&b, rc, counter, table)
		return
	}
	origRC := b.dup(rc)
	enough := b.temp()
	wanted := b.constant(usage[Const])
	b.hint(casm.TestLessThanOrEqual, of(wanted, counter), of(enough))
	b.jumpIf(enough, "HasEnoughGas")
	fix := b.big(new(big.Int).Sub(two128, big.NewInt(usage[Const])))
	b.write(rc, b.tempIs(b.sum(counter, fix)))
	b.jump("Failure")
	b.label("HasEnoughGas")
	updated := b.tempIs(b.difference(counter, wanted))
	b.write(rc, updated)
	l.endWithdraw(&b, origRC, rc, counter, updated)
}

func lowerWithdrawGasAll(l *lowering) {
	var b builder
	rc := b.buffer(1, l.single(0))
	counter, table := b.deref(l.single(1)), b.deref(l.single(2))
	l.withdraw(&b, rc, counter, table)
}

// withdraw lowers withdraw_gas with a pointer to the price table.
func (l *lowering) withdraw(b *builder, rc, counter, table cellVar) {
	total := l.requested(b, table)
	origRC := b.dup(rc)
	enough := b.temp()
	b.hint(casm.TestLessThanOrEqual, of(total, counter), of(enough))
	b.jumpIf(enough, "HasEnoughGas")
	// total > counter, so 2^128 + counter - total < 2^128.
	diff := b.tempIs(b.difference(counter, total))
	b.write(rc, b.tempIs(b.sum(diff, b.big(two128))))
	b.jump("Failure")
	b.label("HasEnoughGas")
	updated := b.tempIs(b.difference(counter, total))
	b.write(rc, updated)
	l.endWithdraw(b, origRC, rc, counter, updated)
}

func (l *lowering) endWithdraw(b *builder, origRC, rc, counter, updated cellVar) {
	u := checks(origRC, rc)
	u.extra = []int{-int(l.gasVars()[Const]), 0}
	l.build(b, u, ends(of(rc), of(updated)), endsAt("Failure", of(rc), of(counter)))
}

// lowerUnspent adds the wallet's excess to the counter. redeposit_gas returns the new counter, get_unspent_gas both.
func lowerUnspent(l *lowering, redeposit bool) {
	usage := l.gasVars()
	if !usage.usesBuiltins() {
		counter := l.single(0)
		if counter.Kind != casm.Deref {
			reject("the gas counter is not in memory")
		}
		updated := value(casm.AddConst(counter.Cell, usage[Const]))
		if redeposit {
			l.only(updated)
		} else {
			l.only(value(counter), updated)
		}
		return
	}
	var b builder
	counter := b.deref(l.single(0))
	table := b.tempIs(l.costTable(&b))
	updated := b.sum(counter, l.requested(&b, table))
	if redeposit {
		l.build(&b, extra(int(usage[Const])), ends(of(updated)))
	} else {
		l.build(&b, noUsage, ends(of(counter), of(updated)))
	}
}
