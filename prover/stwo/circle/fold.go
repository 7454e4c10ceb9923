package circle

import "github.com/starkd/starkd/prover/stwo/m31"

// LineInverse returns the inverse of LinePoint(2·pair, log). log is at most that of the twiddles minus 1.
func (t *Twiddles) LineInverse(pair, log int) m31.M31 { return m31.M31(t.inverse[log-1][pair] / 2) }

// CircleInverse returns the inverse of the y coordinate of CellPoint(2·pair, log). log is at most that of the twiddles.
func (t *Twiddles) CircleInverse(pair, log int) m31.M31 {
	if log == 1 {
		return m31.M31(t.yInverse[1] / 2)
	}
	even, odd := layer0(t.inverse, &t.yInverse, log, pair/2)
	if pair&1 == 1 {
		even = odd
	}
	return m31.M31(even / 2)
}
