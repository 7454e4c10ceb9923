package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/crypto/keccak"
	"github.com/starkd/starkd/crypto/starkcurve"
	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/client"
	"github.com/starkd/starkd/starknet"
)

// The example runs a chain and transfers the fee token from one of its funded accounts to another.
func Example_transfer() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	network := home.Network{ChainID: "EXAMPLE", BlockTime: 100 * time.Millisecond, AnyPort: true}
	if err := network.Init(dir, "node"); err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "accounts.json"))
	if err != nil {
		log.Fatal(err)
	}
	var accounts []home.Account
	if err := json.Unmarshal(data, &accounts); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n, err := node.Open(node.Config{Home: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case <-n.Ready():
	case err := <-done:
		log.Fatal(err)
	}
	c := client.New("http://"+n.RPCAddress()+"/rpc", nil)

	if err := transfer(ctx, c, accounts[0], accounts[1].Address, 1000); err != nil {
		log.Fatal(err)
	}
	balance, err := c.Call(ctx, rpc.LatestBlock, rpc.FunctionCall{
		ContractAddress:    starknet.StrkAddress,
		EntryPointSelector: keccak.Starknet([]byte("balance_of")),
		Calldata:           []felt.Felt{accounts[1].Address},
	})
	fmt.Println("balance:", balance, err) // 1,000 STRK and 1,000 FRI
	// Output: balance: [0x3635c9adc5dea003e8 0x0] <nil>
}

// transfer sends amount FRI to an account and waits until the transaction is in a block.
func transfer(ctx context.Context, c *client.Client, from home.Account, to felt.Felt, amount uint64) error {
	// __execute__ takes a list of calls: their number, then of each the contract, the selector and the calldata with its length.
	tx := &starknet.Invoke{SenderAddress: from.Address, Calldata: []felt.Felt{
		felt.One,
		starknet.StrkAddress, keccak.Starknet([]byte("transfer")), felt.FromUint64(3),
		to, felt.FromUint64(amount), felt.Zero, // amount is a u256
	}}
	var err error
	if tx.Nonce, err = c.Nonce(ctx, rpc.LatestBlock, from.Address); err != nil {
		return err
	}
	// The estimate does not run __validate__, because the transaction has no signature yet. The bounds leave room for a dearer run.
	estimates, err := c.EstimateFee(ctx, rpc.LatestBlock, true, tx)
	if err != nil {
		return err
	}
	e := estimates[0]
	tx.ResourceBounds = starknet.ResourceBounds{
		L1Gas:     starknet.ResourceBound{MaxAmount: e.L1GasConsumed, MaxPricePerUnit: e.L1GasPrice},
		L2Gas:     starknet.ResourceBound{MaxAmount: e.L2GasConsumed * 3 / 2, MaxPricePerUnit: e.L2GasPrice},
		L1DataGas: starknet.ResourceBound{MaxAmount: e.L1DataGasConsumed, MaxPricePerUnit: e.L1DataGasPrice},
	}

	chain, err := c.ChainID(ctx)
	if err != nil {
		return err
	}
	r, s, err := starkcurve.Sign(from.PrivateKey, tx.Hash(chain))
	if err != nil {
		return err
	}
	tx.Signature = []felt.Felt{r, s}
	hash, err := c.Submit(ctx, tx)
	if err != nil {
		return err
	}
	receipt, _, err := c.WaitForReceipt(ctx, hash, 100*time.Millisecond)
	if err == nil && receipt.Reverted {
		err = fmt.Errorf("transfer reverted: %s", receipt.RevertReason)
	}
	return err
}
