package state

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/starkd/starkd/crypto/felt"
)

// A key of the store is a prefix byte and fixed-length parts. Heights are big-endian, so key order is block order. Versioned keys
// end in the complement of the height, so the newest version at or below a height is the first key at or after (key, ^height).
const (
	storagePrefix     = 's' // contract, key, ^height: value
	noncePrefix       = 'n' // contract, ^height: nonce
	classHashPrefix   = 'c' // contract, ^height: class hash
	storageRootPrefix = 'r' // contract, ^height: root of its storage trie
	classPrefix       = 'k' // class hash: height, class
	nodePrefix        = 't' // node hash: node
	blockPrefix       = 'h' // height: block record
	diffPrefix        = 'd' // height: state difference
	transactionPrefix = 'x' // height, index: transaction
	receiptPrefix     = 'y' // height, index: receipt
	hashPrefix        = 'X' // transaction hash: height, index
	blockHashPrefix   = 'H' // block hash: height
	fromPrefix        = 'e' // contract of an event, height: empty
	keyPrefix         = 'E' // first key of an event, height: empty
	laterKeyPrefix    = 'F' // place of a later key in its event (1 byte), key, height: empty
	keyIndexPrefix    = 'f' // no parts: first and last height with entries of later keys
	headPrefix        = 'm' // no parts: latest height
	genesisPrefix     = 'g' // no parts: Change.Genesis of block 0
)

// key returns a prefix, felts (32 bytes each) and integers (8 bytes each), all big-endian.
func key(prefix byte, felts []felt.Felt, ints ...uint64) []byte {
	b := make([]byte, 0, 1+32*len(felts)+8*len(ints))
	b = append(b, prefix)
	for _, f := range felts {
		raw := f.Bytes()
		b = append(b, raw[:]...)
	}
	for _, n := range ints {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// one returns a slice with one felt, for key.
func one(f felt.Felt) []felt.Felt { return []felt.Felt{f} }

func sortClasses(classes []*Class) {
	slices.SortFunc(classes, func(a, b *Class) int { return a.Hash.Cmp(&b.Hash) })
}

// prefixEnd returns the first key after all keys that begin with b, or nil if there is none.
func prefixEnd(b []byte) []byte {
	end := bytes.Clone(b)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
