// Package merkle commits to tables of field elements as Stone does.
//
// A leaf is the hash of one row (its elements' Montgomery words, big-endian), or of two rows if the table has one column, so
// that a leaf covers at least 64 bytes. An inner node is the hash of its two children. The nodes near the root can use another
// hash, which is cheap for a verifier written in Cairo. An opening of some rows sends, in this order: the elements of the rows
// that the verifier does not know, the other rows of their leaves, and then, layer by layer from the leaves to the root and
// from left to right, the siblings that the verifier cannot compute.
package merkle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// Params are the hashes of a tree: Friendly for the nodes of depth below FriendlyLayers (the root has depth 0), and Hash for
// all others.
type Params struct {
	Hash           transcript.Hash
	Friendly       transcript.Hash
	FriendlyLayers uint64
}

func (p Params) at(depth uint) transcript.Hash {
	if uint64(depth) < p.FriendlyLayers {
		return p.Friendly
	}
	return p.Hash
}

// Shape is the size of a table.
type Shape struct {
	LogRows uint
	Columns int
}

// logRowsPerLeaf returns log2 of the number of rows in a leaf.
func (s Shape) logRowsPerLeaf() uint {
	if s.Columns == 1 && s.LogRows > 0 {
		return 1
	}
	return 0
}

// depth returns the depth of the leaves.
func (s Shape) depth() uint { return s.LogRows - s.logRowsPerLeaf() }

// leaf hashes the rows of one leaf, given as their concatenated bytes.
func (s Shape) leaf(h transcript.Hash, b []byte) (transcript.Digest, error) {
	if s.logRowsPerLeaf() == 1 {
		left, right := transcript.Digest(b[:32]), transcript.Digest(b[32:])
		return h.Pair(&left, &right)
	}
	return h.Sum(b)
}

// dropped is the number of lowest layers that a tree does not keep, which divides its memory by 2^dropped. An opening computes
// the few nodes of these layers that it needs.
const dropped = 3

// Table is a table in the prover's memory: columns over a domain in natural order, split into cosets, whose number is a power of two. Row i of
// coset c is row i·len(Cosets) + c of the domain. The committed table has the rows in bit-reversed order, so the rows of a coset are a range of it.
type Table struct {
	Cosets [][][]field.Element // Cosets[c][k] is column k; nil while the coset is not in memory

	fetched map[uint64][]field.Element // committed rows of cosets that are not in memory
}

// row copies row r of the committed table to dst. log is log2 of the number of rows.
func (t *Table) row(r uint64, log uint, dst []field.Element) {
	i := field.BitReverse(r, log)
	n := uint64(len(t.Cosets))
	columns := t.Cosets[i%n]
	if columns == nil {
		copy(dst, t.fetched[r])
		return
	}
	for k := range dst {
		dst[k] = columns[k][i/n]
	}
}

// Tree is the prover's Merkle tree of a table.
type Tree struct {
	params Params
	shape  Shape
	table  *Table
	kept   uint                // depth of the lowest kept layer
	nodes  []transcript.Digest // nodes[2^d+i] is node i of depth d, for d ≤ kept
}

// Build hashes a table, which must not change while the tree is used. It runs on all cores. When ctx ends, it returns ctx's
// error soon.
func Build(ctx context.Context, params Params, table *Table) (*Tree, error) {
	t, err := BuildCosets(ctx, params, len(table.Cosets), func(c int) ([][]field.Element, error) { return table.Cosets[c], nil })
	if err == nil {
		t.table = table
	}
	return t, err
}

// BuildCosets hashes a table of which one coset is in memory at a time: coset returns the columns of one, which it may overwrite with the next call.
// Rows must be fetched before they are opened.
func BuildCosets(ctx context.Context, params Params, cosets int, coset func(c int) ([][]field.Element, error)) (*Tree, error) {
	t := &Tree{params: params, table: &Table{Cosets: make([][][]field.Element, cosets)}}
	for c := range cosets {
		columns, err := coset(c)
		if err != nil {
			return nil, err
		}
		if c == 0 {
			log, _ := field.Log2(uint64(cosets * len(columns[0])))
			t.shape = Shape{LogRows: log, Columns: len(columns)}
			// A kept node is in one coset.
			log, _ = field.Log2(uint64(len(columns[0])))
			t.kept = t.shape.depth() - min(log-min(log, t.shape.logRowsPerLeaf()), dropped)
			t.nodes = make([]transcript.Digest, 2<<t.kept)
		}
		t.table.Cosets[c] = columns
		if l := newLaneHasher(t, c); l != nil {
			l.leaves(ctx)
		} else if err := t.leaves(ctx, c); err != nil {
			return nil, fmt.Errorf("merkle: %w", err)
		}
		t.table.Cosets[c] = nil
	}
	for d := int(t.kept) - 1; d >= 0; d-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := t.layer(uint(d)); err != nil {
			return nil, fmt.Errorf("merkle: depth %d: %w", d, err)
		}
	}
	return t, ctx.Err()
}

// Fetch makes the rows that an opening of rows needs available. coset returns the columns of a coset, as in BuildCosets.
func (t *Tree) Fetch(rows []uint64, coset func(c int) ([][]field.Element, error)) error {
	t.table.fetched = make(map[uint64][]field.Element)
	log := t.shape.LogRows - t.kept // of the rows below a kept node
	byCoset := make([][]uint64, len(t.table.Cosets))
	for _, node := range parents(rows, log) {
		for r := node << log; r < (node+1)<<log; r++ {
			c := field.BitReverse(r, t.shape.LogRows) % uint64(len(byCoset))
			byCoset[c] = append(byCoset[c], r)
		}
	}
	for c, list := range byCoset {
		if len(list) == 0 {
			continue
		}
		columns, err := coset(c)
		if err != nil {
			return err
		}
		for _, r := range list {
			row := make([]field.Element, t.shape.Columns)
			for k := range row {
				row[k] = columns[k][field.BitReverse(r, t.shape.LogRows)/uint64(len(byCoset))]
			}
			t.table.fetched[r] = row
		}
	}
	return nil
}

// leaves computes the lowest kept layer of coset c, one subtree at a time, until ctx ends.
func (t *Tree) leaves(ctx context.Context, c int) error {
	errs := make([]error, parallel.Workers())
	cosets := len(t.table.Cosets)
	n := 1 << t.kept / cosets
	size := (n + len(errs) - 1) / len(errs)
	parallel.For(len(errs), func(w int) {
		b := newBuffer(t.shape)
		// Neighbours in bit-reversed order are consecutive in memory, so visit the subtrees in that order.
		for j := min(w*size, n); j < min((w+1)*size, n) && errs[w] == nil && ctx.Err() == nil; j++ {
			i := field.BitReverse(uint64(j*cosets+c), t.kept)
			t.nodes[uint64(1)<<t.kept+i], errs[w] = t.subtree(t.kept, i, b)
		}
	})
	return errors.Join(errs...)
}

// layer computes the nodes of depth d from the nodes of depth d+1.
func (t *Tree) layer(d uint) error {
	h := t.params.at(d)
	base, _, _ := h.Base()
	var failed atomic.Pointer[error]
	parallel.Chunks(1<<d, 256, func(start, end int) {
		i := start + 1<<d
		if base == transcript.Blake256 {
			m := newDigestMask(h)
			for ; i+blake.Lanes <= end+1<<d; i += blake.Lanes {
				m.pairs(t.nodes[i:i+blake.Lanes], t.nodes[2*i:2*(i+blake.Lanes)])
			}
		}
		for ; i < end+1<<d; i++ {
			var err error
			if t.nodes[i], err = h.Pair(&t.nodes[2*i], &t.nodes[2*i+1]); err != nil {
				failed.Store(&err)
			}
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// buffer is scratch space for hashing one leaf.
type buffer struct {
	elements []field.Element
	bytes    []byte
}

func newBuffer(s Shape) *buffer {
	return &buffer{make([]field.Element, s.Columns), make([]byte, s.Columns*field.Bytes<<s.logRowsPerLeaf())}
}

// subtree computes node i of depth d, at or below the lowest kept layer, from the rows.
func (t *Tree) subtree(d uint, i uint64, b *buffer) (transcript.Digest, error) {
	if d == t.shape.depth() {
		per := t.shape.logRowsPerLeaf()
		for k := range uint64(1) << per {
			t.table.row(i<<per|k, t.shape.LogRows, b.elements)
			for c := range b.elements {
				field.PutMontgomery(b.bytes[(int(k)*t.shape.Columns+c)*field.Bytes:], &b.elements[c])
			}
		}
		return t.shape.leaf(t.params.at(d), b.bytes)
	}
	left, err := t.subtree(d+1, 2*i, b)
	if err != nil {
		return left, err
	}
	right, err := t.subtree(d+1, 2*i+1, b)
	if err != nil {
		return right, err
	}
	return t.params.at(d).Pair(&left, &right)
}

// Commit sends the root.
func (t *Tree) Commit(ch *transcript.Prover) {
	ch.SendCommitment("Commitment", t.params.at(0), &t.nodes[1])
}

// Open sends rows and their authentication. rows must be sorted, without duplicates. Open does not send elements for which
// known returns true, because the verifier computes them. A nil known means that it sends all elements.
func (t *Tree) Open(ch *transcript.Prover, rows []uint64, known func(row uint64, column int) bool) error {
	b := newBuffer(t.shape)
	for _, r := range rows {
		t.table.row(r, t.shape.LogRows, b.elements)
		for c := range b.elements {
			if known == nil || !known(r, c) {
				ch.SendElement(elementLabel(r, c), &b.elements[c])
			}
		}
	}
	per := t.shape.logRowsPerLeaf()
	for _, r := range missing(rows, per) {
		t.table.row(r, t.shape.LogRows, b.elements)
		field.PutMontgomery(b.bytes, &b.elements[0])
		ch.SendData(packageLabel(r), b.bytes[:field.Bytes])
	}
	layer := parents(rows, per)
	for d := t.shape.depth(); d > 0; d-- {
		for _, i := range missing(layer, 1) {
			var node transcript.Digest
			if d <= t.kept {
				node = t.nodes[1<<d+i]
			} else {
				var err error
				if node, err = t.subtree(d, i, b); err != nil {
					return fmt.Errorf("merkle: %w", err)
				}
			}
			ch.SendNode(nodeLabel(d, i), t.params.at(d-1), &node)
		}
		layer = parents(layer, 1)
	}
	return nil
}

// Commitment is the verifier's commitment to a table.
type Commitment struct {
	params Params
	shape  Shape
	root   transcript.Digest
}

// ReadCommitment reads a root that Commit sent.
func ReadCommitment(ch *transcript.Verifier, params Params, shape Shape) (*Commitment, error) {
	root, err := ch.ReadCommitment("Commitment", params.at(0))
	return &Commitment{params, shape, root}, err
}

// Check reads an opening that Open sent for the same rows, checks it, and returns the rows' elements. known returns the
// elements that the prover did not send.
func (c *Commitment) Check(ch *transcript.Verifier, rows []uint64, known func(row uint64, column int) (field.Element, bool)) ([][]field.Element, error) {
	values := make([][]field.Element, len(rows))
	words := make(map[uint64][]byte, len(rows)) // bytes of the rows, as hashed
	for k, r := range rows {
		values[k] = make([]field.Element, c.shape.Columns)
		b := make([]byte, c.shape.Columns*field.Bytes)
		for col := range values[k] {
			var x field.Element
			var err error
			ok := false
			if known != nil {
				x, ok = known(r, col)
			}
			if !ok {
				if x, err = ch.ReadElement(elementLabel(r, col)); err != nil {
					return nil, err
				}
			}
			values[k][col] = x
			field.PutMontgomery(b[col*field.Bytes:], &x)
		}
		words[r] = b
	}
	per := c.shape.logRowsPerLeaf()
	for _, r := range missing(rows, per) {
		b, err := ch.ReadData(packageLabel(r), field.Bytes)
		if err != nil {
			return nil, err
		}
		if _, err := field.FromMontgomery(b); err != nil {
			return nil, ch.Errorf("%s: %w", packageLabel(r), err)
		}
		words[r] = b
	}
	layer := parents(rows, per)
	nodes := make(map[uint64]transcript.Digest, 2*len(layer))
	for _, i := range layer {
		b := words[i<<per]
		if per == 1 {
			b = slices.Concat(b, words[i<<per|1])
		}
		var err error
		if nodes[i], err = c.shape.leaf(c.params.at(c.shape.depth()), b); err != nil {
			return nil, ch.Errorf("leaf %d: %w", i, err)
		}
	}
	for d := c.shape.depth(); d > 0; d-- {
		h := c.params.at(d - 1)
		for _, i := range missing(layer, 1) {
			var err error
			if nodes[i], err = ch.ReadNode(nodeLabel(d, i), h); err != nil {
				return nil, err
			}
		}
		layer = parents(layer, 1)
		above := make(map[uint64]transcript.Digest, 2*len(layer))
		for _, i := range layer {
			left, right := nodes[2*i], nodes[2*i+1]
			var err error
			if above[i], err = h.Pair(&left, &right); err != nil {
				return nil, ch.Errorf("node %d of depth %d: %w", i, d-1, err)
			}
		}
		nodes = above
	}
	if len(rows) > 0 && nodes[0] != c.root {
		return nil, ch.Errorf("rows hash to root 0x%x, committed 0x%x", nodes[0], c.root)
	}
	return values, nil
}

// parents returns the sorted distinct numbers i>>log for a sorted list of numbers i.
func parents(list []uint64, log uint) []uint64 {
	out := make([]uint64, 0, len(list))
	for _, i := range list {
		if n := len(out); n == 0 || out[n-1] != i>>log {
			out = append(out, i>>log)
		}
	}
	return out
}

// missing returns, in order, the numbers that are not in a sorted list but share all but their low log bits with a number in
// it.
func missing(list []uint64, log uint) []uint64 {
	if log == 0 {
		return nil
	}
	var out []uint64
	for _, p := range parents(list, log) {
		for i := p << log; i < (p+1)<<log; i++ {
			if _, ok := slices.BinarySearch(list, i); !ok {
				out = append(out, i)
			}
		}
	}
	return out
}

func elementLabel(row uint64, column int) string {
	return fmt.Sprintf("Row %d, Column %d", row, column)
}

func packageLabel(row uint64) string { return fmt.Sprintf("To complete packages, element #%d", row) }

func nodeLabel(depth uint, i uint64) string { return fmt.Sprintf("For node %d", 1<<depth+i) }
