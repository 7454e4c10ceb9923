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

// subscriber is a jsonrpc.Session: the subscriptions of a websocket.
type subscriber struct {
	socket *jsonrpc.Socket
	server *Server

	mu      sync.Mutex
	subs    []*subscription // running subscriptions, in the order in which they were made
	pending []*subscription // subscriptions whose ids have not been sent to the client yet
	pool    []poolNews      // transactions of the mempool for Run
	ended   bool
	wake    chan struct{} // has a value when Run has work other than new blocks
}

// poolNews is a transaction that entered the mempool.
type poolNews struct {
	tx     starknet.Transaction
	hash   felt.Felt
	sender felt.Felt // computed once for all subscriptions, because it may cost a hash
}

// subscription is a client's subscription. Any goroutine may call matches; only Run calls the other functions.
type subscription struct {
	id           string
	version      string
	notification string // method of its notifications
	ended        atomic.Bool

	// block sends the notifications of a block. next is the number of the next block. A nil block means that the subscription does not
	// follow blocks.
	block func(b *blockNews, to emit) error
	next  uint64
	// received sends the notification of a transaction that entered the mempool; nil means none.
	received func(news *poolNews, to emit) error
	// poll sends a notification if its subject has changed since the last call; nil means none.
	poll func(c *call, to emit) error
	// matches reports whether the subscription is about a transaction that enters the mempool; nil means no.
	matches func(news *poolNews) bool
}

// emit sends a notification with a result. After an error the caller stops.
type emit func(result any) error

// blockNews is a block that is new to a subscription.
type blockNews struct {
	header *starknet.Header
	hash   felt.Felt
	read   func() (*starknet.Block, error)
	status func() (TransactionStatus, error) // of the block now
}

// subscriber returns the subscriber whose client sent the request.
func (c *call) subscriber() *subscriber { return c.request.Socket.Session.(*subscriber) }

// subscribe adds a subscription and returns its id. It begins when the request is answered.
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

// unsubscribe ends a subscription. It sends no notifications after the answer.
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

// Answered implements jsonrpc.Session. It begins the pending subscriptions, whose ids are in the socket's queue.
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

// Ended implements jsonrpc.Session. It ends all subscriptions.
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

// offer queues a transaction for Run if it matches a subscription.
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

// Run implements jsonrpc.Session. It sends the notifications of the subscriptions until the socket ends.
func (k *subscriber) Run() {
	for {
		block := k.server.feed.next() // before the head is read, so that no block is missed
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

// subscriptions returns the running subscriptions and the mempool's transactions since the last call.
func (k *subscriber) subscriptions() ([]*subscription, []poolNews) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pool := k.pool
	k.pool = nil
	return append([]*subscription(nil), k.subs...), pool
}

// catchUp sends all notifications up to the head: first transactions of the mempool, then blocks in order, then transaction statuses.
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
	var head *Head // read once for all polls, with what its state says
	var accepted *proved
	for _, sub := range subs {
		if sub.poll == nil {
			continue
		}
		c := k.call(sub.version)
		c.head, c.proved = head, accepted
		if err := sub.poll(c, k.emitter(sub)); err != nil {
			return err
		}
		head, accepted = c.head, c.proved
	}
	return nil
}

// call returns a request of the subscriber itself.
func (k *subscriber) call(version string) *call {
	return &call{Context: k.socket.Context(), server: k.server, backend: k.server.backend, version: version}
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

// nextBlock sends the notifications of the lowest next block of the subscriptions, to those whose next block it is. It reports whether there
// was such a block.
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
	news.status = sync.OnceValues(func() (status TransactionStatus, err error) {
		err = k.socket.Reading(func() (err error) {
			c := k.call(SpecVersion)
			c.head = &head
			status, err = c.finality(n)
			return err
		})
		return status, err
	})
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

// emitter returns the function that sends a subscription's notifications. It returns an error if the socket has ended.
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
