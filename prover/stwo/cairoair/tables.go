package cairoair

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/prover/stwo/air"
)

// tableComponents are the fixed tables: range checks and xor tables. The tables of constants (Blake2s' permutations, Poseidon's round keys,
// Pedersen's points) are with their only users.
var tableComponents = []*Component{
	rangeCheck(rangeCheck6),
	rangeCheck(rangeCheck8),
	rangeCheck(rangeCheck11),
	rangeCheck(rangeCheck12),
	rangeCheck(rangeCheck18...),
	rangeCheck(rangeCheck20...),
	rangeCheck(rangeCheck4x3),
	rangeCheck(rangeCheck4x4),
	rangeCheck(rangeCheck9x9...),
	rangeCheck(rangeCheck7x2x5),
	rangeCheck(rangeCheck3x6x6x3),
	rangeCheck(rangeCheck4x4x4x4),
	rangeCheck(rangeCheck3x3x3x3x3),
	xorTable(4, xor4),
	xorTable(7, xor7),
	xorTable(8, xor8...),
	xorTable(9, xor9),
	define("verify_bitwise_xor_12", FixedTable, verifyBitwiseXor12),
}

// fixedTable returns the component of a table whose rows are preprocessed columns, with a multiplicity for each relation that has them.
// A row's inputs are its multiplicities. The first value of a tuple is the number of its row.
func fixedTable(name string, logSize int, columns []string, relations ...*air.Relation) *Component {
	c := define(name, FixedTable, func() *air.Component {
		b := air.NewBuilder(name, len(relations))
		b.Fixed(logSize)
		var tuple []air.Expr
		for _, id := range columns {
			tuple = append(tuple, b.Preprocessed(id))
		}
		for k, r := range relations {
			b.Yield(multiplicity(b, k), r, tuple...)
		}
		return b.Build()
	})
	c.widths = []int{logSize}
	return c
}

// multiplicity adds a column with word k of the row's input, which is the multiplicity of a tuple.
func multiplicity(b *air.Builder, k int) air.Expr {
	return b.Column(fmt.Sprintf("multiplicity_%d", k), b.Input(k))
}

// rangeCheck returns the table of a relation like RangeCheck_7_2_5 and its copies: all tuples of numbers of 7, 2 and 5 bits, in ascending
// order. A table of single numbers is the column of row numbers.
func rangeCheck(copies ...*air.Relation) *Component {
	widths := tableWidths(copies[0])
	name := "range_check"
	logSize := 0
	for _, w := range widths {
		name += fmt.Sprintf("_%d", w)
		logSize += w
	}
	columns := []string{air.RowNumber}
	if len(widths) > 1 {
		columns = nil
		for k := range widths {
			columns = append(columns, fmt.Sprintf("%s_column_%d", name, k))
		}
	}
	c := fixedTable(name, logSize, columns, copies...)
	c.widths = widths
	return c
}

// tableWidths returns the numbers in the name of a relation like RangeCheck_7_2_5.
func tableWidths(r *air.Relation) []int {
	var widths []int
	for _, s := range strings.Split(r.Name, "_")[1:] {
		var w int
		if _, err := fmt.Sscan(s, &w); err == nil {
			widths = append(widths, w)
		}
	}
	return widths
}

// xorTable returns the table of x, y, x ^ y for all numbers of the given bits, of which x runs slower.
func xorTable(bits int, copies ...*air.Relation) *Component {
	c := fixedTable(fmt.Sprintf("verify_bitwise_xor_%d", bits), 2*bits, xorColumns(bits), copies...)
	c.widths = []int{bits, bits}
	return c
}

func xorColumns(bits int) []string {
	var columns []string
	for k := range 3 {
		columns = append(columns, fmt.Sprintf("bitwise_xor_%d_%d", bits, k))
	}
	return columns
}

// verifyBitwiseXor12 returns the table of x, y, x ^ y for numbers of 12 bits. Its rows hold the low 10 bits; multiplicity 4i + j is that of the
// tuple with the high bits i, j and i ^ j.
func verifyBitwiseXor12() *air.Component {
	const low = 10
	b := air.NewBuilder("verify_bitwise_xor_12", 16)
	b.Fixed(2 * low)
	var tuple [3]air.Expr
	for k, id := range xorColumns(low) {
		tuple[k] = b.Preprocessed(id)
	}
	for k := range 16 {
		i, j := uint32(k>>2), uint32(k&3)
		b.Yield(multiplicity(b, k), xor12, tuple[0].Plus(i<<low), tuple[1].Plus(j<<low), tuple[2].Plus((i^j)<<low))
	}
	return b.Build()
}
