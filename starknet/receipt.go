package starknet

import "github.com/starkd/starkd/crypto/felt"

// Receipt is what a transaction did. The fee is in FRI always.
type Receipt struct {
	TransactionHash felt.Felt
	Type            TransactionType
	ActualFee       Uint128
	Reverted        bool   // the fee is charged and the nonce used, nothing else remains
	RevertReason    string // hashed into the receipt commitment, so every node must produce the same text
	Events          []Event
	Messages        []Message
	Resources       GasVector // billed
	// ContractAddress is the deployed account of a DEPLOY_ACCOUNT, zero otherwise.
	ContractAddress felt.Felt
}

// Event is an event that a contract emitted.
type Event struct {
	From       felt.Felt
	Keys, Data []felt.Felt
}

// Message is a message from a contract to L1.
type Message struct {
	From    felt.Felt // contract
	To      felt.Felt // L1 address
	Payload []felt.Felt
}

// GasVector is an amount of each resource.
type GasVector struct{ L1Gas, L1DataGas, L2Gas uint64 }

// Result is what validators sign of a transaction that was executed: its binary form is the data of the transaction's result
// in CometBFT, which the next header's hash of results covers. So what a transaction did is known for sure, one by one,
// to whoever holds the headers.
type Result struct {
	Receipt Receipt
	Diff    Digest // of what the transaction alone changed
}
