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

// Config bounds what a server does for a client. Zero values mean the defaults.
type Config struct {
	Transport jsonrpc.Config

	MaxExecutions    int // calls, sent transactions, estimates, simulations and traces that run at once; twice the processors
	MaxSimulated     int // transactions in an estimate or a simulation; 100
	MaxChunk         int // events in a page; 1024
	MaxKeys          int // keys in an event filter; 1024
	MaxAddresses     int // addresses in an event filter; 128
	MaxScan          int // blocks that one page of events looks through; 10,000
	MaxProofKeys     int // classes, contracts and slots in a request for a storage proof; 1000
	MaxSubscriptions int // of a websocket; 64
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
// /rpc/v0_10 and /rpc/v0_9, of websockets also with /ws before them. A server with a Notifier must be stopped with Shutdown.
type Server struct {
	backend       Backend
	config        Config
	transport     *jsonrpc.Server
	paths         map[string]http.Handler
	executions    jsonrpc.Gate  // calls and sent transactions: simulations, which take longer, do not keep them waiting
	simulations   jsonrpc.Gate  // estimates, simulations and traces
	classes       jsonrpc.Gate  // those of DECLAREs, which wait for classes to be compiled
	declares      jsonrpc.Gate  // classes that are sent: to hash and compile them takes long, and others do not wait for it
	subscriptions atomic.Uint64 // ever made
	feed          *feed
}

// maxDeclares is how many DECLAREs are read, and how many are simulated, at once.
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
		// Clients put /ws before the path, with or without its /rpc, or open a websocket at the path of the HTTP methods.
		socket := s.transport.WebsocketHandler(tables[version])
		s.paths["/ws"+path] = socket
		if v, ok := strings.CutPrefix(path, "/rpc/"); ok {
			s.paths["/ws/"+v] = socket
		}
	}
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

// ServeHTTP answers a request under one of the paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := s.paths[strings.TrimSuffix(r.URL.Path, "/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	handler.ServeHTTP(w, r)
}

// Buffered returns how many bytes the server holds for its clients.
func (s *Server) Buffered() int64 { return s.transport.Buffered() }

// Shutdown closes all websockets with the reason that the node stops, and waits until they are gone. When ctx ends it cuts their
// connections.
func (s *Server) Shutdown(ctx context.Context) error {
	s.feed.close()
	return s.transport.Shutdown(ctx)
}

// table returns the methods that the backend has, in a version of the specification.
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

// gate returns what bounds how many requests for a method run at once, nil for those that only read.
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

// run returns what answers a method's requests in a version.
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

// failure is an error of the backend while parameters are read: they are not invalid.
type failure struct{ error }

// asError returns an error of reading the parameters as the client may see it: as it is if the specification has it, as invalid
// parameters otherwise.
func asError(err error) error {
	if e, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return e
	}
	if f, ok := err.(failure); ok {
		return f.error
	}
	return jsonrpc.ErrInvalidParams.With(err.Error())
}
