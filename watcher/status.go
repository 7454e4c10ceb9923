package watcher

import (
	"context"
	"encoding/json"
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
	"github.com/starkd/starkd/watcher/queue"
)

// Status is the progress of a watcher: the body of GET /v1/status.
type Status struct {
	ChainID      string `json:"chain_id"`
	Connected    bool   `json:"connected"`     // whether the websocket of the followed node is connected
	Height       int64  `json:"height"`        // last block that was verified and executed
	ProvedHeight uint64 `json:"proved_height"` // height up to which every block has been handled
	// AcceptedHeight is the height up to which more than two thirds of the validators' power have verified all proofs, in the state of block Height. It is
	// absent on a chain whose validators do not vote about proofs.
	AcceptedHeight *uint64 `json:"accepted_height,omitempty"`
	// Proving and ProvingLast are the first and the last block of the proof that is being made, 0 for none. ProvingTransactions and ProvingSteps are the
	// numbers of its transactions and of its steps, ProvingSecondsLeft is an estimate, 0 if there is none.
	Proving             int64         `json:"proving,omitempty"`
	ProvingLast         uint64        `json:"proving_last,omitempty"`
	ProvingStage        string        `json:"proving_stage,omitempty"`
	ProvingTransactions int           `json:"proving_transactions,omitempty"`
	ProvingSteps        uint64        `json:"proving_steps,omitempty"`
	ProvingSecondsLeft  int64         `json:"proving_seconds_left,omitempty"`
	Waiting             Waiting       `json:"waiting"`
	Progress            string        `json:"progress,omitempty"`   // the proof that is being made, in words
	Queue               *queue.Status `json:"queue,omitempty"`      // the jobs and the workers; absent if the watcher makes the proofs itself
	LastError           string        `json:"last_error,omitempty"` // errors of operations that are being retried
	Halted              string        `json:"halted,omitempty"`     // why the watcher has halted
	SecurityBits        uint          `json:"security_bits"`        // conjectured security of a proof
	ProvenBits          uint          `json:"proven_bits"`          // proven security of a proof
	OSProgramHash       string        `json:"os_program_hash"`
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
	if height, ok, err := w.app.Proved(uint64(s.Height)); ok && err == nil {
		s.AcceptedHeight = &height
	}
	w.progress.status(&s)
	s.Waiting = w.Waiting()
	if w.pool != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Queue, _ = w.pool.queue.Status(ctx) // nil while the queue does not answer
	}
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
	mux.HandleFunc("GET /healthz", w.serveHealth)
	mux.Handle("/", proofstore.Handler(w.config.Proofs, func() any { return w.Status() }, w.Health))
	return mux
}

// serveHealth answers 503 with the reason if the watcher is unhealthy. A growing lag is a detail of a healthy watcher.
func (w *Watcher) serveHealth(out http.ResponseWriter, _ *http.Request) {
	out.Header().Set("Access-Control-Allow-Origin", "*")
	out.Header().Set("Content-Type", "application/json")
	answer := map[string]string{"status": "ok"}
	if err := w.Health(); err != nil {
		out.WriteHeader(http.StatusServiceUnavailable)
		answer = map[string]string{"error": err.Error()}
	} else if waiting := w.Waiting(); waiting.Grows {
		answer["detail"] = fmt.Sprintf("proving falls behind: %d transactions wait, about %d s", waiting.Transactions, waiting.Seconds)
	}
	json.NewEncoder(out).Encode(answer)
}

// metrics are the Prometheus metrics of the watcher, the Go runtime and the process.
type metrics struct {
	registry               *prometheus.Registry
	height, proved, halted prometheus.Gauge

	waiting, waitingSteps, waitingSeconds prometheus.Gauge // see Waiting

	transactions *prometheus.CounterVec
	proving      prometheus.Histogram
	phases       *prometheus.CounterVec
}

// phase returns a function that adds the time since now to a phase.
func (m *metrics) phase(name string) func() {
	started := time.Now()
	return func() { m.phases.WithLabelValues(name).Add(time.Since(started).Seconds()) }
}

func newMetrics() *metrics {
	m := &metrics{
		registry:       prometheus.NewRegistry(),
		height:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_height", Help: "Last block that was verified and executed."}),
		proved:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_proved_height", Help: "Height up to which every block has been handled."}),
		halted:         prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_halted", Help: "1 if the watcher has halted; /v1/status has the reason."}),
		waiting:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_waiting_transactions", Help: "Executed transactions that wait for a proof."}),
		waitingSteps:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_waiting_steps", Help: "Estimated steps of the transactions that wait."}),
		waitingSeconds: prometheus.NewGauge(prometheus.GaugeOpts{Name: "starkd_watcher_waiting_seconds", Help: "Estimated time to prove the transactions that wait."}),
		transactions:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "starkd_watcher_transactions_total", Help: "Transactions handled, by status: proved or not_provable."}, []string{"status"}),
		proving:        prometheus.NewHistogram(prometheus.HistogramOpts{Name: "starkd_watcher_proving_seconds", Help: "Time to prove one trace.", Buckets: prometheus.ExponentialBuckets(1, 2, 12)}),
	}
	m.phases = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "starkd_watcher_phase_seconds_total", Help: "Time spent in each phase: replay, record, run (the OS program), prove (with the check of the proof), finish (witness and check), store."}, []string{"phase"})
	m.registry.MustRegister(m.phases, m.height, m.proved, m.halted, m.waiting, m.waitingSteps, m.waitingSeconds, m.transactions, m.proving,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
