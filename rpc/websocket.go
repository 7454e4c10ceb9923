package rpc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// JSON-RPC over a websocket. A message of the client is what the body of a POST is, and is answered in turn. A socket has three
// goroutines: the handler's, which reads and answers, one that writes what is queued, and one that follows the chain for its
// subscriptions (feed.go). Whatever waits for a client is bounded by Config.MaxQueue: a full queue holds up its own socket, and
// one out of which nothing goes for Config.StallTimeout ends it.

// handshakeTimeout bounds the answer to a client that wants a websocket, lingerTimeout the wait for its part of a goodbye.
const (
	handshakeTimeout = 10 * time.Second
	lingerTimeout    = time.Second
)

// wsPath is the path of the HTTP methods that a websocket's path stands for: clients put /ws before it, with or without the
// /rpc, or ask for a websocket under the very path.
func wsPath(path string) (rpcPath string, ws bool) {
	rest, ok := strings.CutPrefix(path, "/ws")
	if !ok || rest != "" && rest[0] != '/' {
		return path, false
	}
	if strings.HasPrefix(rest, "/v0_") {
		rest = "/rpc" + rest
	}
	return rest, true
}

// closing says how a socket ends: with a close frame, or without one if the code is 0 because the client is gone.
type closing struct {
	code   int
	reason string
}

// socket is the websocket of a client.
type socket struct {
	server  *Server
	conn    *websocket.Conn
	version string
	ctx     context.Context // ends with the socket
	cancel  context.CancelFunc

	mu     sync.Mutex
	queue  [][]byte
	queued int           // bytes of the queue and of the message that is being written
	ready  chan struct{} // holds a value when the writer has something to do
	room   chan struct{} // closed when a message was written
	ending *closing      // once, and then nothing is queued any more
	parted bool          // the writer is done; what it leaves the reader is a last deadline

	subs  []*subscription // that are fed, in the order they were made
	fresh []*subscription // whose ids the client has not been told yet
	pool  []poolNews
	poke  chan struct{} // holds a value when the feeder has something to do beside new blocks
}

// poolNews is a transaction that entered the mempool.
type poolNews struct {
	tx     starknet.Transaction
	hash   felt.Felt
	sender felt.Felt // it costs a hash: once for all subscriptions
}

func newSocket(s *Server, version string) *socket {
	k := &socket{
		server: s, version: version,
		ready: make(chan struct{}, 1), room: make(chan struct{}), poke: make(chan struct{}, 1),
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// serveWebsocket upgrades a request and serves its socket to the end.
func (s *Server) serveWebsocket(w http.ResponseWriter, r *http.Request, version string) {
	k := newSocket(s, version)
	defer k.cancel()
	if !s.feed.enter(k) {
		http.Error(w, "no more websockets at the moment", http.StatusServiceUnavailable)
		return
	}
	defer s.feed.leave(k)
	upgrader := websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10, CheckOrigin: s.originAllowed,
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.config.Log.Debug("rpc: no websocket", "error", err)
		return // the upgrader has answered
	}
	k.mu.Lock()
	k.conn = conn
	k.mu.Unlock()
	var running sync.WaitGroup
	running.Go(k.write)
	running.Go(k.follow)
	k.read()
	k.end(0, "")
	running.Wait()
	conn.Close()
}

// originAllowed is the policy of Config.CORSOrigin: browsers say whose page asks, and only they must be kept from asking.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || s.config.CORSOrigin == "*" || strings.EqualFold(origin, s.config.CORSOrigin)
}

// read answers the client's messages until there are no more. A socket that ends is read on for the client's goodbye.
func (k *socket) read() {
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
		case is(err, errLimit):
			k.end(websocket.CloseTryAgainLater, "the node is busy") // and read on for the goodbye
		case errors.Is(err, websocket.ErrReadLimit):
			return // a close frame with code 1009 is sent
		default:
			k.server.config.Log.Debug("rpc: websocket ended", "error", err)
			return
		}
	}
}

// next reads a message against the server's budget, of which it returns how much it has taken.
func (k *socket) next() (message []byte, taken int, err error) {
	_, r, err := k.conn.NextReader()
	if err != nil {
		return nil, 0, err
	}
	return k.server.readBody(r)
}

// is reports whether err has the code of e.
func is(err error, e *Error) bool {
	got, ok := errors.AsType[*Error](err)
	return ok && got.Code == e.Code
}

// extend gives the client time to show a sign of life: two pings may go unanswered.
func (k *socket) extend() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.parted {
		return nil // the writer has set it
	}
	return k.conn.SetReadDeadline(time.Now().Add(5 * k.server.config.PingInterval / 2))
}

// receive answers one message. Subscriptions that it made begin after the answer.
func (k *socket) receive(message []byte) {
	if k.ctx.Err() != nil {
		return
	}
	if reply := k.server.handle(k.ctx, k.version, message, k); reply != nil {
		k.put(nil, reply.bytes())
		k.server.budget.give(reply.taken)
	}
	k.activate()
}

// put queues a message, and waits while the queue is full. It reports whether the message is queued: it is not if the socket
// ends, or if the subscription that it is of, unless nil, has ended.
func (k *socket) put(of *subscription, message []byte) bool {
	var stall *time.Timer
	for {
		k.mu.Lock()
		if k.ending != nil || of != nil && of.ended {
			k.mu.Unlock()
			return false
		}
		// One message always fits, so that a socket makes progress while others fill the budget.
		empty := k.queued == 0
		if empty || k.queued+len(message) <= k.server.config.MaxQueue && k.server.budget.try(len(message)) {
			if empty {
				k.server.budget.take(len(message))
			}
			k.queue = append(k.queue, message)
			k.queued += len(message)
			k.mu.Unlock()
			signal(k.ready)
			return true
		}
		room := k.room
		k.mu.Unlock()
		if stall == nil {
			stall = time.NewTimer(k.server.config.StallTimeout)
			defer stall.Stop()
		} else {
			stall.Reset(k.server.config.StallTimeout)
		}
		select {
		case <-room:
		case <-k.ctx.Done():
			return false
		case <-stall.C:
			k.end(websocket.ClosePolicyViolation, "too slow: nothing was read for "+k.server.config.StallTimeout.String())
			return false
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// end ends the socket, the first time that it is called. What is queued is dropped: the close frame follows the message that is
// being written.
func (k *socket) end(code int, reason string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending != nil {
		return
	}
	k.ending = &closing{code, reason}
	for _, message := range k.queue {
		k.queued -= len(message)
		k.server.budget.give(len(message))
	}
	k.queue = nil
	k.cancel()
	for _, sub := range k.subs {
		k.server.feed.interest(sub, -1)
	}
	k.subs, k.fresh, k.pool = nil, nil, nil
	signal(k.ready)
}

// take is the next message to write, nil if there is none, and how the socket ends, nil if it does not.
func (k *socket) take() ([]byte, *closing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending != nil || len(k.queue) == 0 {
		return nil, k.ending
	}
	message := k.queue[0]
	k.queue[0] = nil
	k.queue = k.queue[1:]
	return message, nil
}

// written makes room for others after a message.
func (k *socket) written(message []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.queued -= len(message)
	k.server.budget.give(len(message))
	close(k.room)
	k.room = make(chan struct{})
}

// write sends what is queued, and a ping from time to time. A message has twice the time of a stalled queue: a client that reads
// again within it still learns why its socket ends.
func (k *socket) write() {
	ping := time.NewTicker(k.server.config.PingInterval)
	defer ping.Stop()
	patience := 2 * k.server.config.StallTimeout
	for {
		message, ending := k.take()
		switch {
		case ending != nil:
			k.part(ending)
			return
		case message != nil:
			k.conn.SetWriteDeadline(time.Now().Add(patience))
			if err := k.conn.WriteMessage(websocket.TextMessage, message); err != nil {
				k.server.config.Log.Debug("rpc: websocket is not read", "error", err)
				k.end(0, "")
			}
			k.written(message)
		default:
			select {
			case <-k.ready:
			case <-ping.C:
				if err := k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
					k.end(0, "")
				}
			}
		}
	}
}

// part says goodbye and leaves the client a moment to do so too: what is closed with unread data loses what is under way.
func (k *socket) part(ending *closing) {
	now := time.Now()
	deadline := now
	if ending.code != 0 {
		goodbye := websocket.FormatCloseMessage(ending.code, ending.reason)
		if k.conn.WriteControl(websocket.CloseMessage, goodbye, now.Add(lingerTimeout)) == nil {
			deadline = now.Add(lingerTimeout)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.parted = true
	k.conn.SetReadDeadline(deadline)
}
