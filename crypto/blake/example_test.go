package blake_test

import (
	"fmt"

	"github.com/starkd/starkd/crypto/blake"
)

// The digest is RFC 7693's, appendix B.
func ExampleSum256s() {
	fmt.Printf("%x\n", blake.Sum256s([]byte("abc")))
	// Output: 508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982
}
