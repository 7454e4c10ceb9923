package cairoair

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
)

// genericOpcode proves any instruction without an extension (Cairo whitepaper, section 4.5), for the steps that fit no other opcode.
func genericOpcode() *air.Component {
	b, s := newOpcode("generic_opcode")
	all := make([]int, flagCount)
	for k := range all {
		all[k] = k
	}
	in := decode(b, s.pc, pattern{free: all})
	f := in.flags

	// At most one flag of a group is set. The rest is 1 if none is.
	rest := func(group string, flags ...int) air.Expr {
		r := b.Const(1)
		for _, k := range flags {
			r = r.Sub(f[k])
		}
		b.Constrain("one flag at most of "+group, r.Mul(r.Not()))
		return r
	}
	op1FromOp0 := rest("op1_src", op1Imm, op1BaseFP, op1BaseAP)
	resIsOp1 := rest("res_logic", resAdd, resMul, pcUpdateJnz)
	pcRegular := rest("pc_update", pcUpdateJump, pcUpdateJumpRel, pcUpdateJnz)
	rest("ap_update", apUpdateAdd, apUpdateAdd1, opcodeCall)
	fpRegular := rest("opcode", opcodeCall, opcodeRet)
	size := f[op1Imm].Plus(1)

	// The operands.
	address := equalColumn(b, "dst_src", s.base(f[dstBaseFP])).Add(in.offsets[0])
	_, dst := readPositive(b, "dst", address, 252)
	address = equalColumn(b, "op0_src", s.base(f[op0BaseFP])).Add(in.offsets[1])
	_, op0 := readPositive(b, "op0", address, 252)
	base := f[op1BaseFP].Mul(s.fp).Add(f[op1BaseAP].Mul(s.ap)).Add(f[op1Imm].Mul(s.pc))
	base = base.Add(op1FromOp0.Mul(asAddress(b, op0, op1FromOp0)))
	address = equalColumn(b, "op1_src", base).Add(in.offsets[2])
	_, op1 := readPositive(b, "op1", address, 252)

	// The result. It is free in a conditional jump, and then 0.
	operands := slices.Concat(op0, op1)
	total := limbColumns(b, "add_res", b.Compute(sumOf, operands...))
	rangeCheckLimbs(b, total)
	verifySum(b, op0, op1, total)
	product := multiply(b, op0, op1)
	res := make([]air.Expr, limbs252)
	for k := range res {
		v := f[resAdd].Mul(total[k]).Add(f[resMul].Mul(product[k])).Add(resIsOp1.Mul(op1[k]))
		res[k] = b.Column(limbName("res", k), v)
		b.Constrain(fmt.Sprintf("limb %d of res", k), v.Sub(f[pcUpdateJnz].Not().Mul(res[k])))
	}

	// assert_eq, ret and call.
	for k := range res {
		b.Constrain(fmt.Sprintf("limb %d of dst is that of res", k), f[opcodeAssertEq].Mul(res[k].Sub(dst[k])))
	}
	ret, call := f[opcodeRet], f[opcodeCall]
	b.Constrain("ret has the offset -2 of dst", ret.Mul(in.offsets[0].Plus(2)))
	b.Constrain("ret has the offset -1 of op1", ret.Mul(in.offsets[2].Plus(1)))
	flags := air.Sum(f[pcUpdateJump], f[dstBaseFP], f[op1BaseFP], resIsOp1)
	b.Constrain("ret jumps to [fp - 1]", ret.Mul(b.Const(4).Sub(flags)))
	b.Constrain("call has the offset 0 of dst", call.Mul(in.offsets[0]))
	b.Constrain("call has the offset 1 of op0", call.Mul(in.offsets[1].Minus(1).Neg()))
	b.Constrain("call has dst and op0 at ap", call.Mul(f[op0BaseFP].Add(f[dstBaseFP])))
	next := s.pc.Add(size)
	b.Constrain("call stores fp", call.Mul(asAddress(b, dst, call).Sub(s.fp)))
	b.Constrain("call stores the next pc", call.Mul(asAddress(b, op0, call).Sub(next)))

	// The next state. What is not an address, or not a small number, counts only if the flags do not ask for it.
	returned := asAddress(b, dst, ret)
	relative := asSmall(b, res, f[pcUpdateJumpRel].Add(f[apUpdateAdd]))
	jnz := jnzTarget(b, s.pc, size, dst, op1, f[pcUpdateJnz])
	pc := pcRegular.Mul(next).Add(f[pcUpdateJump].Mul(relative)).Add(f[pcUpdateJumpRel].Mul(s.pc.Add(relative)))
	pc = equalColumn(b, "next_pc", pc.Add(f[pcUpdateJnz].Mul(jnz)))
	ap := equalColumn(b, "next_ap", s.ap.Add(f[apUpdateAdd].Mul(relative)).Add(f[apUpdateAdd1]).Add(call.Times(2)))
	verifyAddress(b, ap)
	fp := equalColumn(b, "next_fp", fpRegular.Mul(s.fp).Add(ret.Mul(returned)).Add(call.Mul(s.ap.Plus(2))))
	return finish(b, s, state{pc, ap, fp})
}

// jnzTarget adds columns with the next pc of a conditional jump, which is pc + size if dst is 0 and else pc + op1. op1 has to be a small number
// where the flag jnz is 1 and dst is not 0. In every row dst must not be P, which the limbs could also hold.
func jnzTarget(b *air.Builder, pc, size air.Expr, dst, op1 []air.Expr, jnz air.Expr) air.Expr {
	total, distance := limbSums(dst)
	inverse := b.Column("dst_sum_squares_inv", distance.Inverse())
	b.Constrain("dst is not the prime", distance.Mul(inverse).Minus(1))
	zero := total.IsZero()
	inverse = b.Column("dst_sum_inv", total.Add(zero).Inverse())
	taken := pc.Add(asSmall(b, op1, equalColumn(b, "op1_as_rel_imm_cond", jnz.Mul(total))))
	notTaken := pc.Add(size)
	target := b.Column("next_pc_jnz", zero.Mul(notTaken).Add(zero.Not().Mul(taken)))
	b.Constrain("the target if dst is not 0", target.Sub(taken).Mul(total))
	b.Constrain("the target if dst is 0", target.Sub(notTaken).Mul(total.Mul(inverse).Minus(1)))
	return target
}

// asAddress returns the number below 2^29 whose limbs are given. It constrains the value to be one where condition is not 0.
func asAddress(b *air.Builder, limbs []air.Expr, condition air.Expr) air.Expr {
	b.Constrain("an address has four limbs", condition.Mul(air.Sum(limbs[4:]...)))
	twoBits(b, limbs[3], condition)
	return number(limbs[:4])
}

// asSmall returns the number of -2^29 to 2^29 - 1 whose limbs are given, see readSmall. It constrains the value to be one where condition is
// not 0.
func asSmall(b *air.Builder, limbs []air.Expr, condition air.Expr) air.Expr {
	sign := signColumns(b, limbs)
	want := sign.limbs(b)
	top := limbs[3].Sub(want[3])
	twoBits(b, top, condition)
	// Limbs are at least 0, so that sums may be compared.
	compare := func(from, to int) {
		b.Constrain(fmt.Sprintf("limbs %d to %d of a small number", from, to-1),
			condition.Mul(air.Sum(limbs[from:to]...).Sub(air.Sum(want[from:to]...))))
	}
	compare(4, 21)
	compare(21, 22)
	compare(22, 27)
	compare(27, 28)
	return sign.number(limbs[0], limbs[1], limbs[2], top)
}
