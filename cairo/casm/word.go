package casm

import (
	"fmt"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
)

// Flags holds the fifteen flags of an instruction word, numbered as in the Cairo paper (section 4.4).
type Flags uint16

// Flags of an instruction word.
const (
	FlagDstFP    Flags = 1 << iota // dst is relative to fp, else ap
	FlagOp0FP                      // op0 is relative to fp, else ap
	FlagOp1Imm                     // op1 is the word after the instruction
	FlagOp1FP                      // op1 is relative to fp
	FlagOp1AP                      // op1 is relative to ap; without any FlagOp1, to the value of op0
	FlagResAdd                     // res = op0 + op1
	FlagResMul                     // res = op0 * op1; without any FlagRes, res = op1
	FlagJumpAbs                    // pc = res
	FlagJumpRel                    // pc += res
	FlagJnz                        // pc += op1 if dst != 0
	FlagAPAdd                      // ap += res
	FlagAPAdd1                     // ap += 1
	FlagCall                       // opcode call
	FlagRet                        // opcode ret
	FlagAssertEq                   // opcode assert_eq
)

// FlagBits is the number of flags.
const FlagBits = 15

// Extension is the opcode extension: bits 63 and up of a word. The Stone prover only knows ExtNone.
type Extension uint8

// Opcode extensions.
const (
	ExtNone Extension = iota
	ExtBlake2s
	ExtBlake2sLast
	ExtQM31
)

// Word is the first felt of an instruction, split into its fields.
type Word struct {
	Off0, Off1, Off2 int16 // offsets of dst, op0 and op1
	Flags            Flags
	Extension        Extension
}

const offsetBias = 1 << 15

// encode returns the word as a felt.
func (w Word) encode() felt.Felt {
	lo := uint64(uint16(int32(w.Off0)+offsetBias)) |
		uint64(uint16(int32(w.Off1)+offsetBias))<<16 |
		uint64(uint16(int32(w.Off2)+offsetBias))<<32 |
		uint64(w.Flags)<<48 |
		uint64(w.Extension)<<63
	return felt.FromUint128(uint64(w.Extension)>>1, lo)
}

// DecodeWord splits a felt into the fields of a word. It rejects flags that have no meaning in the Cairo paper (section 4.5)
// or in an opcode extension. Its error texts are those of the official runners.
func DecodeWord(f felt.Felt) (Word, error) {
	l := f.Limbs()
	if l[2]|l[3] != 0 {
		return Word{}, fmt.Errorf("instruction should be an int (found: %v)", f.BigInt())
	}
	ext := l[0]>>63 | l[1]<<1
	if l[1]>>63 != 0 || ext > uint64(ExtQM31) {
		return Word{}, fmt.Errorf("invalid opcode extension value: %d", ext)
	}
	w := Word{
		Off0:      int16(int32(uint16(l[0])) - offsetBias),
		Off1:      int16(int32(uint16(l[0]>>16)) - offsetBias),
		Off2:      int16(int32(uint16(l[0]>>32)) - offsetBias),
		Flags:     Flags(l[0]>>48) & (1<<FlagBits - 1),
		Extension: Extension(ext),
	}
	return w, w.check()
}

// check returns an error if the word's flags and offsets do not form an instruction.
func (w *Word) check() error {
	has := func(mask Flags) bool { return w.Flags&mask != 0 }
	several := func(mask Flags) bool { return bits.OnesCount16(uint16(w.Flags&mask)) > 1 }
	const (
		op1     = FlagOp1Imm | FlagOp1FP | FlagOp1AP
		res     = FlagResAdd | FlagResMul
		pc      = FlagJumpAbs | FlagJumpRel | FlagJnz
		ap      = FlagAPAdd | FlagAPAdd1
		opcodes = FlagCall | FlagRet | FlagAssertEq
	)
	opcode := w.Flags & opcodes >> 12
	switch {
	case several(op1):
		return fmt.Errorf("invalid op1_register value: %d", w.Flags&op1>>2)
	case several(pc):
		return fmt.Errorf("invalid pc_update value: %d", w.Flags&pc>>7)
	case several(res), has(res) && has(FlagJnz):
		return fmt.Errorf("invalid res value: %d", w.Flags&res>>5)
	case several(opcodes):
		return fmt.Errorf("invalid opcode value: %d", opcode)
	}
	switch w.Extension {
	case ExtBlake2s, ExtBlake2sLast:
		if has(opcodes|res|pc|FlagAPAdd) || !has(FlagOp1FP|FlagOp1AP) {
			return fmt.Errorf("invalid Blake2s flags: %d", w.Flags)
		}
	case ExtQM31:
		if !has(res) || !has(op1) || has(pc|FlagAPAdd) || !has(FlagAssertEq) {
			return fmt.Errorf("invalid QM31 add/mul flags: %d", w.Flags)
		}
	}
	switch {
	case several(ap), has(ap) && has(FlagCall):
		return fmt.Errorf("invalid ap_update value: %d", w.Flags&ap>>10)
	case has(FlagCall) && (w.Off0 != 0 || w.Off1 != 1 || has(FlagDstFP|FlagOp0FP)):
		return fmt.Errorf("invalid opcode value: %d", opcode)
	case has(FlagRet) && (w.Off0 != -2 || w.Off2 != -1 || w.Flags&^(FlagOp0FP|ap) != FlagRet|FlagDstFP|FlagOp1FP|FlagJumpAbs):
		return fmt.Errorf("invalid opcode value: %d", opcode)
	}
	return nil
}
