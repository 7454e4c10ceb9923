package trie

import (
	"sort"

	"github.com/starkd/starkd/crypto/felt"
)

// Leaf is a key and its new value. A value of 0 removes the key.
type Leaf struct{ Key, Value felt.Felt }

// Update is a set of changes to the trie with the given root.
type Update struct {
	Root   felt.Felt
	Leaves []Leaf // in any order; of equal keys the last one applies
}

// Stored is a node to be written to a store, and the hash under which it is stored.
type Stored struct {
	Hash felt.Felt
	Node Node
}

// Commit applies updates to independent tries. It returns their new roots, in the order of updates, and the new nodes. Nodes that do not
// depend on each other are hashed together, across all tries, because H is much cheaper in batches.
func Commit(s Store, h Hash, updates []Update) (roots []felt.Felt, nodes []Stored, err error) {
	c := committer{store: s}
	tops := make([]*node, len(updates))
	for i, u := range updates {
		items, err := sortLeaves(u.Leaves)
		if err != nil {
			return nil, nil, err
		}
		if tops[i], err = c.update(reference(u.Root, 0), 0, items); err != nil {
			return nil, nil, err
		}
	}
	for _, top := range tops {
		c.rank(top)
	}
	nodes = c.hash(h)
	roots = make([]felt.Felt, len(tops))
	for i, top := range tops {
		if top != nil {
			roots[i] = top.hash
		}
	}
	return roots, nodes, nil
}

// item is a leaf with its key as a path.
type item struct {
	key   path
	value felt.Felt
}

// sortLeaves sorts leaves by key and keeps the last one of equal keys.
func sortLeaves(leaves []Leaf) ([]item, error) {
	items := make([]item, len(leaves))
	for i, l := range leaves {
		k, err := keyBits(l.Key)
		if err != nil {
			return nil, err
		}
		items[i] = item{k, l.Value}
	}
	sort.SliceStable(items, func(i, j int) bool { return items[i].key.less(items[j].key) })
	kept := items[:0]
	for i, it := range items {
		if i+1 == len(items) || items[i+1].key != it.key {
			kept = append(kept, it)
		}
	}
	return kept, nil
}

// node is a node of a trie that is being changed. A nil *node is an empty subtree. A node is a leaf (at depth Height), a reference to a
// stored node that was not read, a binary node or an edge node. The hash of a new binary or edge node is computed at the end.
type node struct {
	kind     kind
	hashed   bool // hash is set
	length   int  // edge
	rank     int  // the round in which the node is hashed, from 1; 0 if hashed or not yet ranked
	hash     felt.Felt
	path     path  // edge
	left     *node // of a binary node; of an edge node its child
	right    *node // of a binary node
	enqueued bool
}

type kind uint8

const (
	ref kind = iota // a subtree of which only the hash is known; also a leaf
	binary
	edge
)

// reference returns a subtree of which only the hash is known; nil if it is 0.
func reference(hash felt.Felt, rank int) *node {
	if hash.IsZero() {
		return nil
	}
	return &node{kind: ref, hashed: true, hash: hash, rank: rank}
}

// committer builds changed tries and collects the nodes to be hashed, by rank.
type committer struct {
	store  Store
	ranked [][]*node
}

// resolve returns n with its children. It reads n from the store if n is a reference; n must not be a leaf.
func (c *committer) resolve(n *node) (*node, error) {
	if n.kind != ref {
		return n, nil
	}
	stored, err := load(c.store, n.hash)
	if err != nil {
		return nil, err
	}
	if stored.Length == 0 {
		return &node{kind: binary, hashed: true, hash: n.hash, left: reference(stored.Left, 0), right: reference(stored.Right, 0)}, nil
	}
	return &node{kind: edge, hashed: true, hash: n.hash, length: int(stored.Length), path: stored.Path.Limbs(), left: reference(stored.Child, 0)}, nil
}

// update returns subtree n, at the given depth, with the items set. The items must be sorted and distinct, and share the key bits above depth.
func (c *committer) update(n *node, depth int, items []item) (*node, error) {
	switch {
	case len(items) == 0:
		return n, nil
	case n == nil:
		return build(depth, present(items)), nil
	case depth == Height:
		return reference(items[0].value, 0), nil
	}
	n, err := c.resolve(n)
	if err != nil {
		return nil, err
	}
	if n.kind == binary {
		return c.updateBinary(n, depth, items)
	}
	return c.updateEdge(n, depth, items)
}

func (c *committer) updateBinary(n *node, depth int, items []item) (*node, error) {
	middle := split(depth, items)
	left, err := c.update(n.left, depth+1, items[:middle])
	if err != nil {
		return nil, err
	}
	right, err := c.update(n.right, depth+1, items[middle:])
	if err != nil {
		return nil, err
	}
	if same(left, n.left) && same(right, n.right) {
		return n, nil
	}
	return c.fork(left, right, depth)
}

func (c *committer) updateEdge(n *node, depth int, items []item) (*node, error) {
	// A removal of a key that is not below the edge changes nothing.
	kept := make([]item, 0, len(items))
	shared := n.length
	for _, it := range items {
		m := common(it.key.slice(depth, n.length), n.path, n.length)
		if m < n.length && it.value.IsZero() {
			continue
		}
		kept = append(kept, it)
		shared = min(shared, m)
	}
	if len(kept) == 0 {
		return n, nil
	}
	if shared == n.length {
		child, err := c.update(n.left, depth+n.length, kept)
		if err != nil {
			return nil, err
		}
		if same(child, n.left) {
			return n, nil
		}
		return c.extend(n.path, n.length, child, depth+n.length)
	}
	// The edge forks after its first `shared` bits.
	below := n.length - shared - 1
	rest := n.left // not an edge, because the child of an edge never is
	if below > 0 {
		rest = &node{kind: edge, path: n.path.low(below), length: below, left: n.left}
	}
	sides := [2]*node{}
	sides[n.path.shiftRight(below)[0]&1] = rest
	middle := split(depth+shared, kept)
	var err error
	for side, part := range [2][]item{kept[:middle], kept[middle:]} {
		if sides[side], err = c.update(sides[side], depth+shared+1, part); err != nil {
			return nil, err
		}
	}
	top, err := c.fork(sides[0], sides[1], depth+shared)
	if err != nil {
		return nil, err
	}
	return c.extend(n.path.shiftRight(below+1), shared, top, depth+shared)
}

// fork returns the subtree at the given depth with the given children, either of which may be nil.
func (c *committer) fork(left, right *node, depth int) (*node, error) {
	switch {
	case left != nil && right != nil:
		return &node{kind: binary, left: left, right: right}, nil
	case left != nil:
		return c.extend(path{0}, 1, left, depth+1)
	case right != nil:
		return c.extend(path{1}, 1, right, depth+1)
	}
	return nil, nil
}

// extend returns an edge with path p, of length bits, to the child at the given depth. It merges the path with that of a child that is an edge.
func (c *committer) extend(p path, length int, child *node, depth int) (*node, error) {
	if child == nil || length == 0 {
		return child, nil
	}
	if depth < Height {
		var err error
		if child, err = c.resolve(child); err != nil {
			return nil, err
		}
		if child.kind == edge {
			p, length, child = p.join(child.path, child.length), length+child.length, child.left
		}
	}
	return &node{kind: edge, path: p, length: length, left: child}, nil
}

// build returns a new subtree at the given depth with the items, whose values must not be 0.
func build(depth int, items []item) *node {
	if len(items) == 0 {
		return nil
	}
	first, left := items[0].key, Height-depth
	if len(items) == 1 {
		leaf := reference(items[0].value, 0)
		if left == 0 {
			return leaf
		}
		return &node{kind: edge, path: first.low(left), length: left, left: leaf}
	}
	shared := common(first.low(left), items[len(items)-1].key.low(left), left)
	middle := split(depth+shared, items)
	top := &node{kind: binary, left: build(depth+shared+1, items[:middle]), right: build(depth+shared+1, items[middle:])}
	if shared == 0 {
		return top
	}
	return &node{kind: edge, path: first.slice(depth, shared), length: shared, left: top}
}

// present returns the items that are not removals.
func present(items []item) []item {
	kept := make([]item, 0, len(items))
	for _, it := range items {
		if !it.value.IsZero() {
			kept = append(kept, it)
		}
	}
	return kept
}

// split returns the number of items whose key has a 0 bit at the given depth, that is, goes left.
func split(depth int, items []item) int {
	return sort.Search(len(items), func(i int) bool { return items[i].key.bit(depth) == 1 })
}

// same reports whether a and b are the same subtree, so that an update changed nothing and the old node can stay.
func same(a, b *node) bool {
	return a == b || a != nil && b != nil && a.hashed && b.hashed && a.hash == b.hash
}

// rank adds the nodes of subtree n that have no hash to c.ranked, and returns n's rank. A node is hashed one round after its children.
func (c *committer) rank(n *node) int {
	if n == nil || n.hashed {
		return 0
	}
	if n.enqueued {
		return n.rank
	}
	n.rank = 1 + max(c.rank(n.left), c.rank(n.right))
	n.enqueued = true
	for len(c.ranked) < n.rank {
		c.ranked = append(c.ranked, nil)
	}
	c.ranked[n.rank-1] = append(c.ranked[n.rank-1], n)
	return n.rank
}

// hash hashes the ranked nodes, one round per rank, and returns them in stored form.
func (c *committer) hash(h Hash) []Stored {
	var stored []Stored
	var a, b []felt.Felt
	for _, round := range c.ranked {
		a, b = a[:0], b[:0]
		for _, n := range round {
			a = append(a, n.left.hash)
			if n.kind == binary {
				b = append(b, n.right.hash)
			} else {
				b = append(b, n.path.felt())
			}
		}
		first := len(stored)
		for i, n := range round {
			out := Node{Left: a[i], Right: b[i]}
			if n.kind == edge {
				out = Node{Child: a[i], Path: b[i], Length: uint8(n.length)}
			}
			stored = append(stored, Stored{Node: out})
		}
		h(a, a, b)
		for i, n := range round {
			n.hash, n.hashed = a[i], true
			if n.kind == edge {
				length := felt.FromUint64(uint64(n.length))
				n.hash.Add(&n.hash, &length)
			}
			stored[first+i].Hash = n.hash
		}
	}
	return stored
}
