package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	MaxExecutions int           // calls, estimates, simulations and traces that run at once; twice the processors
	MaxSimulated  int           // transactions in an estimate or a simulation; 100
	MaxChunk      int           // events in a page; 1024
	MaxKeys       int           // keys in an event filter; 1024
	MaxAddresses  int           // addresses in an event filter; 128
	MaxScan       int           // blocks that one page of events looks through; 10,000
	MaxProofKeys  int           // classes, contracts and slots in a request for a storage proof; 1000
	Log           *slog.Logger  // slog.Default()

	MaxSockets       int           // websockets at once; 256
	MaxSubscriptions int           // of a websocket; 64
	MaxQueue         int           // bytes that wait for a websocket's client, more only if it is one message; 4 MiB
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
		{&c.MaxSockets, 256}, {&c.MaxSubscriptions, 64}, {&c.MaxQueue, 4 << 20},
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
	executions    chan struct{}     // a token for each that runs
	declares      chan struct{}     // the same for classes that are sent: to hash and compile them takes long, and others do not wait for it
	subscriptions atomic.Uint64     // ever made
	feed          *feed
}

// NewServer returns a server of the chain behind backend. Without a Notifier its websockets have no subscriptions.
func NewServer(backend Backend, config Config) *Server {
	config.setDefaults()
	s := &Server{
		backend: backend, config: config, methods: map[string]method{}, subscribing: map[string]method{},
		executions: make(chan struct{}, config.MaxExecutions), declares: make(chan struct{}, maxDeclares),
	}
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

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.config.MaxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		s.write(w, status, newResponse(nullID, nil, errInvalidRequest.With(err.Error())))
		return
	}
	reply := s.handle(r.Context(), version, body, nil)
	if reply == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.write(w, http.StatusOK, reply)
}

// handle answers a body, or a message of a socket: with a response, a list of them, or nil if there were only notifications.
func (s *Server) handle(ctx context.Context, version string, body []byte, k *socket) any {
	reqs, errs, batch, err := parseRequests(body, s.config.MaxBatch)
	if err != nil {
		return newResponse(nullID, nil, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	var replies []*response
	for i := range reqs {
		reply := newResponse(reqs[i].ID, nil, errs[i])
		if reply.Err == nil {
			reply.Result, reply.Err = s.dispatch(ctx, version, &reqs[i], k)
		}
		if reqs[i].ID != nil {
			replies = append(replies, reply)
		}
	}
	switch {
	case len(replies) == 0:
		return nil
	case batch:
		return replies
	}
	return replies[0]
}

const (
	addDeclare  = "starknet_addDeclareTransaction"
	maxDeclares = 1 // of them that run at once
)

// dispatch runs one request.
func (s *Server) dispatch(ctx context.Context, version string, req *request, k *socket) (result any, rpcErr *Error) {
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
	if m.executes {
		running := s.executions
		if m.name == addDeclare {
			running = s.declares
		}
		select {
		case running <- struct{}{}:
			defer func() { <-running }()
		case <-ctx.Done():
			return nil, errInternal.With("the node is busy")
		}
	}
	c := &call{Context: ctx, object: params, server: s, backend: s.backend, version: version, socket: k}
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

// write sends v as JSON.
func (s *Server) write(w http.ResponseWriter, status int, v any) {
	b, err := marshal(v)
	if err != nil {
		s.config.Log.Error("rpc: answer does not encode", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(b); err != nil {
		s.config.Log.Debug("rpc: client went away", "error", err)
	}
}
