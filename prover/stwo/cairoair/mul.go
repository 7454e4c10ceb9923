package cairoair

import (
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
)

// mulOpcode is [ap/fp + x] = [ap/fp + y] · (immediate or [ap/fp + z]).
func mulOpcode() *air.Component {
	b, s := newOpcode("mul_opcode")
	in := decode(b, s.pc, pattern{free: []int{dstBaseFP, op0BaseFP, op1Imm, op1BaseFP, apUpdateAdd1}, set: []int{resMul, opcodeAssertEq}, op1FromAP: true})
	imm := in.flags[op1Imm]
	b.Constrain("an immediate is at pc + 1", imm.Mul(b.Const(1).Sub(in.offsets[2])))
	dst := equalColumn(b, "mem_dst_base", s.base(in.flags[dstBaseFP]))
	op0 := equalColumn(b, "mem0_base", s.base(in.flags[op0BaseFP]))
	op1 := equalColumn(b, "mem1_base", imm.Mul(s.pc).Add(in.flags[op1BaseFP].Mul(s.fp)).Add(in.flags[op1BaseAP].Mul(s.ap)))
	_, z := readPositive(b, "dst", dst.Add(in.offsets[0]), 252)
	_, x := readPositive(b, "op0", op0.Add(in.offsets[1]), 252)
	_, y := readPositive(b, "op1", op1.Add(in.offsets[2]), 252)
	verifyProduct(b, x, y, z, b.Compute(carriesOf, slices.Concat(x, y, z)...))
	return finish(b, s, state{s.pc.Plus(1).Add(imm), s.ap.Add(in.flags[apUpdateAdd1]), s.fp})
}
