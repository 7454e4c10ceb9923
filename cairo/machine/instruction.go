package machine

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Where op1 is read, how res is computed, how the registers move and what is asserted: the flag groups of an instruction
// (Cairo paper, section 4.4).
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

const (
	extStone uint8 = iota
	extBlake
	extBlakeFinalize
	extQM31
)

// instruction is a decoded instruction. The zero value is "not decoded yet": size is 1 or 2 in every decoded one.
type instruction struct {
	off0, off1, off2 int16
	dstFP, op0FP     bool // base register of dst and op0: fp, else ap
	op1              uint8
	res              uint8
	pc               uint8
	ap               uint8
	opcode           uint8
	ext              uint8
	size             uint8
	shape            uint8  // the fast path that may take it, see fast.go
	hints            uint32 // 0, or 1 + the index of the hints that run before it
	seen             bool   // its offsets are counted in the range-check limits
	immSmall         bool   // imm is the signed value of the immediate
	imm              int64
}

// decode decodes an instruction; only the flag combinations that the paper gives a meaning are accepted.
func decode(word felt.Felt) (instruction, error) {
	l := word.Limbs()
	if l[2]|l[3] != 0 {
		return instruction{}, fmt.Errorf("instruction should be an int (found: %v)", FeltValue(word))
	}
	var in instruction
	in.off0 = int16(uint16(l[0]) - 0x8000)
	in.off1 = int16(uint16(l[0]>>16) - 0x8000)
	in.off2 = int16(uint16(l[0]>>32) - 0x8000)
	flags := l[0] >> 48
	ext := l[0]>>63 | l[1]<<1
	if l[1]>>63 != 0 || ext > uint64(extQM31) {
		return in, fmt.Errorf("invalid opcode extension value: %d", ext)
	}
	in.ext = uint8(ext)
	in.dstFP = flags&1 != 0
	in.op0FP = flags>>1&1 != 0
	in.size = 1
	switch v := flags >> 2 & 7; v {
	case 0:
		in.op1 = op1Op0
	case 1:
		in.op1, in.size = op1Imm, 2
	case 2:
		in.op1 = op1FP
	case 4:
		in.op1 = op1AP
	default:
		return in, fmt.Errorf("invalid op1_register value: %d", v)
	}
	switch v := flags >> 7 & 7; v {
	case 0:
		in.pc = pcRegular
	case 1:
		in.pc = pcJump
	case 2:
		in.pc = pcJumpRel
	case 4:
		in.pc = pcJnz
	default:
		return in, fmt.Errorf("invalid pc_update value: %d", v)
	}
	switch v := flags >> 5 & 3; {
	case v == 0 && in.pc == pcJnz:
		in.res = resUnconstrained
	case v == 0:
		in.res = resOp1
	case v == 1 && in.pc != pcJnz:
		in.res = resAdd
	case v == 2 && in.pc != pcJnz:
		in.res = resMul
	default:
		return in, fmt.Errorf("invalid res value: %d", v)
	}
	opcode := flags >> 12 & 7
	switch opcode {
	case 0:
		in.opcode = opNop
	case 1:
		in.opcode = opCall
	case 2:
		in.opcode = opRet
	case 4:
		in.opcode = opAssertEq
	default:
		return in, fmt.Errorf("invalid opcode value: %d", opcode)
	}
	apUpdate := flags >> 10 & 3
	plainAP := apUpdate == 0 || apUpdate == 2
	if in.ext == extBlake || in.ext == extBlakeFinalize {
		if in.opcode != opNop || in.op1 != op1FP && in.op1 != op1AP || in.res != resOp1 || in.pc != pcRegular || !plainAP {
			return in, fmt.Errorf("invalid Blake2s flags: %d", flags&0x7fff)
		}
	}
	if in.ext == extQM31 {
		if in.res != resAdd && in.res != resMul || in.op1 == op1Op0 || in.pc != pcRegular || in.opcode != opAssertEq || !plainAP {
			return in, fmt.Errorf("invalid QM31 add/mul flags: %d", flags&0x7fff)
		}
	}
	switch {
	case apUpdate == 0 && in.opcode == opCall:
		in.ap = apAdd2
	case apUpdate == 0:
		in.ap = apRegular
	case apUpdate == 1 && in.opcode != opCall:
		in.ap = apAdd
	case apUpdate == 2 && in.opcode != opCall:
		in.ap = apAdd1
	default:
		return in, fmt.Errorf("invalid ap_update value: %d", apUpdate)
	}
	switch in.opcode {
	case opCall:
		if in.off0 != 0 || in.off1 != 1 || in.dstFP || in.op0FP {
			return in, fmt.Errorf("invalid opcode value: %d", opcode)
		}
	case opRet:
		if in.off0 != -2 || in.off2 != -1 || !in.dstFP || in.op1 != op1FP || in.res != resOp1 || in.pc != pcJump {
			return in, fmt.Errorf("invalid opcode value: %d", opcode)
		}
	}
	in.shape = shapeOf(&in)
	return in, nil
}
