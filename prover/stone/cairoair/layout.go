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

// Units is a virtual column of memory units: the address in one cell and the value in the next cell of the same column.
type Units struct{ Addr, Value View }

// units returns the memory units of a column whose addresses are at offset, offset+step, …
func units(column, step, offset int) Units {
	return Units{Addr: View{column, step, offset}, Value: View{column, step, offset + 1}}
}

// Layout says where on the physical columns each virtual column lies, and which builtins exist. A nil builtin is absent.
type Layout struct {
	Name        string
	Main        int      // columns of the main trace
	Interaction int      // columns of the interaction trace; their numbers follow the main trace's
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

// CPU holds the virtual columns of the processor: one instance a step.
type CPU struct {
	Instruction      Units // pc and the instruction there
	Dst, Op0, Op1    Units
	Off0, Off1, Off2 View // biased offsets, in the range-check pool
	Flags            View // 16 cells a step: the flag bits shifted right by 0, 1, …, 15
	AP, FP           View
	Mul, Res         View
	Tmp0, Tmp1       View // of the conditional jump: dst and dst·res
}

// Memory holds the memory argument: the accesses in time order, the same sorted by address, and the running product.
type Memory struct {
	Pool, Sorted Units
	Public       Units // the units of the pool that stand for public memory
	Product      View
}

// RangeCheck holds the 16-bit range check: the values in place, sorted, and the running product.
type RangeCheck struct{ Pool, Sorted, Product View }

// Diluted holds the check that values are 16 bits spread out, one every `dilutedSpacing` bits.
type Diluted struct{ Pool, Sorted, Cumulative, Product View }

// Pedersen holds the Pedersen builtin. Hashes run in parallel, one beside the other; each takes two subset sums for one input
// pair, so that an instance takes 1/len(Hashes) of that many rows.
type Pedersen struct {
	Input0, Input1, Output Units
	Hashes                 []BoundedSum
}

// SubsetSum is a conditional sum of curve points: where bit j of the selector is set, point j is added.
type SubsetSum struct {
	X, Y, Slope, Selector View
	XDiffInv              *View // 1/(x - point's x), where the selector is not known to be the prover's own
}

// BoundedSum is a subset sum whose selector is the only integer below the field's modulus that stands for its element.
type BoundedSum struct {
	Sum                      SubsetSum
	ProdOnes196, ProdOnes192 View // products of the selector's bits 251·196 and 251·196·192, one for each sum
}

// RangeCheckBuiltin holds the range-check builtin: a memory unit and its eight 16-bit parts, the highest first.
type RangeCheckBuiltin struct {
	Unit  Units
	Parts View
}

// ECDSA holds the signature builtin.
type ECDSA struct {
	PubKey, Message                Units
	KeyX, KeyY, DoublingSlope      View // the public key doubled again and again
	Generator, Key                 SubsetSum
	AddResultsSlope, AddResultsInv View
	ExtractRSlope, ExtractRInv     View
	ZInv, RWInv, QXSquared         View
}

// Bitwise holds the bitwise builtin.
type Bitwise struct {
	Vars    Units // x, y, x&y, x^y in turn
	Or      Units
	Diluted View    // sixteen parts of each of Vars
	Trim    [4]View // the highest parts once more, shifted so that the bits above 250 do not fit
}

// ECOp holds the builtin that computes r = p + m·q for points p and q.
type ECOp struct {
	PX, PY, QX, QY, M, RX, RY Units
	DoubledX, DoubledY, Slope View // q doubled again and again
	Multiple                  BoundedSum
}

// Poseidon holds the Poseidon builtin. The full rounds keep the three elements that are cubed and their squares; the partial
// rounds the one element that is cubed and its square, in two parts: Partial0 has the first 64 rounds, Partial1 the last
// three of those once more and the other 19.
type Poseidon struct {
	InOut                     [3]Units // inputs and outputs in turn
	Full, FullSquared         [3]View
	Partial0, Partial0Squared View
	Partial1, Partial1Squared View
}

// LayoutByName finds a layout by the name that a public input states.
func LayoutByName(name string) (*Layout, error) {
	for _, l := range layouts {
		if l.Name == name {
			return l, nil
		}
	}
	return nil, fmt.Errorf("cairoair: layout %q is not supported (%s are)", name, strings.Join(Layouts(), ", "))
}

// Layouts returns the names of the layouts that New accepts.
func Layouts() []string {
	names := make([]string, len(layouts))
	for i, l := range layouts {
		names[i] = l.Name
	}
	return names
}

// has reports whether the layout has a segment.
func (l *Layout) has(segment string) bool { return slices.Contains(l.Segments, segment) }

// cpuOn places the processor: memory units in column mem, offsets in view rc (one cell of four used), registers in column
// reg from row offset shift.
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

// jumpOn places the two columns of the conditional jump apart from the registers.
func (c CPU) jumpOn(tmp0, tmp1 View) CPU {
	c.Tmp0, c.Tmp1 = tmp0, tmp1
	return c
}
