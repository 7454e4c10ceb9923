package casm

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

var errNotInstruction = errors.New("not an instruction")

// decode returns the instruction at the start of code. It is the inverse of Instruction.Append: it rejects all words to which no
// Instruction assembles, although a machine can run some of them.
func decode(code []felt.Felt) (Instruction, error) {
	if len(code) == 0 {
		return Instruction{}, fmt.Errorf("casm: %w: no code left", errNotInstruction)
	}
	w, err := DecodeWord(code[0])
	if err != nil {
		return Instruction{}, fmt.Errorf("%w: %w", errNotInstruction, err)
	}
	i := Instruction{IncAP: w.Flags&FlagAPAdd1 != 0, Relative: w.Flags&FlagJumpRel != 0}
	dst := Cell{AP, w.Off0}
	if w.Flags&FlagDstFP != 0 {
		dst.Reg = FP
	}
	op0, op1 := Cell{AP, w.Off1}, Cell{AP, w.Off2}
	if w.Flags&FlagOp0FP != 0 {
		op0.Reg = FP
	}
	if w.Flags&FlagOp1FP != 0 {
		op1.Reg = FP
	}
	switch {
	case w.Flags&FlagOp1Imm != 0 && len(code) < 2:
		return Instruction{}, fmt.Errorf("casm: word %v: %w: immediate missing", code[0], errNotInstruction)
	case w.Flags&(FlagOp1Imm|FlagOp1FP|FlagOp1AP) == 0:
		i.Res = Operand{Kind: DoubleDeref, Cell: op0, Off: w.Off2}
	case w.Flags&(FlagResAdd|FlagResMul) != 0:
		i.Res = Operand{Kind: BinOp, Cell: op0, B: op1}
		if w.Flags&FlagResMul != 0 {
			i.Res.Op = Mul
		}
	case w.Flags&FlagOp1Imm != 0:
		i.Res.Kind = Immediate
	default:
		i.Res = At(op1)
	}
	if w.Flags&FlagOp1Imm != 0 {
		i.Res.B, i.Res.Imm = Cell{}, code[1].BigInt()
	}
	switch {
	case w.Extension == ExtBlake2s, w.Extension == ExtBlake2sLast:
		i.Op = Blake2s + Op(w.Extension-ExtBlake2s)
		i.Dst, i.Res = dst, Operand{Cell: op0, B: op1}
	case w.Flags&FlagAssertEq != 0:
		i.Op, i.Dst = AssertEq, dst
		if w.Extension == ExtQM31 {
			i.Op = AssertEqQM31
		}
	case w.Flags&FlagCall != 0:
		i.Op = Call
	case w.Flags&FlagRet != 0:
		i.Op, i.Res = Ret, Operand{}
	case w.Flags&FlagJnz != 0:
		i.Op, i.Dst = Jnz, dst
	case w.Flags&(FlagJumpAbs|FlagJumpRel) != 0:
		i.Op = Jump
	case w.Flags&FlagAPAdd != 0:
		i.Op = AddAP
	default:
		return Instruction{}, fmt.Errorf("casm: word %v: %w: does nothing", code[0], errNotInstruction)
	}
	if i.word() != w {
		return Instruction{}, fmt.Errorf("casm: word %v: %w: flags or offsets that no instruction has", code[0], errNotInstruction)
	}
	return i, nil
}
