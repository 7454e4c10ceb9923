// Package poseidon is Starknet's Poseidon: the Hades permutation on three felts (8 full and 83 partial rounds, S-box x³)
// and the sponge over it. Source: StarkWare's Poseidon reference, https://starkware.co/hash-challenge, instance
// "Poseidon3"; round constant i is sha256("Hades" ‖ decimal i) mod P.
package poseidon

import (
	"crypto/sha256"
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

// roundKeys holds what each round adds. The constants that partial rounds add to the two lanes without an S-box are
// carried forward through the linear layer, so a partial round adds one felt instead of three.
type roundKeys struct {
	full    [fullRounds][3]fp.Element
	partial [partialRounds]fp.Element
	carried [3]fp.Element // added after the last partial round
}

var keys = sync.OnceValue(func() *roundKeys {
	var raw [rounds][3]fp.Element
	for i := range 3 * rounds {
		digest := sha256.Sum256([]byte("Hades" + strconv.Itoa(i)))
		raw[i/3][i%3].SetBytes(digest[:])
	}
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
	}
	k.carried = carry
	return k
})

// mix multiplies the state by the MDS matrix ((3,1,1),(1,-1,1),(1,1,-2)).
func mix(s *[3]fp.Element) {
	var t, u fp.Element
	t.Add(&s[0], &s[1])
	t.Add(&t, &s[2])
	u.Double(&s[0])
	s[0].Add(&t, &u)
	u.Double(&s[1])
	s[1].Sub(&t, &u)
	u.Double(&s[2])
	u.Add(&u, &s[2])
	s[2].Sub(&t, &u)
}

func cube(x *fp.Element) {
	var sq fp.Element
	sq.Square(x)
	x.Mul(x, &sq)
}

// Permute applies the Hades permutation to s in place.
func Permute(s *[3]felt.Felt) {
	k := keys()
	state := [3]fp.Element{fp.Element(s[0]), fp.Element(s[1]), fp.Element(s[2])}
	full := func(key *[3]fp.Element) {
		for lane := range 3 {
			state[lane].Add(&state[lane], &key[lane])
			cube(&state[lane])
		}
		mix(&state)
	}
	for i := range 4 {
		full(&k.full[i])
	}
	for i := range partialRounds {
		state[2].Add(&state[2], &k.partial[i])
		cube(&state[2])
		mix(&state)
	}
	for lane := range 3 {
		state[lane].Add(&state[lane], &k.carried[lane])
	}
	for i := 4; i < 8; i++ {
		full(&k.full[i])
	}
	for lane := range 3 {
		s[lane] = felt.Felt(state[lane])
	}
}

// Hash is the hash of two felts: the first lane of Permute(a, b, 2).
func Hash(a, b felt.Felt) felt.Felt {
	s := [3]felt.Felt{a, b, felt.FromUint64(2)}
	Permute(&s)
	return s[0]
}

// HashSingle is the hash of one felt: the first lane of Permute(a, 0, 1).
func HashSingle(a felt.Felt) felt.Felt {
	s := [3]felt.Felt{a, felt.Zero, felt.One}
	Permute(&s)
	return s[0]
}

// HashMany is the sponge of any number of felts, padded with 1 and then 0 to an even length.
func HashMany(xs ...felt.Felt) felt.Felt {
	var h Hasher
	h.Write(xs...)
	return h.Sum()
}

// Hasher is the sponge, written to in pieces. The zero value is ready.
type Hasher struct {
	state   [3]felt.Felt
	pending bool // state[0] has absorbed a felt that state[1] still waits to pair
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

// Sum returns the hash of what was written so far; the Hasher can be written to further.
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
