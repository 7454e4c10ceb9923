package cairoair

import (
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/prover/stone/field"
)

type permutation = cairo.PoseidonInstance

// fillPoseidon fills every instance. Unused instances permute (0, 0, 0).
func (f *filler) fillPoseidon(p *Poseidon) error {
	n := p.InOut[0].Addr.Len(f.rows) / 2
	instances, err := byIndex("poseidon", n, f.run.Private.Poseidon, func(p *permutation) uint64 { return p.Index })
	if err != nil {
		return err
	}
	begin := f.segment("poseidon")
	zero := f.permute(p, 0, [poseidonWidth]field.Element{}) // instance 0 holds this permutation until it is filled
	fill := func(i int) {
		var in, out [poseidonWidth]field.Element
		if instances[i] == nil {
			f.copyInstance(p.views(), n, i, 0)
			out = zero
		} else {
			for k := range in {
				in[k] = field.Element(instances[i].S[k])
			}
			out = f.permute(p, i, in)
		}
		for k, u := range p.InOut {
			f.access(u, 2*i, begin+uint64(2*poseidonWidth*i+k), in[k])
			f.access(u, 2*i+1, begin+uint64(2*poseidonWidth*i+poseidonWidth+k), out[k])
		}
	}
	err = chunks(n-1, func(start, end int) error {
		for i := start; i < end; i++ {
			fill(i + 1)
		}
		return nil
	})
	fill(0)
	return err
}

// views returns the virtual columns of the builtin except its memory units.
func (p *Poseidon) views() []View {
	return []View{
		p.Full[0], p.Full[1], p.Full[2], p.FullSquared[0], p.FullSquared[1], p.FullSquared[2],
		p.Partial0, p.Partial0Squared, p.Partial1, p.Partial1Squared,
	}
}

// permute fills the rounds of instance i and returns the permutation of s.
func (f *filler) permute(p *Poseidon, i int, s [poseidonWidth]field.Element) [poseidonWidth]field.Element {
	keys := poseidonKeys()
	// cube writes an element and its square to the k-th cells of two views and returns its cube.
	cube := func(view, squared View, k int, x field.Element) field.Element {
		var y field.Element
		y.Square(&x)
		f.set(view, k, x)
		f.set(squared, k, y)
		return *y.Mul(&y, &x)
	}
	for round := range keys {
		for k := range s {
			s[k].Add(&s[k], &keys[round][k])
		}
		partial := round - halfRounds
		if partial >= 0 && partial < partialRounds {
			x := s[2]
			if partial < part0Rounds {
				s[2] = cube(p.Partial0, p.Partial0Squared, i*part0Rounds+partial, x)
			}
			if j := partial - (part0Rounds - poseidonWidth); j >= 0 {
				s[2] = cube(p.Partial1, p.Partial1Squared, i*part1Rows+j, x)
			}
		} else {
			row := round
			if round >= halfRounds {
				row -= partialRounds
			}
			for k := range s {
				s[k] = cube(p.Full[k], p.FullSquared[k], i*poseidonRows+row, s[k])
			}
		}
		var sum field.Element // the MDS matrix is all ones plus 2, -2, -3 on the diagonal
		sum.Add(&s[0], &s[1]).Add(&sum, &s[2])
		s[0].Double(&s[0]).Add(&s[0], &sum)
		s[1].Double(&s[1]).Sub(&sum, &s[1])
		var three field.Element
		three.Double(&s[2]).Add(&three, &s[2])
		s[2].Sub(&sum, &three)
	}
	return s
}
