// Package preprocessed contains the preprocessed trace of S-two's Cairo AIR: columns that do not depend on a run. Row numbers, xor tables, range
// checks and tables of constants (Blake2s, Poseidon, Pedersen). A verifier knows the root of the Merkle tree of their extensions.
//
// There are three variants, which differ in the largest column of row numbers and in the table of Pedersen's points. The columns of a variant
// are ordered by size. The reference is stwo-cairo-common 1.3.0.
package preprocessed

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Variant is a preprocessed trace.
type Variant int

// The variants.
const (
	Canonical                Variant = iota // row numbers up to 2^25, Pedersen's points in windows of 18 bits
	CanonicalWithoutPedersen                // row numbers up to 2^25
	CanonicalSmall                          // row numbers up to 2^20, Pedersen's points in windows of 9 bits
	variantCount
)

var variantNames = [variantCount]string{"canonical", "canonical_without_pedersen", "canonical_small"}

// String returns the name in parameters and proofs.
func (v Variant) String() string { return variantNames[v] }

// ParseVariant returns the variant with that name.
func ParseVariant(name string) (Variant, error) {
	if k := slices.Index(variantNames[:], name); k >= 0 {
		return Variant(k), nil
	}
	return 0, fmt.Errorf("preprocessed: unknown variant %.40q", name)
}

// Column is a preprocessed column.
type Column struct {
	ID      string
	LogSize int

	// Says what the cells are. A function would compute them, but a verifier needs only names and sizes and would then contain the code of the tables.
	kind kind
	a, b int                   // see kind
	rows func(first int) []Row // of a table of points; nil means those that Fill makes
}

// kind says what the cells of a column are.
type kind uint8

const (
	rowNumbers  kind = iota
	xorCells         // of two numbers of a bits: the first for b = 0, the second for 1, their xor for 2
	rangeCells       // a bits of the row number, above b others
	poseidonKey      // limb a
	blakeSigma       // number a
	points9          // limb a, of windows of 9 bits
	points18         // limb a, of windows of 18 bits
)

// Fill sets out to the cells of the column from row first on.
func (c *Column) Fill(out []m31.M31, first int) {
	if c.kind == points9 || c.kind == points18 {
		c.fillPoints(out, first)
		return
	}
	cell := c.cell()
	for i := range out {
		out[i] = m31.M31(cell(first + i))
	}
}

// cell returns the function from a row to its cell, of a column that is not one of points.
func (c *Column) cell() func(row int) uint32 {
	a, b := c.a, c.b
	switch c.kind {
	case xorCells:
		below := 1<<a - 1
		switch b {
		case 0:
			return func(row int) uint32 { return uint32(row >> a) }
		case 1:
			return func(row int) uint32 { return uint32(row & below) }
		}
		return func(row int) uint32 { return uint32(row>>a ^ row&below) }
	case rangeCells:
		return func(row int) uint32 { return uint32(row>>b) & (1<<a - 1) }
	case poseidonKey:
		keys := packedKeys()
		return func(row int) uint32 { return keys[padded(row, poseidonRows)][a] }
	case blakeSigma:
		return func(row int) uint32 { return uint32(blake.Sigma[padded(row, len(blake.Sigma))][a]) }
	}
	return func(row int) uint32 { return uint32(row) }
}

// Values returns all cells of the column.
func (c *Column) Values() []m31.M31 {
	out := make([]m31.M31, 1<<c.LogSize)
	c.Fill(out, 0)
	return out
}

// Columns returns the columns of the variant in their order. Treat the slice as a constant.
func (v Variant) Columns() []Column { return columns[v]() }

var columns = [variantCount]func() []Column{
	sync.OnceValue(func() []Column { return list(canonicalLog, pedersen18, nil) }),
	sync.OnceValue(func() []Column { return list(canonicalLog, nil, nil) }),
	sync.OnceValue(func() []Column { return list(smallLog, pedersen9, nil) }),
}

// canonicalLog and smallLog are log2 of the largest columns of row numbers.
const canonicalLog, smallLog = 25, 20

const leastRowNumbers = 4 // log2 of the smallest column of row numbers

// xorBits and rangeChecks are the tables of the variants. The table of a range check has all tuples of numbers of the given bits.
var (
	xorBits     = []int{4, 7, 8, 9, 10}
	rangeChecks = [][]int{{4, 3}, {4, 4}, {9, 9}, {7, 2, 5}, {3, 6, 6, 3}, {4, 4, 4, 4}, {3, 3, 3, 3, 3}}
)

// list returns the columns of a variant with row numbers up to 2^largest and the table of points, if not nil. The table has the given rows, or, for nil,
// those that Fill makes.
func list(largest int, points *pedersenTable, rows func(first int) []Row) []Column {
	var l []Column
	add := func(id string, logSize int, kind kind, a, b int) { l = append(l, Column{id, logSize, kind, a, b, nil}) }
	for n := leastRowNumbers; n <= largest; n++ {
		add(numbered("seq", n), n, rowNumbers, 0, 0)
	}
	for _, n := range xorBits {
		for k := range 3 {
			add(numbered("bitwise_xor", n, k), 2*n, xorCells, n, k)
		}
	}
	for _, widths := range rangeChecks {
		total := 0
		for _, w := range widths {
			total += w
		}
		name := numbered("range_check", widths...) + "_column"
		below := total // bits of the numbers after column k
		for k, w := range widths {
			below -= w
			add(numbered(name, k), total, rangeCells, w, below)
		}
	}
	for k := range 3 * packedLimbs {
		add(numbered("poseidon_round_keys", k), 6, poseidonKey, k, 0)
	}
	for k := range len(blake.Sigma[0]) {
		add(numbered("blake_sigma", k), 4, blakeSigma, k, 0)
	}
	if points != nil {
		l = append(l, points.columns(rows)...)
	}
	sort.SliceStable(l, func(i, j int) bool { return l[i].LogSize < l[j].LogSize })
	return l
}

// numbered returns a name with numbers, all joined by underscores.
func numbered(name string, numbers ...int) string {
	for _, n := range numbers {
		name += "_" + strconv.Itoa(n)
	}
	return name
}

// padded returns row, or 0 for a row after the table, which has the given number of rows.
func padded(row, rows int) int {
	if row < rows {
		return row
	}
	return 0
}

const (
	packedLimbs  = 10 // limbs of 27 bits of a felt
	packedBits   = 27
	poseidonRows = 35
)

// PoseidonKeys returns what the rows of Poseidon's components add. The first and the last four rows are full rounds: a row adds the constants
// of the next round, the last row none. The rows between are three partial rounds each. In a partial round only z, what the S-box cubes, is not
// linear. With the constants k, l, m of a round and without x and y, the two other numbers of the state,
//
//	z[n] = 8·z[n-3]³ + 4·z[n-2] + 6·z[n-2]³ + 2·z[n-1] - 2·z[n-1]³ + 2·h[n]
//	h[n] = k[n-2] - l[n-2] - 2·m[n-2] + (k[n-1] + l[n-1])/2 - m[n-1] + m[n]/2
//
// and h[n] is what the rows have for n from 7 on.
func PoseidonKeys() *[poseidonRows][3]felt.Felt {
	const fullRows, firstPartial = 4, 7
	c := poseidon.RoundConstants()
	rows := new([poseidonRows][3]felt.Felt)
	copy(rows[:fullRows], c[1:])
	copy(rows[poseidonRows-fullRows:], c[len(c)-fullRows+1:])
	half := felt.FromUint64(2)
	half.Inverse(&half)
	for i := range 3 * (poseidonRows - 2*fullRows) {
		n := firstPartial + i
		const k, l, m = 0, 1, 2
		var twice felt.Felt // 2·h[n]
		for _, term := range []struct {
			factor int64
			of     felt.Felt
		}{{2, c[n-2][k]}, {-2, c[n-2][l]}, {-4, c[n-2][m]}, {1, c[n-1][k]}, {1, c[n-1][l]}, {-2, c[n-1][m]}, {1, c[n][m]}} {
			f := felt.FromInt64(term.factor)
			twice.Add(&twice, f.Mul(&f, &term.of))
		}
		rows[fullRows+i/3][i%3].Mul(&twice, &half)
	}
	return rows
}

// packedKeys returns the rows of PoseidonKeys in limbs of 27 bits. They are made once.
func packedKeys() *[poseidonRows][3 * packedLimbs]uint32 {
	packed.once.Do(func() {
		for i, keys := range PoseidonKeys() {
			for k := range packed.rows[i] {
				words := keys[k/packedLimbs].Limbs()
				packed.rows[i][k] = limb(&words, k%packedLimbs, packedBits)
			}
		}
	})
	return &packed.rows
}

var packed struct {
	once sync.Once
	rows [poseidonRows][3 * packedLimbs]uint32
}

// limb returns limb k of a number in limbs of the given bits.
func limb(words *[4]uint64, k, bits int) uint32 {
	at := k * bits
	v := words[at/64] >> (at % 64)
	if at/64 < 3 && at%64 != 0 {
		v |= words[at/64+1] << (64 - at%64)
	}
	return uint32(v & (1<<bits - 1))
}
