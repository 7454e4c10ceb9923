package sierra

import (
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
)

// Range is the integers from Lower to Upper, Upper excluded.
type Range struct{ Lower, Upper *big.Int }

// Size returns the number of integers in the range.
func (r Range) Size() *big.Int { return new(big.Int).Sub(r.Upper, r.Lower) }

// Max returns the largest integer in the range.
func (r Range) Max() *big.Int { return new(big.Int).Sub(r.Upper, bigOne) }

// contains reports whether v is in the range.
func (r Range) contains(v *big.Int) bool { return r.Lower.Cmp(v) <= 0 && v.Cmp(r.Upper) < 0 }

// covers reports whether all of o is in the range.
func (r Range) covers(o Range) bool { return r.Lower.Cmp(o.Lower) <= 0 && o.Upper.Cmp(r.Upper) <= 0 }

// IsSmall reports whether one range check covers the range: it has at most 2^128 integers.
func (r Range) IsSmall() bool { return r.Size().Cmp(big2Pow128) <= 0 }

// IsFull reports whether the range has at least as many integers as the field has elements.
func (r Range) IsFull() bool { return r.Size().Cmp(bigPrime) >= 0 }

// Intersect returns the integers in both ranges; ok is false when there are none.
func (r Range) Intersect(o Range) (both Range, ok bool) {
	both = Range{Lower: r.Lower, Upper: r.Upper}
	if o.Lower.Cmp(both.Lower) > 0 {
		both.Lower = o.Lower
	}
	if o.Upper.Cmp(both.Upper) < 0 {
		both.Upper = o.Upper
	}
	return both, both.Lower.Cmp(both.Upper) < 0
}

// Big integers that are shared; they must not be modified.
var (
	bigZero    = big.NewInt(0)
	bigOne     = big.NewInt(1)
	bigTwo     = big.NewInt(2)
	bigPrime   = felt.Modulus()
	big2Pow96  = pow2(96)
	big2Pow128 = pow2(128)
	big2Pow248 = pow2(248)
	big2Pow251 = pow2(251)
	// addressBound is the exclusive bound of storage base addresses and class hashes, which leaves room for an offset of
	// 8 bits.
	addressBound = new(big.Int).Sub(big2Pow251, big.NewInt(256))
)

func pow2(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

// intWidths maps integer types to their bits, negative for signed types.
var intWidths = map[string]int{
	"u8": 8, "u16": 16, "u32": 32, "u64": 64, "u128": 128,
	"i8": -8, "i16": -16, "i32": -32, "i64": -64, "i128": -128,
}

// rangeOf returns the range of a type. The range of felt252 includes each value and its negative.
func rangeOf(generic string, args []GenericArg) (Range, bool) {
	if generic == "BoundedInt" {
		if len(args) != 2 || args[0].Kind != ValueArg || args[1].Kind != ValueArg || args[0].Value.Cmp(args[1].Value) > 0 {
			return Range{}, false
		}
		return closedRange(args[0].Value, args[1].Value), true
	}
	if len(args) != 0 {
		return Range{}, false
	}
	switch width := intWidths[generic]; {
	case width > 0:
		return Range{bigZero, pow2(uint(width))}, true
	case width < 0:
		half := pow2(uint(-width - 1))
		return Range{new(big.Int).Neg(half), half}, true
	case generic == "felt252":
		return Range{new(big.Int).Sub(bigOne, bigPrime), bigPrime}, true
	case generic == "bytes31":
		return Range{bigZero, big2Pow248}, true
	}
	return Range{}, false
}

func closedRange(lower, last *big.Int) Range {
	return Range{Lower: lower, Upper: new(big.Int).Add(last, bigOne)}
}
