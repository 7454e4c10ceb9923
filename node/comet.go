package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	abcitypes "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/blocksync"
	cmtconfig "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/consensus"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	cmtstate "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/statesync"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/node/home"
)

// copyComet returns a copy of c whose RPC, P2P and Instrumentation sections may be changed.
func copyComet(c *cmtconfig.Config) *cmtconfig.Config {
	copied, rpc, p2p, instrumentation := *c, *c.RPC, *c.P2P, *c.Instrumentation
	copied.RPC, copied.P2P, copied.Instrumentation = &rpc, &p2p, &instrumentation
	return &copied
}

// pickPorts replaces port 0 in CometBFT's addresses by a port that is free now, because CometBFT does not tell which port it got.
func pickPorts(c *cmtconfig.Config) error {
	for _, address := range []*string{&c.RPC.ListenAddress, &c.P2P.ListenAddress} {
		host, found := strings.CutSuffix(*address, ":0")
		if !found {
			continue
		}
		scheme, host, found := strings.Cut(host, "://")
		if !found {
			scheme, host = "tcp", scheme
		}
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			return fmt.Errorf("%s: %w", *address, err)
		}
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
		*address = scheme + "://" + host + ":" + port
	}
	return nil
}

// newComet makes a CometBFT node from the files of a home. Its metrics are registered with registry.
func newComet(ctx context.Context, c *cmtconfig.Config, genesis *cmttypes.GenesisDoc, application abcitypes.Application, stores *databases, registry *prometheus.Registry, log cmtlog.Logger) (*cmtnode.Node, error) {
	signer, err := home.Signer(c)
	if err != nil {
		return nil, err
	}
	if err := home.CheckSecret(c.NodeKeyFile()); err != nil {
		return nil, err
	}
	key, err := p2p.LoadNodeKey(c.NodeKeyFile())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.NodeKeyFile(), err)
	}
	if key.PrivKey == nil {
		return nil, fmt.Errorf("%s: priv_key is missing", c.NodeKeyFile())
	}
	settings := *c
	instrumentation := *c.Instrumentation
	instrumentation.PrometheusListenAddr = "" // Run serves the metrics itself, with bounds
	settings.Instrumentation = &instrumentation
	return cmtnode.NewNodeWithContext(ctx, &settings, signer, key, proxy.NewConnSyncLocalClientCreator(application),
		func() (*cmttypes.GenesisDoc, error) { return genesis, nil }, stores.provide,
		metricsInto(registry, cmtnode.DefaultMetricsProvider(&instrumentation)), log)
}

// registering is held while prometheus.DefaultRegisterer is replaced.
var registering sync.Mutex

// metricsInto returns a provider that registers the metrics of provider with registry instead of the default registry. Two nodes in one
// process would otherwise register the same metrics twice, which panics.
func metricsInto(registry *prometheus.Registry, provider cmtnode.MetricsProvider) cmtnode.MetricsProvider {
	return func(chainID string) (*consensus.Metrics, *p2p.Metrics, *mempool.Metrics, *cmtstate.Metrics, *proxy.Metrics, *blocksync.Metrics, *statesync.Metrics) {
		registering.Lock()
		defer registering.Unlock()
		defer func(r prometheus.Registerer) { prometheus.DefaultRegisterer = r }(prometheus.DefaultRegisterer)
		prometheus.DefaultRegisterer = registry
		return provider(chainID)
	}
}

// startComet waits for the genesis time and starts n. CometBFT's Start would wait too, but without a way to cancel it.
func startComet(ctx context.Context, n *cmtnode.Node, log *slog.Logger) error {
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

// stopCometTimeout bounds the stop of a node. Parts of it may be stuck, because the disk is full or a goroutine has ended.
const stopCometTimeout = 15 * time.Second

// stopComet stops n and reports whether it has stopped.
func stopComet(dir string, n *cmtnode.Node, log *slog.Logger) bool {
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		done <- guard(log, func() error {
			err := n.Stop()
			n.Wait()
			return errors.Join(err, n.ProxyApp().Stop()) // which CometBFT does not stop
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			log.Warn("CometBFT stopped with an error", "err", err)
			return false
		}
	case <-time.After(stopCometTimeout):
		log.Warn("CometBFT does not stop", "after", stopCometTimeout)
		return false
	}
	if n.Config().P2P.PexReactor {
		awaitAddressBook(n.Config().P2P.AddrBookFile(), began)
	}
	if err := home.Sweep(dir); err != nil {
		log.Warn("temporary files of atomic writes remain", "err", err)
	}
	return true
}

// awaitAddressBook waits until the address book is written, at most a second. CometBFT writes it once more after it has stopped; if the
// process ended during that write, it would leave a temporary file.
func awaitAddressBook(path string, began time.Time) {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		// Timestamps of files are coarse.
		if info, err := os.Stat(path); err == nil && info.ModTime().After(began.Add(-20*time.Millisecond)) {
			return
		}
	}
}

// metricsConnections bounds the connections of a node's /metrics.
const metricsConnections = 16

// shareConnections returns the bound on connections of JSON-RPC, and sets that of CometBFT's RPC. Each is at most a quarter of the files
// that the process may open. The other half is for consensus, its peers and the databases.
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
