package wallet

import (
	"context"
	"fmt"
	"time"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
	"github.com/starkd/starkd/starknet"
)

// Wallet is an account and a node. It is not safe for concurrent use.
type Wallet struct {
	Node    *client.Client
	Chain   felt.Felt // chain id
	Address felt.Felt
	Key     felt.Felt // private key
}

// New returns a wallet for an account. It asks the node for the chain id.
func New(ctx context.Context, node *client.Client, account Account) (*Wallet, error) {
	chain, err := node.ChainID(ctx)
	return &Wallet{Node: node, Chain: chain, Address: account.Address, Key: account.PrivateKey}, err
}

// Call is one of the calls of an INVOKE.
type Call struct {
	To       felt.Felt
	Name     string // of the entry point
	Calldata []felt.Felt
}

// Selector returns the selector of an entry point's name.
func Selector(name string) felt.Felt { return keccak.Starknet([]byte(name)) }

// Transfer returns a call that transfers the fee token.
func Transfer(to felt.Felt, amount uint64) Call {
	return Call{starknet.StrkAddress, "transfer", []felt.Felt{to, felt.FromUint64(amount), felt.Zero}}
}

// Deploy returns a call that deploys a contract through the universal deployer, and the contract's address.
func Deploy(class, salt felt.Felt, constructor ...felt.Felt) (Call, felt.Felt) {
	calldata := append([]felt.Felt{class, salt, felt.Zero, felt.FromUint64(uint64(len(constructor)))}, constructor...)
	return Call{starknet.UdcAddress, "deploy_contract", calldata}, starknet.ContractAddress(felt.Zero, salt, class, constructor)
}

// Invoke returns an unsigned transaction that makes the calls.
func (w *Wallet) Invoke(calls ...Call) *starknet.Invoke {
	calldata := []felt.Felt{felt.FromUint64(uint64(len(calls)))}
	for _, c := range calls {
		calldata = append(calldata, c.To, Selector(c.Name), felt.FromUint64(uint64(len(c.Calldata))))
		calldata = append(calldata, c.Calldata...)
	}
	return &starknet.Invoke{SenderAddress: w.Address, Calldata: calldata}
}

// Declare returns an unsigned transaction that declares a Sierra class, given as JSON. It compiles the class.
func (w *Wallet) Declare(class []byte) (*starknet.Declare, error) {
	definition := new(starknet.ContractClass)
	if err := definition.UnmarshalJSON(class); err != nil {
		return nil, err
	}
	source, err := sierra.DecodeClass(class)
	if err != nil {
		return nil, err
	}
	compiled, err := compiler.CompileClass(source, compiler.Options{MaxBytecode: compiler.DefaultMaxBytecode})
	if err != nil {
		return nil, err
	}
	return &starknet.Declare{
		SenderAddress: w.Address, ClassHash: definition.Hash(), CompiledClassHash: compiled.BlakeHash(), Class: definition,
	}, nil
}

// Prepare sets a transaction's nonce and, from an estimate, its resource bounds, and signs it.
func (w *Wallet) Prepare(ctx context.Context, tx starknet.Transaction) error {
	fields := tx.Fields()
	var err error
	if fields.Nonce, err = w.Node.Nonce(ctx, rpc.LatestBlock, w.Address); err != nil {
		return err
	}
	fields.Query = true
	estimates, err := w.Node.EstimateFee(ctx, rpc.LatestBlock, true, tx)
	if err != nil {
		return fmt.Errorf("estimate: %w", err)
	}
	fields.Query = false
	e := estimates[0]
	double := func(price starknet.Uint128) starknet.Uint128 {
		more, _ := price.Add(price)
		return more
	}
	fields.ResourceBounds = starknet.ResourceBounds{
		L1Gas:     starknet.ResourceBound{MaxAmount: e.L1GasConsumed, MaxPricePerUnit: double(e.L1GasPrice)},
		L2Gas:     starknet.ResourceBound{MaxAmount: e.L2GasConsumed + e.L2GasConsumed/2, MaxPricePerUnit: double(e.L2GasPrice)},
		L1DataGas: starknet.ResourceBound{MaxAmount: e.L1DataGasConsumed, MaxPricePerUnit: double(e.L1DataGasPrice)},
	}
	return w.Sign(tx)
}

// Sign signs a transaction for the wallet's chain.
func (w *Wallet) Sign(tx starknet.Transaction) error {
	r, s, err := starkcurve.Sign(w.Key, tx.Hash(w.Chain))
	tx.Fields().Signature = []felt.Felt{r, s}
	return err
}

// Send prepares and submits a transaction and returns its hash.
func (w *Wallet) Send(ctx context.Context, tx starknet.Transaction) (felt.Felt, error) {
	if err := w.Prepare(ctx, tx); err != nil {
		return felt.Felt{}, err
	}
	return w.Node.Submit(ctx, tx)
}

// Wait waits until a transaction is in a block and returns its receipt and the block's number. A revert is an error.
func (w *Wallet) Wait(ctx context.Context, hash felt.Felt) (*starknet.Receipt, uint64, error) {
	receipt, block, err := w.Node.WaitForReceipt(ctx, hash, 100*time.Millisecond)
	if err != nil {
		return nil, 0, err
	}
	if receipt.Reverted {
		return receipt, block, fmt.Errorf("wallet: transaction %v reverted: %s", hash, receipt.RevertReason)
	}
	return receipt, block, nil
}
