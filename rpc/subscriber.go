package rpc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// subscriber is a websocket with its subscriptions: a jsonrpc.Session.
type subscriber struct {
	socket *jsonrpc.Socket
	server *Server

	mu      sync.Mutex
	subs    []*subscription // that are fed, in the order they were made
	pending []*subscription // whose ids the client has not been told yet
	pool    []poolNews
	ended   bool
	wake    chan struct{} // holds a value when Run has something to do besides new blocks
}

// poolNews is a transaction that entered the mempool.
type poolNews struct {
	tx     starknet.Transaction
	hash   felt.Felt
	sender felt.Felt // it costs a hash: once for all subscriptions
}

// subscription is what a client has subscribed to. matches may be called by any goroutine, the other functions by Run only.
type subscription struct {
	id           string
	version      string
	notification string // method of its notifications
	ended        atomic.Bool

	// block notifies of what a block has for it. next is the number of the block that comes next.
	block func(b *blockNews, to emit) error
	next  uint64
	// received notifies of a transaction in the mempool.
	received func(news *poolNews, to emit) error
	// poll notifies of what has changed since the last time.
	poll func(c *call, to emit) error
	// matches reports whether a transaction that enters the mempool is of interest; nil: none is.
	matches func(news *poolNews) bool
}

// emit sends the result of a notification. An error is a reason to stop.
type emit func(result any) error

// blockNews is a block that is new to a subscription.
type blockNews struct {
	header *starknet.Header
	hash   felt.Felt
	read   func() (*starknet.Block, error)
}

// subscriber returns the subscriber whose client sent the request.
func (c *call) subscriber() *subscriber { return c.request.Socket.Session.(*subscriber) }

// subscribe keeps a subscription until the request is answered, when it begins. The result is its id.
func (c *call) subscribe(sub *subscription) (any, error) {
	k := c.subscriber()
	k.mu.Lock()
	defer k.mu.Unlock()
	if most := c.server.config.MaxSubscriptions; len(k.subs)+len(k.pending) >= most {
		return nil, jsonrpc.ErrLimit.With(fmt.Sprintf("a websocket has at most %d subscriptions", most))
	}
	sub.id, sub.version = strconv.FormatUint(c.server.subscriptions.Add(1), 10), c.version
	k.pending = append(k.pending, sub)
	return sub.id, nil
}

// unsubscribe ends a subscription: after the answer there is no notification of it.
func unsubscribe(c *call) (any, error) {
	var id string
	if c.get("subscription_id", &id); c.err != nil {
		return nil, c.err
	}
	k := c.subscriber()
	k.mu.Lock()
	defer k.mu.Unlock()
	has := func(sub *subscription) bool { return sub.id == id }
	if i := slices.IndexFunc(k.pending, has); i >= 0 { // made by the same batch
		k.pending = slices.Delete(k.pending, i, i+1)
		return true, nil
	}
	i := slices.IndexFunc(k.subs, has)
	if i < 0 {
		return nil, errInvalidSubscriptionID
	}
	k.subs[i].ended.Store(true)
	k.server.feed.interest(k.subs[i], -1)
	k.subs = slices.Delete(k.subs, i, i+1)
	return true, nil
}

// Answered begins the subscriptions whose ids are in the queue.
func (k *subscriber) Answered() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pending) == 0 || k.ended {
		return
	}
	for _, sub := range k.pending {
		k.server.feed.interest(sub, 1)
	}
	k.subs, k.pending = append(k.subs, k.pending...), nil
	k.signal()
}

// Ended ends all subscriptions.
func (k *subscriber) Ended() {
	f := k.server.feed
	f.mu.Lock()
	delete(f.subscribers, k)
	f.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sub := range k.subs {
		f.interest(sub, -1)
	}
	k.subs, k.pending, k.pool, k.ended = nil, nil, nil, true
}

// signal wakes Run.
func (k *subscriber) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// offer keeps a transaction for Run if a subscription matches it.
func (k *subscriber) offer(news poolNews) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.pool) == maxPoolNews {
		return
	}
	for _, sub := range k.subs {
		if sub.matches != nil && sub.matches(&news) {
			k.pool = append(k.pool, news)
			k.signal()
			return
		}
	}
}

// Run feeds the subscriptions until the socket ends.
func (k *subscriber) Run() {
	for {
		block := k.server.feed.next() // before the head is read, so that none is missed
		if err := k.catchUp(); err != nil && k.socket.Context().Err() == nil {
			k.server.config.Transport.Log.Error("rpc: a subscription failed", "error", err)
			k.socket.Close(jsonrpc.CloseInternalError, "internal error")
		}
		select {
		case <-k.socket.Context().Done():
			return
		case <-block:
		case <-k.wake:
		}
	}
}

// subscriptions returns those that are fed now, and what the mempool had for them since the last call.
func (k *subscriber) subscriptions() ([]*subscription, []poolNews) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pool := k.pool
	k.pool = nil
	return append([]*subscription(nil), k.subs...), pool
}

// catchUp brings all subscriptions to the head: the mempool's transactions first, then block by block, then states of transactions.
func (k *subscriber) catchUp() error {
	subs, pool := k.subscriptions()
	for i := range pool {
		for _, sub := range subs {
			if sub.received == nil || !sub.matches(&pool[i]) {
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
		if !more || k.socket.Context().Err() != nil {
			break
		}
	}
	for _, sub := range subs {
		if sub.poll == nil {
			continue
		}
		c := &call{Context: k.socket.Context(), server: k.server, backend: k.server.backend, version: sub.version}
		if err := sub.poll(c, k.emitter(sub)); err != nil {
			return err
		}
	}
	return nil
}

// followers returns the subscriptions that follow blocks.
func (k *subscriber) followers() (subs []*subscription) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sub := range k.subs {
		if sub.block != nil {
			subs = append(subs, sub)
		}
	}
	return subs
}

// nextBlock feeds the block that the subscriptions furthest behind come to next, and reports whether there was one.
func (k *subscriber) nextBlock(subs []*subscription) (more bool, err error) {
	if len(subs) == 0 {
		return false, nil
	}
	n := subs[0].next
	for _, sub := range subs {
		n = min(n, sub.next)
	}
	backend := k.server.backend
	head, err := backend.Head(k.socket.Context())
	if errors.Is(err, ErrNoBlocks) || err == nil && n > head.Number {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if head.Number-n > maxBehind {
		k.socket.Close(jsonrpc.ClosePolicyViolation, fmt.Sprintf("too slow: more than %d blocks behind", maxBehind))
		return false, nil
	}
	news := new(blockNews)
	err = k.socket.Reading(func() (err error) {
		news.header, news.hash, err = backend.Header(k.socket.Context(), n)
		return err
	})
	if err != nil {
		return false, err
	}
	news.read = func() (b *starknet.Block, err error) {
		err = k.socket.Reading(func() (err error) {
			b, err = k.server.feed.read(k.socket.Context(), n, head.Number)
			return err
		})
		return b, err
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

// emitter returns what sends a subscription's notifications. Its error ends the feeding: the socket ends.
func (k *subscriber) emitter(sub *subscription) emit {
	open := func() bool { return !sub.ended.Load() }
	return func(result any) error {
		return k.socket.Notify(sub.notification, notificationParams{sub.id, result}, open)
	}
}

type notificationParams struct {
	ID     string `json:"subscription_id"`
	Result any    `json:"result"`
}
