package starknet

import (
	"fmt"

	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/starknet/constants"
)

// This file has the canonical binary form of transactions, the form in which CometBFT orders them: format version, type, the common fields,
// the fields of the type. A DECLARE carries its class, in about half the size of its JSON because felts have their shortest form.

// transactionFormat is the format version, the first byte of the form.
const transactionFormat = 1

// MarshalTransaction encodes tx for the mempool and for blocks. It returns an error for a query and for a DECLARE without its class.
func MarshalTransaction(tx Transaction) ([]byte, error) { return marshalTransaction(tx, true) }

// UnmarshalTransaction decodes the output of MarshalTransaction. It accepts any bytes and applies the limits of this package. It computes
// the class hash of a DECLARE from its class, which takes 0.3 s for the largest class: decode once and keep the value.
func UnmarshalTransaction(b []byte) (Transaction, error) { return unmarshalTransaction(b, true) }

// MarshalStoredTransaction encodes tx for a store of blocks. A DECLARE is encoded with its class hash instead of its class.
func MarshalStoredTransaction(tx Transaction) ([]byte, error) { return marshalTransaction(tx, false) }

// UnmarshalStoredTransaction decodes the output of MarshalStoredTransaction.
func UnmarshalStoredTransaction(b []byte) (Transaction, error) { return unmarshalTransaction(b, false) }

// ValidateTransaction checks the conditions of the binary form (list lengths, addresses, modes). Unlike MarshalTransaction it accepts a
// query, and a DECLARE without its class.
func ValidateTransaction(tx Transaction) error {
	d, ok := tx.(*Declare)
	_, err := encode(func(c *coder) {
		c.queries = true
		codeTransaction(c, &tx, ok && d.Class != nil)
	})
	return err
}

func marshalTransaction(tx Transaction, withClass bool) ([]byte, error) {
	b, err := encode(func(c *coder) { codeTransaction(c, &tx, withClass) })
	if err == nil && len(b) > MaxTransactionBytes {
		return nil, fmt.Errorf("starknet: transaction of %d bytes, at most %d", len(b), MaxTransactionBytes)
	}
	return b, err
}

func unmarshalTransaction(b []byte, withClass bool) (Transaction, error) {
	if len(b) > MaxTransactionBytes {
		return nil, fmt.Errorf("starknet: transaction of %d bytes, at most %d", len(b), MaxTransactionBytes)
	}
	var tx Transaction
	if err := decode(b, func(c *coder) { codeTransaction(c, &tx, withClass) }); err != nil {
		return nil, err
	}
	if d, ok := tx.(*Declare); ok && withClass {
		d.ClassHash = d.Class.Hash()
	}
	return tx, nil
}

// IsDeclare reports whether b begins like the binary form of a DECLARE. It reads only the format version and the type.
func IsDeclare(b []byte) bool {
	ok := false
	_ = decode(b, func(c *coder) {
		kind := byte(0)
		c.format("transaction", transactionFormat)
		c.byte("transaction type", &kind, byte(DeployAccountType))
		ok = c.err == nil && TransactionType(kind) == DeclareType
	})
	return ok
}

func codeTransaction(c *coder, tx *Transaction, withClass bool) {
	kind := byte(0)
	if !c.decoding {
		kind = byte((*tx).Type())
	}
	c.format("transaction", transactionFormat)
	c.byte("transaction type", &kind, byte(DeployAccountType))
	if c.err != nil {
		return
	}
	if c.decoding {
		switch TransactionType(kind) {
		case InvokeType:
			*tx = &Invoke{}
		case DeclareType:
			*tx = &Declare{}
		case DeployAccountType:
			*tx = &DeployAccount{}
		default:
			c.fail("transaction type %d", kind)
			return
		}
	}
	(*tx).Fields().code(c)
	switch t := (*tx).(type) {
	case *Invoke:
		t.code(c)
	case *Declare:
		t.code(c, withClass)
	case *DeployAccount:
		t.code(c)
	}
}

func (f *Common) code(c *coder) {
	if f.Query && !c.queries {
		c.fail("a query is not a transaction to be sent")
	}
	c.felts("signature felts", &f.Signature, constants.MaxSignature)
	c.felt(&f.Nonce)
	c.uint("tip", &f.Tip, 1<<64-1)
	for _, b := range []*ResourceBound{&f.ResourceBounds.L1Gas, &f.ResourceBounds.L2Gas, &f.ResourceBounds.L1DataGas} {
		c.uint("max amount", &b.MaxAmount, 1<<64-1)
		c.uint128(&b.MaxPricePerUnit)
	}
	c.felts("paymaster data felts", &f.PaymasterData, MaxPaymasterData)
	c.byte("nonce data availability mode", (*byte)(&f.NonceDAMode), byte(DAModeL2))
	c.byte("fee data availability mode", (*byte)(&f.FeeDAMode), byte(DAModeL2))
}

func (t *Invoke) code(c *coder) {
	c.address("sender", &t.SenderAddress)
	c.felts("calldata felts", &t.Calldata, constants.MaxCalldata)
	c.felts("account deployment data felts", &t.AccountDeploymentData, MaxPaymasterData)
	c.felts("proof facts", &t.ProofFacts, MaxPaymasterData)
}

func (t *Declare) code(c *coder, withClass bool) {
	c.address("sender", &t.SenderAddress)
	c.felts("account deployment data felts", &t.AccountDeploymentData, MaxPaymasterData)
	c.felt(&t.CompiledClassHash)
	if !withClass {
		c.felt(&t.ClassHash)
		return
	}
	if c.decoding {
		t.Class = new(ContractClass)
	}
	if t.Class == nil {
		c.fail("declare without its class")
		return
	}
	t.Class.code(c)
}

func (t *DeployAccount) code(c *coder) {
	c.felt(&t.ClassHash)
	c.felt(&t.ContractAddressSalt)
	c.felts("constructor calldata felts", &t.ConstructorCalldata, constants.MaxCalldata)
}

// MarshalBinary encodes the class in its canonical binary form.
func (cl *ContractClass) MarshalBinary() ([]byte, error) { return encode(cl.code) }

// UnmarshalBinary decodes the output of MarshalBinary.
func (cl *ContractClass) UnmarshalBinary(b []byte) error {
	var d ContractClass
	if err := decode(b, d.code); err != nil {
		return err
	}
	*cl = d
	return nil
}

func (cl *ContractClass) code(c *coder) {
	c.text("contract class version", &cl.Version, len(ClassVersion))
	c.felts("Sierra felts", &cl.SierraProgram, constants.MaxProgramFelts)
	for _, eps := range []*[]sierra.EntryPoint{&cl.EntryPoints.Constructor, &cl.EntryPoints.External, &cl.EntryPoints.L1Handler} {
		list(c, "entry points", eps, MaxEntryPoints, 2, func(c *coder, ep *sierra.EntryPoint) {
			c.felt(&ep.Selector)
			c.uint("function index", &ep.FunctionIdx, constants.MaxProgramFelts)
		})
	}
	c.text("ABI", &cl.ABI, constants.MaxClassBytes)
	if c.err == nil {
		c.err = cl.Validate()
	}
}
