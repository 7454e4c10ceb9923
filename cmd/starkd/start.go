package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/terminal"
	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/node/home"
)

func newStartCommand() *cobra.Command {
	var dir string
	v := viper.New()
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run a node: consensus, execution and JSON-RPC",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runNode(cmd, dir, v) },
	}
	cmd.Flags().StringVar(&dir, "home", defaultHome(), "home folder, made by init or testnet")
	bindEngine(v, cmd)
	cmd.Flags().String("rpc", "", "JSON-RPC address: host:port, or off (default: rpc.address in app.toml)")
	mustBind(v, cmd, "rpc.address", "rpc")
	return cmd
}

// bindEngine adds the flags --engine and --parallel, which override app.engine and app.parallel.
func bindEngine(v *viper.Viper, cmd *cobra.Command) {
	cmd.Flags().String("engine", "", "Cairo engine: "+engineNames()+" (default: app.engine in app.toml)")
	mustBind(v, cmd, "app.engine", "engine")
	cmd.Flags().String("parallel", "", "number of cores that execute a block, or all (default: app.parallel in app.toml)")
	mustBind(v, cmd, "app.parallel", "parallel")
}

// engineNames returns the names of the engines for a flag's help.
func engineNames() string { return strings.Join(config.Engines, ", ") }

// mustBind makes a flag override the configuration key.
func mustBind(v *viper.Viper, cmd *cobra.Command, key, flag string) {
	if err := v.BindPFlag(key, cmd.Flags().Lookup(flag)); err != nil {
		panic(err) // the flag is not defined
	}
}

// defaultHome returns ~/.starkd, or .starkd if the user has no home folder.
func defaultHome() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = "."
	}
	return filepath.Join(dir, ".starkd")
}

func runNode(cmd *cobra.Command, dir string, v *viper.Viper) error {
	settings, err := config.Load(dir, v)
	if err != nil {
		return err
	}
	comet, err := home.Comet(dir)
	if err != nil {
		return err
	}
	w := terminal.LogWriter(cmd.ErrOrStderr())
	log, err := node.NewLogger(comet, w)
	if err != nil {
		return err
	}
	node.LogStores(log, cmd.ErrOrStderr(), dir)
	n, err := node.Open(node.Config{Home: dir, Settings: settings, Comet: comet, Log: w})
	if err != nil {
		return err
	}
	return serve(cmd, n, log, func() string {
		if n.RPCAddress() == "" {
			return ""
		}
		return fmt.Sprintf("chain %s, JSON-RPC on http://%s/rpc, ws://%[2]s/ws", n.ChainID(), n.RPCAddress())
	})
}

// service is a node, an ABCI server or a watcher.
type service interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	Close() error
}

// serve runs s until it ends or the command is interrupted, and closes it. When s is ready, serve prints the version and what ready returns,
// unless that is "".
func serve(cmd *cobra.Command, s service, log *slog.Logger, ready func() string) (err error) {
	defer func() {
		if err := s.Close(); err != nil {
			log.Error("the state does not close", "err", err)
		}
	}()
	done := make(chan error, 1)
	go func() { done <- s.Run(cmd.Context()) }()
	select {
	case err = <-done:
	case <-s.Ready():
		if line := ready(); line != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: %s\n", version, line)
		}
		err = <-done
	}
	return listenHint(err)
}

// listenHint adds advice to a node.ListenError: how to choose another address.
func listenHint(err error) error {
	listen, ok := errors.AsType[*node.ListenError](err)
	if !ok {
		return err
	}
	return hint.With(err, "%s", map[string]string{
		"JSON-RPC": "choose another address with --rpc or rpc.address in app.toml",
		"metrics":  "choose another address with prometheus_listen_addr in config.toml",
		"REST":     "choose another address with --rest or watch.rest in app.toml",
	}[listen.Server])
}

func newABCICommand() *cobra.Command {
	var c node.ABCIConfig
	v := viper.New()
	cmd := &cobra.Command{
		Use:   "abci",
		Short: "Serve the application to a separate cometbft process over ABCI",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Transport != "socket" && c.Transport != "grpc" {
				return usagef("--transport %q is neither socket nor grpc", c.Transport)
			}
			return runABCI(cmd, c, v)
		},
	}
	cmd.Flags().StringVar(&c.Home, "home", defaultHome(), "home folder; data/ in it contains the state")
	bindEngine(v, cmd)
	cmd.Flags().StringVar(&c.Address, "address", "tcp://127.0.0.1:26658", "address to listen on: tcp://host:port or unix://path")
	cmd.Flags().StringVar(&c.Transport, "transport", "socket", "ABCI transport: socket or grpc")
	return cmd
}

func runABCI(cmd *cobra.Command, c node.ABCIConfig, v *viper.Viper) error {
	var err error
	if c.Settings, err = config.Load(c.Home, v); err != nil {
		return err
	}
	c.Log = terminal.LogWriter(cmd.ErrOrStderr())
	log := slog.New(slog.NewTextHandler(c.Log, nil))
	node.LogStores(log, cmd.ErrOrStderr(), c.Home)
	a, err := node.OpenABCI(c)
	if err != nil {
		return err
	}
	return serve(cmd, a, log, func() string { return fmt.Sprintf("ABCI (%s) on %s", c.Transport, c.Address) })
}
