package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// MaxWorkBits is the largest number of bits of a proof of work.
const MaxWorkBits = 32

// workDomain begins the message that binds a proof of work to the channel.
const workDomain = 0x12345678

// workPrefix returns the hash of the channel's digest and the number of bits, with which the nonces are hashed.
func (c *Channel) workPrefix(n uint32) Digest {
	if c.hash == Poseidon252 {
		return FromFelt(poseidon.HashMany(felt.FromUint64(workDomain), c.digest.Felt(), felt.FromUint64(uint64(n))))
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 52), workDomain)
	b = append(b, make([]byte, 12)...)
	b = append(b, c.digest[:]...)
	return c.hash.bytes(binary.LittleEndian.AppendUint32(b, n))
}

// CheckWork reports whether nonce is a proof of work of n bits: whether n low bits of its hash are 0. The nonce must then be mixed.
func (c *Channel) CheckWork(n uint32, nonce uint64) bool {
	if n > MaxWorkBits {
		return false
	}
	prefix := c.workPrefix(n)
	return c.hash.workBits(&prefix, nonce)&(1<<n-1) == 0
}

// workBits returns the 64 lowest bits of the hash of nonce.
func (h Hash) workBits(prefix *Digest, nonce uint64) uint64 {
	if h == Poseidon252 {
		f := poseidon.Hash(prefix.Felt(), felt.FromUint64(nonce))
		return f.Limbs()[0]
	}
	d := h.bytes(binary.LittleEndian.AppendUint64(append(make([]byte, 0, 40), prefix[:]...), nonce))
	return binary.LittleEndian.Uint64(d[:])
}

// Work returns a nonce for which CheckWork holds, or ctx's error when ctx ends. It is the first in the order in which S-two searches: nonces
// are tried in runs whose high words count up from 0, and a run has low words from 0 to runLength.
func (c *Channel) Work(ctx context.Context, n uint32) (uint64, error) {
	if n > MaxWorkBits {
		return 0, fmt.Errorf("channel: a proof of work of %d bits, the bound is %d", n, MaxWorkBits)
	}
	prefix := c.workPrefix(n)
	// Workers take runs in order until a run before their next one has a solution, so that the lowest solution is found whatever their speed.
	var next, good atomic.Uint64
	good.Store(math.MaxUint64)
	parallel.For(parallel.Workers(), func(int) {
		for ctx.Err() == nil {
			run := next.Add(1) - 1
			if run >= m31.P || run >= good.Load()>>32 {
				return
			}
			low, ok := c.hash.searchRun(ctx, &prefix, uint32(run), n)
			for found := run<<32 | uint64(low); ok; {
				old := good.Load()
				if found >= old || good.CompareAndSwap(old, found) {
					break
				}
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if good.Load() == math.MaxUint64 {
		return 0, errors.New("channel: no nonce is a proof of work")
	}
	return good.Load(), nil
}

// runLength returns log2 of the number of low words in a run of nonces.
func (h Hash) runLength() uint {
	if h == Poseidon252 {
		return 14
	}
	return 20
}

// searchRun returns the first low word of a solution among the nonces with the given high word, and whether there is one.
func (h Hash) searchRun(ctx context.Context, prefix *Digest, high, n uint32) (uint32, bool) {
	length := uint32(1) << h.runLength()
	if h == Poseidon252 {
		for low := uint32(0); low < length && (low%64 != 0 || ctx.Err() == nil); low++ {
			if h.workBits(prefix, uint64(high)<<32|uint64(low))&(1<<n-1) == 0 {
				return low, true
			}
		}
		return 0, false
	}
	// Only the first word of a digest matters, because n is at most 32.
	mask := uint32(uint64(1)<<n - 1)
	if hasSearch {
		var words [10]uint32
		for k := range 8 {
			words[k] = binary.LittleEndian.Uint32(prefix[4*k:])
		}
		words[9] = high
		start, search := startState(&words), searchBlake16
		if h == Blake2sM31 {
			search = searchBlakeM3116
		}
		const block = 1 << 14 // low words between looks at ctx
		for low := uint32(0); low < length && ctx.Err() == nil; low += block {
			if found := search(&start, &words, low, block/blake.Lanes, mask); found < low+block {
				return found, true
			}
		}
		return 0, false
	}
	var m blake.Block16
	for k := range 8 {
		fill(&m[k], binary.LittleEndian.Uint32(prefix[4*k:]))
	}
	fill(&m[9], high)
	initial := blake.Initial16()
	for low := uint32(0); low < length && (low%(1<<14) != 0 || ctx.Err() == nil); low += blake.Lanes {
		for i := range m[8] {
			m[8][i] = low + uint32(i)
		}
		s := initial
		blake.Compress16(&s, &m, 40, true)
		for i, w := range s[0] {
			if h == Blake2sM31 {
				w = uint32(m31.New(uint64(w)))
			}
			if w&mask == 0 {
				return low + uint32(i), true
			}
		}
	}
	return 0, false
}

// startState returns the working vector of BLAKE2s's compression (RFC 7693, section 3.2) for a message of 40 bytes, after the part of the first
// round that word 8 does not enter: all quarter rounds but the first diagonal one, of which only the sum of a and b is made.
func startState(words *[10]uint32) (v [16]uint32) {
	state := blake.Initial()
	copy(v[:], state[:])
	copy(v[8:], state[:])
	v[8] ^= 0x01010020 // the initial state without the parameters
	v[12] ^= 40
	v[14] = ^v[14]
	quarter := func(a, b, c, d int, x, y uint32) {
		v[a] += v[b] + x
		v[d] = bits.RotateLeft32(v[d]^v[a], -16)
		v[c] += v[d]
		v[b] = bits.RotateLeft32(v[b]^v[c], -12)
		v[a] += v[b] + y
		v[d] = bits.RotateLeft32(v[d]^v[a], -8)
		v[c] += v[d]
		v[b] = bits.RotateLeft32(v[b]^v[c], -7)
	}
	quarter(0, 4, 8, 12, words[0], words[1])
	quarter(1, 5, 9, 13, words[2], words[3])
	quarter(2, 6, 10, 14, words[4], words[5])
	quarter(3, 7, 11, 15, words[6], words[7])
	quarter(1, 6, 11, 12, 0, 0)
	quarter(2, 7, 8, 13, 0, 0)
	quarter(3, 4, 9, 14, 0, 0)
	v[0] += v[5]
	return v
}

func fill(lanes *[blake.Lanes]uint32, v uint32) {
	for i := range lanes {
		lanes[i] = v
	}
}
