package cairoair

import (
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/prover/field"
)

// point is an affine point of the STARK curve; infinity does not occur.
type point struct{ x, y field.Element }

func newPoint(x, y string) point {
	return point{field.Element(felt.MustHex(x)), field.Element(felt.MustHex(y))}
}

var (
	curveAlpha, curveBeta = field.Element(starkcurve.Alpha), field.Element(starkcurve.Beta)
	generatorPoint        = point{field.Element(starkcurve.Generator.X), field.Element(starkcurve.Generator.Y)}

	// shiftPoint and pedersenBases are the constant points P0 and P1…P4 of the Pedersen hash: for each input one for the
	// 248 low bits and one for the four above them.
	shiftPoint    = newPoint("0x49ee3eba8c1600700ee1b87eb599f16716b0b1022947733551fde4050ca6804", "0x3ca0cfe4b3bc6ddf346d49d06ea0ed34e621062c0e056c1d0405d266e10268a")
	pedersenBases = [2][2]point{
		{
			newPoint("0x234287dcbaffe7f969c748655fca9e58fa8120b6d56eb0c1080d17957ebe47b", "0x3b056f100f96fb21e889527d41f4e39940135dd7a6c94cc6ed0268ee89e5615"),
			newPoint("0x4fa56f376c83db33f9dab2656558f3399099ec1de5e3018b7a6932dba8aa378", "0x3fa0984c931c9e38113e0c0e47e4401562761f92a7a23b45168f4e80ff5b54d"),
		},
		{
			newPoint("0x4ba4cc166be8dec764910f75b45f74b40c690c74709e90f3aa372f0bd2d6997", "0x40301cf5c1751f4b971e46c4ede85fcac5c59a5ce5ae7c48151f27b24b219c"),
			newPoint("0x54302dcb0e6cc1c6e44cca8f61a63bb2ca65048d53fb325d36ff12c49a58202", "0x1b77b3e37d13504b348046268d8ae25ce98ad783c25561a879dcc77e99c2426"),
		},
	}
)

// pedersenLowBits is how many bits of an input select multiples of its first base.
const pedersenLowBits = 248

// pedersenPoints returns for each input the point that each of its bits selects.
var pedersenPoints = sync.OnceValue(func() [][]point {
	var lists [][]point
	for _, bases := range pedersenBases {
		low := doublings(bases[0], pedersenLowBits)
		lists = append(lists, append(low, doublings(bases[1], pedersenBits-pedersenLowBits)...))
	}
	return lists
})

// doublings returns p, 2p, 4p, …, 2^(n-1)·p.
func doublings(p point, n int) []point {
	out := make([]point, n)
	for i := range out {
		out[i] = p
		if i+1 < n {
			p, _ = p.double()
		}
	}
	return out
}

// double returns 2p and the slope of the tangent at p.
func (p point) double() (point, field.Element) {
	var slope, den field.Element
	slope.Square(&p.x)
	den.Double(&slope)
	slope.Add(&slope, &den).Add(&slope, &curveAlpha)
	den.Double(&p.y)
	den.Inverse(&den)
	slope.Mul(&slope, &den)
	return p.through(p, slope), slope
}

// add returns p + q and the slope of the line through them; their x must differ.
func (p point) add(q point) (point, field.Element) {
	var slope, den field.Element
	den.Sub(&p.x, &q.x)
	den.Inverse(&den)
	slope.Sub(&p.y, &q.y)
	slope.Mul(&slope, &den)
	return p.through(q, slope), slope
}

// through returns the sum of p and q, which lie on a line of this slope.
func (p point) through(q point, slope field.Element) (sum point) {
	sum.x.Square(&slope)
	sum.x.Sub(&sum.x, &p.x).Sub(&sum.x, &q.x)
	sum.y.Sub(&p.x, &sum.x)
	sum.y.Mul(&sum.y, &slope).Sub(&sum.y, &p.y)
	return sum
}

// neg returns -p.
func (p point) neg() point {
	p.y.Neg(&p.y)
	return p
}
