package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

const (
	subsetSumRows = 256 // number of cells of a subset sum in each of its virtual columns
	pedersenBits  = 252 // number of points of one input
	ecdsaBits     = 251
)

// pedersen states that each output of the builtin is the Pedersen hash of its inputs: the shift point, plus the points that the
// bits of the first input select, plus those that the bits of the second input select. Whitepaper section 9.10.
func (b *builder) pedersen(p *Pedersen) {
	px, py := b.periodicPoints(pedersenPoints(), p.Hashes[0].Sum.X.Step)
	sumRows := subsetSumRows * p.Hashes[0].Sum.X.Step
	hash := every(2 * sumRows)
	for i, h := range p.Hashes {
		name := fmt.Sprintf("pedersen/hash%d", i)
		b.unpacking(name+"/ec_subset_sum/bit_unpacking", &h, every(sumRows))
		b.subsetSum(name+"/ec_subset_sum", &h.Sum, px, py, pedersenBits)
		// The sum of the second input starts where the sum of the first input ended.
		second := every(sumRows).Exempt(rowsAt(2*sumRows, sumRows))
		b.Constrain(name+"/copy_point/x", b.at(h.Sum.X, subsetSumRows).Sub(b.at(h.Sum.X, subsetSumRows-1)), second)
		b.Constrain(name+"/copy_point/y", b.at(h.Sum.Y, subsetSumRows).Sub(b.at(h.Sum.Y, subsetSumRows-1)), second)
		b.Constrain(name+"/init/x", b.at(h.Sum.X, 0).Sub(b.Element(shiftPoint.x)), hash)
		b.Constrain(name+"/init/y", b.at(h.Sum.Y, 0).Sub(b.Element(shiftPoint.y)), hash)
	}

	instance := every(p.Input0.Addr.Step)
	for i, h := range p.Hashes {
		b.Constrain(fmt.Sprintf("pedersen/input0_value%d", i), b.at(p.Input0.Value, i).Sub(b.at(h.Sum.Selector, 0)), hash)
	}
	b.Constrain("pedersen/input0_addr", b.follows(p.Input0.Addr, 1, p.Output.Addr, 0), instance.Exempt(last(p.Input0.Addr.Step)))
	b.Constrain("pedersen/init_addr", b.at(p.Input0.Addr, 0).Sub(b.value(initialPedersen)), first())
	for i, h := range p.Hashes {
		b.Constrain(fmt.Sprintf("pedersen/input1_value%d", i), b.at(p.Input1.Value, i).Sub(b.at(h.Sum.Selector, subsetSumRows)), hash)
	}
	b.Constrain("pedersen/input1_addr", b.follows(p.Input1.Addr, 0, p.Input0.Addr, 0), instance)
	for i, h := range p.Hashes {
		b.Constrain(fmt.Sprintf("pedersen/output_value%d", i), b.at(p.Output.Value, i).Sub(b.at(h.Sum.X, 2*subsetSumRows-1)), hash)
	}
	b.Constrain("pedersen/output_addr", b.follows(p.Output.Addr, 0, p.Input1.Addr, 0), instance)
}

// unpacking states that the 252 bits of a selector are those of an integer below the modulus 2^251 + 2^196 + 2^192 + 1, so that
// an input has only one decomposition. If the three high ones of the modulus are set, all other bits must be zero.
func (b *builder) unpacking(name string, h *BoundedSum, sum air.Domain) {
	bit := func(i int) air.Expr { return b.bit(h.Sum.Selector, i) }
	shifted := func(i, by int) air.Expr { return b.at(h.Sum.Selector, i).Mul(b.Element(powerOfTwo(by))) }
	ones192, ones196, ones251 := b.at(h.ProdOnes192, 0), b.at(h.ProdOnes196, 0), bit(251)
	// selector[i] = 2^(j-i)·selector[j] states that bits i to j-1 are zero.
	zeros := func(i, j int) air.Expr { return b.at(h.Sum.Selector, i).Sub(shifted(j, j-i)) }

	b.Constrain(name+"/last_one_is_zero", ones192.Mul(bit(0)), sum)
	b.Constrain(name+"/zeroes_between_ones0", ones192.Mul(zeros(1, 192)), sum)
	b.Constrain(name+"/cumulative_bit192", ones192.Sub(ones196.Mul(bit(192))), sum)
	b.Constrain(name+"/zeroes_between_ones192", ones196.Mul(zeros(193, 196)), sum)
	b.Constrain(name+"/cumulative_bit196", ones196.Sub(ones251.Mul(bit(196))), sum)
	b.Constrain(name+"/zeroes_between_ones196", ones251.Mul(zeros(197, 251)), sum)
}

// subsetSum states that (x, y) moves from row to row by the point (px, py) if the selector's lowest bit is set, and stays
// otherwise. Each row shifts the selector right; after `bits` rows it is zero.
func (b *builder) subsetSum(name string, s *SubsetSum, px, py air.Expr, bits int) {
	step, sumRows := s.X.Step, subsetSumRows*s.X.Step
	inside := every(step).Exempt(rowsAt(sumRows, sumRows-step))
	bit := b.bit(s.Selector, 0)
	x, y, slope := b.at(s.X, 0), b.at(s.Y, 0), b.at(s.Slope, 0)
	nextX, nextY := b.at(s.X, 1), b.at(s.Y, 1)
	b.Constrain(name+"/booleanity_test", bit.IsBit(), inside)
	b.Constrain(name+"/bit_extraction_end", b.at(s.Selector, 0), air.On(rowsAt(sumRows, bits*step)))
	b.Constrain(name+"/zeros_tail", b.at(s.Selector, 0), air.On(rowsAt(sumRows, sumRows-step)))
	b.Constrain(name+"/add_points/slope", bit.Mul(y.Sub(py)).Sub(slope.Mul(x.Sub(px))), inside)
	b.Constrain(name+"/add_points/x", slope.Square().Sub(bit.Mul(x.Add(px).Add(nextX))), inside)
	b.Constrain(name+"/add_points/y", bit.Mul(y.Add(nextY)).Sub(slope.Mul(x.Sub(nextX))), inside)
	if s.XDiffInv != nil { // the sum does not meet the point or its negative
		b.Constrain(name+"/add_points/x_diff_inv", b.at(*s.XDiffInv, 0).Mul(x.Sub(px)).SubConst(1), inside)
	}
	stay := b.Const(1).Sub(bit)
	b.Constrain(name+"/copy_point/x", stay.Mul(nextX.Sub(x)), inside)
	b.Constrain(name+"/copy_point/y", stay.Mul(nextY.Sub(y)), inside)
}

// periodicPoints adds two periodic columns with the coordinates of points. Each list is padded with its last point to the
// length of a subset sum.
func (b *builder) periodicPoints(lists [][]point, step int) (x, y air.Expr) {
	var xs, ys []field.Element
	for _, list := range lists {
		for i := range subsetSumRows {
			p := list[min(i, len(list)-1)]
			xs, ys = append(xs, p.x), append(ys, p.y)
		}
	}
	return b.Periodic(xs, uint64(step)), b.Periodic(ys, uint64(step))
}
