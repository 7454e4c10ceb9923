package starknet

import "github.com/starkd/starkd/crypto/felt"

// Receipt is the outcome of a transaction.
type Receipt struct {
	TransactionHash felt.Felt
	Type            TransactionType
	ActualFee       Uint128 // FRI
	Reverted        bool    // only the fee and the nonce have changed
	RevertReason    string  // hashed into the receipt commitment, so every node must produce the same text
	Events          []Event
	Messages        []Message
	Resources       GasVector // the gas that the fee pays for
	// ContractAddress is the deployed account of a DEPLOY_ACCOUNT, zero otherwise.
	ContractAddress felt.Felt
}

// Event is an event that a contract emitted.
type Event struct {
	From       felt.Felt
	Keys, Data []felt.Felt
}

// Message is a message that a contract sent to L1.
type Message struct {
	From    felt.Felt // the contract
	To      felt.Felt // L1 address
	Payload []felt.Felt
}

// GasVector is an amount of each resource.
type GasVector struct{ L1Gas, L1DataGas, L2Gas uint64 }

// Result is the part of a transaction's outcome that validators sign. Its binary form is the data of the transaction's result in CometBFT,
// and the next header's hash of results covers it. A client that holds the headers can therefore verify each transaction's outcome
// on its own.
type Result struct {
	Receipt Receipt
	Diff    Digest // of the state difference of this transaction alone
}
