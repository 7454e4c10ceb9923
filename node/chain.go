package node

import (
	"errors"
	"log/slog"
	"path/filepath"

	dbm "github.com/cometbft/cometbft-db"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/cairo/native"
	"github.com/starkd/starkd/config"
)

// chain is the application with the state of a home.
type chain struct {
	app    *app.App
	db     dbm.DB
	engine cairo.Engine
	name   string // of the engine
	log    *slog.Logger
}

// openChain opens the state in the data folder of a home, and the application on it with the engine called name.
func openChain(home string, c *config.Config, name string, log *slog.Logger) (*chain, error) {
	cores, err := c.App.Cores()
	if err != nil {
		return nil, err
	}
	options := nativeOptions(home)
	options.Defect = logDefects(log)
	engine, err := NewEngine(name, options)
	if err != nil {
		return nil, err
	}
	db, err := openDB(home, "starknet", c.App.DBBackend, log)
	if err != nil {
		return nil, err
	}
	store, err := state.Open(db)
	if err != nil {
		return nil, homeFault(home, errors.Join(err, db.Close()))
	}
	a, err := app.New(store, engine, nil, app.Config{BlockSteps: c.App.BlockSteps, Parallel: cores})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &chain{app: a, db: db, engine: engine, name: name, log: log}, nil
}

// nativeOptions returns the options of the native engine of a home. It caches code in the data folder, and compiles in the background.
func nativeOptions(home string) native.Options {
	return native.Options{CacheDir: filepath.Join(home, "data", "native"), Background: true}
}

// close closes the application and its database, and logs the statistics of the engine.
func (c *chain) close() error {
	c.app.Close()
	logRuns(c.log, c.name, c.engine)
	return c.db.Close()
}
