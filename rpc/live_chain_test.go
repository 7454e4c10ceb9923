package rpc

import (
	"context"
	"sync"
	"testing"

	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// liveChain is a fakeChain that grows while it is read, and a Notifier.
type liveChain struct {
	*fakeChain
	mu       sync.RWMutex
	listener *starknet.Listener
	stopped  int
}

func newLiveChain(t testing.TB) *liveChain { return &liveChain{fakeChain: newFakeChain(t)} }

func (l *liveChain) Listen(listener *starknet.Listener) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener = listener
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.listener, l.stopped = nil, l.stopped+1
	}
}

func (l *liveChain) listening() *starknet.Listener {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.listener
}

// grow adds a block and notifies the listener.
func (l *liveChain) grow(t testing.TB, txs []starknet.Transaction, receipts []starknet.Receipt) {
	t.Helper()
	l.mu.Lock()
	l.add(t, txs, receipts, &starknet.StateDiff{})
	for _, tx := range txs {
		delete(l.pool, tx.Hash(fakeChainID))
	}
	l.mu.Unlock()
	if listener := l.listening(); listener != nil {
		listener.Block()
	}
}

// receive puts a transaction into the mempool and notifies the listener.
func (l *liveChain) receive(tx starknet.Transaction) felt.Felt {
	hash := tx.Hash(fakeChainID)
	l.mu.Lock()
	l.pool[hash] = tx
	l.mu.Unlock()
	if listener := l.listening(); listener != nil {
		listener.Transaction(tx, hash)
	}
	return hash
}

func (l *liveChain) Head(ctx context.Context) (Head, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.Head(ctx)
}

func (l *liveChain) BlockNumber(ctx context.Context, hash felt.Felt) (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.BlockNumber(ctx, hash)
}

func (l *liveChain) Header(ctx context.Context, n uint64) (*starknet.Header, felt.Felt, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.Header(ctx, n)
}

func (l *liveChain) Block(ctx context.Context, n uint64) (*starknet.Block, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.Block(ctx, n)
}

func (l *liveChain) Transaction(ctx context.Context, place starknet.Position) (starknet.Transaction, *starknet.Receipt, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.Transaction(ctx, place)
}

func (l *liveChain) FindTransaction(ctx context.Context, hash felt.Felt) (starknet.Position, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.FindTransaction(ctx, hash)
}

func (l *liveChain) PoolStatus(ctx context.Context, hash felt.Felt) (TransactionStatus, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.PoolStatus(ctx, hash)
}

func (l *liveChain) PoolTransaction(ctx context.Context, hash felt.Felt) (starknet.Transaction, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.fakeChain.PoolTransaction(ctx, hash)
}

func (l *liveChain) Submit(ctx context.Context, tx starknet.Transaction) (felt.Felt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fakeChain.Submit(ctx, tx)
}
