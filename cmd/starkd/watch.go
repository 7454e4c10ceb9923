package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
)

func newWatchCommand() *cobra.Command {
	var home string
	v := viper.New()
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow a chain, replay and prove its blocks, serve the proofs",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(home, v)
			if err != nil {
				return err
			}
			return runWatcher(cmd, home, c)
		},
	}
	cmd.Flags().StringVar(&home, "home", defaultHome(), "home folder: config/genesis.json, config/app.toml, data/")
	cmd.Flags().StringSlice("nodes", nil, "CometBFT RPC addresses, the first is followed (default: app.toml's)")
	cmd.Flags().String("rest", "", "REST address, host:port (default: app.toml's)")
	mustBind(v, cmd, "watch.nodes", "nodes")
	mustBind(v, cmd, "watch.rest", "rest")
	return cmd
}

func runWatcher(cmd *cobra.Command, home string, c *config.Config) error {
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
	lightDB, err := dbm.NewDB("light", dbm.BackendType(c.App.DBBackend), data)
	if err != nil {
		return err
	}
	defer lightDB.Close()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	w, err := watcher.New(watcher.Config{
		Genesis: genesis, Nodes: c.Watch.Nodes, TrustingPeriod: c.Watch.TrustingPeriod, LightDB: lightDB,
		App: a, Engine: vm.NewEngine(), Proofs: proofs,
		WorkBits: uint(c.Watch.PowBits), Queries: c.Watch.Queries, MaxSteps: c.Watch.MaxSteps,
		Log: log,
	})
	if err != nil {
		return err
	}
	handler, err := watcherHandler(home, c, a, w.Handler(), log)
	if err != nil {
		return err
	}
	stop, errs, err := listenHTTP(c.Watch.REST, handler)
	if err != nil {
		return withHint(fmt.Errorf("REST: %w", err), "watch.rest in app.toml or --rest chooses another")
	}
	defer stop()
	fmt.Fprintf(cmd.OutOrStdout(), "starkd %s: watching %s, proofs on http://%s/v1/proofs, explorer on http://%[3]s/\n", version, genesis.ChainID, c.Watch.REST)
	done := make(chan error, 1)
	go func() { done <- w.Run(cmd.Context()) }()
	select {
	case err := <-done:
		if divergence, ok := errors.AsType[*watcher.DivergenceError](err); ok {
			return withHint(divergence, "no proof is made of a block that this replica does not agree with; keep the data folder for examination")
		}
		return err
	case err := <-errs:
		return fmt.Errorf("REST: %w", err)
	}
}
