package statement_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block/statement"
)

// TestReadClaim checks that ReadClaim rejects public inputs that do not describe a whole run of the OS program.
func TestReadClaim(t *testing.T) {
	c := transfers(t)
	_, trace, err := c.run(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	honest := publicInput(trace)
	at := func(in *statement.PublicInput, address uint64) *statement.Cell {
		i := slices.IndexFunc(in.Memory, func(c statement.Cell) bool { return c.Address == address })
		if i < 0 {
			t.Fatalf("no public cell at %d", address)
		}
		return &in.Memory[i]
	}
	add := func(f *felt.Felt) { f.Add(f, &felt.One) }
	execution := honest.Segments[1]
	for name, change := range map[string]func(in *statement.PublicInput){
		"layout":                    func(in *statement.PublicInput) { in.Layout = "small" },
		"segment left out":          func(in *statement.PublicInput) { in.Segments = in.Segments[:5] },
		"segments out of order":     func(in *statement.PublicInput) { in.Segments[3], in.Segments[4] = in.Segments[4], in.Segments[3] },
		"start":                     func(in *statement.PublicInput) { in.Segments[0].Begin = 2 },
		"end":                       func(in *statement.PublicInput) { in.Segments[0].End = 6 },
		"stack begins later":        func(in *statement.PublicInput) { in.Segments[1].Begin++ },
		"stack ends later":          func(in *statement.PublicInput) { in.Segments[1].End++ },
		"output begins later":       func(in *statement.PublicInput) { in.Segments[2].Begin++ },
		"output ends earlier":       func(in *statement.PublicInput) { in.Segments[2].End-- },
		"output ends later":         func(in *statement.PublicInput) { in.Segments[2].End++ },
		"pedersen begins elsewhere": func(in *statement.PublicInput) { in.Segments[3].Begin += 3 },
		"pedersen ends later":       func(in *statement.PublicInput) { in.Segments[3].End += 3 },
		"range_check ends later":    func(in *statement.PublicInput) { in.Segments[4].End++ },
		"bitwise backwards":         func(in *statement.PublicInput) { in.Segments[5].End = 0 },
		"a program word":            func(in *statement.PublicInput) { add(&at(in, 300).Value) },
		"first frame":               func(in *statement.PublicInput) { add(&at(in, execution.Begin-2).Value) },
		"first return address":      func(in *statement.PublicInput) { add(&at(in, execution.Begin-1).Value) },
		"an argument":               func(in *statement.PublicInput) { add(&at(in, execution.Begin+2).Value) },
		"a result":                  func(in *statement.PublicInput) { add(&at(in, execution.End-1).Value) },
		"a cell twice":              func(in *statement.PublicInput) { in.Memory = append(in.Memory, in.Memory[7]) },
		"a cell more":               func(in *statement.PublicInput) { in.Memory = append(in.Memory, statement.Cell{Address: 1 << 30}) },
		"a cell less":               func(in *statement.PublicInput) { in.Memory = in.Memory[:len(in.Memory)-1] },
		"no cells":                  func(in *statement.PublicInput) { in.Memory = nil },
		"no segments":               func(in *statement.PublicInput) { in.Segments = nil },
		"great addresses":           func(in *statement.PublicInput) { in.Segments[2].End = 1 << 63 },
	} {
		in := &statement.PublicInput{Layout: honest.Layout, Segments: slices.Clone(honest.Segments), Memory: slices.Clone(honest.Memory)}
		change(in)
		if _, err := statement.ReadClaim(in); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
	claim, err := statement.ReadClaim(honest)
	if err != nil {
		t.Fatalf("the true one: %v", err)
	}
	// The order of the cells does not matter.
	slices.Reverse(honest.Memory)
	if got, err := statement.ReadClaim(honest); err != nil || !reflect.DeepEqual(got, claim) {
		t.Errorf("with its cells in another order: %v", err)
	}
}
