package native

import (
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	k1fp "github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	k1fr "github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
	"github.com/consensys/gnark-crypto/ecc/secp256r1"
	r1fp "github.com/consensys/gnark-crypto/ecc/secp256r1/fp"
	r1fr "github.com/consensys/gnark-crypto/ecc/secp256r1/fr"

	"github.com/starkd/starkd/cairo"
)

// secpPoint is an affine point; (0, 0) is the point at infinity. In memory it is x and y, four words each.
type secpPoint struct{ x, y *big.Int }

// secpCurve is y² = x³ + a·x + b over a prime field, with the arithmetic of points.
type secpCurve struct {
	name     string
	selector string
	prime    *big.Int
	order    *big.Int
	a, b     *big.Int
	add      func(p, q secpPoint) secpPoint
	mul      func(p secpPoint, k *big.Int) secpPoint
}

func decimalOrHex(s string) *big.Int {
	v, ok := new(big.Int).SetString(s, 0)
	if !ok {
		panic("native: " + s + " is not a number")
	}
	return v
}

var secp256k1Curve = &secpCurve{
	name: "secp256k1", selector: "Secp256k1", prime: k1fp.Modulus(), order: k1fr.Modulus(), a: new(big.Int), b: big.NewInt(7),
	add: func(p, q secpPoint) secpPoint {
		a, b := k1Affine(p), k1Affine(q)
		a.Add(&a, &b)
		return secpPoint{a.X.BigInt(new(big.Int)), a.Y.BigInt(new(big.Int))}
	},
	mul: func(p secpPoint, k *big.Int) secpPoint {
		a := k1Affine(p)
		a.ScalarMultiplication(&a, k)
		return secpPoint{a.X.BigInt(new(big.Int)), a.Y.BigInt(new(big.Int))}
	},
}

// secp256r1Curve is P-256 (FIPS 186-4, D.1.2.3).
var secp256r1Curve = &secpCurve{
	name: "secp256r1", selector: "Secp256r1", prime: r1fp.Modulus(), order: r1fr.Modulus(), a: big.NewInt(-3),
	b: decimalOrHex("0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
	add: func(p, q secpPoint) secpPoint {
		a, b := r1Affine(p), r1Affine(q)
		a.Add(&a, &b)
		return secpPoint{a.X.BigInt(new(big.Int)), a.Y.BigInt(new(big.Int))}
	},
	mul: func(p secpPoint, k *big.Int) secpPoint {
		a := r1Affine(p)
		a.ScalarMultiplication(&a, k)
		return secpPoint{a.X.BigInt(new(big.Int)), a.Y.BigInt(new(big.Int))}
	},
}

func k1Affine(p secpPoint) (a secp256k1.G1Affine) {
	a.X.SetBigInt(p.x)
	a.Y.SetBigInt(p.y)
	return a
}

func r1Affine(p secpPoint) (a secp256r1.G1Affine) {
	a.X.SetBigInt(p.x)
	a.Y.SetBigInt(p.y)
	return a
}

// rightSide returns x³ + a·x + b.
func (c *secpCurve) rightSide(x *big.Int) *big.Int {
	r := new(big.Int).Mul(x, x)
	r.Add(r, c.a).Mul(r, x).Add(r, c.b)
	return r.Mod(r, c.prime)
}

// onCurve reports whether p is a point of the curve other than infinity.
func (c *secpCurve) onCurve(p secpPoint) bool {
	y2 := new(big.Int).Mul(p.y, p.y)
	return y2.Mod(y2, c.prime).Cmp(c.rightSide(p.x)) == 0
}

// fromX returns the point with the given x and parity of y; ok is false if no point has that x.
func (c *secpCurve) fromX(x *big.Int, odd bool) (p secpPoint, ok bool) {
	y := new(big.Int).ModSqrt(c.rightSide(x), c.prime)
	if y == nil {
		return secpPoint{}, false
	}
	if (y.Bit(0) == 1) != odd && y.Sign() != 0 {
		y.Sub(c.prime, y)
	}
	return secpPoint{x, y}, true
}

// secpPoint reads a point from memory.
func (r *run) secpPoint(at uint64) secpPoint {
	w := r.read(at, 8)
	return secpPoint{bigOf(w[:4]), bigOf(w[4:])}
}

// newSecpPoint writes a point to newly allocated memory and returns its address.
func (r *run) newSecpPoint(p secpPoint) uint64 {
	var w [8]uint64
	putBig(w[:4], p.x)
	putBig(w[4:], p.y)
	return r.words(w[:]...)
}

// optional returns an Option<Point>: the tag 0 and the point's address if ok, else the tag 1.
func (r *run) optional(p secpPoint, ok bool) []uint64 {
	if !ok {
		return []uint64{1, 0}
	}
	return []uint64{0, r.newSecpPoint(p)}
}

// syscalls returns the curve's syscalls by their names without the curve's name.
func (c *secpCurve) syscalls() map[string]syscall {
	meter := func(r *run, gas *uint64, op string) error { return r.sys.Meter(gas, cairo.Selector(c.selector+op), 1) }
	return map[string]syscall{
		"_new": {8, 2, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			if err := meter(r, gas, "New"); err != nil {
				return nil, err
			}
			p := secpPoint{bigOf(s[:4]), bigOf(s[4:8])}
			if p.x.Cmp(c.prime) >= 0 || p.y.Cmp(c.prime) >= 0 {
				return nil, errInvalidArgument
			}
			infinity := p.x.Sign() == 0 && p.y.Sign() == 0
			return r.optional(p, infinity || c.onCurve(p)), nil
		}},
		"_add": {2, 1, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			if err := meter(r, gas, "Add"); err != nil {
				return nil, err
			}
			return []uint64{r.newSecpPoint(c.add(r.secpPoint(s[0]), r.secpPoint(s[1])))}, nil
		}},
		"_mul": {5, 1, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			if err := meter(r, gas, "Mul"); err != nil {
				return nil, err
			}
			k := bigOf(s[1:5])
			return []uint64{r.newSecpPoint(c.mul(r.secpPoint(s[0]), k.Mod(k, c.order)))}, nil
		}},
		"_get_point_from_x": {5, 2, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			if err := meter(r, gas, "GetPointFromX"); err != nil {
				return nil, err
			}
			x := bigOf(s[:4])
			if x.Cmp(c.prime) >= 0 {
				return nil, errInvalidArgument
			}
			return r.optional(c.fromX(x, s[4] == 1)), nil
		}},
		"_get_xy": {1, 8, func(r *run, gas *uint64, s []uint64) ([]uint64, error) {
			if err := meter(r, gas, "GetXy"); err != nil {
				return nil, err
			}
			return r.read(s[0], 8), nil
		}},
	}
}
