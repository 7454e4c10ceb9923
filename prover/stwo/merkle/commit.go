package merkle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// leaves computes the leaves of a tree.
type leaves interface {
	// log returns log2 of the number of different leaves.
	log() int
	// leaf returns leaf i.
	leaf(i int) channel.Digest
	// block returns leaves 16i to 16i+15. There are that many.
	block(i int) digests
}

// dropped is the number of the lowest layers that a tree does not store. They are computed again for the leaves that are opened.
const dropped = 5

// logLanes is log2 of lanes.
const logLanes = 4

// Tree is a tree whose leaves were committed to. It reads the columns again when leaves are opened.
//
// If the tree is higher than the leaves require (see Shape.Height), leaves repeat: leaf i is leaf circle.LiftedCell(i, lifted) of the source. Then
// the pairs of siblings repeat too, and so do the nodes of the next layers: node i of layer k, 1 ≤ k ≤ lifted+1, is number i>>(lifted+1-k) of as
// many nodes as there are pairs of leaves. Layers here are without these repetitions: layer 0 are the leaves, layer 1 the nodes of layer
// lifted+1 of the whole tree.
type Tree struct {
	hash   channel.Hash
	source leaves
	lifted int
	lowest int         // the lowest layer that is stored
	blocks [][]digests // layers from lowest on, down to one block of sixteen nodes
	top    []channel.Digest
}

// newTree returns the tree over the leaves of source, whose height is greater by lifted than they require. It returns ctx's error if ctx ends.
func newTree(ctx context.Context, h channel.Hash, source leaves, lifted int) (*Tree, error) {
	t := &Tree{hash: h, source: source, lifted: lifted}
	log := source.log()
	if log < logLanes {
		// Too few leaves for a block.
		layer := make([]channel.Digest, 1<<log)
		for i := range layer {
			layer[i] = source.leaf(i)
		}
		if log > 0 {
			// Layer 0 is not part of top, because the lifted nodes are between it and layer 1.
			t.lowest = 1
			up := make([]channel.Digest, len(layer)/2)
			for i := range up {
				up[i] = t.node1(&layer[2*i], &layer[2*i+1], lifted)
			}
			layer = up
		}
		t.setTop(layer)
		return t, nil
	}
	t.lowest = min(dropped, log-logLanes)
	layer := make([]digests, 1<<(log-t.lowest-logLanes))
	parallel.For(len(layer), func(i int) {
		if ctx.Err() == nil {
			layer[i] = t.subtrees(t.lowest, i)
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.stack(layer)
	return t, nil
}

// stack stores the layers from the lowest one that is stored, which it gets, to the root.
func (t *Tree) stack(layer []digests) {
	t.blocks = [][]digests{layer}
	for k := t.lowest; len(layer) > 1; k++ {
		up := make([]digests, len(layer)/2)
		parallel.Chunks(len(up), 64, func(start, end int) {
			for i := start; i < end; i++ {
				up[i] = t.combine(k, &layer[2*i], &layer[2*i+1])
			}
		})
		layer = up
		t.blocks = append(t.blocks, layer)
	}
	// One block of sixteen nodes is left, of layer log-logLanes. If that is layer 0, top begins with layer 1 all the same.
	nodes := make([]channel.Digest, lanes)
	for i := range nodes {
		nodes[i] = get(&layer[0], i)
	}
	if t.source.log() == logLanes {
		up := make([]channel.Digest, lanes/2)
		for i := range up {
			up[i] = t.node1(&nodes[2*i], &nodes[2*i+1], t.lifted)
		}
		nodes = up
	}
	t.setTop(nodes)
}

// Layer returns the lowest layer that the tree stores, sixteen nodes in an element, and nil for a tree of fewer than 16 leaves. The caller must
// not change it.
func (t *Tree) Layer() []blake.State16 {
	if len(t.blocks) == 0 {
		return nil
	}
	return t.blocks[0]
}

// LayerLen returns the length of Layer of a tree.
func (s *Shape) LayerLen() int {
	log := slices.Max(s.Logs)
	return 1 << (log - min(dropped, log-logLanes) - logLanes)
}

// Restore returns the tree over columns whose lowest stored layer is layer. It does not read the columns: the caller compares the root with one
// that it knows, and knows that columns and layer belong together.
func (s *Shape) Restore(h channel.Hash, columns [][]m31.M31, layer []blake.State16) (*Tree, error) {
	source := s.newTable(h, columns)
	log := source.log()
	if log < logLanes || len(layer) != s.LayerLen() {
		return nil, fmt.Errorf("merkle: a layer of 16·%d nodes of a tree of 2^%d leaves", len(layer), log)
	}
	t := &Tree{hash: h, source: source, lifted: s.Height - log, lowest: min(dropped, log-logLanes)}
	t.stack(layer)
	return t, nil
}

// node1 returns node k of the whole tree above two leaves: the leaves' parent, hashed k times with itself.
func (t *Tree) node1(left, right *channel.Digest, k int) channel.Digest {
	d := t.hash.Pair(left, right)
	for range k {
		d = t.hash.Pair(&d, &d)
	}
	return d
}

// setTop stores the layers from nodes to the root: top[1] is the root, and the children of top[i] are top[2i] and top[2i+1].
func (t *Tree) setTop(nodes []channel.Digest) {
	t.top = append(make([]channel.Digest, len(nodes)), nodes...)
	for i := len(nodes) - 1; i > 0; i-- {
		t.top[i] = t.hash.Pair(&t.top[2*i], &t.top[2*i+1])
	}
}

// subtrees returns nodes 16i to 16i+15 of a layer, from the leaves.
func (t *Tree) subtrees(layer, i int) digests {
	if layer == 0 {
		return t.source.block(i)
	}
	left, right := t.subtrees(layer-1, 2*i), t.subtrees(layer-1, 2*i+1)
	return t.combine(layer-1, &left, &right)
}

// combine returns the parents, in the layer above, of sixteen and sixteen neighbouring nodes of a layer.
func (t *Tree) combine(layer int, left, right *digests) digests {
	up := pairs(t.hash, left, right)
	if layer == 0 {
		for range t.lifted {
			up = doubles(t.hash, &up)
		}
	}
	return up
}

// Root returns the tree's root.
func (t *Tree) Root() channel.Digest { return t.top[1] }

// Open returns the witness for the leaves at positions, which ascend and may repeat.
func (t *Tree) Open(positions []uint32) []channel.Digest {
	height := t.source.log() + t.lifted
	if height == 0 {
		return nil
	}
	o := &opener{tree: t, subtrees: map[int][][]channel.Digest{}}
	at := slices.Compact(slices.Clone(positions))
	o.prepare(at)
	var witness []channel.Digest
	for layer := range height {
		n := 0
		for k := 0; k < len(at); k++ {
			if at[k]&1 == 0 && k+1 < len(at) && at[k+1] == at[k]+1 {
				k++
			} else {
				witness = append(witness, o.node(layer, int(at[k]^1)))
			}
			at[n] = at[k] >> 1
			n++
		}
		at = at[:n]
	}
	return witness
}

// opener finds the nodes of a tree, those of the dropped layers too.
type opener struct {
	tree *Tree
	// subtrees holds the layers from 0 to lowest-1 of subtrees, by the number of the subtree's root in layer lowest.
	subtrees map[int][][]channel.Digest
}

// leafOf returns the number of the source's leaf at a position of the whole tree.
func (t *Tree) leafOf(position uint32) int { return int(position>>(t.lifted+1)<<1 | position&1) }

// prepare computes the subtrees with the leaves at positions.
func (o *opener) prepare(positions []uint32) {
	t := o.tree
	var roots []int
	for _, p := range positions {
		roots = append(roots, t.leafOf(p)>>max(t.lowest, 1))
	}
	roots = slices.Compact(roots)
	found := make([][][]channel.Digest, len(roots))
	parallel.For(len(roots), func(i int) { found[i] = o.subtree(roots[i]) })
	for i, root := range roots {
		o.subtrees[root] = found[i]
	}
}

// subtree returns the layers below node root of layer max(lowest, 1): layer 0, the leaves' parents without the repetitions of lifting, layer
// 2, and so on.
func (o *opener) subtree(root int) [][]channel.Digest {
	t := o.tree
	height := max(t.lowest, 1)
	leaves := make([]channel.Digest, 1<<height)
	if height >= logLanes {
		for b := range len(leaves) / lanes {
			block := t.source.block(root<<(height-logLanes) + b)
			for i := range lanes {
				leaves[b*lanes+i] = get(&block, i)
			}
		}
	} else {
		for i := range leaves {
			leaves[i] = t.source.leaf(root<<height + i)
		}
	}
	layers := [][]channel.Digest{leaves}
	for k := 1; k < height; k++ {
		below := layers[k-1]
		layer := make([]channel.Digest, len(below)/2)
		for i := range layer {
			if k == 1 {
				layer[i] = t.node1(&below[2*i], &below[2*i+1], t.lifted)
			} else {
				layer[i] = t.hash.Pair(&below[2*i], &below[2*i+1])
			}
		}
		layers = append(layers, layer)
	}
	return layers
}

// node returns node i of a layer of the whole tree. Below layer lowest it must have a leaf of a prepared subtree below it or below its sibling.
func (o *opener) node(layer, i int) channel.Digest {
	t := o.tree
	if layer == 0 {
		return o.dropped(0, t.leafOf(uint32(i)))
	}
	if layer <= t.lifted {
		i >>= t.lifted + 1 - layer
		left, right := o.dropped(0, 2*i), o.dropped(0, 2*i+1)
		return t.node1(&left, &right, layer-1)
	}
	layer -= t.lifted
	if layer < t.lowest {
		return o.dropped(layer, i)
	}
	return t.stored(layer, i)
}

// dropped returns node i of a layer below max(lowest, 1).
func (o *opener) dropped(layer, i int) channel.Digest {
	height := max(o.tree.lowest, 1)
	root := i >> (height - layer)
	return o.subtrees[root][layer][i-root<<(height-layer)]
}

// stored returns node i of a layer that is lowest or above.
func (t *Tree) stored(layer, i int) channel.Digest {
	if k := layer - t.lowest; k < len(t.blocks) {
		return get(&t.blocks[k][i>>logLanes], i&(lanes-1))
	}
	return t.top[1<<(t.source.log()-layer)+i]
}

// Commit returns the tree over columns. It returns ctx's error if ctx ends.
func (s *Shape) Commit(ctx context.Context, h channel.Hash, columns [][]m31.M31) (*Tree, error) {
	if len(columns) == 0 && s.Height > 0 {
		return nil, errors.New("merkle: a tree without columns has one leaf")
	}
	source := s.newTable(h, columns)
	if err := source.begin(ctx); err != nil {
		return nil, err
	}
	t, err := newTree(ctx, h, source, s.Height-source.log())
	source.end()
	return t, err
}
