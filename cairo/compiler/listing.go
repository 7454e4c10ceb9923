package compiler

import (
	"fmt"
	"strings"

	"github.com/starkd/starkd/cairo/sierra"
)

// Listing returns the program as text for people: the offset of each instruction, the instruction, and the number of each
// Sierra statement where its code starts.
func (p *Program) Listing() string {
	starts := make(map[int][]sierra.StatementIdx)
	for i := 0; i+1 < len(p.Offsets); i++ {
		if p.Offsets[i] != p.Offsets[i+1] { // many statements have no code
			starts[p.Offsets[i]] = append(starts[p.Offsets[i]], sierra.StatementIdx(i))
		}
	}
	var b strings.Builder
	offset := 0
	for i := range p.Instructions {
		in := &p.Instructions[i]
		for _, statement := range starts[offset] {
			fmt.Fprintf(&b, "// statement %d\n", statement)
		}
		fmt.Fprintf(&b, "%6d  %s;\n", offset, strings.ReplaceAll(in.String(), "\n", "\n        "))
		offset += len(in.Append(nil))
	}
	for _, s := range p.consts.segments {
		fmt.Fprintf(&b, "%6d  ret;\n", offset)
		offset++
		for _, v := range s.values {
			fmt.Fprintf(&b, "%6d  dw %v;\n", offset, v)
			offset++
		}
	}
	return b.String()
}
