package stwo

import (
	"fmt"
	"slices"
)

// Variant is a choice of preprocessed columns.
type Variant int

// The variants. They differ in the tables of Pedersen points, and in the number of rows up to which rows are counted.
const (
	Canonical                Variant = iota // 18-bit windows
	CanonicalWithoutPedersen                // no table of points
	CanonicalSmall                          // 9-bit windows, tables of at most 2^20 rows
)

var variantNames = []string{"canonical", "canonical_without_pedersen", "canonical_small"}

// String returns the variant's name in proofs.
func (v Variant) String() string { return variantNames[v] }

// preprocessedColumn is a column of the preprocessed trace.
type preprocessedColumn struct {
	id      string
	logSize int
}

// rowNumberColumn returns the id of the column of 2^log rows that counts them.
func rowNumberColumn(log int) string { return fmt.Sprintf("seq_%d", log) }

// preprocessedColumns returns the columns of a variant in their order: smaller ones first.
func preprocessedColumns(v Variant) []preprocessedColumn {
	var c []preprocessedColumn
	add := func(logSize, n int, format string) {
		for k := range n {
			id := format
			if n > 1 {
				id = fmt.Sprintf(format, k)
			}
			c = append(c, preprocessedColumn{id, logSize})
		}
	}
	most := 25
	if v == CanonicalSmall {
		most = 20
	}
	for log := minLogSize; log <= most; log++ {
		add(log, 1, rowNumberColumn(log))
	}
	for _, bits := range []int{4, 7, 8, 9, 10} {
		add(2*bits, 3, fmt.Sprintf("bitwise_xor_%d_%%d", bits))
	}
	for _, t := range []struct {
		name       string
		log, parts int
	}{{"4_3", 7, 2}, {"4_4", 8, 2}, {"9_9", 18, 2}, {"7_2_5", 14, 3}, {"3_6_6_3", 18, 4}, {"4_4_4_4", 16, 4}, {"3_3_3_3_3", 15, 5}} {
		add(t.log, t.parts, "range_check_"+t.name+"_column_%d")
	}
	add(6, 30, "poseidon_round_keys_%d")
	add(4, 16, "blake_sigma_%d")
	switch v {
	case Canonical:
		add(23, 56, "pedersen_points_%d")
	case CanonicalSmall:
		add(15, 56, "pedersen_points_small_%d")
	}
	slices.SortStableFunc(c, func(a, b preprocessedColumn) int { return a.logSize - b.logSize })
	return c
}
