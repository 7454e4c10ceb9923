package pedersen

import (
	"fmt"

	"github.com/starkd/starkd/crypto/starkcurve"
)

// inputBits is the number of bits of an input.
const inputBits = 252

// Window returns the summands of a hash for a window of width bits of an input: point v is what the window with the value v adds to the sum,
// minus Shift. The subtraction keeps point 0 from being the point at infinity. The first input has the windows from 0 to 252/width-1, from its
// lowest bits up, the second input the windows after them.
func Window(width, window int) []starkcurve.Point {
	n := inputBits / width
	if width <= 0 || inputBits%width != 0 || window < 0 || window >= 2*n {
		panic(fmt.Sprintf("pedersen: no window %d of %d bits", window, width))
	}
	points := make([]starkcurve.Affine, 1, 1<<width)
	points[0].X = shift.X
	points[0].Y.Neg(&shift.Y)
	for _, bit := range bitPoints(window/n, window%n*width, width) {
		n := len(points)
		points = points[:2*n]
		pairs := make([]starkcurve.Pair, n)
		for i := range pairs {
			pairs[i] = starkcurve.Pair{C: &points[n+i], A: &points[i], B: &bit}
		}
		starkcurve.AddPairs(pairs)
	}
	list := make([]starkcurve.Point, len(points))
	for i, p := range points {
		list[i] = starkcurve.Point{X: p.X, Y: p.Y}
	}
	return list
}

// bitPoints returns what n bits of an input add to a hash's sum, from the given bit on.
func bitPoints(input, from, n int) []starkcurve.Affine {
	const low = 8 * (positions - 1) // the bits of the first base point
	first := starkcurve.Powers(affine(&Bases[input][0]), 1, min(from+n, low))
	points := first[min(from, len(first)):]
	if high := from + n - low; high > 0 {
		points = append(points, starkcurve.Powers(affine(&Bases[input][1]), 1, high)[max(0, from-low):]...)
	}
	return points
}
