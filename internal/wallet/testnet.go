// Package wallet is a Starknet wallet for this repository's own tools and tests: the accounts and addresses of a testnet
// folder, as `starkd testnet` writes it, and an account that estimates, signs, submits and waits, by JSON-RPC alone.
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

// Testnet is what a testnet's folder says: accounts.json and endpoints.json.
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

// Node is where a validator listens.
type Node struct {
	Home  string `json:"home"`
	RPC   string `json:"rpc"`      // Starknet JSON-RPC
	Comet string `json:"cometbft"` // CometBFT RPC
}

// Watcher is where the watcher listens.
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
		return nil, fmt.Errorf("wallet: %s names %d accounts and %d nodes", dir, len(n.Accounts), len(n.Nodes))
	}
	return n, nil
}

// Client asks a node by JSON-RPC.
func (n *Node) Client() *client.Client { return client.New(n.RPC+"/rpc", nil) }

// Wait waits until a node answers and has made its first block.
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
