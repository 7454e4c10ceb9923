package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	abciserver "github.com/cometbft/cometbft/abci/server"
	cmtconfig "github.com/cometbft/cometbft/config"
	cmtflags "github.com/cometbft/cometbft/libs/cli/flags"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"
	"github.com/starkd/starkd/abci"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/rpc"
)

// loadGenesis reads a home's genesis file and checks its app_state, so that a fault is said before anything starts.
func loadGenesis(home string) (*cmttypes.GenesisDoc, error) {
	path := filepath.Join(home, "config", "genesis.json")
	genesis, err := cmttypes.GenesisDocFromFile(path)
	if err != nil {
		return nil, withHint(err, "a home holds its chain's genesis.json in config/: starkd init or testnet makes one; to join a chain, copy its own")
	}
	if _, err := app.ParseGenesis(genesis.ChainID, genesis.AppState); err != nil {
		return nil, withHint(fmt.Errorf("%s: app_state: %w", path, err), "every node of a chain has the same genesis.json; starkd init shows a good one")
	}
	return genesis, nil
}

// loadConfig reads a home's app.toml.
func loadConfig(home string, v *viper.Viper) (*config.Config, error) {
	c, err := config.Load(home, v)
	return c, withHint(err, "%s documents every field; STARKD_ environment variables override it", config.Path(home))
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
	db, err := dbm.NewDB("starknet", dbm.BackendType(c.App.DBBackend), filepath.Join(home, "data"))
	if err != nil {
		return nil, nil, withHint(fmt.Errorf("state database: %w", err), "another starkd may be running on this home; pebbledb needs a binary built with -tags pebbledb (make build)")
	}
	store, err := state.Open(db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
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
		return nil, withHint(fmt.Errorf("%s: %w", path, err), "starkd init or starkd testnet makes a home")
	}
	c := cmtconfig.DefaultConfig()
	if err := v.Unmarshal(c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.SetRoot(home)
	if err := c.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// runNode runs CometBFT with the app in process, and JSON-RPC, until ctx ends or consensus fails.
func runNode(ctx context.Context, home string, c *config.Config, cmd *cobra.Command) error {
	comet, err := loadComet(home)
	if err != nil {
		return err
	}
	if _, err := loadGenesis(home); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	a, closeNode, err := openNode(home, c, log)
	if err != nil {
		return err
	}
	defer closeNode()
	logger, err := cmtflags.ParseLogLevel(comet.LogLevel, cmtlog.NewTMLogger(cmtlog.NewSyncWriter(cmd.ErrOrStderr())), cmtconfig.DefaultLogLevel)
	if err != nil {
		return err
	}
	key, err := p2p.LoadNodeKey(comet.NodeKeyFile())
	if err != nil {
		return err
	}
	n, err := node.NewNode(comet, privval.LoadFilePV(comet.PrivValidatorKeyFile(), comet.PrivValidatorStateFile()), key,
		proxy.NewConnSyncLocalClientCreator(abci.New(a)), node.DefaultGenesisDocProviderFunc(comet), cmtconfig.DefaultDBProvider,
		node.DefaultMetricsProvider(comet.Instrumentation), logger)
	if err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		return err
	}
	defer func() {
		n.Stop()
		n.Wait()
	}()
	var serve chan error
	if c.RPC.Address != "off" {
		backend := newBackend(a, n)
		handler := rpc.NewServer(backend, rpc.Config{MaxBody: c.RPC.MaxBodyBytes, CORSOrigin: c.RPC.CORSOrigin, Log: log})
		stop, errs, err := listenHTTP(c.RPC.Address, handler)
		if err != nil {
			return withHint(fmt.Errorf("JSON-RPC: %w", err), "rpc.address in app.toml or --rpc chooses another")
		}
		defer stop()
		defer shutWebsockets(handler, log)
		serve = errs
		fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: chain %s, JSON-RPC on http://%s/rpc, ws://%[3]s/ws\n", version, n.GenesisDoc().ChainID, c.RPC.Address)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-n.Quit():
		return errors.New("consensus stopped; the log above says why")
	case err := <-serve:
		return fmt.Errorf("JSON-RPC: %w", err)
	}
}

// stopTimeout bounds the wait for requests under way when a node stops.
const stopTimeout = 3 * time.Second

// shutWebsockets ends what listenHTTP's stop does not: connections that are HTTP no more.
func shutWebsockets(s *rpc.Server, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Warn("websockets were cut off", "err", err)
	}
}

// listenHTTP serves h on address until stop is called; errs tells of a server that ended by itself.
func listenHTTP(address string, h http.Handler) (stop func(), errs chan error, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	errs = make(chan error, 1)
	go func() { errs <- server.Serve(listener) }()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		server.Shutdown(ctx)
	}, errs, nil
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
			if err := os.MkdirAll(filepath.Join(home, "data"), 0o755); err != nil {
				return err
			}
			a, closeNode, err := openNode(home, c, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			defer closeNode()
			server, err := abciserver.NewServer(address, transport, abci.New(a))
			if err != nil {
				return err
			}
			server.SetLogger(cmtlog.NewTMLogger(cmtlog.NewSyncWriter(cmd.ErrOrStderr())))
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
