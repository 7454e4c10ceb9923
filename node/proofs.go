package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo/vm"
	"github.com/starkd/starkd/config"
	"github.com/starkd/starkd/prover"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/watcher"
)

// This file verifies the proofs of finished blocks, so that the node can say in its votes up to which height it has seen every block proved
// (package finality). It fetches the bundle of each block from the watchers of watch.urls, in turn, and verifies it like `starkd verify`. In
// addition the bundle must describe the block that this node has executed. A block without transactions needs no proof.
//
// A node that finds no bundles states an old height in its votes. The chain then goes on without it, and the proved height too if enough other
// validators find bundles.

// proofs implements abci.Proofs.
type proofs struct {
	app      *app.App
	sources  []*proofSource
	policy   prover.Policy
	path     string // of the file with the verified height
	log      *slog.Logger
	client   *http.Client
	trusted  *headers.Genesis // nil until genesis is known
	verified atomic.Uint64
	stored   uint64        // the height in the file
	poll     time.Duration // pause between looks for new blocks
	verify   func(header *starknet.Header, data []byte) error
	// shared are the blocks of the last verified bundle, by number: blocks of one proof share their bundle, which is verified as a whole.
	shared map[uint64]*verified
	// tooLong returns an error unless each of the transactions of a block, by their indices, is too long to be proved (watcher.CheckTooLong).
	tooLong func(ctx context.Context, format statement.Format, height uint64, transactions []int) error

	accepted, refused prometheus.Counter

	mu      sync.Mutex
	waiting string // why the next block is not verified yet; "" if there is no such block
}

// verified is a block of a bundle that is verified.
type verified struct {
	anchor  *statement.Anchor
	format  statement.Format
	tooLong []int // indices of the transactions that the bundle does not cover because they are too long
}

// proofSource is a watcher, or a store that serves the same paths.
type proofSource struct {
	url    string
	from   uint64 // the block that it was last asked for
	pause  time.Duration
	after  time.Time // when it may be asked for the block again
	failed *RefusedBundle
}

// RefusedBundle is the last wrong bundle of a watcher, in a health report.
type RefusedBundle struct {
	URL    string `json:"url"`
	Block  uint64 `json:"block"`
	Reason string `json:"reason"`
}

// ProofsReport is the part of a health report about proofs. It does not change the status: a node without proofs works.
type ProofsReport struct {
	// Proved is the height up to which more than two thirds of the power have verified all proofs; blocks up to it are ACCEPTED_ON_L1.
	Proved uint64 `json:"proved_height"`
	// Verified is the height up to which this node has.
	Verified uint64 `json:"verified_height"`
	// Waiting says why the node has not verified the next block, if it has not.
	Waiting string `json:"waiting,omitempty"`
	// Refused are the wrong bundles: the last one of each watcher that served any since the start.
	Refused []RefusedBundle `json:"refused,omitempty"`
}

const (
	verifiedFile = "verified.json"
	// proofPoll is the pause between looks for new blocks to verify.
	proofPoll = 250 * time.Millisecond
	// firstProofPause is the pause before a watcher is asked again for a bundle that it does not have yet. It doubles up to lastProofPause.
	firstProofPause = 500 * time.Millisecond
	lastProofPause  = 5 * time.Second
	// refusedPause is the pause after a wrong bundle, which doubles up to lastRefusedPause, because checking it costs this node more than
	// sending it costs the watcher.
	refusedPause     = 10 * time.Second
	lastRefusedPause = 10 * time.Minute
	// fetchTimeout bounds the download of a bundle of up to stone.MaxProofJSON bytes.
	fetchTimeout = time.Minute
	// saveInterval is the number of verified blocks after which the height is stored.
	saveInterval = 20
)

// newProofs returns the verifier of a node with the state of a home.
func newProofs(a *app.App, home string, watch *config.Watch, log *slog.Logger) *proofs {
	p := &proofs{
		app: a, policy: prover.Policy{MinBits: watch.MinBits}, path: filepath.Join(home, "data", verifiedFile), log: log, poll: proofPoll,
		client:   watcherClient(fetchTimeout),
		accepted: prometheus.NewCounter(prometheus.CounterOpts{Name: "starkd_node_bundles_verified_total", Help: "Bundles of finished blocks that this node has verified."}),
		refused:  prometheus.NewCounter(prometheus.CounterOpts{Name: "starkd_node_bundles_refused_total", Help: "Bundles of watch.urls that this node has refused; /healthz has the last reason of each URL."}),
	}
	p.verify = p.check
	p.tooLong = func(ctx context.Context, format statement.Format, height uint64, transactions []int) error {
		return watcher.CheckTooLong(ctx, a, vm.NewEngine(), format, height, transactions)
	}
	for _, u := range watch.URLs {
		p.sources = append(p.sources, &proofSource{url: u})
	}
	return p
}

// Verified implements abci.Proofs.
func (p *proofs) Verified() uint64 { return p.verified.Load() }

// run verifies blocks until ctx ends. On a chain whose validators do not vote about proofs it does nothing.
func (p *proofs) run(ctx context.Context) {
	defer p.client.CloseIdleConnections()
	loaded := false
	for {
		if g := p.app.Genesis(); g != nil && p.app.Store().Head() != nil {
			if !g.ProofVotes {
				return
			}
			if !loaded {
				if err := p.begin(g); err != nil {
					p.log.Error("proofs are not verified", "err", err)
					return
				}
				loaded = true
			}
			for ctx.Err() == nil && p.next(ctx) {
			}
		}
		select {
		case <-ctx.Done():
			if loaded {
				p.save()
			}
			return
		case <-time.After(p.poll):
		}
	}
}

// begin reads the genesis in the form of package headers, and the height that was stored when the node last ran.
func (p *proofs) begin(g *app.Genesis) error {
	state, err := json.Marshal(map[string]any{"chain_id": g.ChainID, "fee_token": g.FeeToken, "fee_recipients": g.FeeRecipients})
	if err != nil {
		return err
	}
	var validators []headers.Validator
	for _, v := range g.Validators.Validators() {
		validators = append(validators, headers.Validator{Key: v.Key, Power: v.Power})
	}
	set, err := headers.NewValidatorSet(validators)
	if err != nil {
		return err
	}
	p.trusted = &headers.Genesis{ChainID: g.ChainID, Validators: set, AppState: state}
	height, err := p.load()
	if err != nil {
		p.log.Warn("the verified height is lost: proofs are verified from the first block on", "file", p.path, "err", err)
	}
	p.verified.Store(height)
	p.stored = height
	return nil
}

// verifiedBlock is the content of the file: the last verified block.
type verifiedBlock struct {
	Height uint64 `json:"height"`
	Hash   string `json:"block_hash"`
}

// load returns the stored height, 0 if there is none. The block must be this chain's.
func (p *proofs) load() (uint64, error) {
	data, err := os.ReadFile(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var v verifiedBlock
	if err := json.Unmarshal(data, &v); err != nil {
		return 0, err
	}
	_, head, ok, err := p.app.Store().Header(v.Height)
	if err != nil {
		return 0, err
	}
	if !ok || head.BlockHash.String() != v.Hash {
		return 0, fmt.Errorf("block %d with hash %.80s is not this chain's", v.Height, v.Hash)
	}
	return v.Height, nil
}

// save stores the verified height. A height that is lost is verified again.
func (p *proofs) save() {
	height := p.verified.Load()
	if height == p.stored {
		return
	}
	_, head, ok, err := p.app.Store().Header(height)
	if err == nil && ok {
		var data []byte
		if data, err = json.Marshal(verifiedBlock{height, head.BlockHash.String()}); err == nil {
			if err = os.WriteFile(p.path+".tmp", data, 0o644); err == nil {
				err = os.Rename(p.path+".tmp", p.path)
			}
		}
	}
	if err != nil {
		p.log.Warn("the verified height is not stored", "file", p.path, "err", err)
		return
	}
	p.stored = height
}

// next verifies the next finished block. It returns false if there is none, or if no source has a right bundle of it.
func (p *proofs) next(ctx context.Context) bool {
	store := p.app.Store()
	n := p.verified.Load() + 1
	// The proof of a block is checked against the header after it, so this header must be decided.
	if head := store.Head(); n+1 > head.Height {
		p.wait("")
		return false
	}
	header, _, ok, err := store.Header(n)
	if err != nil || !ok {
		p.wait(fmt.Sprintf("block %d cannot be read: %v", n, err))
		return false
	}
	if header.TransactionCount > 0 && !p.proved(ctx, header) {
		return false
	}
	p.verified.Store(n)
	if header.TransactionCount > 0 || n >= p.stored+saveInterval {
		p.save()
	}
	return true
}

// proved reports whether a source has a bundle that proves a block.
func (p *proofs) proved(ctx context.Context, header *starknet.Header) bool {
	n := header.Number
	if b := p.shared[n]; b != nil && p.compare(header, b.anchor) == nil && p.leavesOut(ctx, n, b) == nil {
		return true
	}
	for _, s := range p.sources {
		if s.from != n {
			s.from, s.pause, s.after = n, 0, time.Time{}
		}
		if time.Now().Before(s.after) {
			continue
		}
		data, err := p.fetch(ctx, s.url, n)
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			s.delay(firstProofPause, lastProofPause)
			p.wait(fmt.Sprintf("block %d: %v", n, err))
			continue
		}
		err = p.verify(header, data)
		if b := p.shared[n]; err == nil && b != nil {
			err = p.leavesOut(ctx, n, b)
		}
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			s.delay(refusedPause, lastRefusedPause)
			p.refuse(s, n, err)
			continue
		}
		p.accepted.Inc()
		return true
	}
	return false
}

// delay sets the time at which the source may be asked again.
func (s *proofSource) delay(first, last time.Duration) {
	s.pause = min(max(2*s.pause, first), last)
	s.after = time.Now().Add(s.pause)
}

func (p *proofs) wait(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = why
}

// refuse reports a wrong bundle.
func (p *proofs) refuse(s *proofSource, n uint64, err error) {
	p.refused.Inc()
	p.log.Error("a watcher serves a wrong bundle", "url", s.url, "block", n, "reason", err)
	p.mu.Lock()
	defer p.mu.Unlock()
	s.failed = &RefusedBundle{s.url, n, err.Error()}
	p.waiting = fmt.Sprintf("block %d: the bundle of %s is refused: %v", n, s.url, err)
}

// maxAnswer bounds the text of a watcher in an error.
const maxAnswer = 200

// fetch downloads the bundle of a block.
func (p *proofs) fetch(ctx context.Context, base string, n uint64) ([]byte, error) {
	return fetch(ctx, p.client, stone.MaxProofJSON+1, base, "v1", "blocks", fmt.Sprint(n), "proof") // block.Parse rejects the longer
}

// watcherClient returns an HTTP client for requests to watchers.
func watcherClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		// A redirect would let a watcher send this node's requests anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetch returns the first most bytes of a watcher's answer. An answer with another status than 200 is an error.
func fetch(ctx context.Context, client *http.Client, most int64, base string, path ...string) ([]byte, error) {
	at, err := url.JoinPath(base, path...)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		return nil, fmt.Errorf("%s answers %d: %.200q", at, response.StatusCode, bytes.TrimSpace(text))
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return data, nil
}

// check verifies a bundle as the proof of a block of this node. It accepts any bytes: a panic of a verifier is an error.
func (p *proofs) check(header *starknet.Header, data []byte) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the verifier panics: %v", fault)
		}
	}()
	b, err := block.Parse(data)
	if err != nil {
		return err
	}
	anchors, err := headers.VerifyRange(b, &headers.Trust{ChainID: p.trusted.ChainID, Genesis: p.trusted})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(anchors, func(a *statement.Anchor) bool { return a.Number == header.Number })
	if i < 0 {
		return fmt.Errorf("the bundle is of block %d and %d others, not of block %d", b.Block, len(anchors)-1, header.Number)
	}
	if err := p.compare(header, anchors[i]); err != nil {
		return err
	}
	verdict, err := block.VerifyRange(b, anchors, p.policy)
	if err != nil {
		return err
	}
	p.shared = map[uint64]*verified{}
	for i, anchor := range anchors {
		v := &verified{anchor: anchor, format: verdict.Format}
		for k, t := range verdict.Blocks[i].Outcome.Transactions {
			if t.Unproven != nil && t.Unproven.MaxSteps > 0 {
				v.tooLong = append(v.tooLong, k)
			}
		}
		p.shared[anchor.Number] = v
	}
	return nil
}

// leavesOut returns an error if a verified bundle leaves out a transaction of block n as too long that is not, and forgets the bundle's block then. A
// watcher chooses which transactions it leaves out, so the node runs each of them itself.
func (p *proofs) leavesOut(ctx context.Context, n uint64, b *verified) error {
	if len(b.tooLong) == 0 {
		return nil
	}
	err := p.tooLong(ctx, b.format, n, b.tooLong)
	if err != nil {
		delete(p.shared, n)
	}
	return err
}

// compare returns an error if the signed headers of a bundle are not those of this node's block. Two signed blocks of one height exist only after
// an attack, but a vote is about the block that the node has executed.
func (p *proofs) compare(header *starknet.Header, anchor *statement.Anchor) error {
	before, _, ok, err := p.app.Store().Header(header.Number - 1)
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("block %d cannot be read", header.Number-1))
	}
	if anchor.Before != before.StateRoot || anchor.After != header.StateRoot {
		return fmt.Errorf("the signed headers lead from state %v to %v, this node's block from %v to %v", anchor.Before, anchor.After, before.StateRoot, header.StateRoot)
	}
	return nil
}

// report returns the state of the verification, or nil on a chain whose validators do not vote about proofs.
func (p *proofs) report() *ProofsReport {
	head := p.app.Store().Head()
	if head == nil {
		return nil
	}
	proved, ok, err := p.app.Proved(head.Height)
	if err != nil || !ok {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &ProofsReport{Proved: proved, Verified: p.verified.Load(), Waiting: p.waiting}
	for _, s := range p.sources {
		if s.failed != nil {
			r.Refused = append(r.Refused, *s.failed)
		}
	}
	return r
}
