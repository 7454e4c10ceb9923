package native

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/starkd/starkd/starknet/constants"
)

// Dictionaries are hash tables in linear memory, open to the next free entry, at most half full. Modules look keys up themselves; the
// host makes tables, doubles them and squashes them. Hashes are keyed by secrets of the process, since keys are chosen by strangers;
// no result depends on them, for squashing sorts.

// The header of a dictionary, by offsets, and of an entry in its table: a key's four limbs, 1 where the entry is taken, the value.
const (
	dictAccesses = 8 * iota // lookups so far
	dictCount               // keys
	dictMask                // entries - 1
	dictTable               // where the table is
	dictEntry               // bytes of an entry
	dictSecrets             // three words
	dictHeader   = dictSecrets + 3*8

	entryTaken = 32
	entryValue = 40

	firstEntries = 8
)

// secrets keys the hashes of this process.
var secrets = func() (s [3]uint64) {
	seed := maphash.MakeSeed()
	for i := range s {
		s[i] = maphash.Comparable(seed, i)
	}
	return s
}()

// dictHash returns the hash of a key, as pushDictHash computes it.
func dictHash(k []uint64) uint64 {
	hi, lo := bits.Mul64(k[0]^secrets[0], k[1]^secrets[1])
	hi, lo = bits.Mul64(hi^lo^k[2]^secrets[2], k[3]^secrets[0])
	return hi ^ lo
}

// dictGet is the runtime's lookup: (dictionary, key): where the value is. The key is there afterwards.
func (a *asm) dictGet(growIndex int) {
	p := a.param(0, 5)
	d, key := p[0], p[1:]
	header := a.loadN(d, 0, dictHeader/8)
	a.store(d, dictAccesses, a.do(opAdd, header[dictAccesses/8], constant(1)))
	count, size := header[dictCount/8], header[dictEntry/8]
	s0, s1, s2 := header[dictSecrets/8], header[dictSecrets/8+1], header[dictSecrets/8+2]
	// Room for one more key.
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
	// A free entry becomes the key's.
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

// newDict makes a dictionary whose values take n slots.
func (r *run) newDict(n uint64) uint64 {
	size := entryValue + 8*n
	table := r.words(make([]uint64, firstEntries*size/8)...)
	return r.words(append([]uint64{0, 0, firstEntries - 1, table, size}, secrets[:]...)...)
}

// growDict doubles a table.
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

// repeatedAccess is what squashing gives back for each access to a key beyond its first: accesses are charged as if each key
// were new. It is squash's cost for a key less that for an access (46 steps and 6 range checks less 9 steps and 1).
const repeatedAccess = (46-9)*constants.StepGas + (6-1)*constants.RangeCheckGas

// squash returns the gas that squashing gives back, and the entries as an array in the order of their keys: key, first value, which is
// zero, and last value.
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
