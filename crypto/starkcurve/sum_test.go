package starkcurve

import (
	"testing"

	curve "github.com/consensys/gnark-crypto/ecc/stark-curve"
	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
)

// TestSum compares sums with gnark-crypto's: many points, a point with itself, a point with its negative, and what comes after that.
func TestSum(t *testing.T) {
	counts := []int{100}
	var points []curve.G1Affine
	for _, p := range Multiples([]Affine{{Generator.X, Generator.Y}}, counts)[0] {
		points = append(points, curve.G1Affine{X: fp.Element(p.X), Y: fp.Element(p.Y)})
	}
	// The points are in no order that makes sums meet each other, except where a case says so.
	points[0], points[1], points[2], points[3] = points[90], points[33], points[70], points[14]
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
		var sum, back Sum
		for i := range list {
			p := Affine{felt.Felt(list[i].X), felt.Felt(list[i].Y)}
			sum.Add(&p)
			back.Subtract(&p)
		}
		want := fromAffine(sumOf(list))
		if got := sum.X(); got != want.X {
			t.Errorf("%s: x is %v, want %v", name, got, want.X)
		}
		if sum.Is(&Affine{want.X, want.Y}) == want.Infinity {
			t.Errorf("%s: Is(%v) is %t", name, want, want.Infinity)
		}
		if minus := want.Neg(); back.Is(&Affine{minus.X, minus.Y}) == want.Infinity {
			t.Errorf("%s: after subtractions Is(%v) is %t", name, minus, want.Infinity)
		}
		sum.Double()
		if want = want.Double(); sum.Is(&Affine{want.X, want.Y}) == want.Infinity {
			t.Errorf("%s: twice: Is(%v) is %t", name, want, want.Infinity)
		}
	}
}
