package sha2

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"testing"
)

// TestOneBlock compares the compression of one padded block with the digest of the standard library.
func TestOneBlock(t *testing.T) {
	for n := range 56 {
		msg := make([]byte, n)
		for i := range msg {
			msg[i] = byte(7*i + n)
		}
		padded := make([]byte, 128)
		copy(padded, msg)
		padded[n] = 0x80
		padded[62], padded[63] = byte(8*n>>8), byte(8*n)
		var block [16]uint64
		for i := range block {
			block[i] = uint64(binary.BigEndian.Uint32(padded[4*i:]))
		}
		h := [8]uint64{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
		Compress256(&h, &block)
		var got []byte
		for _, w := range h {
			got = binary.BigEndian.AppendUint32(got, uint32(w))
		}
		if want := sha256.Sum256(msg); [32]byte(got) != want {
			t.Errorf("SHA-256 of %x is %x, want %x", msg, got, want)
		}

		padded = make([]byte, 128)
		copy(padded, msg)
		padded[n] = 0x80
		padded[126], padded[127] = byte(8*n>>8), byte(8*n)
		for i := range block {
			block[i] = binary.BigEndian.Uint64(padded[8*i:])
		}
		h = [8]uint64{0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179}
		Compress512(&h, &block)
		got = nil
		for _, w := range h {
			got = binary.BigEndian.AppendUint64(got, w)
		}
		if want := sha512.Sum512(msg); [64]byte(got) != want {
			t.Errorf("SHA-512 of %x is %x, want %x", msg, got, want)
		}
	}
}
