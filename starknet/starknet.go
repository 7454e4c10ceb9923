// Package starknet defines the data types of the protocol and their hashes: transactions, classes, receipts, events, state differences,
// block headers, and the commitments that a header makes to them. It consists of values and pure functions. It knows nothing about
// execution or storage, and the only encodings are JSON of classes and the canonical binary form.
//
// The formulas are those of Starknet 0.13.4 and later (docs.starknet.io, "Transactions", "Block structure"; SNIP-8 for version 3
// transactions). Where a formula has changed, the package implements only the newest version, except for the hashes of retired
// transaction versions (legacy.go).
package starknet

import "github.com/starkd/starkd/crypto/felt"

// Version is the protocol version in block headers. The block hash covers it, and clients depend on it: from 0.14.1 on they send the BLAKE
// compiled class hash in a DECLARE.
const Version = "0.14.1"

// Limits of the contents of a transaction, which bound the cost of decoding before anything is allocated. Where the Starknet gateway has
// the same limit, the number is the gateway's. Package constants has more limits.
const (
	MaxPaymasterData = 1_000  // felts, for each of paymaster data, account deployment data and proof facts
	MaxEntryPoints   = 10_000 // for each type of entry point in a class

	// MaxTransactionBytes bounds the canonical binary form of a transaction. A class is much smaller in this form than as JSON.
	MaxTransactionBytes = 4_000_000
)

// Addresses that are built into Starknet's wallets.
var (
	// StrkAddress is the address of the fee token's contract.
	StrkAddress = felt.MustHex("0x4718f5a0fc34cc1af16a1cdee98ffb20c31f5cd61d6ab07201858f4287c938d")
	// EthAddress is the address of bridged ether's contract.
	EthAddress = felt.MustHex("0x49d36570d4e46f48e99674bd3fcc84644ddd6b96f7c741b1562b82f9e004dc7")
	// UdcAddress is the address of the universal deployer that current clients call (entry point deploy_contract).
	UdcAddress = felt.MustHex("0x2ceed65a4bd731034c01113685c831b01c15d7d432f71afb1cf1634b53a2125")
	// LegacyUdcAddress is the address of the universal deployer that older clients call (entry point deployContract).
	LegacyUdcAddress = felt.MustHex("0x41a78e741e5af2fec34b695679bc6891742439f7afb8484ecd7766661ad02bf")
)

// BlockHashAddress is the address of the system contract whose storage maps block numbers to block hashes. A block's hash is stored there
// constants.BlockHashLag blocks later.
var BlockHashAddress = felt.One

// ChainID returns the chain id for a chain's name, as it is hashed into transactions: the name as a short string.
func ChainID(name string) (felt.Felt, error) { return felt.ParseShortString(name) }
