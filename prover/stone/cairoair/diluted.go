package cairoair

import (
	"github.com/starkd/starkd/prover/stone/air"
	"github.com/starkd/starkd/prover/stone/field"
)

// A diluted value has dilutedBits bits, one every dilutedSpacing bits.
const (
	dilutedSpacing = 4
	dilutedBits    = 16
)

// diluted states that every value of the pool is diluted: the pool is a permutation of a list that starts at 0. Its steps u,
// accumulated by Π (1 + z·u) and Σ α·u², are exactly the steps from each diluted value to the next.
func (b *builder) diluted(d *Diluted) {
	period := d.Pool.Step
	end := air.On(last(period))
	cumulative := func(i int) air.Expr { return b.at(d.Cumulative, i) }

	b.permutation("diluted_check/permutation", b.value(dilutedPermZ), d.Pool, d.Sorted, d.Product)
	b.Constrain("diluted_check/init", cumulative(0).SubConst(1), first())
	b.Constrain("diluted_check/first_element", b.at(d.Sorted, 0), first())
	u := b.at(d.Sorted, 1).Sub(b.at(d.Sorted, 0))
	// r' = r·(1 + z·u) + α·u² = r + u·(z·r + α·u), which has degree 2 in the columns.
	step := cumulative(0).Add(b.value(dilutedZ).Mul(u).Mul(cumulative(0))).Add(b.value(dilutedAlpha).Mul(u).Mul(u))
	b.Constrain("diluted_check/step", cumulative(1).Sub(step), every(period).Exempt(last(period)))
	b.Constrain("diluted_check/last", cumulative(0).Sub(b.value(dilutedFinal)), end)
}

// dilutedMask is the mask of the bits that a diluted value may have.
const dilutedMask = 0x1111_1111_1111_1111

// dilute spreads the 16 bits of v. Each step halves the distance by which it moves bits.
func dilute(v uint16) uint64 {
	d := uint64(v)
	d = (d | d<<24) & 0x0000_00ff_0000_00ff
	d = (d | d<<12) & 0x000f_000f_000f_000f
	d = (d | d<<6) & 0x0303_0303_0303_0303
	return (d | d<<3) & dilutedMask
}

// undilute collects the bits of a diluted value.
func undilute(d uint64) uint16 {
	d = (d | d>>3) & 0x0303_0303_0303_0303
	d = (d | d>>6) & 0x000f_000f_000f_000f
	d = (d | d>>12) & 0x0000_00ff_0000_00ff
	return uint16(d | d>>24)
}

// dilutedFinalValue returns the cumulative value after all 2^dilutedBits values: r_1 = 1 and r_{j+1} = r_j·(1 + z·u_j) +
// α·u_j², where u_j is the step from the j-th diluted value to the next.
//
// u_j depends only on the number of trailing zeros of j. So the sequence of steps up to j = 2^i is the sequence S up to
// 2^(i-1), then the step u at 2^(i-1), then S again. S is an affine map r ↦ p·r + α·q. To append a map to another, multiply
// their p, and compute the new q from both.
func dilutedFinalValue(z, alpha field.Element) field.Element {
	one := field.One()
	p, q := one, field.Element{} // the sequence without steps
	for i := range dilutedBits {
		j := uint16(1) << i
		u := field.New(dilute(j) - dilute(j-1))
		var pu, qu field.Element // the map of the step u: pu = 1 + z·u, qu = u²
		pu.Mul(&z, &u).Add(&pu, &one)
		qu.Square(&u)
		// S, then u, gives p·pu and q·pu + qu. Then S again gives the product of the p, and q' = (q·pu + qu)·p + q.
		var r, s field.Element
		r.Mul(&q, &pu).Add(&r, &qu)
		r.Mul(&r, &p).Add(&r, &q)
		s.Mul(&p, &pu)
		p.Mul(&p, &s)
		q = r
	}
	q.Mul(&q, &alpha)
	return *p.Add(&p, &q)
}
