package stwo

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/starkd/starkd/internal/golden"
	"github.com/starkd/starkd/prover/stwo/constraints"
)

// TestUses compares the uses of each relation with StarkWare's.
func TestUses(t *testing.T) {
	text, err := os.ReadFile(golden.Corpus(t, "stwo", "air", "columns.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Uses map[string]uint64 `json:"n_uses"`
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for _, c := range constraints.All() {
		claim := Claim{Tables: []Table{{Component: c}}}
		if got := claim.uses(); !maps.Equal(got, want[c.Name].Uses) {
			t.Errorf("%s uses %v, want %v", c.Name, got, want[c.Name].Uses)
		}
		steps := want[c.Name].Uses["Opcodes"]
		if got := claim.Steps(); got != steps {
			t.Errorf("%s has %d steps a row, want %d", c.Name, got, steps)
		}
	}
}

// TestColumns compares the sizes of all columns with StarkWare's.
func TestColumns(t *testing.T) {
	for _, name := range corpusCases {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			p := readProof(t, name)
			if err := p.Claim.check(); err != nil {
				t.Error(err)
			}
			var want []struct {
				Component   string
				Trace       int   `json:"trace_columns"`
				Interaction int   `json:"interaction_columns"`
				LogSizes    []int `json:"log_sizes"`
			}
			if err := json.Unmarshal(readCase(t, name, "component_sizes.json"), &want); err != nil {
				t.Fatal(err)
			}
			tables := p.Claim.Tables
			for _, w := range want {
				for _, size := range w.LogSizes {
					if len(tables) == 0 {
						t.Fatalf("no table of %s", w.Component)
					}
					got := tables[0]
					tables = tables[1:]
					if a := got.Component; got.Component.Name != w.Component || got.LogSize != size || len(a.Columns) != w.Trace || a.InteractionColumns() != w.Interaction {
						t.Errorf("got the table %s of 2^%d rows, %d and %d columns, want %v", got.Component.Name, got.LogSize, len(a.Columns), a.InteractionColumns(), w)
					}
				}
			}
			if len(tables) > 0 {
				t.Errorf("%d tables more than wanted", len(tables))
			}
			columns, _, err := p.columns()
			if err != nil {
				t.Fatal(err)
			}
			for i := range columns {
				if len(columns[i]) != len(p.STARK.QueriedValues[i]) {
					t.Errorf("tree %d has %d columns, want %d", i, len(columns[i]), len(p.STARK.QueriedValues[i]))
				}
				for k, c := range columns[i] {
					if n := len(p.STARK.SampledValues[i][k]); n != int(c.Sampling) {
						t.Errorf("column %d of tree %d has %d samples, want %d", k, i, int(c.Sampling), n)
					}
				}
			}
		})
	}
}
