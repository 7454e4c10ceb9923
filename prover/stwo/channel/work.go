package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
	var words [10]uint32
	for k := range 8 {
		words[k] = binary.LittleEndian.Uint32(prefix[4*k:])
	}
	words[9] = high
	counter := blake.Word8
	if h == Blake2sM31 {
		counter = blake.Word8M31
	}
	const block = 1 << 14 // low words between looks at ctx
	for low := uint32(0); low < length && ctx.Err() == nil; low += block {
		if found, ok := blake.Search(&words, counter, low, block, mask); ok {
			return found, true
		}
	}
	return 0, false
}
