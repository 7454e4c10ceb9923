// Package channel is the transcript of a circle STARK: the Fiat-Shamir channel from which prover and verifier draw the same challenges. A
// channel is a digest and a counter of draws. Everything that the prover sends is mixed into the digest, which sets the counter to 0; every
// draw hashes the digest with the counter. There are three variants, one for each hash function that S-two's parameters can select.
//
// A challenge that costs work (CheckWork and Work) makes a prover that retries with other messages pay for each attempt.
package channel

import (
	"encoding/binary"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Hash is the hash function of a channel and of the trees that are committed through it.
type Hash uint8

// The hash functions.
const (
	Blake2s     Hash = iota // BLAKE2s-256
	Blake2sM31              // BLAKE2s-256, with each of the eight words of a digest reduced modulo 2^31 - 1
	Poseidon252             // Starknet's Poseidon over the field of Cairo's felts
)

// hashes are the names that S-two's parameters use.
var hashes = [...]string{"blake2s", "blake2s_m31", "poseidon252"}

// String returns the hash function's name in S-two's parameters.
func (h Hash) String() string { return hashes[h] }

// ParseHash returns the hash function with the given name.
func ParseHash(name string) (Hash, error) {
	for h, have := range hashes {
		if have == name {
			return Hash(h), nil
		}
	}
	return 0, fmt.Errorf("channel: no hash function %q", name)
}

// Digest is the result of a hash function. A digest of Poseidon252 is a felt as 32 big-endian bytes.
type Digest [32]byte

// Check returns an error if d is not a possible digest of h.
func (h Hash) Check(d *Digest) error {
	if h != Poseidon252 {
		return nil
	}
	if _, err := felt.FromBytes(d[:]); err != nil {
		return fmt.Errorf("channel: digest %x: %w", d[:], err)
	}
	return nil
}

// Felt returns the felt that a digest of Poseidon252 encodes.
func (d *Digest) Felt() felt.Felt { return felt.FromBytesReduce(d[:]) }

// FromFelt returns the digest that encodes f.
func FromFelt(f felt.Felt) Digest { return f.Bytes() }

// Channel is the state of a transcript.
type Channel struct {
	hash   Hash
	digest Digest
	draws  uint32
}

// New returns a channel into which nothing has been mixed.
func New(h Hash) *Channel { return &Channel{hash: h} }

// Restore returns a channel that has the given digest and has drawn nothing since.
func Restore(h Hash, d Digest) *Channel { return &Channel{hash: h, digest: d} }

// Hash returns the channel's hash function.
func (c *Channel) Hash() Hash { return c.hash }

// Digest returns the digest of everything that has been mixed.
func (c *Channel) Digest() Digest { return c.digest }

// mix sets the digest.
func (c *Channel) mix(d Digest) { c.digest, c.draws = d, 0 }

// MixFelts mixes elements of the secure field, as one message.
func (c *Channel) MixFelts(xs ...m31.QM31) {
	if c.hash == Poseidon252 {
		c.mixFelts252(xs)
		return
	}
	b := append(make([]byte, 0, 32+16*len(xs)), c.digest[:]...)
	for i := range xs {
		for _, w := range xs[i].Coordinates() {
			b = binary.LittleEndian.AppendUint32(b, uint32(w))
		}
	}
	c.mix(c.hash.bytes(b))
}

// mixFelts252 hashes the digest and a felt for every two elements. Such a felt has the digits 1, then the coordinates, in base 2^31.
func (c *Channel) mixFelts252(xs []m31.QM31) {
	h := poseidon.Hasher{}
	h.Write(c.digest.Felt())
	for first := 0; first < len(xs); first += 2 {
		p := packer{digits: 31}
		p.push(1)
		for _, x := range xs[first:min(first+2, len(xs))] {
			for _, w := range x.Coordinates() {
				p.push(uint32(w))
			}
		}
		h.Write(p.felt())
	}
	c.mix(FromFelt(h.Sum()))
}

// MixWords mixes 32-bit words, as one message.
func (c *Channel) MixWords(words ...uint32) {
	if c.hash != Poseidon252 {
		b := append(make([]byte, 0, 32+4*len(words)), c.digest[:]...)
		for _, w := range words {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
		c.mix(c.hash.bytes(b))
		return
	}
	// Seven words make a felt, the first word on top. A shorter last felt is filled with zeros, and has its number of words above bit 248.
	const perFelt = 7
	h := poseidon.Hasher{}
	h.Write(c.digest.Felt())
	for first := 0; first < len(words); first += perFelt {
		group := words[first:min(first+perFelt, len(words))]
		p := packer{digits: 32}
		for _, w := range group {
			p.push(w)
		}
		for range perFelt - len(group) {
			p.push(0)
		}
		if len(group) < perFelt {
			p.setCount(len(group))
		}
		h.Write(p.felt())
	}
	c.mix(FromFelt(h.Sum()))
}

// MixUint64 mixes a 64-bit number.
func (c *Channel) MixUint64(v uint64) {
	if c.hash == Poseidon252 {
		c.mix(FromFelt(poseidon.Hash(c.digest.Felt(), felt.FromUint64(v))))
		return
	}
	c.MixWords(uint32(v), uint32(v>>32))
}

// MixDigest mixes a digest, such as the root of a tree.
func (c *Channel) MixDigest(d Digest) { c.mix(c.hash.Pair(&c.digest, &d)) }

// DrawWords returns words that depend on everything mixed so far and on the number of draws since: eight words, or seven of Poseidon252.
func (c *Channel) DrawWords() []uint32 {
	if c.hash == Poseidon252 {
		return unpack(c.drawFelt252(), 32, 7)
	}
	words := c.drawDigest()
	return words[:]
}

// drawDigest returns the next digest of a channel that uses BLAKE2s, as words. The last byte hashed tells a draw from MixWords.
func (c *Channel) drawDigest() (words [8]uint32) {
	b := append(make([]byte, 0, 37), c.digest[:]...)
	b = binary.LittleEndian.AppendUint32(b, c.draws)
	c.draws++
	d := c.hash.bytes(append(b, 0))
	for k := range words {
		words[k] = binary.LittleEndian.Uint32(d[4*k:])
	}
	return words
}

// drawFelt252 returns the next felt of a channel that uses Poseidon. The capacity 3 tells a draw from the mixing of messages.
func (c *Channel) drawFelt252() felt.Felt {
	s := [3]felt.Felt{c.digest.Felt(), felt.FromUint64(uint64(c.draws)), felt.FromUint64(3)}
	c.draws++
	poseidon.Permute(&s)
	return s[0]
}

// drawBase returns eight elements of the base field. With BLAKE2s each is uniform: draws with a word of 2p or more are skipped.
func (c *Channel) drawBase() (out [8]m31.M31) {
	if c.hash == Poseidon252 {
		for k, w := range unpack(c.drawFelt252(), 31, 8) {
			out[k] = m31.New(uint64(w))
		}
		return out
	}
	for {
		words := c.drawDigest()
		good := true
		for k, w := range words {
			good = good && w < 2*m31.P
			out[k] = m31.New(uint64(w))
		}
		if good {
			return out
		}
	}
}

// DrawFelt returns a random element of the secure field. It uses half of a draw; the other half is not used.
func (c *Channel) DrawFelt() m31.QM31 {
	v := c.drawBase()
	return m31.NewQM31(v[0], v[1], v[2], v[3])
}

// DrawFelts returns n random elements of the secure field, two from each draw.
func (c *Channel) DrawFelts(n int) []m31.QM31 {
	out := make([]m31.QM31, 0, n+1)
	for len(out) < n {
		v := c.drawBase()
		out = append(out, m31.NewQM31(v[0], v[1], v[2], v[3]), m31.NewQM31(v[4], v[5], v[6], v[7]))
	}
	return out[:n]
}
