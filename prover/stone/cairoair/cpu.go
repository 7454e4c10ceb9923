package cairoair

import (
	"math/bits"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/prover/stone/air"
)

const (
	offsetBits = 16
	offsetBias = 1 << (offsetBits - 1) // added to stored offsets, so that they are not negative
)

// cpu states that each step follows from the step before it by the instruction at pc, and where the run starts and ends.
// Whitepaper sections 9.4 and 9.5.
func (b *builder) cpu(c *CPU) {
	step := every(stepRows)
	next := step.Exempt(last(stepRows)) // all steps but the last

	flag := func(f casm.Flags) air.Expr { return b.bit(c.Flags, bits.TrailingZeros16(uint16(f))) }
	pc, instruction := b.at(c.Instruction.Addr, 0), b.at(c.Instruction.Value, 0)
	off0, off1, off2 := b.at(c.Off0, 0), b.at(c.Off1, 0), b.at(c.Off2, 0)
	ap, fp := b.at(c.AP, 0), b.at(c.FP, 0)
	dst, op0, op1 := b.at(c.Dst.Value, 0), b.at(c.Op0.Value, 0), b.at(c.Op1.Value, 0)
	mul, res := b.at(c.Mul, 0), b.at(c.Res, 0)
	tmp0, tmp1 := b.at(c.Tmp0, 0), b.at(c.Tmp1, 0)
	one := b.Const(1)

	op1Op0 := one.Sub(flag(casm.FlagOp1Imm).Add(flag(casm.FlagOp1AP)).Add(flag(casm.FlagOp1FP)))
	resOp1 := one.Sub(flag(casm.FlagResAdd).Add(flag(casm.FlagResMul)).Add(flag(casm.FlagJnz)))
	pcRegular := one.Sub(flag(casm.FlagJumpAbs).Add(flag(casm.FlagJumpRel)).Add(flag(casm.FlagJnz)))
	fpRegular := one.Sub(flag(casm.FlagCall).Add(flag(casm.FlagRet)))
	nextPC := pc.Add(flag(casm.FlagOp1Imm)).Add(one)

	// Decoding: the instruction is off0 + 2^16·off1 + 2^32·off2 + 2^48·flags. Every flag is a bit, and so is every "none of
	// these flags".
	b.Constrain("cpu/decode/opcode_range_check/bit", flag(casm.FlagDstFP).IsBit(), every(1).Exempt(rowsAt(stepRows, casm.FlagBits)))
	b.Constrain("cpu/decode/opcode_range_check/zero", b.at(c.Flags, 0), air.On(rowsAt(stepRows, casm.FlagBits)))
	encoded := b.at(c.Flags, 0).Scale(1 << offsetBits).Add(off2).Scale(1 << offsetBits).Add(off1).Scale(1 << offsetBits).Add(off0)
	b.Constrain("cpu/decode/opcode_range_check_input", instruction.Sub(encoded), step)
	b.Constrain("cpu/decode/flag_op1_base_op0_bit", op1Op0.IsBit(), step)
	b.Constrain("cpu/decode/flag_res_op1_bit", resOp1.IsBit(), step)
	b.Constrain("cpu/decode/flag_pc_update_regular_bit", pcRegular.IsBit(), step)
	b.Constrain("cpu/decode/fp_update_regular_bit", fpRegular.IsBit(), step)

	// Operands: their addresses, and res. For a conditional jump, res is free here; tmp0 and tmp1 determine it below.
	base := func(isFP air.Expr) air.Expr { return ap.Add(isFP.Mul(fp.Sub(ap))) }
	address := func(u Units, base, offset air.Expr) air.Expr {
		return b.at(u.Addr, 0).AddConst(offsetBias).Sub(base.Add(offset))
	}
	op1Base := flag(casm.FlagOp1Imm).Mul(pc).Add(flag(casm.FlagOp1AP).Mul(ap)).Add(flag(casm.FlagOp1FP).Mul(fp)).Add(op1Op0.Mul(op0))
	b.Constrain("cpu/operands/mem_dst_addr", address(c.Dst, base(flag(casm.FlagDstFP)), off0), step)
	b.Constrain("cpu/operands/mem0_addr", address(c.Op0, base(flag(casm.FlagOp0FP)), off1), step)
	b.Constrain("cpu/operands/mem1_addr", address(c.Op1, op1Base, off2), step)
	b.Constrain("cpu/operands/ops_mul", mul.Sub(op0.Mul(op1)), step)
	result := flag(casm.FlagResAdd).Mul(op0.Add(op1)).Add(flag(casm.FlagResMul).Mul(mul)).Add(resOp1.Mul(op1))
	b.Constrain("cpu/operands/res", one.Sub(flag(casm.FlagJnz)).Mul(res).Sub(result), step)

	// Registers of the next step. A conditional jump has tmp0 = dst and tmp1 = dst·res. If dst ≠ 0, it jumps by op1. If dst =
	// 0, then tmp1 = 0, which forces the regular next pc. If dst ≠ 0, tmp1 ≠ 1 is impossible, because pc would need both
	// values.
	pcAfter := b.at(c.Instruction.Addr, 1)
	b.Constrain("cpu/update_registers/update_pc/tmp0", tmp0.Sub(flag(casm.FlagJnz).Mul(dst)), next)
	b.Constrain("cpu/update_registers/update_pc/tmp1", tmp1.Sub(tmp0.Mul(res)), next)
	jumped := one.Sub(flag(casm.FlagJnz)).Mul(pcAfter).Add(tmp0.Mul(pcAfter.Sub(pc.Add(op1))))
	target := pcRegular.Mul(nextPC).Add(flag(casm.FlagJumpAbs).Mul(res)).Add(flag(casm.FlagJumpRel).Mul(pc.Add(res)))
	b.Constrain("cpu/update_registers/update_pc/pc_cond_negative", jumped.Sub(target), next)
	b.Constrain("cpu/update_registers/update_pc/pc_cond_positive", tmp1.Sub(flag(casm.FlagJnz)).Mul(pcAfter.Sub(nextPC)), next)
	call2 := flag(casm.FlagCall).Add(flag(casm.FlagCall))
	apAfter := ap.Add(flag(casm.FlagAPAdd).Mul(res)).Add(flag(casm.FlagAPAdd1)).Add(call2)
	b.Constrain("cpu/update_registers/update_ap/ap_update", b.at(c.AP, 1).Sub(apAfter), next)
	fpAfter := fpRegular.Mul(fp).Add(flag(casm.FlagRet).Mul(dst)).Add(flag(casm.FlagCall).Mul(ap.AddConst(2)))
	b.Constrain("cpu/update_registers/update_fp/fp_update", b.at(c.FP, 1).Sub(fpAfter), next)

	// Opcodes: a call stores fp and the return address at ap and ap+1. A ret is jmp abs [fp-1] with fp := [fp-2].
	call, ret := flag(casm.FlagCall), flag(casm.FlagRet)
	b.Constrain("cpu/opcodes/call/push_fp", call.Mul(dst.Sub(fp)), step)
	b.Constrain("cpu/opcodes/call/push_pc", call.Mul(op0.Sub(nextPC)), step)
	b.Constrain("cpu/opcodes/call/off0", call.Mul(off0.SubConst(offsetBias)), step)
	b.Constrain("cpu/opcodes/call/off1", call.Mul(off1.SubConst(offsetBias+1)), step)
	b.Constrain("cpu/opcodes/call/flags", call.Mul(call2.AddConst(2).Sub(flag(casm.FlagDstFP).Add(flag(casm.FlagOp0FP)).AddConst(4))), step)
	b.Constrain("cpu/opcodes/ret/off0", ret.Mul(off0.SubConst(offsetBias-2)), step)
	b.Constrain("cpu/opcodes/ret/off2", ret.Mul(off2.SubConst(offsetBias-1)), step)
	b.Constrain("cpu/opcodes/ret/flags", ret.Mul(flag(casm.FlagJumpAbs).Add(flag(casm.FlagDstFP)).Add(flag(casm.FlagOp1FP)).Add(resOp1).SubConst(4)), step)
	b.Constrain("cpu/opcodes/assert_eq/assert_eq", flag(casm.FlagAssertEq).Mul(dst.Sub(res)), step)

	// The run starts at the entry point with fp = ap, and ends at the exit point with the same fp.
	end := air.On(last(stepRows))
	b.Constrain("initial_ap", ap.Sub(b.value(initialAP)), first())
	b.Constrain("initial_fp", fp.Sub(b.value(initialAP)), first())
	b.Constrain("initial_pc", pc.Sub(b.value(initialPC)), first())
	b.Constrain("final_ap", ap.Sub(b.value(finalAP)), end)
	b.Constrain("final_fp", fp.Sub(b.value(initialAP)), end)
	b.Constrain("final_pc", pc.Sub(b.value(finalPC)), end)
}
