package native

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/starkd/starkd/starknet/constants"
)

// Dictionaries are hash tables in linear memory, with linear probing, at most half full. Modules look up keys themselves; the host
// creates, doubles and squashes tables. Hashes are keyed with secrets of the process, because users choose the keys. No result depends
// on the secrets, because squashing sorts the entries.

// Offsets in bytes in a dictionary's header and in an entry of its table. An entry is the key's four limbs, 1 if the entry is in use, and
// the value.
const (
	dictAccesses = 8 * iota // number of lookups so far
	dictCount               // number of keys
	dictMask                // number of entries - 1
	dictTable               // address of the table
	dictEntry               // bytes of an entry
	dictSecrets             // three words
	dictHeader   = dictSecrets + 3*8

	entryTaken = 32
	entryValue = 40

	firstEntries = 8 // entries of a new table
)

// secrets are the keys of the hashes in this process.
var secrets = func() (s [3]uint64) {
	seed := maphash.MakeSeed()
	for i := range s {
		s[i] = maphash.Comparable(seed, i)
	}
	return s
}()

// dictHash returns the hash of a key. The code that dictGet writes computes the same.
func dictHash(k []uint64) uint64 {
	hi, lo := bits.Mul64(k[0]^secrets[0], k[1]^secrets[1])
	hi, lo = bits.Mul64(hi^lo^k[2]^secrets[2], k[3]^secrets[0])
	return hi ^ lo
}

// dictGet writes the code of helperDict, which adds the key if it is new.
func (a *asm) dictGet(growIndex int) {
	p := a.param(0, 5)
	d, key := p[0], p[1:]
	header := a.loadN(d, 0, dictHeader/8)
	a.store(d, dictAccesses, a.do(opAdd, header[dictAccesses/8], constant(1)))
	count, size := header[dictCount/8], header[dictEntry/8]
	s0, s1, s2 := header[dictSecrets/8], header[dictSecrets/8+1], header[dictSecrets/8+2]
	// Make room for one more key.
	places := header[dictMask/8 : dictTable/8+1]
	places = a.rarely(places, func() []slot {
		a.push(d)
		a.call(growIndex)
		return a.loadN(d, dictMask, 2)
	}, func() {
		a.bin(opGtU, a.do(opShl, a.do(opAdd, count, constant(1)), constant(1)), places[0])
	})
	mask, table := places[0], places[1]
	w := a.wide(a.do(opXor, key[0], s0), a.do(opXor, key[1], s1))
	w = a.wide(a.do(opXor, a.do(opXor, a.do(opXor, w[0], w[1]), key[2]), s2), a.do(opXor, key[3], s0))
	i := a.fresh()
	a.bin(opAnd, a.do(opXor, w[0], w[1]), mask)
	a.set(i)
	a.op(opLoop, blockVoid)
	at := a.do(opAdd, table, a.do(opMul, i, size))
	// Store the key if the entry is free.
	entry := a.loadN(at, 0, entryTaken/8+1)
	a.pushZero(entry[entryTaken/8:])
	a.op(opIf, blockVoid)
	a.store(at, 0, append(slices.Clone(key), constant(1))...)
	a.store(d, dictCount, a.do(opAdd, count, constant(1)))
	a.push(a.do(opAdd, at, constant(entryValue)))
	a.op(opReturn, opEnd)
	a.pushEqual(entry[:4], key)
	a.op(opIf, blockVoid)
	a.push(a.do(opAdd, at, constant(entryValue)))
	a.op(opReturn, opEnd)
	a.bin(opAnd, a.do(opAdd, i, constant(1)), mask)
	a.set(i)
	a.opN(opBr, 0)
	a.op(opEnd, opUnreachable)
}

// newDict creates a dictionary whose values take n slots, and returns its address.
func (r *run) newDict(n uint64) uint64 {
	size := entryValue + 8*n
	table := r.words(make([]uint64, firstEntries*size/8)...)
	return r.words(append([]uint64{0, 0, firstEntries - 1, table, size}, secrets[:]...)...)
}

// growDict doubles the table of the dictionary at address d.
func (r *run) growDict(d uint64) {
	h := r.read(d, dictHeader/8)
	mask, table, size := h[dictMask/8], h[dictTable/8], h[dictEntry/8]
	bigger := mask*2 + 1
	to := uint64(r.alloc((bigger + 1) * size))
	old := r.at(table, (mask+1)*size)
	b := r.at(to, (bigger+1)*size)
	clear(b)
	for at := uint64(0); at < uint64(len(old)); at += size {
		e := old[at : at+size]
		if e[entryTaken] == 0 {
			continue
		}
		i := dictHash(wordsOf(e[:32])) & bigger
		for b[i*size+entryTaken] != 0 {
			i = (i + 1) & bigger
		}
		copy(b[i*size:], e)
	}
	r.write(d+dictMask, []uint64{bigger, to})
}

// repeatedAccess is the gas that squashing refunds for each access to a key after the first, because every access is charged as if its
// key were new. It is the cost of squashing a new key (46 steps, 6 range checks) minus that of a repeated access (9 steps, 1 range
// check).
const repeatedAccess = (46-9)*constants.StepGas + (6-1)*constants.RangeCheckGas

// squash returns the gas that squashing refunds, and the entries as an array in increasing order of their keys. An entry is the key, the
// first value, which is zero, and the last value.
func (r *run) squash(d uint64) (gas, start, end uint64) {
	h := r.read(d, dictHeader/8)
	mask, table, size := h[dictMask/8], h[dictTable/8], h[dictEntry/8]
	type entry struct {
		key [4]uint64 // the integer
		at  uint64
	}
	entries := make([]entry, 0, h[dictCount/8])
	b := r.at(table, (mask+1)*size)
	for at := uint64(0); at < uint64(len(b)); at += size {
		if b[at+entryTaken] != 0 {
			key := feltAt(wordsOf(b[at : at+32]))
			entries = append(entries, entry{key.Limbs(), at})
		}
	}
	slices.SortFunc(entries, func(x, y entry) int {
		for i := 3; i > 0; i-- {
			if c := cmp.Compare(x.key[i], y.key[i]); c != 0 {
				return c
			}
		}
		return cmp.Compare(x.key[0], y.key[0])
	})
	n := size - entryValue
	bytes := 32 + 2*n
	start = uint64(r.alloc(bytes * uint64(len(entries))))
	end = start + bytes*uint64(len(entries))
	out := r.at(start, end-start)
	b = r.at(table, (mask+1)*size)
	for i, e := range entries {
		to := out[uint64(i)*bytes:][:bytes]
		copy(to, b[e.at:e.at+32])
		clear(to[32 : 32+n])
		copy(to[32+n:], b[e.at+entryValue:e.at+size])
	}
	return (h[dictAccesses/8] - uint64(len(entries))) * repeatedAccess, start, end
}
