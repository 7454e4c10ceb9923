package machine

import (
	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
)

// The flag groups of an instruction (Cairo paper, section 4.4): the source of op1, the computation of res, the updates of
// pc and ap, and the opcode.
const (
	op1Op0 uint8 = iota // [op0 + off2]
	op1Imm              // [pc + off2]
	op1FP               // [fp + off2]
	op1AP               // [ap + off2]
)

const (
	resOp1 uint8 = iota
	resAdd
	resMul
	resUnconstrained
)

const (
	pcRegular uint8 = iota
	pcJump
	pcJumpRel
	pcJnz
)

const (
	apRegular uint8 = iota
	apAdd
	apAdd1
	apAdd2
)

const (
	opNop uint8 = iota
	opCall
	opRet
	opAssertEq
)

// instruction is a decoded instruction. The zero value means "not decoded yet": a decoded instruction has size 1 or 2.
type instruction struct {
	off0, off1, off2 int16
	dstFP, op0FP     bool // base register of dst and op0: fp, else ap
	op1              uint8
	res              uint8
	pc               uint8
	ap               uint8
	opcode           uint8
	ext              casm.Extension
	size             uint8
	shape            uint8  // its case in the fast path (fast.go)
	hints            uint32 // 0 if it has no hints, else 1 + their index in code.hints
	seen             bool   // the range-check limits already include its offsets
	marked           bool   // its cells are marked as accessed
	immSmall         bool   // imm holds the signed value of the immediate
	imm              int64
}

// decode converts a word to the form that the step loop reads.
func decode(word felt.Felt) (instruction, error) {
	w, err := casm.DecodeWord(word)
	if err != nil {
		return instruction{}, err
	}
	has := func(f casm.Flags) bool { return w.Flags&f != 0 }
	in := instruction{
		off0: w.Off0, off1: w.Off1, off2: w.Off2,
		dstFP: has(casm.FlagDstFP), op0FP: has(casm.FlagOp0FP),
		ext: w.Extension, size: 1,
	}
	switch {
	case has(casm.FlagOp1Imm):
		in.op1, in.size = op1Imm, 2
	case has(casm.FlagOp1FP):
		in.op1 = op1FP
	case has(casm.FlagOp1AP):
		in.op1 = op1AP
	}
	switch {
	case has(casm.FlagJumpAbs):
		in.pc = pcJump
	case has(casm.FlagJumpRel):
		in.pc = pcJumpRel
	case has(casm.FlagJnz):
		in.pc = pcJnz
	}
	switch {
	case has(casm.FlagResAdd):
		in.res = resAdd
	case has(casm.FlagResMul):
		in.res = resMul
	case has(casm.FlagJnz):
		in.res = resUnconstrained
	}
	switch {
	case has(casm.FlagCall):
		in.opcode = opCall
	case has(casm.FlagRet):
		in.opcode = opRet
	case has(casm.FlagAssertEq):
		in.opcode = opAssertEq
	}
	switch {
	case has(casm.FlagCall):
		in.ap = apAdd2
	case has(casm.FlagAPAdd):
		in.ap = apAdd
	case has(casm.FlagAPAdd1):
		in.ap = apAdd1
	}
	in.shape = shapeOf(&in)
	return in, nil
}
