// Package jsonrpc is a JSON-RPC 2.0 server over HTTP and websockets. A Table has the methods, and a Session sends the notifications of a
// websocket. Config bounds the memory and the work that a client can cause.
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

// DefaultMaxBody is the default of Config.MaxBody, in bytes.
const DefaultMaxBody = 16 << 20

// Config bounds the memory and the work of a server for its clients. A zero value means the default, given last in each comment.
type Config struct {
	MaxBody    int64         // bytes of a request; DefaultMaxBody
	CORSOrigin string        // the origin whose pages may send requests, "*" for any (there are no cookies and no secrets); "*"
	MaxBatch   int           // requests in a batch; 100
	Timeout    time.Duration // time to answer a body, a single request or a batch; 30 s
	MaxReads   int           // concurrent requests for methods without a gate; 2 for each processor
	MaxAnswer  int           // bytes of a batch's answers, beyond which its other requests are rejected; 32 MiB
	Log        *slog.Logger  // the logger; slog.Default()

	// MaxBuffered bounds the bytes of all bodies, answers and websockets' queues together; 64 MiB.
	MaxBuffered int

	SocketPath   string        // the websockets' path, for the error to a client that uses HTTP instead
	MaxSockets   int           // concurrent websockets; 256
	MaxQueue     int           // bytes that wait for a websocket's client; a single message may be larger; 1 MiB
	StallTimeout time.Duration // how long a client may read nothing while its queue is full; 10 s
	PingInterval time.Duration // time between pings on a websocket, of which two may stay unanswered; 30 s
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

// Table has the methods by name.
type Table map[string]*Method

// Method is a method and its implementation.
type Method struct {
	Params []string // the names of the parameters by position
	Gate   Gate     // bounds the concurrent requests; nil means Config.MaxReads
	Socket bool     // the method exists on websockets only
	// Run answers a request. An *Error is sent to the client unchanged. The client sees any other error as an internal error; its text is
	// logged.
	Run func(*Call) (any, error)
}

// Call is one request that is being answered.
type Call struct {
	context.Context                            // ends after Config.Timeout
	Params          map[string]json.RawMessage // by name
	Socket          *Socket                    // nil over HTTP

	turn turn
}

// Gate bounds the number of concurrent requests: each running request holds a token.
type Gate chan struct{}

// NewGate returns a gate of n tokens.
func NewGate(n int) Gate { return make(Gate, n) }

// Wait gives back the token that the request holds and waits for one of another gate. It returns an error when the request's context
// ends.
func (c *Call) Wait(gate Gate) error {
	if err := c.turn.take(c, gate); err != nil {
		return err
	}
	return nil
}

// turn is a token that a request holds while it runs.
type turn struct{ gate Gate }

// take gives back the token that is held, if any, and waits for one of a gate.
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
