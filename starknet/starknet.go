// Package starknet holds the protocol's nouns and their hashes: transactions, classes, receipts, events, state
// differences, block headers, and the commitments that tie them together. Everything here is a value or a pure function;
// nothing knows of execution, storage or a wire other than the canonical binary form.
//
// The formulas are those of Starknet 0.13.4 and later (docs.starknet.io, "Transactions", "Block structure", SNIP-8 for
// version 3 transactions); where a formula changed over time only the newest is here, except for the hashes of retired
// transaction versions (legacy.go).
package starknet

import "github.com/starkd/starkd/crypto/felt"

// Version is the protocol version in block headers. It is hashed into the block hash, and clients read it: from 0.14.1 on
// they send the BLAKE compiled class hash in a DECLARE.
const Version = "0.14.1"

// Limits of what a transaction may carry, so that decoding costs are known before anything is allocated. The numbers are
// those of the Starknet gateway where it has one; constants has more of them.
const (
	MaxPaymasterData = 1_000  // felts of paymaster data, account deployment data or proof facts, each
	MaxEntryPoints   = 10_000 // of one type in a class

	// MaxTransactionBytes bounds the canonical binary form of a transaction. A class is far smaller in it than as JSON.
	MaxTransactionBytes = 4_000_000
)

// Addresses that Starknet's wallets know by heart.
var (
	// StrkAddress is the fee token's contract.
	StrkAddress = felt.MustHex("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d")
	// EthAddress is the contract of bridged ether.
	EthAddress = felt.MustHex("0x49d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7")
	// UdcAddress is the universal deployer that current clients call (entry point deploy_contract).
	UdcAddress = felt.MustHex("0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125")
	// LegacyUdcAddress is the universal deployer that older clients call (entry point deployContract).
	LegacyUdcAddress = felt.MustHex("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf")
)

// BlockHashAddress is the system contract whose storage maps a block number to that block's hash, ten blocks late.
var BlockHashAddress = felt.One

// ChainID returns the felt that stands for a chain's name in transaction hashes: the name as a short string.
func ChainID(name string) (felt.Felt, error) { return felt.ParseShortString(name) }
