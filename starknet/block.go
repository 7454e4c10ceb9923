package starknet

import "github.com/starkd/starkd/crypto/felt"

// Header is a block's header. Its hash is a function of all its fields.
type Header struct {
	Number    uint64
	Parent    felt.Felt // hash of the parent block
	Timestamp uint64    // seconds since 1970
	Sequencer felt.Felt // address that receives the fees
	StateRoot felt.Felt // state commitment after the block

	L1GasPrice, L1DataGasPrice, L2GasPrice GasPrice

	DAMode  BlobMode
	Version string // Starknet version, at most 31 ASCII characters

	TransactionCount, EventCount, StateDiffLength uint64

	TransactionCommitment, EventCommitment, ReceiptCommitment, StateDiffCommitment felt.Felt
}

// GasPrice is the price of a unit of gas in both tokens.
type GasPrice struct{ Wei, Fri Uint128 }

// BlobMode says how a block's state difference is published on L1 (l1_da_mode).
type BlobMode uint8

// The modes of the RPC specification.
const (
	Calldata BlobMode = 0
	Blob     BlobMode = 1
)

// String returns the mode's name in the RPC specification.
func (m BlobMode) String() string {
	if m == Calldata {
		return "CALLDATA"
	}
	return "BLOB"
}

// Block is a block with its contents. Receipts[i] belongs to Transactions[i].
type Block struct {
	Header
	BlockHash    felt.Felt
	Transactions []Transaction
	Receipts     []Receipt
}
