package cairoair

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
)

type pair = cairo.PairInstance

// sum is a subset sum to fill into the columns of view: number index in these columns.
type sum struct {
	view     *SubsetSum
	index    int
	at       point   // the current partial sum, at first the start
	points   []point // points to add; the last one repeats
	selector felt.Felt
}

// fillSums fills independent sums in parallel, so that the additions of one row share an inversion.
func (f *filler) fillSums(sums []sum) error {
	bits := make([][4]uint64, len(sums))
	for k := range sums {
		bits[k] = sums[k].selector.Limbs()
	}
	diff, scratch := make([]field.Element, len(sums)), make([]field.Element, len(sums))
	for j := range subsetSumRows {
		if j == subsetSumRows-1 {
			for k := range sums { // the last row adds no point, because the selector is zero
				s := &sums[k]
				row := s.index*subsetSumRows + j
				f.set(s.view.X, row, s.at.x)
				f.set(s.view.Y, row, s.at.y)
			}
			return nil
		}
		for k := range sums {
			s := &sums[k]
			diff[k] = field.Element{}
			if bits[k][0]&1 == 1 || s.view.XDiffInv != nil {
				p := &s.points[min(j, len(s.points)-1)]
				diff[k].Sub(&s.at.x, &p.x)
				if diff[k].IsZero() {
					return errors.New("a sum of curve points meets the point that it adds")
				}
			}
		}
		field.BatchInvert(diff, scratch)
		for k := range sums {
			s := &sums[k]
			row := s.index*subsetSumRows + j
			f.set(s.view.X, row, s.at.x)
			f.set(s.view.Y, row, s.at.y)
			f.set(s.view.Selector, row, field.Element(felt.FromLimbs(bits[k])))
			if s.view.XDiffInv != nil {
				f.set(*s.view.XDiffInv, row, diff[k])
			}
			if bits[k][0]&1 == 1 {
				p := s.points[min(j, len(s.points)-1)]
				var slope field.Element
				slope.Sub(&s.at.y, &p.y)
				slope.Mul(&slope, &diff[k])
				f.set(s.view.Slope, row, slope)
				s.at = s.at.through(p, slope)
			}
			bits[k] = shiftRight(bits[k])
		}
	}
	return nil
}

func shiftRight(l [4]uint64) [4]uint64 {
	return [4]uint64{l[0]>>1 | l[1]<<63, l[1]>>1 | l[2]<<63, l[2]>>1 | l[3]<<63, l[3] >> 1}
}

// hashesAtOnce is the number of Pedersen instances that share inversions.
const hashesAtOnce = 64

// fillPedersen fills every instance. Unused instances have two zero inputs, whose sums stay at the shift point.
func (f *filler) fillPedersen(p *Pedersen) error {
	n := p.Input0.Addr.Len(f.rows)
	instances, err := byIndex("pedersen", n, f.run.Private.Pedersen, func(p *pair) uint64 { return p.Index })
	if err != nil {
		return err
	}
	begin := f.segment("pedersen")
	errs := make([]error, (n+hashesAtOnce-1)/hashesAtOnce)
	parallel.For(len(errs), func(c int) {
		var busy []*pair
		for i := c * hashesAtOnce; i < min((c+1)*hashesAtOnce, n); i++ {
			address := begin + 3*uint64(i)
			if in := instances[i]; in != nil {
				busy = append(busy, in)
				f.access(p.Input0, i, address, field.Element(in.X))
				f.access(p.Input1, i, address+1, field.Element(in.Y))
				continue
			}
			f.access(p.Input0, i, address, field.Element{})
			f.access(p.Input1, i, address+1, field.Element{})
			f.access(p.Output, i, address+2, shiftPoint.x)
			view := &p.Hashes[i%len(p.Hashes)].Sum
			for row := range 2 * subsetSumRows {
				f.set(view.X, i/len(p.Hashes)*2*subsetSumRows+row, shiftPoint.x)
				f.set(view.Y, i/len(p.Hashes)*2*subsetSumRows+row, shiftPoint.y)
			}
		}
		errs[c] = f.fillHashes(p, busy, begin)
	})
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("pedersen: %w", err)
		}
	}
	return nil
}

// fillHashes fills the sums and outputs of some instances.
func (f *filler) fillHashes(p *Pedersen, instances []*pair, begin uint64) error {
	if len(instances) == 0 {
		return nil
	}
	points := pedersenPoints()
	sums := make([]sum, len(instances))
	for input := range points {
		for k, in := range instances {
			h := &p.Hashes[int(in.Index)%len(p.Hashes)]
			s := sum{view: &h.Sum, index: int(in.Index)/len(p.Hashes)*2 + input, at: shiftPoint, points: points[input], selector: in.X}
			if input == 1 {
				s.at, s.selector = sums[k].at, in.Y
			}
			sums[k] = s
			f.setOnes(h, s.index, s.selector)
		}
		if err := f.fillSums(sums); err != nil {
			return err
		}
	}
	for k, in := range instances {
		f.access(p.Output, int(in.Index), begin+3*in.Index+2, sums[k].at.x)
	}
	return nil
}
