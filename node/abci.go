package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	abciserver "github.com/cometbft/cometbft/abci/server"
	cmtlog "github.com/cometbft/cometbft/libs/log"

	"github.com/starkd/starkd/abci"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
)

// ABCIConfig configures an ABCI server.
type ABCIConfig struct {
	// Home is an existing folder. data/ in it contains the state and is made if it is missing. Required.
	Home string
	// Settings are the settings of app.toml; zero fields mean their defaults. nil means app.toml of Home and STARKD_ environment variables.
	Settings *config.Config
	// Address is the address to listen on: tcp://host:port or unix://path. Default tcp://127.0.0.1:26658.
	Address string
	// Transport is socket or grpc. Default socket.
	Transport string
	// Log receives the log. nil means no log.
	Log io.Writer
}

// Validate reports every fault of c at once.
func (c *ABCIConfig) Validate() error {
	err := validate(c.Home, c.Settings)
	if c.Transport != "" && c.Transport != "socket" && c.Transport != "grpc" {
		err = errors.Join(err, fmt.Errorf("node: transport %q is neither socket nor grpc", c.Transport))
	}
	return err
}

// ABCI is an ABCI server: the application alone, for a CometBFT in another process.
type ABCI struct {
	config   ABCIConfig
	settings *config.Config
	log      *slog.Logger
	chain    *chain
	life     *life
	ready    chan struct{}
}

// OpenABCI opens the state of a home. The caller must call Close.
func OpenABCI(c ABCIConfig) (*ABCI, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Address == "" {
		c.Address = "tcp://127.0.0.1:26658"
	}
	if c.Transport == "" {
		c.Transport = "socket"
	}
	settings, err := loadSettings(c.Home, c.Settings)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.Home); err != nil {
		return nil, hint.With(err, "--home must be an existing folder")
	}
	if err := os.MkdirAll(filepath.Join(c.Home, "data"), 0o755); err != nil {
		return nil, homeFault(c.Home, err)
	}
	a := &ABCI{config: c, settings: settings, log: textLog(c.Log), life: newLife(), ready: make(chan struct{})}
	if a.chain, err = openChain(c.Home, settings, settings.App.Engine, a.log); err != nil {
		return nil, err
	}
	return a, nil
}

// Ready returns a channel that is closed when Run has started to listen.
func (a *ABCI) Ready() <-chan struct{} { return a.ready }

// Run serves until ctx ends or Close is called.
func (a *ABCI) Run(ctx context.Context) error {
	ctx, end, err := a.life.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	verifier := newProofs(a.chain.app, a.config.Home, &a.settings.Watch, a.log)
	defer background(ctx, verifier.run)()
	if most := a.settings.App.ProofLagMax; most > 0 {
		defer background(ctx, newPacer(a.chain.app, &a.settings.Watch, most, a.log).run)()
	}
	server, err := abciserver.NewServer(a.config.Address, a.config.Transport, abci.New(a.chain.app).WithLog(a.log).WithProofs(verifier))
	if err != nil {
		return err
	}
	w := a.config.Log
	if w == nil {
		w = io.Discard
	}
	server.SetLogger(cmtlog.NewTMLogger(cmtlog.NewSyncWriter(w)))
	if err := server.Start(); err != nil {
		return err
	}
	close(a.ready)
	select {
	case <-ctx.Done():
		return server.Stop()
	case <-server.Quit():
		return errors.New("the ABCI server stopped; the log above says why")
	}
}

// Close ends Run, waits for it, and closes the state.
func (a *ABCI) Close() error { return a.life.end(a.chain.close) }
