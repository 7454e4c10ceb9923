package cairoair

import (
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/wide"
)

// Points of the Stark curve y² = x³ + x + b modulo P, in affine coordinates of 28 limbs of 9 bits.

// curvePoint is a point in a row.
type curvePoint struct{ x, y []air.Expr }

func (p curvePoint) words() []air.Expr { return slices.Concat(p.x, p.y) }

// pointWords is the number of words of a point.
const pointWords = 2 * limbs252

// pointOf returns the point with the given words.
func pointOf(words []air.Expr) curvePoint {
	return curvePoint{words[:limbs252], words[limbs252:pointWords]}
}

// pointColumns adds columns for a point's words.
func pointColumns(b *air.Builder, name string, words []air.Expr) curvePoint {
	p := pointOf(words)
	return curvePoint{limbColumns(b, name+"_x", p.x), limbColumns(b, name+"_y", p.y)}
}

// verifyReduced states that limbs of 9 bits are those of a number below P. The highest limb of P is 256, the next that is not 0 is limb 21 with
// 136, and the lowest is 1. So a number is below P if
//
//	limb 27 is at most 255, or
//	limb 27 is 256, limbs 22 to 26 are 0, and limb 21 is at most 135, or
//	limb 27 is 256, limbs 22 to 26 are 0, limb 21 is 136, and all lower limbs are 0.
func verifyReduced(b *air.Builder, limbs []air.Expr) {
	high := limbs[27].Minus(starkPrime[27]).IsZero()
	mid := limbs[21].Minus(starkPrime[21]).IsZero()
	top := b.Column("ms_limb_is_max", high)
	both := b.Column("ms_and_mid_limbs_are_max", high.Mul(mid))
	b.Constrain("ms_limb_is_max is a bit", top.Mul(top.Not()))
	b.Constrain("ms_and_mid_limbs_are_max is a bit", both.Mul(both.Not()))
	b.Use(rangeCheck8, limbs[27].Sub(top))
	b.Constrain("limbs 22 to 26 are 0 if the highest is that of the prime", top.Mul(air.Sum(limbs[22:27]...)))
	// At most 255 means that limb 21 is at most 135, or 136 with both.
	b.Use(rangeCheck8, equalColumn(b, "rc_input", top.Mul(limbs[21].Plus(255-(starkPrime[21]-1)).Sub(both))))
	b.Constrain("limbs 0 to 20 are 0 if the others are those of the prime", both.Mul(air.Sum(limbs[:21]...)))
}

// chord adds columns for a slope and for the third point of the line through p with that slope, mirrored, where q is the other point of the
// line or p again:
//
//	slope·width = height,   x = slope² - p.x - q.x,   y = slope·(p.x - x) - p.y
//
// witness holds slope, x and y, each followed by k and the carries of its product.
func chord(b *air.Builder, p, q curvePoint, width, height, witness []air.Expr) curvePoint {
	next := func(name string) (limbs, carries []air.Expr) {
		limbs, carries = limbColumns(b, name, witness[:limbs252]), witness[limbs252:2*limbs252]
		witness = witness[2*limbs252:]
		rangeCheckLimbs(b, limbs)
		return limbs, carries
	}
	slope, carries := next("slope")
	verifyProduct(b, slope, width, height, carries)
	x, carries := next("result_x")
	verifyProduct(b, slope, slope, sum(sum(p.x, q.x), x), carries)
	y, carries := next("result_y")
	verifyProduct(b, slope, difference(p.x, x), sum(p.y, y), carries)
	return curvePoint{x, y}
}

// ecAdd adds columns for p + q, where p and q have different x coordinates.
func ecAdd(b *air.Builder, p, q curvePoint) curvePoint {
	witness := b.Compute(addPoints, slices.Concat(p.words(), q.words())...)
	return chord(b, p, q, difference(q.x, p.x), difference(q.y, p.y), witness)
}

// ecDouble adds columns for 2p. The slope is (3x² + 1)/(2y).
func ecDouble(b *air.Builder, p curvePoint) curvePoint {
	witness := b.Compute(doublePoint, p.words()...)
	square := product(b, "mul_res", p.x, p.x, witness[:2*limbs252])
	twice := limbColumns(b, "add_res", witness[2*limbs252:3*limbs252])
	rangeCheckLimbs(b, twice)
	verifySum(b, p.y, p.y, twice)
	height := make([]air.Expr, limbs252)
	for k := range height {
		height[k] = square[k].Times(3)
	}
	height[0] = height[0].Plus(1)
	return chord(b, p, p, twice, height, witness[3*limbs252:])
}

// chordWords is the number of outputs that chord takes as its witness.
const chordWords = 6 * limbs252

// addPoints computes, from the points p and q, the slope of their line and their sum, with k and the carries of each product.
var addPoints = &air.Function{Name: "sum of points", In: 2 * pointWords, Out: chordWords,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		n := rows / wide.Rows
		p, q, sum, slope := s.points(0, n), s.points(2, n), s.points(4, n), s.felts[6][:n]
		s.loadPoints(p, in)
		s.loadPoints(q, in[pointWords:])
		addSlopes(slope, p, q, s)
		thirdPoints(sum, p, q, slope, s)

		px, py, qx, qy := &s.limbs[0], &s.limbs[1], &s.limbs[2], &s.limbs[3]
		for g := range n {
			row := g * wide.Rows
			px.Load(in, row)
			py.Load(in[limbs252:], row)
			qx.Load(in[2*limbs252:], row)
			qy.Load(in[3*limbs252:], row)
			width, height := &s.limbs[4], &s.limbs[5]
			width.Sub(qx, px)
			height.Sub(qy, py)
			s.writeChord(out, row, px, py, qx, width, height, &slope[g], &sum.x[g], &sum.y[g])
		}
	})}

// doublePoint computes, from the point p, the square of its x coordinate with k and carries, twice its y coordinate, and the witness of chord.
var doublePoint = &air.Function{Name: "doubled point", In: pointWords, Out: 3*limbs252 + chordWords,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		n := rows / wide.Rows
		p, sum, slope := s.points(0, n), s.points(4, n), s.felts[6][:n]
		s.loadPoints(p, in)
		doubleSlopes(slope, p, s)
		thirdPoints(sum, p, p, slope, s)

		px, py, number := &s.limbs[0], &s.limbs[1], &s.felts[7][0]
		for g := range n {
			row := g * wide.Rows
			px.Load(in, row)
			py.Load(in[limbs252:], row)
			width, height := &s.limbs[4], &s.limbs[5]
			number.Mul(&p.x[g], &p.x[g])
			number.Mul(number, &s.toProduct)
			height.FromFelts(number)
			height.Store(out, row)
			wide.Carries(out[limbs252:], row, px, px, height)
			number.Add(&p.y[g], &p.y[g])
			width.FromFelts(number)
			width.Store(out[2*limbs252:], row)
			two := &s.limbs[6]
			two.Add(height, height)
			height.Add(height, two)
			for i := range height[0] {
				height[0][i]++
			}
			s.writeChord(out[3*limbs252:], row, px, py, px, width, height, &slope[g], &sum.x[g], &sum.y[g])
		}
	})}

// writeChord writes the witness of chord for a group of rows. The slope is in Montgomery form. It changes width and height.
func (s *scratch) writeChord(out [][]m31.M31, row int, px, py, qx, width, height *wide.Limbs, slope, x, y *wide.Felts) {
	number, l, rx, ry := &s.felts[7][0], &s.limbs[6], &s.limbs[7], &s.limbs[8]
	number.Mul(slope, &s.unit)
	l.FromFelts(number)
	l.Store(out, row)
	wide.Carries(out[limbs252:], row, l, width, height)
	rx.FromFelts(x)
	rx.Store(out[2*limbs252:], row)
	width.Add(px, qx)
	width.Add(width, rx)
	wide.Carries(out[3*limbs252:], row, l, l, width)
	ry.FromFelts(y)
	ry.Store(out[4*limbs252:], row)
	width.Sub(px, rx)
	height.Add(py, ry)
	wide.Carries(out[5*limbs252:], row, l, width, height)
}

// points are points of the rows of a block.
type points struct{ x, y []wide.Felts }

// points returns numbers k and k+1 of the scratch memory as n groups of points.
func (s *scratch) points(k, n int) points { return points{s.felts[k][:n], s.felts[k+1][:n]} }

// loadPoints sets p to the points in the columns.
func (s *scratch) loadPoints(p points, columns [][]m31.M31) {
	l := &s.limbs[0]
	for g := range p.x {
		l.Load(columns, g*wide.Rows)
		p.x[g].FromLimbs(l)
		l.Load(columns[limbs252:], g*wide.Rows)
		p.y[g].FromLimbs(l)
	}
}

// storePoints writes p to the columns.
func (s *scratch) storePoints(columns [][]m31.M31, p points) {
	l := &s.limbs[0]
	for g := range p.x {
		l.FromFelts(&p.x[g])
		l.Store(columns, g*wide.Rows)
		l.FromFelts(&p.y[g])
		l.Store(columns[limbs252:], g*wide.Rows)
	}
}

// addSlopes computes the slopes of the lines through p and q, in Montgomery form. It uses numbers 7 and 8 of the scratch memory.
func addSlopes(slope []wide.Felts, p, q points, s *scratch) {
	for g := range slope {
		slope[g].Sub(&q.x[g], &p.x[g])
	}
	wide.InvertAll(slope, s.felts[7][:len(slope)])
	height := &s.felts[8][0]
	for g := range slope {
		height.Sub(&q.y[g], &p.y[g])
		slope[g].Mul(&slope[g], height)
	}
}

// doubleSlopes computes the slopes of the tangents in p, in Montgomery form. It uses numbers 7 and 8 of the scratch memory.
func doubleSlopes(slope []wide.Felts, p points, s *scratch) {
	for g := range slope {
		slope[g].Add(&p.y[g], &p.y[g])
	}
	wide.InvertAll(slope, s.felts[7][:len(slope)])
	square, height := &s.felts[8][0], &s.felts[8][1]
	for g := range slope {
		square.Mul(&p.x[g], &p.x[g])
		square.Mul(square, &s.toProduct)
		height.Add(square, square)
		height.Add(height, square)
		height.Add(height, &s.unit)
		slope[g].Mul(&slope[g], height)
	}
}

// thirdPoints computes the mirrored third points of the lines with the given slopes through p and q. The result may take the place of p or q.
func thirdPoints(sum, p, q points, slope []wide.Felts, s *scratch) {
	x, y := &s.felts[8][0], &s.felts[8][1]
	for g := range slope {
		x.Mul(&slope[g], &s.unit)
		x.Mul(x, &slope[g])
		x.Sub(x, &p.x[g])
		x.Sub(x, &q.x[g])
		y.Sub(&p.x[g], x)
		y.Mul(y, &slope[g])
		y.Sub(y, &p.y[g])
		sum.x[g], sum.y[g] = *x, *y
	}
}
