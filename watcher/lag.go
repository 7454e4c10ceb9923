package watcher

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// Waiting says how far proving is behind the replica.
type Waiting struct {
	Transactions int `json:"transactions"` // that are executed and neither proved nor recorded as not provable
	// Steps is the estimate of their steps in the OS program, and Seconds of the time until they are proved if no others come. Both are 0 before
	// the first proof.
	Steps   uint64 `json:"steps"`
	Seconds int64  `json:"seconds"`
	Grows   bool   `json:"grows,omitempty"` // Transactions has grown for minutes
	// Rate is the number of transactions proved a second while transactions waited, and TransactionSteps the mean of their steps in the OS program.
	// Both are 0 before the first proof.
	Rate             float64 `json:"transactions_per_second"`
	TransactionSteps uint64  `json:"transaction_steps"`
}

const (
	lagInterval = time.Minute
	// lagMinutes is the number of minutes that the lag must grow one after the other before the watcher says so.
	lagMinutes = 5
)

// lag counts the transactions that wait for a proof. Its functions may be called by several goroutines.
type lag struct {
	mu      sync.Mutex
	metrics *metrics

	waiting int
	// proved and busy are the transactions proved and the seconds in which some waited. Both fade, so that their quotient is the pace of the
	// last minutes.
	proved, busy float64
	since        time.Time // the end of busy: the last proof, or when transactions began to wait
	rate         float64   // transactions a second, 0 before the first
	perTx        float64   // steps a transaction
	samples      int       // minutes in a row in which waiting has grown
	previous     int       // waiting a minute ago
}

func newLag(m *metrics) *lag { return &lag{metrics: m} }

// add says that n more transactions wait.
func (l *lag) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == 0 && n > 0 {
		l.since = time.Now()
	}
	l.waiting += n
	l.show()
}

// sub says that n transactions are proved, or recorded as not provable.
func (l *lag) sub(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = max(l.waiting-n, 0)
	now := time.Now()
	l.pace(n, now.Sub(l.since))
	l.since = now
	l.show()
}

// drop says that n transactions do not wait any more, and that this watcher has not proved them.
func (l *lag) drop(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = max(l.waiting-n, 0)
	l.show()
}

// fading is the time in which a measurement of the pace loses all but 1/e of its weight.
const fading = 2 * time.Minute

// pace says that n transactions were proved in the time took. The caller holds l.mu.
func (l *lag) pace(n int, took time.Duration) {
	seconds := max(took, 0).Seconds()
	keep := math.Exp(-seconds / fading.Seconds())
	l.proved, l.busy = l.proved*keep+float64(n), l.busy*keep+seconds
	if l.busy > 0.1 {
		l.rate = l.proved / l.busy
	}
}

// measured says how many steps the runs with n transactions took.
func (l *lag) measured(n int, steps uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 {
		l.perTx = mean(l.perTx, float64(steps)/float64(n))
	}
}

// status returns the lag. The caller holds l.mu.
func (l *lag) status() Waiting {
	w := Waiting{
		Transactions: l.waiting, Steps: uint64(l.perTx * float64(l.waiting)), Grows: l.samples >= lagMinutes,
		Rate: l.rate, TransactionSteps: uint64(l.perTx),
	}
	if l.rate > 0 {
		w.Seconds = int64(math.Ceil(float64(l.waiting) / l.rate))
	}
	return w
}

// show sets the gauges. The caller holds l.mu.
func (l *lag) show() {
	w := l.status()
	l.metrics.waiting.Set(float64(w.Transactions))
	l.metrics.waitingSteps.Set(float64(w.Steps))
	l.metrics.waitingSeconds.Set(float64(w.Seconds))
}

// Waiting returns how far proving is behind the replica.
func (w *Watcher) Waiting() Waiting {
	w.lag.mu.Lock()
	defer w.lag.mu.Unlock()
	return w.lag.status()
}

// sample compares the lag with that of a minute ago. It returns a text when it has begun to grow for lagMinutes, or has stopped to.
func (l *lag) sample() (text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	grew := l.waiting > l.previous
	l.previous = l.waiting
	switch was := l.samples >= lagMinutes; {
	case grew:
		if l.samples++; l.samples%lagMinutes == 0 {
			text = fmt.Sprintf("proving falls behind: %d transactions wait", l.waiting)
		}
	case was:
		l.samples, text = 0, "proving keeps up again"
	default:
		l.samples = 0
	}
	return text
}

// watchLag logs when the lag grows for minutes, until ctx ends.
func (w *Watcher) watchLag(ctx context.Context) error {
	tick := time.NewTicker(lagInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if text := w.lag.sample(); text != "" {
			waiting := w.Waiting()
			w.log.Warn(text, "transactions", waiting.Transactions, "steps", waiting.Steps, "seconds", waiting.Seconds)
		}
	}
}
