package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"
	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/serve"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

func newWatchCommand() *cobra.Command {
	var home string
	var exitOnHalt bool
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
			c, err := loadConfig(home, v)
			if err != nil {
				return err
			}
			return runWatcher(cmd, home, c, exitOnHalt)
		},
	}
	cmd.Flags().StringVar(&home, "home", defaultHome(), "home folder: config/genesis.json, config/app.toml, data/")
	cmd.Flags().StringSlice("nodes", nil, "CometBFT RPC addresses, the first is followed (default: app.toml's)")
	cmd.Flags().BoolVar(&exitOnHalt, "exit-on-halt", false, "end with status 1 as soon as the watcher halts, instead of serving the reason until a signal")
	cmd.Flags().String("rest", "", "REST address, host:port (default: app.toml's)")
	cmd.Flags().String("security", "", "of the proofs: proven (96 bits by theorems) or conjectured (default: app.toml's)")
	mustBind(v, cmd, "watch.nodes", "nodes")
	mustBind(v, cmd, "watch.security", "security")
	mustBind(v, cmd, "watch.rest", "rest")
	return cmd
}

func runWatcher(cmd *cobra.Command, home string, c *config.Config, exitOnHalt bool) error {
	genesis, err := loadGenesis(home)
	if err != nil {
		return err
	}
	data, err := filepath.Abs(filepath.Join(home, "data"))
	if err != nil {
		return err
	}
	store := c.Watch.Store
	if store == "" {
		dir := filepath.Join(data, "proofs")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		store = "file://" + filepath.ToSlash(dir) + "?no_tmp_dir=true&metadata=skip"
	}
	proofs, err := proofstore.Open(cmd.Context(), store)
	if err != nil {
		return err
	}
	defer proofs.Close()
	a, db, err := openApp(home, c, "vm") // the judge, whatever the nodes run on
	if err != nil {
		return err
	}
	defer db.Close()
	defer a.Close()
	lightDB, err := openDB(home, "light", c.App.DBBackend)
	if err != nil {
		return err
	}
	defer lightDB.Close()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	work, queries := c.Watch.Proofs()
	w, err := watcher.New(watcher.Config{
		Genesis: genesis, Nodes: c.Watch.Nodes, TrustingPeriod: c.Watch.TrustingPeriod, LightDB: lightDB,
		App: a, Engine: vm.NewEngine(), Proofs: proofs,
		WorkBits: work, Queries: queries, MaxSteps: c.Watch.MaxSteps,
		Log: log,
	})
	if err != nil {
		return err
	}
	if err := w.Open(cmd.Context()); err != nil {
		return haltHint(err)
	}
	handler, err := watcherHandler(home, c, a, w.Handler(), log)
	if err != nil {
		return err
	}
	files := openFiles()
	server, err := serve.Start(c.Watch.REST, handler, serve.Limits{
		Connections: min(c.RPC.MaxConnections, max(1, int(min(files, 1<<30)/2))), PerAddress: c.RPC.MaxConnectionsPerAddress,
	})
	if err != nil {
		return hint.With(fmt.Errorf("REST: %w", err), "watch.rest in app.toml or --rest chooses another")
	}
	defer shutHTTP(server)
	fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: watching %s, proofs on http://%s/v1/proofs, explorer on http://%[3]s/\n", version, genesis.ChainID, c.Watch.REST)
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	select {
	case err := <-done:
		if err == nil || exitOnHalt {
			return haltHint(err)
		}
		log.Error("proofs and /v1/status are served until a signal ends this process")
		select {
		case <-ctx.Done():
			return haltHint(err)
		case serving := <-server.Err():
			return errors.Join(err, fmt.Errorf("REST: %w", serving))
		}
	case err := <-server.Err():
		cancel()
		return errors.Join(fmt.Errorf("REST: %w", err), <-done)
	}
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
