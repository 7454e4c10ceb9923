package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/starkd/starkd/rpc/jsonrpc"
)

// Config bounds the work of a server for its clients. A zero value means the default, given last in each comment.
type Config struct {
	Transport jsonrpc.Config

	MaxExecutions    int // concurrent calls, sent transactions, estimates, simulations and traces; twice the processors
	MaxSimulated     int // transactions in an estimate or a simulation; 100
	MaxChunk         int // events in a page; 1024
	MaxKeys          int // keys in an event filter; 1024
	MaxAddresses     int // addresses in an event filter; 128
	MaxScan          int // blocks that are read for one page of events; 10,000
	MaxProofKeys     int // classes, contracts and slots in a request for a storage proof; 1000
	MaxSubscriptions int // subscriptions of a websocket; 64
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&c.MaxExecutions, 2 * runtime.GOMAXPROCS(0)}, {&c.MaxSimulated, 100},
		{&c.MaxChunk, 1024}, {&c.MaxKeys, 1024}, {&c.MaxAddresses, 128}, {&c.MaxScan, 10_000}, {&c.MaxProofKeys, 1000},
		{&c.MaxSubscriptions, 64},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	c.Transport.SocketPath = "/ws"
	if c.Transport.Log == nil {
		c.Transport.Log = slog.Default()
	}
}

// Server answers JSON-RPC requests about a Backend over HTTP and websockets. It is an http.Handler for the paths /, /rpc,
// /rpc/v0_10 and /rpc/v0_9; websockets may have /ws before them. A server with a Notifier must be stopped with Shutdown.
type Server struct {
	backend       Backend
	config        Config
	transport     *jsonrpc.Server
	paths         map[string]http.Handler
	executions    jsonrpc.Gate  // for calls and sent transactions, so that they do not wait for simulations, which take longer
	simulations   jsonrpc.Gate  // for estimates, simulations and traces
	classes       jsonrpc.Gate  // for estimates and simulations with DECLAREs, which wait for classes to be compiled
	declares      jsonrpc.Gate  // for sent DECLAREs, so that others do not wait while their classes are hashed and compiled
	subscriptions atomic.Uint64 // the number of subscriptions made so far
	feed          *feed
}

// maxDeclares bounds the sent DECLAREs that are read concurrently, and the concurrent simulations with DECLAREs.
const maxDeclares = 1

// NewServer returns a server of the chain behind backend. Without a Notifier its websockets have no subscriptions.
func NewServer(backend Backend, config Config) *Server {
	config.setDefaults()
	s := &Server{
		backend: backend, config: config, paths: map[string]http.Handler{},
		executions: jsonrpc.NewGate(config.MaxExecutions - config.MaxExecutions/2), simulations: jsonrpc.NewGate(max(1, config.MaxExecutions/2)),
		declares: jsonrpc.NewGate(maxDeclares), classes: jsonrpc.NewGate(maxDeclares),
	}
	s.feed = newFeed(s)
	s.transport = jsonrpc.NewServer(config.Transport, s.feed.open)
	tables := map[string]jsonrpc.Table{SpecVersion: s.table(SpecVersion), SpecVersion09: s.table(SpecVersion09)}
	for path, version := range specVersions {
		s.paths[path] = s.transport.Handler(tables[version])
		// Clients put /ws before the path, with or without its /rpc, or open a websocket at the path for HTTP.
		socket := s.transport.WebsocketHandler(tables[version])
		s.paths["/ws"+path] = socket
		if v, ok := strings.CutPrefix(path, "/rpc/"); ok {
			s.paths["/ws/"+v] = socket
		}
	}
	return s
}

// specVersions maps paths to versions of the specification.
var specVersions = map[string]string{
	"":             SpecVersion,
	"/rpc":         SpecVersion,
	"/rpc/v0_10":   SpecVersion,
	"/rpc/v0_10_2": SpecVersion,
	"/rpc/v0_9":    SpecVersion09,
	"/rpc/v0_9_0":  SpecVersion09,
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := s.paths[strings.TrimSuffix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	handler.ServeHTTP(w, r)
}

// Buffered returns the number of bytes that the server holds for its clients.
func (s *Server) Buffered() int64 { return s.transport.Buffered() }

// Shutdown closes all websockets with code 1001 and waits until they have ended. When ctx ends it closes their connections at once and
// returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.feed.close()
	return s.transport.Shutdown(ctx)
}

// table returns the methods that the backend supports, in a version of the specification.
func (s *Server) table(version string) jsonrpc.Table {
	table := jsonrpc.Table{}
	add := func(rows []method, socket bool) {
		for _, m := range rows {
			table[m.name] = &jsonrpc.Method{Params: m.params, Gate: s.gate(&m), Socket: socket, Run: s.run(m, version)}
		}
	}
	add(methods, false)
	if _, ok := s.backend.(Tracer); ok {
		add(traceMethods, false)
	}
	if _, ok := s.backend.(Notifier); ok {
		add(subscriptionMethods, true)
	}
	return table
}

// gate returns the gate that bounds the concurrent requests for a method, nil for a method that only reads.
func (s *Server) gate(m *method) jsonrpc.Gate {
	switch m.runs {
	case executes:
		return s.executions
	case simulates:
		return s.simulations
	case declares:
		return s.declares
	}
	return nil
}

// run returns the function that answers requests for a method in a version.
func (s *Server) run(m method, version string) func(*jsonrpc.Call) (any, error) {
	return func(request *jsonrpc.Call) (any, error) {
		c := &call{Context: request, object: &object{members: request.Params}, server: s, backend: s.backend, version: version, request: request}
		if c.old() {
			delete(c.members, since010[m.name])
		}
		result, err := m.run(c)
		if err == nil {
			return result, nil
		}
		if c.err != nil { // reading the parameters failed
			err = asError(c.err)
		}
		if e, ok := errors.AsType[*jsonrpc.Error](err); ok && c.old() {
			err = in09(e, m.name)
		}
		return nil, err
	}
}

// failure is an error of the backend while parameters are read. It does not mean that they are invalid.
type failure struct{ error }

// asError returns the error for the client if reading the parameters returned err: an error of the specification and an error of the backend
// unchanged, else ErrInvalidParams.
func asError(err error) error {
	if e, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return e
	}
	if f, ok := err.(failure); ok {
		return f.error
	}
	return jsonrpc.ErrInvalidParams.With(err.Error())
}
