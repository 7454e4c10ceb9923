package merkle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/channel"
	"github.com/starkd/starkd/prover/stwo/circle"
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

// Tree is a tree whose leaves were committed to. Its columns are read again when leaves are opened.
//
// If the tree is higher than the leaves require (see Shape.Height), leaves repeat: leaf i is leaf circle.LiftedCell(i, lifted) of the source. Then
// the pairs of siblings repeat too, and so do the nodes of the next layers: node i of layer k, 1 ≤ k ≤ lifted+1, is number i>>(lifted+1-k) of as
// many nodes as there are pairs of leaves. Layers here are without these repetitions: layer 0 are the leaves, layer 1 the nodes of layer
// lifted+1 of the whole tree.
type Tree struct {
	hash   channel.Hash
	shape  *Shape // of a tree over columns, else nil
	source leaves // nil in a tree over columns, when it is made
	log    int    // log2 of the number of different leaves
	lifted int
	lowest int         // the lowest layer that is stored
	blocks [][]digests // layers from lowest on, down to one block of sixteen nodes
	top    []channel.Digest
}

// newTree returns the tree over the leaves of source, whose height is greater by lifted than they require. It returns ctx's error if ctx ends.
func newTree(ctx context.Context, h channel.Hash, source leaves, lifted int) (*Tree, error) {
	t := &Tree{hash: h, source: source, log: source.log(), lifted: lifted}
	log := t.log
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
	if err := t.fill(ctx, layer, source); err != nil {
		return nil, err
	}
	t.stack(layer)
	return t, nil
}

// fill sets nodes, sixteen in an element, to those of the lowest stored layer above the leaves of source.
func (t *Tree) fill(ctx context.Context, nodes []digests, source leaves) error {
	parallel.For(len(nodes), func(i int) {
		if ctx.Err() == nil {
			nodes[i] = t.subtrees(source, t.lowest, i)
		}
	})
	return ctx.Err()
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
	if t.log == logLanes {
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
func (s *Shape) Restore(h channel.Hash, layer []blake.State16) (*Tree, error) {
	log := slices.Max(s.Logs)
	if log < logLanes || len(layer) != s.LayerLen() {
		return nil, fmt.Errorf("merkle: a layer of 16·%d nodes of a tree of 2^%d leaves", len(layer), log)
	}
	t := &Tree{hash: h, shape: s, log: log, lifted: s.Height - log, lowest: min(dropped, log-logLanes)}
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

// subtrees returns nodes 16i to 16i+15 of a layer above the leaves of source.
func (t *Tree) subtrees(source leaves, layer, i int) digests {
	if layer == 0 {
		return source.block(i)
	}
	left, right := t.subtrees(source, layer-1, 2*i), t.subtrees(source, layer-1, 2*i+1)
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

// Open returns the witness for the leaves at positions, which ascend and may repeat, of a tree over the values of a FRI layer.
func (t *Tree) Open(positions []uint32) []channel.Digest {
	o := t.newOpener(positions)
	if o == nil {
		return nil
	}
	parallel.For(len(o.roots), func(i int) {
		leaves := make([]channel.Digest, 1<<o.height)
		if o.height >= logLanes {
			for b := range len(leaves) / lanes {
				block := t.source.block(o.roots[i]<<(o.height-logLanes) + b)
				for k := range lanes {
					leaves[b*lanes+k] = get(&block, k)
				}
			}
		} else {
			for k := range leaves {
				leaves[k] = t.source.leaf(o.roots[i]<<o.height + k)
			}
		}
		o.subtrees[i] = o.layers(leaves)
	})
	return o.witness()
}

// OpenColumns returns the cells of the columns at positions, which ascend and may repeat, of a tree over columns, and the witness for the leaves
// there. load returns the given cells of a column, which ascend. Several goroutines call it.
func (t *Tree) OpenColumns(positions []uint32, load func(column int, cells []int) []m31.M31) (values [][]m31.M31, witness []channel.Digest) {
	o := t.newOpener(positions)
	values = make([][]m31.M31, len(t.shape.Logs))
	if o == nil || len(values) == 0 {
		return values, nil
	}
	// The cells of the leaves of the subtrees, by column in the order of hashing. There is a multiple of sixteen of them.
	order := t.shape.order()
	words := make([][]m31.M31, len(order))
	rows := len(o.roots) << o.height
	// By log2 of a column's size: its cells in these leaves in ascending order, and the number among them of each leaf's cell.
	var cellsOf, numberOf [circle.MaxLog + 1][]int
	for _, log := range t.shape.Logs {
		if cellsOf[log] != nil {
			continue
		}
		cells := make([]int, rows)
		for i := range cells {
			row := o.roots[i>>o.height]<<o.height + i&(1<<o.height-1)
			cells[i] = circle.LiftedCell(row, t.log-log)
		}
		cellsOf[log], numberOf[log] = slices.Compact(slices.Sorted(slices.Values(cells))), cells
		for i, cell := range cells {
			cells[i], _ = slices.BinarySearch(cellsOf[log], cell)
		}
	}
	parallel.Each(len(order), func(k int) {
		k = len(order) - 1 - k // the largest first
		c := order[k]
		log := t.shape.Logs[c]
		cells := load(c, cellsOf[log])
		words[k] = make([]m31.M31, (rows+lanes-1)/lanes*lanes)
		for i, number := range numberOf[log] {
			words[k][i] = cells[number]
		}
		values[c] = make([]m31.M31, len(positions))
		for i, p := range positions {
			leaf := t.leafOf(p)
			root, _ := slices.BinarySearch(o.roots, leaf>>o.height)
			values[c][i] = words[k][root<<o.height+leaf&(1<<o.height-1)]
		}
	})
	var hashes []digests
	if t.hash == channel.Poseidon252 {
		hashes = rowDigests[poseidonState](poseidonHasher{}, words)
	} else {
		hashes = rowDigests[digests](blakeHasher{t.hash}, words)
	}
	for i := range o.roots {
		leaves := make([]channel.Digest, 1<<o.height)
		for k := range leaves {
			at := i<<o.height + k
			leaves[k] = get(&hashes[at/lanes], at%lanes)
		}
		o.subtrees[i] = o.layers(leaves)
	}
	return values, o.witness()
}

// opener finds the nodes of a tree, those of the dropped layers too.
type opener struct {
	tree      *Tree
	positions []uint32 // distinct
	height    int      // of a subtree
	roots     []int    // numbers of the nodes of layer height that have a leaf to be opened below them, ascending
	// subtrees holds the layers below each root: the leaves, the leaves' parents without the repetitions of lifting, layer 2, and so on.
	subtrees [][][]channel.Digest
}

// newOpener returns an opener without its subtrees, or nil for a tree of one leaf.
func (t *Tree) newOpener(positions []uint32) *opener {
	if t.log+t.lifted == 0 {
		return nil
	}
	o := &opener{tree: t, positions: slices.Compact(slices.Clone(positions)), height: max(t.lowest, 1)}
	for _, p := range o.positions {
		o.roots = append(o.roots, t.leafOf(p)>>o.height)
	}
	o.roots = slices.Compact(o.roots)
	o.subtrees = make([][][]channel.Digest, len(o.roots))
	return o
}

// leafOf returns the number of the leaf at a position of the whole tree, without the repetitions of lifting.
func (t *Tree) leafOf(position uint32) int { return int(position>>(t.lifted+1)<<1 | position&1) }

// witness returns the witness of the positions.
func (o *opener) witness() []channel.Digest {
	var witness []channel.Digest
	at := slices.Clone(o.positions)
	for layer := range o.tree.log + o.tree.lifted {
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

// layers returns the layers of a subtree over leaves, without its root.
func (o *opener) layers(leaves []channel.Digest) [][]channel.Digest {
	t := o.tree
	layers := [][]channel.Digest{leaves}
	for k := 1; k < o.height; k++ {
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

// node returns node i of a layer of the whole tree. Below layer lowest it must have a leaf of a subtree below it or below its sibling.
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

// dropped returns node i of a layer of a subtree.
func (o *opener) dropped(layer, i int) channel.Digest {
	root, _ := slices.BinarySearch(o.roots, i>>(o.height-layer))
	return o.subtrees[root][layer][i&(1<<(o.height-layer)-1)]
}

// stored returns node i of a layer that is lowest or above.
func (t *Tree) stored(layer, i int) channel.Digest {
	if k := layer - t.lowest; k < len(t.blocks) {
		return get(&t.blocks[k][i>>logLanes], i&(lanes-1))
	}
	return t.top[1<<(t.log-layer)+i]
}

// Commit returns the tree over columns. It loads each part of a column once, the columns in 2^Parts(parts) parts, without scratch if m is nil. It returns ctx's
// error if ctx ends.
func (s *Shape) Commit(ctx context.Context, h channel.Hash, parts int, load Load, m *Memory) (*Tree, error) {
	if len(s.Logs) == 0 {
		if s.Height > 0 {
			return nil, errors.New("merkle: a tree without columns has one leaf")
		}
		t := &Tree{hash: h, shape: s}
		t.setTop([]channel.Digest{h.Leaf(nil)})
		return t, nil
	}
	if h == channel.Poseidon252 {
		return commit[poseidonState](ctx, h, poseidonHasher{}, s, s.Parts(parts), load, m)
	}
	return commit[digests](ctx, h, blakeHasher{h}, s, s.Parts(parts), load, m)
}

// Parts returns log2 of the number of parts in which Commit loads columns if 2^parts parts are wanted: fewer or one if columns are small.
func (s *Shape) Parts(parts int) int {
	if len(s.Logs) == 0 {
		return 0
	}
	// A part of a column has two cells or more, and one of the leaves sixteen nodes of the lowest layer that is stored.
	return max(0, min(parts, slices.Min(s.Logs)-1, slices.Max(s.Logs)-dropped-logLanes))
}

// commit commits to columns in 2^parts parts. Part c of the leaves consists of part c of each column: the lifting of a part is that of a smaller tree.
func commit[S any](ctx context.Context, h channel.Hash, hash hasher[S], s *Shape, parts int, load Load, m *Memory) (*Tree, error) {
	table := func(c int) (*table[S], error) {
		part := &Shape{Logs: make([]int, len(s.Logs))}
		for i, log := range s.Logs {
			part.Logs[i] = log - parts
		}
		t := newTable(hash, part, func(i int, scratch []m31.M31) []m31.M31 { return load(i, c, scratch) }, m)
		return t, t.begin(ctx)
	}
	if parts == 0 {
		source, err := table(0)
		if err != nil {
			return nil, err
		}
		t, err := newTree(ctx, h, source, s.Height-source.log())
		if err != nil {
			return nil, err
		}
		t.shape, t.source = s, nil
		return t, nil
	}
	log := slices.Max(s.Logs)
	t := &Tree{hash: h, shape: s, log: log, lifted: s.Height - log, lowest: dropped}
	layer := make([]digests, 1<<(log-t.lowest-logLanes))
	size := len(layer) >> parts
	for c := range 1 << parts {
		source, err := table(c)
		if err != nil {
			return nil, err
		}
		if err := t.fill(ctx, layer[c*size:][:size], source); err != nil {
			return nil, err
		}
	}
	t.stack(layer)
	return t, nil
}
