package merkle_test

import (
	"context"
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
	"github.com/starkd/starkd/prover/stwo/merkle"
)

// Two columns of different sizes are committed and opened at two of the larger one's cells. The smaller one is lifted: its cells 0 and 1 are
// those of all leaves before the fourth.
func Example() {
	shape := merkle.Shape{Height: 3, Logs: []int{3, 2}}
	columns := [][]m31.M31{{10, 11, 12, 13, 14, 15, 16, 17}, {20, 21, 22, 23}}
	load := func(c, _ int, _ []m31.M31) []m31.M31 { return columns[c] }
	tree, err := shape.Commit(context.Background(), channel.Blake2s, 0, load, new(merkle.Memory))
	if err != nil {
		fmt.Println(err)
		return
	}
	positions := []uint32{2, 5}
	values, witness := tree.OpenColumns(positions, func(c int, cells []int) (values []m31.M31) {
		for _, cell := range cells {
			values = append(values, columns[c][cell])
		}
		return values
	})
	fmt.Println(values, len(witness))
	fmt.Println(shape.Verify(channel.Blake2s, tree.Root(), positions, values, witness))
	// Output:
	// [[12 15] [20 23]] 4
	// <nil>
}
