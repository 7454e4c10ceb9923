package main

import (
	"errors"
	"fmt"

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
		Short: "Follow a chain, replay and prove its blocks, serve the proofs",
		Long: `Follow a chain, replay and prove its blocks, serve the proofs.

When the watcher finds something wrong that trying again does not mend, such as an app hash that is not the one that validators signed,
it halts: it replays and proves nothing more. The reason is logged, and is in /v1/status and /healthz (status 503), which are served, like
the proofs that exist, until a signal ends the process. Its exit status is then 1. With --exit-on-halt the process ends at once.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runWatcher(cmd, c, v)
		},
	}
	cmd.Flags().StringVar(&c.Home, "home", defaultHome(), "home folder: config/genesis.json, config/app.toml, data/")
	cmd.Flags().StringSlice("nodes", nil, "CometBFT RPC addresses, the first is followed (default: app.toml's)")
	cmd.Flags().BoolVar(&c.ExitOnHalt, "exit-on-halt", false, "end with status 1 as soon as the watcher halts, instead of serving the reason until a signal")
	cmd.Flags().String("rest", "", "REST address, host:port (default: app.toml's)")
	cmd.Flags().String("security", "", "of the proofs: proven (96 bits by theorems) or conjectured (default: app.toml's)")
	mustBind(v, cmd, "watch.nodes", "nodes")
	mustBind(v, cmd, "watch.security", "security")
	mustBind(v, cmd, "watch.rest", "rest")
	return cmd
}

func runWatcher(cmd *cobra.Command, c node.WatcherConfig, v *viper.Viper) (err error) {
	if c.Settings, err = config.Load(c.Home, v); err != nil {
		return err
	}
	c.Log = cmd.ErrOrStderr()
	w, err := node.OpenWatcher(c)
	if err != nil {
		return err
	}
	defer w.Close()
	done := make(chan error, 1)
	go func() { done <- w.Run(cmd.Context()) }()
	select {
	case err = <-done:
	case <-w.Ready():
		fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: watching %s, proofs on http://%s/v1/proofs, explorer on http://%[3]s/\n", version, w.ChainID(), w.RESTAddress())
		err = <-done
	}
	return haltHint(listenHint(err))
}

// haltHint adds advice to the error of a watcher that has halted.
func haltHint(err error) error {
	switch {
	case is[*watcher.DivergenceError](err):
		return hint.With(err, "either config/genesis.json is not this chain's, or no proof can be made of a block that this replica does not agree with: keep the data folder for examination")
	case is[*watcher.ForkError](err):
		return hint.With(err, "more than a third of the validators are dishonest, or two chains share a name: keep the data folder for examination")
	case is[*watcher.SelfCheckError](err):
		return hint.With(err, "a defect of this program: keep the data folder and report it")
	case is[*app.GenesisError](err), is[*proofstore.ChainError](err):
		return hint.With(err, "config/genesis.json was changed, or data/ or watch.store is another chain's: use a home of its own for each chain")
	}
	return err
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
