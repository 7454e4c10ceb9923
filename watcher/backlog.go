package watcher

import (
	"context"
	"slices"
	"sync"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/watcher/proofstore"
)

// candidate is a block that waits to be handled: verified and executed, and recorded if it has transactions that have no record yet.
type candidate struct {
	height  uint64
	weight  uint64 // of its transactions, see weigh; 0 if there is nothing to prove
	block   *Block
	results []statement.Result // signed results of its transactions
	trace   *app.BlockTrace    // nil if there is nothing to prove
	input   *cairoos.Block     // trace as the input of the OS
	done    *outcome           // set when the block is proved by Watcher.alone
	stored  bool               // the block has a record, but others of its planned batch have none
}

// outcome is the result of proving a block: its record and what it shares with others, or an error.
type outcome struct {
	record *proofstore.Record
	of     *finished
	err    error
}

// Costs of the parts of a transaction in steps of the OS program, for weigh. Arrays that are passed on cost no steps, but memory of the backlog.
const (
	transactionWeight = 150
	callWeight        = 60
	syscallWeight     = 25
	arrayWords        = 4 // words of arrays that count as a step
)

// weigh returns an estimate of the steps that the OS program takes for a block, and of its memory.
func weigh(trace *app.BlockTrace) uint64 {
	sum := uint64(0)
	var add func(c *cairo.CallTrace)
	add = func(c *cairo.CallTrace) {
		sum += callWeight + c.Result.Steps + uint64(len(c.Syscalls))*syscallWeight + uint64(len(c.Call.Calldata)+len(c.Result.Retdata))/arrayWords
		for i := range c.Syscalls {
			if inner := c.Syscalls[i].Inner; inner != nil {
				add(inner)
			}
		}
	}
	for i := range trace.Transactions {
		sum += transactionWeight
		for _, c := range trace.Transactions[i].Calls {
			add(c)
		}
	}
	return sum
}

// maxBatch bounds the blocks with transactions in a batch, because a bundle has a witness for each.
const maxBatch = 128

// backlog is the queue of the blocks between recording and proving, in order. It is bounded by weight, because call traces take memory.
type backlog struct {
	bound func() uint64 // weight of a batch that fills a proof

	mu     sync.Mutex
	blocks []*candidate
	weight uint64
	idle   bool              // the prover has nothing to do
	ends   map[uint64]uint64 // batches that are planned: from their first block with something to prove to their last

	added, removed chan struct{} // hold one element if blocks were added, or the prover became idle; and if blocks were removed
}

func newBacklog(bound func() uint64) *backlog {
	return &backlog{bound: bound, ends: map[uint64]uint64{}, added: make(chan struct{}, 1), removed: make(chan struct{}, 1)}
}

// signal makes a wait on c end.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will end already
	}
}

// plan says that the block at height first, which is in no batch yet, and those after it up to last are a batch, however large it is.
func (b *backlog) plan(first, last uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ends[first] = last
	signal(b.added)
	signal(b.removed)
}

// putBack puts a batch back that take has returned last.
func (b *backlog) putBack(batch []*candidate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range batch {
		b.weight += c.weight
	}
	b.blocks = slices.Concat(batch, b.blocks)
}

// put appends a block. It waits while the backlog holds two batches, unless a planned batch lacks the block. It returns false when ctx ends.
func (b *backlog) put(ctx context.Context, c *candidate) bool {
	for {
		b.mu.Lock()
		if b.weight == 0 || b.weight+c.weight <= 2*b.bound() || b.planned(c.height) {
			b.blocks, b.weight = append(b.blocks, c), b.weight+c.weight
			b.mu.Unlock()
			signal(b.added)
			return true
		}
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return false
		case <-b.removed:
		}
	}
}

// planned reports whether a block is in a planned batch that is not taken yet. The caller holds b.mu.
func (b *backlog) planned(height uint64) bool {
	for first, last := range b.ends {
		if first <= height && height <= last {
			return true
		}
	}
	return false
}

// setIdle tells whether the prover has nothing to do.
func (b *backlog) setIdle(idle bool) {
	b.mu.Lock()
	b.idle = idle
	b.mu.Unlock()
	if idle {
		signal(b.added)
	}
}

// take removes the next batch: as many blocks as fit into one proof, but at least one. It waits until there is one that fills a proof, or the
// prover is idle: a quiet chain is proved at once, a busy one in large proofs. It returns nil when ctx ends.
func (b *backlog) take(ctx context.Context) []*candidate {
	for {
		if batch := b.next(); batch != nil {
			signal(b.removed)
			return batch
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.added:
		}
	}
}

// next removes the next batch, or returns nil if take has to wait.
func (b *backlog) next() []*candidate {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, planned := b.nextPlanned(); planned {
		return b.cut(n)
	}
	bound, n, weight, proved := b.bound(), 0, uint64(0), 0
	for n < len(b.blocks) && proved < maxBatch && (weight == 0 || weight+b.blocks[n].weight <= bound) && b.ends[b.blocks[n].height] == 0 {
		if b.blocks[n].weight > 0 {
			proved++
		}
		weight += b.blocks[n].weight
		n++
	}
	if n == 0 || n == len(b.blocks) && weight < bound && proved < maxBatch && weight > 0 && !b.idle {
		return nil
	}
	return b.cut(n)
}

// nextPlanned returns the number of blocks of the next batch if it is planned, 0 if some of them are not here yet. The caller holds b.mu.
func (b *backlog) nextPlanned() (n int, planned bool) {
	i := slices.IndexFunc(b.blocks, func(c *candidate) bool { return c.weight > 0 })
	if i < 0 {
		return 0, false
	}
	first := b.blocks[i].height
	last, planned := b.ends[first]
	if planned && b.blocks[len(b.blocks)-1].height >= last {
		n = 1 + slices.IndexFunc(b.blocks, func(c *candidate) bool { return c.height >= last })
		delete(b.ends, first)
	}
	return n, planned
}

// cut removes the first n blocks, or returns nil for none. The caller holds b.mu.
func (b *backlog) cut(n int) []*candidate {
	if n == 0 {
		return nil
	}
	weight := uint64(0)
	for _, c := range b.blocks[:n] {
		weight += c.weight
	}
	if weight > 0 {
		b.idle = false // until it says so again
	}
	batch := b.blocks[:n:n]
	b.blocks, b.weight = b.blocks[n:], b.weight-weight
	return batch
}
