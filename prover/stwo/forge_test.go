//go:build !js

package stwo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// forgedRuns are the runs of which TestForgedCells changes cells: a program or a case of the corpus, its preprocessed columns, and whether a flag is set for it.
// Together they have all components. The tables of a quick test are few.
var forgedRuns = []struct {
	name, variant string
	on            func() bool
	tables        []string // nil stands for all that no run before has
}{
	// An opcode, the memory and numbers.
	{"silent", "canonical_small", func() bool { return !*all }, []string{"call_opcode_rel_imm", "memory_address_to_id", "range_check_4_3"}},
	{"once", "canonical_small", func() bool { return *all }, nil},
	// It has all opcodes, and what those of Blake2s need.
	{"c03_opcodes", "canonical_small", func() bool { return *all }, nil},
	// Pedersen's windows of 18 bits.
	{"c05_pedersen", "canonical", func() bool { return *folder != "" }, []string{
		"pedersen_builtin", "pedersen_aggregator_window_bits_18", "partial_ec_mul_window_bits_18", "pedersen_points_table_window_bits_18"}},
}

// TestForgedCells makes proofs of a run of which one cell in the first row of a table is wrong. The check of that row must name the component, and
// the constraint or the lookup. A prover who only computes on makes a proof of which the lookups do not add up, or the constraints do not hold. One
// who also lies about the table's claimed sum, so that the lookups add up, makes one of which the constraints do not hold. Verify refuses both. With
// -all the cells are in the first and the last column of every table, with -folder in those that only the variant canonical has.
func TestForgedCells(t *testing.T) {
	missing := map[string]bool{} // components of which no cell was changed
	for _, c := range cairoair.Components() {
		missing[c.Name] = true
	}
	for _, run := range forgedRuns {
		if !run.on() {
			continue
		}
		params, err := ParseParams([]byte(strings.Replace(programParams[0].text, "canonical_small", run.variant, 1)))
		if err != nil {
			t.Fatal(err)
		}
		p := newProver(t, params)
		var in *adapter.Input
		if slices.Contains(programs, run.name) {
			in, _ = runProgram(t, run.name)
		} else {
			in = readInput(t, run.name)
		}
		tables, err := cairoair.Fill(in, params.Preprocessed == preprocessed.CanonicalSmall)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for i := range tables {
			name := tables[i].Component.Name
			if run.tables == nil && !missing[name] || run.tables != nil && !slices.Contains(run.tables, name) {
				continue
			}
			seen++
			delete(missing, name)
			columns := []int{0, len(tables[i].Columns) - 1}
			if !*all {
				columns = columns[:1]
			}
			for _, column := range slices.Compact(columns) {
				forgeCell(t, p, in, tables, i, column)
			}
		}
		if run.tables != nil && seen != len(run.tables) {
			t.Errorf("%s has %d of the tables, want %d", run.name, seen, len(run.tables))
		}
	}
	if *all {
		for _, name := range forgedRuns[len(forgedRuns)-1].tables {
			delete(missing, name)
		}
		if len(missing) > 0 {
			t.Errorf("no cell was changed of %v", slices.Sorted(maps.Keys(missing)))
		}
	}
}

// forgeCell makes proofs with a wrong cell in column c of table i.
func forgeCell(t *testing.T, p *Prover, in *adapter.Input, tables []cairoair.Table, i, c int) {
	name, column := tables[i].Component.Name, tables[i].AIR().Columns[c].Name
	t.Run(fmt.Sprintf("%s/%s/check", name, column), func(t *testing.T) {
		changed := tables[i]
		changed.Columns = slices.Clone(changed.Columns)
		increaseCell(&changed, c)
		var failures []string
		var right, wrong air.Balance
		for what, b := range map[*cairoair.Table]*air.Balance{&tables[i]: &right, &changed: &wrong} {
			table := what.Table
			table.Preprocessed = firstRow(t, p, what)
			for _, f := range what.AIR().Check(&table, 0, 1, b) {
				if what == &tables[i] {
					t.Fatal(f)
				}
				failures = append(failures, f.String())
			}
		}
		before := right.Failures()
		for _, f := range wrong.Failures() {
			if !slices.Contains(before, f) {
				failures = append(failures, f)
			}
		}
		if len(failures) == 0 && len(wrong.Failures()) == len(before) {
			t.Error("the check of the row does not see the wrong cell")
		}
		for _, f := range failures {
			if !strings.HasPrefix(f, name+", row 0: ") {
				t.Errorf("got %q, which does not name %s", f, name)
			}
		}
	})
	for _, lie := range []bool{false, true} {
		t.Run(fmt.Sprintf("%s/%s/lie=%v", name, column, lie), func(t *testing.T) {
			forge := forger{tables: func(tables []cairoair.Table) { increaseCell(&tables[i], c) }}
			want := "stwo: the lookups of the public data and of all tables add up to"
			if lie {
				want = "stwo: the constraints at the random point add up to"
				forge.sums = func(p *Proof, ch *air.Challenges, interactions []*air.Interactions) {
					total, err := p.Claim.Public.lookups(ch)
					if err != nil {
						t.Fatal(err)
					}
					for _, sum := range p.Sums {
						total = total.Add(sum)
					}
					p.Sums[i] = p.Sums[i].Sub(total)
					interactions[i].ClaimedSum = p.Sums[i]
				}
			}
			proof, err := p.prove(t.Context(), in, nil, forge)
			if err != nil {
				t.Fatal(err)
			}
			err = proof.Verify()
			// A cell that no lookup has leaves the sum as it is.
			if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.HasPrefix(err.Error(), "stwo: the constraints at") {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// firstRow returns the preprocessed columns of a table, of one row.
func firstRow(t *testing.T, p *Prover, table *cairoair.Table) [][]m31.M31 {
	var row [][]m31.M31
	for _, id := range table.AIR().Preprocessed {
		if id == air.RowNumber {
			id = fmt.Sprintf("seq_%d", table.LogSize)
		}
		i := slices.IndexFunc(p.columns, func(c preprocessed.Column) bool { return c.ID == id })
		if i < 0 {
			t.Fatalf("%s: no preprocessed column %s", table.Component.Name, id)
		}
		cell := make([]m31.M31, 1)
		p.columns[i].Fill(cell, 0)
		row = append(row, cell)
	}
	return row
}

// increaseCell adds 1 to the first cell of a column.
func increaseCell(t *cairoair.Table, column int) {
	cells := make([]m31.M31, 1<<t.LogSize) // a column may be the memory of the run
	copy(cells, t.Columns[column])
	cells[0] = cells[0].Add(1)
	t.Columns[column] = cells
}
