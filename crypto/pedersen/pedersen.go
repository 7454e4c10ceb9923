// Package pedersen implements Starknet's Pedersen hash: the x coordinate of
// P0 + a_low·P1 + a_high·P2 + b_low·P3 + b_high·P4, where low stands for the low 248 bits and high for the 4 bits above them.
// Source: https://docs.starkware.co/starkex/crypto/pedersen-hash-function.html.
//
// The multiples of each point by every byte at every byte position are precomputed at the first use (1 MiB), so that a hash takes
// at most 64 mixed additions. HashPairs adds in affine coordinates and shares one field inversion among all pairs of a batch.
// In the hash of a long array the first input is always a hash, of full length, and has a table with wider digits.
package pedersen

import (
	"sync"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// positions is the number of byte positions of a felt. The top byte has four significant bits and its own base point.
const positions = 32

// table holds multiples of the base points: [input][position][digit-1] is digit·2^(8·position)·P for the input's low point P, or at the last
// position digit·P for its high point P.
type table [2][positions][]starkcurve.Affine

// point returns the point with the given coordinates in hexadecimal.
func point(x, y string) starkcurve.Point {
	return starkcurve.Point{X: felt.MustHex(x), Y: felt.MustHex(y)}
}

var (
	// Shift is P0, the first summand of every hash. Treat it as a constant.
	Shift = point("0x49ee3eba8c1600700ee1b87eb599f16716b0b1022947733551fde4050ca6804", "0x3ca0cfe4b3bc6ddf346d49d06ea0ed34e621062c0e056c1d0405d266e10268a")
	// Bases are P1…P4: for each input the point for the low 248 bits and the point for the four bits above. Treat them as constants.
	Bases = [2][2]starkcurve.Point{
		{
			point("0x234287dcbaffe7f969c748655fca9e58fa8120b6d56eb0c1080d17957ebe47b", "0x3b056f100f96fb21e889527d41f4e39940135dd7a6c94cc6ed0268ee89e5615"),
			point("0x4fa56f376c83db33f9dab2656558f3399099ec1de5e3018b7a6932dba8aa378", "0x3fa0984c931c9e38113e0c0e47e4401562761f92a7a23b45168f4e80ff5b54d"),
		},
		{
			point("0x4ba4cc166be8dec764910f75b45f74b40c690c74709e90f3aa372f0bd2d6997", "0x40301cf5c1751f4b971e46c4ede85fcac5c59a5ce5ae7c48151f27b24b219c"),
			point("0x54302dcb0e6cc1c6e44cca8f61a63bb2ca65048d53fb325d36ff12c49a58202", "0x1b77b3e37d13504b348046268d8ae25ce98ad783c25561a879dcc77e99c2426"),
		},
	}

	shift = affine(&Shift)
)

func affine(p *starkcurve.Point) starkcurve.Affine { return starkcurve.Affine{X: p.X, Y: p.Y} }

var tables = sync.OnceValue(func() *table {
	var bases []starkcurve.Affine
	var counts []int
	for input := range Bases {
		bases = append(append(bases, starkcurve.Powers(affine(&Bases[input][0]), 8, positions-1)...), affine(&Bases[input][1]))
		for position := range positions {
			counts = append(counts, digits(position))
		}
	}
	t := new(table)
	for i, list := range starkcurve.Multiples(bases, counts) {
		t[i/positions][i%positions] = list
	}
	return t
})

// digits returns the number of nonzero digits at a position.
func digits(position int) int {
	if position == positions-1 {
		return 15
	}
	return 255
}

// Hash returns the Pedersen hash of a and b.
func Hash(a, b felt.Felt) felt.Felt {
	t := tables()
	acc := starkcurve.NewSum(&shift)
	t.add(&acc, 0, a)
	t.add(&acc, 1, b)
	return acc.X()
}

// add adds to acc the multiples of an input's base points by the parts of x.
func (t *table) add(acc *starkcurve.Sum, input int, x felt.Felt) {
	bytes := x.Bytes()
	for position := range positions {
		if digit := bytes[positions-1-position]; digit != 0 {
			acc.Add(&t[input][position][digit-1])
		}
	}
}

// HashMany returns Starknet's Pedersen hash of an array: h(…h(h(0, x0), x1)…, n), where n is the number of felts.
func HashMany(xs ...felt.Felt) felt.Felt {
	hash := Hash
	if len(xs) >= longArray {
		hash = hashLong
	}
	acc := felt.Zero
	for i := range xs {
		acc = hash(acc, xs[i])
	}
	return hash(acc, felt.FromUint64(uint64(len(xs))))
}

// batch is the number of pairs that HashPairs hashes at once. It bounds the scratch memory, so that it fits in the cache.
const batch = 512

// HashPairs sets dst[i] = Hash(a[i], b[i]). The three slices have the same length; dst may be a or b.
func HashPairs(dst, a, b []felt.Felt) {
	for len(dst) > batch {
		hashBatch(dst[:batch], a[:batch], b[:batch])
		dst, a, b = dst[batch:], a[batch:], b[batch:]
	}
	hashBatch(dst, a, b)
}

func hashBatch(dst, a, b []felt.Felt) {
	n := len(dst)
	if n < 16 {
		for i := range dst {
			dst[i] = Hash(a[i], b[i])
		}
		return
	}
	t := tables()
	acc := make([]starkcurve.Affine, n)
	bytes := make([][2][32]byte, n)
	for i := range n {
		acc[i] = shift
		bytes[i] = [2][32]byte{a[i].Bytes(), b[i].Bytes()}
	}
	addend := make([]*starkcurve.Affine, n)
	dx := make([]felt.Felt, n)
	prefix := make([]felt.Felt, n)
	exceptional := make([]bool, n) // affine addition met equal x coordinates; hashed with Hash instead
	for input := range 2 {
		for position := range positions {
			product := felt.One
			for i := range n {
				addend[i] = nil
				digit := bytes[i][input][positions-1-position]
				if digit == 0 || exceptional[i] {
					continue
				}
				p := &t[input][position][digit-1]
				dx[i].Sub(&p.X, &acc[i].X)
				if dx[i].IsZero() {
					exceptional[i] = true
					continue
				}
				addend[i] = p
				prefix[i] = product
				product.Mul(&product, &dx[i])
			}
			product.Inverse(&product)
			for i := n - 1; i >= 0; i-- {
				p := addend[i]
				if p == nil {
					continue
				}
				var inv, slope, x, y felt.Felt
				inv.Mul(&product, &prefix[i])
				product.Mul(&product, &dx[i])
				slope.Sub(&p.Y, &acc[i].Y)
				slope.Mul(&slope, &inv)
				x.Square(&slope)
				x.Sub(&x, &acc[i].X)
				x.Sub(&x, &p.X)
				y.Sub(&acc[i].X, &x)
				y.Mul(&y, &slope)
				y.Sub(&y, &acc[i].Y)
				acc[i].X, acc[i].Y = x, y
			}
		}
	}
	for i := range n {
		if exceptional[i] {
			dst[i] = Hash(a[i], b[i])
			continue
		}
		dst[i] = acc[i].X
	}
}
