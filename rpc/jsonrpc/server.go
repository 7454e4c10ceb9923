package jsonrpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/internal/bounded"
)

// Server answers JSON-RPC requests over HTTP and websockets. A server that has had websockets must be stopped with Shutdown.
type Server struct {
	config Config
	open   func(*Socket) Session
	reads  Gate // for requests without another gate, and for reading and encoding notifications
	budget budget

	mu      sync.Mutex
	sockets map[*Socket]struct{}
	closed  bool
	running sync.WaitGroup // counts sockets
}

// NewServer returns a server. open is called with each new websocket and returns its Session; a nil open means no sessions.
func NewServer(config Config, open func(*Socket) Session) *Server {
	config.setDefaults()
	s := &Server{config: config, open: open, reads: NewGate(config.MaxReads), sockets: map[*Socket]struct{}{}}
	s.budget.most.Store(int64(config.MaxBuffered))
	return s
}

// Handler returns a handler of the methods of a table. It serves POST requests with one request or a batch, the preflight requests of
// browsers, and websockets.
func (s *Server) Handler(methods Table) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			s.serveWebsocket(w, r, methods)
			return
		}
		s.serveHTTP(w, r, methods)
	})
}

// WebsocketHandler returns a handler of the methods of a table that serves websockets only.
func (s *Server) WebsocketHandler(methods Table) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.IsWebSocketUpgrade(r) {
			s.serveWebsocket(w, r, methods)
			return
		}
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "a websocket is served here", http.StatusUpgradeRequired)
	})
}

// serveHTTP answers an HTTP request that is not an upgrade to a websocket.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request, methods Table) {
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
		status, rejection := http.StatusBadRequest, errInvalidRequest.With(err.Error())
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		} else if busy, ok := errors.AsType[*Error](err); ok {
			status, rejection = http.StatusServiceUnavailable, busy
		}
		s.write(w, status, s.encode(newResponse(nullID, nil, rejection)))
		return
	}
	reply := s.handle(r.Context(), methods, body, nil)
	s.budget.give(taken)
	if reply == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	defer s.budget.give(reply.taken)
	s.write(w, http.StatusOK, reply)
}

// handle answers the body of a POST or a message of a socket. The answer is a response, a list of responses, or nil if there were only
// notifications. The caller must give back answer.taken to the budget.
func (s *Server) handle(ctx context.Context, methods Table, body []byte, k *Socket) *answer {
	reqs, errs, batch, err := parseRequests(body, s.config.MaxBatch)
	if err != nil {
		return s.encode(newResponse(nullID, nil, err))
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	out, size := &answer{batch: batch}, 0
	var full *Error // the error of the first answer that did not fit the budget; later requests are not run
	for i := range reqs {
		var piece []byte
		taken := 0
		switch {
		case errs[i] != nil:
			piece = s.marshal(newResponse(reqs[i].ID, nil, errs[i]))
		case size > s.config.MaxAnswer:
			rejection := ErrLimit.With(fmt.Sprintf("the earlier answers of this batch take %d bytes, at most %d", size, s.config.MaxAnswer))
			piece = s.marshal(newResponse(reqs[i].ID, nil, rejection))
		case full != nil:
			piece = s.marshal(newResponse(reqs[i].ID, nil, full))
		default:
			piece, taken, full = s.respond(ctx, methods, &reqs[i], k, size)
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

// respond runs one request and encodes the response. It takes the response from the budget unless it is small together with the earlier
// bytes of the answer. If it does not fit, the response is an error, which respond also returns as full.
func (s *Server) respond(ctx context.Context, methods Table, req *request, k *Socket, before int) (piece []byte, taken int, full *Error) {
	gate := s.reads
	m := methods[req.Method]
	if m != nil && m.Gate != nil {
		gate = m.Gate
	}
	c := &Call{Context: ctx, Socket: k}
	if err := c.turn.take(ctx, gate); err != nil {
		return s.marshal(newResponse(req.ID, nil, err)), 0, nil
	}
	defer c.turn.give()
	result, err := s.dispatch(c, m, req)
	piece = s.marshal(newResponse(req.ID, result, err))
	if before+len(piece) <= smallAnswer {
		return piece, 0, nil
	}
	if !s.budget.try(len(piece)) {
		full = s.errBusy()
		return s.marshal(newResponse(req.ID, nil, full)), 0, full
	}
	return piece, len(piece), nil
}

// dispatch runs one request. m is its method, or nil if there is no such method.
func (s *Server) dispatch(c *Call, m *Method, req *request) (result any, rpcErr *Error) {
	switch {
	case m == nil:
		return nil, errMethodNotFound.With(bounded.Clip([]byte(req.Method)))
	case m.Socket && c.Socket == nil:
		return nil, errMethodNotFound.With(req.Method + " needs a websocket: " + s.config.SocketPath)
	}
	var err error
	if c.Params, err = parseParams(req.Params, m.Params); err != nil {
		return nil, ErrInvalidParams.With(err.Error())
	}
	defer func() {
		if p := recover(); p != nil { // a bug in one method must not stop the server
			s.config.Log.Error("rpc: panic", "method", req.Method, "panic", p, "stack", string(debug.Stack()))
			result, rpcErr = nil, errInternal
		}
	}()
	if result, err = m.Run(c); err != nil {
		return nil, s.clientError(c, req.Method, err)
	}
	return result, nil
}

// clientError returns the error that the client sees for err. It logs an error whose text is not meant for clients.
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

// encode returns an answer with one response.
func (s *Server) encode(r *response) *answer { return &answer{pieces: [][]byte{s.marshal(r)}} }

// marshal encodes a response. If the result cannot be encoded, the response is an internal error.
func (s *Server) marshal(r *response) []byte {
	b, err := Marshal(r)
	if err != nil {
		s.config.Log.Error("rpc: answer does not encode", "error", err)
		b, _ = Marshal(newResponse(r.ID, nil, errInternal))
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

// Shutdown closes all websockets with code 1001 and waits until they have ended. When ctx ends it closes their connections at once and
// returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for k := range s.sockets {
		k.Close(websocket.CloseGoingAway, "the node stops")
	}
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.sockets {
		k.cut()
	}
	return ctx.Err()
}

// enter registers a socket. It returns false if there are too many sockets or the server is shut down.
func (s *Server) enter(k *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.sockets) >= s.config.MaxSockets {
		return false
	}
	s.sockets[k] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Server) leave(k *Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, k)
	s.running.Done()
}
