//go:build !js

package stwo

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/cairoair"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// forgedTables are the tables of the program silent in which the quick test changes a cell: of an opcode, of the memory and of numbers.
var forgedTables = []string{"call_opcode_rel_imm", "memory_address_to_id", "range_check_4_3"}

// TestForgedCells makes proofs of a run of which one cell in the first row of a table is wrong. A prover who only computes on makes a proof
// of which the lookups do not add up, or the constraints do not hold. One who also lies about the table's claimed sum, so that the lookups add up,
// makes one of which the constraints do not hold. Verify refuses both. With -all the cells are in the first and the last column of every table.
func TestForgedCells(t *testing.T) {
	params, err := ParseParams([]byte(programParams[0].text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProver(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	program := "silent"
	if *all {
		program = "once" // has nearly all components
	}
	in, _ := runProgram(t, program)
	tables, err := cairoair.Fill(in, true)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i := range tables {
		name := tables[i].Component.Name
		columns := []int{0, len(tables[i].Columns) - 1}
		switch {
		case !*all && !slices.Contains(forgedTables, name):
			continue
		case !*all:
			columns = columns[:1]
		}
		seen++
		for _, column := range slices.Compact(columns) {
			for _, lie := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/lie=%v", name, tables[i].AIR().Columns[column].Name, lie), func(t *testing.T) {
					forge := forger{tables: func(tables []cairoair.Table) { increaseCell(&tables[i], column) }}
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
	}
	if !*all && seen != len(forgedTables) {
		t.Errorf("%s has %d of the tables, want %d", program, seen, len(forgedTables))
	}
}

// increaseCell adds 1 to the first cell of a column.
func increaseCell(t *cairoair.Table, column int) {
	cells := make([]m31.M31, 1<<t.LogSize) // a column may be the memory of the run
	copy(cells, t.Columns[column])
	cells[0] = cells[0].Add(1)
	t.Columns[column] = cells
}
