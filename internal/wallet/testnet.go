// Package wallet is a Starknet wallet for the tools and tests of this repository. It reads the accounts and addresses of a folder that
// `starkd testnet` wrote. A Wallet estimates, signs and submits transactions and waits for them, over JSON-RPC only.
package wallet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/client"
)

// Testnet is the content of accounts.json and endpoints.json in a testnet's folder.
type Testnet struct {
	ChainID  string
	Accounts []Account
	Nodes    []Node
	Watcher  Watcher
}

// Account is a funded account of the genesis.
type Account struct {
	Address    felt.Felt `json:"address"`
	PrivateKey felt.Felt `json:"private_key"`
	PublicKey  felt.Felt `json:"public_key"`
}

// Node has the addresses of a validator.
type Node struct {
	Home  string `json:"home"`
	RPC   string `json:"rpc"`      // Starknet JSON-RPC
	Comet string `json:"cometbft"` // CometBFT RPC
}

// Watcher has the addresses of the watcher.
type Watcher struct {
	Home string `json:"home"`
	REST string `json:"rest"`
}

// ReadTestnet reads a testnet's folder.
func ReadTestnet(dir string) (*Testnet, error) {
	n := new(Testnet)
	var endpoints struct {
		ChainID string  `json:"chain_id"`
		Nodes   []Node  `json:"nodes"`
		Watcher Watcher `json:"watcher"`
	}
	for name, into := range map[string]any{"accounts.json": &n.Accounts, "endpoints.json": &endpoints} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, into); err != nil {
			return nil, fmt.Errorf("wallet: %s: %w", name, err)
		}
	}
	n.ChainID, n.Nodes, n.Watcher = endpoints.ChainID, endpoints.Nodes, endpoints.Watcher
	if len(n.Accounts) == 0 || len(n.Nodes) == 0 {
		return nil, fmt.Errorf("wallet: %s has %d accounts and %d nodes", dir, len(n.Accounts), len(n.Nodes))
	}
	return n, nil
}

// Client returns a JSON-RPC client of the node.
func (n *Node) Client() *client.Client { return client.New(n.RPC+"/rpc", nil) }

// Wait waits until the node responds and has a block after the genesis.
func (n *Node) Wait(ctx context.Context) error {
	client := n.Client()
	for {
		number, err := client.BlockNumber(ctx)
		if err == nil && number > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wallet: no node at %s: %w", n.RPC, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
