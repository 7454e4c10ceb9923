package native

import (
	"sync/atomic"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
)

// memo remembers Pedersen hashes: contracts compute the addresses of the same storage slots again and again, at 20 µs each, and a
// transfer of tokens does little else. Every slot of the table holds the latest pair of those that fall on it. Safe for concurrent
// use; what it holds can change no result.
type memo struct {
	slots [1 << memoBits]atomic.Pointer[memoEntry]
}

const memoBits = 15 // at some 100 bytes each: 3 MB

type memoEntry struct{ a, b, hash felt.Felt }

func (m *memo) pedersen(a, b felt.Felt) felt.Felt {
	// Montgomery limbs are as good as random.
	i := (a[0]*0x9e3779b97f4a7c15 ^ b[0]*0xc2b2ae3d27d4eb4f ^ a[2] ^ b[2]) >> (64 - memoBits)
	if e := m.slots[i].Load(); e != nil && e.a == a && e.b == b {
		return e.hash
	}
	h := pedersen.Hash(a, b)
	m.slots[i].Store(&memoEntry{a, b, h})
	return h
}
