package vm

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

// code is the decoded form of a segment that pc visits.
type code struct {
	at     []instruction // by offset; grown and decoded on demand unless sealed
	hints  [][]HintFunc
	index  map[uint64]uint32 // offset → 1 + index in hints
	sealed bool              // belongs to a class and many machines: never written
}

// add attaches hints to the instruction at an offset.
func (c *code) add(offset uint64, hints []HintFunc) {
	if c.index == nil {
		c.index = make(map[uint64]uint32)
	}
	i := c.index[offset]
	if i == 0 {
		c.hints = append(c.hints, nil)
		i = uint32(len(c.hints))
		c.index[offset] = i
	}
	c.hints[i-1] = append(c.hints[i-1], hints...)
	if offset < uint64(len(c.at)) {
		c.at[offset].hints = i
	}
}

// decodeAt decodes the instruction at offset off of s and remembers it.
func (m *Machine) decodeAt(s *segment, pc Addr) (*instruction, error) {
	v, ok := m.Memory.Get(pc)
	if !ok {
		return nil, memErrorf(pc, "unknown value for memory cell %v", pc)
	}
	word, ok := v.Felt()
	if !ok {
		return nil, memErrorf(pc, "instruction should be an int (found: %v)", v)
	}
	in, err := decode(word)
	if err != nil {
		return nil, err
	}
	if in.op1 == op1Imm && in.off2 == 1 {
		if v, ok := m.Memory.Get(pc.Add(1)); ok {
			if f, ok := v.Felt(); ok {
				in.imm, in.immSmall = smallFelt(f)
			}
		}
	}
	if s.code == nil {
		s.code = &code{}
	}
	c := s.code
	in.hints = c.index[pc.Offset]
	if c.sealed {
		return &in, nil
	}
	if n := pc.Offset + 1; n > uint64(len(c.at)) {
		c.at = append(c.at, make([]instruction, max(n, uint64(len(s.cells)))-uint64(len(c.at)))...)
	}
	c.at[pc.Offset] = in
	return &c.at[pc.Offset], nil
}
