package cairoair

import "github.com/starkd/starkd/prover/stwo/air"

// qm31AddMulOpcode returns the component of [ap/fp + x] = a + b or a·b, with a = [ap/fp + y] and b an immediate or [ap/fp + z], in the secure field QM31. An element stands in a cell
// as 144 bits: four coordinates of 36 bits.
func qm31AddMulOpcode() *air.Component {
	b, s := newOpcode("qm_31_add_mul_opcode")
	in := decode(b, s.pc, pattern{free: []int{dstBaseFP, op0BaseFP, op1Imm, op1BaseFP, resAdd, apUpdateAdd1}, set: []int{opcodeAssertEq}, op1FromAP: true, mulIfNotAdd: true, extension: 3})
	b.Constrain("an immediate is at pc + 1", in.flags[op1Imm].Mul(in.offsets[2].Minus(1)))
	dst, op0, op1 := s.dst(b, in), s.op0(b, in), s.op1(b, in)
	v, x, y := readQM31(b, "dst", dst), readQM31(b, "op0", op0), readQM31(b, "op1", op1)
	product := mulQM31(x, y)
	for k := range v {
		result := product[k].Mul(in.flags[resMul]).Add(x[k].Add(y[k]).Mul(in.flags[resAdd]))
		b.Constrain("dst is op0 + op1 or op0·op1", v[k].Sub(result))
	}
	return finish(b, s, s.next(in))
}

// readQM31 adds columns that read an element of QM31 at address, and returns its coordinates. Each coordinate has four limbs, the highest of
// which has 4 bits, and must not be P, whose limbs are 511, 511, 511 and 15. Limbs that do not exceed these have their sum only if they are
// equal to them, so a product of two distances from that sum has an inverse.
func readQM31(b *air.Builder, name string, address air.Expr) [4]air.Expr {
	const limbs, sumOfP = 4, 3*511 + 15
	_, limb := readPositive(b, name, address, 4*limbs*limbBits)
	var coordinates, distance [4]air.Expr
	var top []air.Expr
	for k := range coordinates {
		c := limb[limbs*k : limbs*(k+1)]
		coordinates[k], distance[k] = number(c), air.Sum(c...).Minus(sumOfP)
		top = append(top, c[limbs-1])
	}
	b.Use(rangeCheck4x4x4x4, top...)
	for k, pair := range []string{"ab", "cd"} {
		product := distance[2*k].Mul(distance[2*k+1])
		inverse := b.Column(name+"_delta_"+pair+"_inv", product.Inverse())
		b.Constrain("coordinates "+pair+" are below P", product.Mul(inverse).Minus(1))
	}
	return coordinates
}

// mulQM31 returns the coordinates of x·y: (x0 + x1·i) + (x2 + x3·i)·u with i² = -1 and u² = 2 + i.
func mulQM31(x, y [4]air.Expr) [4]air.Expr {
	mul := func(a, b [2]air.Expr) [2]air.Expr { // in CM31
		return [2]air.Expr{a[0].Mul(b[0]).Sub(a[1].Mul(b[1])), a[0].Mul(b[1]).Add(a[1].Mul(b[0]))}
	}
	xLow, xHigh := [2]air.Expr(x[:2]), [2]air.Expr(x[2:])
	yLow, yHigh := [2]air.Expr(y[:2]), [2]air.Expr(y[2:])
	low, high := mul(xLow, yLow), mul(xHigh, yHigh)
	cross, cross2 := mul(xLow, yHigh), mul(xHigh, yLow)
	return [4]air.Expr{
		low[0].Add(high[0].Times(2)).Sub(high[1]),
		low[1].Add(high[1].Times(2)).Add(high[0]),
		cross[0].Add(cross2[0]),
		cross[1].Add(cross2[1]),
	}
}
