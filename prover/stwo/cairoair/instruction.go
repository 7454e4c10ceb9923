package cairoair

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
)

// The flags of an instruction, by their bit (Cairo whitepaper, section 4.5).
const (
	dstBaseFP = iota
	op0BaseFP
	op1Imm
	op1BaseFP
	op1BaseAP
	resAdd
	resMul
	pcUpdateJump
	pcUpdateJumpRel
	pcUpdateJnz
	apUpdateAdd
	apUpdateAdd1
	opcodeCall
	opcodeRet
	opcodeAssertEq
	flagCount
)

var flagNames = [flagCount]string{"dst_base_fp", "op0_base_fp", "op1_imm", "op1_base_fp", "op1_base_ap", "res_add", "res_mul", "pc_update_jump",
	"pc_update_jump_rel", "pc_update_jnz", "ap_update_add", "ap_update_add_1", "opcode_call", "opcode_ret", "opcode_assert_eq"}

// offsetBias is added to an offset of -2^15 to 2^15-1 in an instruction.
const offsetBias = 1 << 15

// pattern says which parts of an instruction an opcode fixes: what is not fixed becomes a column.
type pattern struct {
	offsets [3]*int // the offset of dst, op0, op1 if it is fixed
	free    []int   // flags that differ between instructions of the opcode, ascending
	set     []int   // flags that are 1
	// op1FromAP is set if flag op1BaseAP is 1 - op1Imm - op1BaseFP.
	op1FromAP bool
	// mulIfNotAdd is set if flag resMul is 1 - resAdd.
	mulIfNotAdd bool
	extension   uint32 // the number of the opcode's extension of Cairo, 0 without
	extended    bool   // the extension becomes a column
}

// offset returns a pointer to v, for a pattern.
func offset(v int) *int { return &v }

// instruction is a decoded instruction: its offsets as signed numbers, its flags, and its extension if that is a column.
type instruction struct {
	offsets   [3]air.Expr
	flags     [flagCount]air.Expr
	extension air.Expr
}

// decode adds the columns of the instruction at pc, of the form p, and its lookup.
func decode(b *air.Builder, pc air.Expr, p pattern) instruction {
	value := b.Compute(valueOf, b.Compute(idOf, pc)[0])
	word := []air.Expr{
		value[0].Add(value[1].Bits(0, 7).Times(1 << 9)),
		value[1].Bits(7, 2).Add(value[2].Times(1 << 2)).Add(value[3].Bits(0, 5).Times(1 << 11)),
		value[3].Bits(5, 4).Add(value[4].Times(1 << 4)).Add(value[5].Bits(0, 3).Times(1 << 13)),
	}
	flags := value[5].Bits(3, 6).Add(value[6].Times(1 << 6))

	var in instruction
	var encoded [3]air.Expr
	for k := range encoded {
		if p.offsets[k] != nil {
			encoded[k] = b.Const(uint32(*p.offsets[k] + offsetBias))
		} else {
			encoded[k] = b.Column(fmt.Sprintf("offset%d", k), word[k])
		}
		in.offsets[k] = encoded[k].Minus(offsetBias)
	}
	for k := range in.flags {
		in.flags[k] = b.Const(0)
	}
	for _, k := range p.set {
		in.flags[k] = b.Const(1)
	}
	for _, k := range p.free {
		in.flags[k] = b.Column(flagNames[k], flags.Bits(k, 1))
	}
	if p.op1FromAP {
		in.flags[op1BaseAP] = in.flags[op1Imm].Not().Sub(in.flags[op1BaseFP])
	}
	if p.mulIfNotAdd {
		in.flags[resMul] = in.flags[resAdd].Not()
	}
	for k, f := range in.flags {
		// Without immediates op1BaseAP is 1 - op1BaseFP, which is a bit if op1BaseFP is one.
		if slices.Contains(p.free, k) || k == op1BaseAP && p.op1FromAP && slices.Contains(p.free, op1Imm) {
			b.Constrain(flagNames[k]+" is a bit", f.Mul(f.Not()))
		}
	}

	// The first word of flags has flags 0 to 5 above the 3 highest bits of offset 2, the second flags 6 to 14.
	low, high := b.Const(0), b.Const(0)
	for k, f := range in.flags {
		if k < 6 {
			low = low.Add(f.Times(1 << (3 + k)))
		} else {
			high = high.Add(f.Times(1 << (k - 6)))
		}
	}
	tuple := []air.Expr{pc, encoded[0], encoded[1], encoded[2], low, high}
	switch {
	case p.extended:
		in.extension = b.Column("opcode_extension", value[7])
		tuple = append(tuple, in.extension)
	case p.extension != 0:
		tuple = append(tuple, b.Const(p.extension))
	}
	b.Use(verifyInstruction, tuple...)
	return in
}
