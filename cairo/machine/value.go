package machine

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Addr is a memory address: an offset in a segment. Temporary segments have negative numbers.
type Addr struct {
	Segment int32
	Offset  uint64
}

func (a Addr) String() string { return fmt.Sprintf("%d:%d", a.Segment, a.Offset) }

// Add returns a moved by n cells. An offset outside [0, 2^63) wraps modulo 2^64 to one beyond every segment.
func (a Addr) Add(n int) Addr { a.Offset += uint64(int64(n)); return a }

// Value is the content of a cell: a field element or an address. The zero Value is the element 0. Values can be compared
// with ==.
//
// A felt is stored as its four Montgomery limbs, whose top limb is below 2^60; an address has bit 63 of the top limb set,
// its offset in limb 0 and its segment, sign-extended, in limb 1.
type Value struct{ l [4]uint64 }

const addrBit = 1 << 63

// FeltValue returns the Value of a field element.
func FeltValue(f felt.Felt) Value { return Value{f} }

// UintValue returns the Value of the field element n.
func UintValue(n uint64) Value { return Value{felt.FromUint64(n)} }

// BoolValue returns the Value 1 for true and 0 for false.
func BoolValue(b bool) Value {
	if b {
		return FeltValue(felt.One)
	}
	return Value{}
}

// AddrValue returns the Value of an address.
func AddrValue(a Addr) Value {
	return Value{[4]uint64{a.Offset, uint64(int64(a.Segment)), 0, addrBit}}
}

// IsAddr reports whether v is an address.
func (v Value) IsAddr() bool { return v.l[3]&addrBit != 0 }

// Felt returns the field element, or false if v is an address.
func (v Value) Felt() (felt.Felt, bool) {
	if v.IsAddr() {
		return felt.Felt{}, false
	}
	return v.l, true
}

// Addr returns the address, or false if v is a field element.
func (v Value) Addr() (Addr, bool) {
	if !v.IsAddr() {
		return Addr{}, false
	}
	return v.addr(), true
}

func (v Value) addr() Addr { return Addr{int32(int64(v.l[1])), v.l[0]} }

// IsZero reports whether v is the field element 0.
func (v Value) IsZero() bool { return v == Value{} }

func (v Value) String() string {
	if v.IsAddr() {
		return v.addr().String()
	}
	f := felt.Felt(v.l)
	return f.BigInt().String()
}

// Add returns v + w for two felts, or for an address and a felt in either order; any other pair is an error.
func (v Value) Add(w Value) (Value, error) {
	switch {
	case !v.IsAddr() && !w.IsAddr():
		var s felt.Felt
		a, b := felt.Felt(v.l), felt.Felt(w.l)
		return Value{*s.Add(&a, &b)}, nil
	case v.IsAddr() && w.IsAddr():
		return Value{}, fmt.Errorf("cannot add two relocatable values: %v + %v", v, w)
	case w.IsAddr():
		v, w = w, v
	}
	off, ok := moveOffset(v.l[0], w.l, false)
	if !ok {
		return Value{}, fmt.Errorf("operation failed: %v + %v, maximum offset value exceeded", v, w)
	}
	v.l[0] = off
	return v, nil
}

// Sub returns v - w for two felts, for an address v and a felt w, or for two addresses in the same segment; any other pair is
// an error.
func (v Value) Sub(w Value) (Value, error) {
	switch {
	case !v.IsAddr() && !w.IsAddr():
		var s felt.Felt
		a, b := felt.Felt(v.l), felt.Felt(w.l)
		return Value{*s.Sub(&a, &b)}, nil
	case v.IsAddr() && w.IsAddr():
		if v.l[1] != w.l[1] {
			return Value{}, fmt.Errorf("cannot subtract two relocatable values with different segment indexes: %v - %v", v, w)
		}
		a, b := felt.FromUint64(v.l[0]), felt.FromUint64(w.l[0])
		return Value{*a.Sub(&a, &b)}, nil
	case w.IsAddr():
		return Value{}, fmt.Errorf("cannot subtract a relocatable value from an integer: %v - %v", v, w)
	}
	off, ok := moveOffset(v.l[0], w.l, true)
	if !ok {
		return Value{}, fmt.Errorf("operation failed: %v - %v, offsets cannot be negative", v, w)
	}
	v.l[0] = off
	return v, nil
}

// Mul returns v · w for two felts; addresses are an error.
func (v Value) Mul(w Value) (Value, error) {
	if v.IsAddr() || w.IsAddr() {
		return Value{}, fmt.Errorf("could not complete computation of non pure values %v * %v", v, w)
	}
	var s felt.Felt
	a, b := felt.Felt(v.l), felt.Felt(w.l)
	return Value{*s.Mul(&a, &b)}, nil
}

// moveOffset returns off + f, or off - f if minus is set, computed in the field. It returns false if the result is 2^64 or
// more.
func moveOffset(off uint64, f felt.Felt, minus bool) (uint64, bool) {
	o := felt.FromUint64(off)
	if minus {
		o.Sub(&o, &f)
	} else {
		o.Add(&o, &f)
	}
	l := o.Limbs()
	return l[0], l[1]|l[2]|l[3] == 0
}

// smallFelt returns f, taken from (-P/2, P/2), as an integer; false if its absolute value is 2^62 or more.
func smallFelt(f felt.Felt) (int64, bool) {
	l := f.Limbs()
	if l[1]|l[2]|l[3] == 0 && l[0] < 1<<62 {
		return int64(l[0]), true
	}
	f.Neg(&f)
	l = f.Limbs()
	if l[1]|l[2]|l[3] == 0 && l[0] < 1<<62 {
		return -int64(l[0]), true
	}
	return 0, false
}
