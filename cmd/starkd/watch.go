package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/node"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

func newWatchCommand() *cobra.Command {
	c := node.WatcherConfig{Version: version}
	v := viper.New()
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Run a watcher: follow a chain, re-execute and prove its blocks, serve the proofs",
		Long: `Run a watcher. It follows a chain, verifies the validators' signatures, re-executes and proves every block, and serves the proofs
and the explorer over HTTP.

When the watcher finds an error that a retry cannot repair, such as an app hash that differs from the one the validators signed, it
halts: it executes and proves no more blocks. It logs the reason and shows it in /v1/status and /healthz (status 503), and goes on
serving the stored proofs until a signal ends the process, with exit status 1. With --exit-on-halt the process ends at once.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runWatcher(cmd, c, v)
		},
	}
	cmd.Flags().StringVar(&c.Home, "home", defaultHome(), "home folder, the watcher folder that testnet or init makes; it contains config/genesis.json and config/app.toml")
	cmd.Flags().StringSlice("nodes", nil, "CometBFT RPC addresses; the watcher follows the first (default: watch.nodes in app.toml)")
	cmd.Flags().BoolVar(&c.ExitOnHalt, "exit-on-halt", false, "end with exit status 1 as soon as the watcher halts")
	cmd.Flags().String("rest", "", "address of the proofs and the explorer: host:port (default: watch.rest in app.toml)")
	cmd.Flags().String("system", "", "proof system: stwo or stone (default: watch.system in app.toml)")
	cmd.Flags().String("security", "", "security of the proofs: proven (96 bits by theorems), conjectured or custom (default: watch.security in app.toml)")
	mustBind(v, cmd, "watch.nodes", "nodes")
	mustBind(v, cmd, "watch.system", "system")
	mustBind(v, cmd, "watch.security", "security")
	mustBind(v, cmd, "watch.rest", "rest")
	return cmd
}

func runWatcher(cmd *cobra.Command, c node.WatcherConfig, v *viper.Viper) (err error) {
	if c.Settings, err = config.Load(c.Home, v); err != nil {
		return err
	}
	c.Log = cmd.ErrOrStderr()
	log := slog.New(slog.NewTextHandler(c.Log, nil))
	node.LogStores(log, c.Log, c.Home)
	w, err := node.OpenWatcher(c)
	if err != nil {
		return err
	}
	return haltHint(serve(cmd, w, log, func() string {
		return fmt.Sprintf("watching %s, proofs on http://%s/v1/proofs, explorer on http://%[2]s/", w.ChainID(), w.RESTAddress())
	}))
}

// haltHint adds advice to the error of a watcher that has halted.
func haltHint(err error) error {
	switch {
	case is[*watcher.DivergenceError](err):
		return hint.With(err, "config/genesis.json is of another chain, or this program and the validators executed the block differently: keep the data folder for examination")
	case is[*watcher.ForkError](err):
		return hint.With(err, "more than a third of the validators signed two histories, or two chains have the same name: keep the data folder for examination")
	case is[*watcher.SelfCheckError](err):
		return hint.With(err, "this is a bug of starkd: keep the data folder and report it")
	case is[*app.GenesisError](err), is[*proofstore.ChainError](err):
		return hint.With(err, "config/genesis.json was changed, or data/ or watch.store belong to another chain: use a separate home for each chain")
	}
	return err
}

// is reports whether err has an E in its chain.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
