package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/watcher"
)

// This file bounds the blocks that a node proposes by what the watchers can prove in time (app.proof_lag_max). It asks the watchers of
// watch.urls for their status and believes the one that promises most: a block is proved once one watcher has proved it, and a watcher that
// reports a false lag cannot slow the chain down while another keeps up.

// pacer sets the pace of an application's proposals.
type pacer struct {
	app    *app.App
	urls   []string
	most   time.Duration // within which a proposed block shall be proved
	log    *slog.Logger
	client *http.Client
	poll   time.Duration
	now    func() time.Time

	answered time.Time // when a watcher last answered
	silent   bool      // no watcher has answered for most, and the log says so
}

const (
	pacePoll    = time.Second
	paceTimeout = 5 * time.Second
	// maxStatus bounds the bytes of a watcher's status.
	maxStatus = 1 << 20
	// maxUnseen bounds the blocks that a watcher may be behind before it is taken as not answering.
	maxUnseen = 10_000
	// stepsMargin is how many VM steps a transaction may be counted for each of its steps in the OS program. An engine that counts gas / 100 as
	// steps counts about twice as many.
	stepsMargin = 4
	// Bounds on what a watcher may say.
	maxRate, maxWaiting, maxTransactionSteps = 1e6, 1 << 30, 1 << 24
)

func newPacer(a *app.App, watch *config.Watch, most time.Duration, log *slog.Logger) *pacer {
	return &pacer{
		app: a, urls: watch.URLs, most: most, log: log, poll: pacePoll, now: time.Now,
		client: watcherClient(paceTimeout),
	}
}

// run sets the pace until ctx ends.
func (p *pacer) run(ctx context.Context) {
	defer p.client.CloseIdleConnections()
	p.answered = p.now()
	for {
		p.update(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.poll):
		}
	}
}

// update asks the watchers and sets the pace. While none of them has answered the last pace holds, and after the time of the bound one
// transaction a block.
func (p *pacer) update(ctx context.Context) {
	if p.app.Genesis() == nil || p.app.Store().Head() == nil {
		return
	}
	var best *app.Pace
	var faults []error
	for _, u := range p.urls {
		pace, err := p.ask(ctx, u)
		if err != nil {
			faults = append(faults, err)
		} else if best == nil || pace.Transactions > best.Transactions {
			best = pace
		}
	}
	switch now := p.now(); {
	case best != nil:
		p.app.SetPace(best)
		if p.silent {
			p.log.Info("a watcher answers again: blocks are as large as it can prove in time", "proof_lag_max", p.most)
		}
		p.answered, p.silent = now, false
	case now.Sub(p.answered) > p.most && !p.silent && ctx.Err() == nil:
		p.log.Warn("no watcher answers: this node proposes one transaction a block", "proof_lag_max", p.most, "err", errors.Join(faults...))
		p.app.SetPace(&app.Pace{})
		p.silent = true
	}
}

// ask returns what a watcher can prove in time besides what waits there.
func (p *pacer) ask(ctx context.Context, base string) (*app.Pace, error) {
	data, err := fetch(ctx, p.client, maxStatus+1, base, "v1", "status")
	if err != nil {
		return nil, err
	}
	pace, err := p.read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	return pace, nil
}

// read computes the pace from a watcher's status: what it proves within the bound, less what waits. Blocks that it has not executed yet wait too.
func (p *pacer) read(data []byte) (*app.Pace, error) {
	if len(data) > maxStatus {
		return nil, fmt.Errorf("a status of more than %d bytes", maxStatus)
	}
	var s struct {
		ChainID string          `json:"chain_id"`
		Height  int64           `json:"height"`
		Halted  string          `json:"halted"`
		Waiting watcher.Waiting `json:"waiting"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, err
	}
	w := &s.Waiting
	head := p.app.Store().Head()
	switch {
	case s.ChainID != p.app.Genesis().ChainID:
		return nil, fmt.Errorf("a watcher of chain %.40q, want %q", s.ChainID, p.app.Genesis().ChainID)
	case s.Halted != "":
		return nil, fmt.Errorf("the watcher has halted: %.200s", s.Halted)
	case !(w.Rate >= 0 && w.Rate <= maxRate) || w.Transactions < 0 || w.Transactions > maxWaiting || w.TransactionSteps > maxTransactionSteps:
		return nil, fmt.Errorf("%d waiting transactions of %d steps, proved at %g a second: want at most %d, %d and %g",
			w.Transactions, w.TransactionSteps, w.Rate, maxWaiting, maxTransactionSteps, float64(maxRate))
	case s.Height < 0 || int64(head.Height)-s.Height > maxUnseen:
		return nil, fmt.Errorf("the watcher is at block %d, this node at %d: want at most %d blocks between them", s.Height, head.Height, maxUnseen)
	}
	waiting := uint64(w.Transactions)
	for n := uint64(s.Height) + 1; n <= head.Height; n++ {
		header, _, ok, err := p.app.Store().Header(n)
		if err != nil || !ok {
			return nil, errors.Join(err, fmt.Errorf("block %d cannot be read", n))
		}
		waiting += header.TransactionCount
	}
	left := uint64(w.Rate * p.most.Seconds())
	left -= min(left, waiting)
	return &app.Pace{Transactions: left, Steps: max(left, 1) * max(w.TransactionSteps, 1) * stepsMargin}, nil
}
