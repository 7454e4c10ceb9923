package jsonrpc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// JSON-RPC over a websocket. A client's message is handled like the body of a POST, and messages are answered in order. A socket has three
// goroutines: the handler's reads and answers messages, one writes the queue, and the Session's sends notifications. Config.MaxQueue bounds
// the queue. A full queue blocks its own socket only; a full queue from which nothing is sent for Config.StallTimeout ends the socket.

// Session sends the notifications of one websocket, usually those of its subscriptions.
type Session interface {
	// Run is called on its own goroutine. It must return when the socket's context ends.
	Run()
	// Answered is called after the answer to a message is queued. From then on, notifications that depend on the message may be sent.
	Answered()
	// Ended is called once, when the socket ends. Nothing is sent afterwards.
	Ended()
}

// Codes to close a socket (RFC 6455, section 7.4.1).
const (
	ClosePolicyViolation = websocket.ClosePolicyViolation
	CloseInternalError   = websocket.CloseInternalServerErr
)

// handshakeTimeout bounds the upgrade to a websocket, lingerTimeout the wait for the client's close frame.
const (
	handshakeTimeout = 10 * time.Second
	lingerTimeout    = time.Second
)

// closeReason is the content of a close frame. Code 0 means that no close frame is sent, because the client is gone.
type closeReason struct {
	code int
	text string
}

// Socket is the websocket of a client.
type Socket struct {
	Session Session // nil if the server has none

	server  *Server
	conn    *websocket.Conn
	methods Table
	ctx     context.Context // ends with the socket
	cancel  context.CancelFunc

	mu             sync.Mutex
	queue          [][]byte
	queued         int           // bytes of the queue and of the message that is being written
	ready          chan struct{} // has a value when the writer has work
	spaceAvailable chan struct{} // closed when a message was written, and replaced
	closeReason    *closeReason  // nil while the socket is open; set once, after which nothing is queued
	handshaking    bool          // the writer has sent the close frame and set the reader's last deadline
}

func newSocket(s *Server, methods Table) *Socket {
	k := &Socket{server: s, methods: methods, ready: make(chan struct{}, 1), spaceAvailable: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// Context returns a context that ends with the socket.
func (k *Socket) Context() context.Context { return k.ctx }

// serveWebsocket upgrades a request and serves the socket until it ends.
func (s *Server) serveWebsocket(w http.ResponseWriter, r *http.Request, methods Table) {
	k := newSocket(s, methods)
	defer k.cancel()
	if s.open != nil {
		k.Session = s.open(k)
	}
	if !s.enter(k) {
		k.Close(0, "")
		http.Error(w, "no more websockets at the moment", http.StatusServiceUnavailable)
		return
	}
	defer s.leave(k)
	upgrader := websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10, CheckOrigin: s.originAllowed,
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		k.Close(0, "")
		s.config.Log.Debug("rpc: no websocket", "error", err)
		return // the upgrader has answered
	}
	k.mu.Lock()
	k.conn = conn
	k.mu.Unlock()
	var running sync.WaitGroup
	running.Go(k.write)
	if k.Session != nil {
		running.Go(k.Session.Run)
	}
	k.read()
	k.Close(0, "")
	running.Wait()
	conn.Close()
}

// originAllowed reports whether Config.CORSOrigin allows the request. Only browsers send an Origin header, and only they need the check.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || s.config.CORSOrigin == "*" || strings.EqualFold(origin, s.config.CORSOrigin)
}

// read answers the client's messages until the connection ends. After Close it still reads, to receive the client's close frame.
func (k *Socket) read() {
	k.conn.SetReadLimit(k.server.config.MaxBody)
	k.conn.SetPongHandler(func(string) error { return k.extend() })
	for k.extend() == nil {
		message, taken, err := k.next()
		if err == nil {
			k.receive(message)
		}
		k.server.budget.give(taken)
		switch {
		case err == nil:
		case errors.Is(err, ErrLimit):
			k.Close(websocket.CloseTryAgainLater, "the node is busy") // the loop reads until the close frame
		case errors.Is(err, websocket.ErrReadLimit):
			return // gorilla/websocket has sent a close frame with code 1009
		default:
			k.server.config.Log.Debug("rpc: websocket ended", "error", err)
			return
		}
	}
}

// next reads a message. It returns the number of bytes that it has taken from the server's budget.
func (k *Socket) next() (message []byte, taken int, err error) {
	_, r, err := k.conn.NextReader()
	if err != nil {
		return nil, 0, err
	}
	return k.server.readBody(r)
}

// extend moves the read deadline, so that two pings may stay unanswered.
func (k *Socket) extend() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.handshaking {
		return nil // the writer has set the last deadline
	}
	return k.conn.SetReadDeadline(time.Now().Add(5 * k.server.config.PingInterval / 2))
}

// receive answers one message.
func (k *Socket) receive(message []byte) {
	if k.ctx.Err() != nil {
		return
	}
	if reply := k.server.handle(k.ctx, k.methods, message, k); reply != nil {
		k.put(reply.bytes(), nil)
		k.server.budget.give(reply.taken)
	}
	if k.Session != nil {
		k.Session.Answered()
	}
}

// put queues a message and waits while the queue is full. It drops the message if the socket has ended, or if open is not nil and
// returns false. open is called with the socket locked, so that no message follows the answer to the request that made open return
// false.
func (k *Socket) put(message []byte, open func() bool) {
	var stall *time.Timer
	for {
		k.mu.Lock()
		if k.closeReason != nil || open != nil && !open() {
			k.mu.Unlock()
			return
		}
		// One message always fits, so that each socket makes progress while others fill the budget.
		empty := k.queued == 0
		if empty || k.queued+len(message) <= k.server.config.MaxQueue && k.server.budget.try(len(message)) {
			if empty {
				k.server.budget.take(len(message))
			}
			k.queue = append(k.queue, message)
			k.queued += len(message)
			k.mu.Unlock()
			signal(k.ready)
			return
		}
		spaceAvailable := k.spaceAvailable
		k.mu.Unlock()
		if stall == nil {
			stall = time.NewTimer(k.server.config.StallTimeout)
			defer stall.Stop()
		} else {
			stall.Reset(k.server.config.StallTimeout)
		}
		select {
		case <-spaceAvailable:
		case <-k.ctx.Done():
			return
		case <-stall.C:
			k.Close(websocket.ClosePolicyViolation, "too slow: nothing was read for "+k.server.config.StallTimeout.String())
			return
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Close ends the socket. Queued messages are dropped, and the close frame follows the message that is being written. With code 0 there is
// no close frame. Only the first call has an effect.
func (k *Socket) Close(code int, reason string) {
	if k.close(code, reason) && k.Session != nil {
		k.Session.Ended()
	}
}

func (k *Socket) close(code int, reason string) (first bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closeReason != nil {
		return false
	}
	k.closeReason = &closeReason{code, reason}
	for _, message := range k.queue {
		k.queued -= len(message)
		k.server.budget.give(len(message))
	}
	k.queue = nil
	k.cancel()
	signal(k.ready)
	return true
}

// take returns the next message to write, or nil if there is none, and the reason if the socket has ended, else nil.
func (k *Socket) take() ([]byte, *closeReason) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closeReason != nil || len(k.queue) == 0 {
		return nil, k.closeReason
	}
	message := k.queue[0]
	k.queue[0] = nil
	k.queue = k.queue[1:]
	return message, nil
}

// written frees the space of a written message.
func (k *Socket) written(message []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.queued -= len(message)
	k.server.budget.give(len(message))
	close(k.spaceAvailable)
	k.spaceAvailable = make(chan struct{})
}

// write sends the queued messages, and pings. The timeout of a write is twice StallTimeout, so that a client that resumes reading within
// it still receives the close frame with the reason.
func (k *Socket) write() {
	ping := time.NewTicker(k.server.config.PingInterval)
	defer ping.Stop()
	timeout := 2 * k.server.config.StallTimeout
	for {
		message, reason := k.take()
		switch {
		case reason != nil:
			k.closeHandshake(reason)
			return
		case message != nil:
			k.conn.SetWriteDeadline(time.Now().Add(timeout))
			if err := k.conn.WriteMessage(websocket.TextMessage, message); err != nil {
				k.server.config.Log.Debug("rpc: websocket is not read", "error", err)
				k.Close(0, "")
			}
			k.written(message)
		default:
			select {
			case <-k.ready:
			case <-ping.C:
				if err := k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(timeout)); err != nil {
					k.Close(0, "")
				}
			}
		}
	}
}

// closeHandshake sends a close frame and lets the reader wait up to lingerTimeout for the client's. Closing a TCP connection with unread
// data resets it and may drop frames in flight.
func (k *Socket) closeHandshake(reason *closeReason) {
	now := time.Now()
	deadline := now
	if reason.code != 0 {
		frame := websocket.FormatCloseMessage(reason.code, reason.text)
		if k.conn.WriteControl(websocket.CloseMessage, frame, now.Add(lingerTimeout)) == nil {
			deadline = now.Add(lingerTimeout)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handshaking = true
	k.conn.SetReadDeadline(deadline)
}

// cut closes the connection without a close frame.
func (k *Socket) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		k.conn.NetConn().Close()
	}
}

// Reading runs f as one of the Config.MaxReads concurrent reads. f should read the chain or encode. If the socket ends before there is
// room, the error is that of its context.
func (k *Socket) Reading(f func() error) error {
	select {
	case k.server.reads <- struct{}{}:
		defer func() { <-k.server.reads }()
		return f()
	case <-k.ctx.Done():
		return k.ctx.Err()
	}
}

// Notify sends a notification, unless open is not nil and returns false. It waits while the client's queue is full. It returns an error if
// the notification cannot be encoded or the socket has ended.
func (k *Socket) Notify(method string, params any, open func() bool) error {
	var b []byte
	err := k.Reading(func() (err error) {
		b, err = Marshal(notification{"2.0", method, params})
		return err
	})
	if err != nil {
		return err
	}
	k.put(b, open)
	return k.ctx.Err()
}

// notification is a notification from the server to the client.
type notification struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}
