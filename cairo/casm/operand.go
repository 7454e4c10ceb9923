package casm

import (
	"math"
	"math/big"
	"strconv"
)

// Register is a register to which a cell's address is relative.
type Register uint8

// Registers.
const (
	AP Register = iota
	FP
)

func (r Register) String() string {
	if r == AP {
		return "ap"
	}
	return "fp"
}

// Cell is the memory cell [reg + off].
type Cell struct {
	Reg Register
	Off int16
}

func (c Cell) String() string { return "[" + c.Reg.String() + " + " + strconv.Itoa(int(c.Off)) + "]" }

// Shift returns the same cell relative to an ap that is larger by n; ok is false if the offset does not fit 16 bits.
func (c Cell) Shift(n int) (shifted Cell, ok bool) {
	if c.Reg == FP {
		return c, true
	}
	off := int(c.Off) - n
	if n > math.MaxInt16 || off < math.MinInt16 {
		return c, false
	}
	return Cell{AP, int16(off)}, true
}

// OperandKind is the form of an Operand.
type OperandKind uint8

// Forms of operands.
const (
	Deref       OperandKind = iota // [Cell]
	DoubleDeref                    // [[Cell] + Off]
	Immediate                      // Imm
	BinOp                          // [Cell] Op [B], or [Cell] Op Imm if Imm is not nil
)

// Operator is the operation of a BinOp. Instructions only have Add and Mul. Sub and Div occur in a compiler's expressions; to
// assert a = b - c, it asserts b = a + c.
type Operator uint8

// Operators.
const (
	Add Operator = iota
	Mul
	Sub
	Div
)

func (o Operator) String() string { return string("+*-/"[o]) }

// Operand is a value that an instruction or a hint refers to. Imm may be shared between operands and must not be modified.
type Operand struct {
	Kind OperandKind
	Op   Operator
	Cell Cell
	Off  int16
	B    Cell
	Imm  *big.Int
}

// At returns the operand [c].
func At(c Cell) Operand { return Operand{Kind: Deref, Cell: c} }

// Imm returns a small immediate operand.
func Imm(v int64) Operand { return Operand{Kind: Immediate, Imm: big.NewInt(v)} }

// ImmBig returns an immediate operand, which keeps v.
func ImmBig(v *big.Int) Operand { return Operand{Kind: Immediate, Imm: v} }

// AddConst returns the operand [c] + v, or [c] if v is zero.
func AddConst(c Cell, v int64) Operand {
	if v == 0 {
		return At(c)
	}
	return Operand{Kind: BinOp, Op: Add, Cell: c, Imm: big.NewInt(v)}
}

// hasImm reports whether the operand has an immediate, which takes a second felt in the bytecode.
func (o *Operand) hasImm() bool { return o.Imm != nil }

// Equal reports whether two operands have the same form and the same parts.
func (o *Operand) Equal(p *Operand) bool {
	if o.Kind != p.Kind || o.Op != p.Op || o.Cell != p.Cell || o.Off != p.Off || o.B != p.B || (o.Imm == nil) != (p.Imm == nil) {
		return false
	}
	return o.Imm == nil || o.Imm.Cmp(p.Imm) == 0
}

// Shift returns the same operand relative to an ap that is larger by n; ok is false if an offset does not fit 16 bits.
func (o Operand) Shift(n int) (shifted Operand, ok bool) {
	if o.Kind == Immediate {
		return o, true
	}
	if o.Cell, ok = o.Cell.Shift(n); !ok {
		return o, false
	}
	if o.Kind == BinOp && o.Imm == nil {
		o.B, ok = o.B.Shift(n)
	}
	return o, ok
}

// UsesAP reports whether the operand is relative to ap. Such an operand is lost if ap changes by an unknown amount.
func (o *Operand) UsesAP() bool {
	switch o.Kind {
	case Immediate:
		return false
	case BinOp:
		return o.Cell.Reg == AP || (o.Imm == nil && o.B.Reg == AP)
	}
	return o.Cell.Reg == AP
}

func (o Operand) String() string {
	switch o.Kind {
	case Deref:
		return o.Cell.String()
	case DoubleDeref:
		return "[" + o.Cell.String() + " + " + strconv.Itoa(int(o.Off)) + "]"
	case Immediate:
		return o.Imm.String()
	}
	return o.Cell.String() + " " + o.Op.String() + " " + o.rhs("")
}

// rhs returns the text of a BinOp's second operand. A cell is written with a prefix.
func (o *Operand) rhs(prefix string) string {
	if o.Imm != nil {
		return o.Imm.String()
	}
	return prefix + o.B.String()
}
