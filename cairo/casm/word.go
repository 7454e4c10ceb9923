package casm

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
)

// Flags are an instruction word's fifteen flags, by the numbering of the Cairo paper (section 4.4).
type Flags uint16

// The flags.
const (
	FlagDstFP    Flags = 1 << iota // dst is relative to fp, else ap
	FlagOp0FP                      // op0 is relative to fp, else ap
	FlagOp1Imm                     // op1 is the word after the instruction
	FlagOp1FP                      // op1 is relative to fp
	FlagOp1AP                      // op1 is relative to ap; none of the three: to op0's value
	FlagResAdd                     // res = op0 + op1
	FlagResMul                     // res = op0 * op1; neither: res = op1
	FlagJumpAbs                    // pc = res
	FlagJumpRel                    // pc += res
	FlagJnz                        // pc += op1 if dst != 0
	FlagAPAdd                      // ap += res
	FlagAPAdd1                     // ap += 1
	FlagCall                       // opcode call
	FlagRet                        // opcode ret
	FlagAssertEq                   // opcode assert_eq
)

// Extension is the opcode extension, bits 63 and up of a word. Only ExtNone is known to the Stone prover.
type Extension uint8

// The opcode extensions.
const (
	ExtNone Extension = iota
	ExtBlake2s
	ExtBlake2sLast
	ExtQM31
)

// Word is an instruction's first felt, taken apart.
type Word struct {
	Off0, Off1, Off2 int16 // dst, op0, op1
	Flags            Flags
	Extension        Extension
}

const offsetBias = 1 << 15

// Encode packs the word into a felt.
func (w Word) Encode() felt.Felt {
	lo := uint64(uint16(int32(w.Off0)+offsetBias)) |
		uint64(uint16(int32(w.Off1)+offsetBias))<<16 |
		uint64(uint16(int32(w.Off2)+offsetBias))<<32 |
		uint64(w.Flags)<<48 |
		uint64(w.Extension)<<63
	return felt.FromUint128(uint64(w.Extension)>>1, lo)
}

// ErrNotInstruction is what DecodeWord and Decode return, wrapped, for a felt that encodes no instruction.
var ErrNotInstruction = errors.New("not an instruction")

// DecodeWord takes a felt apart and checks that its flags form an instruction.
func DecodeWord(f felt.Felt) (Word, error) {
	l := f.Limbs()
	if l[1] > 1 || l[2]|l[3] != 0 {
		return Word{}, fmt.Errorf("casm: word %v: %w: exceeds 65 bits", f, ErrNotInstruction)
	}
	w := Word{
		Off0:      int16(int32(uint16(l[0])) - offsetBias),
		Off1:      int16(int32(uint16(l[0]>>16)) - offsetBias),
		Off2:      int16(int32(uint16(l[0]>>32)) - offsetBias),
		Flags:     Flags(l[0]>>48) & (1<<15 - 1),
		Extension: Extension(l[0]>>63 | l[1]<<1),
	}
	for _, group := range [...]struct {
		name string
		mask Flags
	}{
		{"op1 source", FlagOp1Imm | FlagOp1FP | FlagOp1AP},
		{"res logic", FlagResAdd | FlagResMul},
		{"pc update", FlagJumpAbs | FlagJumpRel | FlagJnz},
		{"ap update", FlagAPAdd | FlagAPAdd1},
		{"opcode", FlagCall | FlagRet | FlagAssertEq},
	} {
		if bits.OnesCount16(uint16(w.Flags&group.mask)) > 1 {
			return Word{}, fmt.Errorf("casm: word %v: %w: more than one %s flag", f, ErrNotInstruction, group.name)
		}
	}
	return w, nil
}

// Decode reads the instruction at the start of code, the inverse of Instruction.Append: it accepts the words that some
// Instruction assembles to and refuses the rest, of which a machine may still be able to run some.
func Decode(code []felt.Felt) (Instruction, error) {
	if len(code) == 0 {
		return Instruction{}, fmt.Errorf("casm: %w: no code left", ErrNotInstruction)
	}
	w, err := DecodeWord(code[0])
	if err != nil {
		return Instruction{}, err
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
		return Instruction{}, fmt.Errorf("casm: word %v: %w: immediate missing", code[0], ErrNotInstruction)
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
		return Instruction{}, fmt.Errorf("casm: word %v: %w: does nothing", code[0], ErrNotInstruction)
	}
	if i.Word() != w {
		return Instruction{}, fmt.Errorf("casm: word %v: %w: flags or offsets that no instruction has", code[0], ErrNotInstruction)
	}
	return i, nil
}
