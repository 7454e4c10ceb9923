package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/prover/stone/air"
)

const (
	bitwiseBits  = 251
	bitwiseParts = 16 // number of diluted parts of a value; part 4i+j holds the bits 64i + j, 64i + j + 4, …
)

// bitwiseShift returns the index of the lowest bit of a part.
func bitwiseShift(part int) int {
	return part/dilutedSpacing*dilutedSpacing*dilutedBits + part%dilutedSpacing
}

// bitwiseTrim returns the number of bits by which one of the last four parts is shifted, so that a bit above bitwiseBits would
// leave the diluted form.
func bitwiseTrim(part int) int {
	over := bitwiseShift(part) + dilutedSpacing*(dilutedBits-1) + 1 - bitwiseBits
	return (over + dilutedSpacing - 1) / dilutedSpacing * dilutedSpacing
}

// bitwise states that each instance holds x, y, x & y, x ^ y, x | y. The first four are cut into diluted parts, in which x + y
// = (x ^ y) + 2·(x & y) holds for each bit without carries.
func (b *builder) bitwise(w *Bitwise) {
	v := w.Vars.Addr.Step
	instance := 4 * v
	const x, y, and, xor = 0, 1, 2, 3
	part := func(variable, i int) air.Expr { return b.at(w.Diluted, variable*bitwiseParts+i) }

	b.Constrain("bitwise/init_var_pool_addr", b.at(w.Vars.Addr, 0).Sub(b.value(initialBitwise)), first())
	b.Constrain("bitwise/step_var_pool_addr", b.follows(w.Vars.Addr, 1, w.Vars.Addr, 0), every(v).Exempt(rowsAt(instance, 3*v)))
	b.Constrain("bitwise/x_or_y_addr", b.follows(w.Or.Addr, 0, w.Vars.Addr, xor), every(instance))
	b.Constrain("bitwise/next_var_pool_addr", b.follows(w.Vars.Addr, 4, w.Or.Addr, 0), every(instance).Exempt(last(instance)))
	sum := part(0, 0)
	for i := 1; i < bitwiseParts; i++ {
		sum = sum.Add(part(0, i).Mul(b.Element(powerOfTwo(bitwiseShift(i)))))
	}
	b.Constrain("bitwise/partition", sum.Sub(b.at(w.Vars.Value, 0)), every(v))
	b.Constrain("bitwise/or_is_and_plus_xor",
		b.at(w.Or.Value, 0).Sub(b.at(w.Vars.Value, and).Add(b.at(w.Vars.Value, xor))), every(instance))
	var parts []air.Rows
	for i := range bitwiseParts {
		parts = append(parts, rowsAt(instance, i*w.Diluted.Step))
	}
	b.Constrain("bitwise/addition_is_xor_with_and",
		part(x, 0).Add(part(y, 0)).Sub(part(xor, 0).Add(part(and, 0)).Add(part(and, 0))), air.On(parts...))
	for i, trim := range w.Trim {
		p := bitwiseParts - len(w.Trim) + i
		or := part(and, p).Add(part(xor, p))
		b.Constrain(fmt.Sprintf("bitwise/unique_unpacking%d", bitwiseShift(p)),
			or.Scale(1<<bitwiseTrim(p)).Sub(b.at(trim, 0)), every(instance))
	}
}
