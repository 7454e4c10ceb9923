package preprocessed

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// A felt has 28 limbs of 9 bits. A row of the table of points is the x and the y of a point.
const (
	limbs    = 28
	limbBits = 9
	rowLimbs = 2 * limbs
)

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

// windows returns the number of windows, those of padding not included.
func (t *pedersenTable) windows() int { return 2 * limbs * limbBits / t.width }

func (t *pedersenTable) logSize() int { return t.width + bits.Len(uint(t.windows()-1)) }

// columns returns the columns of the table: the limbs of x, then those of y.
func (t *pedersenTable) columns() []Column {
	list := make([]Column, rowLimbs)
	for k := range list {
		list[k] = Column{fmt.Sprintf("%s_%d", t.name, k), t.logSize(), func(out []m31.M31, first int) {
			for len(out) > 0 {
				points := t.window(first >> t.width)
				start := first & (1<<t.width - 1)
				n := min(len(out), len(points)-start)
				fillLimb(out[:n], points[start:], k)
				out, first = out[n:], first+n
			}
		}}
	}
	return list
}

// window returns the points of window k, or those of a window of padding.
func (t *pedersenTable) window(k int) []starkcurve.Point {
	if t == pedersen9 {
		return windows9()[k]
	}
	return t.makeWindow(k)
}

func (t *pedersenTable) makeWindow(k int) []starkcurve.Point {
	if k < t.windows() {
		return pedersen.Window(t.width, k)
	}
	points := make([]starkcurve.Point, 1<<t.width)
	first := pedersen.Shift.Neg()
	for i := range points {
		points[i] = first
	}
	return points
}

// windows9 keeps the points of the small table, 2 MiB.
var windows9 = sync.OnceValue(func() [][]starkcurve.Point {
	list := make([][]starkcurve.Point, 1<<(pedersen9.logSize()-pedersen9.width))
	for k := range list {
		list[k] = pedersen9.makeWindow(k)
	}
	return list
})

// fillLimb sets out to limb k of the rows of points.
func fillLimb(out []m31.M31, points []starkcurve.Point, k int) {
	for i := range out {
		x := &points[i].X
		if k >= limbs {
			x = &points[i].Y
		}
		out[i] = m31.M31(limb(x, k%limbs, limbBits))
	}
}
