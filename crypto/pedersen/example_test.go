package pedersen_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/pedersen"
)

// Example hashes a pair of felts and an array of two.
func Example() {
	fmt.Println(pedersen.Hash(felt.FromUint64(1), felt.FromUint64(2)))
	// The hash of an array also covers its length.
	fmt.Println(pedersen.HashMany(felt.FromUint64(1), felt.FromUint64(2)))
	// Output:
	// 0x5bb9440e27889a364bcb678b1f679ecd1347acdedcbf36e83494f857cc58026
	// 0x501a3a8e6cd4f5241c639c74052aaa34557aafa84dd4ba983d6443c590ab7df
}
