package starknet

import "github.com/starkd/starkd/crypto/felt"

// TransactionType is the type of a transaction. Its text is that of the RPC specification.
type TransactionType uint8

// The types of transactions that an account can send.
const (
	InvokeType TransactionType = iota + 1
	DeclareType
	DeployAccountType
)

// String returns the type's name in the RPC specification.
func (t TransactionType) String() string {
	switch t {
	case InvokeType:
		return "INVOKE"
	case DeclareType:
		return "DECLARE"
	case DeployAccountType:
		return "DEPLOY_ACCOUNT"
	}
	return "UNKNOWN"
}

// Transaction is one of *Invoke, *Declare and *DeployAccount, all of version 3. Treat a transaction as immutable once it
// has been hashed.
type Transaction interface {
	// Type returns the transaction's type.
	Type() TransactionType
	// Sender returns the account that pays and whose nonce is used. For a DEPLOY_ACCOUNT it is the address that is deployed.
	Sender() felt.Felt
	// Fields returns the fields that all transactions of version 3 have.
	Fields() *Common
	// Hash returns the transaction hash on the chain with the given id. A DECLARE's hash covers its ClassHash, not its Class.
	Hash(chainID felt.Felt) felt.Felt

	sealed()
}

// Common holds the fields that all transactions of version 3 have.
type Common struct {
	// Query marks a transaction that may only be simulated. Its version is 2^128 + 3, so a signature over it is not valid for
	// execution.
	Query          bool
	Signature      []felt.Felt
	Nonce          felt.Felt
	Tip            uint64 // FRI per unit of L2 gas
	ResourceBounds ResourceBounds
	PaymasterData  []felt.Felt
	NonceDAMode    DAMode
	FeeDAMode      DAMode
}

// Fields returns c. Transactions get this method by embedding Common.
func (c *Common) Fields() *Common { return c }

func (c *Common) sealed() {}

var (
	version3      = felt.FromUint64(3)
	queryVersion3 = felt.FromLimbs([4]uint64{3, 0, 1, 0}) // 2^128 + 3
)

// Version returns the version as it is hashed: 3, or 2^128 + 3 for a query.
func (c *Common) Version() felt.Felt {
	if c.Query {
		return queryVersion3
	}
	return version3
}

// ResourceBounds are the sender's bounds for each resource, with prices in FRI.
type ResourceBounds struct{ L1Gas, L2Gas, L1DataGas ResourceBound }

// ResourceBound bounds the amount of a resource that a transaction uses, and the price of a unit.
type ResourceBound struct {
	MaxAmount       uint64
	MaxPricePerUnit Uint128
}

// DAMode says where data of a transaction's account is to be available.
type DAMode uint8

// The data availability modes.
const (
	DAModeL1 DAMode = 0
	DAModeL2 DAMode = 1
)

// String returns the mode's name in the RPC specification.
func (m DAMode) String() string {
	if m == DAModeL1 {
		return "L1"
	}
	return "L2"
}

// Invoke calls __execute__ of an account (INVOKE, version 3).
type Invoke struct {
	Common
	SenderAddress         felt.Felt
	Calldata              []felt.Felt
	AccountDeploymentData []felt.Felt
	ProofFacts            []felt.Felt // SNIP-36; hashed only when not empty
}

// Type returns InvokeType.
func (t *Invoke) Type() TransactionType { return InvokeType }

// Sender returns the calling account.
func (t *Invoke) Sender() felt.Felt { return t.SenderAddress }

// Declare adds a class to the state (DECLARE, version 3).
type Declare struct {
	Common
	SenderAddress         felt.Felt
	AccountDeploymentData []felt.Felt
	CompiledClassHash     felt.Felt // with BLAKE
	ClassHash             felt.Felt // of Class; UnmarshalTransaction computes it, so that it is right after decoding
	// Class is the Sierra class. It is nil in a transaction of a stored block; its class is in the state.
	Class *ContractClass
}

// Type returns DeclareType.
func (t *Declare) Type() TransactionType { return DeclareType }

// Sender returns the declaring account.
func (t *Declare) Sender() felt.Felt { return t.SenderAddress }

// DeployAccount deploys an account that pays for its own deployment (DEPLOY_ACCOUNT, version 3).
type DeployAccount struct {
	Common
	ClassHash           felt.Felt
	ContractAddressSalt felt.Felt
	ConstructorCalldata []felt.Felt
}

// Type returns DeployAccountType.
func (t *DeployAccount) Type() TransactionType { return DeployAccountType }
