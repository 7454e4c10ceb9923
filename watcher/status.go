package watcher

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/starkd/starkd/watcher/proofstore"
)

// Status is how far a watcher has come: the body of GET /v1/status.
type Status struct {
	ChainID       string `json:"chain_id"`
	Connected     bool   `json:"connected"`         // to the followed node's websocket
	Height        int64  `json:"height"`            // verified and replayed
	ProvedHeight  uint64 `json:"proved_height"`     // every block up to here has been handled
	Proving       int64  `json:"proving,omitempty"` // the block whose proof is being made
	ProvingStage  string `json:"proving_stage,omitempty"`
	LastError     string `json:"last_error,omitempty"` // of what is tried again and has not succeeded since
	Halted        string `json:"halted,omitempty"`     // why the watcher has stopped and does not go on
	SecurityBits  uint   `json:"security_bits"`        // of a proof, conjectured
	ProvenBits    uint   `json:"proven_bits"`          // and proven
	OSProgramHash string `json:"os_program_hash"`
}

func (w *Watcher) update(change func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.status)
}

// Status is how far the watcher has come.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.status
	var troubles []string
	for _, doing := range slices.Sorted(maps.Keys(w.trouble)) {
		troubles = append(troubles, doing+": "+w.trouble[doing])
	}
	s.LastError = strings.Join(troubles, "; ")
	return s
}

// troubled notes an attempt that failed and is made again.
func (w *Watcher) troubled(doing string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble[doing] = err.Error()
	if _, ok := errors.AsType[storeError](err); !ok && w.silent.IsZero() {
		w.silent = time.Now()
	}
}

// recovered notes that what was tried has succeeded.
func (w *Watcher) recovered(doing string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.trouble, doing)
}

// heard notes that a node has answered as the chain's nodes do.
func (w *Watcher) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached, w.silent = true, time.Time{}
}

// maxSilence is how long the nodes may be silent before the watcher is no longer healthy.
const maxSilence = time.Minute

// Health is nil if the watcher does its work, and says why if it does not: it has halted, no node has ever been reached, or none has
// answered for a minute.
func (w *Watcher) Health() error {
	s := w.Status()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch silence := time.Since(w.silent); {
	case s.Halted != "":
		return fmt.Errorf("halted: %s", s.Halted)
	case !w.reached:
		return fmt.Errorf("no node has been reached yet: %s", s.LastError)
	case !w.silent.IsZero() && silence > maxSilence:
		return fmt.Errorf("no node has answered for %v: %s", silence.Round(time.Second), s.LastError)
	}
	return nil
}

// Handler serves proofs, status and metrics.
func (w *Watcher) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/", proofstore.Handler(w.config.Proofs, func() any { return w.Status() }, w.Health))
	return mux
}

// metrics are the watcher's, by their Prometheus names, and those of the Go runtime and the process.
type metrics struct {
	registry               *prometheus.Registry
	height, proved, halted prometheus.Gauge
	transactions           *prometheus.CounterVec
	proving                prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry:     prometheus.NewRegistry(),
		height:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_height", Help: "Newest verified and replayed block."}),
		proved:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_proved_height", Help: "Every block up to here has been handled."}),
		halted:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_halted", Help: "1 if the watcher has stopped and does not go on; /v1/status says why."}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "starkd_watcher_transactions_total", Help: "Transactions handled, by what became of them."}, []string{"status"}),
		proving:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "starkd_watcher_proving_seconds", Help: "Time to prove one trace.", Buckets: prometheus.ExponentialBuckets(1, 2, 12)}),
	}
	m.registry.MustRegister(m.height, m.proved, m.halted, m.transactions, m.proving,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
