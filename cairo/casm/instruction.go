package casm

import (
	"strings"

	"github.com/starkd/starkd/crypto/felt"
)

// Op is the operation of an instruction.
type Op uint8

// Operations, with the text forms of their instructions. Res and Dst are fields of Instruction.
const (
	AddAP        Op = iota // ap += Res
	AssertEq               // Dst = Res
	AssertEqQM31           // {QM31} Dst = Res
	Call                   // call rel|abs Res
	Jump                   // jmp rel|abs Res
	Jnz                    // jmp rel Res if Dst != 0
	Ret                    // ret
	Blake2s                // blake2s: state pointer Res.Cell, message pointer Res.B, byte count Dst
	Blake2sLast            // blake2s with the finalization flag
)

// Instruction is an instruction with the hints that run before it.
type Instruction struct {
	Op       Op
	IncAP    bool // the instruction ends with ", ap++"
	Relative bool // Call and Jump: rel instead of abs
	Dst      Cell
	Res      Operand
	Hints    []Hint
}

// Size returns the number of felts that the instruction takes in the bytecode.
func (i *Instruction) Size() int {
	if i.Op != Ret && i.Op != Blake2s && i.Op != Blake2sLast && i.Res.hasImm() {
		return 2
	}
	return 1
}

// String returns the instruction in the text form of the official compiler. Its hints, in Python, are on the lines before it.
func (i *Instruction) String() string {
	var b strings.Builder
	for k := range i.Hints {
		text := i.Hints[k].python()
		if strings.HasPrefix(text, "\n") {
			b.WriteString("%{" + text + "%}\n")
		} else {
			b.WriteString("%{ " + text + " %}\n")
		}
	}
	b.WriteString(i.body())
	if i.IncAP {
		b.WriteString(", ap++")
	}
	return b.String()
}

// body returns the text of the instruction without its hints and ap++.
func (i *Instruction) body() string {
	mode := "abs "
	if i.Relative {
		mode = "rel "
	}
	switch i.Op {
	case AddAP:
		return "ap += " + i.Res.String()
	case AssertEq:
		return i.Dst.String() + " = " + i.Res.String()
	case AssertEqQM31:
		return "{QM31} " + i.Dst.String() + " = " + i.Res.String()
	case Call:
		return "call " + mode + i.Res.String()
	case Jump:
		return "jmp " + mode + i.Res.String()
	case Jnz:
		return "jmp rel " + i.Res.String() + " if " + i.Dst.String() + " != 0"
	case Ret:
		return "ret"
	}
	last := "false"
	if i.Op == Blake2sLast {
		last = "true"
	}
	return "blake2s[state=" + i.Res.Cell.String() + ", message=" + i.Res.B.String() + ", byte_count=" + i.Dst.String() +
		", finalize=" + last + "] => [ap + 0]"
}

// Append appends the instruction's one or two felts to code. Immediates are reduced modulo the field's prime.
func (i *Instruction) Append(code []felt.Felt) []felt.Felt {
	w := i.word()
	code = append(code, w.encode())
	if i.Size() == 2 {
		code = append(code, felt.FromBigInt(i.Res.Imm))
	}
	return code
}

// word returns the instruction's first felt as a Word.
func (i *Instruction) word() Word {
	w := Word{Off0: -1, Off1: -1, Off2: 1, Flags: FlagDstFP | FlagOp0FP}
	if i.IncAP {
		w.Flags |= FlagAPAdd1
	}
	switch i.Op {
	case AddAP:
		w.setRes(&i.Res)
		w.Flags |= FlagAPAdd
	case AssertEq, AssertEqQM31:
		w.setDst(i.Dst)
		w.setRes(&i.Res)
		w.Flags |= FlagAssertEq
		if i.Op == AssertEqQM31 {
			w.Extension = ExtQM31
		}
	case Call:
		w.setRes(&i.Res)
		w.setJump(i.Relative)
		w.Off0, w.Off1 = 0, 1
		w.Flags = w.Flags&^(FlagDstFP|FlagOp0FP) | FlagCall
	case Jump:
		w.setRes(&i.Res)
		w.setJump(i.Relative)
	case Jnz:
		w.setDst(i.Dst)
		w.setRes(&i.Res)
		w.Flags |= FlagJnz
	case Ret:
		w.Off0, w.Off1, w.Off2 = -2, -1, -1
		w.Flags |= FlagOp1FP | FlagJumpAbs | FlagRet
	case Blake2s, Blake2sLast:
		w.setDst(i.Dst)
		w.Off1, w.Off2 = i.Res.Cell.Off, i.Res.B.Off
		w.Flags = w.Flags&^FlagOp0FP | op0Flag(i.Res.Cell.Reg) | op1Flag(i.Res.B.Reg)
		w.Extension = ExtBlake2s
		if i.Op == Blake2sLast {
			w.Extension = ExtBlake2sLast
		}
	}
	return w
}

// setDst sets the fields of dst.
func (w *Word) setDst(c Cell) {
	w.Off0 = c.Off
	if c.Reg == AP {
		w.Flags &^= FlagDstFP
	}
}

// setJump sets the flag of a relative or absolute jump.
func (w *Word) setJump(relative bool) {
	if relative {
		w.Flags |= FlagJumpRel
	} else {
		w.Flags |= FlagJumpAbs
	}
}

// setRes sets the fields of the right-hand side. An unused op0 stays [fp - 1], which always has a value.
func (w *Word) setRes(o *Operand) {
	switch o.Kind {
	case Deref:
		w.Off2 = o.Cell.Off
		w.Flags |= op1Flag(o.Cell.Reg)
		return
	case Immediate:
		w.Flags |= FlagOp1Imm
		return
	}
	w.Off1 = o.Cell.Off
	w.Flags = w.Flags&^FlagOp0FP | op0Flag(o.Cell.Reg)
	if o.Kind == DoubleDeref {
		w.Off2 = o.Off
		return
	}
	if o.Op == Mul {
		w.Flags |= FlagResMul
	} else {
		w.Flags |= FlagResAdd
	}
	if o.Imm != nil {
		w.Flags |= FlagOp1Imm
		return
	}
	w.Off2 = o.B.Off
	w.Flags |= op1Flag(o.B.Reg)
}

// op0Flag returns the flag for op0's register.
func op0Flag(r Register) Flags {
	if r == FP {
		return FlagOp0FP
	}
	return 0
}

// op1Flag returns the flag for op1's register.
func op1Flag(r Register) Flags {
	if r == FP {
		return FlagOp1FP
	}
	return FlagOp1AP
}
