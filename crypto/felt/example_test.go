package felt_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Example computes in the field and shows the text forms.
func Example() {
	five, seven := felt.FromUint64(5), felt.FromUint64(7)
	var difference, inverse, product felt.Felt
	difference.Sub(&five, &seven) // wraps to P - 2
	inverse.Inverse(&five)
	product.Mul(&five, &inverse)
	fmt.Println(difference, product)
	fmt.Println(felt.FromShortString("hello"))
	_, err := felt.FromHex("0x800000000000011000000000000000000000000000000000000000000000001")
	fmt.Println(err)
	// Output:
	// 0x800000000000010ffffffffffffffffffffffffffffffffffffffffffffffff 0x1
	// 0x68656c6c6f
	// felt: "0x800000000000011000000000000000000000000000000000000000000000001" is not below P
}
