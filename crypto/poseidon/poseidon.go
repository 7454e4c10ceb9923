// Package poseidon implements Starknet's Poseidon hash: the Hades permutation on three felts (8 full and 83 partial rounds, S-box x³)
// and a sponge that uses it. Source: StarkWare's Poseidon reference, https://starkware.co/hash-challenge, instance
// "Poseidon3"; round constant i is sha256("Hades" ‖ decimal i) mod P.
package poseidon

import (
	"crypto/sha256"
	"math/bits"
	"strconv"
	"sync"

	"github.com/consensys/gnark-crypto/ecc/stark-curve/fp"

	"github.com/starkd/starkd/crypto/felt"
)

const (
	fullRounds    = 8
	partialRounds = 83
	rounds        = fullRounds + partialRounds
)

// roundKeys holds the constants that each round adds. In partial rounds the constants of the two lanes without an S-box are moved forward
// through the linear layers to the next full round, so that a partial round adds one felt instead of three.
type roundKeys struct {
	full    [fullRounds][3]fp.Element
	partial [partialRounds]fp.Element
}

var roundConstants = sync.OnceValue(func() *[rounds][3]fp.Element {
	raw := new([rounds][3]fp.Element)
	for i := range 3 * rounds {
		digest := sha256.Sum256([]byte("Hades" + strconv.Itoa(i)))
		raw[i/3][i%3].SetBytes(digest[:])
	}
	return raw
})

// RoundConstants returns what each round adds to the three lanes of its state. Rounds 0 to 3 and the last four are full.
func RoundConstants() [rounds][3]felt.Felt {
	var c [rounds][3]felt.Felt
	for i, lanes := range roundConstants() {
		for lane, k := range lanes {
			c[i][lane] = felt.Felt(k)
		}
	}
	return c
}

var keys = sync.OnceValue(func() *roundKeys {
	raw := roundConstants()
	k := new(roundKeys)
	copy(k.full[:4], raw[:4])
	copy(k.full[4:], raw[4+partialRounds:])
	var carry [3]fp.Element
	for i := range partialRounds {
		for lane := range 3 {
			carry[lane].Add(&carry[lane], &raw[4+i][lane])
		}
		k.partial[i] = carry[2]
		carry[2].SetZero()
		mix(&carry)
		reduce(&carry[2])
	}
	for lane := range 3 {
		k.full[4][lane].Add(&k.full[4][lane], &carry[lane])
	}
	return k
})

// Permute applies the Hades permutation to s in place.
func Permute(s *[3]felt.Felt) {
	k := keys()
	state := [3]fp.Element{fp.Element(s[0]), fp.Element(s[1]), fp.Element(s[2])}
	full := func(keys [][3]fp.Element) {
		for i := range keys {
			for lane := range 3 {
				cube(&state[lane], &keys[i][lane])
			}
			mix(&state)
		}
	}
	full(k.full[:4])
	for i := range k.partial {
		cube(&state[2], &k.partial[i])
		mix(&state)
	}
	full(k.full[4:])
	reduce(&state[2])
	for lane := range 3 {
		s[lane] = felt.Felt(state[lane])
	}
}

// Sums within a round are not always reduced. P is slightly above 2^251, so that 31·P fits in 256 bits, and the Montgomery product of x and y
// is below P if x·y is below 2^256·P, which is more than 31·P². A round then needs two reductions instead of eight. A reduction subtracts
// the multiple of P that the top bits determine.

// topP is the highest limb of P. The other limbs, lowest first, are 1, 0 and 0.
const topP = 0x0800000000000011

// cube sets x to (x + key)³. x must be below 4P, and the result is below P.
func cube(x, key *fp.Element) {
	limbsOf(x).add(limbsOf(key)).store(x)
	f := (*felt.Felt)(x)
	var square felt.Felt
	square.Square(f)
	f.Mul(f, &square)
}

// mix multiplies a state, whose lanes must be below P, by the MDS matrix ((3,1,1),(1,-1,1),(1,1,-2)). The last lane of the result is
// only below 4P.
func mix(s *[3]fp.Element) {
	a, b, c := limbsOf(&s[0]), limbsOf(&s[1]), limbsOf(&s[2])
	ab, ac := a.add(b), a.add(c)
	ab.add(limbs{2, 0, 0, 2 * topP}.sub(c.add(c))).store(&s[2])
	ac.add(limbs{1, 0, 0, topP}.sub(b)).store(&s[1])
	ab.add(ac).add(a).store(&s[0])
	reduce(&s[0])
	reduce(&s[1])
}

// reduce reduces x modulo P.
func reduce(x *fp.Element) {
	// The quotient by 2^251 is the quotient by P or, rarely, one more.
	q := x[3] >> 59
	l0, c := bits.Sub64(x[0], q, 0)
	l1, c := bits.Sub64(x[1], 0, c)
	l2, c := bits.Sub64(x[2], 0, c)
	l3, c := bits.Sub64(x[3], q*topP, c)
	if c != 0 {
		l0, c = bits.Add64(l0, 1, 0)
		l1, c = bits.Add64(l1, 0, c)
		l2, c = bits.Add64(l2, 0, c)
		l3, _ = bits.Add64(l3, topP, c)
	}
	x[0], x[1], x[2], x[3] = l0, l1, l2, l3
}

// limbs is a number of 256 bits, least significant limb first. Unlike an array, the Go compiler keeps it in registers.
type limbs struct{ l0, l1, l2, l3 uint64 }

func limbsOf(x *fp.Element) limbs { return limbs{x[0], x[1], x[2], x[3]} }

func (x limbs) store(z *fp.Element) { z[0], z[1], z[2], z[3] = x.l0, x.l1, x.l2, x.l3 }

// add returns x + y, which must be below 2^256.
func (x limbs) add(y limbs) (z limbs) {
	var c uint64
	z.l0, c = bits.Add64(x.l0, y.l0, 0)
	z.l1, c = bits.Add64(x.l1, y.l1, c)
	z.l2, c = bits.Add64(x.l2, y.l2, c)
	z.l3, _ = bits.Add64(x.l3, y.l3, c)
	return z
}

// sub returns x - y, which must not be negative.
func (x limbs) sub(y limbs) (z limbs) {
	var c uint64
	z.l0, c = bits.Sub64(x.l0, y.l0, 0)
	z.l1, c = bits.Sub64(x.l1, y.l1, c)
	z.l2, c = bits.Sub64(x.l2, y.l2, c)
	z.l3, _ = bits.Sub64(x.l3, y.l3, c)
	return z
}

// Hash returns the hash of two felts: the first lane of Permute(a, b, 2).
func Hash(a, b felt.Felt) felt.Felt {
	s := [3]felt.Felt{a, b, felt.FromUint64(2)}
	Permute(&s)
	return s[0]
}

// HashSingle returns the hash of one felt: the first lane of Permute(a, 0, 1).
func HashSingle(a felt.Felt) felt.Felt {
	s := [3]felt.Felt{a, felt.Zero, felt.One}
	Permute(&s)
	return s[0]
}

// HashMany returns the sponge's hash of any number of felts, padded with 1 and then, if needed for an even length, 0.
func HashMany(xs ...felt.Felt) felt.Felt {
	var h Hasher
	h.Write(xs...)
	return h.Sum()
}

// Hasher is a sponge that absorbs felts in several writes. The zero value is ready to use.
type Hasher struct {
	state   [3]felt.Felt
	pending bool // state[0] has absorbed a felt, and the next one goes to state[1]
}

// Write absorbs xs.
func (h *Hasher) Write(xs ...felt.Felt) {
	for i := range xs {
		if !h.pending {
			h.state[0].Add(&h.state[0], &xs[i])
			h.pending = true
			continue
		}
		h.state[1].Add(&h.state[1], &xs[i])
		Permute(&h.state)
		h.pending = false
	}
}

// Sum returns the hash of the felts written so far. It does not change the Hasher, so that more can be written.
func (h *Hasher) Sum() felt.Felt {
	s := h.state
	lane := 0
	if h.pending {
		lane = 1
	}
	s[lane].Add(&s[lane], &felt.One)
	Permute(&s)
	return s[0]
}
