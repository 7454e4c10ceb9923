package cairoair

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/wide"
)

// ecComponents are the components that add points of the Stark curve: ec_op_builtin, pedersen's, and what they call.
var ecComponents = slices.Concat([]*Component{
	define("ec_op_builtin", BuiltinSegment, ecOpBuiltin),
	define("partial_ec_mul_generic", PassedInputs, partialECMulGeneric),
}, pedersenComponents(18), pedersenComponents(9))

// An instance of ec_op has r = p + m·q. A chain of 252 rows of partial_ec_mul_generic goes through the bits of m from the lowest up: a row
// adds q to an accumulator, which begins with p, if the bit is 1, and doubles q.
//
// m is written as 10 limbs of 27 bits. A row takes the lowest bit of limb 0 and halves the limb. In the last row of a limb, in which a counter
// from 26 down is 0, the limb is at most its last bit, and the next limb takes its place. So a chain ends with m = 0 only if m had no more bits.
const ecOpRounds = limbs252 * limbBits

// ecRelation holds a chain's number, the number of a round, and the state before it: m, q, the accumulator and the counter.
var ecRelation = air.NewRelation("PartialEcMulGeneric", ecOpState)

const ecOpState = 2 + packed252 + 2*pointWords + 1

// ecOpBuiltin states that the seven cells of an instance are the coordinates of p and q, m, and the coordinates of p + m·q.
func ecOpBuiltin() *air.Component {
	b, address := newBuiltin("ec_op_builtin", 7)
	var in [5][]air.Expr
	for k, name := range []string{"p_x", "p_y", "q_x", "q_y", "m"} {
		_, in[k] = readPositive(b, name, address.Plus(uint32(k)), 252)
	}
	p, q, m := curvePoint{in[0], in[1]}, curvePoint{in[2], in[3]}, packLimbs(in[4])
	verifyReduced(b, in[4])

	chain := b.RowNumber()
	state := func(round int, m []air.Expr, q, sum curvePoint, counter air.Expr) []air.Expr {
		return slices.Concat([]air.Expr{chain, b.Const(uint32(round))}, m, q.words(), sum.words(), []air.Expr{counter})
	}
	points := b.Compute(ecOpPoints, slices.Concat(m, q.words(), p.words())...)
	b.Yield(b.Const(1), ecRelation, state(0, m, q, p, b.Const(packedBits-1))...)
	double, sum := q, p
	for r := range ecOpRounds {
		limb, bit := r/packedBits, r%packedBits
		rest := slices.Clone(m[limb:])
		rest[0] = rest[0].Bits(bit, packedBits-bit)
		b.Feed("partial_ec_mul_generic", state(r, pad(b, rest, packed252), double, sum, b.Const(uint32(packedBits-1-bit)))...)
		double, sum = pointOf(points[2*pointWords*r:]), pointOf(points[2*pointWords*r+pointWords:])
	}
	const name = "partial_ec_mul_generic_output"
	m = limbColumns(b, name+"_m", pad(b, nil, packed252))
	q = pointColumns(b, name+"_q", double.words())
	sum = pointColumns(b, name+"_accumulator", sum.words())
	counter := b.Column(name+"_counter", b.Const(packedBits-1-ecOpRounds%packedBits))
	b.UseTimes(b.Const(1), ecRelation, state(ecOpRounds, m, q, sum, counter)...)
	b.Constrain("m has no bits left", m[0])
	verifyValue(b, "res_x_id", address.Plus(5), sum.x...)
	verifyValue(b, "res_y_id", address.Plus(6), sum.y...)
	return b.Build()
}

// pad returns list with zeros up to n words.
func pad(b *air.Builder, list []air.Expr, n int) []air.Expr {
	for len(list) < n {
		list = append(list, b.Const(0))
	}
	return list
}

// partialECMulGeneric adds q to the accumulator if the next bit of m is 1, and doubles q: a round of ec_op.
func partialECMulGeneric() *air.Component {
	b := air.NewBuilder("partial_ec_mul_generic", ecOpState)
	words := make([]air.Expr, ecOpState)
	for k := range words {
		words[k] = b.Input(k)
	}
	chain, round := b.Column("input_chain_id", words[0]), b.Column("input_round_num", words[1])
	m := limbColumns(b, "input_m", words[2:2+packed252])
	q := pointColumns(b, "input_q", words[2+packed252:])
	sum := pointColumns(b, "input_accumulator", words[2+packed252+pointWords:])
	counter := b.Column("input_counter", words[ecOpState-1])

	// The lowest bit of m, and whether it is the last one of limb 0.
	bit := b.Column("to_add_bit", m[0].Bits(0, 1))
	b.Constrain("to_add_bit is a bit", bit.Mul(bit.Not()))
	last := b.Column("is_special_round", counter.IsZero())
	inverse := b.Column("counter_inverse", counter.Add(last).Inverse())
	b.Constrain("is_special_round is a bit", last.Mul(last.Not()))
	b.Constrain("is_special_round if the counter is 0", counter.Mul(inverse).Sub(last.Not()))
	b.Constrain("counter_inverse is not 0", inverse.Mul(counter.Add(last)).Minus(1))
	rest := m[0].Sub(bit)
	b.Constrain("limb 0 has no bits left in its last round", rest.Mul(last))

	// choose adds a column with x if flag is 1, else y.
	choose := func(name string, flag, x, y air.Expr) air.Expr {
		return equalColumn(b, name, x.Sub(y).Mul(flag).Add(y))
	}
	following := append(slices.Clone(m[1:]), b.Const(0))
	nextM := make([]air.Expr, packed252)
	for k := range m {
		same := m[k]
		if k == 0 {
			same = rest.Times(inverseOfPower(1))
		}
		nextM[k] = choose(fmt.Sprintf("next_m_%d", k), last.Not(), same, following[k])
	}
	nextCounter := choose("next_counter", last.Not(), counter.Minus(1), b.Const(packedBits-1))

	// The sum is computed also if it is not taken, so q must never have the x coordinate of the accumulator. That both are below P makes the
	// comparison of their limbs one of the numbers.
	verifyReduced(b, sum.x)
	verifyReduced(b, q.x)
	distance := b.Const(0)
	for _, d := range difference(q.x, sum.x) {
		distance = distance.Add(d.Mul(d))
	}
	inverse = b.Column("diff_sum_squares_inv", distance.Inverse())
	b.Constrain("the x coordinates of q and the accumulator differ", distance.Mul(inverse).Minus(1))
	added := ecAdd(b, sum, q)
	next := make([]air.Expr, pointWords)
	for k, x := range added.words() {
		next[k] = choose(fmt.Sprintf("new_accumulator_%d_%d", k/limbs252, k%limbs252), bit, x, sum.words()[k])
	}
	double := ecDouble(b, q)

	enabler := enablerColumn(b)
	state := func(round air.Expr, m []air.Expr, q, sum curvePoint, counter air.Expr) []air.Expr {
		return slices.Concat([]air.Expr{chain, round}, m, q.words(), sum.words(), []air.Expr{counter})
	}
	b.UseTimes(enabler, ecRelation, state(round, m, q, sum, counter)...)
	b.Yield(enabler, ecRelation, state(round.Plus(1), nextM, double, pointOf(next), nextCounter)...)
	return b.Build()
}

// ecOpPoints computes, from m, q and p, the doubled q and the accumulator after each round.
var ecOpPoints = &air.Function{Name: "points of ec_op", In: packed252 + 2*pointWords, Out: ecOpRounds * 2 * pointWords,
	Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		n := rows / wide.Rows
		q, sum, added, slope := s.points(0, n), s.points(2, n), s.points(4, n), s.felts[6][:n]
		s.loadPoints(q, in[packed252:])
		s.loadPoints(sum, in[packed252+pointWords:])
		for r := range ecOpRounds {
			bits := in[r/packedBits]
			addSlopes(slope, sum, q, s)
			thirdPoints(added, sum, q, slope, s)
			for row := range rows {
				if bits[row]>>(r%packedBits)&1 == 1 {
					g, i := row/wide.Rows, row%wide.Rows
					for k := range 4 {
						sum.x[g][k][i], sum.y[g][k][i] = added.x[g][k][i], added.y[g][k][i]
					}
				}
			}
			doubleSlopes(slope, q, s)
			thirdPoints(q, q, q, slope, s)
			words := out[2*pointWords*r:]
			s.storePoints(words, q)
			s.storePoints(words[pointWords:], sum)
		}
	})}
