// Package home makes and reads home folders. A home is the folder of one node or watcher. config/ in it contains the chain's
// genesis.json, CometBFT's config.toml, our app.toml and the keys; data/ contains the databases.
package home

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	cmtconfig "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/config"
)

// Ports are the host and the ports that one node listens on. Port 0 means any free port.
type Ports struct {
	Host    string
	P2P     int // CometBFT peers
	Comet   int // CometBFT RPC
	RPC     int // Starknet JSON-RPC
	Metrics int // Prometheus
}

// PortStep is the difference between the ports of two successive nodes of a testnet.
const PortStep = 10

// DefaultPorts returns the default ports of node i of a testnet, with offset added to each.
func DefaultPorts(host string, i, offset int) Ports {
	shift := offset + i*PortStep
	return Ports{Host: host, P2P: 26656 + shift, Comet: 26657 + shift, RPC: 5050 + shift, Metrics: 26660 + shift}
}

func (p Ports) cometURL() string { return fmt.Sprintf("http://%s:%d", p.Host, p.Comet) }
func (p Ports) rpcURL() string   { return fmt.Sprintf("http://%s:%d", p.Host, p.RPC) }

// maxBlockBytes is the largest size of a block in bytes: a DECLARE of the largest class and some other transactions.
const maxBlockBytes = 6 << 20

// nodeHome is a home folder under construction, in the layout of Cosmos: config/ and data/, with CometBFT's keys.
type nodeHome struct {
	dir    string
	comet  *cmtconfig.Config
	app    *config.Config
	key    *p2p.NodeKey
	signer *privval.FilePV
	ports  Ports
}

// newHome makes the folders and keys in dir, and keeps existing keys. The caller writes the settings with save. If sameMachine is set,
// CometBFT accepts peers that share an IP address and have one that is not routable, which it would reject by default.
func newHome(dir, moniker string, p Ports, blockTime time.Duration, sameMachine bool) (*nodeHome, error) {
	for _, sub := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	c := cmtconfig.DefaultConfig()
	c.SetRoot(dir)
	c.Moniker = moniker
	c.RPC.ListenAddress = fmt.Sprintf("tcp://%s:%d", p.Host, p.Comet)
	c.P2P.ListenAddress = fmt.Sprintf("tcp://%s:%d", p.Host, p.P2P)
	c.P2P.AddrBookStrict = !sameMachine
	c.P2P.AllowDuplicateIP = sameMachine
	c.Instrumentation.Prometheus = true
	c.Instrumentation.PrometheusListenAddr = fmt.Sprintf("%s:%d", p.Host, p.Metrics)
	c.Consensus.TimeoutCommit = blockTime
	c.Consensus.TimeoutPropose = max(3*time.Second, blockTime)
	c.Consensus.PeerGossipSleepDuration = 20 * time.Millisecond
	// The state store has the indices that Starknet needs. CometBFT's event index would only slow the chain.
	c.TxIndex.Indexer = "null"
	c.Mempool.MaxTxBytes = 5 << 20
	app := config.Default()
	app.RPC.Address = fmt.Sprintf("%s:%d", p.Host, p.RPC)
	key, err := p2p.LoadOrGenNodeKey(c.NodeKeyFile())
	if err != nil {
		return nil, err
	}
	return &nodeHome{
		dir: dir, comet: c, app: app, key: key, ports: p,
		signer: privval.LoadOrGenFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()),
	}, nil
}

// validator returns the node as a genesis validator of power 1.
func (h *nodeHome) validator() (cmttypes.GenesisValidator, error) {
	pub, err := h.signer.GetPubKey()
	if err != nil {
		return cmttypes.GenesisValidator{}, err
	}
	return cmttypes.GenesisValidator{Address: pub.Address(), PubKey: pub, Power: 1, Name: h.comet.Moniker}, nil
}

// peer returns the address of the node for the persistent_peers of others.
func (h *nodeHome) peer() string {
	return p2p.IDAddressString(h.key.ID(), fmt.Sprintf("%s:%d", h.ports.Host, h.ports.P2P))
}

// save writes config.toml, app.toml and genesis.json.
func (h *nodeHome) save(genesis *cmttypes.GenesisDoc) error {
	if err := h.comet.ValidateBasic(); err != nil {
		return err
	}
	if err := h.app.Validate(); err != nil {
		return err
	}
	cmtconfig.WriteConfigFile(filepath.Join(h.dir, "config", "config.toml"), h.comet)
	if err := config.Write(h.dir, h.app); err != nil {
		return err
	}
	return genesis.SaveAs(h.comet.GenesisFile())
}
