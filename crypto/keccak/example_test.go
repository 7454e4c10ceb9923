package keccak_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/keccak"
)

// The selector of an entry point is the Starknet form of its name's hash.
func ExampleStarknet() {
	fmt.Println(keccak.Starknet([]byte("transfer")))
	// Output: 0x83afd3f4caedc6eebf44246fe54e38c95e3179a5ec9ea81740eca5b482d12e
}
