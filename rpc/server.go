package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Config bounds what a server does for a client. Zero values mean the defaults.
type Config struct {
	MaxBody       int64         // bytes of a request; 6 MiB, which holds the largest class as JSON
	CORSOrigin    string        // whose pages may ask; "*", any: there are no cookies, and nothing here is secret
	MaxBatch      int           // requests in a batch; 100
	Timeout       time.Duration // of a body, be it one request or a batch; 30 s
	MaxExecutions int           // calls, sent transactions, estimates, simulations and traces that run at once; twice the processors
	MaxSimulated  int           // transactions in an estimate or a simulation; 100
	MaxChunk      int           // events in a page; 1024
	MaxKeys       int           // keys in an event filter; 1024
	MaxAddresses  int           // addresses in an event filter; 128
	MaxScan       int           // blocks that one page of events looks through; 10,000
	MaxProofKeys  int           // classes, contracts and slots in a request for a storage proof; 1000
	MaxReads      int           // requests that read and are answered at once; 2 for each processor
	MaxBuffered   int           // bytes of bodies, answers and websockets' queues held at once; 64 MiB
	MaxAnswer     int           // bytes of a batch's answers: beyond it the rest of its requests is refused; 32 MiB
	Log           *slog.Logger  // slog.Default()

	MaxSockets       int           // websockets at once; 256
	MaxSubscriptions int           // of a websocket; 64
	MaxQueue         int           // bytes that wait for a websocket's client, more only if it is one message; 1 MiB
	StallTimeout     time.Duration // for which a client may read nothing while its queue is full; 10 s
	PingInterval     time.Duration // between pings on a websocket, two of which may go unanswered; 30 s
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&c.MaxBatch, 100}, {&c.MaxExecutions, 2 * runtime.GOMAXPROCS(0)}, {&c.MaxSimulated, 100},
		{&c.MaxChunk, 1024}, {&c.MaxKeys, 1024}, {&c.MaxAddresses, 128}, {&c.MaxScan, 10_000}, {&c.MaxProofKeys, 1000},
		{&c.MaxSockets, 256}, {&c.MaxSubscriptions, 64}, {&c.MaxQueue, 1 << 20},
		{&c.MaxReads, 2 * runtime.GOMAXPROCS(0)}, {&c.MaxBuffered, 64 << 20}, {&c.MaxAnswer, 32 << 20},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.MaxBody == 0 {
		c.MaxBody = 6 << 20
	}
	if c.CORSOrigin == "" {
		c.CORSOrigin = "*"
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = 10 * time.Second
	}
	if c.PingInterval == 0 {
		c.PingInterval = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

// Server answers JSON-RPC requests about a Backend over HTTP and websockets. It is an http.Handler for the paths /, /rpc,
// /rpc/v0_10 and /rpc/v0_9, of websockets also with /ws before them. Whoever has one with a Notifier calls Shutdown in the end.
type Server struct {
	backend       Backend
	config        Config
	methods       map[string]method
	subscribing   map[string]method // those that only a websocket has
	executions    chan struct{}     // a token for each call and sent transaction that runs: no long work of strangers keeps them waiting
	simulations   chan struct{}     // the same for estimates, simulations and traces
	classes       chan struct{}     // for those of DECLAREs, which wait for classes to be compiled
	declares      chan struct{}     // the same for classes that are sent: to hash and compile them takes long, and others do not wait for it
	reads         chan struct{}     // a token for each request that runs and executes nothing, and each notification that is made
	budget        budget
	subscriptions atomic.Uint64 // ever made
	feed          *feed
}

// NewServer returns a server of the chain behind backend. Without a Notifier its websockets have no subscriptions.
func NewServer(backend Backend, config Config) *Server {
	config.setDefaults()
	s := &Server{
		backend: backend, config: config, methods: map[string]method{}, subscribing: map[string]method{},
		executions: make(chan struct{}, config.MaxExecutions-config.MaxExecutions/2), simulations: make(chan struct{}, max(1, config.MaxExecutions/2)),
		declares: make(chan struct{}, maxDeclares), classes: make(chan struct{}, maxDeclares), reads: make(chan struct{}, config.MaxReads),
	}
	s.budget.most.Store(int64(config.MaxBuffered))
	for _, m := range methods {
		s.methods[m.name] = m
	}
	if _, ok := backend.(Tracer); ok {
		for _, m := range traceMethods {
			s.methods[m.name] = m
		}
	}
	if _, ok := backend.(Notifier); ok {
		for _, m := range subscriptionMethods {
			s.subscribing[m.name] = m
		}
	}
	s.feed = newFeed(s)
	return s
}

// specVersions says which version of the specification answers under a path.
var specVersions = map[string]string{
	"":             SpecVersion,
	"/rpc":         SpecVersion,
	"/rpc/v0_10":   SpecVersion,
	"/rpc/v0_10_2": SpecVersion,
	"/rpc/v0_9":    SpecVersion09,
	"/rpc/v0_9_0":  SpecVersion09,
}

// ServeHTTP answers a POST of one request or a batch, and browsers' preflight requests, and serves websockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, onlyWS := wsPath(strings.TrimSuffix(r.URL.Path, "/"))
	version, ok := specVersions[path]
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case websocket.IsWebSocketUpgrade(r):
		s.serveWebsocket(w, r, version)
		return
	case onlyWS:
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "a websocket is served here", http.StatusUpgradeRequired)
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", s.config.CORSOrigin)
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, *")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPost:
	default:
		h.Set("Allow", "POST, OPTIONS")
		http.Error(w, "JSON-RPC takes POST", http.StatusMethodNotAllowed)
		return
	}

	body, taken, err := s.readBody(http.MaxBytesReader(w, r.Body, s.config.MaxBody))
	if err != nil {
		s.budget.give(taken)
		status, refusal := http.StatusBadRequest, errInvalidRequest.With(err.Error())
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		} else if busy, ok := errors.AsType[*Error](err); ok {
			status, refusal = http.StatusServiceUnavailable, busy
		}
		s.write(w, status, s.encode(newResponse(nullID, nil, refusal)))
		return
	}
	reply := s.handle(r.Context(), version, body, nil)
	s.budget.give(taken)
	if reply == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	defer s.budget.give(reply.taken)
	s.write(w, http.StatusOK, reply)
}

// handle answers a body, or a message of a socket: with a response, a list of them, or nil if there were only notifications. The
// caller gives back what the answer has taken of the budget.
func (s *Server) handle(ctx context.Context, version string, body []byte, k *socket) *answer {
	reqs, errs, batch, err := parseRequests(body, s.config.MaxBatch)
	if err != nil {
		return s.encode(newResponse(nullID, nil, err))
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	out, size := &answer{batch: batch}, 0
	for i := range reqs {
		var piece []byte
		taken := 0
		switch {
		case errs[i] != nil:
			piece = s.marshal(newResponse(reqs[i].ID, nil, errs[i]))
		case size > s.config.MaxAnswer:
			refusal := errLimit.With(fmt.Sprintf("the answers before this one take %d bytes, a batch's at most %d", size, s.config.MaxAnswer))
			piece = s.marshal(newResponse(reqs[i].ID, nil, refusal))
		default:
			piece, taken = s.respond(ctx, version, &reqs[i], k, size)
		}
		if reqs[i].ID == nil {
			s.budget.give(taken)
			continue
		}
		out.pieces = append(out.pieces, piece)
		out.taken += taken
		size += len(piece)
	}
	if len(out.pieces) == 0 {
		return nil
	}
	return out
}

// respond runs one request and encodes the response: against the budget, if it and the bytes before it in the answer are not small.
func (s *Server) respond(ctx context.Context, version string, req *request, k *socket, before int) (piece []byte, taken int) {
	gate := s.reads
	switch m := s.methods[req.Method]; {
	case m.name == addDeclare:
		gate = s.declares
	case simulating[m.name]:
		gate = s.simulations
	case m.executes:
		gate = s.executions
	}
	var t turn
	if err := t.take(ctx, gate); err != nil {
		return s.marshal(newResponse(req.ID, nil, err)), 0
	}
	defer t.give()
	result, err := s.dispatch(ctx, version, req, k, &t)
	piece = s.marshal(newResponse(req.ID, result, err))
	if before+len(piece) <= smallAnswer {
		return piece, 0
	}
	if !s.budget.try(len(piece)) {
		return s.marshal(newResponse(req.ID, nil, s.errBusy())), 0
	}
	return piece, len(piece)
}

// turn is a token that a request holds while it runs.
type turn struct{ gate chan struct{} }

// take waits for a token of another gate, and gives back the one that is held.
func (t *turn) take(ctx context.Context, gate chan struct{}) *Error {
	t.give()
	select {
	case gate <- struct{}{}:
		t.gate = gate
		return nil
	case <-ctx.Done():
		return errInternal.With("the node is busy")
	}
}

// give gives back the token, if one is held.
func (t *turn) give() {
	if t.gate != nil {
		<-t.gate
		t.gate = nil
	}
}

// simulating are the methods that may run much for nothing.
var simulating = map[string]bool{
	"starknet_estimateFee": true, "starknet_simulateTransactions": true, "starknet_traceTransaction": true, "starknet_traceBlockTransactions": true,
}

const (
	addDeclare  = "starknet_addDeclareTransaction"
	maxDeclares = 1 // of them that run at once
)

// dispatch runs one request.
func (s *Server) dispatch(ctx context.Context, version string, req *request, k *socket, t *turn) (result any, rpcErr *Error) {
	m, ok := s.methods[req.Method]
	if !ok {
		m, ok = s.subscribing[req.Method]
		if ok && k == nil {
			return nil, errMethodNotFound.With(req.Method + " needs a websocket: /ws")
		}
	}
	if !ok {
		return nil, errMethodNotFound.With(clip([]byte(req.Method)))
	}
	params, err := parseParams(req.Params, m.params)
	if err != nil {
		return nil, errInvalidParams.With(err.Error())
	}
	if version == SpecVersion09 {
		delete(params.members, since010[req.Method])
		defer func() {
			if rpcErr != nil {
				rpcErr = rpcErr.in09(req.Method)
			}
		}()
	}
	defer func() {
		if p := recover(); p != nil { // a bug in one method is not the others' end
			s.config.Log.Error("rpc: panic", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
			result, rpcErr = nil, errInternal
		}
	}()
	c := &call{Context: ctx, object: params, server: s, backend: s.backend, version: version, socket: k, turn: t}
	result, err = m.run(c)
	if err == nil {
		return result, nil
	}
	if c.err != nil { // reading the parameters failed
		return nil, asError(c.err)
	}
	return nil, s.clientError(ctx, req.Method, err)
}

// clientError is err as the client may see it: a text that is not for clients goes to the log.
func (s *Server) clientError(ctx context.Context, what string, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if ctx.Err() != nil {
		return errInternal.With(fmt.Sprintf("no answer within %v", s.config.Timeout))
	}
	s.config.Log.Error("rpc: request failed", "method", what, "error", err)
	return errInternal
}

// encode is the answer that is one response.
func (s *Server) encode(r *response) *answer { return &answer{pieces: [][]byte{s.marshal(r)}} }

// marshal encodes a response, as an internal error if its result does not encode.
func (s *Server) marshal(r *response) []byte {
	b, err := marshal(r)
	if err != nil {
		s.config.Log.Error("rpc: answer does not encode", "error", err)
		b, _ = marshal(newResponse(r.ID, nil, errInternal))
	}
	return b
}

// write sends an answer.
func (s *Server) write(w http.ResponseWriter, status int, a *answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := a.writeTo(w); err != nil {
		s.config.Log.Debug("rpc: client went away", "error", err)
	}
}
