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

// Row is the trace row of the view's i-th cell.
func (v View) Row(i int) int { return v.Offset + i*v.Step }

// Len is the number of cells of the view in a trace of n rows.
func (v View) Len(n int) int { return n / v.Step }

// Units is a virtual column of memory units: the address in one cell and the value in the next cell of the same column.
type Units struct{ Addr, Value View }

// units returns the memory units of a column whose addresses are at offset, offset+step, …
func units(column, step, offset int) Units {
	return Units{Addr: View{column, step, offset}, Value: View{column, step, offset + 1}}
}

// Layout says where on the physical columns each virtual column lies, and which builtins exist. A nil builtin is absent.
type Layout struct {
	Name     string
	First    int      // columns of the first trace
	Second   int      // columns of the interaction trace; their numbers follow the first trace's
	Segments []string // memory segments in the order in which the public input is hashed

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

// The layouts that this package knows.
var (
	Plain                 = plain()
	Small                 = small()
	Recursive             = recursive()
	RecursiveWithPoseidon = recursiveWithPoseidon()
	Starknet              = starknet()
	Dex                   = dex()
	Perpetual             = perpetual()
	DexWithBitwise        = dexWithBitwise()
	AllSolidity           = allSolidity()
	RecursiveLargeOutput  = recursiveLargeOutput()
	StarknetWithKeccak    = starknetWithKeccak() // verified only
)

var layouts = []*Layout{
	Plain, Small, Dex, Perpetual, DexWithBitwise, AllSolidity, Recursive, RecursiveLargeOutput, RecursiveWithPoseidon, Starknet,
	StarknetWithKeccak,
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

func plain() *Layout {
	return &Layout{
		Name: "plain", First: 6, Second: 2,
		Segments:   []string{"program", "execution"},
		CPU:        cpuOn(3, 1, View{0, 16, 0}, View{0, 16, 8}, View{0, 16, 4}, 5, 0),
		Memory:     Memory{Pool: units(3, 2, 0), Sorted: units(4, 2, 0), Public: units(3, 8, 2), Product: View{7, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{0, 1, 0}, Sorted: View{2, 1, 0}, Product: View{6, 1, 0}},
	}
}

func recursive() *Layout {
	return &Layout{
		Name: "recursive", First: 7, Second: 3,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "bitwise"},
		CPU:        cpuOn(3, 0, View{5, 16, 0}, View{5, 16, 8}, View{5, 16, 4}, 6, 1),
		Memory:     Memory{Pool: units(3, 2, 0), Sorted: units(4, 2, 0), Public: units(3, 16, 2), Product: View{9, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{5, 4, 0}, Sorted: View{5, 4, 2}, Product: View{9, 4, 1}},
		Diluted:    &Diluted{Pool: View{1, 1, 0}, Sorted: View{2, 1, 0}, Cumulative: View{7, 1, 0}, Product: View{8, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(3, 2048, 10), Input1: units(3, 2048, 1034), Output: units(3, 2048, 522),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{5, 4, 1}, Y: View{5, 4, 3}, Slope: View{6, 4, 2}, Selector: View{6, 4, 0}},
				ProdOnes196: View{6, 1024, 1022}, ProdOnes192: View{6, 1024, 7},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(3, 128, 74), Parts: View{5, 16, 12}},
		Bitwise: &Bitwise{
			Vars: units(3, 32, 26), Or: units(3, 128, 42), Diluted: View{1, 2, 0},
			Trim: [4]View{{1, 128, 1}, {1, 128, 65}, {1, 128, 33}, {1, 128, 97}},
		},
	}
}

func small() *Layout {
	hash := func(first, slope int, ones196, ones192 View) BoundedSum {
		return BoundedSum{
			Sum:         SubsetSum{X: View{first, 1, 0}, Y: View{first + 1, 1, 0}, Selector: View{first + 2, 1, 0}, Slope: View{slope, 1, 0}},
			ProdOnes196: ones196, ProdOnes192: ones192,
		}
	}
	return &Layout{
		Name: "small", First: 23, Second: 2,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa"},
		CPU:        cpuOn(19, 1, View{0, 16, 0}, View{0, 16, 8}, View{0, 16, 4}, 21, 0),
		Memory:     Memory{Pool: units(19, 2, 0), Sorted: units(20, 2, 0), Public: units(19, 8, 2), Product: View{24, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{0, 1, 0}, Sorted: View{2, 1, 0}, Product: View{23, 1, 0}},
		Pedersen: &Pedersen{
			Input0: units(19, 128, 6), Input1: units(19, 128, 70), Output: units(19, 128, 38),
			Hashes: []BoundedSum{
				hash(3, 15, View{15, 256, 255}, View{16, 256, 255}),
				hash(6, 16, View{17, 256, 255}, View{18, 256, 255}),
				hash(9, 17, View{22, 256, 16}, View{22, 256, 144}),
				hash(12, 18, View{22, 256, 80}, View{22, 256, 208}),
			},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(19, 128, 102), Parts: View{0, 16, 12}},
		ECDSA: &ECDSA{
			PubKey: units(19, 8192, 22), Message: units(19, 8192, 4118),
			KeyX: View{21, 16, 6}, KeyY: View{21, 16, 14}, DoublingSlope: View{21, 16, 13},
			Generator:       SubsetSum{X: View{21, 32, 7}, Y: View{21, 32, 23}, Slope: View{21, 32, 31}, Selector: View{21, 32, 15}, XDiffInv: &View{22, 32, 0}},
			Key:             SubsetSum{X: View{21, 16, 1}, Y: View{21, 16, 9}, Slope: View{21, 16, 3}, Selector: View{21, 16, 5}, XDiffInv: &View{21, 16, 11}},
			AddResultsSlope: View{21, 8192, 8191}, AddResultsInv: View{22, 8192, 8160},
			ExtractRSlope: View{21, 8192, 4083}, ExtractRInv: View{21, 8192, 8179},
			ZInv: View{21, 8192, 4091}, RWInv: View{21, 4096, 4093}, QXSquared: View{21, 8192, 8187},
		},
	}
}

func recursiveWithPoseidon() *Layout {
	return &Layout{
		Name: "recursive_with_poseidon", First: 6, Second: 2,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "bitwise", "poseidon"},
		CPU:        cpuOn(1, 0, View{4, 16, 0}, View{4, 16, 8}, View{4, 16, 4}, 5, 0),
		Memory:     Memory{Pool: units(1, 2, 0), Sorted: units(2, 2, 0), Public: units(1, 16, 2), Product: View{6, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{4, 4, 0}, Sorted: View{4, 4, 2}, Product: View{7, 4, 1}},
		Diluted:    &Diluted{Pool: View{3, 2, 0}, Sorted: View{3, 2, 1}, Cumulative: View{6, 2, 1}, Product: View{7, 2, 0}},
		Pedersen: &Pedersen{
			Input0: units(1, 4096, 10), Input1: units(1, 4096, 2058), Output: units(1, 4096, 1034),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{4, 8, 1}, Y: View{4, 8, 5}, Slope: View{4, 8, 7}, Selector: View{4, 8, 3}},
				ProdOnes196: View{4, 2048, 2047}, ProdOnes192: View{5, 2048, 57},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(1, 256, 138), Parts: View{4, 32, 12}},
		Bitwise: &Bitwise{
			Vars: units(1, 64, 42), Or: units(1, 256, 74), Diluted: View{3, 4, 0},
			Trim: [4]View{{3, 256, 2}, {3, 256, 130}, {3, 256, 66}, {3, 256, 194}},
		},
		Poseidon: &Poseidon{
			InOut:       [3]Units{units(1, 512, 266), units(1, 512, 202), units(1, 512, 458)},
			Full:        [3]View{{5, 128, 9}, {5, 128, 73}, {5, 128, 41}},
			FullSquared: [3]View{{5, 128, 105}, {5, 128, 25}, {5, 128, 89}},
			Partial0:    View{5, 16, 6}, Partial0Squared: View{5, 16, 14},
			Partial1: View{5, 32, 1}, Partial1Squared: View{5, 32, 17},
		},
	}
}

func starknet() *Layout {
	return &Layout{
		Name: "starknet", First: 9, Second: 1,
		Segments:   []string{"program", "execution", "output", "pedersen", "range_check", "ecdsa", "bitwise", "ec_op", "poseidon"},
		CPU:        cpuOn(5, 0, View{7, 16, 0}, View{7, 16, 8}, View{7, 16, 4}, 8, 0),
		Memory:     Memory{Pool: units(5, 2, 0), Sorted: units(6, 2, 0), Public: units(5, 8, 2), Product: View{9, 2, 0}},
		RangeCheck: RangeCheck{Pool: View{7, 4, 0}, Sorted: View{7, 4, 2}, Product: View{9, 4, 1}},
		Diluted:    &Diluted{Pool: View{7, 8, 1}, Sorted: View{7, 8, 5}, Cumulative: View{9, 8, 3}, Product: View{9, 8, 7}},
		Pedersen: &Pedersen{
			Input0: units(5, 512, 6), Input1: units(5, 512, 262), Output: units(5, 512, 134),
			Hashes: []BoundedSum{{
				Sum:         SubsetSum{X: View{1, 1, 0}, Y: View{2, 1, 0}, Slope: View{4, 1, 0}, Selector: View{3, 1, 0}},
				ProdOnes196: View{4, 256, 255}, ProdOnes192: View{8, 256, 71},
			}},
		},
		RangeCheckBuiltin: &RangeCheckBuiltin{Unit: units(5, 256, 70), Parts: View{7, 32, 12}},
		ECDSA: &ECDSA{
			PubKey: units(5, 32768, 390), Message: units(5, 32768, 16774),
			KeyX: View{8, 64, 1}, KeyY: View{8, 64, 33}, DoublingSlope: View{8, 64, 35},
			Generator:       SubsetSum{X: View{8, 128, 27}, Y: View{8, 128, 91}, Slope: View{8, 128, 123}, Selector: View{8, 128, 59}, XDiffInv: &View{8, 128, 7}},
			Key:             SubsetSum{X: View{8, 64, 17}, Y: View{8, 64, 49}, Slope: View{8, 64, 19}, Selector: View{8, 64, 9}, XDiffInv: &View{8, 64, 51}},
			AddResultsSlope: View{8, 32768, 32763}, AddResultsInv: View{8, 32768, 32647},
			ExtractRSlope: View{8, 32768, 16331}, ExtractRInv: View{8, 32768, 32715},
			ZInv: View{8, 32768, 16363}, RWInv: View{8, 16384, 16355}, QXSquared: View{8, 32768, 32747},
		},
		Bitwise: &Bitwise{
			Vars: units(5, 256, 198), Or: units(5, 1024, 902), Diluted: View{7, 16, 1},
			Trim: [4]View{{7, 1024, 9}, {7, 1024, 521}, {7, 1024, 265}, {7, 1024, 777}},
		},
		ECOp: &ECOp{
			PX: units(5, 16384, 8582), PY: units(5, 16384, 4486), QX: units(5, 16384, 12678), QY: units(5, 16384, 2438),
			M: units(5, 16384, 10630), RX: units(5, 16384, 6534), RY: units(5, 16384, 14726),
			DoubledX: View{8, 64, 41}, DoubledY: View{8, 64, 25}, Slope: View{8, 64, 57},
			Multiple: BoundedSum{
				Sum:         SubsetSum{X: View{8, 64, 5}, Y: View{8, 64, 37}, Slope: View{8, 64, 11}, Selector: View{8, 64, 21}, XDiffInv: &View{8, 64, 43}},
				ProdOnes196: View{8, 16384, 16339}, ProdOnes192: View{8, 16384, 16371},
			},
		},
		Poseidon: &Poseidon{
			InOut:       [3]Units{units(5, 256, 38), units(5, 256, 166), units(5, 256, 102)},
			Full:        [3]View{{8, 64, 53}, {8, 64, 13}, {8, 64, 45}},
			FullSquared: [3]View{{8, 64, 29}, {8, 64, 61}, {8, 64, 3}},
			Partial0:    View{7, 8, 3}, Partial0Squared: View{7, 8, 7},
			Partial1: View{8, 16, 6}, Partial1Squared: View{8, 16, 14},
		},
	}
}
