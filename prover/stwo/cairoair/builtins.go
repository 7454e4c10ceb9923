package cairoair

import (
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// builtinComponents are the components whose rows are the instances of a builtin's segment, ec_op_builtin excepted.
var builtinComponents = []*Component{
	define("add_mod_builtin", BuiltinSegment, addModBuiltin),
	define("bitwise_builtin", BuiltinSegment, bitwiseBuiltin),
	define("poseidon_builtin", BuiltinSegment, poseidonBuiltin),
	define("mul_mod_builtin", BuiltinSegment, mulModBuiltin),
	define("range_check96_builtin", BuiltinSegment, func() *air.Component { return rangeCheckBuiltin("range_check96_builtin", 96) }),
	define("range_check_builtin", BuiltinSegment, func() *air.Component { return rangeCheckBuiltin("range_check_builtin", 128) }),
}

// newBuiltin returns a builder of a builtin's component, and the address of the row's instance, which has the given number of cells.
func newBuiltin(name string, cells uint32) (*air.Builder, air.Expr) {
	b := air.NewBuilder(name, 0)
	return b, b.Parameter().Add(b.RowNumber().Times(cells))
}

// rangeCheckBuiltin states that the cell of an instance is a number of the given bits.
func rangeCheckBuiltin(name string, bits int) *air.Component {
	b, address := newBuiltin(name, 1)
	readPositive(b, "value", address, bits)
	return b.Build()
}

// bitwiseBuiltin states that the cells of an instance are x, y, x & y, x ^ y and x | y. Limbs are independent, and
//
//	x + y = (x ^ y) + 2·(x & y)
//	x | y = (x ^ y) + (x & y)
//
// so that only the xor of a limb is a column. The highest limb of a value of 251 bits has 8 bits.
func bitwiseBuiltin() *air.Component {
	b, address := newBuiltin("bitwise_builtin", 5)
	_, x := readPositive(b, "op0", address, 252)
	_, y := readPositive(b, "op1", address.Plus(1), 252)
	const half = 1 << 30 // 1/2 in M31
	var and, xor, or [limbs252]air.Expr
	for k := range xor {
		table := xor9
		if k == limbs252-1 {
			table = xor8[0]
		}
		xor[k] = xorColumn(b, table, x[k], y[k])
		and[k] = x[k].Add(y[k]).Sub(xor[k]).Times(half)
		or[k] = xor[k].Add(and[k])
	}
	verifyValue(b, "and_id", address.Plus(2), and[:]...)
	verifyValue(b, "xor_id", address.Plus(3), xor[:]...)
	verifyValue(b, "or_id", address.Plus(4), or[:]...)
	return b.Build()
}

// xorColumn adds a column with x ^ y, as table has it.
func xorColumn(b *air.Builder, table *air.Relation, x, y air.Expr) air.Expr {
	z := b.Column("xor", b.Compute(xorOf, x, y)[0])
	b.Use(table, x, y, z)
	return z
}

// xorOf computes x ^ y of small numbers.
var xorOf = &air.Function{Name: "xor", In: 2, Out: 1, Eval: func(_ any, in, out [][]m31.M31) {
	x, y := in[0], in[1]
	for i := range out[0] {
		out[0][i] = x[i] ^ y[i]
	}
}}
