package node

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/node/home"
)

// TestPace proposes blocks next to watchers that report different lags: the block holds what the fastest watcher can prove within
// app.proof_lag_max after what waits there, and one transaction if no watcher answers for that long.
func TestPace(t *testing.T) {
	c := newVotingChain(t, home.Network{})
	status := make([]string, 2)
	var urls []string
	for i := range status {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/status" || status[i] == "" {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			fmt.Fprint(w, status[i])
		}))
		defer server.Close()
		urls = append(urls, server.URL)
	}
	log := new(syncBuffer)
	p := newPacer(c.app, &config.Watch{URLs: urls}, 4*time.Second, slog.New(slog.NewTextHandler(log, nil)))
	now := time.Unix(1_000_000, 0)
	p.now, p.answered = func() time.Time { return now }, now
	waits := c.transfers(12)
	propose := func(why string, want int) {
		t.Helper()
		p.update(t.Context())
		head := c.app.Store().Head()
		txs, err := c.app.Propose(&app.Block{Height: head.Height + 1, Timestamp: head.Timestamp + 1, Proposer: []byte("twenty bytes address"), Txs: waits}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(txs) != want {
			t.Errorf("%s: a block of %d transactions, want %d", why, len(txs), want)
		}
	}
	report := func(height, waiting int, rate float64) string {
		return fmt.Sprintf(`{"chain_id":"PROOFS","height":%d,"waiting":{"transactions":%d,"transactions_per_second":%g,"transaction_steps":2400}}`, height, waiting, rate)
	}
	propose("no watcher has answered yet", 12)
	status[0] = report(0, 0, 0)
	propose("nothing proved yet", 1)
	status[0] = report(0, 0, 1.25)
	propose("5 in 4 s", 5)
	status[0] = report(0, 2, 1.25)
	propose("2 wait", 3)
	status[0] = report(0, 100, 1.25)
	propose("100 wait", 1)
	status[1] = report(0, 4, 2)
	propose("another is faster", 4)
	status[1] = strings.Replace(report(0, 0, 3), "PROOFS", "OTHER", 1)
	propose("another chain's", 1)
	status[0], status[1] = "", report(0, 0, 1e9)
	propose("too good, within the bound", 1)
	status[1] = report(0, 0, 1.25)
	propose("answers", 5)
	status[1] = ""
	now = now.Add(4 * time.Second)
	propose("silent for the bound", 5)
	now = now.Add(time.Millisecond)
	propose("silent for longer", 1)
	if n := strings.Count(log.String(), "no watcher answers"); n != 1 {
		t.Errorf("%d warnings, want 1: %s", n, log)
	}
	status[1] = report(0, 0, 100)
	propose("answers again", 12)
	if !strings.Contains(log.String(), "answers again") {
		t.Errorf("no word of the end of silence: %s", log)
	}

	// Transactions of blocks that the watcher has not executed yet wait too.
	next := c.sent
	c.sent = 0
	c.add(3)
	c.sent, waits = next, waits[3:]
	status[1] = report(1, 0, 1.25)
	propose("executed by the watcher", 5)
	status[1] = report(0, 0, 1.25)
	propose("not executed by the watcher", 2)
}

// FuzzPace reads any bytes as a watcher's status. An accepted one never overflows.
func FuzzPace(f *testing.F) {
	c := newVotingChain(f, home.Network{})
	p := newPacer(c.app, new(config.Watch), 24*time.Hour, slog.New(slog.DiscardHandler))
	f.Add([]byte(`{"chain_id":"PROOFS","height":0,"waiting":{"transactions":1,"transactions_per_second":2,"transaction_steps":3}}`))
	f.Add([]byte(`{"chain_id":"PROOFS","height":-9223372036854775808,"waiting":{"transactions_per_second":1e6,"transaction_steps":16777216}}`))
	f.Add([]byte(`{"chain_id":"PROOFS","waiting":{"transactions":-1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		pace, err := p.read(data)
		if err == nil && (pace.Steps < stepsMargin || pace.Transactions > maxRate*86400 || pace.Steps/stepsMargin < pace.Transactions) {
			t.Errorf("%+v", pace)
		}
	})
}
