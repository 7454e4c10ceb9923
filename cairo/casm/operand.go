package casm

import (
	"math"
	"math/big"
	"strconv"
)

// Register is what a cell's address is relative to.
type Register uint8

// The registers.
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

// Shift returns the same cell as named after ap has grown by n; ok is false where the offset leaves 16 bits.
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

// OperandKind says which form an Operand has.
type OperandKind uint8

// The forms of operand.
const (
	Deref       OperandKind = iota // [Cell]
	DoubleDeref                    // [[Cell] + Off]
	Immediate                      // Imm
	BinOp                          // [Cell] Op [B], or [Cell] Op Imm when Imm is set
)

// Operator is a BinOp's operation. Instructions have Add and Mul only; Sub and Div occur in a compiler's expressions,
// where asserting them turns them round.
type Operator uint8

// The operators.
const (
	Add Operator = iota
	Mul
	Sub
	Div
)

func (o Operator) String() string { return string("+*-/"[o]) }

// Operand is a value that an instruction or a hint can name. Imm is shared between operands and never modified.
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

// ImmBig returns an immediate operand; the caller gives v away.
func ImmBig(v *big.Int) Operand { return Operand{Kind: Immediate, Imm: v} }

// AddConst is [c] + v, and plain [c] when v is zero.
func AddConst(c Cell, v int64) Operand {
	if v == 0 {
		return At(c)
	}
	return Operand{Kind: BinOp, Op: Add, Cell: c, Imm: big.NewInt(v)}
}

// hasImm reports whether the operand needs a second word in the bytecode.
func (o *Operand) hasImm() bool { return o.Imm != nil }

// Equal reports whether two operands are written the same way.
func (o *Operand) Equal(p *Operand) bool {
	if o.Kind != p.Kind || o.Op != p.Op || o.Cell != p.Cell || o.Off != p.Off || o.B != p.B || (o.Imm == nil) != (p.Imm == nil) {
		return false
	}
	return o.Imm == nil || o.Imm.Cmp(p.Imm) == 0
}

// Shift returns the same operand as written after ap has grown by n; ok is false where an offset leaves 16 bits.
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

// UsesAP reports whether the operand is relative to ap, so that it is lost when ap changes by an unknown amount.
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

// rhs returns a BinOp's second operand, its cell written with a prefix.
func (o *Operand) rhs(prefix string) string {
	if o.Imm != nil {
		return o.Imm.String()
	}
	return prefix + o.B.String()
}
