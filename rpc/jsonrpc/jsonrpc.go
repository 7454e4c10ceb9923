// Package jsonrpc is a JSON-RPC 2.0 server over HTTP and websockets. It knows no method: a Table says which there are, and a Session
// makes the notifications of a websocket. What a client can make the server hold or do is bounded by Config.
//
//	s := jsonrpc.NewServer(jsonrpc.Config{}, nil)
//	http.Handle("/", s.Handler(jsonrpc.Table{"ping": {Run: func(*jsonrpc.Call) (any, error) { return "pong", nil }}}))
package jsonrpc

import (
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"time"
)

// DefaultMaxBody is the bound on a request's bytes where Config names none.
const DefaultMaxBody = 16 << 20

// Config bounds what a server does for a client. Zero values mean the defaults.
type Config struct {
	MaxBody    int64         // bytes of a request; DefaultMaxBody
	CORSOrigin string        // the origin whose pages may send requests; "*", any: there are no cookies, and nothing here is secret
	MaxBatch   int           // requests in a batch; 100
	Timeout    time.Duration // of a body, be it one request or a batch; 30 s
	MaxReads   int           // requests of methods without a gate that run at once; 2 for each processor
	MaxAnswer  int           // bytes of a batch's answers: beyond it the rest of its requests is rejected; 32 MiB
	Log        *slog.Logger  // slog.Default()

	// MaxBuffered bounds the bytes of bodies, answers and websockets' queues held at once; 64 MiB.
	MaxBuffered int

	SocketPath   string        // where websockets are served, for the error to a client that uses HTTP instead
	MaxSockets   int           // websockets at once; 256
	MaxQueue     int           // bytes that wait for a websocket's client, more only if it is one message; 1 MiB
	StallTimeout time.Duration // for which a client may read nothing while its queue is full; 10 s
	PingInterval time.Duration // between pings on a websocket, two of which may go unanswered; 30 s
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&c.MaxBatch, 100}, {&c.MaxReads, 2 * runtime.GOMAXPROCS(0)}, {&c.MaxAnswer, 32 << 20},
		{&c.MaxBuffered, 64 << 20}, {&c.MaxSockets, 256}, {&c.MaxQueue, 1 << 20},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&c.Timeout, 30 * time.Second}, {&c.StallTimeout, 10 * time.Second}, {&c.PingInterval, 30 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.CORSOrigin == "" {
		c.CORSOrigin = "*"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

// Table holds methods by name.
type Table map[string]*Method

// Method is what answers the requests for one method.
type Method struct {
	Params []string // their names by position
	Gate   Gate     // bounds how many run at once; nil: Config.MaxReads
	Socket bool     // only websockets have it
	// Run answers a request. An *Error is sent to the client as it is; any other error becomes an internal error whose text only the log
	// sees.
	Run func(*Call) (any, error)
}

// Call is one request while it is answered.
type Call struct {
	context.Context                            // ends after Config.Timeout
	Params          map[string]json.RawMessage // by name
	Socket          *Socket                    // nil over HTTP

	turn turn
}

// Gate bounds what runs at once: each running request holds a token.
type Gate chan struct{}

// NewGate returns a gate of n tokens.
func NewGate(n int) Gate { return make(Gate, n) }

// Wait waits for a token of another gate, and gives back the one that the request holds. It fails when the request's time is over.
func (c *Call) Wait(gate Gate) error {
	if err := c.turn.take(c, gate); err != nil {
		return err
	}
	return nil
}

// turn is a token that a request holds while it runs.
type turn struct{ gate Gate }

// take waits for a token of another gate, and gives back the one that is held.
func (t *turn) take(ctx context.Context, gate Gate) *Error {
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
