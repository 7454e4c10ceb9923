package machine

import (
	"errors"
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
)

// blake2s executes a Blake2s compression: op0 points to the state, op1 to the message, dst holds the byte counter and
// [ap] points to the cells of the new state.
func (m *Machine) blake2s(in *instruction, dst, op0, op1 Addr) error {
	counter, err := m.uint32At(dst)
	if err != nil {
		return err
	}
	var h [8]uint32
	if err := m.readBlake(op0, h[:]); err != nil {
		return err
	}
	var block [16]uint32
	if err := m.readBlake(op1, block[:]); err != nil {
		return err
	}
	out, err := m.Memory.Pointer(m.APAddr())
	if err != nil {
		return err
	}
	blake.Compress(&h, &block, uint64(counter), in.ext == casm.ExtBlake2sLast)
	for i, w := range h {
		if err := m.Memory.insertAccessed(out.Add(i), UintValue(uint64(w))); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) uint32At(a Addr) (uint32, error) {
	n, err := m.Memory.Uint64(a)
	if err == nil && n>>32 != 0 {
		err = fmt.Errorf("the value %d at %v does not fit in 32 bits", n, a)
	}
	return uint32(n), err
}

func (m *Machine) readBlake(ptr Addr, words []uint32) error {
	at, err := m.Memory.Pointer(ptr)
	if err != nil {
		return err
	}
	for i := range words {
		if words[i], err = m.uint32At(at.Add(i)); err != nil {
			return err
		}
	}
	return nil
}

// m31 is the prime 2^31 - 1. QM31 is the degree-four extension of its field: CM31 = M31[i]/(i² + 1),
// QM31 = CM31[u]/(u² - 2 - i). The element (a + bi) + (c + di)u is packed in a felt as a + b·2^36 + c·2^72 + d·2^108.
const m31 = 1<<31 - 1

type cm31 struct{ re, im uint64 }

type qm31 struct{ a, b cm31 }

func (x cm31) add(y cm31) cm31 { return cm31{(x.re + y.re) % m31, (x.im + y.im) % m31} }
func (x cm31) sub(y cm31) cm31 { return cm31{(x.re + m31 - y.re) % m31, (x.im + m31 - y.im) % m31} }
func (x cm31) mul(y cm31) cm31 {
	return cm31{(x.re*y.re + (m31-x.im)*y.im%m31) % m31, (x.re*y.im%m31 + x.im*y.re) % m31}
}

func (x cm31) inverse() cm31 {
	n := powM31((x.re*x.re%m31+x.im*x.im)%m31, m31-2)
	return cm31{x.re * n % m31, (m31 - x.im) % m31 * n % m31}
}

func powM31(x, k uint64) uint64 {
	r := uint64(1)
	for ; k > 0; k >>= 1 {
		if k&1 == 1 {
			r = r * x % m31
		}
		x = x * x % m31
	}
	return r
}

// nonResidue is u² = 2 + i.
var nonResidue = cm31{2, 1}

func qm31Add(x, y qm31) (qm31, error) { return qm31{x.a.add(y.a), x.b.add(y.b)}, nil }
func qm31Sub(x, y qm31) (qm31, error) { return qm31{x.a.sub(y.a), x.b.sub(y.b)}, nil }
func qm31Mul(x, y qm31) (qm31, error) {
	return qm31{x.a.mul(y.a).add(nonResidue.mul(x.b.mul(y.b))), x.a.mul(y.b).add(x.b.mul(y.a))}, nil
}

func qm31Div(x, y qm31) (qm31, error) {
	if y == (qm31{}) {
		return qm31{}, errors.New("QM31 division by zero")
	}
	// 1/(a + bu) = (a - bu)/(a² - (2 + i)b²)
	n := y.a.mul(y.a).sub(nonResidue.mul(y.b.mul(y.b))).inverse()
	return qm31Mul(x, qm31{y.a.mul(n), cm31{}.sub(y.b.mul(n))})
}

func qm31Op(x, y Value, op func(x, y qm31) (qm31, error)) (Value, error) {
	p, err := unpackQM31(x)
	if err != nil {
		return Value{}, err
	}
	q, err := unpackQM31(y)
	if err != nil {
		return Value{}, err
	}
	r, err := op(p, q)
	if err != nil {
		return Value{}, err
	}
	return FeltValue(felt.FromLimbs([4]uint64{
		r.a.re | r.a.im<<36,
		r.a.im>>28 | r.b.re<<8 | r.b.im<<44,
		r.b.im >> 20,
	})), nil
}

func unpackQM31(v Value) (qm31, error) {
	f, ok := v.Felt()
	if !ok {
		return qm31{}, fmt.Errorf("QM31 operation on the relocatable value %v", v)
	}
	l := f.Limbs()
	q := qm31{
		cm31{l[0] & (1<<36 - 1), l[0]>>36 | l[1]&0xff<<28},
		cm31{l[1] >> 8 & (1<<36 - 1), l[1]>>44 | l[2]&0xffff<<20},
	}
	for _, c := range []uint64{q.a.re, q.a.im, q.b.re, q.b.im} {
		if c >= m31 || l[2]>>16|l[3] != 0 {
			return qm31{}, fmt.Errorf("the value %v is not a packed QM31 element", v)
		}
	}
	return q, nil
}
