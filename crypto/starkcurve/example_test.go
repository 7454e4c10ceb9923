package starkcurve_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/starkcurve"
)

// Example signs a message hash and verifies the signature.
func Example() {
	key := felt.MustHex("0x1234")
	public, err := starkcurve.PublicKey(key)
	if err != nil {
		panic(err)
	}
	hash := felt.MustHex("0xabcdef")
	r, s, err := starkcurve.Sign(key, hash)
	if err != nil {
		panic(err)
	}
	fmt.Println(public)
	fmt.Println(starkcurve.Verify(public, hash, r, s), starkcurve.Verify(public, felt.One, r, s))
	// Output:
	// 0x26da8d11938b76025862be14fdb8b28438827f73e75e86f7bfa38b196951fa7
	// true false
}
