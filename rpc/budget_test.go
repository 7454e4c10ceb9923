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

// bigChain returns a chain whose block 5 has about 200 kB of JSON with receipts.
func bigChain(t testing.TB) *liveChain {
	chain := newLiveChain(t)
	tx := &starknet.Invoke{Common: fakeCommon(1), SenderAddress: fakeAccount}
	chain.grow(t, []starknet.Transaction{tx}, []starknet.Receipt{{Reverted: true, RevertReason: strings.Repeat("no ", 67_000)}})
	return chain
}

// smallAnswer is the constant of package jsonrpc: the size of an answer that always fits the budget.
const smallAnswer = 64 << 10

const bigRequest = `{"jsonrpc":"2.0","id":1,"method":"starknet_getBlockWithReceipts","params":["latest"]}`

// TestAnswersThatNobodyReads checks that the answers to clients that read nothing stay within the budget, and that meanwhile small
// requests are answered and large ones get an error with the bound.
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
		t.Errorf("10 clients that do not read 200 kB each: %d bytes held, want at most %d", held, 1<<20)
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
		t.Errorf("%d of 10 answers complete with %d bytes held, %d bytes held at the end", whole, held, s.Buffered())
	}
}

// TestBodiesThatDoNotEnd checks that bodies take their bytes from the budget as they arrive, and give them back in every case.
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
		{1<<20 - blank + smallAnswer - 1, http.StatusOK}, // an incomplete piece does not count
		{1<<20 - blank + smallAnswer, http.StatusServiceUnavailable},
	} {
		body := request + strings.Repeat(" ", c.size-len(request))
		if status, answer := post(t, s, "/rpc", body); status != c.status {
			t.Errorf("a body of %d bytes while another holds %d: status %d, %s", c.size, blank, status, answer)
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

// TestBatchOfLargeAnswers checks that the request with which a batch's answers exceed MaxAnswer is the last one that runs.
func TestBatchOfLargeAnswers(t *testing.T) {
	chain := bigChain(t)
	_, one := post(t, NewServer(chain, Config{Transport: jsonrpc.Config{Log: quiet}}), "/rpc", bigRequest)
	for _, c := range []struct{ most, answered int }{{3 * len(one), 4}, {3*len(one) - 1, 3}} {
		s := NewServer(chain, Config{Transport: jsonrpc.Config{MaxAnswer: c.most, Log: quiet}})
		_, body := post(t, s, "/rpc", "["+strings.Repeat(bigRequest+",", 9)+bigRequest+"]")
		if got, rejected := strings.Count(body, `"result"`), strings.Count(body, `"code":-32005`); got != c.answered || rejected != 10-c.answered {
			t.Errorf("at most %d bytes: %d answers of %d bytes and %d rejections", c.most, got, len(one), rejected)
		}
		if s.Buffered() != 0 {
			t.Errorf("%d bytes held at the end", s.Buffered())
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

// TestBatchWithoutRoom checks that the requests of a batch after the first answer that does not fit the budget do not run.
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
		t.Errorf("%d blocks were read for %d answers", got, answered)
	}
	if s.Buffered() != 0 {
		t.Errorf("%d bytes held at the end", s.Buffered())
	}
}

// TestBatchOfSmallAnswers checks that small answers of a batch count as soon as they exceed smallAnswer together.
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
		if got, rejected := strings.Count(body, `"result"`), strings.Count(body, `"code":-32005`); got != c.answered || rejected != 10-c.answered {
			t.Errorf("a budget of %d bytes: %d answers of %d bytes and %d rejections", c.most, got, len(one), rejected)
		}
		if s.Buffered() != 0 {
			t.Errorf("%d bytes held at the end", s.Buffered())
		}
	}
}

// TestSubscriptionsThatNobodyReads checks that the queues of websockets that nobody reads stay within the budget together, except for one
// message each.
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
			t.Fatalf("%d sockets that nobody reads are still open", s.sockets())
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
			t.Fatalf("%d bytes held after all sockets ended", s.Buffered())
		}
	}
	if _, body := post(t, s, "/rpc", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q}`, "starknet_blockNumber")); !strings.Contains(body, `"result":104`) {
		t.Errorf("a request after the sockets ended: %s", body)
	}
}

// sockets returns the number of open websockets.
func (s *Server) sockets() int {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	return len(s.feed.subscribers)
}

// waitForSockets waits until n websockets are open.
func (s *Server) waitForSockets(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); s.sockets() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sockets, want %d", s.sockets(), n)
		}
	}
}

// TestMessagesThatDoNotEnd checks that a message without an end takes its bytes from the budget like a body. When it exceeds the budget
// the socket ends and gives back all bytes.
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

// TestMessagesAreGivenBack checks that the bytes of a websocket's messages and answers are given back while the socket stays open.
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
				t.Fatalf("%d bytes held after %s for an idle socket, want 0", s.Buffered(), request.method)
			}
		}
	}
}
