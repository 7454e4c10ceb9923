// Package felt implements the Cairo field: integers modulo P = 2^251 + 17·2^192 + 1.
//
// A Felt is four 64-bit limbs in Montgomery form (R = 2^256), always reduced below P, so two equal field elements are
// equal Go values and a Felt can be a map key. The zero value is the field's zero. The arithmetic is
// gnark-crypto's stark-curve base field, in WebAssembly its own (limbs.go). This package adds Starknet's encodings: 0x-prefixed hexadecimal without leading zeros,
// 32 big-endian bytes, short strings, and JSON.
package felt

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strings"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"
)

// Bytes is the length of a Felt's big-endian form in bytes.
const Bytes = 32

// Felt is an element of the Cairo field, in Montgomery form and reduced. Arithmetic methods set the receiver z and return it, as in
// math/big; arguments may alias the receiver.
type Felt fp.Element

var (
	// Zero and One are the field's neutral elements. Treat them as constants.
	Zero = Felt{}
	One  = FromUint64(1)
)

// Modulus returns P as a new big integer.
func Modulus() *big.Int { return fp.Modulus() }

// FromUint64 returns v as a Felt.
func FromUint64(v uint64) Felt { return FromLimbs([4]uint64{v}) }

// FromInt64 returns v modulo P; negative values wrap.
func FromInt64(v int64) Felt {
	var e fp.Element
	e.SetInt64(v)
	return Felt(e)
}

// FromUint128 returns hi·2^64 + lo as a Felt.
func FromUint128(hi, lo uint64) Felt { return FromLimbs([4]uint64{lo, hi}) }

// FromBigInt returns v modulo P; negative values wrap.
func FromBigInt(v *big.Int) Felt {
	var e fp.Element
	e.SetBigInt(v)
	return Felt(e)
}

// FromBytesReduce returns the big-endian integer b, of any length, modulo P. For bytes that must be canonical use FromBytes.
func FromBytesReduce(b []byte) Felt {
	var e fp.Element
	e.SetBytes(b)
	return Felt(e)
}

// FromBytes decodes 32 big-endian bytes. It returns an error for values of P or more.
func FromBytes(b []byte) (Felt, error) {
	if len(b) != Bytes {
		return Felt{}, fmt.Errorf("felt: %d bytes, want %d", len(b), Bytes)
	}
	var words [4]uint64
	for i := range words {
		words[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	if words[3] > topWord || words[3] == topWord && words[0]|words[1]|words[2] != 0 { // P has the words 1, 0, 0, topWord
		return Felt{}, fmt.Errorf("felt: 0x%x is not below P", [Bytes]byte(b)) // copied, so that b does not escape to the heap
	}
	return FromLimbs(words), nil
}

// FromHex decodes a 0x-prefixed hexadecimal number below P; upper case and leading zeros are accepted.
func FromHex(s string) (Felt, error) { return fromHex(s) }

// FromHexBytes decodes s like FromHex, without a copy of s as a string.
func FromHexBytes(s []byte) (Felt, error) { return fromHex(s) }

// FromWideHex decodes a hexadecimal number of any length, as the official compiler does: a plus sign may follow 0x, and underscores may follow
// the first digit. f is the number modulo P. wide is the number if it is P or more, else nil.
func FromWideHex(s string) (f Felt, wide *big.Int, err error) {
	if f, err = FromHex(s); err == nil {
		return f, nil, nil
	}
	digits, ok := strings.CutPrefix(s, "0x")
	digits = strings.TrimPrefix(digits, "+")
	if !ok || digits == "" || digits[0] == '_' || strings.Trim(digits, "0123456789abcdefABCDEF_") != "" {
		return f, nil, err
	}
	v, _ := new(big.Int).SetString(strings.ReplaceAll(digits, "_", ""), 16)
	if v.Cmp(Modulus()) >= 0 {
		wide = v
	}
	return FromBigInt(v), wide, nil
}

func fromHex[T string | []byte](s T) (Felt, error) {
	if len(s) < 3 || s[0] != '0' || s[1] != 'x' {
		return Felt{}, fmt.Errorf("felt: %q is not 0x-prefixed hexadecimal", clip(string(s)))
	}
	digits := s[2:]
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	var b [Bytes]byte
	for i := range len(digits) {
		v := digitValues[digits[i]]
		if v == 0 {
			return Felt{}, fmt.Errorf("felt: %q is not 0x-prefixed hexadecimal", clip(string(s)))
		}
		if at := len(digits) - 1 - i; at < 2*Bytes {
			b[Bytes-1-at/2] |= (v - 1) << (at % 2 * 4)
		}
	}
	f, err := FromBytes(b[:])
	if len(digits) > 2*Bytes || err != nil {
		return Felt{}, fmt.Errorf("felt: %q is not below P", clip(string(s)))
	}
	return f, nil
}

// digitValues maps a hexadecimal digit to its value plus one, and any other byte to 0.
var digitValues = func() (values [256]byte) {
	for i, c := range []byte("0123456789abcdef") {
		values[c] = byte(i + 1)
	}
	for i, c := range []byte("ABCDEF") {
		values[c] = byte(i + 11)
	}
	return values
}()

// MustHex decodes s like FromHex but panics on an error. It is for constants in source code.
func MustHex(s string) Felt {
	f, err := FromHex(s)
	if err != nil {
		panic(err)
	}
	return f
}

// FromDecimal decodes an unsigned decimal number below P.
func FromDecimal(s string) (Felt, error) {
	if s == "" || len(s) > 77 || strings.Trim(s, "0123456789") != "" {
		return Felt{}, fmt.Errorf("felt: %q is not a decimal number below P", clip(s))
	}
	v, _ := new(big.Int).SetString(s, 10)
	if v.Cmp(fp.Modulus()) >= 0 {
		return Felt{}, fmt.Errorf("felt: %s is not below P", s)
	}
	return FromBigInt(v), nil
}

// FromShortString packs at most 31 ASCII characters big-endian, like Cairo's short string literals. It panics on any other string, because it
// is for constants of the protocol; use ParseShortString for input.
func FromShortString(s string) Felt {
	f, err := ParseShortString(s)
	if err != nil {
		panic(err)
	}
	return f
}

// ParseShortString packs at most 31 ASCII characters big-endian. It returns an error for any other string.
func ParseShortString(s string) (Felt, error) {
	if len(s) > 31 {
		return Felt{}, fmt.Errorf("felt: short string of %d characters, at most 31", len(s))
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return Felt{}, fmt.Errorf("felt: short string %q is not ASCII", s)
		}
	}
	return FromBytesReduce([]byte(s)), nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

func (z *Felt) e() *fp.Element { return (*fp.Element)(z) }

// Add sets z = x + y.
func (z *Felt) Add(x, y *Felt) *Felt { add(z, x, y); return z }

// Sub sets z = x - y.
func (z *Felt) Sub(x, y *Felt) *Felt { sub(z, x, y); return z }

// Mul sets z = x · y. The result is reduced even if x and y are not, as long as the product of their words is below 2^256·P.
func (z *Felt) Mul(x, y *Felt) *Felt { mul(z, x, y); return z }

// Square sets z = x². The result is reduced even if x is not, as long as the square of its words is below 2^256·P.
func (z *Felt) Square(x *Felt) *Felt { square(z, x); return z }

// Neg sets z = -x.
func (z *Felt) Neg(x *Felt) *Felt { z.e().Neg(x.e()); return z }

// Double sets z = 2x.
func (z *Felt) Double(x *Felt) *Felt { double(z, x); return z }

// Inverse sets z = 1/x, or 0 when x is 0.
func (z *Felt) Inverse(x *Felt) *Felt { z.e().Inverse(x.e()); return z }

// Div sets z = x/y, or 0 when y is 0.
func (z *Felt) Div(x, y *Felt) *Felt { z.e().Div(x.e(), y.e()); return z }

// Exp sets z = x^k for k ≥ 0.
func (z *Felt) Exp(x *Felt, k *big.Int) *Felt { z.e().Exp(fp.Element(*x), k); return z }

// Sqrt sets z to a square root of x and reports whether one exists; z is unchanged when none does.
func (z *Felt) Sqrt(x *Felt) bool { return z.e().Sqrt(x.e()) != nil }

// Legendre returns 1 for a non-zero square, -1 for a non-square and 0 for zero.
func (z *Felt) Legendre() int { return z.e().Legendre() }

// IsZero reports whether z is 0.
func (z *Felt) IsZero() bool { return *z == Felt{} }

// Equal reports whether z and x are the same element.
func (z *Felt) Equal(x *Felt) bool { return *z == *x }

// Cmp compares z and x as integers in [0, P). It returns -1, 0 or 1.
func (z *Felt) Cmp(x *Felt) int {
	a, b := z.Limbs(), x.Limbs()
	for i := 3; i >= 0; i-- {
		if a[i] != b[i] {
			return cmp.Compare(a[i], b[i])
		}
	}
	return 0
}

// BitLen returns the length in bits of z as an integer in [0, P); 0 for zero.
func (z *Felt) BitLen() int {
	l := z.Limbs() // fp.Element's BitLen is that of the Montgomery form
	for i := 3; i >= 0; i-- {
		if l[i] != 0 {
			return 64*i + bits.Len64(l[i])
		}
	}
	return 0
}

// IsUint64 reports whether z is below 2^64.
func (z *Felt) IsUint64() bool {
	l := z.Limbs()
	return l[1]|l[2]|l[3] == 0
}

// Uint64 returns z modulo 2^64, which is z if IsUint64 reports true.
func (z *Felt) Uint64() uint64 { return z.Limbs()[0] }

// Limbs returns z as an integer in [0, P): four 64-bit limbs, least significant first.
func (z *Felt) Limbs() [4]uint64 { return words(z) }

// FromLimbs returns the integer with the given limbs, least significant first, modulo P.
func FromLimbs(l [4]uint64) Felt {
	// In Montgomery form the limbs l are l/2^256; multiplying by 2^256 gives l. The product is reduced even if l is not.
	z := Felt(l)
	mul(&z, &z, &radix)
	return z
}

// radix is 2^256 as a field element.
var radix = FromBigInt(new(big.Int).Lsh(big.NewInt(1), 256))

// BigInt returns z as a new integer in [0, P).
func (z *Felt) BigInt() *big.Int { return z.e().BigInt(new(big.Int)) }

// Bytes returns z as 32 big-endian bytes.
func (z *Felt) Bytes() (b [Bytes]byte) {
	for i, word := range z.Limbs() {
		binary.BigEndian.PutUint64(b[24-8*i:], word)
	}
	return b
}

// String returns z as 0x-prefixed lower-case hexadecimal without leading zeros, the form FELT of the RPC specification.
func (z Felt) String() string { return string(z.AppendHex(make([]byte, 0, 2+2*Bytes))) }

// MarshalText returns the text of String.
func (z Felt) MarshalText() ([]byte, error) { return z.AppendHex(make([]byte, 0, 2+2*Bytes)), nil }

// AppendHex appends the text of String to b. It does not use fmt, because RPC responses consist mostly of felts.
func (z *Felt) AppendHex(b []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, "0x"...)
	limbs := z.Limbs()
	n := 1 // digits
	for i := len(limbs) - 1; i >= 0; i-- {
		if limbs[i] != 0 {
			n = 16*i + (bits.Len64(limbs[i])+3)/4
			break
		}
	}
	for i := n - 1; i >= 0; i-- {
		b = append(b, digits[limbs[i/16]>>(4*(i%16))&15])
	}
	return b
}

// UnmarshalText decodes the text as FromHex does.
func (z *Felt) UnmarshalText(b []byte) error {
	f, err := FromHex(string(b))
	if err != nil {
		return err
	}
	*z = f
	return nil
}

// ShortString returns the characters of a short string. It returns an error if one of them is not printable ASCII.
func (z *Felt) ShortString() (string, error) {
	b := z.Bytes()
	s := strings.TrimLeft(string(b[:]), "\x00")
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return "", errors.New("felt: not a printable short string")
		}
	}
	return s, nil
}
