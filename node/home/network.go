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

// accountsInGenesis is how many funded accounts a new chain has.
const accountsInGenesis = 10

// Network is a new chain, and the machine that its nodes run on.
type Network struct {
	// ChainID is the chain's name, at most 31 ASCII characters. Required.
	ChainID string
	// Seed is a text that the funded accounts' keys are derived from. Default: random keys.
	Seed string
	// BlockTime is the pause between blocks. 0 is no pause.
	BlockTime time.Duration
	// Host is the address that every node listens on. Default 127.0.0.1.
	Host string
	// PortOffset is added to every default port, for several networks on one machine.
	PortOffset int
	// AnyPort makes the node of Init listen on free ports, which it chooses each time it starts; PortOffset is not read then.
	AnyPort bool
}

func (n Network) withDefaults() Network {
	if n.Host == "" {
		n.Host = "127.0.0.1"
	}
	return n
}

// Init makes the home of a chain with one validator, a node named moniker, in dir. accounts.json there has the keys of the funded
// accounts. It refuses a folder that has a genesis.
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

// Testnet makes the homes of validators and of a watcher in dir: node0, node1, …, and watcher. endpoints.json says where each listens,
// accounts.json has the keys of the funded accounts. It refuses a folder that has an endpoints.json.
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
	genesis, err := newGenesis(n.ChainID, validators, accounts)
	if err != nil {
		return err
	}
	var e endpoints
	e.ChainID = n.ChainID
	watch := config.Default()
	watch.Watch.Nodes = nil
	for i, node := range nodes {
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
	first := nodes[0].ports
	watch.Watch.REST = fmt.Sprintf("%s:%d", first.Host, first.RPC+1)
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
