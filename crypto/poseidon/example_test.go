package poseidon_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/poseidon"
)

// Example hashes a pair of felts and an array of two.
func Example() {
	fmt.Println(poseidon.Hash(felt.FromUint64(1), felt.FromUint64(2)))
	// A pair and an array of two are padded in different ways.
	fmt.Println(poseidon.HashMany(felt.FromUint64(1), felt.FromUint64(2)))
	// Output:
	// 0x5d44a3decb2b2e0cc71071f7b802f45dd792d064f0fc7316c46514f70f9891a
	// 0x371cb6995ea5e7effcd2e174de264b5b407027a75a231a70c2c8d196107f0e7
}
