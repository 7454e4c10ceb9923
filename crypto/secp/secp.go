// Package secp implements the arithmetic of the curves secp256k1 and secp256r1 (SEC 2, version 2.0, sections 2.4.1 and 2.4.2), for
// recomputing Starknet's secp syscalls. The engines use another implementation.
//
// Both curves are y² = x³ + ax + b over a prime field of 256 bits, and the number of their points is prime. So one complete
// formula adds any two points: equal, opposite, or infinity (Renes, Costello and Batina, ePrint 2015/1060, algorithm 1).
// Functions are total. They take different time for different inputs, so they must not be used with secrets.
package secp

import "math/bits"

// Int is an integer below 2^256: four words of 64 bits, the lowest first.
type Int [4]uint64

// Cmp returns -1, 0 or 1 if x is below, equal to or above y.
func (x *Int) Cmp(y *Int) int {
	for i := 3; i >= 0; i-- {
		if x[i] != y[i] {
			if x[i] < y[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// Point is a point of the curve whose method returned it. The zero value is the point at infinity, of either curve.
type Point struct{ x, y Int }

// XY returns the affine coordinates, which are below the curve's modulus. Those of the point at infinity are 0 and 0, which is
// not a point of either curve.
func (p Point) XY() (x, y Int) { return p.x, p.y }

// Curve is one of the two curves.
type Curve struct {
	p      Int     // the modulus of the coordinates; p = 3 modulo 4
	negInv uint64  // -1/p modulo 2^64
	one    element // R modulo p, the element 1
	rr     element // R² modulo p
	a, b   element
	b3     element // 3b
	root   Int     // (p + 1) / 4, the exponent of square roots
	invert Int     // p - 2, the exponent of inverses
}

// K1 is secp256k1: y² = x³ + 7.
var K1 = &Curve{
	p:      Int{0xfffffffefffffc2f, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff},
	negInv: 0xd838091dd2253531,
	one:    element{0x00000001000003d1},
	rr:     element{0x000007a2000e90a1, 0x0000000000000001},
	b:      element{0x0000000700001ab7},
	b3:     element{0x0000001500005025},
	root:   Int{0xffffffffbfffff0c, 0xffffffffffffffff, 0xffffffffffffffff, 0x3fffffffffffffff},
	invert: Int{0xfffffffefffffc2d, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff},
}

// R1 is secp256r1, also named P-256: y² = x³ - 3x + b.
var R1 = &Curve{
	p:      Int{0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001},
	negInv: 1,
	one:    element{0x0000000000000001, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe},
	rr:     element{0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd},
	a:      element{0xfffffffffffffffc, 0x00000003ffffffff, 0x0000000000000000, 0xfffffffc00000004},
	b:      element{0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834},
	b3:     element{0x89d69e267d4e399f, 0x06d01166698c91b2, 0xb0e66203e5638c84, 0x949012590d95d89c},
	root:   Int{0x0000000000000000, 0x0000000040000000, 0x4000000000000000, 0x3fffffffc0000000},
	invert: Int{0xfffffffffffffffd, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001},
}

// Modulus returns the modulus of the coordinates.
func (c *Curve) Modulus() Int { return c.p }

// New returns the point (x, y); false if it is not on the curve or a coordinate is not below the modulus. (0, 0) is infinity.
func (c *Curve) New(x, y Int) (Point, bool) {
	if x.Cmp(&c.p) >= 0 || y.Cmp(&c.p) >= 0 {
		return Point{}, false
	}
	if x == (Int{}) && y == (Int{}) {
		return Point{}, true
	}
	u, v := c.enter(&x), c.enter(&y)
	if c.mul(&v, &v) != c.rightSide(&u) {
		return Point{}, false
	}
	return Point{x, y}, true
}

// FromX returns the point with the given x whose y is odd, or even; false if no point has this x or it is not below the modulus.
func (c *Curve) FromX(x Int, odd bool) (Point, bool) {
	if x.Cmp(&c.p) >= 0 {
		return Point{}, false
	}
	u := c.enter(&x)
	yy := c.rightSide(&u)
	v := c.exp(&yy, &c.root)
	if c.mul(&v, &v) != yy {
		return Point{}, false
	}
	y := c.leave(&v)
	if y[0]&1 == 1 != odd {
		v = c.sub(&element{}, &v) // y is not 0, because no point has the order 2
		y = c.leave(&v)
	}
	return Point{x, y}, true
}

// Add returns p + q.
func (c *Curve) Add(p, q Point) Point {
	u, v := c.projective(p), c.projective(q)
	return c.affine(c.addPoints(&u, &v))
}

// window is the number of bits of a scalar that Mul consumes at a time.
const window = 4

// Mul returns k·p.
func (c *Curve) Mul(p Point, k Int) Point {
	var multiples [1 << window]projective
	multiples[0] = c.projective(Point{})
	u := c.projective(p)
	for i := 1; i < len(multiples); i++ {
		multiples[i] = c.addPoints(&multiples[i-1], &u)
	}
	sum := multiples[0]
	for i := 256/window - 1; i >= 0; i-- {
		for range window {
			sum = c.addPoints(&sum, &sum)
		}
		digit := k[i*window/64] >> (i * window % 64) % (1 << window)
		sum = c.addPoints(&sum, &multiples[digit])
	}
	return c.affine(sum)
}

// rightSide returns x³ + ax + b.
func (c *Curve) rightSide(x *element) element {
	y := c.mul(x, x)
	y = c.add(&y, &c.a)
	y = c.mul(&y, x)
	return c.add(&y, &c.b)
}

// projective is the point (X/Z, Y/Z), or infinity if Z is 0.
type projective struct{ x, y, z element }

// projective returns an affine point in projective coordinates.
func (c *Curve) projective(p Point) projective {
	if p == (Point{}) {
		return projective{y: c.one}
	}
	return projective{c.enter(&p.x), c.enter(&p.y), c.one}
}

// affine returns a point in affine coordinates.
func (c *Curve) affine(p projective) Point {
	if p.z == (element{}) {
		return Point{}
	}
	inverse := c.exp(&p.z, &c.invert)
	x, y := c.mul(&p.x, &inverse), c.mul(&p.y, &inverse)
	return Point{c.leave(&x), c.leave(&y)}
}

// addPoints returns p + q by algorithm 1 of ePrint 2015/1060.
func (c *Curve) addPoints(p, q *projective) projective {
	xx, yy, zz := c.mul(&p.x, &q.x), c.mul(&p.y, &q.y), c.mul(&p.z, &q.z)
	xy := c.cross(&p.x, &p.y, &q.x, &q.y, &xx, &yy)
	xz := c.cross(&p.x, &p.z, &q.x, &q.z, &xx, &zz)
	yz := c.cross(&p.y, &p.z, &q.y, &q.z, &yy, &zz)

	azz := c.mul(&c.a, &zz)
	s, t := c.mul(&c.a, &xz), c.mul(&c.b3, &zz)
	s = c.add(&s, &t) // a·xz + 3b·zz
	minus, plus := c.sub(&yy, &s), c.add(&yy, &s)
	u := c.add(&xx, &xx)
	u = c.add(&u, &xx)
	u = c.add(&u, &azz) // 3xx + a·zz
	v := c.sub(&xx, &azz)
	v = c.mul(&c.a, &v)
	t = c.mul(&c.b3, &xz)
	v = c.add(&v, &t) // a·(xx - a·zz) + 3b·xz

	var sum projective
	s, t = c.mul(&xy, &minus), c.mul(&yz, &v)
	sum.x = c.sub(&s, &t)
	s, t = c.mul(&minus, &plus), c.mul(&u, &v)
	sum.y = c.add(&s, &t)
	s, t = c.mul(&yz, &plus), c.mul(&xy, &u)
	sum.z = c.add(&s, &t)
	return sum
}

// cross returns p·r' + q·p' for the pairs (p, q) and (p', r'), given the products pp' and qr'.
func (c *Curve) cross(p, q, p2, q2, pp, qq *element) element {
	u, v := c.add(p, q), c.add(p2, q2)
	u = c.mul(&u, &v)
	u = c.sub(&u, pp)
	return c.sub(&u, qq)
}

// element is an element x of the field as x·R modulo p, below p, where R = 2^256.
type element [4]uint64

// enter returns x, which is below p, as an element.
func (c *Curve) enter(x *Int) element { return c.mul((*element)(x), &c.rr) }

// leave returns x as an integer.
func (c *Curve) leave(x *element) Int { return Int(c.mul(x, &element{1})) }

// mul returns x·y/R modulo p, the product of two elements, by Montgomery's method word by word.
func (c *Curve) mul(x, y *element) element {
	var t [5]uint64 // below 2p
	for _, w := range x {
		// t += w·y
		var carry, over uint64
		for j := range y {
			t[j], carry = multiplyAdd(w, y[j], t[j], carry)
		}
		t[4], over = bits.Add64(t[4], carry, 0)
		// t = (t + m·p) / 2^64, where m makes the division exact
		m := t[0] * c.negInv
		_, carry = multiplyAdd(m, c.p[0], t[0], 0)
		for j := 1; j < 4; j++ {
			t[j-1], carry = multiplyAdd(m, c.p[j], t[j], carry)
		}
		t[3], carry = bits.Add64(t[4], carry, 0)
		t[4] = over + carry
	}
	return c.reduce(element(t[:4]), t[4])
}

// multiplyAdd returns the low and the high word of x·y + u + v, which is below 2^128.
func multiplyAdd(x, y, u, v uint64) (low, high uint64) {
	high, low = bits.Mul64(x, y)
	low, carry := bits.Add64(low, u, 0)
	high += carry
	low, carry = bits.Add64(low, v, 0)
	return low, high + carry
}

// reduce returns x + over·2^256, which must be below 2p, modulo p.
func (c *Curve) reduce(x element, over uint64) element {
	var y element
	var borrow uint64
	for i := range x {
		y[i], borrow = bits.Sub64(x[i], c.p[i], borrow)
	}
	if over < borrow {
		return x
	}
	return y
}

// add returns x + y.
func (c *Curve) add(x, y *element) element {
	var z element
	var carry uint64
	for i := range z {
		z[i], carry = bits.Add64(x[i], y[i], carry)
	}
	return c.reduce(z, carry)
}

// sub returns x - y.
func (c *Curve) sub(x, y *element) element {
	var z element
	var borrow, carry uint64
	for i := range z {
		z[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	if borrow != 0 {
		for i := range z {
			z[i], carry = bits.Add64(z[i], c.p[i], carry)
		}
	}
	return z
}

// exp returns x to the power k.
func (c *Curve) exp(x *element, k *Int) element {
	z := c.one
	for i := 255; i >= 0; i-- {
		z = c.mul(&z, &z)
		if k[i/64]>>(i%64)&1 == 1 {
			z = c.mul(&z, x)
		}
	}
	return z
}
