package compiler

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/cairo/sierra"
)

// enumRows returns the rows of enums. An enum is a selector and the cells of the largest variant; smaller variants are
// padded with zeros in front.
func enumRows() map[string]row {
	return map[string]row{
		"enum_init":             {cost: free, ap: aps(0), lower: lowerEnumInit},
		"enum_from_bounded_int": {cost: enumFromIntCost, ap: enumFromIntAP, lower: lowerEnumFromInt},
		"enum_match":            {cost: enumMatchCost(0), ap: enumMatchAP, lower: lowerEnumMatch},
		"enum_snapshot_match":   {cost: enumMatchCost(0), ap: enumMatchAP, lower: lowerEnumMatch},
		"enum_boxed_match": {
			cost: enumMatchCost(1),
			ap: func(l *libfunc) []apChange {
				ap := enumMatchAP(l)
				if len(ap) > 1 {
					for i := range ap {
						ap[i].n = 1
					}
				}
				return ap
			},
			lower: lowerEnumBoxedMatch,
		},
	}
}

// variantSelector returns the selector of variant i of n. Up to two variants it is i. With more, a match goes through a
// jump table and the selector is the distance from the jump through the table. The first variant's jump is not in the
// table; each other jump takes two felts, and the last variant's comes first.
func variantSelector(n, i int) int {
	if n <= 2 {
		return i
	}
	return 2*(n-i) - 1
}

// enum returns a declared enum, whose type may be wrapped in snapshots.
func (l *libfunc) enum(id sierra.TypeID) *sierra.ConcreteType {
	t := l.r.typ(id)
	for t.Generic == "Snapshot" {
		t = l.r.typ(t.Inner)
	}
	if t.Generic != "Enum" {
		reject("type %d is not an enum", id)
	}
	return t
}

func lowerEnumInit(l *lowering) {
	t := l.lf.enum(l.lf.typeArg(0))
	index := int(l.lf.valueArg(1).Int64())
	cells := []casm.Operand{casm.Imm(int64(variantSelector(len(t.Members), index)))}
	payload := l.argument(0).cells
	for n := l.size(t.ID) - 1 - len(payload); n > 0; n-- {
		cells = append(cells, casm.Imm(0))
	}
	l.only(append(cells, payload...))
}

// enumVariants returns the number of variants of the enum that the libfunc creates.
func enumVariants(l *libfunc) int { return len(l.enum(l.typeArg(0)).Members) }

func enumFromIntCost(l *libfunc) []branchCost {
	if enumVariants(l) <= 2 {
		return regular(constCost{})
	}
	return regular(steps(1))
}

func enumFromIntAP(l *libfunc) []apChange {
	if enumVariants(l) <= 2 {
		return knownAP(0)
	}
	return knownAP(1)
}

// lowerEnumFromInt computes the selector 2·(n - k) - 1 of variant k as -2·(k - m), where m = (2n - 1)/2 in the field.
func lowerEnumFromInt(l *lowering) {
	n := enumVariants(l.lf)
	if n <= 2 {
		lowerIdentity(l)
		return
	}
	var b builder
	k := b.deref(l.single(0))
	m := b.big(fieldHalf(int64(2*n - 1)))
	diff := b.tempIs(b.difference(k, m))
	l.build(&b, noUsage, ends(of(b.product(diff, b.constant(-2)))))
}

// enumMatchCost returns the cost of a match: one jump, and a second one for variants that are reached through the table.
// more steps are added to every branch that is jumped to.
func enumMatchCost(more int) func(*libfunc) []branchCost {
	return func(l *libfunc) []branchCost {
		list := make([]branchCost, len(l.Signature.Branches))
		for i := range list {
			switch {
			case len(list) == 1:
			case len(list) == 2 || i == 0:
				list[i].cost = steps(1 + more)
			default:
				list[i].cost = steps(2 + more)
			}
		}
		return list
	}
}

func enumMatchAP(l *libfunc) []apChange { return make([]apChange, len(l.Signature.Branches)) }

func lowerEnumMatch(l *lowering) {
	cells := l.argument(0).cells
	if len(cells) == 0 || cells[0].Kind != casm.Deref {
		reject("the selector of the enum is not in memory")
	}
	branches := l.lf.Signature.Branches
	outputs := make([][][]casm.Operand, len(branches))
	for i := range branches {
		size := l.size(branches[i].Vars[0].Type)
		if size >= len(cells) {
			reject("variant %d does not fit the enum", i)
		}
		outputs[i] = [][]casm.Operand{cells[len(cells)-size:]}
	}
	l.match(nil, cells[0].Cell, outputs)
}

// lowerEnumBoxedMatch reads the selector through the pointer. The outputs are pointers to the variants.
func lowerEnumBoxedMatch(l *lowering) {
	variants := l.boxedMembers()
	if len(variants) != len(l.st.Branches) {
		reject("%d branches for %d variants", len(l.st.Branches), len(variants))
	}
	if len(variants) == 0 {
		l.finish(nil)
		return
	}
	cell, offset := pointer(l.single(0))
	largest := 0
	for _, v := range variants {
		largest = max(largest, l.size(v))
	}
	load := []casm.Instruction{{Op: casm.AssertEq, IncAP: true, Dst: casm.Cell{Reg: casm.AP},
		Res: casm.Operand{Kind: casm.DoubleDeref, Cell: cell, Off: offset16(offset)}}}
	if len(variants) > 1 {
		cell = shiftCell(cell, 1)
	}
	outputs := make([][][]casm.Operand, len(variants))
	for i, v := range variants {
		at := offset16(offset + 1 + largest - l.size(v))
		outputs[i] = [][]casm.Operand{value(casm.AddConst(cell, int64(at)))}
	}
	if len(variants) == 1 {
		l.finish(nil, outputs...)
		return
	}
	l.match(load, casm.Cell{Reg: casm.AP, Off: -1}, outputs)
}

// match jumps by a selector: with one conditional jump if there are two variants, with a jump table if there are more.
func (l *lowering) match(code []casm.Instruction, selector casm.Cell, outputs [][][]casm.Operand) {
	n := len(l.st.Branches)
	switch {
	case n == 2:
		l.relocations = append(l.relocations, relocation{instruction: len(code), kind: toStatement, target: int(l.target(1))})
		code = append(code, casm.Instruction{Op: casm.Jnz, Dst: selector, Res: casm.Imm(0)})
	case n > 2:
		code = append(code, casm.Instruction{Op: casm.Jump, Relative: true, Res: casm.At(selector)})
		for i := n - 1; i > 0; i-- {
			l.relocations = append(l.relocations, relocation{instruction: len(code), kind: toStatement, target: int(l.target(i))})
			code = append(code, casm.Instruction{Op: casm.Jump, Relative: true, Res: casm.Imm(0)})
		}
	}
	l.finish(code, outputs...)
}
