package pedersen

import (
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"

	"github.com/starkd/starkd/crypto/felt"
)

// TestAccumulator compares sums with gnark-crypto's: many points, a point with itself, a point with its negative, and what comes after that.
func TestAccumulator(t *testing.T) {
	points := tables()[1][7][:100]
	negative := func(p *curve.G1Affine) *curve.G1Affine { return new(curve.G1Affine).Neg(p) }
	sumOf := func(list []curve.G1Affine) *curve.G1Affine {
		var total curve.G1Affine
		for i := range list {
			total.Add(&total, &list[i])
		}
		return &total
	}
	for name, list := range map[string][]curve.G1Affine{
		"one point":            points[:1],
		"all points":           points,
		"twice a point":        {points[3], points[3]},
		"four times":           {points[3], points[3], points[3], points[3]},
		"a sum with itself":    {points[1], points[2], *sumOf(points[1:3])},
		"nothing":              {points[4], *negative(&points[4])},
		"a sum less itself":    {points[1], points[2], points[3], *negative(sumOf(points[1:4]))},
		"a point after that":   {points[1], points[2], *negative(sumOf(points[1:3])), points[9]},
		"two points after it":  {points[4], *negative(&points[4]), points[8], points[9]},
		"sum with other scale": {points[0], points[5], points[6], *sumOf([]curve.G1Affine{points[0], points[5], points[6]}), points[7]},
	} {
		acc := newAccumulator(&list[0])
		for i := range list[1:] {
			acc.add(&list[1+i])
		}
		if got, want := acc.affineX(), sumOf(list).X; got != felt.Felt(want) {
			t.Errorf("%s: x is %v, want %v", name, got, felt.Felt(want))
		}
	}
}
