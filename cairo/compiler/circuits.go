package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

const (
	valueCells  = sierra.CircuitValueCells // limbs of 96 bits of a value
	modInstance = 7                        // cells of an instance of the modulo builtins: modulus, values, offsets, n
	gateOffsets = 3
)

// circuitRows returns the rows of circuits, which compute modular arithmetic. The values lie in a segment of 96-bit range
// checks; the gates are tables of offsets that the modulo builtins read.
func circuitRows() map[string]row {
	return map[string]row{
		"try_into_circuit_modulus": {cost: costs(steps(6), steps(7)), ap: aps(1, 1), lower: lowerCircuitModulus},
		"add_circuit_input":        {cost: costs(steps(7), steps(7)), ap: aps(2, 2), lower: lowerCircuitInput},
		"init_circuit_data": {
			cost: func(l *libfunc) []branchCost { return regular(constCost{rangeChecks96: l.circuit().RangeChecks96()}) },
			ap:   aps(0), lower: lowerCircuitData,
		},
		"get_circuit_descriptor":           {cost: costs(steps(6)), ap: aps(6), lower: lowerCircuitDescriptor},
		"eval_circuit":                     {cost: evalCost, ap: aps(4, 4), lower: lowerCircuitEval},
		"get_circuit_output":               {cost: costs(steps(5)), ap: aps(5), lower: lowerCircuitOutput},
		"circuit_failure_guarantee_verify": {cost: costs(constCost{steps: 32, rangeChecks96: 6}), ap: aps(12), lower: lowerCircuitFailure},
		"into_u96_guarantee":               {cost: free, ap: aps(0), lower: lowerIdentity},
		"u96_guarantee_verify": {cost: costs(constCost{steps: 1, rangeChecks96: 1}), ap: aps(0), lower: func(l *lowering) {
			var b builder
			rc := b.buffer(0, l.single(0))
			v := b.deref(l.single(1))
			start := b.dup(rc)
			b.write(rc, v)
			l.build(&b, checks96(start, rc), ends(of(rc)))
		}},
		"u96_limbs_less_than_guarantee_verify": {cost: costs(steps(2), steps(2)), ap: aps(1, 1), lower: func(l *lowering) {
			n := len(l.argument(0).cells) / 2
			if n == 0 {
				reject("a guarantee without limbs")
			}
			var b builder
			var vars []cellVar
			for _, cell := range l.cells(0, 2*n) {
				vars = append(vars, b.add(cell))
			}
			diff := b.tempIs(b.difference(vars[2*n-1], vars[n-1]))
			b.jumpIf(diff, "CheckLimb")
			l.build(&b, noUsage, ends(append(vars[:n-1:n-1], vars[n:2*n-1]...)), endsAt("CheckLimb", of(diff)))
		}},
		"u96_single_limb_less_than_guarantee_verify": {cost: free, ap: aps(0), lower: func(l *lowering) {
			var b builder
			left, right := l.array(&b, 0)
			l.build(&b, noUsage, ends(of(b.difference(right, left))))
		}},
	}
}

// checks96 returns the usage of 96-bit range checks from start to end.
func checks96(start, end cellVar) usage {
	return usage{start: start, end: end, rangeCheck: true, checks96: true}
}

// circuit returns the circuit that is the first generic argument.
func (l *libfunc) circuit() *sierra.CircuitInfo {
	c := l.r.typ(l.typeArg(0)).Circuit
	if c == nil {
		reject("%s: type %d is not a circuit", l.Generic, l.typeArg(0))
	}
	return c
}

// evalCost returns the cost of eval_circuit: its steps, and one use of a modulo builtin for each gate.
func evalCost(l *libfunc) []branchCost {
	c := l.circuit()
	n := 8 + modInstance
	if len(c.Add) > 0 {
		n += modInstance
	}
	list := regular(steps(n), steps(n))
	for i := range list {
		list[i].pre[AddMod], list[i].pre[MulMod] = int64(len(c.Add)), int64(len(c.Mul))
	}
	return list
}

func lowerCircuitModulus(l *lowering) {
	var b builder
	m := l.limbs(&b, 0, valueCells)
	one := b.constant(1)
	lowMinus1 := b.temp()
	b.jumpIf(m[3], "Success")
	b.jumpIf(m[2], "Success")
	b.jumpIf(m[1], "Success")
	b.jumpIf(m[0], "CheckNotOne")
	b.jump("Failure")
	b.label("CheckNotOne")
	b.assert(lowMinus1, b.difference(m[0], one))
	b.jumpIf(lowMinus1, "Success")
	b.jump("Failure")
	b.label("Success")
	l.build(&b, noUsage, ends(m), endsAt("Failure"))
}

func lowerCircuitInput(l *lowering) {
	var b builder
	handle, elem := l.cells(0, 2), l.argument(1).cells
	start := b.buffer(len(elem), handle[0])
	end := b.deref(handle[1])
	for _, cell := range elem {
		b.write(start, b.deref(cell))
	}
	start = b.tempIs(start)
	remaining := b.tempIs(b.difference(end, start))
	b.jumpIf(remaining, "MoreInputs")
	l.build(&b, noUsage, ends(of(end)), endsAt("MoreInputs", of(start, end)))
}

func lowerCircuitData(l *lowering) {
	c := l.lf.circuit()
	var b builder
	rc := b.buffer(1, l.single(0))
	start := b.sum(rc, b.constant(valueCells))
	end := b.sum(rc, b.constant(int64(1+c.Inputs)*valueCells))
	after := b.sum(rc, b.constant(int64(c.RangeChecks96())))
	l.build(&b, checks96(rc, after), ends(of(after), of(start, end)))
}

func lowerCircuitDescriptor(l *lowering) {
	c, typ := l.lf.circuit(), l.lf.typeArg(0)
	ap := casm.Cell{Reg: casm.AP}
	number := func(n int) casm.Instruction {
		return casm.Instruction{Op: casm.AssertEq, IncAP: true, Dst: ap, Res: casm.Imm(int64(n))}
	}
	muls := casm.Operand{Kind: casm.BinOp, Op: casm.Add, Cell: casm.Cell{Reg: casm.AP, Off: -2},
		Imm: big.NewInt(int64(len(c.Add) * gateOffsets))}
	l.relocations = []relocation{{instruction: 0, kind: toCircuit, typ: typ}, {instruction: 1, kind: toCircuit, typ: typ}}
	l.finish([]casm.Instruction{
		callRel(0), pcPlus(1), number(len(c.Add)),
		{Op: casm.AssertEq, IncAP: true, Dst: ap, Res: muls},
		number(len(c.Mul)),
	}, [][]casm.Operand{belowAP(-4, 4)})
}

// lowerCircuitEval writes the constant 1 in front of the inputs and the first instance of each builtin; the hint fills in
// the rest. If the hint makes fewer multiplications than the circuit has, an inverse does not exist.
func lowerCircuitEval(l *lowering) {
	c := l.lf.circuit()
	var b builder
	addMod, mulMod := b.buffer(modInstance, l.single(0)), b.buffer(modInstance, l.single(1))
	inputsEnd := b.buffer(valueCells, l.single(3))
	d := l.limbs(&b, 2, 4)
	addOffsets, nAdds, mulOffsets, nMuls := d[0], d[1], d[2], d[3]
	m := l.limbs(&b, 4, valueCells)
	zero, one := b.deref(l.single(5)), b.deref(l.single(6))
	values := b.tempIs(b.difference(inputsEnd, b.constant(int64(1+c.Inputs)*valueCells)))
	for i, v := range [...]cellVar{one, zero, zero, zero} {
		b.assert(v, b.at(values, i))
	}
	instance := func(at cellVar, rest ...cellVar) {
		for i, v := range append(m[:valueCells:valueCells], rest...) {
			b.assert(v, b.at(at, i))
		}
	}
	if len(c.Add) > 0 {
		instance(addMod, values, addOffsets, nAdds)
	}
	instance(mulMod, values, mulOffsets)
	b.hint(casm.EvalCircuit, of(nAdds, addMod, nMuls, mulMod), nil)
	made := b.tempAt(mulMod, 6)
	newAdd := b.sum(addMod, b.constant(int64(modInstance*len(c.Add))))
	used := b.tempIs(b.product(made, b.constant(modInstance)))
	newMul := b.sum(mulMod, used)
	skipped := b.tempIs(b.difference(nMuls, made))
	b.jumpIf(skipped, "Failure")
	outputs := append(of(values), m...)
	guarantee := append(of(mulOffsets, nMuls, made, values), m...)
	l.build(&b, noUsage,
		ends(of(newAdd), of(newMul), outputs),
		endsAt("Failure", of(newAdd), of(newMul), append(outputs[:len(outputs):len(outputs)], made), guarantee))
}

// lowerCircuitFailure shows that the gate at which evaluation stopped is the inverse of a value without an inverse. It
// returns a nullifier, which is not zero and whose product with the value is zero modulo the modulus, and the guarantee
// that the nullifier is less than the modulus.
func lowerCircuitFailure(l *lowering) {
	var b builder
	rc := b.buffer(2+valueCells, l.single(0))
	mulMod := b.buffer(modInstance, l.single(1))
	g := l.limbs(&b, 2, 8)
	offsets, nMuls, failing, values, m := g[0], g[1], g[2], g[3], g[4:]
	zero, one := b.deref(l.single(3)), b.deref(l.single(4))
	start := b.dup(rc)
	gateOffset := b.tempIs(b.product(failing, b.constant(gateOffsets)))
	gate := b.plus(offsets, gateOffset)
	b.assert(zero, b.at(gate, 2)) // the output is the constant 1, so the gate is an inverse
	input := b.tempAt(gate, 1)
	nullifierOffset := b.tempAt(gate, 0)
	zeroOffset := b.minus(rc, values)
	for range valueCells {
		b.write(rc, zero)
	}
	newOffsets := b.temp()
	b.hint(casm.AllocSegment, nil, of(newOffsets))
	b.assert(nullifierOffset, b.at(newOffsets, 0))
	b.assert(input, b.at(newOffsets, 1))
	b.assert(zeroOffset, b.at(newOffsets, 2))
	b.write(rc, failing)
	b.write(rc, b.minus(nMuls, failing))
	for i, v := range [...]cellVar{m[0], m[1], m[2], m[3], values, newOffsets, one} {
		b.assert(v, b.at(mulMod, i))
	}
	ptr := b.plus(values, nullifierOffset)
	nullifier := []cellVar{b.tempAt(ptr, 0), b.tempAt(ptr, 1), b.tempAt(ptr, 2), b.tempAt(ptr, 3)}
	for _, v := range nullifier {
		b.jumpIf(v, "Done")
	}
	b.unsatisfiable(one, zero)
	b.label("Done")
	newMul := b.sum(mulMod, b.constant(modInstance))
	l.build(&b, checks96(start, rc), ends(of(rc), of(newMul), append(nullifier, m...)))
}

func lowerCircuitOutput(l *lowering) {
	number, ok := l.lf.circuit().Values[l.lf.typeArg(1)]
	if !ok {
		reject("type %d is not a value of the circuit", l.lf.typeArg(1))
	}
	var b builder
	cells := l.limbs(&b, 0, 1+valueCells)
	ptr := b.plus(cells[0], b.constant(int64(number)*valueCells))
	out := []cellVar{b.tempAt(ptr, 0), b.tempAt(ptr, 1), b.tempAt(ptr, 2), b.tempAt(ptr, 3)}
	l.build(&b, noUsage, ends(out, append(out[:valueCells:valueCells], cells[1:]...)))
}
