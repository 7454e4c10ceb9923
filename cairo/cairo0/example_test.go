package cairo0_test

import (
	"fmt"

	"github.com/starkd/starkd/cairo/cairo0"
)

// example is a program of three words: [ap] = 1234567, ap++; ret. For proof mode it would also need __start__ and __end__.
const example = `{
	"prime": "0x800000000000011000000000000000000000000000000000000000000000001",
	"builtins": [],
	"data": ["0x480680017fff8000", "0x12d687", "0x208b7fff7fff7ffe"],
	"identifiers": {"__main__.main": {"type": "function", "pc": 0}}
}`

func ExampleRunProgram() {
	res, err := cairo0.RunProgram([]byte(example), cairo0.RunOptions{Trace: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Steps, "steps")
	for _, r := range res.Trace.Registers {
		fmt.Println("pc", r.PC, "ap", r.AP, "fp", r.FP)
	}
	last, _ := res.Machine.Memory.Get(res.Machine.APAddr().Add(-1))
	fmt.Println(last)
	// Output:
	// 2 steps
	// pc 1 ap 6 fp 6
	// pc 3 ap 7 fp 6
	// 1234567
}
