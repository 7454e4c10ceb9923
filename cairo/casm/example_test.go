package casm_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/casm"
	"github.com/starkd/starkd/crypto/felt"
)

// Two words of bytecode are one instruction with an immediate.
func Example() {
	code := []felt.Felt{felt.MustHex("0x480680017fff8000"), felt.FromUint64(42)}
	instruction, err := casm.Decode(code)
	if err != nil {
		panic(err)
	}
	fmt.Println(instruction.String())
	fmt.Println(instruction.Size(), instruction.Append(nil)[0])
	word, err := casm.DecodeWord(code[0])
	fmt.Println(word.Off0, word.Off1, word.Off2, err)
	// Output:
	// [ap + 0] = 42, ap++
	// 2 0x480680017fff8000
	// 0 -1 1 <nil>
}
