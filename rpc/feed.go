package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// How news come to subscriptions. The chain only says that there is something new. Each socket then reads from where its
// subscriptions stand to the head, at the pace of its client: nobody waits for anybody, no notification is lost or kept in memory for
// later, and a client that is behind by more than maxBehind blocks is told to go.

// Notifier is a Backend that tells when there is something new. Without one there are no subscriptions.
type Notifier interface {
	// Listen has l's functions called from now on, until stop is called.
	Listen(l *Listener) (stop func())
}

// Listener is who wants to know. Its functions return at once, call nothing of the Backend and may be called concurrently.
type Listener struct {
	// Block is called when there is a new head, after it can be read.
	Block func()
	// Transaction is called when a transaction enters the mempool.
	Transaction func(tx starknet.Transaction, hash felt.Felt)
}

const (
	// maxBehind is how many blocks a subscription may be behind the head: twice what it may begin with.
	maxBehind = 2 * maxBlocksBack
	// maxPoolNews bounds the mempool's transactions that a socket has not looked at. Beyond it they are left out.
	maxPoolNews = 1024
	// sharedBlocks is how many of the latest blocks are kept for all sockets.
	sharedBlocks = 4
)

// feed is what the websockets of a server have in common.
type feed struct {
	server *Server
	stop   func()       // listening
	wanted atomic.Int64 // subscriptions that ask for transactions of the mempool

	mu      sync.Mutex
	sockets map[*socket]struct{}
	closed  bool
	running sync.WaitGroup // sockets
	block   chan struct{}  // closed at the next block

	reading sync.Mutex
	blocks  [sharedBlocks]*starknet.Block // by number modulo
}

func newFeed(s *Server) *feed {
	f := &feed{server: s, sockets: map[*socket]struct{}{}, block: make(chan struct{}), stop: func() {}}
	if n, ok := s.backend.(Notifier); ok {
		f.stop = n.Listen(&Listener{Block: f.newBlock, Transaction: f.newTransaction})
	}
	return f
}

// Shutdown ends all websockets, saying that the node stops, and waits until they are gone or ctx ends, when it cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	f := s.feed
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.stop()
	}
	for k := range f.sockets {
		k.end(websocket.CloseGoingAway, "the node stops")
	}
	f.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		f.running.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.sockets {
		k.cut()
	}
	return ctx.Err()
}

// cut closes the connection.
func (k *socket) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		k.conn.NetConn().Close()
	}
}

// enter counts a socket; false if there are too many, or the server is shut down.
func (f *feed) enter(k *socket) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.sockets) >= f.server.config.MaxSockets {
		return false
	}
	f.sockets[k] = struct{}{}
	f.running.Add(1)
	return true
}

func (f *feed) leave(k *socket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sockets, k)
	f.running.Done()
}

// newBlock wakes all sockets.
func (f *feed) newBlock() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.block)
	f.block = make(chan struct{})
}

// next is closed when there is a block after now.
func (f *feed) next() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.block
}

// interest counts a subscription, or counts it no longer, among those that ask for transactions of the mempool.
func (f *feed) interest(sub *subscription, n int64) {
	if sub.wants != nil {
		f.wanted.Add(n)
	}
}

// newTransaction hands a transaction to the sockets that ask for it.
func (f *feed) newTransaction(tx starknet.Transaction, hash felt.Felt) {
	if f.wanted.Load() == 0 {
		return
	}
	news := poolNews{tx, hash, tx.Sender()}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.sockets {
		k.offer(news)
	}
}

// offer keeps a transaction for the feeder if a subscription wants it.
func (k *socket) offer(news poolNews) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pool) == maxPoolNews {
		return
	}
	for _, sub := range k.subs {
		if sub.wants != nil && sub.wants(&news) {
			k.pool = append(k.pool, news)
			signal(k.poke)
			return
		}
	}
}

// read is block n. The latest ones are read once for all.
func (f *feed) read(ctx context.Context, n, head uint64) (*starknet.Block, error) {
	if n+sharedBlocks <= head {
		return f.server.backend.Block(ctx, n)
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	kept := &f.blocks[n%sharedBlocks]
	if *kept != nil && (*kept).Number == n {
		return *kept, nil
	}
	b, err := f.server.backend.Block(ctx, n)
	if err == nil {
		*kept = b
	}
	return b, err
}

// follow feeds the subscriptions of a socket until it ends.
func (k *socket) follow() {
	for {
		block := k.server.feed.next() // before the head is read, so that none is missed
		if err := k.catchUp(); err != nil && k.ctx.Err() == nil {
			k.server.config.Log.Error("rpc: a subscription failed", "error", err)
			k.end(websocket.CloseInternalServerErr, "internal error")
		}
		select {
		case <-k.ctx.Done():
			return
		case <-block:
		case <-k.poke:
		}
	}
}

// subscriptions are those that are fed now, and what the mempool had for them since the last call.
func (k *socket) subscriptions() ([]*subscription, []poolNews) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pool := k.pool
	k.pool = nil
	return append([]*subscription(nil), k.subs...), pool
}

// catchUp brings all subscriptions to the head: what the mempool had first, then block by block, then states of transactions.
func (k *socket) catchUp() error {
	subs, pool := k.subscriptions()
	for i := range pool {
		for _, sub := range subs {
			if sub.received == nil || !sub.wants(&pool[i]) {
				continue
			}
			if err := sub.received(&pool[i], k.emitter(sub)); err != nil {
				return err
			}
		}
	}
	for {
		followers := k.followers()
		more, err := k.nextBlock(followers)
		if err != nil {
			return err
		}
		if !more || k.ctx.Err() != nil {
			break
		}
	}
	for _, sub := range subs {
		if sub.look == nil {
			continue
		}
		c := &call{Context: k.ctx, server: k.server, backend: k.server.backend, version: k.version, socket: k}
		if err := sub.look(c, k.emitter(sub)); err != nil {
			return err
		}
	}
	return nil
}

// followers are the subscriptions that follow blocks.
func (k *socket) followers() (subs []*subscription) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sub := range k.subs {
		if sub.block != nil {
			subs = append(subs, sub)
		}
	}
	return subs
}

// nextBlock feeds the block that the subscriptions furthest behind come to next, if there is one.
func (k *socket) nextBlock(subs []*subscription) (more bool, err error) {
	if len(subs) == 0 {
		return false, nil
	}
	n := subs[0].next
	for _, sub := range subs {
		n = min(n, sub.next)
	}
	backend := k.server.backend
	head, err := backend.Head(k.ctx)
	if errors.Is(err, ErrNoBlocks) || err == nil && n > head.Number {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if head.Number-n > maxBehind {
		k.end(websocket.ClosePolicyViolation, fmt.Sprintf("too slow: more than %d blocks behind", maxBehind))
		return false, nil
	}
	news := new(blockNews)
	err = k.reading(func() (err error) {
		news.header, news.hash, err = backend.Header(k.ctx, n)
		return err
	})
	if err != nil {
		return false, err
	}
	news.read = func() (b *starknet.Block, err error) {
		err = k.reading(func() (err error) {
			b, err = k.server.feed.read(k.ctx, n, head.Number)
			return err
		})
		return b, err
	}
	news.status = AcceptedOnL2
	if head.L1Accepted && n <= head.L1AcceptedNumber {
		news.status = AcceptedOnL1
	}
	for _, sub := range subs {
		if sub.next != n {
			continue
		}
		sub.next++
		if err := sub.block(news, k.emitter(sub)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// reading runs f in a turn of Config.MaxReads, so that subscriptions do not crowd out what else the process has to do.
func (k *socket) reading(f func() error) error {
	select {
	case k.server.reads <- struct{}{}:
		defer func() { <-k.server.reads }()
		return f()
	case <-k.ctx.Done():
		return k.ctx.Err()
	}
}

// emitter sends what a subscription notifies of. Its error ends the feeding: the socket ends.
func (k *socket) emitter(sub *subscription) emit {
	return func(result any) error {
		var b []byte
		err := k.reading(func() (err error) {
			b, err = marshal(notification{"2.0", sub.notification, notificationParams{sub.id, result}})
			return err
		})
		if err != nil {
			return err
		}
		k.put(sub, b)
		return k.ctx.Err()
	}
}

// notification is a message that the client did not ask for.
type notification struct {
	Version string             `json:"jsonrpc"`
	Method  string             `json:"method"`
	Params  notificationParams `json:"params"`
}

type notificationParams struct {
	ID     string `json:"subscription_id"`
	Result any    `json:"result"`
}
