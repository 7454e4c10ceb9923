// Package blake implements BLAKE2s-256 (RFC 7693), its compression function, and Starknet's hash of felts with it (Blake2Felt252). Since
// Starknet 0.14.1 compiled classes are hashed with Blake2Felt252.
package blake

import (
	"encoding/binary"
	"math/bits"

	"github.com/starkd/starkd/crypto/felt"
)

var iv = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// Sigma is the order in which each round takes the words of the message. Treat it as a constant.
var Sigma = [10][16]byte{
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	{14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
	{7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
	{2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
	{13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
	{10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
}

// Initial returns the state before the first block: the IV with the parameter block of an unkeyed hash with a 32-byte digest.
func Initial() [8]uint32 {
	h := iv
	h[0] ^= 0x01010020
	return h
}

// Compress updates the state h with one block of 16 words. t is the number of bytes hashed so far, including this block.
func Compress(h *[8]uint32, m *[16]uint32, t uint64, final bool) {
	var v [16]uint32
	copy(v[:8], h[:])
	copy(v[8:], iv[:])
	v[12] ^= uint32(t)
	v[13] ^= uint32(t >> 32)
	if final {
		v[14] = ^v[14]
	}
	mix := func(a, b, c, d int, x, y uint32) {
		v[a] += v[b] + x
		v[d] = bits.RotateLeft32(v[d]^v[a], -16)
		v[c] += v[d]
		v[b] = bits.RotateLeft32(v[b]^v[c], -12)
		v[a] += v[b] + y
		v[d] = bits.RotateLeft32(v[d]^v[a], -8)
		v[c] += v[d]
		v[b] = bits.RotateLeft32(v[b]^v[c], -7)
	}
	for round := range 10 {
		s := &Sigma[round]
		mix(0, 4, 8, 12, m[s[0]], m[s[1]])
		mix(1, 5, 9, 13, m[s[2]], m[s[3]])
		mix(2, 6, 10, 14, m[s[4]], m[s[5]])
		mix(3, 7, 11, 15, m[s[6]], m[s[7]])
		mix(0, 5, 10, 15, m[s[8]], m[s[9]])
		mix(1, 6, 11, 12, m[s[10]], m[s[11]])
		mix(2, 7, 8, 13, m[s[12]], m[s[13]])
		mix(3, 4, 9, 14, m[s[14]], m[s[15]])
	}
	for i := range 8 {
		h[i] ^= v[i] ^ v[i+8]
	}
}

// Sum256s returns the BLAKE2s-256 digest of b.
func Sum256s(b []byte) (digest [32]byte) {
	h := Initial()
	var m [16]uint32
	total := uint64(0)
	for len(b) > 64 {
		for i := range m {
			m[i] = binary.LittleEndian.Uint32(b[4*i:])
		}
		total += 64
		Compress(&h, &m, total, false)
		b = b[64:]
	}
	var last [64]byte
	copy(last[:], b)
	for i := range m {
		m[i] = binary.LittleEndian.Uint32(last[4*i:])
	}
	Compress(&h, &m, total+uint64(len(b)), true)
	for i, w := range h {
		binary.LittleEndian.PutUint32(digest[4*i:], w)
	}
	return digest
}

// HashFelts returns the Blake2Felt252 hash of xs. A felt below 2^63 is encoded as two 32-bit words, any other as eight words with the top bit
// of the first set; the most significant word is first. The words are hashed in little-endian order, and the digest is read as a
// little-endian integer modulo P.
func HashFelts(xs ...felt.Felt) felt.Felt {
	buf := make([]byte, 0, 8*len(xs))
	for i := range xs {
		l := xs[i].Limbs()
		if l[1]|l[2]|l[3] == 0 && l[0] < 1<<63 {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(l[0]>>32))
			buf = binary.LittleEndian.AppendUint32(buf, uint32(l[0]))
			continue
		}
		for j := 3; j >= 0; j-- {
			hi := uint32(l[j] >> 32)
			if j == 3 {
				hi |= 1 << 31
			}
			buf = binary.LittleEndian.AppendUint32(buf, hi)
			buf = binary.LittleEndian.AppendUint32(buf, uint32(l[j]))
		}
	}
	digest := Sum256s(buf)
	for i := range 16 {
		digest[i], digest[31-i] = digest[31-i], digest[i]
	}
	return felt.FromBytesReduce(digest[:])
}
