package starkcurve

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/starkd/starkd/crypto/felt"
)

// elementBound is 2^251. A message hash, r and the inverse of s must be below it.
var elementBound = new(big.Int).Lsh(big.NewInt(1), 251)

// ErrInvalidKey is returned for a private key that is not in [1, Order).
var ErrInvalidKey = errors.New("starkcurve: private key is not between 1 and the curve's order")

// PublicKey returns the x coordinate of priv·G.
func PublicKey(priv felt.Felt) (felt.Felt, error) {
	k := priv.BigInt()
	if k.Sign() == 0 || k.Cmp(order) >= 0 {
		return felt.Felt{}, ErrInvalidKey
	}
	return Generator.ScalarMul(k).X, nil
}

// Sign signs a message hash, which must be below 2^251, with a deterministic nonce (RFC 6979).
func Sign(priv, hash felt.Felt) (r, s felt.Felt, err error) {
	d, z := priv.BigInt(), hash.BigInt()
	if d.Sign() == 0 || d.Cmp(order) >= 0 {
		return r, s, ErrInvalidKey
	}
	if z.Cmp(elementBound) >= 0 {
		return r, s, fmt.Errorf("starkcurve: message hash %v is not below 2^251", hash)
	}
	nonces := newNonceSource(d, z)
	for {
		k := nonces.next()
		x := Generator.ScalarMul(k).X
		rInt := x.BigInt()
		if rInt.Sign() == 0 || rInt.Cmp(elementBound) >= 0 {
			continue
		}
		sum := new(big.Int).Mul(rInt, d)
		sum.Add(sum, z).Mod(sum, order)
		if sum.Sign() == 0 {
			continue
		}
		sInt := new(big.Int).ModInverse(k, order)
		sInt.Mul(sInt, sum).Mod(sInt, order)
		w := new(big.Int).ModInverse(sInt, order)
		if w.Cmp(elementBound) >= 0 {
			continue
		}
		return x, felt.FromBigInt(sInt), nil
	}
}

// Verify reports whether (r, s) is a signature of hash by the public key with x coordinate pub. Like Starknet, it tries both points with
// that x. It accepts any input.
func Verify(pub, hash, r, s felt.Felt) bool {
	z, rInt, sInt := hash.BigInt(), r.BigInt(), s.BigInt()
	if z.Cmp(elementBound) >= 0 || rInt.Sign() == 0 || rInt.Cmp(elementBound) >= 0 || sInt.Sign() == 0 || sInt.Cmp(order) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(sInt, order)
	if w.Cmp(elementBound) >= 0 {
		return false
	}
	y, ok := YFromX(pub)
	if !ok {
		return false
	}
	zG := Generator.ScalarMul(new(big.Int).Mul(z, w))
	rQ := Point{X: pub, Y: y}.ScalarMul(new(big.Int).Mul(rInt, w))
	for _, p := range []Point{zG.Add(rQ), zG.Add(rQ.Neg())} {
		if !p.Infinity && p.X == r {
			return true
		}
	}
	return false
}

// nonceSource generates nonces by RFC 6979, section 3.2, with SHA-256 and a 252-bit order.
type nonceSource struct {
	k, v    []byte
	started bool
}

func newNonceSource(priv, hash *big.Int) *nonceSource {
	seed := append(priv.FillBytes(make([]byte, 32)), new(big.Int).Mod(hash, order).FillBytes(make([]byte, 32))...)
	n := &nonceSource{k: make([]byte, 32), v: make([]byte, 32)}
	for i := range n.v {
		n.v[i] = 1
	}
	for _, sep := range []byte{0, 1} {
		n.k = mac(n.k, n.v, []byte{sep}, seed)
		n.v = mac(n.k, n.v)
	}
	return n
}

func (n *nonceSource) next() *big.Int {
	for {
		if n.started {
			n.k = mac(n.k, n.v, []byte{0})
			n.v = mac(n.k, n.v)
		}
		n.started = true
		n.v = mac(n.k, n.v)
		k := new(big.Int).SetBytes(n.v)
		k.Rsh(k, uint(256-order.BitLen()))
		if k.Sign() > 0 && k.Cmp(order) < 0 {
			return k
		}
	}
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
