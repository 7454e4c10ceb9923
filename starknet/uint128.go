package starknet

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
)

// Uint128 is a fee, a price or a token amount: Hi·2^64 + Lo. Equal numbers are equal Go values.
type Uint128 struct{ Hi, Lo uint64 }

// NewUint128 returns v as a Uint128.
func NewUint128(v uint64) Uint128 { return Uint128{Lo: v} }

// Uint128FromFelt returns x as a Uint128, or an error if x is not below 2^128.
func Uint128FromFelt(x felt.Felt) (Uint128, error) {
	l := x.Limbs()
	if l[2] != 0 || l[3] != 0 {
		return Uint128{}, fmt.Errorf("starknet: %s does not fit in 128 bits", x)
	}
	return Uint128{Hi: l[1], Lo: l[0]}, nil
}

// Felt returns x as a field element.
func (x Uint128) Felt() felt.Felt { return felt.FromUint128(x.Hi, x.Lo) }

// BigInt returns x as a new big integer.
func (x Uint128) BigInt() *big.Int {
	v := new(big.Int).SetUint64(x.Hi)
	return v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(x.Lo))
}

// IsZero reports whether x is 0.
func (x Uint128) IsZero() bool { return x == Uint128{} }

// Cmp returns -1 if x < y, 0 if x == y, and +1 if x > y.
func (x Uint128) Cmp(y Uint128) int {
	switch {
	case x.Hi < y.Hi || x.Hi == y.Hi && x.Lo < y.Lo:
		return -1
	case x == y:
		return 0
	}
	return 1
}

// Add returns x + y modulo 2^128, and whether the sum fits in 128 bits.
func (x Uint128) Add(y Uint128) (sum Uint128, ok bool) {
	lo, carry := bits.Add64(x.Lo, y.Lo, 0)
	hi, carry := bits.Add64(x.Hi, y.Hi, carry)
	return Uint128{Hi: hi, Lo: lo}, carry == 0
}

// Sub returns x - y modulo 2^128, and whether y is at most x.
func (x Uint128) Sub(y Uint128) (diff Uint128, ok bool) {
	lo, borrow := bits.Sub64(x.Lo, y.Lo, 0)
	hi, borrow := bits.Sub64(x.Hi, y.Hi, borrow)
	return Uint128{Hi: hi, Lo: lo}, borrow == 0
}

// Mul64 returns x·y modulo 2^128, and whether the product fits in 128 bits.
func (x Uint128) Mul64(y uint64) (product Uint128, ok bool) {
	carry, lo := bits.Mul64(x.Lo, y)
	over, mid := bits.Mul64(x.Hi, y)
	hi, c := bits.Add64(mid, carry, 0)
	return Uint128{Hi: hi, Lo: lo}, over == 0 && c == 0
}

// String returns x in decimal.
func (x Uint128) String() string { return x.BigInt().String() }
