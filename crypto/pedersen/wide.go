package pedersen

import (
	"encoding/binary"
	"sync"

	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// The wide table holds multiples of the first input's points for windows of twelve bits, with signed digits from -2047 to 2048. It takes
// 2.6 MiB and reduces the additions for the first input from 32 to 22. The last window has the remaining eight of the 248 bits and a carry.
const (
	wideBits    = 12
	wideWindows = 21
	wideDigits  = 1 << (wideBits - 1)
	longArray   = 2048 // felts from which an array is hashed with the table
)

var wideTable = sync.OnceValue(func() [][]curve.G1Affine {
	counts := make([]int, wideWindows+1)
	for i := range counts {
		counts[i] = wideDigits
	}
	counts[wideWindows-1], counts[wideWindows] = 256, 15
	return multiples(append(powers(&Bases[0][0], wideBits, wideWindows), affine(&Bases[0][1])), counts)
})

// hashLong returns Hash(a, b). It uses the wide table for a.
func hashLong(a, b felt.Felt) felt.Felt {
	t := wideTable()
	bytes := a.Bytes()
	var words [5]uint64 // least significant first; the last one is zero
	for i := range 4 {
		words[i] = binary.BigEndian.Uint64(bytes[24-8*i:])
	}
	high := words[3] >> 56 // the four bits above 248
	words[3] &= 1<<56 - 1
	acc := newAccumulator(&shift)
	carry := 0
	for window := range wideWindows {
		at := window * wideBits
		digit := carry + int((words[at/64]>>(at%64)|words[at/64+1]<<1<<(63-at%64))&(1<<wideBits-1))
		if carry = 0; digit > wideDigits {
			digit, carry = digit-1<<wideBits, 1
			if digit < 0 {
				negative := curve.G1Affine{X: t[window][-digit-1].X}
				negative.Y.Neg(&t[window][-digit-1].Y)
				acc.add(&negative)
			}
		} else if digit > 0 {
			acc.add(&t[window][digit-1])
		}
	}
	if high > 0 {
		acc.add(&t[wideWindows][high-1])
	}
	tables().add(&acc, 1, b)
	return acc.affineX()
}

// powers returns p·2^(width·i) for i in [0, n).
func powers(p *starkcurve.Point, width, n int) []curve.G1Affine {
	point := affine(p)
	var power curve.G1Jac
	power.FromAffine(&point)
	jac := make([]curve.G1Jac, n)
	for i := range jac {
		jac[i] = power
		for range width {
			power.DoubleAssign()
		}
	}
	return curve.BatchJacobianToAffineG1(jac)
}

// multiples returns, for each base, its multiples from 1 to its count. Each round doubles the number of multiples of all bases at once.
func multiples(bases []curve.G1Affine, counts []int) [][]curve.G1Affine {
	lists := make([][]curve.G1Affine, len(bases))
	for i := range bases {
		lists[i] = append(make([]curve.G1Affine, 0, counts[i]), bases[i])
	}
	for have := 1; ; have *= 2 {
		var sums []sum
		for i, list := range lists {
			if len(list) < have {
				continue
			}
			lists[i] = list[:min(2*have, counts[i])]
			for j := range lists[i][have:] {
				sums = append(sums, sum{&lists[i][have+j], &list[have-1], &list[j]})
			}
		}
		if len(sums) == 0 {
			return lists
		}
		addAll(sums)
	}
}

// sum is an addition c = a + b of points. a and b are the same pointer or have different x coordinates.
type sum struct{ c, a, b *curve.G1Affine }

// addAll computes independent sums in affine coordinates, with one field inversion for all.
func addAll(sums []sum) {
	denominators, prefix := make([]fp.Element, len(sums)), make([]fp.Element, len(sums))
	product := fp.One()
	for i, s := range sums {
		if s.a == s.b {
			denominators[i].Double(&s.a.Y)
		} else {
			denominators[i].Sub(&s.b.X, &s.a.X)
		}
		prefix[i] = product
		mul(&product, &product, &denominators[i])
	}
	product.Inverse(&product)
	one := fp.One()
	for i := len(sums) - 1; i >= 0; i-- {
		s := sums[i]
		var slope, inverse, x, y fp.Element
		if s.a == s.b { // (3x² + 1) / 2y: the curve is y² = x³ + x + b
			square(&x, &s.a.X)
			slope.Double(&x)
			slope.Add(&slope, &x)
			slope.Add(&slope, &one)
		} else {
			slope.Sub(&s.b.Y, &s.a.Y)
		}
		mul(&inverse, &product, &prefix[i])
		mul(&product, &product, &denominators[i])
		mul(&slope, &slope, &inverse)
		square(&x, &slope)
		x.Sub(&x, &s.a.X)
		x.Sub(&x, &s.b.X)
		y.Sub(&s.a.X, &x)
		mul(&y, &y, &slope)
		y.Sub(&y, &s.a.Y)
		s.c.X, s.c.Y = x, y
	}
}
