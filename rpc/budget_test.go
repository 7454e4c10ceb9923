package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// blocked is a client that reads nothing until it is released.
type blocked struct {
	*httptest.ResponseRecorder
	writing chan struct{}
	release chan struct{}
	once    sync.Once
}

func (b *blocked) Write(p []byte) (int, error) {
	b.once.Do(func() { b.writing <- struct{}{} })
	<-b.release
	return b.ResponseRecorder.Write(p)
}

// bigChain's block 5 takes some 200 kB with receipts.
func bigChain(t testing.TB) *liveChain {
	chain := newLiveChain(t)
	tx := &starknet.Invoke{Common: fakeCommon(1), SenderAddress: fakeAccount}
	chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{{Reverted: true, RevertReason: strings.Repeat("no ", 67_000)}})
	return chain
}

// smallAnswer is jsonrpc's: what always fits the budget.
const smallAnswer = 64 << 10

const bigRequest = `{"jsonrpc":"2.0","id":1,"method":"starknet_getBlockWithReceipts","params":["latest"]}`

// Clients that read nothing hold no more than the budget; beside them small requests are answered and large ones are told why not.
func TestAnswersThatNobodyReads(t *testing.T) {
	s := NewServer(bigChain(t), Config{Transport: jsonrpc.Config{MaxBuffered: 1 << 20, Log: quiet}})
	writing, release := make(chan struct{}), make(chan struct{})
	var clients sync.WaitGroup
	ask := func() *blocked {
		b := &blocked{ResponseRecorder: httptest.NewRecorder(), writing: writing, release: release}
		clients.Go(func() { s.ServeHTTP(b, httptest.NewRequest(http.MethodPost, "/rpc", strings.NewReader(bigRequest))) })
		<-writing
		return b
	}
	var readers []*blocked
	for range 10 {
		readers = append(readers, ask())
	}
	held := s.Buffered()
	if held > 1<<20 || held < 1<<20-250_000 {
		t.Errorf("10 clients that read nothing of 200 kB: %d bytes held, at most %d", held, 1<<20)
	}
	if status, body := post(t, s, "/rpc", bigRequest); status != http.StatusOK || !strings.Contains(body, `"code":-32005`) || !strings.Contains(body, "at most 1048576") {
		t.Errorf("a large answer beyond the budget: status %d, %.200s", status, body)
	}
	if _, body := post(t, s, "/rpc", `{"jsonrpc":"2.0","id":1,"method":"starknet_blockNumber"}`); !strings.Contains(body, `"result":5`) {
		t.Errorf("a small answer: %s", body)
	}
	close(release)
	clients.Wait()
	whole := 0
	for _, b := range readers {
		if b.Body.Len() > 200_000 {
			whole++
		}
	}
	if whole != int(held/200_000) || s.Buffered() != 0 {
		t.Errorf("%d of 10 answers whole with %d bytes held, %d bytes held in the end", whole, held, s.Buffered())
	}
}

// Bodies are held against the budget as they arrive, and given back whatever becomes of them.
func TestBodiesThatDoNotEnd(t *testing.T) {
	s := NewServer(newLiveChain(t), Config{Transport: jsonrpc.Config{MaxBuffered: 1 << 20, MaxBody: 1 << 20, Log: quiet}})
	const blank = 640 << 10
	r, w := io.Pipe()
	slow := make(chan int)
	go func() {
		recorder := httptest.NewRecorder()
		s.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/rpc", r))
		slow <- recorder.Code
	}()
	if _, err := w.Write([]byte(strings.Repeat(" ", blank))); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); s.Buffered() != blank; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes held of a body of which %d have arrived", s.Buffered(), blank)
		}
	}
	request := `{"jsonrpc":"2.0","id":1,"method":"starknet_blockNumber"}`
	for _, c := range []struct{ size, status int }{
		{1<<20 - blank + smallAnswer - 1, http.StatusOK}, // what fills no piece is not counted
		{1<<20 - blank + smallAnswer, http.StatusServiceUnavailable},
	} {
		body := request + strings.Repeat(" ", c.size-len(request))
		if status, answer := post(t, s, "/rpc", body); status != c.status {
			t.Errorf("a body of %d bytes beside one of %d: status %d, %s", c.size, blank, status, answer)
		}
		if s.Buffered() != blank {
			t.Errorf("%d bytes held after an answer, want %d", s.Buffered(), blank)
		}
	}
	w.CloseWithError(errors.New("gone"))
	if status := <-slow; status != http.StatusBadRequest || s.Buffered() != 0 {
		t.Errorf("a client that left: status %d, %d bytes held", status, s.Buffered())
	}
}

// A batch's answers end at MaxAnswer: the request that reaches it is the last that runs.
func TestBatchOfLargeAnswers(t *testing.T) {
	chain := bigChain(t)
	_, one := post(t, NewServer(chain, Config{Transport: jsonrpc.Config{Log: quiet}}), "/rpc", bigRequest)
	for _, c := range []struct{ most, answered int }{{3 * len(one), 4}, {3*len(one) - 1, 3}} {
		s := NewServer(chain, Config{Transport: jsonrpc.Config{MaxAnswer: c.most, Log: quiet}})
		_, body := post(t, s, "/rpc", "["+strings.Repeat(bigRequest+",", 9)+bigRequest+"]")
		if got, refused := strings.Count(body, `"result"`), strings.Count(body, `"code":-32005`); got != c.answered || refused != 10-c.answered {
			t.Errorf("at most %d bytes: %d answers of %d and %d refusals", c.most, got, len(one), refused)
		}
		if s.Buffered() != 0 {
			t.Errorf("%d bytes held in the end", s.Buffered())
		}
	}
}

// countingChain counts the blocks that are read.
type countingChain struct {
	*liveChain
	blocks atomic.Int64
}

func (c *countingChain) Block(ctx context.Context, n uint64) (*starknet.Block, error) {
	c.blocks.Add(1)
	return c.liveChain.Block(ctx, n)
}

// What follows an answer for which the budget has no room is not computed: a batch costs what it is answered.
func TestBatchWithoutRoom(t *testing.T) {
	chain := &countingChain{liveChain: bigChain(t)}
	_, one := post(t, NewServer(chain, Config{Transport: jsonrpc.Config{Log: quiet}}), "/rpc", bigRequest)
	chain.blocks.Store(0)
	s := NewServer(chain, Config{Transport: jsonrpc.Config{MaxBuffered: 3 * len(one), Log: quiet}})
	_, body := post(t, s, "/rpc", "["+strings.Repeat(bigRequest+",", 99)+bigRequest+"]")
	answered, rejected := strings.Count(body, `"result"`), strings.Count(body, `"code":-32005`)
	if answered != 3 || rejected != 97 {
		t.Errorf("%d answers and %d rejections, want 3 and 97", answered, rejected)
	}
	if got := chain.blocks.Load(); got != 4 {
		t.Errorf("%d blocks are read for %d answers", got, answered)
	}
	if s.Buffered() != 0 {
		t.Errorf("%d bytes held in the end", s.Buffered())
	}
}

// Small answers count as soon as they are a large one together.
func TestBatchOfSmallAnswers(t *testing.T) {
	chain := newLiveChain(t)
	txs, receipts := bigReceipts(0)
	chain.grow(t, txs, receipts)
	_, one := post(t, NewServer(chain, Config{Transport: jsonrpc.Config{Log: quiet}}), "/rpc", bigRequest)
	if len(one) > smallAnswer || 2*len(one) <= smallAnswer {
		t.Fatalf("an answer of %d bytes, want at most %d and more than half of it", len(one), smallAnswer)
	}
	for _, c := range []struct{ most, answered int }{{3 * len(one), 4}, {3*len(one) - 1, 3}} {
		s := NewServer(chain, Config{Transport: jsonrpc.Config{MaxBuffered: c.most, Log: quiet}})
		_, body := post(t, s, "/rpc", "["+strings.Repeat(bigRequest+",", 9)+bigRequest+"]")
		if got, refused := strings.Count(body, `"result"`), strings.Count(body, `"code":-32005`); got != c.answered || refused != 10-c.answered {
			t.Errorf("a budget of %d bytes: %d answers of %d and %d refusals", c.most, got, len(one), refused)
		}
		if s.Buffered() != 0 {
			t.Errorf("%d bytes held in the end", s.Buffered())
		}
	}
}

// Websockets with many subscriptions of which nobody reads: their queues together keep to the budget, but for a message each.
func TestSubscriptionsThatNobodyReads(t *testing.T) {
	const sockets, most = 8, 300_000
	chain := newLiveChain(t)
	s, h := serveLive(t, chain, Config{Transport: jsonrpc.Config{MaxBuffered: most, StallTimeout: 2 * time.Second}})
	for range sockets {
		c := dial(t, h, "/ws")
		for range 8 {
			c.subscribe("NewTransactionReceipts", "{}")
		}
	}
	peak := int64(0)
	for n := range uint64(100) {
		txs, receipts := bigReceipts(n)
		chain.grow(t, txs, receipts)
		peak = max(peak, s.Buffered())
	}
	for deadline := time.Now().Add(patience); s.sockets() > 0; time.Sleep(time.Millisecond) {
		peak = max(peak, s.Buffered())
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets that nobody reads are served on", s.sockets())
		}
	}
	if bound := int64(most + sockets*70_000); peak > bound {
		t.Errorf("%d bytes held, at most %d", peak, bound)
	}
	if peak < most/2 {
		t.Errorf("%d bytes held at most: the test fills no queue", peak)
	}
	for deadline := time.Now().Add(patience); s.Buffered() != 0; time.Sleep(time.Millisecond) { // a message is still being written
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes held by no socket", s.Buffered())
		}
	}
	if _, body := post(t, s, "/rpc", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q}`, "starknet_blockNumber")); !strings.Contains(body, `"result":104`) {
		t.Errorf("after them: %s", body)
	}
}

// sockets returns how many websockets there are that have not ended.
func (s *Server) sockets() int {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return len(s.feed.subscribers)
}

// waitForSockets waits until there are n websockets.
func (s *Server) waitForSockets(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); s.sockets() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets, want %d", s.sockets(), n)
		}
	}
}

// A message that does not end is held against the budget like a body: beyond it the socket ends, and all is given back.
func TestMessagesThatDoNotEnd(t *testing.T) {
	const most = 1 << 20
	s, h := serveLive(t, newLiveChain(t), Config{Transport: jsonrpc.Config{MaxBuffered: most, MaxBody: 4 << 20}})
	begin := func(size int) *wsClient {
		t.Helper()
		c := dial(t, h, "/ws")
		w, err := c.conn.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(strings.Repeat(" ", size))); err != nil {
			t.Fatal(err)
		}
		return c
	}
	held := func(n int64) {
		t.Helper()
		for deadline := time.Now().Add(patience); s.Buffered() != n; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes held, want %d", s.Buffered(), n)
			}
		}
	}
	first := begin(most - smallAnswer + 8<<10) // the client keeps less than 8 kB in its buffer
	held(most - smallAnswer)
	second := begin(2*smallAnswer + 8<<10)
	if e := second.closed(); e.Code != websocket.CloseTryAgainLater {
		t.Errorf("closed with %v", e)
	}
	held(most - smallAnswer)
	first.conn.Close()
	held(0)
}

// What a websocket sends, and what it is answered, is given back while the socket goes on.
func TestMessagesAreGivenBack(t *testing.T) {
	s, h := serveLive(t, bigChain(t), Config{Transport: jsonrpc.Config{MaxBuffered: 1 << 20, MaxBody: 1 << 20}})
	c := dial(t, h, "/ws")
	for _, request := range []struct{ method, params string }{
		{"starknet_chainId", "[]"},
		{"starknet_chainId", "[]" + strings.Repeat(" ", 3*smallAnswer)},
		{"starknet_getBlockWithReceipts", `["latest"]`},
	} {
		if _, err := c.ask(request.method, request.params); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(patience); s.Buffered() != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes held after %s for a socket that waits, want 0", s.Buffered(), request.method)
			}
		}
	}
}
