package channel

import (
	"encoding/binary"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// bytes returns the hash of b with one of the variants of BLAKE2s.
func (h Hash) bytes(b []byte) Digest {
	d := Digest(blake.Sum256s(b))
	if h == Blake2sM31 {
		for k := range 8 {
			w := m31.New(uint64(binary.LittleEndian.Uint32(d[4*k:])))
			binary.LittleEndian.PutUint32(d[4*k:], uint32(w))
		}
	}
	return d
}

// Pair returns the hash of two digests: the parent of two nodes of a tree.
func (h Hash) Pair(left, right *Digest) Digest {
	if h == Poseidon252 {
		return FromFelt(poseidon.Hash(left.Felt(), right.Felt()))
	}
	var b [64]byte
	copy(b[:32], left[:])
	copy(b[32:], right[:])
	return h.bytes(b[:])
}

// leafWords is the number of elements of the base field that a leaf of Poseidon252 packs in a felt.
const leafWords = 8

// Leaf returns the hash of elements of the base field: a leaf of a tree. With Poseidon252 eight elements make a felt, the first on top; a
// shorter last felt has its number of elements above bit 248.
func (h Hash) Leaf(xs []m31.M31) Digest {
	l := NewLeafHasher(h)
	l.Write(xs)
	return l.Sum()
}

// LeafHasher computes Leaf of elements that come in parts.
type LeafHasher struct {
	hash   Hash
	block  [16]uint32 // elements that are not hashed yet
	n      int        // their number
	state  [8]uint32  // of BLAKE2s
	bytes  uint64     // number of bytes that BLAKE2s has hashed
	sponge poseidon.Hasher
}

// NewLeafHasher returns a hasher of no elements.
func NewLeafHasher(h Hash) *LeafHasher { return &LeafHasher{hash: h, state: blake.Initial()} }

// Write adds elements.
func (l *LeafHasher) Write(xs []m31.M31) {
	most := len(l.block)
	if l.hash == Poseidon252 {
		most = leafWords
	}
	for len(xs) > 0 {
		if l.n == most {
			l.flush(false)
		}
		room := l.block[l.n:most]
		n := min(len(room), len(xs))
		for i, x := range xs[:n] {
			room[i] = uint32(x)
		}
		l.n, xs = l.n+n, xs[n:]
	}
}

// flush hashes the block.
func (l *LeafHasher) flush(last bool) {
	if l.hash == Poseidon252 {
		var group [leafWords]m31.M31
		for k := range l.n {
			group[k] = m31.M31(l.block[k])
		}
		l.sponge.Write(PackLeaf(group[:l.n])...)
	} else {
		clear(l.block[l.n:])
		l.bytes += 4 * uint64(l.n)
		blake.Compress(&l.state, &l.block, l.bytes, last)
	}
	l.n = 0
}

// Sum returns the hash. It must be called once.
func (l *LeafHasher) Sum() (d Digest) {
	l.flush(true)
	if l.hash == Poseidon252 {
		return FromFelt(l.sponge.Sum())
	}
	for k, w := range l.state {
		if l.hash == Blake2sM31 {
			w = uint32(m31.New(uint64(w)))
		}
		binary.LittleEndian.PutUint32(d[4*k:], w)
	}
	return d
}

// PackLeaf returns the felts that Poseidon252 hashes for a leaf.
func PackLeaf(xs []m31.M31) []felt.Felt {
	out := make([]felt.Felt, 0, (len(xs)+leafWords-1)/leafWords)
	for first := 0; first < len(xs); first += leafWords {
		group := xs[first:min(first+leafWords, len(xs))]
		p := packer{digits: 31}
		for _, x := range group {
			p.push(uint32(x))
		}
		if len(group) < leafWords {
			p.setCount(len(group))
		}
		out = append(out, p.felt())
	}
	return out
}

// PermutationsOfLeaf returns the number of permutations with which Poseidon252 hashes a leaf of n elements.
func PermutationsOfLeaf(n int) int { return permutations((n + leafWords - 1) / leafWords) }

// PermutationsOfFelts returns the number of permutations with which MixFelts of a channel of Poseidon252 mixes n elements.
func PermutationsOfFelts(n int) int { return permutations(1 + (n+1)/2) }

// permutations returns the number of permutations for n felts. Each takes two; after the last felt there is a 1.
func permutations(n int) int { return n/2 + 1 }

// packer makes an integer below 2^256 of digits of the given number of bits, the most significant digit first.
type packer struct {
	digits uint
	limbs  [4]uint64
}

func (p *packer) push(v uint32) {
	carry := uint64(v)
	for i, limb := range p.limbs {
		p.limbs[i] = limb<<p.digits | carry
		carry = limb >> (64 - p.digits)
	}
}

// setCount stores the number of digits, below 8, in bits 248 to 250. It tells lists apart that differ in zeros.
func (p *packer) setCount(n int) { p.limbs[3] |= uint64(n) << 56 }

func (p *packer) felt() felt.Felt { return felt.FromLimbs(p.limbs) }

// unpack returns the n lowest digits of f, of the given number of bits, the lowest first.
func unpack(f felt.Felt, digits uint, n int) []uint32 {
	limbs := f.Limbs()
	out := make([]uint32, n)
	for k := range out {
		at := uint(k) * digits
		v := limbs[at/64] >> (at % 64)
		if at%64+digits > 64 {
			v |= limbs[at/64+1] << (64 - at%64)
		}
		out[k] = uint32(v & (1<<digits - 1))
	}
	return out
}
