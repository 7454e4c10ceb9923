package starknet

import "github.com/starkd/starkd/crypto/felt"

// TransactionType is the kind of a transaction, in the words of the RPC specification.
type TransactionType uint8

// The kinds of transaction that an account can send.
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
	// Type names the concrete type.
	Type() TransactionType
	// Sender is the account that pays and whose nonce is used: for a DEPLOY_ACCOUNT the address being deployed.
	Sender() felt.Felt
	// Fields are what all transactions of version 3 share.
	Fields() *Common
	// Hash is the transaction hash on the chain with that id. A DECLARE is hashed by its ClassHash.
	Hash(chainID felt.Felt) felt.Felt

	sealed()
}

// Common is what all transactions of version 3 share.
type Common struct {
	// Query marks a transaction that may only be simulated: its version is 2^128 + 3, so that no signature over it is
	// good for execution.
	Query          bool
	Signature      []felt.Felt
	Nonce          felt.Felt
	Tip            uint64 // FRI per unit of L2 gas
	ResourceBounds ResourceBounds
	PaymasterData  []felt.Felt
	NonceDAMode    DAMode
	FeeDAMode      DAMode
}

// Fields returns c; embedding Common makes a transaction's Fields method.
func (c *Common) Fields() *Common { return c }

func (c *Common) sealed() {}

var (
	version3      = felt.FromUint64(3)
	queryVersion3 = felt.FromLimbs([4]uint64{3, 0, 1, 0}) // 2^128 + 3
)

// Version returns the version that is hashed: 3, or 3 + 2^128 for a query.
func (c *Common) Version() felt.Felt {
	if c.Query {
		return queryVersion3
	}
	return version3
}

// ResourceBounds are the sender's bounds for each resource, in FRI.
type ResourceBounds struct{ L1Gas, L2Gas, L1DataGas ResourceBound }

// ResourceBound bounds the amount used of a resource and the price paid for a unit of it.
type ResourceBound struct {
	MaxAmount       uint64
	MaxPricePerUnit Uint128
}

// DAMode is where a transaction wants its data to be available.
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

// Type is InvokeType.
func (t *Invoke) Type() TransactionType { return InvokeType }

// Sender returns the calling account.
func (t *Invoke) Sender() felt.Felt { return t.SenderAddress }

// Declare brings a class to the chain (DECLARE, version 3).
type Declare struct {
	Common
	SenderAddress         felt.Felt
	AccountDeploymentData []felt.Felt
	CompiledClassHash     felt.Felt // BLAKE
	ClassHash             felt.Felt // of Class; UnmarshalTransaction computes it, so it can be trusted there
	// Class is the Sierra class. It is nil in a transaction that comes from a stored block, whose class is in the state.
	Class *ContractClass
}

// Type is DeclareType.
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

// Type is DeployAccountType.
func (t *DeployAccount) Type() TransactionType { return DeployAccountType }
