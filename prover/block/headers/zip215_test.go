//go:build !js

package headers_test

import (
	"crypto/sha512"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"filippo.io/edwards25519"
	"github.com/cometbft/cometbft/crypto/ed25519"

	"github.com/starkd/starkd/crypto/zip215"
)

var (
	fieldP     = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	groupOrder = func() *big.Int {
		minusOne := edwards25519.NewScalar().Negate(scalar(1)).Bytes()
		slices.Reverse(minusOne)
		l := new(big.Int).SetBytes(minusOne)
		return l.Add(l, big.NewInt(1))
	}()
)

// scalar returns n as a scalar.
func scalar(n byte) *edwards25519.Scalar {
	s, err := edwards25519.NewScalar().SetCanonicalBytes(append([]byte{n}, make([]byte, 31)...))
	if err != nil {
		panic(err)
	}
	return s
}

// smallOrder returns the eight points of order 1, 2, 4 or 8 and all their encodings: y and, if it fits in 255 bits, y + p, with
// either sign.
func smallOrder(t *testing.T) (points []*edwards25519.Point, encodings [][]byte) {
	t.Helper()
	eighth := edwards25519.NewScalar().Invert(scalar(8))
	var torsion *edwards25519.Point // a point of order 8
	for y := byte(2); torsion == nil; y++ {
		p, err := new(edwards25519.Point).SetBytes(append([]byte{y}, make([]byte, 31)...))
		if err != nil {
			continue
		}
		// Subtract the component of p in the subgroup of prime order, which is [1/8][8]p.
		prime := new(edwards25519.Point).MultByCofactor(p)
		prime.ScalarMult(eighth, prime)
		p.Subtract(p, prime)
		four := new(edwards25519.Point).Add(p, p)
		if four.Add(four, four).Equal(edwards25519.NewIdentityPoint()) == 0 {
			torsion = p
		}
	}
	seen := map[string]bool{}
	p := edwards25519.NewIdentityPoint()
	for range 8 {
		points = append(points, new(edwards25519.Point).Set(p))
		y := p.Bytes()
		y[31] &= 0x7f
		slices.Reverse(y)
		for _, v := range []*big.Int{new(big.Int).SetBytes(y), new(big.Int).Add(new(big.Int).SetBytes(y), fieldP)} {
			if v.BitLen() > 255 {
				continue
			}
			for sign := range byte(2) {
				b := littleEndian(v)
				b[31] |= sign << 7
				if !seen[string(b)] {
					seen[string(b)] = true
					encodings = append(encodings, b)
				}
			}
		}
		p.Add(p, torsion)
	}
	return points, encodings
}

func littleEndian(v *big.Int) []byte {
	b := v.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// TestSignaturesAsZIP215 checks that crypto/zip215 and CometBFT agree on the edge cases of ZIP-215: points of small order in
// every encoding, alone and added to honest keys and commitments, and scalars around the group's order.
func TestSignaturesAsZIP215(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	accepted, checked := 0, 0
	check := func(key, message, signature []byte, want, known bool) {
		t.Helper()
		got, theirs := zip215.Verify(key, message, signature), ed25519.PubKey(key).VerifySignature(message, signature)
		if got != theirs || known && got != want {
			t.Fatalf("key %x, message %x, signature %x: %v, CometBFT says %v, want %v", key, message, signature, got, theirs, want)
		}
		if checked++; got {
			accepted++
		}
	}
	points, encodings := smallOrder(t)
	if len(encodings) != 14 {
		t.Fatalf("%d encodings of points of small order, ZIP-215 has 14", len(encodings))
	}
	for _, key := range encodings {
		for _, commitment := range encodings {
			check(key, []byte("Zcash"), slices.Concat(commitment, make([]byte, 32)), true, true)
		}
	}
	random := func() *edwards25519.Scalar {
		s, err := edwards25519.NewScalar().SetUniformBytes(randomBytes(r, 64))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for range 200 {
		secret, nonce := random(), random()
		a := new(edwards25519.Point).ScalarBaseMult(secret)
		key, message := a.Add(a, points[r.IntN(8)]).Bytes(), randomBytes(r, r.IntN(80))
		c := new(edwards25519.Point).ScalarBaseMult(nonce)
		commitment := c.Add(c, points[r.IntN(8)]).Bytes()
		digest := sha512.Sum512(slices.Concat(commitment, key, message))
		k, err := edwards25519.NewScalar().SetUniformBytes(digest[:])
		if err != nil {
			t.Fatal(err)
		}
		s := edwards25519.NewScalar().MultiplyAdd(k, secret, nonce).Bytes()
		signature := slices.Concat(commitment, s)
		check(key, message, signature, true, true)
		slices.Reverse(s)
		larger := new(big.Int).Add(new(big.Int).SetBytes(s), groupOrder) // equal to s modulo the order
		check(key, message, slices.Concat(commitment, littleEndian(larger)), false, true)
		for range 3 {
			changed := slices.Clone(signature)
			changed[r.IntN(64)] ^= 1 << r.IntN(8)
			check(key, message, changed, false, true)
		}
		check(randomBytes(r, 32), message, signature, false, true)
		check(key, append(message, 1), signature, false, true)
		check(key, message, randomBytes(r, 64), false, false)
		check(key, message, signature[:63], false, true)
	}
	// With a key and a commitment of small order, [8][S]B must be the neutral element. Below the order, only S = 0 satisfies
	// this.
	for _, s := range []struct {
		s    *big.Int
		want bool
	}{
		{big.NewInt(0), true}, {big.NewInt(1), false}, {new(big.Int).Sub(groupOrder, big.NewInt(1)), false}, {groupOrder, false},
		{new(big.Int).Lsh(groupOrder, 1), false}, {new(big.Int).Lsh(groupOrder, 2), false},
	} {
		for _, key := range encodings {
			check(key, nil, slices.Concat(encodings[r.IntN(len(encodings))], littleEndian(s.s)), s.want, true)
		}
	}
	t.Logf("%d of %d accepted", accepted, checked)
}
