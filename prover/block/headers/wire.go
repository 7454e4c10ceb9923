package headers

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"github.com/starkd/starkd/prover/block/statement"
)

// The parts of protobuf's encoding that headers need. As in protobuf, a zero or empty scalar is omitted.

const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
)

func appendUint(b []byte, field byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(append(b, field<<3|wireVarint), v)
}

func appendFixed(b []byte, field byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(append(b, field<<3|wireFixed64), v)
}

func appendBytes(b []byte, field byte, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return appendMessage(b, field, v)
}

// appendMessage appends an embedded message, which is written even if it is empty.
func appendMessage(b []byte, field byte, v []byte) []byte {
	b = binary.AppendUvarint(append(b, field<<3|wireBytes), uint64(len(v)))
	return append(b, v...)
}

// merkleRoot returns the root of the Merkle tree of RFC 6962, section 2.1.
func merkleRoot(leaves [][]byte) []byte {
	switch n := len(leaves); n {
	case 0:
		sum := sha256.Sum256(nil)
		return sum[:]
	case 1:
		sum := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return sum[:]
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1) // the largest power of two below n
		node := append([]byte{1}, merkleRoot(leaves[:k])...)
		sum := sha256.Sum256(append(node, merkleRoot(leaves[k:])...))
		return sum[:]
	}
}

// DataHash returns the hash of a block's transactions, as in the block's header.
func DataHash(txs []statement.HexBytes) []byte {
	leaves := make([][]byte, len(txs))
	for i, tx := range txs {
		sum := sha256.Sum256(tx)
		leaves[i] = sum[:]
	}
	return merkleRoot(leaves)
}

// ResultsHash returns the hash of a block's results, as in the header of the next height. It covers the fields of ExecTxResult
// on which validators agree.
func ResultsHash(results []statement.Result) []byte {
	leaves := make([][]byte, len(results))
	for i, r := range results {
		leaf := appendBytes(appendUint(nil, 1, uint64(r.Code)), 2, r.Data)
		leaves[i] = appendUint(appendUint(leaf, 5, uint64(r.GasWanted)), 6, uint64(r.GasUsed))
	}
	return merkleRoot(leaves)
}
