// Package keccak implements Keccak-256 with the original padding (as in Ethereum, not SHA-3), its permutation, and Starknet's 250-bit hash.
// Source: The Keccak reference, version 3.0.
package keccak

import (
	"math/bits"

	"golang.org/x/crypto/sha3"

	"github.com/starkd/starkd/crypto/felt"
)

// Sum256 returns the Keccak-256 digest of b.
func Sum256(b []byte) (digest [32]byte) {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	h.Sum(digest[:0])
	return digest
}

// Starknet returns sn_keccak of b: the low 250 bits of Keccak-256 as a big-endian integer. Selectors and the keys of storage variables are
// such hashes.
func Starknet(b []byte) felt.Felt {
	digest := Sum256(b)
	digest[0] &= 3
	return felt.FromBytesReduce(digest[:])
}

var roundConstants = [24]uint64{
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
}

// rotations[x+5y] is the ρ offset of lane (x, y).
var rotations = [25]int{
	0, 1, 62, 28, 27,
	36, 44, 6, 55, 20,
	3, 10, 43, 25, 39,
	41, 45, 15, 21, 8,
	18, 2, 61, 56, 14,
}

// F1600 applies Keccak-f[1600] to the state of 25 lanes, lane (x, y) at index x+5y.
func F1600(a *[25]uint64) {
	var b [25]uint64
	var c [5]uint64
	for _, rc := range roundConstants {
		for x := range 5 {
			c[x] = a[x] ^ a[x+5] ^ a[x+10] ^ a[x+15] ^ a[x+20]
		}
		for x := range 5 {
			d := c[(x+4)%5] ^ bits.RotateLeft64(c[(x+1)%5], 1)
			for y := 0; y < 25; y += 5 {
				a[x+y] ^= d
			}
		}
		for x := range 5 {
			for y := range 5 {
				b[y+5*((2*x+3*y)%5)] = bits.RotateLeft64(a[x+5*y], rotations[x+5*y])
			}
		}
		for y := 0; y < 25; y += 5 {
			for x := range 5 {
				a[x+y] = b[x+y] ^ ^b[(x+1)%5+y]&b[(x+2)%5+y]
			}
		}
		a[0] ^= rc
	}
}
