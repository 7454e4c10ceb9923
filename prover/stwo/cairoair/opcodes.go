package cairoair

import "github.com/starkd/starkd/prover/stwo/air"

// opcodeComponents are the components of the opcodes and verify_instruction, blake_compress_opcode excepted.
var opcodeComponents = []*Component{
	define("add_opcode_small", OpcodeStates, addOpcodeSmall),
	define("mul_opcode", OpcodeStates, mulOpcode),
	define("qm_31_add_mul_opcode", OpcodeStates, qm31AddMulOpcode),
}

// state is the machine's registers before an instruction: the input of an opcode component.
type state struct{ pc, ap, fp air.Expr }

// newOpcode returns a builder of an opcode's component, with the columns of its input.
func newOpcode(name string) (*air.Builder, state) {
	b := air.NewBuilder(name, 3)
	return b, state{b.Column("input_pc", b.Input(0)), b.Column("input_ap", b.Input(1)), b.Column("input_fp", b.Input(2))}
}

// base returns fp if flag is 1, else ap.
func (s state) base(flag air.Expr) air.Expr { return flag.Mul(s.fp).Add(flag.Not().Mul(s.ap)) }

// finish adds the enabler, and the step from state s to state next.
func finish(b *air.Builder, s, next state) *air.Component {
	enabler := b.Column("enabler", b.Enabled())
	b.Constrain("enabler is a bit", enabler.Mul(enabler).Sub(enabler))
	b.UseTimes(enabler, opcodes, s.pc, s.ap, s.fp)
	b.Yield(enabler, opcodes, next.pc, next.ap, next.fp)
	return b.Build()
}

// addOpcodeSmall is [ap/fp + x] = [ap/fp + y] + (immediate or [ap/fp + z]) where all three are small (readSmall).
func addOpcodeSmall() *air.Component {
	b, s := newOpcode("add_opcode_small")
	in := decode(b, s.pc, pattern{free: []int{dstBaseFP, op0BaseFP, op1Imm, op1BaseFP, apUpdateAdd1}, set: []int{resAdd, opcodeAssertEq}, op1FromAP: true})
	imm := in.flags[op1Imm]
	b.Constrain("an immediate is at pc + 1", imm.Mul(b.Const(1).Sub(in.offsets[2])))
	dst := equalColumn(b, "mem_dst_base", s.base(in.flags[dstBaseFP]))
	op0 := equalColumn(b, "mem0_base", s.base(in.flags[op0BaseFP]))
	op1 := equalColumn(b, "mem1_base", imm.Mul(s.pc).Add(in.flags[op1BaseFP].Mul(s.fp)).Add(in.flags[op1BaseAP].Mul(s.ap)))
	v := readSmall(b, "dst", dst.Add(in.offsets[0]))
	x := readSmall(b, "op0", op0.Add(in.offsets[1]))
	y := readSmall(b, "op1", op1.Add(in.offsets[2]))
	b.Constrain("dst is op0 + op1", v.Sub(x.Add(y)))
	return finish(b, s, state{s.pc.Plus(1).Add(imm), s.ap.Add(in.flags[apUpdateAdd1]), s.fp})
}

// equalColumn adds a column that is equal to e.
func equalColumn(b *air.Builder, name string, e air.Expr) air.Expr {
	c := b.Column(name, e)
	b.Constrain(name, c.Sub(e))
	return c
}
