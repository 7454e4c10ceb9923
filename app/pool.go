package app

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/starknet"
)

// CheckResult is the mempool's answer to a transaction.
type CheckResult struct {
	Code      uint32 // 0, or the reason of the rejection
	Detail    string
	Hash      felt.Felt
	Sender    felt.Felt
	GasWanted uint64
}

// CheckTx decides whether a transaction may wait in the mempool. With recheck it was there already and a block has been
// committed since; what cannot have changed is not asked again.
func (a *App) CheckTx(raw []byte, recheck bool) (CheckResult, error) {
	genesis := a.genesis.Load()
	head := a.store.Head()
	if genesis == nil || head == nil {
		return CheckResult{}, errOrder
	}
	if !recheck && starknet.IsDeclare(raw) {
		err := a.decoded.admit(raw, head.Height)
		if err == nil {
			err = a.pool.roomFor(len(raw))
		}
		if err != nil {
			return rejected(CheckResult{}, err)
		}
	}
	tx, hash, err := a.decode(raw, genesis.chainID)
	if err != nil {
		return rejected(CheckResult{}, err)
	}
	out := CheckResult{Hash: hash, Sender: tx.Sender(), GasWanted: tx.Fields().ResourceBounds.L2Gas.MaxAmount}
	if _, ok := tx.(*starknet.Declare); ok && !recheck {
		if err := a.pool.roomOf(out.Sender, hash, len(raw)); err != nil {
			return rejected(out, err)
		}
	}
	err = a.check(genesis, head, tx, out.Hash, recheck)
	if errors.Is(err, executor.ErrNotCompiled) {
		// The sender has signed for the class. It is compiled beside consensus; until then no block of this node has it.
		if d := tx.(*starknet.Declare); recheck {
			a.classes.restart(d)
			err = nil
		} else {
			_, err = a.classes.start(d)
		}
	}
	if err != nil {
		a.pool.drop(out.Hash)
		return rejected(out, err)
	}
	if added := a.pool.add(tx, raw, out.Hash, head.Height); added && !recheck {
		a.tellAdmitted(tx, out.Hash)
	}
	return out, nil
}

// rejected puts a rejection into a result; other errors stay errors.
func rejected(out CheckResult, err error) (CheckResult, error) {
	r, ok := errors.AsType[*executor.Rejection](err)
	if !ok {
		return out, err
	}
	out.Code, out.Detail = uint32(r.Reason), r.Detail
	return out, nil
}

func reject(reason executor.Reason, detail string) error {
	return &executor.Rejection{Reason: reason, Detail: detail}
}

// check runs a transaction's validation on the latest state, as the block after it.
func (a *App) check(g *Genesis, head *state.Head, tx starknet.Transaction, hash felt.Felt, recheck bool) (err error) {
	defer recoverAs(&err)
	if err := executor.CheckStateless(tx); err != nil {
		return err
	}
	most := tx.Fields().ResourceBounds.L2Gas.MaxAmount
	if most > g.Limits.BlockL2Gas {
		return reject(executor.UnexpectedError, fmt.Sprintf("L2 gas max amount %d is above the %d of a block", most, g.Limits.BlockL2Gas))
	}
	st := state.NewOverlay(a.store.At(head.Height))
	sender := tx.Sender()
	account, err := st.NonceAt(sender)
	if err != nil {
		return err
	}
	nonce := tx.Fields().Nonce
	if limit := account.Uint64() + a.config.PendingNonces; nonce.Uint64() > limit {
		return reject(executor.InvalidTransactionNonce, fmt.Sprintf("nonce of account %v is %v, the transaction's %v is above %d", sender, account, nonce, limit))
	}
	if recheck && a.pool.isFailed(hash) {
		return reject(executor.ValidationFailure, "it failed when a block was made")
	}
	if recheck && a.pool.stuck(hash, account.Uint64(), head.Height) {
		return reject(executor.InvalidTransactionNonce, fmt.Sprintf("no transaction with nonce %v of account %v came within %d blocks", account, sender, pendingBlocks))
	}
	if !recheck {
		if other, ok := a.pool.at(sender, nonce.Uint64(), head.Height); ok && other != hash {
			return reject(executor.InvalidTransactionNonce, fmt.Sprintf("transaction %v of account %v with nonce %v is pending", other, sender, nonce))
		}
	}
	options := executor.Options{Compiled: true, Brief: true, ValidateOnly: true, FutureNonce: true, SkipValidate: recheck, Hash: hash}
	if _, ok := tx.(*starknet.Invoke); ok && !options.SkipValidate && a.pool.deploys(sender) {
		class, err := st.ClassHashAt(sender)
		if err != nil {
			return err
		}
		// The account is being deployed by a transaction that waits; its validation can only be run after that.
		options.SkipValidate = class.IsZero()
	}
	if _, ok := tx.(*starknet.DeployAccount); ok && recheck {
		if account.Cmp(&nonce) > 0 {
			return reject(executor.InvalidTransactionNonce, fmt.Sprintf("account %v is deployed", sender))
		}
		return nil // its constructor is run by the proposer again
	}
	_, err = a.exec.Execute(st, environment(g, head.Height+1, head.Timestamp, felt.Felt{}), tx, options)
	return err
}

// pool is what the app remembers of the mempool, which consensus keeps.
type pool struct {
	mu     sync.Mutex
	byHash *simplelru.LRU[felt.Felt, poolEntry] // read with Peek, so that the oldest leaves first
	raws   *simplelru.LRU[felt.Felt, []byte]    // the transactions' bytes, shared with the mempool; read with Peek
	nonces map[poolNonce]felt.Felt
	bytes  int // of all raws
	// deploying counts waiting DEPLOY_ACCOUNT transactions by address.
	deploying map[felt.Felt]int
	// failed are transactions that could not be put into a block, though nothing that a recheck looks at says so; the next
	// recheck evicts them.
	failed map[felt.Felt]bool
	// declares are waiting DECLAREs by the hash of their bytes, and classes how many bytes those are: strangers' transactions push
	// them out of decoded, and at a recheck there is no time to hash their classes again.
	declares map[[32]byte]decodedTx
	classes  int
	senders  map[felt.Felt]int // of classes, by account
}

type poolNonce struct {
	sender felt.Felt
	nonce  uint64
}

type poolEntry struct {
	poolNonce
	deploy bool
	height uint64 // of the state that it was first checked on
	size   int    // in bytes, of a DECLARE
	id     [32]byte
}

const (
	// maxPool bounds the entries. CometBFT's mempool does not report evictions, so stale entries pile up; the oldest leave.
	maxPool = 100_000
	// maxPoolBytes bounds their transactions' bytes, which they share with the mempool; beyond it the oldest are forgotten.
	maxPoolBytes = 256 << 20
	// pendingBlocks is for how many blocks a transaction keeps others with its nonce out.
	pendingBlocks = 20
	// maxPoolClasses bounds the bytes of waiting DECLAREs, which are kept decoded.
	maxPoolClasses = 16 << 20
	// maxSenderBytes bounds those of one account, which could keep the others' out, for nothing, with nonces whose turn does not
	// come. The largest DECLARE fits.
	maxSenderBytes = maxPoolClasses / 4
)

// declare returns a waiting DECLARE.
func (p *pool) declare(raw []byte) (decodedTx, bool) {
	id := sha256.Sum256(raw)
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.declares[id]
	return d, ok
}

// roomFor rejects a DECLARE of a size that there is no room for.
func (p *pool) roomFor(size int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.classes+size > maxPoolClasses {
		return reject(executor.UnexpectedError, fmt.Sprintf("busy: DECLAREs of %d bytes wait, at most %d may; send it again later", p.classes, maxPoolClasses))
	}
	return nil
}

// roomOf rejects a DECLARE of an account that has enough of them waiting.
func (p *pool) roomOf(sender, hash felt.Felt, size int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byHash.Contains(hash) {
		return nil
	}
	if n := p.senders[sender]; n+size > maxSenderBytes {
		return reject(executor.UnexpectedError, fmt.Sprintf("busy: DECLAREs of %d bytes of account %v wait, at most %d may; send it again later", n, sender, maxSenderBytes))
	}
	return nil
}

// stuck reports whether a transaction has waited long for an earlier one of its account, with the account's nonce, that is not there.
func (p *pool) stuck(hash felt.Felt, nonce, height uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.byHash.Peek(hash)
	if !ok || height < e.height+pendingBlocks || e.nonce <= nonce {
		return false
	}
	_, next := p.nonces[poolNonce{e.sender, nonce}]
	return !next
}

func (p *pool) reset() {
	p.bytes, p.classes, p.declares, p.senders = 0, 0, map[[32]byte]decodedTx{}, map[felt.Felt]int{}
	p.byHash, p.raws = newLRU[felt.Felt, poolEntry](maxPool), newLRU[felt.Felt, []byte](maxPool)
	p.nonces, p.deploying, p.failed = map[poolNonce]felt.Felt{}, map[felt.Felt]int{}, map[felt.Felt]bool{}
}

// add remembers a transaction, and reports whether it is new.
func (p *pool) add(tx starknet.Transaction, raw []byte, hash felt.Felt, height uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, hash)
	if p.byHash.Contains(hash) {
		return false
	}
	if p.byHash.Len() == maxPool {
		oldest, _, _ := p.byHash.GetOldest()
		p.remove(oldest)
	}
	nonce := tx.Fields().Nonce
	e := poolEntry{poolNonce: poolNonce{tx.Sender(), nonce.Uint64()}, height: height}
	if _, ok := tx.(*starknet.Declare); ok {
		e.size, e.id = len(raw), sha256.Sum256(raw)
		p.declares[e.id] = decodedTx{tx, hash, len(raw)}
		p.senders[e.sender] += e.size
	}
	if _, e.deploy = tx.(*starknet.DeployAccount); e.deploy {
		p.deploying[e.sender]++
	}
	p.classes += e.size
	p.byHash.Add(hash, e)
	p.nonces[e.poolNonce] = hash
	p.raws.Add(hash, raw)
	for p.bytes += len(raw); p.bytes > maxPoolBytes; {
		_, oldest, _ := p.raws.RemoveOldest()
		p.bytes -= len(oldest)
	}
	return true
}

func (p *pool) drop(hash felt.Felt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(hash)
}

func (p *pool) remove(hash felt.Felt) {
	delete(p.failed, hash)
	e, ok := p.byHash.Peek(hash)
	if !ok {
		return
	}
	p.byHash.Remove(hash)
	if raw, ok := p.raws.Peek(hash); ok {
		p.raws.Remove(hash)
		p.bytes -= len(raw)
	}
	p.classes -= e.size
	if p.senders[e.sender] -= e.size; p.senders[e.sender] <= 0 {
		delete(p.senders, e.sender)
	}
	delete(p.declares, e.id)
	if p.nonces[e.poolNonce] == hash {
		delete(p.nonces, e.poolNonce)
	}
	if e.deploy {
		if p.deploying[e.sender]--; p.deploying[e.sender] <= 0 {
			delete(p.deploying, e.sender)
		}
	}
}

// committed forgets transactions that are in a block now.
func (p *pool) committed(receipts []starknet.Receipt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range receipts {
		p.remove(receipts[i].TransactionHash)
	}
}

// at returns the transaction of a sender with a nonce that waits, and has not waited too long.
func (p *pool) at(sender felt.Felt, nonce, height uint64) (felt.Felt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hash, ok := p.nonces[poolNonce{sender, nonce}]
	e, _ := p.byHash.Peek(hash)
	return hash, ok && height < e.height+pendingBlocks
}

// fail marks a transaction for eviction.
func (p *pool) fail(hash felt.Felt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failed) < maxPool {
		p.failed[hash] = true
	}
}

func (p *pool) isFailed(hash felt.Felt) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed[hash]
}

func (p *pool) deploys(sender felt.Felt) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deploying[sender] > 0
}

// get reports whether a transaction waits, and returns its bytes, nil where they are forgotten.
func (p *pool) get(hash felt.Felt) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	raw, _ := p.raws.Peek(hash)
	return raw, p.byHash.Contains(hash)
}
