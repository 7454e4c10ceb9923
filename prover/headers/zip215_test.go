//go:build !js

package headers

import (
	"crypto/sha512"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cometbft/cometbft/crypto/ed25519"
)

// encodePoint is the canonical encoding.
func encodePoint(p *edwards) []byte {
	inverse := new(big.Int).ModInverse(p.z, fieldP)
	x, y := mulMod(p.x, inverse), mulMod(p.y, inverse)
	b := y.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= byte(x.Bit(0)) << 7
	return b
}

// smallOrder is every encoding of a point of order 1, 2, 4 or 8: y and, where it fits in 255 bits, y + p, with either sign.
func smallOrder(t *testing.T) (points []*edwards, encodings [][]byte) {
	t.Helper()
	var torsion *edwards // a point of order 8: any point, times the order of the base point
	for y := byte(2); ; y++ {
		if p := decodePoint(append([]byte{y}, make([]byte, 31)...)); p != nil {
			torsion = p.scale(groupOrder)
			if four := torsion.scale(big.NewInt(4)); four.x.Sign() != 0 || four.y.Cmp(four.z) != 0 {
				break
			}
		}
	}
	seen := map[string]bool{}
	for k := range int64(8) {
		p := torsion.scale(big.NewInt(k))
		points = append(points, p)
		y := mulMod(p.y, new(big.Int).ModInverse(p.z, fieldP))
		for _, v := range []*big.Int{y, new(big.Int).Add(y, fieldP)} {
			if v.BitLen() > 255 {
				continue
			}
			for sign := range byte(2) {
				b := v.FillBytes(make([]byte, 32))
				slices.Reverse(b)
				b[31] |= sign << 7
				if !seen[string(b)] {
					seen[string(b)] = true
					encodings = append(encodings, b)
				}
			}
		}
	}
	return points, encodings
}

// CometBFT's verdict of a signature is ours, for points of small order in every encoding, alone and added to honest signatures.
func TestSignaturesAsZIP215(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	accepted, slow := 0, 0
	check := func(key, message, signature []byte, want, known bool) {
		t.Helper()
		got, theirs := verifySignature(key, message, signature), ed25519.PubKey(key).VerifySignature(message, signature)
		if got != theirs || known && got != want {
			t.Fatalf("key %x, message %x, signature %x: %v, CometBFT says %v, want %v", key, message, signature, got, theirs, want)
		}
		// Where both speak, the slow way says the same as crypto/ed25519.
		if verifyZIP215(key, message, signature) != got {
			t.Fatalf("key %x, message %x, signature %x: %v by one way only", key, message, signature, got)
		}
		if got {
			accepted++
		}
		slow++
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
	for range 40 {
		secret, nonce := new(big.Int).Mod(littleEndian(random(40)), groupOrder), new(big.Int).Mod(littleEndian(random(40)), groupOrder)
		a := basePoint.scale(secret).add(points[r.IntN(8)])
		key, message := encodePoint(a), random(r.IntN(80))
		commitment := encodePoint(basePoint.scale(nonce).add(points[r.IntN(8)]))
		digest := sha512.Sum512(slices.Concat(commitment, key, message))
		s := littleEndian(digest[:])
		s.Mul(s, secret).Add(s, nonce).Mod(s, groupOrder)
		encode := func(s *big.Int) []byte {
			b := s.FillBytes(make([]byte, 32))
			slices.Reverse(b)
			return slices.Concat(commitment, b)
		}
		signature := encode(s)
		check(key, message, signature, true, true)
		check(key, message, encode(new(big.Int).Add(s, groupOrder)), false, true) // S is not below the order
		for range 3 {
			changed := slices.Clone(signature)
			changed[r.IntN(64)] ^= 1 << r.IntN(8)
			check(key, message, changed, false, true)
		}
		check(random(32), message, signature, false, true)
		check(key, append(message, 1), signature, false, true)
		check(key, message, random(64), false, false)
		check(key, message, signature[:63], false, true)
	}
	t.Logf("%d of %d accepted", accepted, slow)
}
