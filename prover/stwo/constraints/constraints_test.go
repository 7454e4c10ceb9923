package constraints

import (
	"encoding/binary"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/cairoair"
)

// TestGenerated compares the file with the definitions of the components.
func TestGenerated(t *testing.T) {
	var relations []*air.Relation
	seen := map[*air.Relation]bool{}
	for _, c := range cairoair.Components() {
		for _, l := range c.AIR().Lookups {
			if !seen[l.Relation] {
				seen[l.Relation] = true
				relations = append(relations, l.Relation)
			}
		}
	}
	b := binary.AppendUvarint(nil, uint64(len(relations)))
	for _, r := range relations {
		b = append(binary.AppendUvarint(b, uint64(len(r.Name))), r.Name...)
		b = binary.AppendUvarint(b, uint64(r.Arity))
	}
	b = binary.AppendUvarint(b, uint64(len(cairoair.Components())))
	for _, c := range cairoair.Components() {
		var flags byte
		for flag, set := range map[byte]bool{
			flagStep: c.Source == cairoair.OpcodeStates, flagFixed: c.Source == cairoair.FixedTable,
			flagSegmentStart: c.Parameter == cairoair.SegmentStart, flagFirstID: c.Parameter == cairoair.FirstID,
		} {
			if set {
				flags |= flag
			}
		}
		b = c.AIR().AppendConstraints(append(b, flags))
	}
	golden.Equal(t, "../constraints.bin", b)
}

// TestAll checks that each component is read as it was written.
func TestAll(t *testing.T) {
	all := All()
	definitions := cairoair.Components()
	if len(all) != len(definitions) {
		t.Fatalf("%d components, want %d", len(all), len(definitions))
	}
	for i, c := range all {
		d := definitions[i]
		a := d.AIR()
		if c.Name != d.Name || ByName(d.Name) != c || c.LogSize != a.LogSize || len(c.Columns) != len(a.Columns) || c.ConstraintCount() != a.ConstraintCount() ||
			c.InteractionColumns() != a.InteractionColumns() || string(c.AppendConstraints(nil)) != string(a.AppendConstraints(nil)) {
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
