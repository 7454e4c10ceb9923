// Package merkle commits to tables of columns over M31 with hash trees.
//
// The columns of a tree may differ in size. A column of 2^n cells in a tree of 2^h leaves is lifted: leaf j has its cell
// circle.LiftedCell(j, h-n), which is the value of the column's polynomial f at the image of the leaf's point, f(2^(h-n)·P). So all columns
// of a tree are opened at the same positions. A leaf is the hash of its cells, the columns sorted by size (the smallest first, equal sizes
// in the order of commitment), and a node is the hash of its two children.
//
// Several leaves are opened together. The witness holds those siblings of known nodes that are not known themselves, layer by layer from the
// leaves to the root, each layer from left to right.
package merkle

import (
	"slices"

	"github.com/starkd/starkd/prover/stwo/m31"
)

// Shape describes the columns of a tree.
type Shape struct {
	Height int   // log2 of the number of leaves, at least every element of Logs
	Logs   []int // log2 of the number of cells of each column, in order of commitment
}

// order returns the numbers of the columns in the order in which a leaf hashes them.
func (s *Shape) order() []int {
	order := make([]int, len(s.Logs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return s.Logs[a] - s.Logs[b] })
	return order
}

// row returns the cells of leaf number i of values in the order of hashing, in the memory of row.
func row(row []m31.M31, values [][]m31.M31, order []int, i int) []m31.M31 {
	row = row[:0]
	for _, c := range order {
		row = append(row, values[c][i])
	}
	return row
}

// LogPacked is log2 of the number of values of a FRI layer that are hashed in one leaf if the layer is folded more than once.
const LogPacked = 2
