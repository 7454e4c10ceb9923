package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// Propose selects transactions of the mempool for a block and returns them, after the validators' statements of b.LastCommit if these raise the
// proved height. It executes them in the given order, except that the
// nonces of each sender ascend, and takes those that are not rejected until the block's bytes, gas, number of transactions or
// steps are used up. maxBytes bounds the size of the transactions in protobuf form.
func (a *App) Propose(b *Block, maxBytes int64) ([][]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.next(b); err != nil {
		return nil, err
	}
	r, err := a.begin(b)
	if err != nil {
		return nil, err
	}
	r.proposing = true
	defer r.close()
	p := proposal{app: a, run: r, limits: a.genesis.Load().Limits, pace: a.pace.Load(), left: maxBytes, waiting: map[felt.Felt][][]byte{}}
	if err := p.carryVotes(b.LastCommit); err != nil {
		return nil, err
	}
	if err := r.lookAhead(p.expected(b.Txs)); err != nil {
		return nil, err
	}
	for _, raw := range b.Txs {
		if err := p.offer(raw); err != nil {
			return nil, err
		}
	}
	r.close()
	r.block.Txs, r.proposing = p.txs, false
	a.remember(r)
	return p.txs, nil
}

// proposal is a block that is being built.
type proposal struct {
	app     *App
	run     *run
	limits  Limits
	pace    *Pace // nil if there is no bound
	txs     [][]byte
	left    int64                  // bytes left
	waiting map[felt.Felt][][]byte // by sender: transactions whose nonce is not reached yet
	wasted  int                    // rejected transactions
	closed  bool                   // no more transactions are tried
}

// maxWasted bounds the transactions that are rejected while a block is built, because their senders do not pay for it. Each is
// tried once; the next recheck evicts it from the mempool.
const maxWasted = 20

// offer adds a transaction if it fits and is not rejected, and then the transactions that waited for its nonce.
func (p *proposal) offer(raw []byte) error {
	tx, hash, err := p.app.decode(raw, p.run.env.ChainID)
	if err != nil {
		return nil
	}
	if tx.Fields().ResourceBounds.L2Gas.MaxAmount > p.limits.BlockL2Gas || p.full() || protoBytes(raw) > p.left {
		return nil
	}
	if p.app.pool.isFailed(hash) {
		return nil
	}
	sender := tx.Sender()
	nonce, err := p.run.overlay.NonceAt(sender)
	if err != nil {
		return err
	}
	if want := tx.Fields().Nonce; want.Cmp(&nonce) > 0 {
		p.waiting[sender] = append(p.waiting[sender], raw)
		return nil
	}
	savepoint, gas, sierra, steps := p.run.overlay.Snapshot(), p.run.gas, p.run.sierra, p.run.steps
	if err := p.tryRaw(raw); err != nil {
		if r, ok := errors.AsType[*executor.Rejection](err); ok {
			if r.Reason != executor.InvalidTransactionNonce {
				p.app.pool.fail(hash)
				p.wasted++
			}
			p.closed = p.closed || p.wasted >= maxWasted
			return nil
		}
		if errors.Is(err, executor.ErrNotCompiled) {
			p.app.classes.restart(tx.(*starknet.Declare))
			return nil
		}
		return err
	}
	if p.run.gas > p.limits.BlockL2Gas || p.run.sierra > p.limits.BlockSierraGas || len(p.run.executed) > 1 && p.tooMuchToProve() {
		last := len(p.run.executed) - 1
		p.run.overlay.Rollback(savepoint)
		p.run.gas, p.run.sierra, p.run.steps = gas, sierra, steps
		p.run.executed, p.run.receipts, p.run.results = p.run.executed[:last], p.run.receipts[:last], p.run.results[:len(p.run.results)-1]
		if last == 0 {
			p.app.pool.fail(hash) // it does not fit into an empty block
		} else {
			p.closed = true
		}
		return nil
	}
	p.txs, p.left = append(p.txs, raw), p.left-protoBytes(raw)
	waiting := p.waiting[sender]
	delete(p.waiting, sender)
	for _, raw := range waiting {
		if err := p.offer(raw); err != nil {
			return err
		}
	}
	return nil
}

// Pace bounds the blocks that a node proposes, so that their proofs do not fall behind. A block may always have one transaction.
type Pace struct {
	Transactions uint64
	Steps        uint64 // VM steps, as BlockSteps counts them
}

// SetPace sets the bound for the next proposals; nil means none. Other nodes do not check it.
func (a *App) SetPace(p *Pace) { a.pace.Store(p) }

// tooMuchToProve reports whether the transactions so far exceed the node's own bounds for the sake of provers.
func (p *proposal) tooMuchToProve() bool {
	if most := p.app.config.BlockSteps; most > 0 && p.run.steps > most {
		return true
	}
	return p.pace != nil && (p.run.steps > p.pace.Steps || uint64(len(p.run.executed)) > p.pace.Transactions)
}

// expected yields the transactions that offer will execute if none is rejected, in its order.
func (p *proposal) expected(txs [][]byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		g, nonces, waiting, left := p.app.genesis.Load(), map[felt.Felt]felt.Felt{}, map[felt.Felt][][]byte{}, p.left
		count := uint64(0)
		var offer func(raw []byte) bool
		offer = func(raw []byte) bool {
			tx, hash, err := p.app.decode(raw, g.chainID)
			if err != nil || tx.Fields().ResourceBounds.L2Gas.MaxAmount > p.limits.BlockL2Gas || protoBytes(raw) > left || p.app.pool.isFailed(hash) {
				return true
			}
			sender, want := tx.Sender(), tx.Fields().Nonce
			nonce, ok := nonces[sender]
			if !ok {
				if nonce, err = p.run.versions.Base().NonceAt(sender); err != nil {
					return false
				}
			}
			if want.Cmp(&nonce) > 0 {
				waiting[sender] = append(waiting[sender], raw)
				return true
			}
			if count++; count > p.limits.BlockTransactions || !yield(raw) {
				return false
			}
			if want == nonce {
				nonces[sender] = *nonce.Add(&nonce, &felt.One)
				left -= protoBytes(raw)
			}
			later := waiting[sender]
			delete(waiting, sender)
			for _, raw := range later {
				if !offer(raw) {
					return false
				}
			}
			return true
		}
		for _, raw := range txs {
			if !offer(raw) {
				return
			}
		}
	}
}

func (p *proposal) full() bool {
	return p.closed || uint64(len(p.run.executed)) >= p.limits.BlockTransactions
}

// tryRaw executes a transaction. It turns a panic into a rejection, so that one bad transaction does not stop a proposer.
func (p *proposal) tryRaw(raw []byte) (err error) {
	defer recoverAs(&err)
	return p.run.execute(raw)
}

// recoverAs turns a panic into a rejection. Callers that can do without the transaction defer it.
func recoverAs(err *error) {
	if r := recover(); r != nil {
		*err = &executor.Rejection{Reason: executor.UnexpectedError, Detail: fmt.Sprintf("internal error: %v", r)}
	}
}

// protoBytes returns the size of a transaction as an element of a protobuf repeated field.
func protoBytes(raw []byte) int64 {
	return 1 + int64(len(binary.AppendUvarint(nil, uint64(len(raw))))) + int64(len(raw))
}

// Process checks a proposed block: no transaction may be rejected, and the block must be within the chain's limits. An error is a
// reason to vote against the block.
func (a *App) Process(b *Block) (err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.next(b); err != nil {
		return err
	}
	limits := a.genesis.Load().Limits
	votes, err := a.checkVotes(b)
	if err != nil {
		return err
	}
	if n := uint64(len(b.Txs) - votes); n > limits.BlockTransactions {
		return fmt.Errorf("app: block %d has %d transactions, more than %d", b.Height, n, limits.BlockTransactions)
	}
	if head := a.store.Head(); b.Timestamp < head.Timestamp {
		return fmt.Errorf("app: block %d at %d is before block %d at %d", b.Height, b.Timestamp, head.Height, head.Timestamp)
	}
	defer recoverAs(&err)
	r, err := a.runBlock(b, true)
	if err != nil {
		return err
	}
	for i, result := range r.results {
		if result.Err != nil { // a cached run of Finalize has rejected transactions too
			return fmt.Errorf("app: transaction %d of block %d: %w", i, b.Height, result.Err)
		}
	}
	if r.gas > limits.BlockL2Gas {
		return fmt.Errorf("app: block %d uses %d L2 gas, more than %d", b.Height, r.gas, limits.BlockL2Gas)
	}
	if r.sierra > limits.BlockSierraGas {
		return fmt.Errorf("app: block %d uses %d Sierra gas, more than %d", b.Height, r.sierra, limits.BlockSierraGas)
	}
	a.background.run(func() { _ = r.seal() })
	return nil
}
