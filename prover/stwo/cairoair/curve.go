package cairoair

import (
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
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
var addPoints = &air.Function{Name: "sum of points", In: 2 * pointWords, Out: chordWords, Eval: func(_ any, in, out [][]m31.M31) {
	groups(len(out[0]), func(from, to int) {
		n := to - from
		var p, q pointGroup
		var slope [group]felt.Felt
		p.read(n, in[:pointWords], from)
		q.read(n, in[pointWords:], from)
		addSlopes(&slope, &p, &q, n)
		sum := thirdPoint(&p, &q, &slope, n)
		writeFelts(out[:limbs252], from, slope[:n])
		sum.write(n, out[2*limbs252:], out[4*limbs252:], from)

		var row chordRow
		for i := from; i < to; i++ {
			row.load(in[:limbs252], in[limbs252:pointWords], in[pointWords:3*limbs252], out, i)
			var height, qy signedLimbs
			qy.load(in[3*limbs252:], i)
			height.sub(&qy, &row.py)
			row.width.sub(&row.qx, &row.px)
			row.writeCarries(&height, out, i)
		}
	})
}}

// doublePoint computes, from the point p, the square of its x coordinate with k and carries, twice its y coordinate, and the witness of chord.
var doublePoint = &air.Function{Name: "doubled point", In: pointWords, Out: 3*limbs252 + chordWords, Eval: func(_ any, in, out [][]m31.M31) {
	groups(len(out[0]), func(from, to int) {
		n := to - from
		var p pointGroup
		var slope, part [group]felt.Felt
		p.read(n, in, from)
		for i := range n {
			part[i].Square(&p.x[i])
		}
		writeFelts(out[:limbs252], from, part[:n])
		for i := range n {
			part[i].Double(&p.y[i])
		}
		writeFelts(out[2*limbs252:3*limbs252], from, part[:n])
		doubleSlopes(&slope, &p, n)
		sum := thirdPoint(&p, &p, &slope, n)
		squares, chord := out[:2*limbs252], out[3*limbs252:]
		writeFelts(chord[:limbs252], from, slope[:n])
		sum.write(n, chord[2*limbs252:], chord[4*limbs252:], from)

		var row chordRow
		for i := from; i < to; i++ {
			row.load(in[:limbs252], in[limbs252:], in[:limbs252], chord, i)
			var height signedLimbs
			height.load(squares[:limbs252], i)
			writeCarries(squares[limbs252:], i, &row.px, &row.px, &height)
			for k := range height {
				height[k] *= 3
			}
			height[0]++
			row.width.load(out[2*limbs252:3*limbs252], i)
			row.writeCarries(&height, chord, i)
		}
	})
}}

// chordRow holds the limbs of a row of chord.
type chordRow struct{ px, py, qx, width, slope, x, y signedLimbs }

// load reads the limbs of p, the x coordinate of q, and those of the slope and the sum from the outputs of chord.
func (r *chordRow) load(px, py, qx, chord [][]m31.M31, row int) {
	r.px.load(px, row)
	r.py.load(py, row)
	r.qx.load(qx, row)
	r.slope.load(chord[:limbs252], row)
	r.x.load(chord[2*limbs252:3*limbs252], row)
	r.y.load(chord[4*limbs252:5*limbs252], row)
}

// writeCarries writes k and the carries of the three products.
func (r *chordRow) writeCarries(height *signedLimbs, chord [][]m31.M31, row int) {
	var a, c signedLimbs
	writeCarries(chord[limbs252:2*limbs252], row, &r.slope, &r.width, height)
	a.add(&r.px, &r.qx)
	a.add(&a, &r.x)
	writeCarries(chord[3*limbs252:4*limbs252], row, &r.slope, &r.slope, &a)
	a.sub(&r.px, &r.x)
	c.add(&r.py, &r.y)
	writeCarries(chord[5*limbs252:6*limbs252], row, &r.slope, &a, &c)
}

// pointGroup holds the points of a group of rows.
type pointGroup struct{ x, y [group]felt.Felt }

func (p *pointGroup) read(n int, words [][]m31.M31, from int) {
	readFelts(p.x[:n], words[:limbs252], from)
	readFelts(p.y[:n], words[limbs252:pointWords], from)
}

func (p *pointGroup) write(n int, x, y [][]m31.M31, from int) {
	writeFelts(x[:limbs252], from, p.x[:n])
	writeFelts(y[:limbs252], from, p.y[:n])
}

// addSlopes computes the slopes of the lines through the first n points p and q.
func addSlopes(slope *[group]felt.Felt, p, q *pointGroup, n int) {
	for i := range n {
		slope[i].Sub(&q.x[i], &p.x[i])
	}
	invert(slope[:n])
	var height felt.Felt
	for i := range n {
		height.Sub(&q.y[i], &p.y[i])
		slope[i].Mul(&slope[i], &height)
	}
}

// doubleSlopes computes the slopes of the tangents in the first n points p.
func doubleSlopes(slope *[group]felt.Felt, p *pointGroup, n int) {
	for i := range n {
		slope[i].Double(&p.y[i])
	}
	invert(slope[:n])
	var square, height felt.Felt
	for i := range n {
		square.Square(&p.x[i])
		height.Double(&square)
		height.Add(&height, &square)
		height.Add(&height, &felt.One)
		slope[i].Mul(&slope[i], &height)
	}
}

// thirdPoint returns the mirrored third points of the lines with the given slopes through the first n points p and q.
func thirdPoint(p, q *pointGroup, slope *[group]felt.Felt, n int) (sum pointGroup) {
	for i := range n {
		x, y := &sum.x[i], &sum.y[i]
		x.Square(&slope[i])
		x.Sub(x, &p.x[i])
		x.Sub(x, &q.x[i])
		y.Sub(&p.x[i], x)
		y.Mul(y, &slope[i])
		y.Sub(y, &p.y[i])
	}
	return sum
}

// invert replaces each of at most group numbers by its inverse, and leaves 0. It inverts the product of all and takes the others out of it.
func invert(x []felt.Felt) {
	var prefix [group]felt.Felt // products of the numbers before
	product := felt.One
	for i := range x {
		prefix[i] = product
		if !x[i].IsZero() {
			product.Mul(&product, &x[i])
		}
	}
	product.Inverse(&product)
	for i := len(x) - 1; i >= 0; i-- {
		if !x[i].IsZero() {
			prefix[i].Mul(&prefix[i], &product)
			product.Mul(&product, &x[i])
			x[i] = prefix[i]
		}
	}
}
