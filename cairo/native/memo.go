package native

import (
	"sync/atomic"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// memo caches results that contracts often compute again: Pedersen hashes (20 µs each) for the addresses of storage slots, and, for
// signatures, the y coordinates of public keys and their multiples. These take most of the time of a token transfer.
// Each slot of a table holds the latest entry that maps to it. A memo is safe for concurrent use and changes no result.
type memo struct {
	hashes [1 << hashBits]atomic.Pointer[hashEntry]
	roots  [1 << pointBits]atomic.Pointer[rootEntry]
	points [1 << pointBits]atomic.Pointer[pointEntry]
}

const (
	hashBits  = 15 // 3 MB, at about 100 bytes an entry
	pointBits = 10 // 16 MB at most, at 16 kB for each point that was multiplied twice
)

type (
	hashEntry struct{ a, b, hash felt.Felt }
	rootEntry struct {
		x, y felt.Felt
		ok   bool
	}
	pointEntry struct {
		point   starkcurve.Point
		doubled *starkcurve.Doubled // nil if the point was multiplied only once
	}
)

// slotOf returns the slot of a pair of elements in a table of 2^bits slots. Montgomery limbs are distributed well enough for a simple
// mix.
func slotOf(a, b *felt.Felt, bits int) uint64 {
	return (a[0]*0x9e3779b97f4a7c15 ^ b[0]*0xc2b2ae3d27d4eb4f ^ a[2] ^ b[2]) >> (64 - bits)
}

// pedersen returns the Pedersen hash of a and b.
func (m *memo) pedersen(a, b felt.Felt) felt.Felt {
	slot := &m.hashes[slotOf(&a, &b, hashBits)]
	if e := slot.Load(); e != nil && e.a == a && e.b == b {
		return e.hash
	}
	h := pedersen.Hash(a, b)
	slot.Store(&hashEntry{a, b, h})
	return h
}

// yFromX returns a y coordinate of a point of the STARK curve with the given x; ok is false if there is none.
func (m *memo) yFromX(x felt.Felt) (y felt.Felt, ok bool) {
	slot := &m.roots[slotOf(&x, &x, pointBits)]
	if e := slot.Load(); e != nil && e.x == x {
		return e.y, e.ok
	}
	y, ok = starkcurve.YFromX(x)
	slot.Store(&rootEntry{x, y, ok})
	return y, ok
}

// ecOp returns p + k·q; ok is false if the EC op builtin cannot compute it. From the second multiplication of q on it uses q's
// precomputed doublings.
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
