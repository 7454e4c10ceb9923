package vm

import (
	"fmt"
	"math/big"

	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	k1fp "github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	k1fr "github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
	"github.com/consensys/gnark-crypto/ecc/secp256r1"
	r1fp "github.com/consensys/gnark-crypto/ecc/secp256r1/fp"
	r1fr "github.com/consensys/gnark-crypto/ecc/secp256r1/fr"

	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/machine"
	"github.com/starkd/starkd/crypto/felt"
)

// secpPoint is an affine point. (0, 0) is the point at infinity, as in contracts.
type secpPoint struct{ x, y *big.Int }

// secpCurve is one of the two curves of the secp syscalls.
type secpCurve interface {
	name() string
	modulus() *big.Int
	onCurve(p secpPoint) bool
	add(p, q secpPoint) secpPoint
	mul(p secpPoint, k *big.Int) secpPoint
	// fromX returns the point with the given x and parity of y; false if there is none.
	fromX(x *big.Int, odd bool) (secpPoint, bool)
}

// secpPoints holds the points of a run by their addresses. The contract sees only the addresses: the six cells of a point
// stay unknown. Both curves share one segment, as on Starknet.
type secpPoints struct {
	base machine.Addr // start of the segment; segment 0 means that there is none yet
	n    uint64       // number of points
	at   map[machine.Addr]secpPoint
	of   map[machine.Addr]string // the curve's name
}

const secpPointCells = 6

func (r *request) newPoint(c secpCurve, p secpPoint) machine.Value {
	s := &r.f.secp
	if s.base.Segment == 0 {
		s.base = r.m.Memory.AddSegment()
		s.at, s.of = make(map[machine.Addr]secpPoint), make(map[machine.Addr]string)
	}
	at := machine.Addr{Segment: s.base.Segment, Offset: s.n * secpPointCells}
	s.n++
	s.at[at], s.of[at] = p, c.name()
	return machine.AddrValue(at)
}

func (r *request) point(c secpCurve) secpPoint {
	at := r.pointer()
	p, ok := r.f.secp.at[at]
	if r.err == nil && (!ok || r.f.secp.of[at] != c.name()) {
		r.err = fmt.Errorf("invalid syscall input: %v; invalid Secp point address", at)
	}
	return p
}

func (r *request) u256() *big.Int {
	low, high := r.felt(), r.felt()
	if r.err == nil && (low.BitLen() > 128 || high.BitLen() > 128) {
		r.err = fmt.Errorf("invalid syscall input: %v, %v; want a u256", low, high)
	}
	return join128([]*big.Int{low.BigInt(), high.BigInt()})
}

func (r *request) writeU256(v *big.Int) {
	for _, l := range limbs128(v, 2) {
		r.write(machine.FeltValue(felt.FromBigInt(l)))
	}
}

// optionalPoint writes p as Option<Secp256Point>: Some if ok is set, else None.
func (r *request) optionalPoint(c secpCurve, p secpPoint, ok bool) {
	if ok {
		r.write(machine.Value{}, r.newPoint(c, p))
	} else {
		r.write(machine.FeltValue(felt.One), machine.Value{})
	}
}

func (r *request) meterSecp(c secpCurve, op string) error {
	return r.f.sys.Meter(&r.gas, cairo.Selector("Secp256"+c.name()+op), 1)
}

func (r *request) secpNew(c secpCurve) {
	p := secpPoint{r.u256(), r.u256()}
	if r.err != nil {
		return
	}
	err := r.meterSecp(c, "New")
	if err == nil && (p.x.Cmp(c.modulus()) >= 0 || p.y.Cmp(c.modulus()) >= 0) {
		err = errInvalidArgument
	}
	r.answer(err, func() {
		infinity := p.x.Sign() == 0 && p.y.Sign() == 0
		r.optionalPoint(c, p, infinity || c.onCurve(p))
	})
}

func (r *request) secpAdd(c secpCurve) {
	p, q := r.point(c), r.point(c)
	if r.err == nil {
		r.answer(r.meterSecp(c, "Add"), func() { r.write(r.newPoint(c, c.add(p, q))) })
	}
}

func (r *request) secpMul(c secpCurve) {
	p, k := r.point(c), r.u256()
	if r.err == nil {
		r.answer(r.meterSecp(c, "Mul"), func() { r.write(r.newPoint(c, c.mul(p, k))) })
	}
}

func (r *request) secpFromX(c secpCurve) {
	x, odd := r.u256(), r.bool("invalid y parity")
	if r.err != nil {
		return
	}
	err := r.meterSecp(c, "GetPointFromX")
	if err == nil && x.Cmp(c.modulus()) >= 0 {
		err = errInvalidArgument
	}
	r.answer(err, func() {
		p, ok := c.fromX(x, odd)
		r.optionalPoint(c, p, ok)
	})
}

func (r *request) secpXY(c secpCurve) {
	p := r.point(c)
	if r.err == nil {
		r.answer(r.meterSecp(c, "GetXy"), func() {
			r.writeU256(p.x)
			r.writeU256(p.y)
		})
	}
}

// k1 is the curve secp256k1: y² = x³ + 7.
type k1 struct{}

func (k1) name() string      { return "k1" }
func (k1) modulus() *big.Int { return k1fp.Modulus() }

func (k1) affine(p secpPoint) (a secp256k1.G1Affine) {
	a.X.SetBigInt(p.x)
	a.Y.SetBigInt(p.y)
	return a
}

func (k1) point(a *secp256k1.G1Affine) secpPoint {
	return secpPoint{a.X.BigInt(new(big.Int)), a.Y.BigInt(new(big.Int))}
}

func (c k1) onCurve(p secpPoint) bool {
	a := c.affine(p)
	return a.IsOnCurve()
}

func (c k1) add(p, q secpPoint) secpPoint {
	a, b := c.affine(p), c.affine(q)
	a.Add(&a, &b)
	return c.point(&a)
}

func (c k1) mul(p secpPoint, k *big.Int) secpPoint {
	a := c.affine(p)
	a.ScalarMultiplication(&a, new(big.Int).Mod(k, k1fr.Modulus()))
	return c.point(&a)
}

func (c k1) fromX(x *big.Int, odd bool) (secpPoint, bool) {
	var v, y k1fp.Element
	v.SetBigInt(x)
	y.Square(&v)
	y.Mul(&y, &v)
	v.SetUint64(7)
	y.Add(&y, &v)
	if y.Sqrt(&y) == nil {
		return secpPoint{}, false
	}
	return oddY(x, y.BigInt(new(big.Int)), c.modulus(), odd), true
}

// r1 is the curve secp256r1, also named P-256: y² = x³ - 3x + b.
type r1 struct{}

func (r1) name() string      { return "r1" }
func (r1) modulus() *big.Int { return r1fp.Modulus() }

func (r1) affine(p secpPoint) (a secp256r1.G1Affine) {
	a.X.SetBigInt(p.x)
	a.Y.SetBigInt(p.y)
	return a
}

func (r1) point(a *secp256r1.G1Affine) secpPoint {
	return secpPoint{a.X.BigInt(new(big.Int)), a.Y.BigInt(new(big.Int))}
}

func (c r1) onCurve(p secpPoint) bool {
	a := c.affine(p)
	return a.IsOnCurve()
}

func (c r1) add(p, q secpPoint) secpPoint {
	a, b := c.affine(p), c.affine(q)
	a.Add(&a, &b)
	return c.point(&a)
}

func (c r1) mul(p secpPoint, k *big.Int) secpPoint {
	a := c.affine(p)
	a.ScalarMultiplication(&a, new(big.Int).Mod(k, r1fr.Modulus()))
	return c.point(&a)
}

// r1B is the coefficient b of P-256 (FIPS 186-4, D.1.2.3).
var r1B, _ = new(big.Int).SetString("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b", 16)

func (c r1) fromX(x *big.Int, odd bool) (secpPoint, bool) {
	var v, y, t r1fp.Element
	v.SetBigInt(x)
	y.Square(&v)
	y.Mul(&y, &v)
	t.Double(&v)
	t.Add(&t, &v)
	y.Sub(&y, &t)
	t.SetBigInt(r1B)
	y.Add(&y, &t)
	if y.Sqrt(&y) == nil {
		return secpPoint{}, false
	}
	return oddY(x, y.BigInt(new(big.Int)), c.modulus(), odd), true
}

func oddY(x, y, p *big.Int, odd bool) secpPoint {
	if (y.Bit(0) == 1) != odd && y.Sign() != 0 {
		y.Sub(p, y)
	}
	return secpPoint{new(big.Int).Set(x), y}
}
