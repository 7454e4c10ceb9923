package cairoair

import (
	"fmt"
	"slices"
	"strings"
)

// stepRows is the number of trace rows of one Cairo step, the same in every static layout.
const stepRows = 16

// View is a virtual column: the cells of one physical column at rows Offset, Offset+Step, Offset+2·Step, …
type View struct{ Column, Step, Offset int }

// Row returns the trace row of the view's i-th cell.
func (v View) Row(i int) int { return v.Offset + i*v.Step }

// Len returns the number of cells of the view in a trace of n rows.
func (v View) Len(n int) int { return n / v.Step }

// Units is a virtual column of memory units: an address in one cell and its value in the next cell of the same column.
type Units struct{ Addr, Value View }

// units returns the memory units of a column with addresses at rows offset, offset+step, …
func units(column, step, offset int) Units {
	return Units{Addr: View{column, step, offset}, Value: View{column, step, offset + 1}}
}

// Layout is the place of each virtual column on the physical columns. A nil builtin is absent.
type Layout struct {
	Name        string
	Main        int      // number of columns of the main trace
	Interaction int      // number of columns of the interaction trace, numbered after those of the main trace
	Segments    []string // memory segments in the order in which the public input is hashed

	CPU               CPU
	Memory            Memory
	RangeCheck        RangeCheck
	Diluted           *Diluted
	Pedersen          *Pedersen
	RangeCheckBuiltin *RangeCheckBuiltin
	ECDSA             *ECDSA
	Bitwise           *Bitwise
	ECOp              *ECOp
	Keccak            *Keccak
	Poseidon          *Poseidon
}

// CPU holds the virtual columns of the processor, with one instance per step.
type CPU struct {
	Instruction      Units // pc and the instruction at pc
	Dst, Op0, Op1    Units
	Off0, Off1, Off2 View // biased offsets, in the range-check pool
	Flags            View // 16 cells per step: the flag bits shifted right by 0, 1, …, 15
	AP, FP           View
	Mul, Res         View
	Tmp0, Tmp1       View // dst and dst·res, for conditional jumps
}

// Memory holds the memory argument: the accesses in time order, the accesses sorted by address, and the running product.
type Memory struct {
	Pool, Sorted Units
	Public       Units // the units of the pool that represent public memory
	Product      View
}

// RangeCheck holds the 16-bit range check: the values in place, the sorted values, and the running product.
type RangeCheck struct{ Pool, Sorted, Product View }

// Diluted holds the check that values have 16 bits, one every dilutedSpacing bits.
type Diluted struct{ Pool, Sorted, Cumulative, Product View }

// Pedersen holds the Pedersen builtin. It computes len(Hashes) hashes in parallel. Each has two subset sums for one pair of
// inputs, so an instance takes 1/len(Hashes) of the rows of two subset sums.
type Pedersen struct {
	Input0, Input1, Output Units
	Hashes                 []BoundedSum
}

// SubsetSum is a conditional sum of curve points: if bit j of the selector is set, point j is added.
type SubsetSum struct {
	X, Y, Slope, Selector View
	XDiffInv              *View // 1/(x - point's x), which proves that the sum does not meet the point; nil in Pedersen, whose points are constant
}

// BoundedSum is a subset sum that also checks that the selector, as an integer, is below the field's modulus.
type BoundedSum struct {
	Sum                      SubsetSum
	ProdOnes196, ProdOnes192 View // products of bits 251·196 and 251·196·192 of the selector, one cell per sum
}

// RangeCheckBuiltin holds the range-check builtin: a memory unit and its eight 16-bit parts, most significant first.
type RangeCheckBuiltin struct {
	Unit  Units
	Parts View
}

// ECDSA holds the signature builtin.
type ECDSA struct {
	PubKey, Message                Units
	KeyX, KeyY, DoublingSlope      View // repeated doublings of the key
	Generator, Key                 SubsetSum
	AddResultsSlope, AddResultsInv View
	ExtractRSlope, ExtractRInv     View
	ZInv, RWInv, QXSquared         View
}

// Bitwise holds the bitwise builtin.
type Bitwise struct {
	Vars    Units // x, y, x&y, x^y, repeating
	Or      Units
	Diluted View    // sixteen parts of each of Vars
	Trim    [4]View // the highest parts of x|y, shifted so that bits above 250 would leave the diluted form
}

// ECOp holds the builtin that computes r = p + m·q for points p and q.
type ECOp struct {
	PX, PY, QX, QY, M, RX, RY Units
	DoubledX, DoubledY, Slope View // repeated doublings of q
	Multiple                  BoundedSum
}

// Poseidon holds the Poseidon builtin. For full rounds it holds the three elements that are cubed and their squares; for
// partial rounds, the one element that is cubed and its square, in two parts. Partial0 has the first 64 partial rounds,
// Partial1 the last three of these again and the other 19.
type Poseidon struct {
	InOut                     [3]Units // inputs and outputs, alternating
	Full, FullSquared         [3]View
	Partial0, Partial0Squared View
	Partial1, Partial1Squared View
}

// LayoutByName returns the layout with the name in a public input.
func LayoutByName(name string) (*Layout, error) {
	for _, l := range layouts {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("cairoair: layout %q is not supported, want one of %s", name, strings.Join(Layouts(), ", "))
}

// Layouts returns the names of the supported layouts.
func Layouts() []string {
	names := make([]string, len(layouts))
	for i, l := range layouts {
		names[i] = l.Name
	}
	return names
}

// has reports whether the layout has a segment.
func (l *Layout) has(segment string) bool { return slices.Contains(l.Segments, segment) }

// cpuOn returns the places of the processor: memory units in column mem, offsets in the given views of range-check cells,
// registers in column reg from row offset shift.
func cpuOn(mem, flags int, off0, off1, off2 View, reg, shift int) CPU {
	at := func(offset int) View { return View{reg, stepRows, offset + shift} }
	return CPU{
		Instruction: units(mem, stepRows, 0),
		Op0:         units(mem, stepRows, 4),
		Dst:         units(mem, stepRows, 8),
		Op1:         units(mem, stepRows, 12),
		Off0:        off0, Off1: off1, Off2: off2,
		Flags: View{flags, 1, 0},
		AP:    at(0), Tmp0: at(2), Mul: at(4), FP: at(8), Tmp1: at(10), Res: at(12),
	}
}

// jumpOn returns c with the two columns of the conditional jump in places apart from the registers.
func (c CPU) jumpOn(tmp0, tmp1 View) CPU {
	c.Tmp0, c.Tmp1 = tmp0, tmp1
	return c
}
