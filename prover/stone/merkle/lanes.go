package merkle

import (
	"context"
	"encoding/binary"

	"github.com/starkd/starkd/crypto/blake"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stone/field"
	"github.com/starkd/starkd/prover/stone/transcript"
)

// digestMask is the mask of a BLAKE2s digest, as words. Its methods hash sixteen messages at a time.
type digestMask [8]uint32

func newDigestMask(h transcript.Hash) digestMask {
	var b transcript.Digest
	_, from, to := h.Base()
	for i := from; i < to; i++ {
		b[i] = 0xff
	}
	var m digestMask
	for k := range m {
		m[k] = binary.LittleEndian.Uint32(b[4*k:])
	}
	return m
}

// apply masks digests.
func (m *digestMask) apply(h *blake.State16) {
	for k, mask := range m {
		if mask != ^uint32(0) {
			for i := range h[k] {
				h[k][i] &= mask
			}
		}
	}
}

// pair hashes two digests in every lane.
func (m *digestMask) pair(left, right *blake.State16) blake.State16 {
	var block blake.Block16
	copy(block[:8], left[:])
	copy(block[8:], right[:])
	h := blake.Initial16()
	blake.Compress16(&h, &block, 64, true)
	m.apply(&h)
	return h
}

// pairs sets dst[i] to the hash of src[2i] and src[2i+1], for sixteen values of i.
func (m *digestMask) pairs(dst, src []transcript.Digest) {
	var block blake.Block16
	for i := range blake.Lanes {
		for k := range 8 {
			block[k][i] = binary.LittleEndian.Uint32(src[2*i][4*k:])
			block[8+k][i] = binary.LittleEndian.Uint32(src[2*i+1][4*k:])
		}
	}
	h := blake.Initial16()
	blake.Compress16(&h, &block, 64, true)
	m.apply(&h)
	for i := range dst {
		digest(&dst[i], &h, i)
	}
}

// digest copies the digest of one lane to dst.
func digest(dst *transcript.Digest, h *blake.State16, lane int) {
	for k := range h {
		binary.LittleEndian.PutUint32(dst[4*k:], h[k][lane])
	}
}

// laneHasher hashes the lowest layers of a tree, sixteen subtrees at a time. The subtrees belong to rows that are neighbours in
// natural order, so that their elements are consecutive in memory.
type laneHasher struct {
	tree  *Tree
	mask  digestMask
	coset int
	// columns[k] holds element k of the leaves of the coset, in natural order of the leaves.
	columns [][]field.Element
}

// newLaneHasher returns the hasher of coset c, or nil if the lowest layers of the tree use other hashes or the tree is too small.
func newLaneHasher(t *Tree, c int) *laneHasher {
	base, _, _ := t.params.Hash.Base()
	if base != transcript.Blake256 || t.params.FriendlyLayers > uint64(t.kept) || t.shape.depth()-t.kept < dropped {
		return nil
	}
	l := &laneHasher{tree: t, mask: newDigestMask(t.params.Hash), coset: c, columns: t.table.Cosets[c]}
	if t.shape.logRowsPerLeaf() == 1 {
		// The two rows of a leaf are half a domain apart in natural order.
		half := len(l.columns[0]) / 2
		l.columns = [][]field.Element{l.columns[0][:half], l.columns[0][half:]}
	}
	if len(l.columns[0])>>dropped < blake.Lanes {
		return nil
	}
	return l
}

// leaves computes the lowest kept layer, until ctx ends.
func (l *laneHasher) leaves(ctx context.Context) {
	t := l.tree
	cosets := len(t.table.Cosets)
	groups := len(l.columns[0]) >> dropped / blake.Lanes // of subtrees
	n := uint64(1) << t.kept
	parallel.Chunks(groups, 1, func(start, end int) {
		for i := start * blake.Lanes; i < end*blake.Lanes && ctx.Err() == nil; i += blake.Lanes {
			h := l.subtrees(i, 0, dropped)
			for lane := range blake.Lanes {
				natural := uint64((i+lane)*cosets + l.coset)
				digest(&t.nodes[n+field.BitReverse(natural, t.kept)], &h, lane)
			}
		}
	})
}

// subtrees hashes subtree number k of the given height, counted from the left, within each of the kept subtrees that start at
// leaves i to i+15 of the coset.
func (l *laneHasher) subtrees(i, k int, height uint) blake.State16 {
	if height == 0 {
		// Leaf k is bitrev(k)/2^dropped of the domain after leaf 0.
		stride := len(l.columns[0]) >> dropped
		return l.leaf(i + int(field.BitReverse(uint64(k), dropped))*stride)
	}
	left := l.subtrees(i, 2*k, height-1)
	right := l.subtrees(i, 2*k+1, height-1)
	return l.mask.pair(&left, &right)
}

// leaf hashes sixteen leaves, of which the first is leaf i.
func (l *laneHasher) leaf(i int) blake.State16 {
	h := blake.Initial16()
	columns := l.columns
	for k := 0; k < len(columns); k += 2 {
		var block blake.Block16
		field.HashWords((*[8][16]uint32)(block[:8]), columns[k][i:i+blake.Lanes])
		done := k + 1
		if k+1 < len(columns) {
			field.HashWords((*[8][16]uint32)(block[8:]), columns[k+1][i:i+blake.Lanes])
			done++
		}
		blake.Compress16(&h, &block, uint64(done*field.Bytes), done == len(columns))
	}
	l.mask.apply(&h)
	return h
}
