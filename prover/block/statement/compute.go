package statement

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/secp"
	"github.com/starkd/starkd/crypto/sha2"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// The functions of this file recompute the syscalls that only compute: sha256, sha512, secp256k1 and secp256r1. Each returns
// what Starknet answers, for any request. The engines do not use this code, nor crypto/secp.
//
// An error means that the request aborts the transaction, so it cannot be part of a proved run. A failure is the panic data of
// a syscall that fails.

// computeSha256Block returns the state of SHA-256 after a block (FIPS 180-4, section 6.2.2). It returns an error if a word is
// not below 2^32.
func computeSha256Block(state [8]felt.Felt, block [16]felt.Felt) ([8]felt.Felt, error) {
	return shaBlock(32, sha2.Compress256, state, block)
}

// computeSha512Block returns the state of SHA-512 after a block (FIPS 180-4, section 6.4.2). It returns an error if a word is
// not below 2^64.
func computeSha512Block(state [8]felt.Felt, block [16]felt.Felt) ([8]felt.Felt, error) {
	return shaBlock(64, sha2.Compress512, state, block)
}

func shaBlock(bits int, compress func(*[8]uint64, *[16]uint64), state [8]felt.Felt, block [16]felt.Felt) (next [8]felt.Felt, err error) {
	var h [8]uint64
	var b [16]uint64
	if err := integers("the state", h[:], state[:], bits); err != nil {
		return next, err
	}
	if err := integers("the block", b[:], block[:], bits); err != nil {
		return next, err
	}
	compress(&h, &b)
	for i := range h {
		next[i] = felt.FromUint64(h[i])
	}
	return next, nil
}

// integers sets each of to to the word of from at its place. It returns an error if a word has more than the given bits, at
// most 64.
func integers(what string, to []uint64, from []felt.Felt, bits int) error {
	for i := range from {
		if from[i].BitLen() > bits {
			return fmt.Errorf("word %d of %s is %v, which does not fit in %d bits", i, what, from[i], bits)
		}
		to[i] = from[i].Uint64()
	}
	return nil
}

// u256 is a 256-bit integer as compiled code writes it: the low and the high 128 bits.
type u256 = [2]felt.Felt

// u256Of returns the integer x. It returns an error if a half does not fit in 128 bits.
func u256Of(what string, x u256) (v secp.Int, err error) {
	for i, half := range x {
		if half.BitLen() > 128 {
			return v, fmt.Errorf("word %d of %s is %v, which does not fit in 128 bits", i, what, half)
		}
		limbs := half.Limbs()
		v[2*i], v[2*i+1] = limbs[0], limbs[1]
	}
	return v, nil
}

// secpResult is the result of a syscall that returns an Option of a point.
type secpResult struct {
	failure []felt.Felt // panic data if the syscall fails; the other fields are then zero
	some    bool        // whether there is a point
	point   secp.Point
}

// computeSecpNew returns the point (x, y). The syscall fails if a coordinate is not below the curve's modulus. There is no point
// if (x, y) is not on the curve. (0, 0) is the point at infinity.
func computeSecpNew(curve *secp.Curve, x, y u256) (secpResult, error) {
	u, err := u256Of("x", x)
	if err != nil {
		return secpResult{}, err
	}
	v, err := u256Of("y", y)
	if err != nil {
		return secpResult{}, err
	}
	if p := curve.Modulus(); u.Cmp(&p) >= 0 || v.Cmp(&p) >= 0 {
		return secpResult{failure: []felt.Felt{invalidArgument}}, nil
	}
	point, ok := curve.New(u, v)
	return secpResult{some: ok, point: point}, nil
}

// computeSecpFromX returns the point with the given x whose y is odd if parity is 1, even if it is 0. The syscall fails if x is
// not below the curve's modulus. It returns an error for any other parity.
func computeSecpFromX(curve *secp.Curve, x u256, parity felt.Felt) (secpResult, error) {
	u, err := u256Of("x", x)
	if err != nil {
		return secpResult{}, err
	}
	odd, err := flagOf(parity)
	if err != nil {
		return secpResult{}, fmt.Errorf("parity of y: %w", err)
	}
	if p := curve.Modulus(); u.Cmp(&p) >= 0 {
		return secpResult{failure: []felt.Felt{invalidArgument}}, nil
	}
	point, ok := curve.FromX(u, odd)
	return secpResult{some: ok, point: point}, nil
}

// computeSecpAdd returns p + q, for points of the curve.
func computeSecpAdd(curve *secp.Curve, p, q secp.Point) secp.Point { return curve.Add(p, q) }

// computeSecpMul returns scalar·p, for a point of the curve. The scalar may exceed the curve's order.
func computeSecpMul(curve *secp.Curve, p secp.Point, scalar u256) (secp.Point, error) {
	k, err := u256Of("the scalar", scalar)
	if err != nil {
		return secp.Point{}, err
	}
	return curve.Mul(p, k), nil
}

// computeSecpXY returns the coordinates of a point. Those of the point at infinity are 0.
func computeSecpXY(p secp.Point) (x, y u256) {
	u, v := p.XY()
	return u256Words(u), u256Words(v)
}

func u256Words(v secp.Int) u256 {
	return u256{felt.FromUint128(v[1], v[0]), felt.FromUint128(v[3], v[2])}
}

// checkECOps reports for instances of the builtin ec_op whether they hold: the words of each are the points p and q of the Stark curve, m, and p + m·q,
// which must not be the point at infinity. Unlike the builtin, it has no other exceptions: p + m·q is the sum in the group.
func checkECOps(instances [][]felt.Felt) []bool {
	list := make([]starkcurve.Instance, len(instances))
	for i, w := range instances {
		list[i] = starkcurve.Instance{
			P: starkcurve.Affine{X: w[0], Y: w[1]}, Q: starkcurve.Affine{X: w[2], Y: w[3]}, M: w[4], Sum: starkcurve.Affine{X: w[5], Y: w[6]},
		}
	}
	return starkcurve.CheckInstances(list)
}

// ecOpError says what is wrong with an instance of ec_op that does not hold.
func ecOpError(words [ecOpSize]felt.Felt) error {
	p, q := starkcurve.Point{X: words[0], Y: words[1]}, starkcurve.Point{X: words[2], Y: words[3]}
	for _, point := range []starkcurve.Point{p, q} {
		if !starkcurve.IsOnCurve(point) {
			return fmt.Errorf("(%v, %v) is not a point of the curve", point.X, point.Y)
		}
	}
	sum := p.Add(q.ScalarMul(words[4].BigInt()))
	return fmt.Errorf("the sum is (%v, %v), want (%v, %v), infinity: %t", words[5], words[6], sum.X, sum.Y, sum.Infinity)
}
