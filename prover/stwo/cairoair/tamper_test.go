package cairoair

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// TestWrongCells changes a cell of each column of a run's first row, by several amounts. A constraint of the row must fail, or it must
// ask for what is not true: a number outside of a range, a wrong xor, a value that the memory does not have, or something of another
// component that this component does not do. TestCheck is content with any other lookup. Some cells are free: those of generic_opcode that an
// instruction does not use, and the flag of verifyReduced for small numbers whose low limbs are 0.
func TestWrongCells(t *testing.T) {
	seen := map[*Component]bool{}
	for _, name := range []string{"c03_opcodes", "c05_pedersen/narrow", "c10_all/small"} {
		in, narrow := corpusInput(t, name)
		for _, table := range rowTables(t, in, narrow) {
			if seen[table.c] || table.c.Source == FixedTable || table.c.Source == MemoryTable || table.c.Name == "generic_opcode" {
				continue
			}
			seen[table.c] = true
			for k := range table.Columns {
				if table.c.AIR().Columns[k].Name == "ms_and_mid_limbs_are_max" {
					continue
				}
				for _, by := range []m31.M31{1, 1 << 16, m31.P - 1} {
					if !seesWrongCell(t, table, in, k, by) {
						t.Errorf("%s: %s: column %d (%s) plus %d is not seen", name, table.c.Name, k, table.c.AIR().Columns[k].Name, by)
					}
				}
			}
		}
	}
	for _, c := range Components() {
		if c.Source != FixedTable && c.Source != MemoryTable && !seen[c] {
			t.Logf("no rows of %s", c.Name)
		}
	}
}

// seesWrongCell reports whether a wrong cell of column k in row 0 is seen.
func seesWrongCell(t *testing.T, table *rowTable, in *adapter.Input, k int, by m31.M31) bool {
	const row = 0
	a := table.c.AIR()
	changed := table.Table
	changed.Columns = slices.Clone(table.Columns)
	changed.Columns[k] = slices.Clone(table.Columns[k])
	changed.Columns[k][row] = table.Columns[k][row].Add(by)
	var before, after air.Balance
	a.Check(&table.Table, row, 1, &before)
	if len(a.Check(&changed, row, 1, &after)) > 0 {
		return true
	}
	// A true lookup is of a table or of the memory. Any other one that is new, or missing, has no counterpart.
	right, wrong := before.Failures(), after.Failures()
	for _, f := range slices.Concat(right, wrong) {
		if slices.Contains(right, f) != slices.Contains(wrong, f) && !trueLookup(t, in, f) {
			return true
		}
	}
	return false
}

// trueLookup reports whether a tuple that a failure of a balance names is one of a table or of the memory.
func trueLookup(t *testing.T, in *adapter.Input, failure string) bool {
	t.Helper()
	_, lookup, _ := strings.Cut(failure, ": ")
	relation, rest, _ := strings.Cut(lookup, "(")
	inside, _, ok := strings.Cut(rest, ")")
	if !ok {
		t.Fatalf("not a failure of a balance: %s", failure)
	}
	var v [1 + limbs252]m31.M31 // trailing zeros of a tuple are left out
	for k, text := range strings.Split(inside, ", ") {
		if k == len(v) {
			return false
		}
		if text != "" {
			if _, err := fmt.Sscan(text, &v[k]); err != nil {
				t.Fatal(err)
			}
		}
	}
	memory := newMemory(&in.Memory)
	switch {
	case strings.HasPrefix(relation, "RangeCheck_"):
		for k, text := range strings.Split(strings.TrimPrefix(relation, "RangeCheck_"), "_") {
			var width int
			if _, err := fmt.Sscan(text, &width); err != nil {
				break // the letter of a copy
			}
			if v[k]>>width != 0 {
				return false
			}
		}
		return true
	case strings.HasPrefix(relation, "VerifyBitwiseXor_"):
		var width int
		if _, err := fmt.Sscanf(relation, "VerifyBitwiseXor_%d", &width); err != nil {
			t.Fatal(err)
		}
		return (v[0]|v[1])>>width == 0 && v[0]^v[1] == v[2]
	case relation == memoryAddressToID.Name:
		return memory.ID(v[0]) == v[1]
	case relation == memoryIDToValue.Name:
		value := memory.Value(v[0])
		for k := range limbs252 {
			if v[1+k] != limb(&value, k) {
				return false
			}
		}
		return true
	}
	return false
}
