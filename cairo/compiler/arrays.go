package compiler

import (
	"github.com/starkd/starkd/cairo/casm"
)

// arrayRows returns the rows of arrays. An array is the address of its first cell and the address after its last.
func arrayRows() map[string]row {
	return map[string]row{
		"array_new": {cost: costs(steps(1)), ap: aps(1), lower: func(l *lowering) {
			var b builder
			start := b.temp()
			b.hint(casm.AllocSegment, nil, of(start))
			b.addAP(1)
			l.build(&b, noUsage, ends(of(start, start)))
		}},
		"span_from_tuple":          {cost: free, ap: aps(0), lower: lowerSpanFromTuple},
		"tuple_from_span":          {cost: costs(steps(3), steps(3)), ap: aps(2, 2), lower: lowerTupleFromSpan},
		"array_append":             {cost: func(l *libfunc) []branchCost { return regular(steps(l.sizeArg(0))) }, ap: aps(0), lower: lowerAppend},
		"array_pop_front":          {cost: popCost, ap: aps(1, 1), lower: func(l *lowering) { lowerPop(l, true, false) }},
		"array_pop_front_consume":  {cost: popCost, ap: aps(1, 1), lower: func(l *lowering) { lowerPop(l, true, true) }},
		"array_snapshot_pop_front": {cost: popCost, ap: aps(1, 1), lower: func(l *lowering) { lowerPop(l, true, false) }},
		"array_snapshot_pop_back":  {cost: popCost, ap: aps(1, 1), lower: func(l *lowering) { lowerPop(l, false, false) }},
		"array_snapshot_multi_pop_front": {cost: costs(stepsRC(4, 1), stepsRC(5, 1)), ap: aps(3, 3),
			lower: func(l *lowering) { lowerMultiPop(l, true) }},
		"array_snapshot_multi_pop_back": {cost: costs(stepsRC(4, 1), stepsRC(5, 1)), ap: aps(3, 3),
			lower: func(l *lowering) { lowerMultiPop(l, false) }},
		"array_get": {
			cost: func(l *libfunc) []branchCost {
				n := oneIf(l.sizeArg(0) != 1)
				return regular(stepsRC(5+n, 1), stepsRC(5+n, 1))
			},
			ap: func(l *libfunc) []apChange {
				n := oneIf(l.sizeArg(0) != 1)
				return knownAP(4+n, 3+n)
			},
			lower: lowerArrayGet,
		},
		"array_slice": {
			cost: func(l *libfunc) []branchCost {
				n := oneIf(l.sizeArg(0) != 1)
				return regular(stepsRC(5+2*n, 1), stepsRC(7+n, 1))
			},
			ap: func(l *libfunc) []apChange {
				n := oneIf(l.sizeArg(0) != 1)
				return knownAP(4+2*n, 5+n)
			},
			lower: lowerArraySlice,
		},
		"array_len": {
			cost:  func(l *libfunc) []branchCost { return regular(steps(oneIf(l.sizeArg(0) != 1))) },
			ap:    func(l *libfunc) []apChange { return knownAP(oneIf(l.sizeArg(0) != 1)) },
			lower: lowerArrayLen,
		},
	}
}

var popCost = costs(steps(2), steps(3))

// oneIf returns 1 if c, else 0.
func oneIf(c bool) int {
	if c {
		return 1
	}
	return 0
}

// array brings argument i, an array, into scope and returns its two addresses.
func (l *lowering) array(b *builder, i int) (start, end cellVar) {
	cells := l.cells(i, 2)
	return b.deref(cells[0]), b.deref(cells[1])
}

// lowerSpanFromTuple lowers span_from_tuple: a box of equal members is a span of these members.
func lowerSpanFromTuple(l *lowering) {
	var b builder
	start := b.deref(l.single(0))
	start = b.dup(start)
	end := b.sum(start, b.constant(int64(l.lf.sizeArg(0))))
	l.build(&b, noUsage, ends(of(start, end)))
}

func lowerTupleFromSpan(l *lowering) {
	var b builder
	start, end := l.array(&b, 0)
	size := b.constant(int64(l.lf.sizeArg(0)))
	length := b.tempIs(b.difference(end, start))
	diff := b.tempIs(b.difference(length, size))
	b.jumpIf(diff, "Failure")
	l.build(&b, noUsage, ends(of(start)), endsAt("Failure"))
}

func lowerAppend(l *lowering) {
	var b builder
	arr, elem := l.cells(0, 2), l.argument(1).cells
	start := b.buffer(0, arr[0])
	end := b.buffer(len(elem), arr[1])
	for i := range elem {
		b.write(end, b.deref(elem[i]))
	}
	l.build(&b, noUsage, ends(of(start, end)))
}

// lowerPop removes the first or last element. If the array is empty, it is returned unless consume is set.
func lowerPop(l *lowering, front, consume bool) {
	var b builder
	start, end := l.array(&b, 0)
	nonEmpty := b.tempIs(b.difference(end, start))
	b.jumpIf(nonEmpty, "NonEmpty")
	b.jump("Failure")
	b.label("NonEmpty")
	size := b.constant(int64(l.lf.sizeArg(0)))
	failure := endsAt("Failure", of(start, end))
	if consume {
		failure = endsAt("Failure")
	}
	if front {
		l.build(&b, noUsage, ends(of(b.sum(start, size), end), of(start)), failure)
		return
	}
	last := b.difference(end, size)
	l.build(&b, noUsage, ends(of(start, last), of(last)), failure)
}

// lowerMultiPop removes several elements from the front or back and returns a box of the tuple of them.
func lowerMultiPop(l *lowering, front bool) {
	var b builder
	rc := b.buffer(1, l.single(0))
	start, end := l.array(&b, 1)
	origRC := b.dup(rc)
	n := l.lf.sizeArg(0)

	less1 := b.constant(int64(n - 1))
	size := b.constant(int64(n))
	startPopped := b.sum(start, size)
	enough := b.temp()
	b.hint(casm.TestLessThanOrEqualAddress, of(startPopped, end), of(enough))
	b.jumpIf(enough, "HasEnoughElements")
	// The failing branch shows n - 1 - (end - start) ≥ 0: there are fewer than n cells.
	minusSize := b.tempIs(b.difference(start, end))
	b.write(rc, b.tempIs(b.sum(minusSize, less1)))
	b.jump("Failure")
	b.label("HasEnoughElements")
	size = b.constant(int64(n))
	checked := b.temp()
	var popped, restStart, restEnd cellVar
	if front {
		rest := b.tempIs(b.sum(start, size))
		b.assert(checked, b.difference(end, rest))
		popped, restStart, restEnd = start, rest, end
	} else {
		rest := b.tempIs(b.difference(end, size))
		b.assert(checked, b.difference(rest, start))
		popped, restStart, restEnd = rest, start, rest
	}
	b.write(rc, checked)
	l.build(&b, checks(origRC, rc),
		ends(of(rc), of(restStart, restEnd), of(popped)),
		endsAt("Failure", of(rc), of(start, end)))
}

// lowerArrayGet returns a pointer to the element. Offsets are in cells and below 2^128, because indices have 32 bits.
func lowerArrayGet(l *lowering) {
	var b builder
	index := b.derefOrImm(l.single(2))
	start, end := l.array(&b, 1)
	rc := b.buffer(1, l.single(0))
	size := b.constant(int64(l.lf.sizeArg(0)))
	origRC := b.dup(rc)
	length := b.tempIs(b.difference(end, start))
	offset := b.cell(b.product(index, size))
	inRange := b.temp()
	b.hint(casm.TestLessThan, of(offset, length), of(inRange))
	b.jumpIf(inRange, "InRange")
	b.write(rc, b.tempIs(b.difference(offset, length))) // offset - length ≥ 0
	b.jump("Failure")

	b.label("InRange")
	plus1 := b.tempIs(b.sum(offset, b.constant(1)))
	b.write(rc, b.tempIs(b.difference(length, plus1))) // length - (offset + 1) ≥ 0
	l.build(&b, checks(origRC, rc),
		ends(of(rc), of(b.sum(start, offset))),
		endsAt("Failure", of(rc)))
}

func lowerArraySlice(l *lowering) {
	var b builder
	sliceStart := b.deref(l.single(2))
	sliceLength := b.derefOrImm(l.single(3))
	start, end := l.array(&b, 1)
	rc := b.buffer(1, l.single(0))
	origRC := b.dup(rc)
	size := b.constant(int64(l.lf.sizeArg(0)))
	length := b.tempIs(b.difference(end, start))
	sliceEnd := b.tempIs(b.sum(sliceStart, sliceLength))
	endOffset := b.cell(b.product(sliceEnd, size))
	inRange := b.temp()
	b.hint(casm.TestLessThanOrEqual, of(endOffset, length), of(inRange))
	b.jumpIf(inRange, "InRange")
	plus1 := b.tempIs(b.sum(length, b.constant(1)))
	b.write(rc, b.tempIs(b.difference(endOffset, plus1))) // end - (length + 1) ≥ 0
	b.jump("Failure")

	b.label("InRange")
	b.write(rc, b.tempIs(b.difference(length, endOffset))) // length - end ≥ 0
	startOffset := b.cell(b.product(sliceStart, size))
	l.build(&b, checks(origRC, rc),
		ends(of(rc), of(b.sum(start, startOffset), b.sum(start, endOffset))),
		endsAt("Failure", of(rc)))
}

func lowerArrayLen(l *lowering) {
	var b builder
	start, end := l.array(&b, 0)
	length := b.difference(end, start)
	if n := l.lf.sizeArg(0); n != 1 {
		length = b.quotient(b.tempIs(length), b.constant(int64(n)))
	}
	l.build(&b, noUsage, ends(of(length)))
}

// boxRows returns the rows of boxes (pointers) and nullables (null is zero). The box of a type without cells is 1.
func boxRows() map[string]row {
	return map[string]row{
		"into_box": {
			cost:  func(l *libfunc) []branchCost { return regular(steps(max(1, l.sizeArg(0)))) },
			ap:    aps(1),
			lower: lowerIntoBox,
		},
		"local_into_box":            {cost: costs(steps(2)), ap: aps(2), lower: lowerLocalIntoBox},
		"unbox":                     {cost: free, ap: aps(0), lower: lowerUnbox},
		"box_forward_snapshot":      {cost: free, ap: aps(0), lower: lowerIdentity},
		"null":                      {cost: free, ap: aps(0), lower: func(l *lowering) { l.only(value(casm.Imm(0))) }},
		"nullable_from_box":         {cost: free, ap: aps(0), lower: lowerIdentity},
		"nullable_forward_snapshot": {cost: free, ap: aps(0), lower: lowerIdentity},
		"match_nullable":            {cost: costs(steps(1), steps(1)), ap: aps(0, 0), lower: lowerIsZero},
	}
}

func lowerIntoBox(l *lowering) {
	var b builder
	cells := l.argument(0).cells
	if len(cells) == 0 {
		l.build(&b, noUsage, ends(of(b.tempIs(b.constant(1)))))
		return
	}
	size := b.constant(int64(len(cells)))
	addr := b.temp()
	b.hint(casm.AllocConstantSize, of(size), of(addr))
	for i := range cells {
		b.assert(b.deref(cells[i]), b.at(addr, i))
	}
	l.build(&b, noUsage, ends(of(addr)))
}

// lowerLocalIntoBox reads fp by calling an empty function: the call writes fp to memory.
func lowerLocalIntoBox(l *lowering) {
	offset := 0
	if cells := l.argument(0).cells; len(cells) > 0 {
		if cells[0].Kind != casm.Deref || cells[0].Cell.Reg != casm.FP {
			reject("the argument is not a local")
		}
		offset = int(cells[0].Cell.Off)
	}
	l.relocations = []relocation{{kind: toEnd}}
	l.finish([]casm.Instruction{callRel(0)},
		[][]casm.Operand{value(casm.AddConst(casm.Cell{Reg: casm.AP, Off: -2}, int64(offset)))})
}

func lowerUnbox(l *lowering) {
	box := l.single(0)
	if box.Kind != casm.Deref {
		reject("the box is not in memory")
	}
	cells := make([]casm.Operand, l.lf.sizeArg(0))
	for i := range cells {
		cells[i] = casm.Operand{Kind: casm.DoubleDeref, Cell: box.Cell, Off: offset16(i)}
	}
	l.only(cells)
}

// boolRows returns the rows of bool, an enum of two variants without payload: its value is 0 or 1.
func boolRows() map[string]row {
	return map[string]row{
		"bool_and_impl": {cost: free, ap: aps(0), lower: func(l *lowering) {
			var b builder
			x, y := b.deref(l.single(0)), b.deref(l.single(1))
			l.build(&b, noUsage, ends(of(b.product(x, y))))
		}},
		"bool_not_impl": {cost: costs(steps(1)), ap: aps(1), lower: func(l *lowering) {
			var b builder
			x := b.deref(l.single(0))
			one := b.tempIs(b.constant(1))
			l.build(&b, noUsage, ends(of(b.difference(one, x))))
		}},
		"bool_xor_impl": {cost: costs(steps(1)), ap: aps(1), lower: func(l *lowering) {
			var b builder
			x, y := b.deref(l.single(0)), b.deref(l.single(1))
			diff := b.tempIs(b.difference(x, y))
			l.build(&b, noUsage, ends(of(b.product(diff, diff))))
		}},
		"bool_or_impl": {cost: costs(steps(2)), ap: aps(2), lower: func(l *lowering) {
			var b builder
			x, y := b.deref(l.single(0)), b.deref(l.single(1))
			sum := b.tempIs(b.sum(x, y))
			product := b.tempIs(b.product(x, y))
			l.build(&b, noUsage, ends(of(b.difference(sum, product))))
		}},
		"bool_to_felt252": {cost: free, ap: aps(0), lower: lowerIdentity},
	}
}
