package cairoair

import (
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// The witness of arithmetic modulo P, on blocks of rows: functions from columns of limbs to columns of limbs. Rows are worked on in groups, so
// that intermediate values stay in the cache.

// group is the number of rows that are worked on together.
const group = 64

// packedBits and packed252 are the bits of a limb and the number of limbs of a number as Poseidon's components write it.
const (
	packedBits = 27
	packed252  = 10
)

// groups calls f for each group of n rows.
func groups(n int, f func(from, to int)) {
	for from := 0; from < n; from += group {
		f(from, min(from+group, n))
	}
}

// readFelts sets z[i] to the number whose limbs are in row from+i of the columns: 28 limbs of 9 bits or 10 of 27.
func readFelts(z []felt.Felt, limbs [][]m31.M31, from int) {
	width := limbWidth(limbs)
	for i := range z {
		var words [4]uint64
		for k, column := range limbs {
			v, at := uint64(column[from+i]), width*k
			words[at/64] |= v << (at % 64)
			if at%64 > 64-width && at/64 < 3 {
				words[at/64+1] |= v >> (64 - at%64)
			}
		}
		z[i] = felt.FromLimbs(words)
	}
}

// writeFelts writes the limbs of z[i] to row from+i of the columns.
func writeFelts(limbs [][]m31.M31, from int, z []felt.Felt) {
	width := limbWidth(limbs)
	mask := uint64(1)<<width - 1
	for i := range z {
		words := z[i].Limbs()
		for k, column := range limbs {
			at := width * k
			v := words[at/64] >> (at % 64)
			if at%64 > 64-width && at/64 < 3 {
				v |= words[at/64+1] << (64 - at%64)
			}
			column[from+i] = m31.M31(v & mask)
		}
	}
}

// limbWidth returns the bits of a limb of a number with the given columns.
func limbWidth(limbs [][]m31.M31) int {
	if len(limbs) == packed252 {
		return packedBits
	}
	return limbBits
}

// signedLimbs are the limbs of a number, or the sums or differences of the limbs of two numbers.
type signedLimbs [limbs252]int32

// load sets x to the limbs in a row of the columns. A limb above P/2 is negative.
func (x *signedLimbs) load(limbs [][]m31.M31, row int) {
	for k := range x {
		v := int32(limbs[k][row])
		if v > m31.P/2 {
			v -= m31.P
		}
		x[k] = v
	}
}

// writeCarries writes k and the carries of x·y - z to a row of the columns out, see verifyProduct. The numbers are integers, so the divisions
// are shifts.
func writeCarries(out [][]m31.M31, row int, x, y, z *signedLimbs) {
	var sums [2*limbs252 - 1]int32
	for i, v := range x {
		for j, w := range y {
			sums[i+j] += v * w
		}
	}
	for j, v := range z {
		sums[j] -= v
	}
	var w [limbs252]int32
	foldModulus(func(to int, factor int32, from int) { w[to] += factor * sums[from] })
	// P is 1 modulo 2^18, and |k| < 2^17.
	k := (w[0] + w[1]<<limbBits) << 14 >> 14
	out[0][row] = signed(k)
	carry := int32(0)
	for j := range limbs252 - 1 {
		carry = (carry + w[j] - k*int32(starkPrime[j])) >> limbBits
		out[1+j][row] = signed(carry)
	}
}

// signed returns v modulo P, for |v| < P.
func signed(v int32) m31.M31 {
	if v < 0 {
		return m31.M31(v + m31.P)
	}
	return m31.M31(v)
}

// carriesOf computes k and the carries of x·y - z from the limbs of x, y and z.
var carriesOf = &air.Function{Name: "carries of a product", In: 3 * limbs252, Out: limbs252, Eval: func(_ any, in, out [][]m31.M31) {
	writeProductCarries(out, in[:limbs252], in[limbs252:2*limbs252], in[2*limbs252:], 0, len(out[0]))
}}

func writeProductCarries(out, xs, ys, zs [][]m31.M31, from, to int) {
	var x, y, z signedLimbs
	for row := from; row < to; row++ {
		x.load(xs, row)
		y.load(ys, row)
		z.load(zs, row)
		writeCarries(out, row, &x, &y, &z)
	}
}

// productOf computes the limbs of z = x·y modulo P, k and the carries from the limbs of x and y.
var productOf = &air.Function{Name: "product", In: 2 * limbs252, Out: 2 * limbs252, Eval: func(_ any, in, out [][]m31.M31) {
	x, y, z := in[:limbs252], in[limbs252:], out[:limbs252]
	groups(len(out[0]), func(from, to int) {
		var a, b [group]felt.Felt
		n := to - from
		readFelts(a[:n], x, from)
		readFelts(b[:n], y, from)
		for i := range n {
			a[i].Mul(&a[i], &b[i])
		}
		writeFelts(z, from, a[:n])
		writeProductCarries(out[limbs252:], x, y, z, from, to)
	})
}}

// add sets z = x + y.
func (z *signedLimbs) add(x, y *signedLimbs) {
	for k := range z {
		z[k] = x[k] + y[k]
	}
}

// sub sets z = x - y.
func (z *signedLimbs) sub(x, y *signedLimbs) {
	for k := range z {
		z[k] = x[k] - y[k]
	}
}
