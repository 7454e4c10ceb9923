package transcript

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/internal/parallel"
)

// work is a proof-of-work puzzle: the first 64 bits of H(start ‖ nonce) must be below limit. start binds the channel's state
// and the number of bits.
type work struct {
	hash  Hash
	start Digest
	limit uint64
}

// MaxPowBits is the largest number of proof-of-work bits.
const MaxPowBits = 64

func newWork(h Hash, seed Digest, bits uint) work {
	b := []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xed}
	b = append(append(b, seed[:]...), byte(bits))
	start, _ := h.Sum(b) // byte hashes do not fail
	return work{h, start, 1 << (64 - bits)}
}

func (w *work) holds(nonce uint64) bool {
	var b [40]byte
	copy(b[:], w.start[:])
	binary.BigEndian.PutUint64(b[32:], nonce)
	d, _ := w.hash.Sum(b[:])
	return binary.BigEndian.Uint64(d[:]) < w.limit
}

// searchChunk is the number of nonces that a core tries before it checks the results of the other cores.
const searchChunk = 1 << 14

// search returns the lowest nonce that solves the puzzle. Cores take chunks in order and continue until their next chunk starts
// above the lowest solution found, so the result does not depend on timing. When ctx ends, search returns ctx's error.
func search(ctx context.Context, h Hash, seed Digest, bits uint) (uint64, error) {
	w := newWork(h, seed, bits)
	var next atomic.Uint64
	var lowest atomic.Uint64
	lowest.Store(math.MaxUint64)
	parallel.For(parallel.Workers(), func(int) {
		for ctx.Err() == nil {
			start := next.Add(searchChunk) - searchChunk
			if start >= lowest.Load() {
				return
			}
			nonce, ok := w.searchRange(start, searchChunk)
			for ok {
				old := lowest.Load()
				if nonce >= old || lowest.CompareAndSwap(old, nonce) {
					break
				}
			}
		}
	})
	return lowest.Load(), ctx.Err()
}

// searchRange returns the lowest solution in [start, start+n), and whether there is one.
func (w *work) searchRange(start, n uint64) (uint64, bool) {
	if w.hash == Blake256 {
		return w.searchBlake(start, n)
	}
	var b [40]byte
	copy(b[:], w.start[:])
	for nonce := start; nonce < start+n; nonce++ {
		binary.BigEndian.PutUint64(b[32:], nonce)
		d := keccak.Sum256(b[:])
		if binary.BigEndian.Uint64(d[:]) < w.limit {
			return nonce, true
		}
	}
	return 0, false
}

// searchBlake does the same as searchRange for BLAKE2s. start and n are multiples of blake.Lanes, and the range does not cross a multiple of 2^32.
func (w *work) searchBlake(start, n uint64) (uint64, bool) {
	words := [10]uint32{8: bits.ReverseBytes32(uint32(start >> 32))}
	for k := range 8 {
		words[k] = binary.LittleEndian.Uint32(w.start[4*k:])
	}
	// A solution's digest begins with so many zero bits, of which the first 32 are in its first word.
	zeros := bits.LeadingZeros64(w.limit - 1)
	mask := bits.ReverseBytes32(^uint32(0) << (32 - min(zeros, 32)))
	for nonce := start; nonce < start+n; {
		low, ok := blake.Search(&words, blake.Word9Reversed, uint32(nonce), uint32(start+n-nonce), mask)
		if !ok {
			break
		}
		candidate := nonce>>32<<32 | uint64(low)
		for nonce = candidate/blake.Lanes*blake.Lanes + blake.Lanes; candidate < nonce; candidate++ {
			if w.holds(candidate) {
				return candidate, true
			}
		}
	}
	return 0, false
}
