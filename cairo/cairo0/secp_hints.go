package cairo0

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"strings"

	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	r1 "github.com/consensys/gnark-crypto/ecc/secp256r1/fp"

	"github.com/starkd/starkd/cairo/cairo0/pyhint"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// This file has native implementations of the hints of starkware.cairo.common.cairo_secp and secp256r1. These hints pack three limbs of 86
// bits to an integer, compute modulo the prime of the curve, and leave results in variables of the scope for later hints. All variables
// and imported names that the interpreter would leave are set, because a hint without native implementation may use them.

// A tryHint does what a hint does, or returns false before it changes anything. Then the interpreter runs the hint's code, so that whatever
// is unusual (a limb that is not an integer, a variable that another hint has changed, an assertion that fails) has one implementation.
type tryHint func(m *machine.Machine, ids *IDs) (done bool, err error)

// orInterpret returns the hint that tries f and else interprets the code.
func orInterpret(f tryHint) ProgramHint {
	return func(m *machine.Machine, ids *IDs) error {
		done, err := f(m, ids)
		if done {
			return err
		}
		if ids.interpreted == nil {
			ids.interpreted = interpretHint(ids.hint.Code)
		}
		return ids.interpreted(m, ids)
	}
}

const (
	secpUtils = "starkware.cairo.common.cairo_secp.secp_utils."
	r1Utils   = "starkware.cairo.common.cairo_secp.secp256r1_utils."
	pyMath    = "starkware.python.math_utils."
)

// secpField is the field of a curve's coordinates, as the hints name it.
type secpField struct {
	name    string // the prime's name
	imports []string
	prime   *big.Int
	// invert sets z to 1/z modulo the prime; z must be from [1, prime).
	invert func(z *big.Int)
}

var (
	secpK1 = &secpField{"SECP_P", []string{secpUtils + "SECP_P", secpUtils + "pack"}, pyhint.Global(secpUtils + "SECP_P").(*big.Int), func(z *big.Int) {
		var e fp.Element
		e.SetBigInt(z)
		e.Inverse(&e)
		e.BigInt(z)
	}}
	secpR1 = &secpField{"SECP256R1_P", []string{r1Utils + "SECP256R1_P", secpUtils + "pack"}, pyhint.Global(r1Utils + "SECP256R1_P").(*big.Int), func(z *big.Int) {
		var e r1.Element
		e.SetBigInt(z)
		e.Inverse(&e)
		e.BigInt(z)
	}}
	secpOrder = pyhint.Global(secpUtils + "N").(*big.Int)
	noInt     = new(big.Int)
	one       = big.NewInt(1)
)

// mod reduces z in place and returns it.
func (f *secpField) mod(z *big.Int) *big.Int { return z.Mod(z, f.prime) }

// div returns n / d modulo the prime; false if d is 0 there.
func (f *secpField) div(n, d *big.Int) (*big.Int, bool) {
	z := f.mod(new(big.Int).Set(d))
	if z.Sign() == 0 {
		return nil, false
	}
	f.invert(z)
	return f.mod(z.Mul(z, n)), true
}

// doneImporting ends a hint: it sets the names that the hint's code imports, by their full paths, and the variables.
func (ids *IDs) doneImporting(paths []string, more []string, variables ...any) {
	scope := ids.scopes.Variables()
	for _, list := range [][]string{paths, more} {
		for _, path := range list {
			scope[path[strings.LastIndexByte(path, '.')+1:]] = pyhint.Global(path)
		}
	}
	for i := 0; i < len(variables); i += 2 {
		scope[variables[i].(string)] = variables[i+1]
	}
}

// structAt returns the address of the struct ids.name, which must be in memory, and its type.
func (ids *IDs) structAt(m *machine.Machine, name string) (machine.Addr, string, bool) {
	r := ids.refs[name]
	if r == nil {
		return machine.Addr{}, "", false
	}
	typ := strings.TrimSuffix(r.typ, "*")
	if !pyhint.IsStruct(typ) {
		return machine.Addr{}, "", false
	}
	at, err := ids.Struct(m, name)
	return at, typ, err == nil
}

// pack returns the integer d0 + d1·2^86 + d2·2^172 of the struct ids.name, or of its member if that is not empty. Limbs above P/2 are negative.
func (ids *IDs) pack(m *machine.Machine, name, member string) (*big.Int, bool) {
	at, typ, ok := ids.structAt(m, name)
	if !ok {
		return nil, false
	}
	key := name + "." + member + ".d0"
	offset, known := ids.members[key]
	if !known {
		if offset, ok = ids.limbsOffset(typ, member); !ok {
			return nil, false
		}
		if ids.members == nil {
			ids.members = make(map[string]int)
		}
		ids.members[key] = offset
	}
	var limbs [3]felt.Felt
	for i := range limbs {
		var err error
		if limbs[i], err = m.Memory.Felt(at.Add(offset + i)); err != nil {
			return nil, false
		}
	}
	return packLimbs(&limbs), true
}

// packs calls pack for each of paths, which are name or name.member.
func (ids *IDs) packs(m *machine.Machine, paths ...string) (n [4]*big.Int, ok bool) {
	for i, path := range paths {
		name, member, _ := strings.Cut(path, ".")
		if n[i], ok = ids.pack(m, name, member); !ok {
			return n, false
		}
	}
	return n, true
}

// limbsOffset returns the offset of the limbs d0, d1 and d2, which must be adjacent, in the struct typ or in its member.
func (ids *IDs) limbsOffset(typ, member string) (int, bool) {
	offset := int64(0)
	if member != "" {
		x, err := pyhint.FindMember(ids, typ, member)
		if err != nil || !pyhint.IsStruct(x.CairoType) {
			return 0, false
		}
		offset, typ = x.Offset, x.CairoType
	}
	for i, name := range []string{"d0", "d1", "d2"} {
		d, err := pyhint.FindMember(ids, typ, name)
		if err != nil || d.CairoType != "felt" || d.Offset != int64(i) {
			return 0, false
		}
	}
	return int(offset), offset >= 0 && offset < 1<<31
}

// halfPrime is floor(P / 2).
var halfPrime = felt.FromBigInt(new(big.Int).Rsh(felt.Modulus(), 1))

// packLimbs returns the integer of three limbs of 86 bits. A limb from [P/2, P) stands for itself less P.
func packLimbs(limbs *[3]felt.Felt) *big.Int {
	var sum [7]uint64 // two's complement
	for i := range limbs {
		v := limbs[i]
		negative := v.Cmp(&halfPrime) >= 0
		if negative {
			v.Neg(&v)
		}
		l, word, shift := v.Limbs(), 86*i/64, uint(86*i%64)
		var carry, below uint64
		for k := word; k < len(sum); k++ {
			var x, here uint64
			if k-word < len(l) {
				here = l[k-word]
			}
			x = here<<shift | below>>(64-shift) // a shift by 64 is 0
			below = here
			if negative {
				sum[k], carry = bits.Sub64(sum[k], x, carry)
			} else {
				sum[k], carry = bits.Add64(sum[k], x, carry)
			}
		}
	}
	negative := sum[6]>>63 == 1
	if negative {
		var borrow uint64
		for k := range sum {
			sum[k], borrow = bits.Sub64(0, sum[k], borrow)
		}
	}
	var b [8 * len(sum)]byte
	for k, w := range sum {
		binary.BigEndian.PutUint64(b[8*(len(sum)-1-k):], w)
	}
	n := new(big.Int).SetBytes(b[:])
	if negative {
		n.Neg(n)
	}
	return n
}

// splitLimbs returns the three limbs of 86 bits of n; false if n is negative or has more than 258 bits.
func splitLimbs(n *big.Int) (limbs [3]felt.Felt, ok bool) {
	if n.Sign() < 0 || n.BitLen() > 3*86 {
		return limbs, false
	}
	var b [40]byte
	n.FillBytes(b[:])
	var w [5]uint64
	for k := range w {
		w[k] = binary.BigEndian.Uint64(b[8*(len(w)-1-k):])
	}
	const high = 1<<22 - 1
	return [3]felt.Felt{
		felt.FromUint128(w[1]&high, w[0]),
		felt.FromUint128(w[2]>>22&high, w[1]>>22|w[2]<<42),
		felt.FromUint128((w[3]>>44|w[4]<<20)&high, w[2]>>44|w[3]<<20),
	}, true
}

// scopeInts returns variables of the scope, which must be integers.
func (ids *IDs) scopeInts(names ...string) (n [5]*big.Int, ok bool) {
	scope := ids.scopes.Variables()
	for i, name := range names {
		if n[i], ok = scope[name].(*big.Int); !ok {
			return n, false
		}
	}
	return n, true
}

// hintNondetBigInt3 writes the limbs of the variable value to ids.res.
func hintNondetBigInt3(m *machine.Machine, ids *IDs) (bool, error) {
	at, _, ok := ids.structAt(m, "res")
	if !ok {
		return false, nil
	}
	n, ok := ids.scopeInts("value")
	if !ok {
		return false, nil
	}
	limbs, ok := splitLimbs(n[0])
	if !ok {
		return false, nil
	}
	ids.doneImporting([]string{secpUtils + "split"}, nil)
	for i := range limbs {
		if err := m.Memory.Insert(at.Add(i), machine.FeltValue(limbs[i])); err != nil {
			return true, err
		}
	}
	return true, nil
}

// negate sets value to -point.y.
func (f *secpField) negate(m *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.packs(m, "point.y")
	if !ok {
		return false, nil
	}
	y := f.mod(n[0])
	ids.doneImporting(f.imports, nil, "y", y, "value", f.mod(new(big.Int).Neg(y)))
	return true, nil
}

// doublingSlope returns the hint value = slope = (3x² + alpha) / 2y.
func (f *secpField) doublingSlope(alpha string) tryHint {
	more, a := []string{pyMath + "ec_double_slope"}, noInt
	if alpha != "" {
		more, a = append(more, alpha), pyhint.Global(alpha).(*big.Int)
	}
	return func(m *machine.Machine, ids *IDs) (bool, error) {
		n, ok := ids.packs(m, "point.x", "point.y")
		if !ok {
			return false, nil
		}
		z := new(big.Int).Mul(n[0], n[0])
		f.mod(z.Mul(z, big.NewInt(3)).Add(z, a))
		slope, ok := f.div(z, new(big.Int).Lsh(n[1], 1))
		if !ok {
			return false, nil
		}
		ids.doneImporting(f.imports, more, "x", n[0], "y", n[1], "value", slope, "slope", slope)
		return true, nil
	}
}

// slope sets value and slope to (y0 - y1) / (x0 - x1).
func (f *secpField) slope(m *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.packs(m, "point0.x", "point0.y", "point1.x", "point1.y")
	if !ok {
		return false, nil
	}
	slope, ok := f.div(new(big.Int).Sub(n[1], n[3]), new(big.Int).Sub(n[0], n[2]))
	if !ok {
		return false, nil
	}
	ids.doneImporting(f.imports, []string{pyMath + "line_slope"},
		"x0", n[0], "y0", n[1], "x1", n[2], "y1", n[3], "value", slope, "slope", slope)
	return true, nil
}

// doubleX sets value and new_x to slope² - 2x.
func (f *secpField) doubleX(m *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.packs(m, "slope", "point.x", "point.y")
	if !ok {
		return false, nil
	}
	z := new(big.Int).Mul(n[0], n[0])
	f.mod(z.Sub(z, new(big.Int).Lsh(n[1], 1)))
	ids.doneImporting(f.imports, nil, "slope", n[0], "x", n[1], "y", n[2], "value", z, "new_x", z)
	return true, nil
}

// hintAddX returns the hint value = new_x = slope² - x0 - x1 modulo the variable SECP_P, after the imports.
func hintAddX(imports []string) tryHint {
	return func(m *machine.Machine, ids *IDs) (bool, error) {
		n, ok := ids.packs(m, "slope", "point0.x", "point1.x", "point0.y")
		if !ok {
			return false, nil
		}
		prime, ok := secpK1.prime, true
		if len(imports) == 1 { // pack alone
			v, isInt := ids.scopeInts("SECP_P")
			prime, ok = v[0], isInt && v[0].Sign() > 0
		}
		if !ok {
			return false, nil
		}
		z := new(big.Int).Mul(n[0], n[0])
		z.Mod(z.Sub(z.Sub(z, n[1]), n[2]), prime)
		ids.doneImporting(imports, nil, "slope", n[0], "x0", n[1], "x1", n[2], "y0", n[3], "value", z, "new_x", z)
		return true, nil
	}
}

// hintNewY returns the hint value = new_y = slope * (x - new_x) - y modulo prime. All are variables, x, y and prime of the given names.
func hintNewY(x, y, prime string) tryHint {
	return func(_ *machine.Machine, ids *IDs) (bool, error) {
		n, ok := ids.scopeInts("slope", x, "new_x", y, prime)
		if !ok || n[4].Sign() <= 0 {
			return false, nil
		}
		z := new(big.Int).Sub(n[1], n[2])
		z.Mul(z, n[0])
		z.Mod(z.Sub(z, n[3]), n[4])
		ids.doneImporting(nil, nil, "value", z, "new_y", z)
		return true, nil
	}
}

// verifyZero sets q to val / prime, which must have no remainder.
func (f *secpField) verifyZero(m *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.packs(m, "val")
	if !ok {
		return false, nil
	}
	q, r := n[0].DivMod(n[0], f.prime, new(big.Int))
	if r.Sign() != 0 {
		return false, nil
	}
	ids.doneImporting(f.imports, nil, "q", q, "r", r)
	return true, ids.SetInt(m, "q", q)
}

// reduce returns the hint that sets variable to ids.x modulo the prime.
func (f *secpField) reduce(variable string) tryHint {
	return func(m *machine.Machine, ids *IDs) (bool, error) {
		n, ok := ids.packs(m, "x")
		if !ok {
			return false, nil
		}
		ids.doneImporting(f.imports, nil, variable, f.mod(n[0]))
		return true, nil
	}
}

// hintXIsZero writes to [ap] whether x is 0.
func hintXIsZero(m *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.scopeInts("x")
	if !ok {
		return false, nil
	}
	return true, m.Memory.Insert(m.APAddr(), machine.BoolValue(n[0].Sign() == 0))
}

// hintInverseK1 sets value and x_inv to 1 / x.
func hintInverseK1(_ *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.scopeInts("x")
	if !ok {
		return false, nil
	}
	inv, ok := secpK1.div(one, n[0])
	if !ok {
		return false, nil
	}
	ids.doneImporting(secpK1.imports[:1], []string{pyMath + "div_mod"}, "value", inv, "x_inv", inv)
	return true, nil
}

// hintInverseR1 sets value to 1 / x, with the prime from the scope.
func hintInverseR1(_ *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.scopeInts("x", secpR1.name)
	if !ok || n[1].Cmp(secpR1.prime) != 0 {
		return false, nil
	}
	inv, ok := secpR1.div(one, n[0])
	if !ok {
		return false, nil
	}
	ids.doneImporting(nil, []string{pyMath + "div_mod"}, "value", inv)
	return true, nil
}

// hintScalarBit writes the lowest bit of ids.scalar to [ap].
func hintScalarBit(m *machine.Machine, ids *IDs) (bool, error) {
	s, err := ids.Felt(m, "scalar")
	if err != nil || ids.refs["scalar"].typ != "felt" {
		return false, nil
	}
	return true, m.Memory.Insert(m.APAddr(), machine.UintValue(s.Limbs()[0]&1))
}

// hintPopNibble moves the last of nibbles to [ap].
func hintPopNibble(m *machine.Machine, ids *IDs) (bool, error) {
	l, ok := ids.scopes.Variables()["nibbles"].(*pyhint.List)
	if !ok || len(l.Items) == 0 {
		return false, nil
	}
	n, ok := l.Items[len(l.Items)-1].(*big.Int)
	if !ok {
		return false, nil
	}
	l.Items = l.Items[:len(l.Items)-1]
	return true, m.Memory.Insert(m.APAddr(), machine.FeltValue(felt.FromBigInt(n)))
}

// hintNibbles sets nibbles to the 64 nibbles of ids.scalar, a number of 256 bits, and writes the last and the first to ids.
func hintNibbles(m *machine.Machine, ids *IDs) (bool, error) {
	num, ok := ids.uint256(m, "scalar")
	if !ok {
		return false, nil
	}
	l := &pyhint.List{Items: make([]any, 63)}
	nibble := func(i int) *big.Int {
		n := new(big.Int).Rsh(num, uint(4*i))
		return n.And(n, big.NewInt(15))
	}
	for i := range l.Items {
		l.Items[i] = nibble(i)
	}
	ids.doneImporting(nil, nil, "num", num, "nibbles", l)
	if err := ids.SetInt(m, "first_nibble", nibble(63)); err != nil {
		return true, err
	}
	return true, ids.SetInt(m, "last_nibble", nibble(0))
}

// hintDivModN sets value and res to a / b modulo the order of secp256k1.
func hintDivModN(m *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.packs(m, "a", "b")
	if !ok {
		return false, nil
	}
	res := new(big.Int).ModInverse(new(big.Int).Mod(n[1], secpOrder), secpOrder)
	if res == nil {
		return false, nil
	}
	res.Mod(res.Mul(res, n[0]), secpOrder)
	ids.doneImporting([]string{secpUtils + "N", secpUtils + "pack", pyMath + "div_mod", pyMath + "safe_div"}, nil,
		"a", n[0], "b", n[1], "value", res, "res", res)
	return true, nil
}

// hintSafeDivN sets value and k to (res * b - a) / N, which must have no remainder.
func hintSafeDivN(_ *machine.Machine, ids *IDs) (bool, error) {
	n, ok := ids.scopeInts("res", "b", "a", "N")
	if !ok || n[3].Sign() == 0 || !pyhint.IsFunction(ids.scopes.Variables()["safe_div"]) {
		return false, nil
	}
	z := new(big.Int).Mul(n[0], n[1])
	q, r := z.QuoRem(z.Sub(z, n[2]), n[3], new(big.Int))
	if r.Sign() != 0 {
		return false, nil
	}
	ids.doneImporting(nil, nil, "value", q, "k", q)
	return true, nil
}
