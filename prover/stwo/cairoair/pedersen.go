package cairoair

import (
	"fmt"
	"math/big"
	"slices"
	"sync"

	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/wide"
)

// Pedersen's hash is the x coordinate of a sum of points: a constant, and one for each window of some bits of both inputs. It exists with
// windows of 18 bits, for which the table of points has 2^23 rows, and of 9 bits (2^15 rows). A hash is a row of pedersen_aggregator, and two
// chains of partial_ec_mul, one for each input, with a row for each window. The second chain goes on with the sum of the first.
//
// The points in the table are less pedersen.Shift, which keeps that of a window of zeros from being infinite. So the sum begins with one more
// Shift for each window.

// windows describes the components for one width of windows.
type windows struct {
	bits, perInput            int
	builtin, aggregator       string
	chain, table, tableColumn string
	// aggregatorRelation holds the ids of a hash's inputs and its output. chainRelation holds a chain's number, the number of a round, and the
	// state before it: the windows that are left, and the sum. tableRelation holds the rows of the table of points.
	aggregatorRelation, chainRelation, tableRelation *air.Relation
}

// pedersenComponents returns the components for windows of the given width, pedersen_builtin included.
func pedersenComponents(bits int) []*Component {
	w := &windows{bits: bits, perInput: limbs252 * limbBits / bits, builtin: "pedersen_builtin", tableColumn: "pedersen_points_%d"}
	if bits == 9 {
		w.builtin, w.tableColumn = "pedersen_builtin_narrow_windows", "pedersen_points_small_%d"
	}
	w.aggregator = fmt.Sprintf("pedersen_aggregator_window_bits_%d", bits)
	w.chain = fmt.Sprintf("partial_ec_mul_window_bits_%d", bits)
	w.table = fmt.Sprintf("pedersen_points_table_window_bits_%d", bits)
	w.aggregatorRelation = air.NewRelation(fmt.Sprintf("PedersenAggregatorWindowBits%d", bits), 3)
	w.chainRelation = air.NewRelation(fmt.Sprintf("PartialEcMulWindowBits%d", bits), w.stateWords())
	w.tableRelation = air.NewRelation(fmt.Sprintf("PedersenPointsTableWindowBits%d", bits), 1+pointWords)
	logRows := bits + 5 + 9/bits // of 28 or 56 windows
	columns := append([]string{fmt.Sprintf("seq_%d", logRows)}, numbered(w.tableColumn, pointWords)...)
	return []*Component{
		define(w.builtin, BuiltinSegment, w.pedersenBuiltin),
		define(w.aggregator, DistinctInputs, w.pedersenAggregator),
		define(w.chain, PassedInputs, w.partialECMul),
		fixedTable(w.table, logRows, columns, w.tableRelation),
	}
}

// stateWords returns the number of words of a chain's tuple.
func (w *windows) stateWords() int { return 2 + w.perInput + pointWords }

// pedersenBuiltin states that the three cells of an instance are two inputs and their hash.
func (w *windows) pedersenBuiltin() *air.Component {
	b, address := newBuiltin(w.builtin, 3)
	in0 := readID(b, "input_state_0_id", address)
	in1 := readID(b, "input_state_1_id", address.Plus(1))
	b.Use(w.aggregatorRelation, in0, in1, readID(b, "output_state_id", address.Plus(2)))
	return b.Build()
}

// pedersenAggregator has a row for each distinct three ids of a hash's inputs and its output. It starts the chains and takes their ends.
func (w *windows) pedersenAggregator() *air.Component {
	b := air.NewBuilder(w.aggregator, 4)
	ids := inputColumns(b, 3)
	var digits [2][]air.Expr
	var values [2][]air.Expr
	for i := range values {
		values[i] = limbsOf(b, "value", ids[i], limbs252)
		b.Use(memoryIDToValue, append([]air.Expr{ids[i]}, values[i]...)...)
		for limbs := range slices.Chunk(values[i], w.bits/limbBits) {
			digits[i] = append(digits[i], number(limbs))
		}
	}
	for i := range values {
		verifyReduced(b, values[i])
	}
	points := b.Compute(w.sums(), slices.Concat(digits[0], digits[1])...)
	start := w.start()
	sum := curvePoint{constantLimbs(b, start.X, limbs252), constantLimbs(b, start.Y, limbs252)}
	for i := range digits {
		chain := b.RowNumber().Times(2).Plus(uint32(i))
		state := func(round int, digits []air.Expr, sum curvePoint) []air.Expr {
			return slices.Concat([]air.Expr{chain, b.Const(uint32(round))}, digits, sum.words())
		}
		first, last := i*w.perInput, (i+1)*w.perInput
		b.Yield(b.Const(1), w.chainRelation, state(first, digits[i], sum)...)
		for k := range w.perInput {
			b.Feed(w.chain, state(first+k, pad(b, slices.Clone(digits[i][k:]), w.perInput), sum)...)
			sum = pointOf(points[(first+k)*pointWords:])
		}
		end := limbColumns(b, w.chain+"_output", append(pad(b, nil, w.perInput), sum.words()...))
		sum = pointOf(end[w.perInput:])
		b.UseTimes(b.Const(1), w.chainRelation, state(last, end[:w.perInput], sum)...)
	}
	b.Use(memoryIDToValue, append([]air.Expr{ids[2]}, sum.x...)...)
	b.Yield(b.Column("multiplicity_0", b.Input(3)), w.aggregatorRelation, ids...)
	return b.Build()
}

// start returns the point that a sum begins with.
func (w *windows) start() starkcurve.Point {
	return pedersen.Shift.ScalarMul(big.NewInt(int64(1 + 2*w.perInput)))
}

// partialECMul adds the point of one window to the sum of a chain.
func (w *windows) partialECMul() *air.Component {
	b, in := newCallee(w.chain, w.stateWords())
	chain, round, digits, sum := in[0], in[1], in[2:2+w.perInput], pointOf(in[2+w.perInput:])
	row := round.Times(1 << w.bits).Add(digits[0])
	point := pointOf(limbColumns(b, w.table+"_output", b.Compute(w.points(), row)))
	b.Use(w.tableRelation, append([]air.Expr{row}, point.words()...)...)
	next := ecAdd(b, sum, point)
	enabler := enablerColumn(b)
	b.UseTimes(enabler, w.chainRelation, in...)
	b.Yield(enabler, w.chainRelation, slices.Concat([]air.Expr{chain, round.Plus(1)}, digits[1:], []air.Expr{b.Const(0)}, next.words())...)
	return b.Build()
}

// points returns the function that computes the point in a row of the table.
func (w *windows) points() *air.Function {
	return &air.Function{Name: w.table, In: 1, Out: pointWords, Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		p := s.points(2, rows/wide.Rows)
		w.lookUp(p, in[0], s)
		s.storePoints(out, p)
	})}
}

// sums returns the function that computes the sum after each window, from the windows of both inputs.
func (w *windows) sums() *air.Function {
	n, start := 2*w.perInput, w.start()
	x, y := wide.Constant(start.X), wide.Constant(start.Y)
	return &air.Function{Name: "sums of " + w.aggregator, In: n, Out: n * pointWords, Eval: blockwise(func(s *scratch, rows int, in, out [][]m31.M31) {
		n := rows / wide.Rows
		sum, point, slope := s.points(0, n), s.points(2, n), s.felts[6][:n]
		var at [maxBlock]m31.M31
		for g := range n {
			sum.x[g], sum.y[g] = x, y
		}
		for k, digits := range in {
			for i, d := range digits {
				at[i] = m31.M31(k<<w.bits) + d
			}
			w.lookUp(point, at[:rows], s)
			addSlopes(slope, sum, point, s)
			thirdPoints(sum, sum, point, slope, s)
			s.storePoints(out[k*pointWords:], sum)
		}
	})}
}

// narrowBits is the width of the windows whose points are kept, 2 MiB of them. A point of a wider window is the sum of two.
const narrowBits = 9

// narrowPoints holds the points of windows of 9 bits.
var narrowPoints = sync.OnceValue(func() *[2 * limbs252][1 << narrowBits]tablePoint {
	t := new([2 * limbs252][1 << narrowBits]tablePoint)
	for window := range t {
		for digit, p := range pedersen.Window(narrowBits, window) {
			t[window][digit] = tablePoint{p.X.Limbs(), p.Y.Limbs()}
		}
	}
	return t
})

// tablePoint is a point in words of 64 bits.
type tablePoint struct{ x, y [4]uint64 }

// lookUp sets p to the points in the given rows of the table. It uses the numbers of the scratch memory from 4 on.
func (w *windows) lookUp(p points, rows []m31.M31, s *scratch) {
	t := narrowPoints()
	set := func(p points, row int, from *tablePoint) {
		x, y := &p.x[row/wide.Rows], &p.y[row/wide.Rows]
		for k := range 4 {
			x[k][row%wide.Rows], y[k][row%wide.Rows] = from.x[k], from.y[k]
		}
	}
	const mask = 1<<narrowBits - 1
	if w.bits == narrowBits {
		for i, row := range rows {
			set(p, i, &t[row>>narrowBits][row&mask])
		}
		return
	}
	// The points of both halves of a window lack the shift, and their sum would lack it twice. A half of zeros adds nothing.
	n := len(p.x)
	high, shift, slope := s.points(4, n), s.points(9, n), s.felts[6][:n]
	x, y := wide.Constant(pedersen.Shift.X), wide.Constant(pedersen.Shift.Y)
	for g := range n {
		shift.x[g], shift.y[g] = x, y
	}
	for i, row := range rows {
		window := row >> (2 * narrowBits)
		set(p, i, &t[2*window][row&mask])
		set(high, i, &t[2*window+1][row>>narrowBits&mask])
	}
	addSlopes(slope, high, shift, s)
	thirdPoints(high, high, shift, slope, s)
	addSlopes(slope, p, high, s)
	thirdPoints(high, p, high, slope, s)
	for i, row := range rows {
		if row>>narrowBits&mask != 0 {
			g, i := i/wide.Rows, i%wide.Rows
			for k := range 4 {
				p.x[g][k][i], p.y[g][k][i] = high.x[g][k][i], high.y[g][k][i]
			}
		}
	}
}
