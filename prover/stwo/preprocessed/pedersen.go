package preprocessed

import (
	"math/bits"
	"sync"

	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// A felt has 28 limbs of 9 bits. A row of the table of points is the x and the y of a point.
const (
	limbs    = 28
	limbBits = 9
	rowLimbs = 2 * limbs
)

// Row is a row of the table of points: x and y as words of 64 bits, low first.
type Row [2][4]uint64

// pedersenTable is a table of the points that Pedersen's hash adds: those of all windows of the two inputs, one after another. Padding repeats
// row 0.
type pedersenTable struct {
	name  string
	width int // of a window in bits
}

var (
	pedersen9  = &pedersenTable{"pedersen_points_small", 9}
	pedersen18 = &pedersenTable{"pedersen_points", 18}
)

// windows returns the number of windows, without those of padding.
func (t *pedersenTable) windows() int { return 2 * limbs * limbBits / t.width }

func (t *pedersenTable) logSize() int { return t.width + bits.Len(uint(t.windows()-1)) }

// columns returns the columns of the table: the limbs of x, then those of y. rows, if not nil, returns rows from first on, at least one.
func (t *pedersenTable) columns(rows func(first int) []Row) []Column {
	kind := points9
	if t == pedersen18 {
		kind = points18
	}
	list := make([]Column, rowLimbs)
	for k := range list {
		list[k] = Column{numbered(t.name, k), t.logSize(), kind, k, 0, rows}
	}
	return list
}

// fillPoints sets out to the cells of a column of points from row first on.
func (c *Column) fillPoints(out []m31.M31, first int) {
	rows := c.rows
	switch {
	case rows != nil:
	case c.kind == points9:
		rows = pedersen9.keptRows
	default:
		rows = pedersen18.madeRows
	}
	for k := c.a; len(out) > 0; {
		part := rows(first)
		n := min(len(out), len(part))
		for i := range out[:n] {
			out[i] = m31.M31(limb(&part[i][k/limbs], k%limbs, limbBits))
		}
		out, first = out[n:], first+n
	}
}

// window returns the rows of window k, which may be one of padding.
func (t *pedersenTable) window(k int) []Row {
	rows := make([]Row, 1<<t.width)
	if k >= t.windows() {
		first := pedersen.Shift.Neg()
		for i := range rows {
			rows[i] = Row{first.X.Limbs(), first.Y.Limbs()}
		}
		return rows
	}
	points := pedersen.Window(t.width, k)
	for i := range rows {
		rows[i] = Row{points[i].X.Limbs(), points[i].Y.Limbs()}
	}
	return rows
}

// madeRows returns the rows of the window of row first from first on. It makes the window for each call.
func (t *pedersenTable) madeRows(first int) []Row {
	return t.window(first >> t.width)[first&(1<<t.width-1):]
}

// keptRows returns all rows of pedersen9 from first on. They are made once.
func (t *pedersenTable) keptRows(first int) []Row {
	kept.once.Do(func() {
		kept.rows = make([]Row, 1<<t.logSize())
		parallel.For(len(kept.rows)>>t.width, func(k int) { copy(kept.rows[k<<t.width:], t.window(k)) })
	})
	return kept.rows[first:]
}

var kept struct {
	once sync.Once
	rows []Row
}

// Points returns the number of rows of the variant's table of points, and a function that makes the rows from first on, at least one. There are none
// if it has no such table, or one that is small enough to be kept in memory.
func (v Variant) Points() (rows int, make func(first int) []Row) {
	if v != Canonical {
		return 0, nil
	}
	return 1 << pedersen18.logSize(), pedersen18.madeRows
}

// ColumnsFrom returns the columns of the variant, which take the rows of its table of points from rows. Their values are then there much sooner.
func (v Variant) ColumnsFrom(rows []Row) []Column {
	if v != Canonical {
		return v.Columns()
	}
	return list(canonicalLog, pedersen18, func(first int) []Row { return rows[first:] })
}
