// Command client is the wallet of `make run`: with the first funded account of a testnet it declares the counter class,
// deploys a counter through the universal deployer and invokes it, by JSON-RPC alone, and prints each transaction's fate.
//
//	client TESTNET_DIR
//
// The last line of standard output is the hash of the invocation.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/starkd/starkd/cairo/compiler"
	"github.com/starkd/starkd/cairo/sierra"
	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/starknet"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: client TESTNET_DIR")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// wallet is a funded account on a node.
type wallet struct {
	node    *rpc.Client
	chain   felt.Felt
	address felt.Felt
	key     felt.Felt
}

func run(ctx context.Context, dir string) error {
	w, err := open(ctx, dir)
	if err != nil {
		return err
	}
	classHash, err := w.declare(ctx)
	if err != nil {
		return err
	}
	counter, err := w.deploy(ctx, classHash)
	if err != nil {
		return err
	}
	hash, err := w.execute(ctx, "invoke", call{counter, "increment", nil}, call{counter, "increment", nil})
	if err != nil {
		return err
	}
	count, err := w.node.Call(ctx, rpc.LatestBlock, rpc.FunctionCall{ContractAddress: counter, EntryPointSelector: selector("get")})
	if err != nil {
		return err
	}
	if len(count) != 1 || count[0] != felt.FromUint64(7) {
		return fmt.Errorf("the counter stands at %v, want 7", count)
	}
	fmt.Printf("counter %v stands at %v after two increments from 5\n", counter, count[0])
	fmt.Println(hash)
	return nil
}

func open(ctx context.Context, dir string) (*wallet, error) {
	var accounts []struct {
		Address    felt.Felt `json:"address"`
		PrivateKey felt.Felt `json:"private_key"`
	}
	var endpoints struct {
		Nodes []struct {
			RPC string `json:"rpc"`
		} `json:"nodes"`
	}
	for name, into := range map[string]any{"accounts.json": &accounts, "endpoints.json": &endpoints} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(accounts) == 0 || len(endpoints.Nodes) == 0 {
		return nil, fmt.Errorf("%s names %d accounts and %d nodes", dir, len(accounts), len(endpoints.Nodes))
	}
	w := &wallet{node: rpc.NewClient(endpoints.Nodes[0].RPC+"/rpc", nil), address: accounts[0].Address, key: accounts[0].PrivateKey}
	for {
		var err error
		if w.chain, err = w.node.ChainID(ctx); err == nil {
			if n, err := w.node.BlockNumber(ctx); err == nil && n > 0 {
				return w, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no node at %s: %w", endpoints.Nodes[0].RPC, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (w *wallet) declare(ctx context.Context) (felt.Felt, error) {
	data, err := contracts.ClassJSON(contracts.Counter)
	if err != nil {
		return felt.Felt{}, err
	}
	class := new(starknet.ContractClass)
	if err := class.UnmarshalJSON(data); err != nil {
		return felt.Felt{}, err
	}
	hash := class.Hash()
	if _, err := w.node.Class(ctx, rpc.LatestBlock, hash); err == nil {
		fmt.Printf("%-8s class %v is declared already\n", "declare", hash)
		return hash, nil
	}
	source, err := sierra.DecodeClass(data)
	if err != nil {
		return felt.Felt{}, err
	}
	compiled, err := compiler.CompileClass(source, compiler.Options{MaxBytecode: compiler.DefaultMaxBytecode})
	if err != nil {
		return felt.Felt{}, err
	}
	_, err = w.send(ctx, "declare", &starknet.Declare{SenderAddress: w.address, ClassHash: hash, CompiledClassHash: compiled.BlakeHash(), Class: class})
	return hash, err
}

func (w *wallet) deploy(ctx context.Context, class felt.Felt) (felt.Felt, error) {
	salt := felt.FromUint64(uint64(time.Now().UnixNano()))
	start := felt.FromUint64(5)
	_, err := w.execute(ctx, "deploy", call{starknet.UdcAddress, "deploy_contract", []felt.Felt{class, salt, felt.Zero, felt.One, start}})
	return starknet.ContractAddress(felt.Zero, salt, class, []felt.Felt{start}), err
}

type call struct {
	to       felt.Felt
	name     string
	calldata []felt.Felt
}

// execute sends calls through the account's __execute__.
func (w *wallet) execute(ctx context.Context, what string, calls ...call) (felt.Felt, error) {
	calldata := []felt.Felt{felt.FromUint64(uint64(len(calls)))}
	for _, c := range calls {
		calldata = append(calldata, c.to, selector(c.name), felt.FromUint64(uint64(len(c.calldata))))
		calldata = append(calldata, c.calldata...)
	}
	return w.send(ctx, what, &starknet.Invoke{SenderAddress: w.address, Calldata: calldata})
}

// send estimates, signs and submits a transaction and waits until it is in a block.
func (w *wallet) send(ctx context.Context, what string, tx starknet.Transaction) (felt.Felt, error) {
	fields := tx.Fields()
	var err error
	if fields.Nonce, err = w.node.Nonce(ctx, rpc.LatestBlock, w.address); err != nil {
		return felt.Felt{}, err
	}
	fields.Query = true
	estimates, err := w.node.EstimateFee(ctx, rpc.LatestBlock, true, tx)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("%s: estimate: %w", what, err)
	}
	fields.Query = false
	e := estimates[0]
	margin := func(price starknet.Uint128) starknet.Uint128 {
		more, _ := price.Add(price)
		return more
	}
	fields.ResourceBounds = starknet.ResourceBounds{
		L1Gas:     starknet.ResourceBound{MaxAmount: e.L1GasConsumed, MaxPricePerUnit: margin(e.L1GasPrice)},
		L2Gas:     starknet.ResourceBound{MaxAmount: e.L2GasConsumed + e.L2GasConsumed/2, MaxPricePerUnit: margin(e.L2GasPrice)},
		L1DataGas: starknet.ResourceBound{MaxAmount: e.L1DataGasConsumed, MaxPricePerUnit: margin(e.L1DataGasPrice)},
	}
	r, s, err := starkcurve.Sign(w.key, tx.Hash(w.chain))
	if err != nil {
		return felt.Felt{}, err
	}
	fields.Signature = []felt.Felt{r, s}
	hash, err := w.node.Submit(ctx, tx)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("%s: %w", what, err)
	}
	fmt.Printf("%-8s %v RECEIVED\n", what, hash)
	receipt, block, err := w.node.WaitForReceipt(ctx, hash, 100*time.Millisecond)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("%s: %w", what, err)
	}
	if receipt.Reverted {
		return felt.Felt{}, errors.New(what + " reverted: " + receipt.RevertReason)
	}
	fmt.Printf("%-8s %v ACCEPTED_ON_L2 SUCCEEDED in block %d, fee %v FRI\n", what, hash, block, receipt.ActualFee.BigInt())
	return hash, nil
}

func selector(name string) felt.Felt { return keccak.Starknet([]byte(name)) }
