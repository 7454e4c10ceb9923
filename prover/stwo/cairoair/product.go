package cairoair

import (
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/wide"
)

// Arithmetic modulo P = 2^251 + 17·2^192 + 1. A number stands in a row as 28 limbs of 9 bits, the lowest first. With B = 2^9,
//
//	P = 1 + 136·B^21 + 256·B^27
//
// All that is proved of a number is that its limbs have 9 bits: a number may be P or more, unless a component says otherwise.

// limbColumns adds columns for the limbs of a number.
func limbColumns(b *air.Builder, name string, witness []air.Expr) []air.Expr {
	limbs := make([]air.Expr, len(witness))
	for k := range limbs {
		limbs[k] = b.Column(limbName(name, k), witness[k])
	}
	return limbs
}

// constantLimbs returns the limbs of a constant: 28 of 9 bits or 10 of 27.
func constantLimbs(b *air.Builder, c felt.Felt, n int) []air.Expr {
	width := limbBits
	if n == packed252 {
		width = packedBits
	}
	limbs := make([]air.Expr, n)
	for k, v := range wide.Split(c, n, width) {
		limbs[k] = b.Const(v)
	}
	return limbs
}

// rangeCheckLimbs states that limbs have 9 bits.
func rangeCheckLimbs(b *air.Builder, limbs []air.Expr) {
	for k := 0; k < len(limbs); k += 2 {
		b.Use(rangeCheck9x9[k/2%len(rangeCheck9x9)], limbs[k], limbs[k+1])
	}
}

// difference returns x - y limb by limb.
func difference(x, y []air.Expr) []air.Expr { return limbwise(air.Expr.Sub, x, y) }

// sum returns x + y limb by limb.
func sum(x, y []air.Expr) []air.Expr { return limbwise(air.Expr.Add, x, y) }

func limbwise(op func(x, y air.Expr) air.Expr, x, y []air.Expr) []air.Expr {
	z := make([]air.Expr, len(x))
	for k := range z {
		z[k] = op(x[k], y[k])
	}
	return z
}

// convolve returns the coefficients of the product of two polynomials, whose coefficients are x and y. It splits them in halves as long as
// their number is even (Karatsuba), which leaves 441 of 784 products for 28 coefficients:
//
//	(x0 + x1·t)·(y0 + y1·t) = low + ((x0 + x1)·(y0 + y1) - low - high)·t + high·t²,   low = x0·y0, high = x1·y1
func convolve(x, y []air.Expr) []air.Expr {
	n := len(x)
	if n%2 == 0 {
		half := n / 2
		low, high := convolve(x[:half], y[:half]), convolve(x[half:], y[half:])
		middle := difference(difference(convolve(sum(x[:half], x[half:]), sum(y[:half], y[half:])), low), high)
		z := make([]air.Expr, 2*n-1)
		copy(z, low)
		z[n-1] = middle[half-1]
		copy(z[n:], high)
		for k, m := range middle {
			if at := half + k; at != n-1 {
				z[at] = z[at].Add(m)
			}
		}
		return z
	}
	z := make([]air.Expr, 2*n-1)
	for k := range z {
		for i := max(0, k-n+1); i <= min(k, n-1); i++ {
			if p := x[i].Mul(y[k-i]); i == max(0, k-n+1) {
				z[k] = p
			} else {
				z[k] = z[k].Add(p)
			}
		}
	}
	return z
}

// biasCarry is added to a carry so that it is at least 0. A carry, and the multiple k of P, has 20 bits with its sign.
const biasCarry = 1 << 19

// verifyProduct states that x·y ≡ z modulo P, with the columns k and carries, whose witness is what wide.Carries says. Limbs of x and y may be
// differences of limbs, and those of z sums of four.
//
// The constraints hold modulo 2^31 - 1, but the range checks make them equations of integers: with limbs of 9 bits a coefficient is below 2^28,
// and so are k·256 and 512 times a carry, so that no sum of a constraint reaches 2^30.
func verifyProduct(b *air.Builder, x, y, z, witness []air.Expr) {
	z2 := convolve(x, y)
	copy(z2, difference(z2[:len(z)], z))
	var terms [limbs252][]air.Expr
	wide.Fold(func(to int, factor int32, from int) {
		if factor < 0 {
			terms[to] = append(terms[to], z2[from].Times(uint32(-factor)).Neg())
		} else {
			terms[to] = append(terms[to], z2[from].Times(uint32(factor)))
		}
	})
	check := func(at int, e air.Expr) { b.Use(rangeCheck20[at%len(rangeCheck20)], e.Plus(biasCarry)) }

	k := b.Column("k", witness[0])
	check(0, k)
	carry := b.Const(0)
	for j := range terms {
		w := air.Sum(terms[j]...).Sub(k.Times(starkPrime[j])).Add(carry)
		if j == limbs252-1 {
			b.Constrain("the product has no last carry", w)
			break
		}
		carry = b.Column(fmt.Sprintf("carry_%d", j), witness[1+j])
		b.Constrain(fmt.Sprintf("carry %d of the product", j), carry.Times(1<<limbBits).Sub(w))
		check(1+j, carry)
	}
}

// multiply adds columns with x·y modulo P, and returns its limbs.
func multiply(b *air.Builder, x, y []air.Expr) []air.Expr {
	witness := b.Compute(productOf, slices.Concat(x, y)...)
	return product(b, "mul_res", x, y, witness)
}

// product adds columns with z ≡ x·y, whose limbs, k and carries are the witness, and returns the limbs.
func product(b *air.Builder, name string, x, y, witness []air.Expr) []air.Expr {
	z := limbColumns(b, name, witness[:limbs252])
	rangeCheckLimbs(b, z)
	verifyProduct(b, x, y, z, witness[limbs252:])
	return z
}
