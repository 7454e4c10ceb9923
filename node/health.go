package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/internal/serve"
	"github.com/starkd/starkd/rpc"
)

// HealthReport is the body of GET /healthz of a node.
type HealthReport struct {
	// Status is ok, catching_up, stalled or halted. The HTTP status is 200 for ok, and 503 for the others, which have a reason.
	Status     string  `json:"status"`
	Reason     string  `json:"reason,omitempty"`
	Height     uint64  `json:"height"`
	BlockAge   float64 `json:"block_age_seconds"`
	Peers      int     `json:"peers"`
	CatchingUp bool    `json:"catching_up"`
	// Proofs is nil on a chain whose validators do not vote about proofs.
	Proofs *ProofsReport `json:"proofs,omitempty"`
}

// judge sets the status and the reason. halted is the reason of a halt or ""; most is the greatest age of the last block, 0 for any age.
func (r *HealthReport) judge(halted string, most time.Duration) {
	old := most > 0 && r.BlockAge > most.Seconds()
	age := fmt.Sprintf("the last block is %.0f s old, at most %.0f", r.BlockAge, most.Seconds())
	switch {
	case halted != "":
		r.Status, r.Reason = "halted", halted
	case r.CatchingUp && old:
		r.Status, r.Reason = "catching_up", age
	case old:
		r.Status, r.Reason = "stalled", age
	default:
		r.Status = "ok"
	}
}

// health makes the health reports and metrics of a node.
type health struct {
	node   *cmtnode.Node
	store  state.History
	halt   *halt
	proofs *proofs
	maxAge time.Duration // of the last block; 0 means any
}

// newHealth returns the health of a node. configured is the greatest age of the last block. It is raised to ten times the time that a
// block may take, and does not apply to a chain that makes blocks only for transactions.
func newHealth(n *cmtnode.Node, store state.History, h *halt, p *proofs, configured time.Duration) *health {
	c := n.Config().Consensus
	most := max(configured, 10*(c.TimeoutCommit+c.TimeoutPropose+c.CreateEmptyBlocksInterval))
	if !c.CreateEmptyBlocks {
		most = 0
	}
	return &health{n, store, h, p, most}
}

// report returns the state of the node at the time now.
func (h *health) report(now time.Time) *HealthReport {
	r := &HealthReport{Peers: h.node.Switch().Peers().Size(), CatchingUp: h.node.ConsensusReactor().WaitSync()}
	last := h.node.GenesisDoc().GenesisTime
	if head := h.store.Head(); head != nil {
		r.Height, last = head.Height, time.Unix(int64(head.Timestamp), 0)
	}
	r.BlockAge = max(0, now.Sub(last).Seconds())
	r.judge(h.halt.why(), h.maxAge)
	r.Proofs = h.proofs.report()
	return r
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	report := h.report(time.Now())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if report.Status != "ok" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(report)
}

// metrics returns the handler of /metrics. It adds the metrics of the node to registry, which has those of CometBFT, and also serves those
// of the process. server and listener are nil without JSON-RPC.
func (h *health) metrics(registry *prometheus.Registry, server *rpc.Server, listener *serve.Server) http.Handler {
	gauge := func(name, help string, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("starkd_node_height", "Height of the last executed block.", func() float64 { return float64(h.report(time.Now()).Height) })
	gauge("starkd_node_block_age_seconds", "Age of the last block.", func() float64 { return h.report(time.Now()).BlockAge })
	gauge("starkd_node_healthy", "1 if /healthz says ok.", func() float64 {
		if h.report(time.Now()).Status == "ok" {
			return 1
		}
		return 0
	})
	if h.proofs.report() != nil {
		gauge("starkd_node_proved_height", "Height up to which blocks are ACCEPTED_ON_L1.", func() float64 { return float64(h.proofs.report().Proved) })
		gauge("starkd_node_verified_height", "Height up to which this node has verified the proofs of all blocks.", func() float64 { return float64(h.proofs.Verified()) })
		registry.MustRegister(h.proofs.accepted, h.proofs.refused)
	}
	if server != nil {
		gauge("starkd_rpc_connections", "Open connections of JSON-RPC.", func() float64 { open, _ := listener.Connections(); return float64(open) })
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "starkd_rpc_connections_turned_away_total", Help: "Connections that were rejected or closed because there were too many.",
		}, func() float64 { _, away := listener.Connections(); return float64(away) }))
		gauge("starkd_rpc_buffered_bytes", "Bytes of requests, answers and websocket queues held for clients.", func() float64 { return float64(server.Buffered()) })
	}
	return promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, registry}, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
