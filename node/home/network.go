package home

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
)

// accountsInGenesis is the number of funded accounts of a new chain.
const accountsInGenesis = 10

// Network describes a new chain and the addresses of its nodes.
type Network struct {
	// ChainID is the chain's name, at most 31 ASCII characters. Required.
	ChainID string
	// Seed is a text from which the keys of the funded accounts are derived. Default: random keys.
	Seed string
	// BlockTime is the pause between blocks. 0 means no pause.
	BlockTime time.Duration
	// Host is the address that every node listens on. Default 127.0.0.1.
	Host string
	// PortOffset is added to every default port, for several networks on one machine.
	PortOffset int
	// WithoutProofVotes makes a chain whose validators do not vote about proofs, for a chain without watchers. No block of it is ever
	// ACCEPTED_ON_L1.
	WithoutProofVotes bool
	// AnyPort makes the node of Init listen on free ports, which it chooses at each start. PortOffset is then ignored.
	AnyPort bool
}

func (n Network) withDefaults() Network {
	if n.Host == "" {
		n.Host = "127.0.0.1"
	}
	return n
}

// Init makes the home of a chain with one validator in dir, and the home of a watcher in dir/watcher. moniker is the name of the node in
// the network. endpoints.json in dir lists the addresses and accounts.json has the keys of the funded accounts. Init returns an error if dir has a genesis already.
func (n Network) Init(dir, moniker string) error {
	n = n.withDefaults()
	if err := refuseExisting(filepath.Join(dir, "config", "genesis.json")); err != nil {
		return err
	}
	ports := DefaultPorts(n.Host, 0, n.PortOffset)
	if n.AnyPort {
		ports = Ports{Host: n.Host}
	}
	node, err := newHome(dir, moniker, ports, n.BlockTime, false)
	if err != nil {
		return err
	}
	return n.write([]*nodeHome{node}, dir)
}

// Testnet makes the homes of validators and of a watcher in dir: node0, node1, …, and watcher. endpoints.json lists their addresses and
// accounts.json the keys of the funded accounts. Testnet returns an error if dir has an endpoints.json already.
func (n Network) Testnet(dir string, validators int) error {
	n = n.withDefaults()
	if err := refuseExisting(filepath.Join(dir, "endpoints.json")); err != nil {
		return err
	}
	var nodes []*nodeHome
	for i := range validators {
		name := fmt.Sprintf("node%d", i)
		node, err := newHome(filepath.Join(dir, name), name, DefaultPorts(n.Host, i, n.PortOffset), n.BlockTime, true)
		if err != nil {
			return err
		}
		nodes = append(nodes, node)
	}
	return n.write(nodes, dir)
}

// endpoints is the content of endpoints.json: the homes and URLs of a network, for tools.
type endpoints struct {
	ChainID string         `json:"chain_id"`
	Nodes   []nodeEndpoint `json:"nodes"`
	Watcher struct {
		Home string `json:"home"`
		REST string `json:"rest"`
	} `json:"watcher"`
}

// nodeEndpoint is the home folder and the URLs of one node.
type nodeEndpoint struct {
	Home  string `json:"home"`
	RPC   string `json:"rpc"`      // Starknet JSON-RPC
	Comet string `json:"cometbft"` // CometBFT RPC
}

// write makes the genesis, and writes the homes of nodes and of a watcher, accounts.json and endpoints.json.
func (n Network) write(nodes []*nodeHome, dir string) error {
	accounts, err := predeployed(accountsInGenesis, n.Seed)
	if err != nil {
		return err
	}
	var validators []cmttypes.GenesisValidator
	var peers []string
	for _, node := range nodes {
		v, err := node.validator()
		if err != nil {
			return err
		}
		validators = append(validators, v)
		peers = append(peers, node.peer())
	}
	genesis, err := newGenesis(n.ChainID, validators, accounts, !n.WithoutProofVotes)
	if err != nil {
		return err
	}
	var e endpoints
	e.ChainID = n.ChainID
	watch := config.Default()
	watch.Watch.Nodes = nil
	first := nodes[0].ports
	watch.Watch.REST = fmt.Sprintf("%s:%d", first.Host, first.RPC+1)
	watch.RPC.Address = "off"
	e.Watcher.REST = "http://" + watch.Watch.REST
	watch.Watch.URLs = []string{e.Watcher.REST}
	for i, node := range nodes {
		others := append(append([]string{}, peers[:i]...), peers[i+1:]...)
		node.comet.P2P.PersistentPeers = strings.Join(others, ",")
		node.app.Watch.URLs = watch.Watch.URLs
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

// writeJSON writes v to a file that only the owner can read.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

// refuseExisting returns an error if the file exists.
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
