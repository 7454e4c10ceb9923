package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/spf13/cobra"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
)

// defaultChainID names a chain that was not given a name.
const defaultChainID = "COMET_STARK"

// accountsInGenesis is how many funded accounts a new chain has.
const accountsInGenesis = 10

func newInitCommand() *cobra.Command {
	var home, chainID, moniker, seed string
	var blockTime time.Duration
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the home of a chain with one validator, this node",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseExisting(filepath.Join(home, "config", "genesis.json")); err != nil {
				return err
			}
			node, err := newHome(home, moniker, nodePorts("127.0.0.1", 0, 0), blockTime, false)
			if err != nil {
				return err
			}
			net := &network{nodes: []*nodeHome{node}, chainID: chainID}
			if err := net.write(seed, home); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "chain %s with one validator in %s\nfunded accounts: %s\nnext: starkd start --home %s\n",
				chainID, home, filepath.Join(home, "accounts.json"), home)
			return nil
		},
	}
	cmd.Flags().StringVar(&home, "home", defaultHome(), "home folder")
	cmd.Flags().StringVar(&chainID, "chain-id", defaultChainID, "name of the chain, at most 31 ASCII characters")
	cmd.Flags().StringVar(&moniker, "moniker", "node", "name of the node")
	cmd.Flags().StringVar(&seed, "seed", "", "derive the funded accounts from this text (default: random)")
	cmd.Flags().DurationVar(&blockTime, "block-time", time.Second, "pause between blocks")
	return cmd
}

func newTestnetCommand() *cobra.Command {
	var output, chainID, seed, host string
	var validators, offset int
	var blockTime time.Duration
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Make the homes of a chain of several validators on this machine, and of a watcher",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if validators < 1 || validators > 100 {
				return usagef("--validators %d is not between 1 and 100", validators)
			}
			if last := 26660 + offset + validators*portStep; offset < 0 && -offset > 5050-1024 || last > 65535 {
				return usagef("--port-offset %d puts ports outside 1024 to 65535", offset)
			}
			if output == "" {
				return usagef("--output is missing")
			}
			if err := refuseExisting(filepath.Join(output, "endpoints.json")); err != nil {
				return err
			}
			net := &network{chainID: chainID}
			for i := range validators {
				name := fmt.Sprintf("node%d", i)
				node, err := newHome(filepath.Join(output, name), name, nodePorts(host, i, offset), blockTime, true)
				if err != nil {
					return err
				}
				net.nodes = append(net.nodes, node)
			}
			if err := net.write(seed, output); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "chain %s with %d validators in %s\naddresses: endpoints.json, funded accounts: accounts.json\nnext: starkd start --home %s for each node, starkd watch --home %s\n",
				chainID, validators, output, filepath.Join(output, "nodeN"), filepath.Join(output, "watcher"))
			return nil
		},
	}
	cmd.Flags().IntVar(&validators, "validators", 4, "number of validators")
	cmd.Flags().StringVar(&output, "output", "", "folder to make")
	cmd.Flags().StringVar(&chainID, "chain-id", defaultChainID, "name of the chain, at most 31 ASCII characters")
	cmd.Flags().StringVar(&host, "host", "127.0.0.1", "address that everything listens on")
	cmd.Flags().IntVar(&offset, "port-offset", 0, "added to every port, for several testnets on one machine")
	cmd.Flags().StringVar(&seed, "seed", "", "derive the funded accounts from this text (default: random)")
	cmd.Flags().DurationVar(&blockTime, "block-time", time.Second, "pause between blocks")
	return cmd
}

// network is a chain under construction: its validators' homes and a watcher's.
type network struct {
	chainID string
	nodes   []*nodeHome
}

// endpoints is endpoints.json: where a testnet's tools find it.
type endpoints struct {
	ChainID string         `json:"chain_id"`
	Nodes   []nodeEndpoint `json:"nodes"`
	Watcher struct {
		Home string `json:"home"`
		REST string `json:"rest"`
	} `json:"watcher"`
}

type nodeEndpoint struct {
	Home  string `json:"home"`
	RPC   string `json:"rpc"`      // Starknet JSON-RPC
	Comet string `json:"cometbft"` // CometBFT RPC
}

// write makes the genesis and writes every home, accounts.json and endpoints.json into dir.
func (n *network) write(seed, dir string) error {
	accounts, err := predeployed(accountsInGenesis, seed)
	if err != nil {
		return err
	}
	var validators []cmttypes.GenesisValidator
	var peers []string
	for _, node := range n.nodes {
		v, err := node.validator()
		if err != nil {
			return err
		}
		validators = append(validators, v)
		peers = append(peers, node.peer())
	}
	genesis, err := newGenesis(n.chainID, validators, accounts)
	if err != nil {
		return err
	}
	var e endpoints
	e.ChainID = n.chainID
	watch := config.Default()
	watch.Watch.Nodes = nil
	for i, node := range n.nodes {
		others := append(append([]string{}, peers[:i]...), peers[i+1:]...)
		node.comet.P2P.PersistentPeers = strings.Join(others, ",")
		if err := node.save(genesis); err != nil {
			return err
		}
		home, err := filepath.Abs(node.dir)
		if err != nil {
			return err
		}
		e.Nodes = append(e.Nodes, nodeEndpoint{Home: home, RPC: node.ports.rpcURL(), Comet: node.ports.cometURL()})
		watch.Watch.Nodes = append(watch.Watch.Nodes, node.ports.cometURL())
	}
	first := n.nodes[0].ports
	watch.Watch.REST = fmt.Sprintf("%s:%d", first.host, first.rpc+1)
	watch.RPC.Address = "off"
	e.Watcher.REST = "http://" + watch.Watch.REST
	if e.Watcher.Home, err = filepath.Abs(filepath.Join(dir, "watcher")); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(e.Watcher.Home, "data"), 0o755); err != nil {
		return err
	}
	if err := config.Write(e.Watcher.Home, watch); err != nil {
		return err
	}
	if err := genesis.SaveAs(filepath.Join(e.Watcher.Home, "config", "genesis.json")); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, "accounts.json"), accounts); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "endpoints.json"), e)
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

func refuseExisting(path string) error {
	_, err := os.Stat(path)
	if err == nil {
		return hint.With(fmt.Errorf("%s exists already", path), "choose another folder, or remove this one to begin a new chain")
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
