// Command client is the wallet of `make run`. With the first funded account of a testnet it declares the counter class, deploys a counter
// through the universal deployer and invokes it, using only JSON-RPC. It prints the outcome of each transaction.
//
//	client TESTNET_DIR
//
// The last line of standard output is the hash of the invocation.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/starkd/starkd/contracts"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/wallet"
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

func run(ctx context.Context, dir string) error {
	net, err := wallet.ReadTestnet(dir)
	if err != nil {
		return err
	}
	if err := net.Nodes[0].Wait(ctx); err != nil {
		return err
	}
	w, err := wallet.New(ctx, net.Nodes[0].Client(), net.Accounts[0])
	if err != nil {
		return err
	}
	class, err := declare(ctx, w)
	if err != nil {
		return err
	}
	deployment, counter := wallet.Deploy(class, felt.FromUint64(uint64(time.Now().UnixNano())), felt.FromUint64(5))
	if _, err := send(ctx, w, "deploy", w.Invoke(deployment)); err != nil {
		return err
	}
	increment := wallet.Call{To: counter, Name: "increment"}
	hash, err := send(ctx, w, "invoke", w.Invoke(increment, increment))
	if err != nil {
		return err
	}
	count, err := w.Node.Call(ctx, rpc.LatestBlock, rpc.FunctionCall{ContractAddress: counter, EntryPointSelector: wallet.Selector("get")})
	if err != nil {
		return err
	}
	if len(count) != 1 || count[0] != felt.FromUint64(7) {
		return fmt.Errorf("the counter is %v, want 7", count)
	}
	fmt.Printf("counter %v is %v after two increments from 5\n", counter, count[0])
	fmt.Println(hash)
	return nil
}

// declare declares the counter class unless it is declared already, and returns its hash.
func declare(ctx context.Context, w *wallet.Wallet) (felt.Felt, error) {
	class, err := contracts.ClassJSON(contracts.Counter)
	if err != nil {
		return felt.Felt{}, err
	}
	tx, err := w.Declare(class)
	if err != nil {
		return felt.Felt{}, err
	}
	if _, err := w.Node.Class(ctx, rpc.LatestBlock, tx.ClassHash); err == nil {
		fmt.Printf("%-8s class %v is already declared\n", "declare", tx.ClassHash)
		return tx.ClassHash, nil
	}
	_, err = send(ctx, w, "declare", tx)
	return tx.ClassHash, err
}

// send submits a transaction and waits until it is in a block.
func send(ctx context.Context, w *wallet.Wallet, what string, tx starknet.Transaction) (felt.Felt, error) {
	hash, err := w.Send(ctx, tx)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("%s: %w", what, err)
	}
	fmt.Printf("%-8s %v RECEIVED\n", what, hash)
	receipt, block, err := w.Wait(ctx, hash)
	if err != nil {
		return felt.Felt{}, fmt.Errorf("%s: %w", what, err)
	}
	fmt.Printf("%-8s %v ACCEPTED_ON_L2 SUCCEEDED in block %d, fee %v FRI\n", what, hash, block, receipt.ActualFee.BigInt())
	return hash, nil
}
