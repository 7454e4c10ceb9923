package rpc

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/starknet"
)

// The JSON forms of transactions (TXN and BROADCASTED_TXN).

type resourceBoundsJSON struct {
	L1Gas     resourceBoundJSON `json:"l1_gas"`
	L1DataGas resourceBoundJSON `json:"l1_data_gas"`
	L2Gas     resourceBoundJSON `json:"l2_gas"`
}

type resourceBoundJSON struct {
	MaxAmount       hexUint64  `json:"max_amount"`
	MaxPricePerUnit hexUint128 `json:"max_price_per_unit"`
}

func (b *resourceBoundsJSON) UnmarshalJSON(raw []byte) error {
	o := parseObject("resource_bounds", raw)
	o.get("l1_gas", &b.L1Gas)
	o.get("l1_data_gas", &b.L1DataGas)
	o.get("l2_gas", &b.L2Gas)
	return o.err
}

func (b *resourceBoundJSON) UnmarshalJSON(raw []byte) error {
	o := parseObject("resource bound", raw)
	o.get("max_amount", &b.MaxAmount)
	o.get("max_price_per_unit", &b.MaxPricePerUnit)
	return o.err
}

func boundJSON(b starknet.ResourceBound) resourceBoundJSON {
	return resourceBoundJSON{hexUint64(b.MaxAmount), hexUint128(b.MaxPricePerUnit)}
}

func (b resourceBoundJSON) bound() starknet.ResourceBound {
	return starknet.ResourceBound{MaxAmount: uint64(b.MaxAmount), MaxPricePerUnit: starknet.Uint128(b.MaxPricePerUnit)}
}

// daModeJSON is a DA_MODE.
type daModeJSON starknet.DAMode

func (m daModeJSON) MarshalText() ([]byte, error) { return []byte(starknet.DAMode(m).String()), nil }

func (m *daModeJSON) UnmarshalText(b []byte) error {
	switch string(b) {
	case "L1":
		*m = daModeJSON(starknet.DAModeL1)
	case "L2":
		*m = daModeJSON(starknet.DAModeL2)
	default:
		return fmt.Errorf("%.20q is neither L1 nor L2", b)
	}
	return nil
}

// transactionJSON is a transaction of any type. Fields that the type does not have are nil.
type transactionJSON struct {
	Hash    *felt.Felt `json:"transaction_hash,omitempty"`
	Type    string     `json:"type"`
	Version felt.Felt  `json:"version"`

	SenderAddress       *felt.Felt              `json:"sender_address,omitempty"`
	Calldata            *[]felt.Felt            `json:"calldata,omitempty"`
	ClassHash           *felt.Felt              `json:"class_hash,omitempty"`
	CompiledClassHash   *felt.Felt              `json:"compiled_class_hash,omitempty"`
	ContractClass       *starknet.ContractClass `json:"contract_class,omitempty"`
	Salt                *felt.Felt              `json:"contract_address_salt,omitempty"`
	ConstructorCalldata *[]felt.Felt            `json:"constructor_calldata,omitempty"`

	Signature             []felt.Felt        `json:"signature"`
	Nonce                 felt.Felt          `json:"nonce"`
	ResourceBounds        resourceBoundsJSON `json:"resource_bounds"`
	Tip                   hexUint64          `json:"tip"`
	PaymasterData         []felt.Felt        `json:"paymaster_data"`
	AccountDeploymentData *[]felt.Felt       `json:"account_deployment_data,omitempty"`
	NonceDAMode           daModeJSON         `json:"nonce_data_availability_mode"`
	FeeDAMode             daModeJSON         `json:"fee_data_availability_mode"`
	ProofFacts            *[]felt.Felt       `json:"proof_facts,omitempty"`
}

// newTransactionJSON returns the form of a transaction in a block: a DECLARE has the hash of its class.
func newTransactionJSON(tx starknet.Transaction, proofFacts bool) *transactionJSON {
	f := tx.Fields()
	j := &transactionJSON{
		Type: tx.Type().String(), Version: f.Version(), Signature: list(f.Signature), Nonce: f.Nonce,
		ResourceBounds: resourceBoundsJSON{
			L1Gas:     boundJSON(f.ResourceBounds.L1Gas),
			L2Gas:     boundJSON(f.ResourceBounds.L2Gas),
			L1DataGas: boundJSON(f.ResourceBounds.L1DataGas),
		},
		Tip: hexUint64(f.Tip), PaymasterData: list(f.PaymasterData),
		NonceDAMode: daModeJSON(f.NonceDAMode), FeeDAMode: daModeJSON(f.FeeDAMode),
	}
	pointer := func(xs []felt.Felt) *[]felt.Felt { xs = list(xs); return &xs }
	switch t := tx.(type) {
	case *starknet.Invoke:
		j.SenderAddress = &t.SenderAddress
		j.Calldata = pointer(t.Calldata)
		j.AccountDeploymentData = pointer(t.AccountDeploymentData)
		if proofFacts {
			j.ProofFacts = pointer(t.ProofFacts)
		}
	case *starknet.Declare:
		j.SenderAddress = &t.SenderAddress
		j.ClassHash = &t.ClassHash
		j.CompiledClassHash = &t.CompiledClassHash
		j.AccountDeploymentData = pointer(t.AccountDeploymentData)
	case *starknet.DeployAccount:
		j.ClassHash = &t.ClassHash
		j.Salt = &t.ContractAddressSalt
		j.ConstructorCalldata = pointer(t.ConstructorCalldata)
	}
	return j
}

// broadcastJSON returns the form in which a transaction is sent: a DECLARE has its class, and proof facts are included if there are any.
func broadcastJSON(tx starknet.Transaction) *transactionJSON {
	j := newTransactionJSON(tx, false)
	switch t := tx.(type) {
	case *starknet.Invoke:
		if len(t.ProofFacts) > 0 {
			j.ProofFacts = &t.ProofFacts
		}
	case *starknet.Declare:
		j.ClassHash, j.ContractClass = nil, t.Class
	}
	return j
}

// parseBroadcast decodes a transaction as clients send it (BROADCASTED_TXN). The error is a *jsonrpc.Error if the specification has one
// for the fault.
func parseBroadcast(raw json.RawMessage) (starknet.Transaction, error) {
	o := parseObject("transaction", raw)
	var class json.RawMessage
	tx, err := o.transaction(func(d *starknet.Declare) {
		o.get("contract_class", &class)
	})
	if err != nil {
		return nil, err
	}
	switch t := tx.(type) {
	case *starknet.Declare:
		t.Class = new(starknet.ContractClass)
		if err := t.Class.UnmarshalJSON(class); err != nil {
			switch {
			case errors.Is(err, starknet.ErrClassTooLarge):
				return nil, ErrClassTooLarge.With(err.Error())
			case errors.Is(err, starknet.ErrClassVersion):
				return nil, ErrUnsupportedClassVersion.With(err.Error())
			}
			return nil, fmt.Errorf("contract_class: %w", bounded.Brief(err))
		}
		t.ClassHash = t.Class.Hash()
	case *starknet.Invoke:
		var proof string
		if o.optional("proof", &proof); o.err != nil {
			return nil, o.err
		}
		if proof != "" || len(t.ProofFacts) > 0 {
			return nil, ErrInvalidProof.With("this chain takes no client-side proofs")
		}
	}
	return tx, nil
}

// transaction decodes the members of a transaction. It calls class to decode the class of a DECLARE.
func (o *object) transaction(class func(*starknet.Declare)) (starknet.Transaction, error) {
	var kind string
	var version felt.Felt
	o.get("type", &kind)
	o.get("version", &version)
	if o.err != nil {
		return nil, o.err
	}
	var tx starknet.Transaction
	switch kind {
	case "INVOKE":
		tx = new(starknet.Invoke)
	case "DECLARE":
		tx = new(starknet.Declare)
	case "DEPLOY_ACCOUNT":
		tx = new(starknet.DeployAccount)
	default:
		return nil, fmt.Errorf("type: unknown transaction type %.40q", kind)
	}
	f := tx.Fields()
	f.Query = true
	if version != f.Version() {
		if f.Query = false; version != f.Version() {
			return nil, ErrUnsupportedVersion.With(fmt.Sprintf("version %s, want 0x3", version))
		}
	}

	var bounds resourceBoundsJSON
	o.get("signature", &f.Signature)
	o.get("nonce", &f.Nonce)
	o.get("resource_bounds", &bounds)
	o.get("tip", (*hexUint64)(&f.Tip))
	o.get("paymaster_data", &f.PaymasterData)
	o.get("nonce_data_availability_mode", (*daModeJSON)(&f.NonceDAMode))
	o.get("fee_data_availability_mode", (*daModeJSON)(&f.FeeDAMode))
	f.ResourceBounds = starknet.ResourceBounds{
		L1Gas: bounds.L1Gas.bound(), L2Gas: bounds.L2Gas.bound(), L1DataGas: bounds.L1DataGas.bound(),
	}
	switch t := tx.(type) {
	case *starknet.Invoke:
		o.get("sender_address", &t.SenderAddress)
		o.get("calldata", &t.Calldata)
		o.get("account_deployment_data", &t.AccountDeploymentData)
		o.optional("proof_facts", &t.ProofFacts)
	case *starknet.Declare:
		o.get("sender_address", &t.SenderAddress)
		o.get("compiled_class_hash", &t.CompiledClassHash)
		o.get("account_deployment_data", &t.AccountDeploymentData)
		class(t)
	case *starknet.DeployAccount:
		o.get("class_hash", &t.ClassHash)
		o.get("contract_address_salt", &t.ContractAddressSalt)
		o.get("constructor_calldata", &t.ConstructorCalldata)
	}
	if o.err != nil {
		return nil, o.err
	}
	if err := starknet.ValidateTransaction(tx); err != nil {
		return nil, err
	}
	return tx, nil
}
