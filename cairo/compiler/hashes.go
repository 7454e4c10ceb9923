package compiler

import "github.com/starkd/starkd/cairo/casm"

// hashRows returns the rows of the hash builtins, BLAKE2s, and the libfuncs for debugging.
func hashRows() map[string]row {
	return map[string]row{
		"pedersen": {cost: builtin(steps(2), Pedersen, 1), ap: aps(0), lower: func(l *lowering) {
			var b builder
			x, y := b.deref(l.single(1)), b.deref(l.single(2))
			ptr := b.buffer(2, l.single(0))
			b.write(ptr, x)
			b.write(ptr, y)
			result := b.next(ptr)
			l.build(&b, noUsage, ends(of(ptr), of(result)))
		}},
		"hades_permutation": {cost: builtin(steps(3), Poseidon, 1), ap: aps(0), lower: func(l *lowering) {
			var b builder
			s0, s1, s2 := b.deref(l.single(1)), b.deref(l.single(2)), b.deref(l.single(3))
			ptr := b.buffer(5, l.single(0))
			b.write(ptr, s0)
			b.write(ptr, s1)
			b.write(ptr, s2)
			r0, r1, r2 := b.next(ptr), b.next(ptr), b.next(ptr)
			l.build(&b, noUsage, ends(of(ptr), of(r0), of(r1), of(r2)))
		}},
		"blake2s_compress":            blakeRow(casm.Blake2s),
		"blake2s_finalize":            blakeRow(casm.Blake2sLast),
		"blake2s_compress_guarantees": blakeRow(casm.Blake2s),
		"blake2s_finalize_guarantees": blakeRow(casm.Blake2sLast),

		"print": {cost: costs(steps(1)), ap: aps(0), lower: func(l *lowering) {
			var b builder
			cells := l.cells(0, 2)
			start, end := b.buffer(0, cells[0]), b.buffer(0, cells[1])
			b.hint(casm.DebugPrint, of(start, end), nil)
			b.addAP(0)
			l.build(&b, noUsage, ends())
		}},
		"trace": {cost: costs(steps(1)), ap: aps(0), lower: func(l *lowering) {
			var b builder
			b.hint(casm.AddTrace, of(b.big(l.lf.valueArg(0))), nil)
			b.addAP(0)
			l.build(&b, noUsage, ends())
		}},
		"unsafe_panic": {cost: costs(), ap: aps(), lower: func(l *lowering) {
			var b builder
			b.fail()
			l.build(&b, noUsage)
		}},
	}
}

// blakeRow returns the row of a BLAKE2s instruction, which writes its result to eight new cells.
func blakeRow(op casm.Op) row {
	return row{cost: builtin(constCost{}, Blake, 1), ap: aps(1), lower: func(l *lowering) {
		state, count, message := l.single(0), l.single(1), l.single(2)
		for _, o := range [...]casm.Operand{state, count, message} {
			if o.Kind != casm.Deref {
				reject("an argument is not in memory")
			}
		}
		i := casm.Instruction{Op: op, IncAP: true, Dst: count.Cell, Res: casm.Operand{Cell: state.Cell, B: message.Cell},
			Hints: []casm.Hint{{Kind: casm.AllocConstantSize, In: []casm.Operand{casm.Imm(8)}, Out: []casm.Cell{{Reg: casm.AP}}}}}
		l.finish([]casm.Instruction{i}, [][]casm.Operand{belowAP(-1, 1)})
	}}
}
