package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	dbm "github.com/cometbft/cometbft-db"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/internal/hint"
	"github.com/starkd/starkd/internal/serve"
	"github.com/starkd/starkd/node/home"
	"github.com/starkd/starkd/watcher"
	"github.com/starkd/starkd/watcher/proofstore"
	"github.com/starkd/starkd/watcher/queue"
)

// WatcherConfig configures a watcher.
type WatcherConfig struct {
	// Home is the folder with config/genesis.json. data/ in it is made if it is missing. Required.
	Home string
	// Settings are the settings of app.toml; zero fields mean their defaults. nil means app.toml of Home and STARKD_ environment variables.
	Settings *config.Config
	// ExitOnHalt makes Run return when the watcher halts. By default Run serves the reason and the proofs until its context ends.
	ExitOnHalt bool
	// Version is the version of the program that the explorer shows. Default: none.
	Version string
	// Log receives the log. nil means no log.
	Log io.Writer
}

// Validate reports every fault of c at once.
func (c *WatcherConfig) Validate() error { return validate(c.Home, c.Settings) }

// Watcher follows a chain, replays and proves its blocks, and serves the proofs and the explorer.
type Watcher struct {
	config   WatcherConfig
	settings *config.Config
	genesis  *cmttypes.GenesisDoc
	log      *slog.Logger
	chain    *chain
	light    dbm.DB
	life     *life

	ready chan struct{} // closed when rest is set
	rest  *serve.Server
}

// OpenWatcher reads a watcher's home and opens its state. The caller must call Close.
func OpenWatcher(c WatcherConfig) (*Watcher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w := &Watcher{config: c, log: textLog(c.Log), life: newLife(), ready: make(chan struct{})}
	// A node and a watcher keep their states under one name, so a watcher would go on in the node's.
	if _, err := os.Stat(filepath.Join(c.Home, "config", "priv_validator_key.json")); err == nil {
		return nil, hint.With(fmt.Errorf("%s is the home of a node, which has a validator's key", c.Home),
			"a watcher needs a home of its own: init and testnet make one in the folder watcher; or copy config/genesis.json and config/app.toml to a new one")
	}
	var err error
	if w.settings, err = loadSettings(c.Home, c.Settings); err != nil {
		return nil, err
	}
	if w.genesis, err = home.Genesis(c.Home); err != nil {
		return nil, err
	}
	// The VM is the reference engine, so the watcher uses it whatever engines the nodes use.
	if w.chain, err = openChain(c.Home, w.settings, "vm", w.log); err != nil {
		return nil, err
	}
	if w.light, err = openDB(c.Home, "light", w.settings.App.DBBackend, w.log); err != nil {
		return nil, errors.Join(err, w.chain.close())
	}
	return w, nil
}

// ChainID returns the chain's name.
func (w *Watcher) ChainID() string { return w.genesis.ChainID }

// Ready returns a channel that is closed when Run has started the server.
func (w *Watcher) Ready() <-chan struct{} { return w.ready }

// RESTAddress returns the host:port of the proofs and the explorer. It is known when Ready is closed.
func (w *Watcher) RESTAddress() string { return boundAddress(w.settings.Watch.REST, w.rest) }

// Close ends Run, waits for it, and closes the state.
func (w *Watcher) Close() error {
	return w.life.end(func() error { return errors.Join(w.light.Close(), w.chain.close()) })
}

// proofStoreURL returns the URL of the proof store: the configured one, or that of data/proofs in the home, which it makes.
func (w *Watcher) proofStoreURL() (string, error) {
	if store := w.settings.Watch.Store; store != "" {
		return store, nil
	}
	dir, err := filepath.Abs(filepath.Join(w.config.Home, "data", "proofs"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return "file://" + filepath.ToSlash(dir) + "?no_tmp_dir=true&metadata=skip", nil
}

// memory returns the bytes of memory that a proof may take: the configured ones, or what the machine has free, at least 2 GiB. 0 means that it is not known.
func (w *Watcher) memory() int64 {
	if n, _ := w.settings.Watch.MemoryBytes(); n > 0 { // Validate has read it
		return n
	}
	return proofMemory()
}

// proofMemory returns what the machine has free for proofs, at least 2 GiB. 0 means that it is not known.
func proofMemory() int64 {
	free := freeMemory()
	if free > 0 {
		free = max(free, 2<<30)
	}
	return free
}

// freeMemory returns the bytes of memory that the system says are available to new programs, at most what the process's control group leaves. It
// returns 0 where Linux's files with these numbers do not exist.
func freeMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kilobytes int64
	if _, after, ok := strings.Cut(string(text), "MemAvailable:"); !ok {
		return 0
	} else if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		return 0
	}
	free := kilobytes << 10
	number := func(file string) (n int64, ok bool) {
		text, err := os.ReadFile("/sys/fs/cgroup/" + file)
		if err == nil {
			_, err = fmt.Sscan(string(text), &n)
		}
		return n, err == nil // "max" is not a number
	}
	if most, ok := number("memory.max"); ok {
		used, _ := number("memory.current")
		free = min(free, most-used)
	}
	return max(free, 0)
}

// openQueue opens the queue of jobs for workers. It returns nil for the queue "embedded", which only this process could reach: the watcher then makes the
// proofs itself.
func (w *Watcher) openQueue(ctx context.Context) (*queue.Queue, error) {
	if w.settings.Watch.Queue == "embedded" {
		return nil, nil
	}
	return queue.Open(ctx, queue.Config{URL: w.settings.Watch.Queue, Dir: filepath.Join(w.config.Home, "data", "queue"), Chain: w.ChainID(), Log: w.log})
}

// workerName returns a name for a worker that no other worker has.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	clean := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}
	return fmt.Sprintf("%.80s-%d", strings.Map(clean, strings.ToLower(host)), os.Getpid())
}

// WorkerConfig configures RunWorker.
type WorkerConfig struct {
	// Queue is the URL of the watcher's queue, and Store that of its proof store. Both are required.
	Queue, Store string
	// Name is the worker's name, unlike that of others: lower-case letters, digits, - and _. Default: from the names of the host and the process.
	Name string
	// Log receives the log. nil means no log.
	Log io.Writer
}

// RunWorker takes jobs from a watcher's queue, proves them and stores the proofs, until ctx ends. A worker keeps nothing.
func RunWorker(ctx context.Context, c WorkerConfig) error {
	log := textLog(c.Log)
	if c.Name == "" {
		c.Name = workerName()
	}
	if scheme, _, _ := strings.Cut(c.Queue, "://"); scheme == "embedded" {
		return hint.With(errors.New("a worker cannot serve a queue of its own"), "give the address of the watcher's: nats://HOST:PORT")
	}
	proofs, err := proofstore.Open(ctx, c.Store)
	if err != nil {
		return err
	}
	defer proofs.Close()
	jobs, err := queue.Open(ctx, queue.Config{URL: c.Queue, Log: log})
	if err != nil {
		return err
	}
	defer jobs.Close()
	log.Info("waiting for jobs", "worker", c.Name)
	return watcher.Work(ctx, watcher.WorkerConfig{Queue: jobs, Store: proofs, Name: c.Name, Memory: proofMemory(), Log: log})
}

// Run follows the chain until ctx ends or Close is called. It returns an error if it cannot start or the watcher has halted.
func (w *Watcher) Run(ctx context.Context) (err error) {
	ctx, end, err := w.life.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	store, err := w.proofStoreURL()
	if err != nil {
		return err
	}
	proofs, err := proofstore.Open(ctx, store)
	if err != nil {
		return err
	}
	defer proofs.Close()
	watch := &w.settings.Watch
	jobs, err := w.openQueue(ctx)
	if err != nil {
		return err
	}
	if jobs != nil {
		defer jobs.Close()
	}
	powBits, queries := watch.Proofs()
	memory := w.memory()
	maxSteps, maxAlone := watcher.Bounds(watch.System, memory)
	if watch.MaxSteps > 0 {
		maxSteps = watch.MaxSteps
	}
	w.log.Info("bounds of a proof", "memory", memory, "max_steps", maxSteps, "max_steps_alone", max(maxSteps, maxAlone))
	follower, err := watcher.New(watcher.Config{
		Genesis: w.genesis, Nodes: watch.Nodes, TrustingPeriod: watch.TrustingPeriod, LightDB: w.light,
		App: w.chain.app, Engine: vm.NewEngine(), Proofs: proofs,
		Memory: memory, Queue: jobs, System: watch.System, PowBits: powBits, Queries: queries, MaxSteps: maxSteps, MaxAlone: maxAlone,
		Log: w.log,
	})
	if err != nil {
		return err
	}
	if err := follower.Open(ctx); err != nil {
		return err
	}
	handler, err := watcherHandler(w.config.Home, w.config.Version, w.settings, w.chain.app, follower.Handler(), w.log)
	if err != nil {
		return err
	}
	w.rest, err = serve.Start(watch.REST, handler, serve.Limits{
		Connections: min(w.settings.RPC.MaxConnections, max(1, int(min(openFiles(), 1<<30)/2))), PerAddress: w.settings.RPC.MaxConnectionsPerAddress,
	})
	if err != nil {
		return &ListenError{"REST", err}
	}
	defer shutHTTP(w.rest)
	close(w.ready)
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- follower.Run(watching) }()
	if jobs != nil { // this process is a worker too
		go func() {
			if err := watcher.Work(watching, watcher.WorkerConfig{Queue: jobs, Store: proofs, Name: workerName(), Log: w.log}); err != nil && watching.Err() == nil {
				w.log.Error("the worker in the watcher's process has ended", "err", err)
			}
		}()
	}
	select {
	case err := <-done:
		if err == nil || w.config.ExitOnHalt {
			return err
		}
		w.log.Error("the watcher has halted; it serves proofs and /v1/status until a signal ends this process")
		select {
		case <-ctx.Done():
			return err
		case serving := <-w.rest.Err():
			return errors.Join(err, fmt.Errorf("REST: %w", serving))
		}
	case err := <-w.rest.Err():
		cancel()
		return errors.Join(fmt.Errorf("REST: %w", err), <-done)
	}
}
