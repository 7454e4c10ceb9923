package native

import (
	"sync/atomic"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// memo remembers what contracts compute again and again: Pedersen hashes, at 20 µs each, for the addresses of storage slots, and
// where signatures are checked the y coordinates of public keys and their multiples. A transfer of tokens does little else.
// Every slot of its tables holds the latest of what falls on it. Safe for concurrent use; what it holds can change no result.
type memo struct {
	hashes [1 << hashBits]atomic.Pointer[hashEntry]
	roots  [1 << pointBits]atomic.Pointer[rootEntry]
	points [1 << pointBits]atomic.Pointer[pointEntry]
}

const (
	hashBits  = 15 // at some 100 bytes each: 3 MB
	pointBits = 10 // at 16 kB for a point that was multiplied twice: 16 MB at most
)

type (
	hashEntry struct{ a, b, hash felt.Felt }
	rootEntry struct {
		x, y felt.Felt
		ok   bool
	}
	pointEntry struct {
		point   starkcurve.Point
		doubled *starkcurve.Doubled // nil where the point was met once
	}
)

// slotOf spreads elements over a table: Montgomery limbs are as good as random.
func slotOf(a, b *felt.Felt, bits int) uint64 {
	return (a[0]*0x9e3779b97f4a7c15 ^ b[0]*0xc2b2ae3d27d4eb4f ^ a[2] ^ b[2]) >> (64 - bits)
}

func (m *memo) pedersen(a, b felt.Felt) felt.Felt {
	slot := &m.hashes[slotOf(&a, &b, hashBits)]
	if e := slot.Load(); e != nil && e.a == a && e.b == b {
		return e.hash
	}
	h := pedersen.Hash(a, b)
	slot.Store(&hashEntry{a, b, h})
	return h
}

func (m *memo) yFromX(x felt.Felt) (y felt.Felt, ok bool) {
	slot := &m.roots[slotOf(&x, &x, pointBits)]
	if e := slot.Load(); e != nil && e.x == x {
		return e.y, e.ok
	}
	y, ok = starkcurve.YFromX(x)
	slot.Store(&rootEntry{x, y, ok})
	return y, ok
}

func (m *memo) ecOp(p, q starkcurve.Point, k felt.Felt) (starkcurve.Point, bool) {
	slot := &m.points[slotOf(&q.X, &q.Y, pointBits)]
	e := slot.Load()
	switch {
	case e == nil || e.point != q:
		slot.Store(&pointEntry{point: q})
		return starkcurve.ECOp(p, q, k)
	case e.doubled == nil:
		e = &pointEntry{q, starkcurve.NewDoubled(q)}
		slot.Store(e)
	}
	return e.doubled.ECOp(p, k)
}
