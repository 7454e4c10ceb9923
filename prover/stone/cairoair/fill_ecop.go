package cairoair

import (
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
)

type multiplication = cairo.ECOpInstance

// fillECOp fills every instance. Unused instances hold the shift point + 0·G.
func (f *filler) fillECOp(e *ECOp) error {
	n := e.M.Addr.Len(f.rows)
	instances, err := byIndex("ec_op", n, f.run.Private.ECOp, func(m *multiplication) uint64 { return m.Index })
	if err != nil {
		return err
	}
	errs := make([]error, n)
	parallel.For(n, func(i int) {
		p, q, m := shiftPoint, generatorPoint, felt.Felt{}
		if in := instances[i]; in != nil {
			p, q = point{field.Element(in.PX), field.Element(in.PY)}, point{field.Element(in.QX), field.Element(in.QY)}
			m = in.M
		}
		errs[i] = f.fillMultiplication(e, i, p, q, m)
	})
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("ec_op instance %d: %w", i, err)
		}
	}
	return nil
}

func (f *filler) fillMultiplication(e *ECOp, i int, p, q point, m felt.Felt) error {
	address := f.segment("ec_op") + 7*uint64(i)
	points := f.fillDoublings(e.DoubledX, e.DoubledY, e.Slope, i, q)
	f.setOnes(&e.Multiple, i, m)
	sums := []sum{{view: &e.Multiple.Sum, index: i, at: p, points: points, selector: m}}
	if err := f.fillSums(sums); err != nil {
		return err
	}
	r := sums[0].at
	for k, v := range [7]field.Element{p.x, p.y, q.x, q.y, field.Element(m), r.x, r.y} {
		f.access(e.units()[k], i, address+uint64(k), v)
	}
	return nil
}

// fillDoublings fills list number index of p, 2p, 4p, … and returns it.
func (f *filler) fillDoublings(x, y, slope View, index int, p point) []point {
	points := make([]point, subsetSumRows)
	for j := range points {
		row := index*subsetSumRows + j
		points[j] = p
		f.set(x, row, p.x)
		f.set(y, row, p.y)
		if j+1 < subsetSumRows {
			var s field.Element
			p, s = p.double()
			f.set(slope, row, s)
		}
	}
	return points
}

// setOnes fills the products of bits of the selector of sum number index.
func (f *filler) setOnes(s *BoundedSum, index int, selector felt.Felt) {
	l := selector.Limbs()
	ones196 := l[3] >> (251 - 192) & (l[3] >> (196 - 192)) & 1
	f.set(s.ProdOnes196, index, field.New(ones196))
	f.set(s.ProdOnes192, index, field.New(ones196&l[3]))
}
