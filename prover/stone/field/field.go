// Package field is the arithmetic of the prover and verifier: elements of the field of order 2^251 + 17·2^192 + 1, the
// multiplicative groups of two-power order from which STARK domains are made, and vector kernels.
//
// Scalar arithmetic is gnark-crypto's, in Montgomery form with R = 2^256. Elements are always reduced, so they can be compared
// with ==. Its vector multiplication returns wrong values for some valid inputs, so use MulVec and ScaleVec of this package for
// vectors. The verifier uses scalar operations only.
package field

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// Element is a reduced field element in Montgomery form. The zero value is the field's zero.
type Element = fp.Element

// Bytes is the length of an encoded element.
const Bytes = 32

// twoAdicity is the largest k for which a subgroup of order 2^k exists.
const twoAdicity = 192

// Modulus returns a copy of the field's characteristic.
func Modulus() *big.Int { return fp.Modulus() }

// One returns the field's one.
func One() Element { return fp.One() }

// New returns v as an element.
func New(v uint64) Element { return fp.NewElement(v) }

// Generator returns 3, which generates the multiplicative group. It is also the offset of every evaluation coset.
func Generator() Element { return fp.NewElement(3) }

// RootOfUnity returns 3^((p-1)/2^log), which generates the subgroup of order 2^log. It panics if log exceeds twoAdicity.
func RootOfUnity(log uint) Element {
	if log > twoAdicity {
		panic(fmt.Sprintf("field: no subgroup of order 2^%d", log))
	}
	e := new(big.Int).Sub(fp.Modulus(), big.NewInt(1))
	e.Rsh(e, log)
	var r Element
	r.Exp(Generator(), e)
	return r
}

// Pow returns x^k.
func Pow(x Element, k uint64) Element {
	r := One()
	for i := bits.Len64(k) - 1; i >= 0; i-- {
		r.Square(&r)
		if k>>uint(i)&1 == 1 {
			r.Mul(&r, &x)
		}
	}
	return r
}

// Powers returns 1, x, x², …, x^(n-1).
func Powers(x Element, n int) []Element {
	p := make([]Element, n)
	PowersFrom(p, One(), x)
	return p
}

// PowersFrom sets p to start, start·x, start·x², ….
func PowersFrom(p []Element, start, x Element) {
	const first = 64
	n := min(len(p), first)
	for i := range p[:n] {
		p[i] = start
		start.Mul(&start, &x)
	}
	// Double the computed part: p[i+n] = p[i]·x^n.
	for step := Pow(x, first); n < len(p); n *= 2 {
		end := min(2*n, len(p))
		ScaleVec(p[n:end], p[:end-n], &step)
		step.Square(&step)
	}
}

// BatchInvert replaces every element of a by its inverse, with one inversion in total and three multiplications per element.
// Zeros remain zero. scratch must hold at least len(a) elements; if it is nil, BatchInvert allocates it.
func BatchInvert(a, scratch []Element) {
	if scratch == nil {
		scratch = make([]Element, len(a))
	}
	const rows, least = 16, 256
	if len(a) < least || len(a)%rows != 0 || slices.Contains(a, Element{}) {
		batchInvert(a, scratch)
		return
	}
	// The same with vectors: a is cut into rows, and the running product is a row.
	size := len(a) / rows
	row := func(v []Element, i int) []Element { return v[i*size : (i+1)*size] }
	copy(row(scratch, 0), row(a, 0))
	for i := 1; i < rows; i++ {
		MulVec(row(scratch, i), row(scratch, i-1), row(a, i))
	}
	acc := row(scratch, rows-1) // the product of all rows, later its inverse
	rest := make([]Element, size)
	BatchInvert(acc, rest)
	for i := rows - 1; i > 0; i-- {
		MulVec(rest, acc, row(a, i)) // the inverse of the product of rows 0 to i-1
		MulVec(row(a, i), acc, row(scratch, i-1))
		acc, rest = rest, acc
	}
	copy(row(a, 0), acc)
}

func batchInvert(a, scratch []Element) {
	acc := One()
	for i := range a {
		scratch[i] = acc
		if !a[i].IsZero() {
			acc.Mul(&acc, &a[i])
		}
	}
	acc.Inverse(&acc)
	for i := len(a) - 1; i >= 0; i-- {
		if a[i].IsZero() {
			continue
		}
		var inv Element
		inv.Mul(&acc, &scratch[i])
		acc.Mul(&acc, &a[i])
		a[i] = inv
	}
}

// Log2 returns log2(n) and whether n is a power of two.
func Log2(n uint64) (uint, bool) {
	if n == 0 || n&(n-1) != 0 {
		return 0, false
	}
	return uint(bits.TrailingZeros64(n)), true
}

// BitReverse returns the low log bits of i in reverse order.
func BitReverse(i uint64, log uint) uint64 {
	if log == 0 {
		return 0
	}
	return bits.Reverse64(i) >> (64 - log)
}

// PutMontgomery writes x's Montgomery word x·2^256 mod p to b as 32 big-endian bytes. Stone hashes and sends trace elements in
// this form.
func PutMontgomery(b []byte, x *Element) {
	_ = b[31]
	binary.BigEndian.PutUint64(b[0:], x[3])
	binary.BigEndian.PutUint64(b[8:], x[2])
	binary.BigEndian.PutUint64(b[16:], x[1])
	binary.BigEndian.PutUint64(b[24:], x[0])
}

// FromMontgomery reads bytes that PutMontgomery wrote. It returns an error for a word that is not below the modulus.
func FromMontgomery(b []byte) (Element, error) {
	if len(b) != Bytes {
		return Element{}, fmt.Errorf("field: element of %d bytes, want %d", len(b), Bytes)
	}
	x := Element{
		binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]),
		binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[0:]),
	}
	if !reduced(&x) {
		return Element{}, fmt.Errorf("field: element 0x%x is not below the modulus", b)
	}
	return x, nil
}

// FromCanonical reads a 32-byte big-endian integer. It returns an error unless it is below the modulus.
func FromCanonical(b []byte) (Element, error) {
	var x Element
	if err := x.SetBytesCanonical(b); err != nil {
		return Element{}, fmt.Errorf("field: element 0x%x is not a 32-byte integer below the modulus", b)
	}
	return x, nil
}

// p holds the modulus 2^251 + 17·2^192 + 1 as little-endian words.
var p = [4]uint64{1, 0, 0, 0x0800000000000011}

func reduced(x *Element) bool {
	for i := 3; i >= 0; i-- {
		if x[i] != p[i] {
			return x[i] < p[i]
		}
	}
	return false
}
