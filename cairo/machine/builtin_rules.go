package machine

import (
	"fmt"
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/crypto/starkcurve"
)

func rangeCheck(bits int) func(*Builtin, *Memory, Addr, Value) error {
	return func(_ *Builtin, _ *Memory, a Addr, v Value) error {
		f, ok := v.Felt()
		if !ok {
			return memErrorf(a, "Range-check validation failed, encountered non-int value at address %v", a)
		}
		if l := f.Limbs(); l[2]|l[3] == 0 && (bits == 128 || l[1]>>32 == 0) {
			return nil
		}
		return memErrorf(a, "Range-check validation failed, number %v is out of valid range [0, %d]", v, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
	}
}

// allows reports whether the known cell c holds a number that a range check accepts. It is false for other checks.
func (r *builtinRule) allows(c *Cell) bool {
	if r.bits == 0 {
		return false
	}
	f, ok := c.Felt()
	if !ok {
		return false
	}
	l := f.Limbs()
	return l[2]|l[3] == 0 && (r.bits == 128 || l[1]>>32 == 0)
}

func deducePedersen(b *Builtin, m *Memory, a Addr, _ uint64) (Value, bool, error) {
	instance := a.Offset / b.rule.cells
	x, err := m.Felt(a)
	if err != nil {
		return Value{}, false, nil
	}
	y, err := m.Felt(a.Add(1))
	if err != nil {
		return Value{}, false, nil
	}
	if mark(&b.verified, instance) {
		return Value{}, false, nil
	}
	return FeltValue(pedersen.Hash(x, y)), true, nil
}

func deduceBitwise(b *Builtin, m *Memory, a Addr, index uint64) (Value, bool, error) {
	x, okX := m.integer(a)
	y, okY := m.integer(a.Add(1))
	if !okX || !okY {
		return Value{}, false, nil
	}
	xl, yl := x.Limbs(), y.Limbs()
	if (xl[3]|yl[3])>>59 != 0 {
		at, f := a, x
		if xl[3]>>59 == 0 {
			at, f = a.Add(1), y
		}
		return Value{}, false, fmt.Errorf("expected integer at address %v to be smaller than 2^251, got %v", at, FeltValue(f))
	}
	// x + y = (x xor y) + 2 (x and y) and (x or y) = (x xor y) + (x and y) spare two conversions to Montgomery form.
	for i := range xl {
		xl[i] &= yl[i]
	}
	and := felt.FromLimbs(xl)
	var xor, or felt.Felt
	or.Sub(or.Add(&x, &y), &and)
	xor.Sub(&or, &and)
	return b.remember(m, a, index, []felt.Felt{and, xor, or})
}

// inputs reads the inputs of the instance at a; false if one is not written. An address among them is an error.
func (b *Builtin) inputs(m *Memory, a Addr) ([]felt.Felt, bool, error) {
	in := make([]felt.Felt, b.rule.inputs)
	for i := range in {
		v, ok := m.Get(a.Add(i))
		if !ok {
			return nil, false, nil
		}
		if in[i], ok = v.Felt(); !ok {
			return nil, false, fmt.Errorf("expected integer at address %v of the %s builtin", a.Add(i), b.Name)
		}
	}
	return in, true, nil
}

func deducePoseidon(b *Builtin, m *Memory, a Addr, index uint64) (Value, bool, error) {
	in, ok, err := b.inputs(m, a)
	if !ok {
		return Value{}, false, err
	}
	s := [3]felt.Felt(in)
	poseidon.Permute(&s)
	return b.remember(m, a, index, s[:])
}

func deduceKeccak(b *Builtin, m *Memory, a Addr, index uint64) (Value, bool, error) {
	in, ok, err := b.inputs(m, a)
	if !ok {
		return Value{}, false, err
	}
	// Eight words of 200 bits are the 1600 bits of the state, little-endian.
	var bytes [200]byte
	for i, f := range in {
		if f.BitLen() > 200 {
			return Value{}, false, fmt.Errorf("expected integer at address %v to be smaller than 2^200, got %v", a.Add(i), FeltValue(f))
		}
		be := f.Bytes()
		for j := range 25 {
			bytes[25*i+j] = be[31-j]
		}
	}
	var s [25]uint64
	for i := range s {
		for j := range 8 {
			s[i] |= uint64(bytes[8*i+j]) << (8 * j)
		}
	}
	keccak.F1600(&s)
	for i := range s {
		for j := range 8 {
			bytes[8*i+j] = byte(s[i] >> (8 * j))
		}
	}
	out := make([]felt.Felt, 8)
	for i := range out {
		var be [25]byte
		for j := range 25 {
			be[24-j] = bytes[25*i+j]
		}
		out[i] = felt.FromBytesReduce(be[:])
	}
	return b.remember(m, a, index, out)
}

func deduceECOp(b *Builtin, m *Memory, a Addr, index uint64) (Value, bool, error) {
	in, ok, err := b.inputs(m, a)
	if !ok {
		return Value{}, false, err
	}
	p, q := starkcurve.Point{X: in[0], Y: in[1]}, starkcurve.Point{X: in[2], Y: in[3]}
	for _, pt := range []starkcurve.Point{p, q} {
		if !starkcurve.IsOnCurve(pt) {
			return Value{}, false, fmt.Errorf("EcOpBuiltin: point (%v, %v) is not on the curve", FeltValue(pt.X), FeltValue(pt.Y))
		}
	}
	r, ok := starkcurve.ECOp(p, q, in[4])
	if !ok {
		return Value{}, false, fmt.Errorf("cannot apply EC operation: computation reached two points with the same x coordinate (m = %v)", FeltValue(in[4]))
	}
	return b.remember(m, a, index, []felt.Felt{r.X, r.Y})
}

// checkSignature verifies the signature of an instance once both of its cells are written.
func checkSignature(b *Builtin, m *Memory, a Addr, _ Value) error {
	pubAt := Addr{a.Segment, a.Offset &^ 1}
	msgAt := pubAt.Add(1)
	pub, err := m.Felt(pubAt)
	if err != nil {
		if a == msgAt {
			return nil
		}
		return memErrorf(a, "ECDSA builtin: expected public key at address %v to be an integer", pubAt)
	}
	msg, err := m.Felt(msgAt)
	if err != nil {
		if a == pubAt {
			return nil
		}
		return memErrorf(a, "ECDSA builtin: expected message hash at address %v to be an integer", msgAt)
	}
	s, ok := b.Signatures[pubAt.Offset]
	if !ok {
		return memErrorf(a, "signature hint is missing for ECDSA builtin at address %v, add it using 'ecdsa_builtin.add_signature'", pubAt)
	}
	if !starkcurve.Verify(pub, msg, s.R, s.S) {
		return memErrorf(a, "signature (%v, %v) is invalid, with respect to the public key %v, and the message hash %v", FeltValue(s.R), FeltValue(s.S), FeltValue(pub), FeltValue(msg))
	}
	return nil
}
