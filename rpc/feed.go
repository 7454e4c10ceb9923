package rpc

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/rpc/jsonrpc"
	"github.com/starkd/starkd/starknet"
)

// How subscriptions follow the chain. The chain only signals that there is a new block. Each subscriber then reads the blocks from the
// next one of its subscriptions up to the head, at the pace of its client. So clients do not wait for each other, and no notification of
// a block is lost or kept in memory. The socket of a client that is more than maxBehind blocks behind is closed.

// Notifier is a Backend that signals new blocks and transactions. Without it there are no subscriptions.
type Notifier interface {
	// Listen calls l's functions until stop is called.
	Listen(l *starknet.Listener) (stop func())
}

const (
	// maxBehind is how many blocks a subscription may be behind the head: twice as many as when it begins.
	maxBehind = 2 * maxBlocksBack
	// maxPoolNews bounds the mempool's transactions that a subscriber has not read. Beyond it they are dropped.
	maxPoolNews = 1024
	// sharedBlocks is the number of latest blocks that all sockets share.
	sharedBlocks = 4
)

// feed is the state that the websockets of a server share.
type feed struct {
	server *Server
	stop   func()       // stops listening
	wanted atomic.Int64 // number of subscriptions to transactions of the mempool

	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
	closed      bool
	block       chan struct{} // closed at the next block

	reading sync.Mutex
	blocks  [sharedBlocks]*starknet.Block // by number modulo sharedBlocks
}

func newFeed(s *Server) *feed {
	f := &feed{server: s, subscribers: map[*subscriber]struct{}{}, block: make(chan struct{}), stop: func() {}}
	if n, ok := s.backend.(Notifier); ok {
		f.stop = n.Listen(&starknet.Listener{Block: f.newBlock, Transaction: f.newTransaction})
	}
	return f
}

// close stops listening to the chain.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.stop()
	}
}

// open registers and returns the subscriber of a new websocket.
func (f *feed) open(socket *jsonrpc.Socket) jsonrpc.Session {
	k := &subscriber{socket: socket, server: f.server, wake: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribers[k] = struct{}{}
	return k
}

// newBlock wakes all subscribers.
func (f *feed) newBlock() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.block)
	f.block = make(chan struct{})
}

// next returns a channel that is closed at the next block.
func (f *feed) next() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.block
}

// interest adds n to the count of subscriptions to transactions of the mempool, if sub is one.
func (f *feed) interest(sub *subscription, n int64) {
	if sub.matches != nil {
		f.wanted.Add(n)
	}
}

// newTransaction offers a transaction to all subscribers.
func (f *feed) newTransaction(tx starknet.Transaction, hash felt.Felt) {
	if f.wanted.Load() == 0 {
		return
	}
	news := poolNews{tx, hash, tx.Sender()}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.subscribers {
		k.offer(news)
	}
}

// read returns block n. The latest blocks are read once and shared.
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
