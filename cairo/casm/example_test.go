package casm_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
)

// This example decodes the first word of an instruction, which holds three offsets and the flags. An immediate would be in the next
// word.
func Example() {
	word, err := casm.DecodeWord(felt.MustHex("0x480680017fff8000"))
	fmt.Println(word.Off0, word.Off1, word.Off2, err)
	// Output:
	// 0 -1 1 <nil>
}
