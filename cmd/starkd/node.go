package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abciserver "github.com/cometbft/cometbft/abci/server"
	abcitypes "github.com/cometbft/cometbft/abci/types"
	cmtconfig "github.com/cometbft/cometbft/config"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"
	"github.com/starkd/starkd/abci"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/serve"
	"github.com/starkd/starkd/rpc"
)

// loadGenesis reads a home's genesis file and checks its app_state, so that a fault is said before anything starts.
func loadGenesis(home string) (*cmttypes.GenesisDoc, error) {
	path := filepath.Join(home, "config", "genesis.json")
	// CometBFT takes the last of two members with one name; every reader of this file must see the same one.
	if data, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(data, new(jsontext.Value)); err != nil {
			return nil, hint.With(fmt.Errorf("%s: %w", path, err), "every node of a chain has the same genesis.json; starkd init shows a good one")
		}
	}
	genesis, err := cmttypes.GenesisDocFromFile(path)
	if err != nil {
		return nil, hint.With(err, "a home holds its chain's genesis.json in config/: starkd init or testnet makes one; to join a chain, copy its own")
	}
	if _, err := app.ParseGenesis(genesis.ChainID, genesis.AppState); err != nil {
		return nil, hint.With(fmt.Errorf("%s: app_state: %w", path, err), "every node of a chain has the same genesis.json; starkd init shows a good one")
	}
	return genesis, nil
}

// loadConfig reads a home's app.toml.
func loadConfig(home string, v *viper.Viper) (*config.Config, error) {
	c, err := config.Load(home, v)
	return c, hint.With(err, "%s documents every field; STARKD_ environment variables override it", config.Path(home))
}

// openApp opens the state in home's data folder and the chain over it, on the engine with a name. The caller closes the
// database.
func openApp(home string, c *config.Config, engine string) (*app.App, dbm.DB, error) {
	runner, fallback, err := newEngine(engine, nativeOptions(home))
	if err != nil {
		return nil, nil, err
	}
	return openAppOn(home, c, runner, fallback)
}

// nativeOptions are those of a node's engine: code is kept beside the state, and made while the VM serves.
func nativeOptions(home string) native.Options {
	return native.Options{CacheDir: filepath.Join(home, "data", "native"), Background: true}
}

func openAppOn(home string, c *config.Config, engine, fallback cairo.Engine) (*app.App, dbm.DB, error) {
	db, err := openDB(home, "starknet", c.App.DBBackend)
	if err != nil {
		return nil, nil, err
	}
	store, err := state.Open(db)
	if err != nil {
		return nil, nil, homeFault(home, errors.Join(err, db.Close()))
	}
	a, err := app.New(store, engine, nil, app.Config{BlockSteps: c.App.BlockSteps, Fallback: fallback})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return a, db, nil
}

// openNode is openApp for a node: on the engine that it is configured for, whose runs are in the log once closeNode is called.
func openNode(home string, c *config.Config, log *slog.Logger) (a *app.App, closeNode func(), err error) {
	engine, fallback, err := newEngine(c.App.Engine, nativeOptions(home))
	if err != nil {
		return nil, nil, err
	}
	a, db, err := openAppOn(home, c, &logged{engine, log}, fallback)
	if err != nil {
		return nil, nil, err
	}
	return a, func() {
		a.Close()
		logRuns(log, c.App.Engine, engine)
		if err := db.Close(); err != nil {
			log.Error("the state's database does not close", "err", err)
		}
	}, nil
}

func newStartCommand() *cobra.Command {
	var home string
	v := viper.New()
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run a node: consensus, execution and JSON-RPC",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(home, v)
			if err != nil {
				return err
			}
			return runNode(cmd.Context(), home, c, cmd)
		},
	}
	cmd.Flags().StringVar(&home, "home", defaultHome(), "home folder, made by init or testnet")
	bindEngine(v, cmd)
	cmd.Flags().String("rpc", "", "JSON-RPC address, host:port or off (default: app.toml's)")
	mustBind(v, cmd, "rpc.address", "rpc")
	return cmd
}

func bindEngine(v *viper.Viper, cmd *cobra.Command) {
	cmd.Flags().String("engine", "", "what executes Cairo: "+engineNames()+" (default: app.toml's)")
	mustBind(v, cmd, "app.engine", "engine")
}

func mustBind(v *viper.Viper, cmd *cobra.Command, key, flag string) {
	if err := v.BindPFlag(key, cmd.Flags().Lookup(flag)); err != nil {
		panic(err) // a flag that was not defined: our own bug
	}
}

// loadComet reads config.toml of a home.
func loadComet(home string) (*cmtconfig.Config, error) {
	path := filepath.Join(home, "config", "config.toml")
	v := viper.New()
	v.SetConfigFile(path)
	if err := v.ReadInConfig(); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %w", path, err), "starkd init or starkd testnet makes a home")
	}
	c := cmtconfig.DefaultConfig()
	advice := "CometBFT's documentation and the comments in the file say what it takes; starkd init makes a good one"
	if err := v.UnmarshalExact(c); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %s", path, config.DecodeFaults(v, err)), "%s", advice)
	}
	c.SetRoot(home)
	if err := c.ValidateBasic(); err != nil {
		return nil, hint.With(fmt.Errorf("%s: %w", path, err), "%s", advice)
	}
	return c, nil
}

// runNode runs CometBFT with the app in process, and JSON-RPC, until ctx ends or the node cannot go on.
func runNode(ctx context.Context, home string, c *config.Config, cmd *cobra.Command) error {
	comet, err := loadComet(home)
	if err != nil {
		return err
	}
	genesis, err := loadGenesis(home)
	if err != nil {
		return err
	}
	log, cometLog, err := newLogs(comet, cmd.ErrOrStderr())
	if err != nil {
		return hint.With(fmt.Errorf("%s: %w", filepath.Join(home, "config", "config.toml"), err), "levels are such as info, or consensus:debug,starkd:info,*:error")
	}
	logStores(log, cmd.ErrOrStderr(), home)
	a, closeNode, err := openNode(home, c, log)
	if err != nil {
		return err
	}
	stopped := true // what closeNode closes is not in use
	defer func() {
		if stopped {
			closeNode()
		}
	}()
	if err := sweep(home); err != nil {
		return homeFault(home, err)
	}
	connections := shareConnections(c, comet, log)
	metricsAddress := comet.Instrumentation.PrometheusListenAddr
	comet.Instrumentation.PrometheusListenAddr = "" // served here, with bounds
	h := newHalt()
	var n *node.Node
	application := &haltingApp{Application: abci.New(a).WithLog(log), halt: h}
	err = guard(log, func() (err error) {
		n, err = newNode(ctx, home, comet, genesis, application, haltLogger{cometLog, h})
		return err
	})
	if err == nil {
		syncing := n.ConsensusReactor().WaitSync
		application.syncing.Store(&syncing)
		err = startNode(ctx, n, log)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return homeFault(home, err)
	}
	stopping := make(chan struct{})
	defer func() {
		close(stopping)
		stopped = stopNode(home, n, log)
	}()
	if err := watchConsensus(n, h, stopping); err != nil {
		return err
	}
	health := newHealth(n, a.Store(), h, c.RPC.MaxBlockAge)
	var server *rpc.Server
	var jsonRPC, metrics *serve.Server
	if c.RPC.Address != "off" {
		server = rpc.NewServer(newBackend(a, n), rpc.Config{MaxBody: c.RPC.MaxBodyBytes, CORSOrigin: c.RPC.CORSOrigin, MaxSockets: min(256, connections/2+1), Log: log})
		defer shutWebsockets(server, log)
		mux := http.NewServeMux()
		mux.Handle("/", server)
		mux.Handle("GET /healthz", health)
		if jsonRPC, err = serve.Start(c.RPC.Address, mux, serve.Limits{Connections: connections, PerAddress: c.RPC.MaxConnectionsPerAddress}); err != nil {
			return hint.With(fmt.Errorf("JSON-RPC: %w", err), "rpc.address in app.toml or --rpc chooses another")
		}
		defer shutHTTP(jsonRPC)
		fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: chain %s, JSON-RPC on http://%s/rpc, ws://%[3]s/ws\n", version, n.GenesisDoc().ChainID, c.RPC.Address)
	}
	if comet.Instrumentation.Prometheus && metricsAddress != "" {
		if metrics, err = serve.Start(metricsAddress, health.metrics(server, jsonRPC), serve.Limits{Connections: metricsConnections}); err != nil {
			return hint.With(fmt.Errorf("metrics: %w", err), "prometheus_listen_addr in config.toml chooses another")
		}
		defer shutHTTP(metrics)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-h.done:
		err := fmt.Errorf("consensus has stopped: %s", h.reason)
		log.Error("the node cannot go on", "reason", h.reason)
		return homeFault(home, err)
	case <-n.Quit():
		return errors.New("CometBFT has stopped; the log above says why")
	case err := <-jsonRPC.Err():
		return fmt.Errorf("JSON-RPC: %w", err)
	case err := <-metrics.Err():
		return fmt.Errorf("metrics: %w", err)
	}
}

// newNode assembles a CometBFT node from a home's files.
func newNode(ctx context.Context, home string, comet *cmtconfig.Config, genesis *cmttypes.GenesisDoc, application abcitypes.Application, log cmtlog.Logger) (*node.Node, error) {
	signer, err := loadSigner(comet)
	if err != nil {
		return nil, err
	}
	if err := checkSecret(comet.NodeKeyFile()); err != nil {
		return nil, err
	}
	key, err := p2p.LoadNodeKey(comet.NodeKeyFile())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", comet.NodeKeyFile(), err)
	}
	if key.PrivKey == nil {
		return nil, fmt.Errorf("%s: priv_key is missing", comet.NodeKeyFile())
	}
	return node.NewNodeWithContext(ctx, comet, signer, key, proxy.NewConnSyncLocalClientCreator(application),
		func() (*cmttypes.GenesisDoc, error) { return genesis, nil }, cometDBs(home, genesis),
		node.DefaultMetricsProvider(comet.Instrumentation), log)
}

// startNode waits for the chain's beginning, which CometBFT's Start would sleep through deaf to signals, and starts n.
func startNode(ctx context.Context, n *node.Node, log *slog.Logger) error {
	if wait := time.Until(n.GenesisDoc().GenesisTime); wait > 0 {
		log.Info("waiting for the genesis time", "genesis_time", n.GenesisDoc().GenesisTime, "wait", wait.Round(time.Second))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	return guard(log, n.Start)
}

// stopNodeTimeout bounds the stop of a node whose parts may be stuck, because their disk is full or their routine is gone.
const stopNodeTimeout = 15 * time.Second

// stopNode stops n and reports whether it did stop.
func stopNode(home string, n *node.Node, log *slog.Logger) bool {
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		done <- guard(log, func() error {
			err := n.Stop()
			n.Wait()
			return err
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			log.Warn("CometBFT did not stop well", "err", err)
			return false
		}
	case <-time.After(stopNodeTimeout):
		log.Warn("CometBFT does not stop", "after", stopNodeTimeout)
		return false
	}
	if n.Config().P2P.PexReactor {
		awaitAddressBook(n.Config().P2P.AddrBookFile(), began)
	}
	if err := sweep(home); err != nil {
		log.Warn("files of atomic writes remain", "err", err)
	}
	return true
}

// awaitAddressBook waits until the address book is written, which CometBFT does once more after it has stopped. The process would
// end in the middle and leave a temporary file.
func awaitAddressBook(path string, began time.Time) {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		// File systems' clocks are coarse.
		if info, err := os.Stat(path); err == nil && info.ModTime().After(began.Add(-20*time.Millisecond)) {
			return
		}
	}
}

// metricsConnections bounds the connections of a node's /metrics.
const metricsConnections = 16

// shareConnections returns how many connections JSON-RPC may have and bounds those of CometBFT's RPC: a quarter each of the files that
// the process may open, at most. The other half is for consensus, its peers and the databases.
func shareConnections(c *config.Config, comet *cmtconfig.Config, log *slog.Logger) int {
	files := openFiles()
	share := max(1, int(min(files, 1<<30)/4))
	rpcConnections := min(c.RPC.MaxConnections, share)
	if most := comet.RPC.MaxOpenConnections; most == 0 || most > share {
		comet.RPC.MaxOpenConnections = share
	}
	if rpcConnections < c.RPC.MaxConnections {
		log.Warn("the limit on open files is low", "open_files", files, "json_rpc_connections", rpcConnections, "configured", c.RPC.MaxConnections)
	}
	return rpcConnections
}

// stopTimeout bounds the wait for requests under way when a node stops.
const stopTimeout = 3 * time.Second

// shutWebsockets ends what shutHTTP does not: connections that are HTTP no more.
func shutWebsockets(s *rpc.Server, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("websockets were cut off", "err", err)
	}
}

// shutHTTP ends a server, giving the requests under way a moment.
func shutHTTP(s *serve.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	s.Shutdown(ctx)
}

func newABCICommand() *cobra.Command {
	var home, address, transport string
	v := viper.New()
	cmd := &cobra.Command{
		Use:   "abci",
		Short: "Serve the application to a stock cometbft over a socket",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if transport != "socket" && transport != "grpc" {
				return usagef("--transport %q is neither socket nor grpc", transport)
			}
			c, err := loadConfig(home, v)
			if err != nil {
				return err
			}
			if _, err := os.Stat(home); err != nil {
				return hint.With(err, "--home is a folder that exists; data/ in it is made")
			}
			if err := os.MkdirAll(filepath.Join(home, "data"), 0o755); err != nil {
				return homeFault(home, err)
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			logStores(log, cmd.ErrOrStderr(), home)
			a, closeNode, err := openNode(home, c, log)
			if err != nil {
				return err
			}
			defer closeNode()
			server, err := abciserver.NewServer(address, transport, abci.New(a).WithLog(log))
			if err != nil {
				return err
			}
			server.SetLogger(cmtlog.NewTMLogger(cmtlog.NewSyncWriter(logWriter(cmd.ErrOrStderr()))))
			if err := server.Start(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: ABCI by %s on %s\n", version, transport, address)
			select {
			case <-cmd.Context().Done():
			case <-server.Quit():
				return errors.New("the ABCI server stopped; the log above says why")
			}
			return server.Stop()
		},
	}
	cmd.Flags().StringVar(&home, "home", defaultHome(), "home folder: data/ holds the state")
	bindEngine(v, cmd)
	cmd.Flags().StringVar(&address, "address", "tcp://127.0.0.1:26658", "address to listen on")
	cmd.Flags().StringVar(&transport, "transport", "socket", "socket or grpc")
	return cmd
}
