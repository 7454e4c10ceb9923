package constraints

import (
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/cairoair"
)

// relations returns the relations of the definitions, in the order of their first use.
func relations() []*air.Relation {
	var list []*air.Relation
	seen := map[*air.Relation]bool{}
	for _, c := range cairoair.Components() {
		for _, l := range c.AIR().Lookups {
			if !seen[l.Relation] {
				seen[l.Relation] = true
				list = append(list, l.Relation)
			}
		}
	}
	return list
}

// TestGenerated compares the file with the definitions of the components.
func TestGenerated(t *testing.T) {
	relations := relations()
	var w air.Writer
	w.Number(len(relations))
	for _, r := range relations {
		w.Text(r.Name)
		w.Number(r.Arity)
	}
	w.Number(len(cairoair.Components()))
	for _, c := range cairoair.Components() {
		flags := 0
		for flag, set := range map[int]bool{
			flagStep: c.Source == cairoair.OpcodeStates, flagFixed: c.Source == cairoair.FixedTable,
			flagSegmentStart: c.Parameter == cairoair.SegmentStart, flagFirstID: c.Parameter == cairoair.FirstID,
		} {
			if set {
				flags |= flag
			}
		}
		w.Number(flags)
		w.Component(c.AIR(), relations)
	}
	golden.Equal(t, "../constraints.bin", w.Bytes())
}

// TestAll checks that each component is read as it was written.
func TestAll(t *testing.T) {
	all := All()
	definitions := cairoair.Components()
	if len(all) != len(definitions) {
		t.Fatalf("%d components, want %d", len(all), len(definitions))
	}
	written := relations() // by the definitions
	read := make([]*air.Relation, len(written))
	for _, c := range all {
		for _, l := range c.Lookups {
			for i, r := range written {
				if r.Name == l.Relation.Name {
					read[i] = l.Relation
				}
			}
		}
	}
	compact := func(c *air.Component, relations []*air.Relation) string {
		var w air.Writer
		w.Component(c, relations)
		return string(w.Bytes())
	}
	for i, c := range all {
		d := definitions[i]
		a := d.AIR()
		if c.Name != d.Name || ByName(d.Name) != c || c.LogSize != a.LogSize || len(c.Columns) != len(a.Columns) || c.ConstraintCount() != a.ConstraintCount() ||
			c.InteractionColumns() != a.InteractionColumns() || compact(c.Component, read) != compact(a, written) {
			t.Errorf("%s is read as another component", d.Name)
		}
	}
}

// BenchmarkAll reads all components.
func BenchmarkAll(b *testing.B) {
	for b.Loop() {
		decode(encoded)
	}
}
