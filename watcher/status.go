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

// Status is the progress of a watcher: the body of GET /v1/status.
type Status struct {
	ChainID       string `json:"chain_id"`
	Connected     bool   `json:"connected"`         // whether the websocket of the followed node is connected
	Height        int64  `json:"height"`            // last block that was verified and executed
	ProvedHeight  uint64 `json:"proved_height"`     // height up to which every block has been handled
	Proving       int64  `json:"proving,omitempty"` // block whose proof is being made; 0 for none
	ProvingStage  string `json:"proving_stage,omitempty"`
	LastError     string `json:"last_error,omitempty"` // errors of operations that are being retried
	Halted        string `json:"halted,omitempty"`     // why the watcher has halted
	SecurityBits  uint   `json:"security_bits"`        // conjectured security of a proof
	ProvenBits    uint   `json:"proven_bits"`          // proven security of a proof
	OSProgramHash string `json:"os_program_hash"`
}

// update changes the status under the lock.
func (w *Watcher) update(change func(*Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.status)
}

// Status returns the progress of the watcher.
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

// troubled records the error of an operation that will be retried.
func (w *Watcher) troubled(doing string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble[doing] = err.Error()
	if _, ok := errors.AsType[storeError](err); !ok && w.silent.IsZero() {
		w.silent = time.Now()
	}
}

// recovered records that an operation has succeeded.
func (w *Watcher) recovered(doing string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.trouble, doing)
}

// heard records that a node has given a valid answer.
func (w *Watcher) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached, w.silent = true, time.Time{}
}

// maxSilence is the time without a valid answer from any node after which the watcher is unhealthy.
const maxSilence = time.Minute

// Health returns nil if the watcher is healthy, and the reason if it is not: it has halted, it has not reached any node yet, or no node has
// answered for maxSilence.
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

// Handler returns the HTTP handler of the proofs, the status and the metrics.
func (w *Watcher) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/", proofstore.Handler(w.config.Proofs, func() any { return w.Status() }, w.Health))
	return mux
}

// metrics are the Prometheus metrics of the watcher, the Go runtime and the process.
type metrics struct {
	registry               *prometheus.Registry
	height, proved, halted prometheus.Gauge
	transactions           *prometheus.CounterVec
	proving                prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry:     prometheus.NewRegistry(),
		height:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_height", Help: "Last block that was verified and executed."}),
		proved:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_proved_height", Help: "Height up to which every block has been handled."}),
		halted:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_halted", Help: "1 if the watcher has halted; /v1/status has the reason."}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "starkd_watcher_transactions_total", Help: "Transactions handled, by status: proved or not_provable."}, []string{"status"}),
		proving:      prometheus.NewHistogram(prometheus.HistogramOpts{Name: "starkd_watcher_proving_seconds", Help: "Time to prove one trace.", Buckets: prometheus.ExponentialBuckets(1, 2, 12)}),
	}
	m.registry.MustRegister(m.height, m.proved, m.halted, m.transactions, m.proving,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
