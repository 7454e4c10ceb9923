package headers

import (
	"crypto/ed25519"
	"crypto/sha512"
	"math/big"
	"slices"
)

// CometBFT judges signatures by ZIP-215 (https://zips.z.cash/zip-0215): it demands [8][S]B = [8]R + [8][k]A and takes encodings of A
// and R that are not canonical. crypto/ed25519 demands [S]B = R + [k]A and the canonical encoding of R. What that accepts is accepted by
// ZIP-215 too; the difference is made of points that only an ill-willed validator signs with, who could otherwise make a
// block that the chain has unverifiable here. So what crypto/ed25519 refuses is looked at again, slowly, with math/big: the curve
// -x² + y² = 1 + d·x²·y² of RFC 8032, section 5.1.

func fromDecimal(s string) *big.Int {
	v, _ := new(big.Int).SetString(s, 10)
	return v
}

var (
	fieldP     = fromDecimal("57896044618658097711785492504343953926634992332820282019728792003956564819949") // 2^255 - 19
	curveD     = fromDecimal("37095705934669439343138083508754565189542113879843219016388785533085940283555") // -121665/121666
	curveD2    = new(big.Int).Lsh(curveD, 1)
	groupOrder = fromDecimal("7237005577332262213973186563042994240857116359379907606001950938285454250989") // 2^252 + …
	sqrtMinus1 = fromDecimal("19681161376707505956807079304988542015446066515923890162744021073123829784752")
	sqrtPower  = fromDecimal("7237005577332262213973186563042994240829374041602535252466099000494570602494") // (p + 3)/8
	bigOne     = big.NewInt(1)
	basePoint  = &edwards{
		x: fromDecimal("15112221349535400772501151409588531511454012693041857206046113283949847762202"),
		y: fromDecimal("46316835694926478169428394003475163141307993866256225615783033603165251855960"),
		z: bigOne,
		t: fromDecimal("46827403850823179245072216630277197565144205554125654976674165829533817101731"),
	}
)

// verifySignature reports whether a signature is good by ZIP-215. The key has 32 bytes.
func verifySignature(key ed25519.PublicKey, message, signature []byte) bool {
	return ed25519.Verify(key, message, signature) || verifyZIP215(key, message, signature)
}

func verifyZIP215(key, message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize {
		return false
	}
	a, r := decodePoint(key), decodePoint(signature[:32])
	s := littleEndian(signature[32:])
	if a == nil || r == nil || s.Cmp(groupOrder) >= 0 {
		return false
	}
	digest := sha512.Sum512(slices.Concat(signature[:32], key, message))
	k := littleEndian(digest[:])
	k.Mod(k, groupOrder)
	// [8]([S]B - [k]A - R) is the neutral element (0, 1).
	sum := basePoint.scale(s).add(a.negate().scale(k)).add(r.negate())
	for range 3 {
		sum = sum.add(sum)
	}
	return sum.x.Sign() == 0 && sum.y.Cmp(sum.z) == 0
}

// edwards is a point in extended coordinates: x/z, y/z, and t = x·y/z. Its numbers are below p and are never changed.
type edwards struct{ x, y, z, t *big.Int }

// decodePoint reads 255 bits of y, which may be p or more, and the parity of x, which may be wrong for x = 0. Nil: no such point.
func decodePoint(b []byte) *edwards {
	y := littleEndian(b)
	sign := y.Bit(255)
	y.SetBit(y, 255, 0).Mod(y, fieldP)
	yy := mulMod(y, y)
	u := mod(new(big.Int).Sub(yy, bigOne))
	v := mod(new(big.Int).Add(mulMod(curveD, yy), bigOne)) // never 0, as -1/d is no square
	ratio := mulMod(u, new(big.Int).ModInverse(v, fieldP))
	x := new(big.Int).Exp(ratio, sqrtPower, fieldP)
	if mulMod(x, x).Cmp(ratio) != 0 {
		x = mulMod(x, sqrtMinus1)
	}
	if mulMod(x, x).Cmp(ratio) != 0 {
		return nil
	}
	if x.Bit(0) != sign {
		x = mod(new(big.Int).Neg(x))
	}
	return &edwards{x, y, bigOne, mulMod(x, y)}
}

// add is the unified addition of RFC 8032, section 5.1.4, which is complete: it also doubles.
func (p *edwards) add(q *edwards) *edwards {
	a := mulMod(new(big.Int).Sub(p.y, p.x), new(big.Int).Sub(q.y, q.x))
	b := mulMod(new(big.Int).Add(p.y, p.x), new(big.Int).Add(q.y, q.x))
	c := mulMod(mulMod(p.t, curveD2), q.t)
	d := mulMod(new(big.Int).Lsh(p.z, 1), q.z)
	e, f := new(big.Int).Sub(b, a), new(big.Int).Sub(d, c)
	g, h := new(big.Int).Add(d, c), new(big.Int).Add(b, a)
	return &edwards{mulMod(e, f), mulMod(g, h), mulMod(f, g), mulMod(e, h)}
}

func (p *edwards) negate() *edwards {
	return &edwards{mod(new(big.Int).Neg(p.x)), p.y, p.z, mod(new(big.Int).Neg(p.t))}
}

// scale is [k]p. Nothing here is secret.
func (p *edwards) scale(k *big.Int) *edwards {
	sum := &edwards{new(big.Int), bigOne, bigOne, new(big.Int)}
	for i := k.BitLen() - 1; i >= 0; i-- {
		if sum = sum.add(sum); k.Bit(i) == 1 {
			sum = sum.add(p)
		}
	}
	return sum
}

// mod brings a number that was just made into 0 … p-1.
func mod(v *big.Int) *big.Int { return v.Mod(v, fieldP) }

func mulMod(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }

func littleEndian(b []byte) *big.Int {
	reversed := slices.Clone(b)
	slices.Reverse(reversed)
	return new(big.Int).SetBytes(reversed)
}
