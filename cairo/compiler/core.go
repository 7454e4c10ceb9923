package compiler

import (
	"math/big"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

// coreRows returns the rows of control flow, ap tracking, constants, calls and libfuncs that only rename references.
func coreRows() map[string]row {
	return map[string]row{
		"branch_align": {
			cost:  func(*libfunc) []branchCost { return []branchCost{{kind: branchAlignCost}} },
			ap:    apIs(apFromMetadata),
			lower: lowerBranchAlign,
		},
		"jump": {cost: costs(steps(1)), ap: aps(0), lower: func(l *lowering) {
			var b builder
			b.jump("Target")
			l.build(&b, noUsage, endsAt("Target"))
		}},
		"revoke_ap_tracking":  {cost: free, ap: apIs(apUnknown), lower: lowerNothing},
		"enable_ap_tracking":  {cost: free, ap: apIs(apEnableTracking), lower: lowerNothing},
		"disable_ap_tracking": {cost: free, ap: apIs(apDisableTracking), lower: lowerNothing},

		"drop":            {cost: free, ap: aps(0), lower: lowerNothing},
		"dup":             {cost: free, ap: aps(0), lower: lowerDup},
		"snapshot_take":   {cost: free, ap: aps(0), lower: lowerDup},
		"unwrap_non_zero": {cost: free, ap: aps(0), lower: lowerIdentity},
		"rename":          {cost: free, ap: aps(0), lower: lowerIdentity},

		"const_as_immediate": {cost: free, ap: aps(0), lower: func(l *lowering) {
			var cells []casm.Operand
			for _, v := range l.constValues(l.lf.typeArg(0)) {
				cells = append(cells, casm.ImmBig(v))
			}
			l.only(cells)
		}},
		"const_as_box": {cost: costs(steps(3)), ap: aps(3), lower: lowerConstAsBox},

		"function_call": {cost: callCost(false, 2), ap: callAP, lower: func(l *lowering) { lowerCall(l, true) }},
		"coupon_call":   {cost: costs(steps(2)), ap: callAP, lower: func(l *lowering) { lowerCall(l, true) }},
		"coupon_buy":    {cost: callCost(false, 0), ap: aps(0), lower: func(l *lowering) { l.only(nil) }},
		"coupon_refund": {cost: callCost(true, 0), ap: aps(0), lower: lowerNothing},
	}
}

// lowerNothing lowers libfuncs with one branch, no code and no outputs.
func lowerNothing(l *lowering) { l.only() }

// lowerDup returns the argument twice.
func lowerDup(l *lowering) {
	cells := l.argument(0).cells
	l.only(cells, cells)
}

// lowerIdentity returns the arguments.
func lowerIdentity(l *lowering) {
	outputs := make([][]casm.Operand, len(l.refs))
	for i := range l.refs {
		outputs[i] = l.refs[i].cells
	}
	l.only(outputs...)
}

// argument returns argument i.
func (l *lowering) argument(i int) *reference {
	if i >= len(l.refs) {
		reject("argument %d is missing", i)
	}
	return &l.refs[i]
}

func lowerBranchAlign(l *lowering) {
	var code []casm.Instruction
	if n := l.metadata.apVars[l.idx]; n > 0 {
		code = append(code, casm.Instruction{Op: casm.AddAP, Res: casm.Imm(int64(n))})
	}
	l.finish(code, nil)
}

// lowerConstAsBox finds the constant's address by calling the ret at the start of its segment.
func lowerConstAsBox(l *lowering) {
	segment := int(l.lf.valueArg(1).Int64())
	l.relocations = []relocation{
		{instruction: 0, kind: toSegment, target: segment},
		{instruction: 1, kind: toConst, target: segment, typ: l.lf.typeArg(0)},
	}
	l.finish([]casm.Instruction{callRel(0), pcPlus(1)}, [][]casm.Operand{value(casm.At(casm.Cell{Reg: casm.AP, Off: -1}))})
}

// callCost returns n steps plus the cost of the function. refund turns that cost into a refund.
func callCost(refund bool, n int) func(*libfunc) []branchCost {
	return func(l *libfunc) []branchCost {
		return []branchCost{{kind: functionCost, cost: steps(n), fn: l.funcArg(), refund: refund}}
	}
}

// callAP returns the ap change of a call.
func callAP(l *libfunc) []apChange { return []apChange{{kind: apFunctionCall, fn: l.funcArg()}} }

// lowerCall calls a function, which leaves its results below ap.
func lowerCall(l *lowering, argsOnStack bool) {
	if argsOnStack && !onStack(l.refs) {
		reject("the arguments are not on the stack")
	}
	vars := l.lf.Signature.Branches[0].Vars
	outputs := make([][]casm.Operand, len(vars))
	offset := 0
	for i := len(vars) - 1; i >= 0; i-- {
		size := l.size(vars[i].Type)
		offset -= size
		outputs[i] = belowAP(offset, size)
	}
	entry := l.program.Funcs[l.lf.funcArg()].Entry
	l.relocations = []relocation{{kind: toStatement, target: int(entry)}}
	l.finish([]casm.Instruction{callRel(0)}, outputs)
}

// belowAP returns size cells from [ap + offset].
func belowAP(offset, size int) []casm.Operand {
	cells := make([]casm.Operand, size)
	for i := range cells {
		cells[i] = casm.At(casm.Cell{Reg: casm.AP, Off: offset16(offset + i)})
	}
	return cells
}

// lowerIsZero jumps to the second branch with the value if the value is not zero.
func lowerIsZero(l *lowering) {
	var b builder
	v := b.deref(l.single(0))
	b.jumpIf(v, "Target")
	l.build(&b, noUsage, ends(), endsAt("Target", of(v)))
}

// lowerConstValue returns the libfunc's last generic argument, a number.
func lowerConstValue(l *lowering) { l.only(value(casm.ImmBig(l.lf.valueArg(len(l.lf.Args) - 1)))) }

// lowerEqual jumps if two cells are equal.
func lowerEqual(l *lowering) {
	var b builder
	x, y := b.deref(l.single(0)), b.derefOrImm(l.single(1))
	diff := b.tempIs(b.difference(x, y))
	b.jumpIf(diff, "NotEqual")
	b.jump("Equal")
	b.label("NotEqual")
	l.build(&b, noUsage, ends(), endsAt("Equal"))
}

// memoryRows returns the rows of libfuncs that store values: temporaries at ap and locals after fp.
func memoryRows() map[string]row {
	return map[string]row{
		"store_temp": {
			cost: func(l *libfunc) []branchCost { return regular(steps(l.sizeArg(0))) },
			ap:   func(l *libfunc) []apChange { return knownAP(l.sizeArg(0)) },
			lower: func(l *lowering) {
				size := l.lf.sizeArg(0)
				dst := make([]casm.Cell, size)
				l.finish(store(dst, l.cells(0, size)), [][]casm.Operand{belowAP(-size, size)})
			},
		},
		"store_local": {
			cost: func(l *libfunc) []branchCost {
				size := l.sizeArg(0)
				return regular(constCost{steps: size, holes: -size})
			},
			ap: aps(0),
			lower: func(l *lowering) {
				to := l.argument(0).cells
				dst := make([]casm.Cell, len(to))
				for i := range to {
					if to[i].Kind != casm.Deref {
						reject("the local is not in memory")
					}
					dst[i] = to[i].Cell
				}
				l.finish(store(dst, l.cells(1, len(dst))), [][]casm.Operand{to})
			},
		},
		"alloc_local": {
			cost: func(l *libfunc) []branchCost { return regular(constCost{holes: l.sizeArg(0)}) },
			ap:   func(l *libfunc) []apChange { return []apChange{{kind: apAllocLocal, n: l.sizeArg(0)}} },
			lower: func(l *lowering) {
				size := l.lf.sizeArg(0)
				at := l.env.allocLocal(size)
				cells := make([]casm.Operand, size)
				for i := range cells {
					cells[i] = casm.At(casm.Cell{Reg: casm.FP, Off: offset16(at + i)})
				}
				l.only(cells)
			},
		},
		"finalize_locals": {
			cost: costs(steps(1)),
			ap:   apIs(apFinalizeLocals),
			lower: func(l *lowering) {
				n := l.env.finalizeLocals()
				l.finish([]casm.Instruction{{Op: casm.AddAP, Res: casm.Imm(int64(n))}}, nil)
			},
		},
	}
}

// store writes src to dst. Cells relative to ap are all [ap]: each write advances ap.
func store(dst []casm.Cell, src []casm.Operand) []casm.Instruction {
	code := make([]casm.Instruction, len(dst))
	moved := 0
	for i, to := range dst {
		o := shift(src[i], moved)
		if o.Kind == casm.BinOp && o.Op == casm.Sub {
			o.Op, to, o.Cell = casm.Add, o.Cell, to
		} else if o.Kind == casm.BinOp && o.Op == casm.Div {
			o.Op, to, o.Cell = casm.Mul, o.Cell, to
		}
		code[i] = casm.Instruction{Op: casm.AssertEq, Dst: to, Res: o}
		if dst[i].Reg == casm.AP {
			code[i].IncAP = true
			moved++
		}
	}
	return code
}

// feltRows returns the rows of field arithmetic. Operations with a constant take it as a generic argument.
func feltRows() map[string]row {
	return map[string]row{
		"felt252_const":   {cost: free, ap: aps(0), lower: lowerConstValue},
		"felt252_is_zero": {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: lowerIsZero},
		"felt252_add":     {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Add) }},
		"felt252_sub":     {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Sub) }},
		"felt252_mul":     {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Mul) }},
		// Division is stored at once, and it costs more because it is slow for the sequencer.
		"felt252_div":       {cost: costs(steps(5)), ap: aps(1), lower: func(l *lowering) { lowerFeltOp(l, casm.Div) }},
		"felt252_add_const": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Add) }},
		"felt252_sub_const": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Sub) }},
		"felt252_mul_const": {cost: free, ap: aps(0), lower: func(l *lowering) { lowerFeltOp(l, casm.Mul) }},
		"felt252_div_const": {cost: costs(steps(5)), ap: aps(1), lower: func(l *lowering) { lowerFeltOp(l, casm.Div) }},
	}
}

// lowerFeltOp lowers an operation on two felts, the second of which may be a generic argument.
func lowerFeltOp(l *lowering, op casm.Operator) {
	var b builder
	x := b.deref(l.single(0))
	var y cellVar
	if len(l.refs) == 1 {
		y = b.big(l.lf.valueArg(len(l.lf.Args) - 1))
	} else {
		y = b.derefOrImm(l.single(1))
	}
	v := b.binOp(op, x, y)
	if op == casm.Div {
		l.build(&b, extra(400), ends(of(b.tempIs(v))))
		return
	}
	l.build(&b, noUsage, ends(of(v)))
}

// structRows returns the rows of structs. A struct is the cells of its members in order.
func structRows() map[string]row {
	return map[string]row{
		"struct_construct": {cost: free, ap: aps(0), lower: func(l *lowering) {
			var cells []casm.Operand
			for i := range l.refs {
				cells = append(cells, l.refs[i].cells...)
			}
			l.only(cells)
		}},
		"struct_deconstruct":          {cost: free, ap: aps(0), lower: lowerDeconstruct},
		"struct_snapshot_deconstruct": {cost: free, ap: aps(0), lower: lowerDeconstruct},
		"struct_boxed_deconstruct": {cost: free, ap: aps(0), lower: func(l *lowering) {
			cell, offset := pointer(l.single(0))
			var outputs [][]casm.Operand
			for _, m := range l.boxedMembers() {
				outputs = append(outputs, value(casm.AddConst(cell, int64(offset16(offset)))))
				offset += l.size(m)
				offset16(offset)
			}
			l.only(outputs...)
		}},
	}
}

// lowerDeconstruct splits a struct into its members.
func lowerDeconstruct(l *lowering) {
	cells := l.argument(0).cells
	var outputs [][]casm.Operand
	for _, v := range l.lf.Signature.Branches[0].Vars {
		size := l.size(v.Type)
		if size > len(cells) {
			reject("the struct has %d cells too few", size-len(cells))
		}
		outputs = append(outputs, cells[:size])
		cells = cells[size:]
	}
	l.only(outputs...)
}

// boxedMembers returns the members or variants of the type inside the libfunc's box.
func (l *lowering) boxedMembers() []sierra.TypeID {
	t := l.typ(l.lf.typeArg(0))
	for t.Generic == "Snapshot" {
		t = l.typ(t.Inner)
	}
	return t.Members
}

// two128 is 2^128, the exclusive bound of a range check; two128Less1 is its largest value.
var (
	two128      = new(big.Int).Lsh(big.NewInt(1), 128)
	two128Less1 = new(big.Int).Sub(two128, big.NewInt(1))
)
