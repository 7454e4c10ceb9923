package cairoair

import (
	"fmt"
	"slices"
	"testing"

	"github.com/starkd/starkd/prover/stwo/adapter"
	"github.com/starkd/starkd/prover/stwo/air"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/preprocessed"
)

// rowTable is a table with its preprocessed columns. Of a fixed table it has the rows that are used, and a first one.
type rowTable struct {
	air.Table
	c    *Component
	rows int
}

// rowTables fills the base trace of a run.
func rowTables(t *testing.T, in *adapter.Input, narrow bool) []*rowTable {
	t.Helper()
	tables, err := Fill(in, narrow)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]preprocessed.Column{}
	for _, v := range []preprocessed.Variant{preprocessed.Canonical, preprocessed.CanonicalSmall} {
		for _, c := range v.Columns() {
			columns[c.ID] = c
		}
	}
	var all []*rowTable
	for _, table := range tables {
		r := &rowTable{Table: table.Table, c: table.Component, rows: 1 << table.LogSize}
		rows := make([]int, 0, r.rows)
		for i := range r.rows {
			if r.c.Source != FixedTable || i == 0 || slices.ContainsFunc(r.Columns, func(c []m31.M31) bool { return c != nil && c[i] != 0 }) {
				rows = append(rows, i)
			}
		}
		if r.c.Source == FixedTable {
			r.Columns = nil
			for _, column := range table.Columns {
				used := make([]m31.M31, len(rows))
				for k, i := range rows {
					if column != nil {
						used[k] = column[i]
					}
				}
				r.Columns = append(r.Columns, used)
			}
			r.rows = len(rows)
		}
		for _, id := range r.c.AIR().Preprocessed {
			if id == air.RowNumber {
				id = fmt.Sprintf("seq_%d", table.LogSize)
			}
			column, ok := columns[id]
			if !ok || column.LogSize != table.LogSize {
				t.Fatalf("%s: no preprocessed column %s", table.Name, id)
			}
			used := make([]m31.M31, len(rows))
			for k, i := range rows {
				if r.c.Name == "pedersen_points_table_window_bits_18" && id != "seq_23" {
					continue // below: single points of a table of 2^23
				}
				column.Fill(used[k:k+1], i)
			}
			r.Preprocessed = append(r.Preprocessed, used)
		}
		if r.c.Name == "pedersen_points_table_window_bits_18" {
			(&windows{bits: 18}).points().Eval(nil, r.Preprocessed[:1], r.Preprocessed[1:])
		}
		all = append(all, r)
	}
	return all
}

// TestCheck checks every row and the balance of all lookups of runs, and that a wrong cell in any column of any component fails.
func TestCheck(t *testing.T) {
	unseen := map[*Component][]int{} // the columns of which no wrong cell was seen until now
	for _, c := range Components() {
		for k := range c.AIR().Columns {
			unseen[c] = append(unseen[c], k)
		}
	}
	check := func(t *testing.T, in *adapter.Input, narrow bool) {
		tables := rowTables(t, in, narrow)
		var b air.Balance
		claimUses(in, &b)
		for _, table := range tables {
			for _, f := range table.c.AIR().Check(&table.Table, 0, table.rows, &b) {
				t.Error(f)
			}
		}
		for _, f := range b.Failures() {
			t.Error(f)
		}
		for _, table := range tables {
			unseen[table.c] = slices.DeleteFunc(unseen[table.c], func(k int) bool { return tamper(table, k) })
		}
	}
	for _, name := range []string{"c10_all/small", "c05_pedersen"} {
		t.Run(name, func(t *testing.T) {
			in, narrow := corpusInput(t, name)
			check(t, in, narrow)
		})
	}
	// generic_opcode proves any instruction without an extension.
	t.Run("generic_opcode", func(t *testing.T) {
		in, narrow := corpusInput(t, "c03_opcodes")
		for o := range adapter.OpcodeCount {
			if o == adapter.Generic || o == adapter.BlakeCompress || o == adapter.QM31AddMul {
				continue
			}
			to, from := &in.Opcodes[adapter.Generic], &in.Opcodes[o]
			to.PC, to.AP, to.FP = append(to.PC, from.PC...), append(to.AP, from.AP...), append(to.FP, from.FP...)
			*from = adapter.States{}
		}
		check(t, in, narrow)
	})
	// A memory that fills all parts of memory_address_to_id.
	t.Run("memory", func(t *testing.T) {
		in, narrow := corpusInput(t, "c02_fib")
		for len(in.Memory.IDs)-1 < 1024 {
			in.Public = append(in.Public, uint32(len(in.Memory.IDs)))
			in.Memory.IDs = append(in.Memory.IDs, in.Memory.IDs[1])
		}
		check(t, in, narrow)
	})
	for _, c := range Components() {
		for _, k := range unseen[c] {
			t.Errorf("%s: no wrong cell of column %d (%s) is seen", c.Name, k, c.AIR().Columns[k].Name)
		}
	}
}

// claimUses adds the lookups of the verifier: the public memory, and the machine's first and last state.
func claimUses(in *adapter.Input, b *air.Balance) {
	memory := newMemory(&in.Memory)
	for _, address := range in.Public {
		id := memory.ID(m31.M31(address))
		b.Use(1, memoryAddressToID, m31.M31(address), id)
		v := memory.Value(id)
		tuple := []m31.M31{id}
		for k := range limbs252 {
			tuple = append(tuple, limb(&v, k))
		}
		b.Use(1, memoryIDToValue, tuple...)
	}
	b.Use(1, opcodes, in.Final.PC, in.Final.AP, in.Final.FP)
	b.Use(m31.M31(0).Sub(1), opcodes, in.Initial.PC, in.Initial.AP, in.Initial.FP)
}

// tamper reports if a wrong cell of column k is seen: a constraint of the row must fail, or its lookups must be others, so that the balance of
// all lookups fails. A cell of which all lookups have the multiplicity 0 has neither; then one of another row is taken.
func tamper(table *rowTable, k int) bool {
	a := table.c.AIR()
	column := slices.Clone(table.Columns[k])
	changed := table.Table
	changed.Columns = slices.Clone(table.Columns)
	changed.Columns[k] = column
	for row := range table.rows {
		right := column[row]
		column[row] = right.Add(1)
		var before, after air.Balance
		a.Check(&table.Table, row, 1, &before)
		if len(a.Check(&changed, row, 1, &after)) > 0 || !slices.Equal(before.Failures(), after.Failures()) {
			return true
		}
		column[row] = right
	}
	return false
}
