package blake

import "math/bits"

// Counter says how a Search counts, and what it looks at.
type Counter int

const (
	Word8         Counter = iota // word 8 counts
	Word8M31                     // word 8 counts, and the digest's word is taken modulo 2^31 - 1
	Word9Reversed                // word 9 counts, with its bytes in big-endian order
)

// Search hashes messages of 40 bytes, ten words in little-endian order, of which one counts from first on, and returns the first number for which the
// first word of the digest has no bit of mask. It returns false if there is none among n numbers. n must be a multiple of Lanes.
func Search(words *[10]uint32, c Counter, first, n, mask uint32) (uint32, bool) {
	if vectorBits == 0 {
		return search(words, c, first, n, mask)
	}
	found := searchLanes(words, c, first, n, mask)
	return found, found-first < n
}

// search does the same without the vector code.
func search(words *[10]uint32, c Counter, first, n, mask uint32) (uint32, bool) {
	var m Block16
	for k, w := range words {
		for i := range m[k] {
			m[k][i] = w
		}
	}
	initial := Initial16()
	for done := uint32(0); done < n; done += Lanes {
		for i := range uint32(Lanes) {
			if v := first + done + i; c == Word9Reversed {
				m[9][i] = bits.ReverseBytes32(v)
			} else {
				m[8][i] = v
			}
		}
		s := initial
		Compress16(&s, &m, 40, true)
		for i, w := range s[0] {
			if c == Word8M31 {
				w %= 1<<31 - 1
			}
			if w&mask == 0 {
				return first + done + uint32(i), true
			}
		}
	}
	return first + n, false
}

// startState returns the working vector of BLAKE2s's compression (RFC 7693, section 3.2) for a message of 40 bytes, after the part of the first
// round that words 8 and 9 do not enter: all quarter rounds but the first diagonal one, of which only the sum of a and b is made.
func startState(words *[10]uint32) (v [16]uint32) {
	state := Initial()
	copy(v[:], state[:])
	copy(v[8:], iv[:])
	v[12] ^= 40
	v[14] = ^v[14]
	// Compress has this too. As a function that both call it would make Compress 1.5 times as slow.
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
