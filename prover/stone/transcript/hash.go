package transcript

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/pedersen"
	"github.com/starkd/starkd/crypto/poseidon"
)

// Digest is the output of a hash, which always has 32 bytes. A masked hash zeroes some of them.
type Digest = [32]byte

// Hash names one of the hash functions that Stone's parameters can select.
type Hash uint8

// The hash functions with Stone's names. A masked hash keeps the first ("msb") or last ("lsb") bits of a digest and zeroes the
// others.
const (
	Keccak256             Hash = iota // keccak256
	Blake256                          // blake256: BLAKE2s
	Poseidon3                         // poseidon3
	Pedersen                          // pedersen
	Keccak256Masked160MSB             // keccak256_masked160_msb
	Blake256Masked160MSB              // blake256_masked160_msb
	Blake256Masked248LSB              // blake256_masked248_lsb
	Keccak256Masked160LSB             // keccak256_masked160_lsb
)

var hashes = [...]struct {
	name     string
	base     Hash
	from, to int // range of the digest's bytes that the mask keeps
}{
	Keccak256:             {"keccak256", Keccak256, 0, 32},
	Blake256:              {"blake256", Blake256, 0, 32},
	Poseidon3:             {"poseidon3", Poseidon3, 0, 32},
	Pedersen:              {"pedersen", Pedersen, 0, 32},
	Keccak256Masked160MSB: {"keccak256_masked160_msb", Keccak256, 0, 20},
	Blake256Masked160MSB:  {"blake256_masked160_msb", Blake256, 0, 20},
	Blake256Masked248LSB:  {"blake256_masked248_lsb", Blake256, 1, 32},
	Keccak256Masked160LSB: {"keccak256_masked160_lsb", Keccak256, 12, 32},
}

// ParseHash returns the hash with the given name.
func ParseHash(name string) (Hash, error) {
	for h := range hashes {
		if hashes[h].name == name {
			return Hash(h), nil
		}
	}
	return 0, fmt.Errorf("transcript: unknown hash %q", name)
}

func (h Hash) String() string { return hashes[h].name }

// Algebraic reports whether the hash works on field elements: its input consists of 32-byte words below the modulus.
func (h Hash) Algebraic() bool { return h == Poseidon3 || h == Pedersen }

// Base returns the hash without its mask, and the range of digest bytes that the mask keeps.
func (h Hash) Base() (base Hash, from, to int) { return hashes[h].base, hashes[h].from, hashes[h].to }

// Sum hashes b. For an algebraic hash, b must consist of 32-byte words. Poseidon requires words below the modulus; Pedersen
// reduces them.
func (h Hash) Sum(b []byte) (Digest, error) {
	switch hashes[h].base {
	case Keccak256:
		return h.mask(keccak.Sum256(b)), nil
	case Blake256:
		return h.mask(blake.Sum256s(b)), nil
	}
	if len(b)%felt.Bytes != 0 {
		return Digest{}, fmt.Errorf("transcript: %s of %d bytes, want a multiple of %d", h, len(b), felt.Bytes)
	}
	if h == Pedersen {
		return sumPedersen(b), nil
	}
	xs := make([]felt.Felt, len(b)/felt.Bytes)
	for i := range xs {
		var err error
		if xs[i], err = felt.FromBytes(b[i*felt.Bytes:][:felt.Bytes]); err != nil {
			return Digest{}, fmt.Errorf("transcript: %s: word %d: %w", h, i, err)
		}
	}
	sum := poseidon.HashMany(xs...)
	return sum.Bytes(), nil
}

// sumPedersen hashes a chain of words and then their number. Each word is split as q·p + r, and state ← H(state, r) + q.
func sumPedersen(b []byte) Digest {
	var state felt.Felt
	for i := 0; i < len(b); i += felt.Bytes {
		word := b[i:][:felt.Bytes]
		r := felt.FromBytesReduce(word)
		state = pedersen.Hash(state, r)
		// p is slightly above 2^251, so q is the top five bits of the word, or one less if the rest of the word is below
		// q·17·2^192 + q.
		q := uint64(word[0] >> 3)
		if quotientTooLarge(word, q) {
			q--
		}
		shift := felt.FromUint64(q)
		state.Add(&state, &shift)
	}
	sum := pedersen.Hash(state, felt.FromUint64(uint64(len(b)/felt.Bytes)))
	return sum.Bytes()
}

// quotientTooLarge reports whether q·p exceeds the 256-bit big-endian word whose top five bits are q.
func quotientTooLarge(word []byte, q uint64) bool {
	// Compare word - q·2^251 with q·(17·2^192 + 1).
	hi := binary.BigEndian.Uint64(word) &^ (0x1f << 59)
	if hi != 17*q {
		return hi < 17*q
	}
	for _, c := range word[8:24] {
		if c != 0 {
			return false
		}
	}
	return binary.BigEndian.Uint64(word[24:]) < q
}

// Pair hashes two digests to an inner node of a tree. An algebraic hash returns an error for a digest that is not below the
// modulus.
func (h Hash) Pair(left, right *Digest) (Digest, error) {
	switch base := hashes[h].base; base {
	case Keccak256, Blake256:
		var b [64]byte
		copy(b[:], left[:])
		copy(b[32:], right[:])
		if base == Keccak256 {
			return h.mask(keccak.Sum256(b[:])), nil
		}
		return h.mask(blake.Sum256s(b[:])), nil
	}
	l, err := felt.FromBytes(left[:])
	if err != nil {
		return Digest{}, fmt.Errorf("transcript: %s: left node: %w", h, err)
	}
	r, err := felt.FromBytes(right[:])
	if err != nil {
		return Digest{}, fmt.Errorf("transcript: %s: right node: %w", h, err)
	}
	var sum felt.Felt
	if h == Pedersen {
		sum = pedersen.Hash(l, r)
	} else {
		sum = poseidon.Hash(l, r)
	}
	return sum.Bytes(), nil
}

func (h Hash) mask(d Digest) Digest {
	clear(d[:hashes[h].from])
	clear(d[hashes[h].to:])
	return d
}

// format returns a digest of this hash as Stone's annotations write it.
func (h Hash) format(d *Digest) string {
	if hashes[h].from > 0 {
		return "0x" + hex.EncodeToString(d[:])
	}
	return formatBytes(d[:])
}

// formatBytes returns hexadecimal digits without leading zeros, as Stone writes data.
func formatBytes(b []byte) string {
	s := strings.TrimLeft(hex.EncodeToString(b), "0")
	if s == "" {
		s = "0"
	}
	return "0x" + s
}
