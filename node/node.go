// Package node runs nodes and watchers inside a program. cmd/starkd is one such program.
//
// Open reads a home folder, which package node/home makes, and opens the state. Run starts CometBFT and JSON-RPC, and returns when its
// context ends or the node fails. Close closes the state. OpenWatcher and OpenABCI work alike: a watcher follows a chain and proves its
// blocks; an ABCI server is the application for a CometBFT in another process.
//
// A process may run several nodes and watchers. The package reads no flags, handles no signals and does not exit; it logs to the writer
// in its configuration. CometBFT and the databases panic on damaged or misused homes; the package returns errors with advice instead
// (internal/hint).
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	cmtconfig "github.com/cometbft/cometbft/config"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	cmtnode "github.com/cometbft/cometbft/node"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/viper"

	"github.com/starkd/starkd/abci"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/serve"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/rpc"
	"github.com/starkd/starkd/rpc/jsonrpc"
)

// Config configures a node.
type Config struct {
	// Home is the folder with config/ and data/. Required.
	Home string
	// Settings are the settings of app.toml; zero fields mean their defaults. nil means app.toml of Home and STARKD_ environment variables.
	Settings *config.Config
	// Comet are the settings of CometBFT. nil means config.toml of Home.
	Comet *cmtconfig.Config
	// Log receives the log, in the format and at the level that Comet sets. nil means no log.
	Log io.Writer
}

// Validate reports every fault of c at once.
func (c *Config) Validate() error { return validate(c.Home, c.Settings) }

// validate reports every fault of a home and settings at once.
func validate(home string, settings *config.Config) error {
	var faults []error
	if home == "" {
		faults = append(faults, errors.New("node: Home is missing"))
	}
	if settings != nil {
		faults = append(faults, settings.WithDefaults().Validate())
	}
	return errors.Join(faults...)
}

// loadSettings returns settings with defaults filled in, or the settings of the home if settings is nil.
func loadSettings(home string, settings *config.Config) (*config.Config, error) {
	if settings == nil {
		return config.Load(home, viper.New())
	}
	return settings.WithDefaults(), nil
}

// Node is a Starknet node: consensus, execution and JSON-RPC.
type Node struct {
	home     string
	settings *config.Config
	comet    *cmtconfig.Config
	genesis  *cmttypes.GenesisDoc
	log      *slog.Logger
	cometLog cmtlog.Logger
	chain    *chain
	life     *life
	stuck    bool // CometBFT did not stop and still uses the databases

	ready        chan struct{} // closed when the servers below are set
	rpc, metrics *serve.Server // nil if there is none
}

// Open reads a node's home and opens its state. The caller must call Close.
func Open(c Config) (*Node, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	n := &Node{home: c.Home, life: newLife(), ready: make(chan struct{})}
	var err error
	if n.settings, err = loadSettings(c.Home, c.Settings); err != nil {
		return nil, err
	}
	comet := c.Comet
	if comet == nil {
		if comet, err = home.Comet(c.Home); err != nil {
			return nil, err
		}
	}
	n.comet = copyComet(comet)
	if n.genesis, err = home.Genesis(c.Home); err != nil {
		return nil, err
	}
	w := c.Log
	if w == nil {
		w = io.Discard
	}
	if n.log, n.cometLog, err = newLogs(n.comet, w); err != nil {
		return nil, logFault(c.Home, err)
	}
	if n.chain, err = openChain(c.Home, n.settings, n.settings.App.Engine, n.log); err != nil {
		return nil, err
	}
	if err := home.Sweep(c.Home); err != nil {
		return nil, errors.Join(homeFault(c.Home, err), n.chain.close())
	}
	return n, nil
}

// ChainID returns the chain's name.
func (n *Node) ChainID() string { return n.genesis.ChainID }

// Ready returns a channel that is closed when Run has started consensus and the servers.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// RPCAddress returns the host:port of JSON-RPC, or "" if it is off. Like the other addresses it is known when Ready is closed.
func (n *Node) RPCAddress() string { return boundAddress(n.settings.RPC.Address, n.rpc) }

// MetricsAddress returns the host:port of the metrics, or "" if they are off.
func (n *Node) MetricsAddress() string {
	return boundAddress(n.comet.Instrumentation.PrometheusListenAddr, n.metrics)
}

// CometAddress returns the address of CometBFT's RPC, such as tcp://127.0.0.1:26657.
func (n *Node) CometAddress() string { return n.comet.RPC.ListenAddress }

// Run runs CometBFT with the application, and JSON-RPC. It returns nil when ctx ends or Close is called, and an error when the node fails.
// A Node runs once.
func (n *Node) Run(ctx context.Context) (err error) {
	ctx, end, err := n.life.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := pickPorts(n.comet); err != nil {
		return err
	}
	connections := shareConnections(n.settings, n.comet, n.log)
	h := newHalt()
	verifier := newProofs(n.chain.app, n.home, &n.settings.Watch, n.log)
	defer background(ctx, verifier.run)()
	if most := n.settings.App.ProofLagMax; most > 0 {
		defer background(ctx, newPacer(n.chain.app, &n.settings.Watch, most, n.log).run)()
	}
	application := &haltingApp{Application: abci.New(n.chain.app).WithLog(n.log).WithProofs(verifier), halt: h}
	stores := &databases{home: n.home, genesis: n.genesis, log: n.log}
	defer func() {
		if !n.stuck {
			err = errors.Join(err, stores.closeAll())
		}
	}()
	registry := prometheus.NewRegistry()
	var comet *cmtnode.Node
	err = guard(n.log, func() (err error) {
		comet, err = newComet(ctx, n.comet, n.genesis, application, stores, registry, haltLogger{n.cometLog, h})
		return err
	})
	if err == nil {
		syncing := comet.ConsensusReactor().WaitSync
		application.syncing.Store(&syncing)
		err = startComet(ctx, comet, n.log)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return homeFault(n.home, err)
	}
	stopping := make(chan struct{})
	defer func() {
		close(stopping)
		n.stuck = !stopComet(n.home, comet, n.log)
	}()
	if err := watchConsensus(comet, h, stopping); err != nil {
		return err
	}
	health := newHealth(comet, n.chain.app.Store(), h, verifier, n.settings.RPC.MaxBlockAge)
	var server *rpc.Server
	if n.settings.RPC.Address != "off" {
		c := &n.settings.RPC
		server = rpc.NewServer(newBackend(n.chain.app, comet, c.MaxExecutionMiB), rpc.Config{Transport: jsonrpc.Config{
			MaxBody: c.MaxBodyBytes, CORSOrigin: c.CORSOrigin, MaxSockets: min(256, connections/2+1), Log: n.log,
		}})
		defer shutWebsockets(server, n.log)
		mux := http.NewServeMux()
		mux.Handle("/", server)
		mux.Handle("GET /healthz", health)
		if n.rpc, err = serve.Start(c.Address, mux, serve.Limits{Connections: connections, PerAddress: c.MaxConnectionsPerAddress}); err != nil {
			return &ListenError{"JSON-RPC", err}
		}
		defer shutHTTP(n.rpc)
	}
	if c := n.comet.Instrumentation; c.Prometheus && c.PrometheusListenAddr != "" {
		if n.metrics, err = serve.Start(c.PrometheusListenAddr, health.metrics(registry, server, n.rpc), serve.Limits{Connections: metricsConnections}); err != nil {
			return &ListenError{"metrics", err}
		}
		defer shutHTTP(n.metrics)
	}
	close(n.ready)
	select {
	case <-ctx.Done():
		return nil
	case <-h.done:
		n.log.Error("the node has halted", "reason", h.reason)
		return homeFault(n.home, fmt.Errorf("consensus has stopped: %s", h.reason))
	case <-comet.Quit():
		return errors.New("CometBFT has stopped; the log above says why")
	case err := <-n.rpc.Err():
		return fmt.Errorf("JSON-RPC: %w", err)
	case err := <-n.metrics.Err():
		return fmt.Errorf("metrics: %w", err)
	}
}

// background calls run in a goroutine, with a context that ends when ctx ends or the function that background returns is called. That function
// waits until run has returned.
func background(ctx context.Context, run func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// Close ends Run, waits for it, and closes the state. If CometBFT did not stop, the state stays open and Close returns an error.
func (n *Node) Close() error {
	return n.life.end(func() error {
		if n.stuck {
			return errors.New("node: CometBFT did not stop, so the databases are still open")
		}
		return n.chain.close()
	})
}

// ListenError is the error of a server that cannot listen on its address.
type ListenError struct {
	Server string // JSON-RPC, metrics or REST
	Err    error
}

func (e *ListenError) Error() string { return e.Server + ": " + e.Err.Error() }

// Unwrap returns the error of the listener.
func (e *ListenError) Unwrap() error { return e.Err }

// boundAddress returns the configured address of a server with the port that it listens on. It returns "" if s is nil.
func boundAddress(configured string, s *serve.Server) string {
	if s == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(configured)
	if err != nil {
		return s.Address()
	}
	_, port, err := net.SplitHostPort(s.Address())
	if err != nil {
		return configured
	}
	return net.JoinHostPort(host, port)
}

// stopTimeout bounds the wait for pending requests when a server stops.
const stopTimeout = 3 * time.Second

// shutWebsockets closes the websockets of s, which shutHTTP leaves open.
func shutWebsockets(s *rpc.Server, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("websockets were closed without a handshake", "err", err)
	}
}

// shutHTTP stops a server. Pending requests have stopTimeout to finish.
func shutHTTP(s *serve.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	s.Shutdown(ctx)
}
