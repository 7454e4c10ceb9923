package adapter

import (
	"hash/maphash"
	"slices"

	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/prover/stwo/m31"
)

// value is a number below the Stark prime, in words of 64 bits, low first.
type value [4]uint64

// smallCapacity bounds the number of small values. Further ones are numbered among the big values.
const smallCapacity = 1 << 24

// small reports whether v is below 2^72.
func (v *value) small() bool { return v[3]|v[2]|v[1]>>8 == 0 }

// words returns v in words of 32 bits, low first.
func (v *value) words() (w [8]uint32) {
	for i, x := range v {
		w[2*i], w[2*i+1] = uint32(x), uint32(x>>32)
	}
	return w
}

// numbering gives ids to values in the order in which they are added.
type numbering struct {
	small []Uint128
	big   [][8]uint32
	// The tables are hash tables with linear probing. A slot is 0 if it is free, else 1 more than an index in small or big. Values come from
	// strangers, so the hash has a random key. Ids do not depend on it.
	smallTable, bigTable []uint32
	key                  maphash.Seed
	capacity             int // of small
}

// leastTable is the size of a new table.
const leastTable = 1 << 10

func newNumbering(capacity int) *numbering {
	return &numbering{
		smallTable: make([]uint32, leastTable), bigTable: make([]uint32, leastTable),
		key: maphash.MakeSeed(), capacity: capacity,
	}
}

// add returns the id of v.
func (n *numbering) add(v *value) m31.M31 {
	if v.small() {
		if id, ok := n.addSmall(Uint128{v[0], v[1]}); ok {
			return id
		}
	}
	return n.addBig(v.words())
}

// addSmall returns the id of a small value. ok is false if the value is new and there is no room for it.
func (n *numbering) addSmall(v Uint128) (id m31.M31, ok bool) {
	mask := uint64(len(n.smallTable) - 1)
	i := maphash.Comparable(n.key, v) & mask
	for ; n.smallTable[i] != 0; i = (i + 1) & mask {
		if k := n.smallTable[i] - 1; n.small[k] == v {
			return m31.M31(k), true
		}
	}
	if len(n.small) == n.capacity {
		return 0, false
	}
	n.small = append(n.small, v)
	n.smallTable[i] = uint32(len(n.small))
	if 2*len(n.small) > len(n.smallTable) {
		n.smallTable = rehash(n.key, n.small, 4*len(n.smallTable))
	}
	return m31.M31(len(n.small) - 1), true
}

// addBig returns the id of a big value.
func (n *numbering) addBig(v [8]uint32) m31.M31 {
	mask := uint64(len(n.bigTable) - 1)
	i := maphash.Comparable(n.key, v) & mask
	for ; n.bigTable[i] != 0; i = (i + 1) & mask {
		if k := n.bigTable[i] - 1; n.big[k] == v {
			return BigID + m31.M31(k)
		}
	}
	n.big = append(n.big, v)
	n.bigTable[i] = uint32(len(n.big))
	if 2*len(n.big) > len(n.bigTable) {
		n.bigTable = rehash(n.key, n.big, 4*len(n.bigTable))
	}
	return BigID + m31.M31(len(n.big)-1)
}

// rehash returns a table of size slots with the distinct values of list.
func rehash[T comparable](key maphash.Seed, list []T, size int) []uint32 {
	table := make([]uint32, size)
	mask := uint64(size - 1)
	for k, v := range list {
		i := maphash.Comparable(key, v) & mask
		for table[i] != 0 {
			i = (i + 1) & mask
		}
		table[i] = uint32(k + 1)
	}
	return table
}

// leastBlock is the least number of addresses that are numbered on their own.
const leastBlock = 1 << 16

// number returns the memory whose addresses 1 to n-1 have the given values. Each core numbers the values of a block of addresses. The blocks'
// values are then numbered in order, and the ids of each block are replaced.
func number(n, capacity int, at func(address int) value) Memory {
	m := Memory{IDs: make([]m31.M31, n)}
	m.IDs[0] = Empty
	blocks := min(parallel.Workers(), (n+leastBlock-1)/leastBlock)
	bound := func(block int) int { return max(1, n*block/blocks) }
	local := make([]*numbering, blocks)
	parallel.For(blocks, func(k int) {
		local[k] = newNumbering(capacity)
		for a := bound(k); a < bound(k+1); a++ {
			v := at(a)
			m.IDs[a] = local[k].add(&v)
		}
	})
	all := local[0]
	for k := 1; k < blocks; k++ {
		ids := m.IDs[bound(k):bound(k+1)]
		if len(all.small)+len(local[k].small) > capacity {
			// Some small values are numbered among the big ones, in the order of their addresses.
			for i := range ids {
				v := at(bound(k) + i)
				ids[i] = all.add(&v)
			}
			continue
		}
		small, big := make([]m31.M31, len(local[k].small)), make([]m31.M31, len(local[k].big))
		for i, v := range local[k].small {
			small[i], _ = all.addSmall(v)
		}
		for i, v := range local[k].big {
			big[i] = all.addBig(v)
		}
		local[k] = nil
		parallel.Chunks(len(ids), leastBlock, func(start, end int) {
			for i, id := range ids[start:end] {
				if id < BigID {
					ids[start+i] = small[id]
				} else {
					ids[start+i] = big[id-BigID]
				}
			}
		})
	}
	m.Small, m.Big = slices.Clip(all.small), slices.Clip(all.big)
	return m
}
