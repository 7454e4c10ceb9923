package merkle

import (
	"fmt"

	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// Verify checks that the tree with the given root has the leaves with the given values: values[c][k] is the cell of column c in the leaf at
// positions[k]. Positions ascend and may repeat. All arguments may come from a proof except the shape.
func (s *Shape) Verify(h channel.Hash, root channel.Digest, positions []uint32, values [][]m31.M31, witness []channel.Digest) error {
	if len(values) != len(s.Logs) {
		return fmt.Errorf("merkle: values of %d columns, want %d", len(values), len(s.Logs))
	}
	for c, column := range values {
		if len(column) != len(positions) {
			return fmt.Errorf("merkle: column %d is opened at %d positions, want %d", c, len(column), len(positions))
		}
	}
	if s.Height == 0 && len(s.Logs) == 0 {
		if root != h.Leaf(nil) || len(witness) > 0 {
			return fmt.Errorf("merkle: a tree without columns has the root %x and a witness of %d nodes", root[:], len(witness))
		}
		return nil
	}
	order := s.order()
	buffer := make([]m31.M31, 0, len(order))
	distinct := make([]uint32, 0, len(positions))
	leaves := make([]channel.Digest, 0, len(positions))
	for k, position := range positions {
		if k == 0 || position != positions[k-1] {
			distinct = append(distinct, position)
			leaves = append(leaves, h.Leaf(row(buffer, values, order, k)))
			continue
		}
		for c, column := range values {
			if column[k] != column[k-1] {
				return fmt.Errorf("merkle: column %d has two values at position %d", c, position)
			}
		}
	}
	return VerifyLeaves(h, root, s.Height, distinct, leaves, witness)
}

// MaxWitness returns a bound of the number of nodes in the witness of that many distinct leaves of a tree of the given height: in each layer at most
// the siblings of all known nodes are missing, and at most half of the layer.
func MaxWitness(height, leaves int) int {
	n := 0
	for layer := range height {
		n += min(leaves, 1<<(height-layer-1))
	}
	return n
}

// VerifyLeaves checks that the tree of the given height with the given root has the leaves at positions, which ascend and do not repeat.
func VerifyLeaves(h channel.Hash, root channel.Digest, height int, positions []uint32, leaves, witness []channel.Digest) error {
	if len(positions) == 0 || len(leaves) != len(positions) {
		return fmt.Errorf("merkle: %d leaves at %d positions", len(leaves), len(positions))
	}
	for k, position := range positions {
		if uint64(position)>>height != 0 || k > 0 && position <= positions[k-1] {
			return fmt.Errorf("merkle: position %d, number %d, in a tree of height %d", position, k, height)
		}
	}
	at, nodes := append([]uint32(nil), positions...), append([]channel.Digest(nil), leaves...)
	for layer := range height {
		n := 0 // nodes of the layer above; they overwrite the nodes of this layer that are not needed any more
		for k := 0; k < len(at); k++ {
			left, right := nodes[k], channel.Digest{}
			switch position := at[k]; {
			case position&1 == 0 && k+1 < len(at) && at[k+1] == position+1:
				k++
				right = nodes[k]
			case len(witness) == 0:
				return fmt.Errorf("merkle: the witness ends in layer %d, before position %d", layer, position)
			case position&1 == 0:
				right, witness = witness[0], witness[1:]
			default:
				left, right, witness = witness[0], left, witness[1:]
			}
			at[n], nodes[n] = at[k]>>1, h.Pair(&left, &right)
			n++
		}
		at, nodes = at[:n], nodes[:n]
	}
	if len(witness) > 0 {
		return fmt.Errorf("merkle: the witness has %d nodes too many", len(witness))
	}
	if nodes[0] != root {
		return fmt.Errorf("merkle: the root is %x, want %x", nodes[0][:], root[:])
	}
	return nil
}
