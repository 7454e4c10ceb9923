// Package finality is the rule by which proofs of blocks become part of the chain's state. Each validator verifies the proofs of finished
// blocks and states in the extensions of its votes up to which height it has seen every block proved ([Extension]). A proposer carries the
// statements of the votes for the previous block in the first transaction of its block ([Commit]). The height that validators with more than
// two thirds of the power have stated ([Set.Check]) is written to a storage slot of a system contract ([Address], [Slot]) if it is above the
// slot's value. The app hash covers the slot, so a light client reads it with starknet_getStorageProof.
//
// The result depends only on the block's data, the genesis and the state. A validator's statement is signed by CometBFT as a vote extension:
// with the chain id, the height and the round of its vote. So a statement counts in one block only.
package finality

import (
	"encoding/binary"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
)

// Address is the address of the system contract that holds the proved height. Like the contract of block hashes it has no class. Addresses of
// deployed contracts are hashes, so none is ever deployed there.
var Address = felt.FromShortString("PROVED_HEIGHT")

// Slot is the storage key of the proved height in the contract at Address. Its value is 0 until a block is proved.
var Slot = felt.Zero

// version is the format version of an extension and of a Commit.
const version = 1

// extensionBytes is the length of an extension: the version and a height of 8 bytes, big-endian.
const extensionBytes = 1 + 8

// Extension returns the vote extension that states that every block up to height is proved.
func Extension(height uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{version}, height)
}

// ParseExtension returns the height that an extension states. An extension comes from a stranger: any other bytes are an error.
func ParseExtension(b []byte) (height uint64, err error) {
	if len(b) != extensionBytes {
		return 0, fmt.Errorf("finality: vote extension of %d bytes, want %d", len(b), extensionBytes)
	}
	if b[0] != version {
		return 0, fmt.Errorf("finality: vote extension of version %d, want %d", b[0], version)
	}
	return binary.BigEndian.Uint64(b[1:]), nil
}

// Most returns the highest height that a vote for the block of height voted may state. The proof of block n is checked against the signed
// header of block n+1, and the newest decided header is that of the block before the vote.
func Most(voted uint64) uint64 {
	const lag = 2
	if voted < lag {
		return 0
	}
	return voted - lag
}

// SignBytes returns the bytes that a validator signs for an extension of its vote: the length-prefixed protobuf message
// CanonicalVoteExtension of CometBFT (proto/tendermint/types/canonical.proto).
func SignBytes(chainID string, height uint64, round uint32, extension []byte) []byte {
	var m []byte
	if len(extension) > 0 {
		m = append(binary.AppendUvarint(append(m, 1<<3|2), uint64(len(extension))), extension...)
	}
	if height != 0 {
		m = binary.LittleEndian.AppendUint64(append(m, 2<<3|1), height)
	}
	if round != 0 {
		m = binary.LittleEndian.AppendUint64(append(m, 3<<3|1), uint64(round))
	}
	if chainID != "" {
		m = append(binary.AppendUvarint(append(m, 4<<3|2), uint64(len(chainID))), chainID...)
	}
	return append(binary.AppendUvarint(nil, uint64(len(m))), m...)
}

// Result returns the signed result of a block's Commit: the proved height, 8 bytes, big-endian.
func Result(height uint64) []byte { return binary.BigEndian.AppendUint64(nil, height) }

// ParseResult returns the height in the output of Result.
func ParseResult(b []byte) (height uint64, err error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("finality: result of %d bytes, want 8", len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}
