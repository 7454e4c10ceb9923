package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/bounded"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// patience bounds the waits for expected events.
const patience = time.Minute

// wsClient is the client of a websocket. A message that is not an answer must be a notification of the specification.
type wsClient struct {
	t             testing.TB
	conn          *websocket.Conn
	spec          *openRPC
	id            int
	notifications []wsNotification // received while waiting for an answer
}

type wsNotification struct {
	method, id string
	result     json.RawMessage
}

func (n wsNotification) String() string { return n.method + " " + n.id + " " + string(n.result) }

// wsMessage is an answer or a notification.
type wsMessage struct {
	ID     *int
	Method string
	Params struct {
		ID     string `json:"subscription_id"`
		Result json.RawMessage
	}
	Result json.RawMessage
	Error  *jsonrpc.Error
}

// serveLive serves a chain over TCP until the test ends.
func serveLive(t testing.TB, backend Backend, config Config) (*Server, *httptest.Server) {
	t.Helper()
	if config.Transport.Log == nil {
		config.Transport.Log = quiet
	}
	s := NewServer(backend, config)
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		h.Close()
	})
	return s, h
}

func dialStatus(h *httptest.Server, path, origin string) (*websocket.Conn, int, error) {
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.URL, "http")+path, header)
	if response == nil {
		return conn, 0, err
	}
	return conn, response.StatusCode, err
}

func dial(t testing.TB, h *httptest.Server, path string) *wsClient {
	t.Helper()
	conn, status, err := dialStatus(h, path, "")
	if err != nil {
		t.Fatalf("%s: status %d, %v", path, status, err)
	}
	t.Cleanup(func() { conn.Close() })
	version := "v0.10.2"
	if strings.HasSuffix(path, "v0_9") {
		version = "v0.9.0"
	}
	return &wsClient{t: t, conn: conn, spec: loadOpenRPC(t, version)}
}

// read returns the next message.
func (c *wsClient) read() (wsMessage, []byte, error) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	var m wsMessage
	kind, b, err := c.conn.ReadMessage()
	if err != nil {
		return m, nil, err
	}
	if kind != websocket.TextMessage {
		c.t.Fatalf("a message of type %d", kind)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		c.t.Fatalf("%v in %s", err, b)
	}
	return m, b, nil
}

func (c *wsClient) notification(m wsMessage, raw []byte) wsNotification {
	c.t.Helper()
	spec, ok := c.spec.methods[m.Method]
	if !ok || !strings.HasPrefix(m.Method, "starknet_subscription") || m.ID != nil {
		c.t.Fatalf("neither an answer nor a notification: %s", raw)
	}
	var message map[string]any
	if err := json.Unmarshal(raw, &message); err != nil {
		c.t.Fatal(err)
	}
	params, _ := message["params"].(map[string]any)
	if len(message) != 3 || message["jsonrpc"] != "2.0" || len(params) != len(spec.params) {
		c.t.Errorf("not a notification by JSON-RPC 2.0: %s", raw)
	}
	for _, p := range spec.params {
		for _, fault := range c.spec.value(spec.document, p["schema"], params[p["name"].(string)], "$") {
			c.t.Errorf("%s: %s in %s", m.Method, fault, raw)
		}
	}
	return wsNotification{m.Method, m.Params.ID, m.Params.Result}
}

// ask sends a request and waits for its answer.
func (c *wsClient) ask(method, params string) (json.RawMessage, *jsonrpc.Error) {
	c.t.Helper()
	c.id++
	request := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`, c.id, method, params)
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(request)); err != nil {
		c.t.Fatal(err)
	}
	for {
		m, raw, err := c.read()
		if err != nil {
			c.t.Fatalf("%s: %v", method, err)
		}
		if m.ID == nil {
			c.notifications = append(c.notifications, c.notification(m, raw))
			continue
		}
		if *m.ID != c.id || (m.Result == nil) == (m.Error == nil) {
			c.t.Fatalf("answer to %s with id %d: %s", method, c.id, raw)
		}
		return m.Result, m.Error
	}
}

// subscribe adds a subscription and returns its id.
func (c *wsClient) subscribe(method, params string) string {
	c.t.Helper()
	result, err := c.ask("starknet_subscribe"+method, params)
	if err != nil {
		c.t.Fatalf("subscribe%s %s: %v", method, params, err)
	}
	for _, fault := range c.spec.result("starknet_subscribe"+method, result) {
		c.t.Errorf("subscribe%s: %s", method, fault)
	}
	var id string
	if err := json.Unmarshal(result, &id); err != nil {
		c.t.Fatal(err)
	}
	return id
}

// next returns the next notification.
func (c *wsClient) next() wsNotification {
	c.t.Helper()
	if len(c.notifications) > 0 {
		n := c.notifications[0]
		c.notifications = c.notifications[1:]
		return n
	}
	m, raw, err := c.read()
	if err != nil {
		c.t.Fatalf("waiting for a notification: %v", err)
	}
	return c.notification(m, raw)
}

// want checks that the next notification is of a subscription and contains a text.
func (c *wsClient) want(id string, texts ...string) {
	c.t.Helper()
	n := c.next()
	for _, text := range texts {
		if n.id != id || !strings.Contains(string(n.result), text) {
			c.t.Fatalf("got %v, want one of %s with %s", n, id, text)
		}
	}
}

// wantNothing checks that there is no notification before the answer to another request.
func (c *wsClient) wantNothing() {
	c.t.Helper()
	time.Sleep(50 * time.Millisecond)
	if _, err := c.ask("starknet_chainId", "[]"); err != nil {
		c.t.Fatal(err)
	}
	if len(c.notifications) > 0 {
		c.t.Fatalf("unexpected: %v", c.notifications)
	}
}

// closed waits for the end of the socket and returns the server's close frame.
func (c *wsClient) closed() *websocket.CloseError {
	c.t.Helper()
	for {
		_, _, err := c.read()
		if err == nil {
			continue
		}
		var ending *websocket.CloseError
		if !errors.As(err, &ending) {
			c.t.Fatalf("the socket ends without a close frame: %v", err)
		}
		return ending
	}
}

// TestWebsocketAnswers checks that every method has the same answers as over HTTP.
func TestWebsocketAnswers(t *testing.T) {
	over, f := newLiveChain(t), newFakeChain(t)
	cases := methodCases(t, f)
	methodCases(t, over.fakeChain)
	s := NewServer(f, Config{})
	_, h := serveLive(t, over, Config{})
	for path, version := range map[string]string{
		"/ws": "0.10.2", "/ws/": "0.10.2", "/ws/rpc": "0.10.2", "/ws/rpc/v0_10": "0.10.2", "/ws/v0_10": "0.10.2", "/rpc": "0.10.2", "/rpc/v0_10": "0.10.2", "/": "0.10.2",
		"/ws/rpc/v0_9": "0.9.0", "/ws/v0_9": "0.9.0", "/rpc/v0_9": "0.9.0",
	} {
		c := dial(t, h, path)
		if got, err := c.ask("starknet_specVersion", "[]"); err != nil || string(got) != `"`+version+`"` {
			t.Errorf("%s: version %s, %v, want %s", path, got, err, version)
		}
	}
	c := dial(t, h, "/ws")
	for _, m := range cases {
		want, wantErr := ask(t, s, "/", m.method, m.params)
		got, gotErr := c.ask(m.method, m.params)
		if !bytes.Equal(got, want) || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Errorf("%s %s:\n got %.300s, %v\nwant %.300s, %v", m.method, bounded.Clip([]byte(m.params)), got, gotErr, want, wantErr)
		}
	}
	t.Logf("%d requests", len(cases))
}

// TestWebsocketJSONRPC checks the answers to batches, to notifications from the client, and to messages that are not JSON-RPC.
func TestWebsocketJSONRPC(t *testing.T) {
	_, h := serveLive(t, newLiveChain(t), Config{Transport: jsonrpc.Config{MaxBatch: 3}})
	c := dial(t, h, "/ws")
	for _, m := range []struct{ message, want string }{
		{`hello`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{``, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
		{`{"jsonrpc":"2.0","method":"starknet_blockNumber"}`, ``},
		{`[{"jsonrpc":"2.0","id":1,"method":"starknet_blockNumber"},{"jsonrpc":"2.0","id":2,"method":"starknet_unsubscribe","params":["7"]}]`,
			`[{"jsonrpc":"2.0","id":1,"result":4},{"jsonrpc":"2.0","id":2,"error":{"code":66,"message":"Invalid subscription id"}}]`},
		{`[1,2,3,4]`, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request","data":"batch of more than 3 requests"}}`},
		{`[{"jsonrpc":"2.0","id":1,"method":"starknet_subscribeTransactionStatus","params":["0x1"]},{"jsonrpc":"2.0","id":2,"method":"starknet_unsubscribe","params":["1"]}]`,
			`[{"jsonrpc":"2.0","id":1,"result":"1"},{"jsonrpc":"2.0","id":2,"result":true}]`},
	} {
		for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
			if kind == websocket.BinaryMessage && strings.Contains(m.message, "subscribeT") {
				continue
			}
			if err := c.conn.WriteMessage(kind, []byte(m.message)); err != nil {
				t.Fatal(err)
			}
			if m.want == "" {
				continue
			}
			c.conn.SetReadDeadline(time.Now().Add(patience))
			if _, got, err := c.conn.ReadMessage(); err != nil || string(got) != m.want {
				t.Errorf("%s:\n got %s, %v\nwant %s", m.message, got, err, m.want)
			}
		}
	}
}

// TestWebsocketOverHTTP checks that over HTTP the error for a method or path of websockets says so, and checks origins and the bound on
// sockets.
func TestWebsocketOverHTTP(t *testing.T) {
	s, h := serveLive(t, newLiveChain(t), Config{Transport: jsonrpc.Config{CORSOrigin: "https://wallet.example", MaxSockets: 2}})
	if _, err := ask(t, s, "/", "starknet_subscribeNewHeads", "[]"); err == nil || err.Code != -32601 || !strings.Contains(fmt.Sprint(err.Data), "websocket") {
		t.Errorf("a subscription by HTTP: %v", err)
	}
	if status, _ := post(t, s, "/ws", "{}"); status != http.StatusUpgradeRequired {
		t.Errorf("POST /ws: status %d", status)
	}
	for _, path := range []string{"/wsx", "/ws/v0_8", "/ws/ws"} {
		if status, _ := post(t, s, path, "{}"); status != http.StatusNotFound {
			t.Errorf("POST %s: status %d", path, status)
		}
	}
	// Origins as in CORS. Clients other than browsers send none.
	for _, c := range []struct {
		origin string
		want   int
	}{{"https://evil.example", 403}, {"null", 403}, {"https://wallet.example.evil.example", 403}, {"https://wallet.example", 101}, {"", 101}} {
		conn, status, err := dialStatus(h, "/ws", c.origin)
		if status != c.want {
			t.Errorf("origin %q: status %d, %v, want %d", c.origin, status, err, c.want)
		}
		if conn != nil {
			defer conn.Close()
		}
	}
	if _, status, _ := dialStatus(h, "/ws", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a third websocket of two: status %d", status)
	}
	// A Backend that is not a Notifier has no subscriptions.
	_, h = serveLive(t, newFakeChain(t), Config{})
	if _, err := dial(t, h, "/ws").ask("starknet_subscribeNewHeads", "[]"); err == nil || err.Code != -32601 {
		t.Errorf("a subscription without a Notifier: %v", err)
	}
}

// TestMessageSize checks that a message larger than MaxBody ends the socket with the code for it.
func TestMessageSize(t *testing.T) {
	_, h := serveLive(t, newLiveChain(t), Config{Transport: jsonrpc.Config{MaxBody: 1000}})
	c := dial(t, h, "/ws")
	if err := c.conn.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte(" "), 1001)); err != nil {
		t.Fatal(err)
	}
	if e := c.closed(); e.Code != websocket.CloseMessageTooBig {
		t.Errorf("closed with %v", e)
	}
}

// TestPing checks that the server sends pings and ends the socket of a client that does not answer them.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, dial := servePipe(t, newLiveChain(t), Config{Transport: jsonrpc.Config{PingInterval: time.Minute}})
		alive, dead := dial("/ws"), dial("/ws")
		dropped := make(chan error, 1) // alive answers pings while it reads
		go func() {
			_, _, err := alive.conn.ReadMessage()
			dropped <- err
		}()
		pings := 0
		dead.conn.SetPingHandler(func(string) error { pings++; return nil })
		began := time.Now()
		if _, _, err := dead.conn.ReadMessage(); err == nil || pings != 2 || time.Since(began) != 150*time.Second {
			t.Errorf("dropped after %d pings and %v, want 2 and 2m30s: %v", pings, time.Since(began), err)
		}
		select {
		case err := <-dropped:
			t.Errorf("a client that answers pings was dropped: %v", err)
		case <-time.After(time.Hour):
		}
	})
}

// TestTalksOn checks that a client that keeps sending after the close frame is disconnected after the same time as a silent client.
func TestTalksOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dial := servePipe(t, newLiveChain(t), Config{Transport: jsonrpc.Config{PingInterval: time.Minute}})
		const linger = time.Second
		c := dial("/ws")
		c.conn.SetCloseHandler(func(int, string) error { return nil })
		go s.Shutdown(t.Context())
		if _, _, err := c.conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Fatal(err)
		}
		began := time.Now()
		for time.Since(began) < time.Hour {
			if c.conn.WriteMessage(websocket.TextMessage, []byte("{}")) != nil {
				break
			}
			time.Sleep(linger / 10)
		}
		if took := time.Since(began); took > 2*linger {
			t.Errorf("cut off after %v, want %v", took, linger)
		}
	})
}

// servePipe serves a chain like serveLive in a synctest bubble. Connections are pipes without buffers, and time advances when all goroutines
// wait.
func servePipe(t *testing.T, backend Backend, config Config) (*Server, func(path string) *wsClient) {
	t.Helper()
	config.Transport.Log = quiet
	s := NewServer(backend, config)
	listener := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	h := &http.Server{Handler: s}
	go h.Serve(listener)
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("shutdown: %v", err)
		}
		h.Close()
	})
	dialer := &websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		return ours, nil
	}}
	return s, func(path string) *wsClient {
		t.Helper()
		conn, _, err := dialer.Dial("ws://pipe"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &wsClient{t: t, conn: conn, spec: loadOpenRPC(t, "v0.10.2")}
	}
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bigReceipts returns the receipts of a block whose notifications have about 60 kB.
func bigReceipts(n uint64) ([]starknet.Transaction, []starknet.Receipt) {
	tx := &starknet.Invoke{Common: fakeCommon(1000 + n), SenderAddress: fakeAccount, Calldata: us(n)}
	return []starknet.Transaction{tx}, []starknet.Receipt{{Reverted: true, RevertReason: strings.Repeat("no ", 20_000)}}
}

// TestSlowReader checks that a client that does not read gets a close frame with the reason, and that the chain and other clients are not
// affected.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain := newLiveChain(t)
		const stall = 10 * time.Second
		s, dial := servePipe(t, chain, Config{Transport: jsonrpc.Config{MaxQueue: 100_000, StallTimeout: stall, PingInterval: time.Hour}})
		slow, quick := dial("/ws"), dial("/ws")
		slow.subscribe("NewTransactionReceipts", "{}")
		id := quick.subscribe("NewHeads", `{}`)
		quick.want(id, `"block_number":4`)
		for n := range uint64(20) {
			txs, receipts := bigReceipts(n)
			chain.grow(t, txs, receipts)
			quick.want(id, fmt.Sprintf(`"block_number":%d,`, 5+n))
		}
		time.Sleep(stall - 1)
		if s.sockets() < 2 {
			t.Errorf("the socket of a client that has read nothing for %v is closed", stall-1)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s.sockets() > 1 {
			t.Errorf("the socket of a client that has read nothing for %v is open", stall)
		}
		// A client that resumes reading within StallTimeout still receives the close frame.
		if e := slow.closed(); e.Code != websocket.ClosePolicyViolation || !strings.Contains(e.Text, "too slow") {
			t.Errorf("closed with %v", e)
		}
		chain.grow(t, nil, nil)
		quick.want(id, `"block_number":25`)
	})
}

// TestNeverReads checks that a client that never reads is disconnected and that no memory stays held for it.
func TestNeverReads(t *testing.T) {
	chain := newLiveChain(t)
	s, h := serveLive(t, chain, Config{Transport: jsonrpc.Config{MaxQueue: 300_000, StallTimeout: 200 * time.Millisecond}})
	dead := dial(t, h, "/ws")
	dead.subscribe("NewTransactionReceipts", "{}")
	for n := range uint64(400) {
		txs, receipts := bigReceipts(n)
		chain.grow(t, txs, receipts)
	}
	s.waitForSockets(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if held := s.Buffered(); held != 0 {
		t.Errorf("%d bytes of its queue are held", held)
	}
}

// TestBehind checks that the socket of a client is closed if its subscription falls more than maxBehind blocks behind.
func TestBehind(t *testing.T) {
	chain := newLiveChain(t)
	_, h := serveLive(t, chain, Config{})
	c := dial(t, h, "/ws")
	c.subscribe("NewHeads", `[{"block_number":4}]`)
	c.want("1", `"block_number":4`)
	listener := chain.listening()
	chain.mu.Lock()
	for range maxBehind + 2 {
		chain.add(t, nil, nil, &starknet.StateDiff{})
	}
	chain.mu.Unlock()
	listener.Block()
	if e := c.closed(); e.Code != websocket.ClosePolicyViolation || !strings.Contains(e.Text, "behind") {
		t.Errorf("closed with %v", e)
	}
}

// TestShutdown checks that open sockets get a close frame when the node stops, and that no goroutine and no listener is left.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	chain := newLiveChain(t)
	s := NewServer(chain, Config{Transport: jsonrpc.Config{Log: quiet}})
	h := httptest.NewServer(s)
	var clients []*wsClient
	for range 20 {
		c := dial(t, h, "/ws")
		id := c.subscribe("NewHeads", "{}")
		c.want(id, `"block_number":4`)
		c.subscribe("NewTransactions", `{"finality_status":["RECEIVED"]}`)
		clients = append(clients, c)
	}
	ended := make(chan *websocket.CloseError, len(clients))
	for _, c := range clients {
		go func() { ended <- c.closed() }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begin := time.Now()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("20 sockets end in %v", time.Since(begin))
	for range clients {
		if e := <-ended; e == nil || e.Code != websocket.CloseGoingAway || e.Text != "the node stops" {
			t.Errorf("closed with %v", e)
		}
	}
	if chain.stopped != 1 || s.feed.wanted.Load() != 0 {
		t.Errorf("stopped listening %d times, %d subscriptions counted", chain.stopped, s.feed.wanted.Load())
	}
	if err := s.Shutdown(ctx); err != nil || chain.stopped != 1 {
		t.Errorf("twice: %v", err)
	}
	if _, status, _ := dialStatus(h, "/ws", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a websocket of a server that is shut down: status %d", status)
	}
	h.Close()
	http.DefaultClient.CloseIdleConnections()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// TestShutdownCuts checks that a socket whose request does not end is disconnected when the context of Shutdown ends.
func TestShutdownCuts(t *testing.T) {
	chain := newLiveChain(t)
	stuck := make(chan struct{})
	defer close(stuck)
	s := NewServer(stuckCall{chain, stuck}, Config{Transport: jsonrpc.Config{Log: quiet}})
	h := httptest.NewServer(s)
	defer h.Close()
	c := dial(t, h, "/ws")
	call := `{"jsonrpc":"2.0","id":1,"method":"starknet_call","params":[{"contract_address":"0xacc","entry_point_selector":"0x9","calldata":[]},"latest"]}`
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(call)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown with a stuck request: %v", err)
	}
	if e := c.closed(); e.Code != websocket.CloseGoingAway {
		t.Errorf("closed with %v", e)
	}
}

// stuckCall is a chain whose calls ignore their context.
type stuckCall struct {
	*liveChain
	release chan struct{}
}

func (s stuckCall) Call(context.Context, starknet.At, FunctionCall) ([]felt.Felt, error) {
	<-s.release
	return nil, nil
}
