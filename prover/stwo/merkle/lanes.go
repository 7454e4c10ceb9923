package merkle

import (
	"encoding/binary"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// lanes is the number of leaves or nodes that are hashed at once.
const lanes = blake.Lanes

// digests are sixteen digests: word k of digest i, in little-endian order, is [k][i].
type digests = blake.State16

// get returns digest i.
func get(d *digests, i int) (out channel.Digest) {
	for k := range d {
		binary.LittleEndian.PutUint32(out[4*k:], d[k][i])
	}
	return out
}

// set sets digest i.
func set(d *digests, i int, v *channel.Digest) {
	for k := range d {
		d[k][i] = binary.LittleEndian.Uint32(v[4*k:])
	}
}

// lastBlock is the value of a compression's argument final in the last block.
const lastBlock = ^uint32(0)

// compressColumns compresses a block in sixteen lanes. The first sixteen elements of m[k] are word k of the lanes.
func compressColumns(h *digests, m *[16][]m31.M31, t uint64, final bool) {
	if vectorBits > 0 {
		var p [16]*uint32
		for k := range m {
			_ = m[k][lanes-1]
			p[k] = (*uint32)(&m[k][0])
		}
		last := uint32(0)
		if final {
			last = lastBlock
		}
		compressColumns16((*[8][16]uint32)(h), &p, t, last)
		return
	}
	var block blake.Block16
	for k := range m {
		for i, v := range m[k][:lanes] {
			block[k][i] = uint32(v)
		}
	}
	blake.Compress16(h, &block, t, final)
}

// reduce reduces all words modulo 2^31 - 1.
func reduce(d *digests) {
	if vectorBits > 0 {
		reduce16((*[8][16]uint32)(d))
		return
	}
	for k := range d {
		for i, w := range d[k] {
			d[k][i] = uint32(m31.New(uint64(w)))
		}
	}
}

// pairs returns the hashes of pairs of neighbours: first those of a's digests 0 and 1, 2 and 3, …, then those of b's.
func pairs(h channel.Hash, a, b *digests) (out digests) {
	switch {
	case h == channel.Poseidon252:
		for i := range lanes / 2 {
			for half, d := range [2]*digests{a, b} {
				left, right := get(d, 2*i), get(d, 2*i+1)
				v := h.Pair(&left, &right)
				set(&out, half*lanes/2+i, &v)
			}
		}
		return out
	case vectorBits > 0:
		pairs16((*[8][16]uint32)(&out), (*[8][16]uint32)(a), (*[8][16]uint32)(b))
	default:
		var block blake.Block16
		for k := range a {
			for i := range lanes / 2 {
				block[k][i], block[k][lanes/2+i] = a[k][2*i], b[k][2*i]
				block[8+k][i], block[8+k][lanes/2+i] = a[k][2*i+1], b[k][2*i+1]
			}
		}
		out = blake.Initial16()
		blake.Compress16(&out, &block, 64, true)
	}
	if h == channel.Blake2sM31 {
		reduce(&out)
	}
	return out
}

// doubles returns the hashes of each digest with itself.
func doubles(h channel.Hash, a *digests) (out digests) {
	var low, high digests
	for k := range a {
		for i := range lanes / 2 {
			low[k][2*i], low[k][2*i+1] = a[k][i], a[k][i]
			high[k][2*i], high[k][2*i+1] = a[k][lanes/2+i], a[k][lanes/2+i]
		}
	}
	return pairs(h, &low, &high)
}
