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

// CheckTx decides whether a transaction may wait in the mempool. recheck means that it is in the mempool and a block has been
// committed since; checks whose result cannot have changed are left out.
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
		// The sender has signed for the class. It is compiled in the background; until then this node proposes no block with it.
		if d := tx.(*starknet.Declare); recheck {
			a.classes.restart(d)
			err = nil
		} else {
			_, err = a.classes.start(d)
		}
	}
	if err != nil {
		a.pool.drop(out.Hash)
		a.validated.drop(out.Hash)
		return rejected(out, err)
	}
	if added := a.pool.add(tx, raw, out.Hash, head.Height); added && !recheck {
		a.tellAdmitted(tx, out.Hash)
	}
	return out, nil
}

// rejected puts a rejection into the result. Other errors are returned as errors.
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

// check runs a transaction's validation on the latest state, as if it were in the next block.
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
		return reject(executor.ValidationFailure, "the transaction failed while a block was built")
	}
	if recheck && a.pool.stuck(hash, account.Uint64(), head.Height) {
		return reject(executor.InvalidTransactionNonce, fmt.Sprintf("no transaction with nonce %v of account %v came within %d blocks", account, sender, pendingBlocks))
	}
	if !recheck {
		if other, ok := a.pool.at(sender, nonce.Uint64(), head.Height); ok && other != hash {
			return reject(executor.InvalidTransactionNonce, fmt.Sprintf("transaction %v of account %v with nonce %v is pending", other, sender, nonce))
		}
	}
	options := executor.Options{Compiled: true, Brief: true, ValidateOnly: true, FutureNonce: true, SkipValidate: recheck, Hash: hash, Keep: true, Validated: a.validated.get(hash)}
	if _, ok := tx.(*starknet.Invoke); ok && !options.SkipValidate && a.pool.deploys(sender) {
		class, err := st.ClassHashAt(sender)
		if err != nil {
			return err
		}
		// A waiting transaction deploys the account. Validation cannot run before that.
		options.SkipValidate = class.IsZero()
	}
	if _, ok := tx.(*starknet.DeployAccount); ok && recheck {
		if account.Cmp(&nonce) > 0 {
			return reject(executor.InvalidTransactionNonce, fmt.Sprintf("account %v is deployed", sender))
		}
		return nil // the proposer runs its constructor again
	}
	out, err := a.exec.Execute(st, environment(g, head.Height+1, head.Timestamp, felt.Felt{}), tx, options)
	if err == nil {
		a.validated.put(hash, out.Validated)
	}
	return err
}

// pool is the app's index of the mempool. The mempool itself belongs to consensus.
type pool struct {
	mu     sync.Mutex
	byHash *simplelru.LRU[felt.Felt, poolEntry] // read with Peek, so that the oldest is evicted first
	raws   *simplelru.LRU[felt.Felt, []byte]    // the transactions' bytes, shared with the mempool; read with Peek
	nonces map[poolNonce]felt.Felt
	bytes  int // total size of raws
	// deploying counts waiting DEPLOY_ACCOUNT transactions by address.
	deploying map[felt.Felt]int
	// failed has the transactions that failed while a block was built, for a reason that a recheck does not test. The next
	// recheck evicts them.
	failed map[felt.Felt]bool
	// declares has the waiting DECLAREs by the hash of their bytes. Other transactions can evict them from decoded, and a
	// recheck has no time to hash their classes again.
	declares map[[32]byte]decodedTx
	classes  int               // total size of declares
	senders  map[felt.Felt]int // size of declares by account
}

type poolNonce struct {
	sender felt.Felt
	nonce  uint64
}

type poolEntry struct {
	poolNonce
	deploy bool
	height uint64   // of the state on which it was first checked
	size   int      // in bytes, of a DECLARE, else 0
	id     [32]byte // the key in declares, of a DECLARE
}

const (
	// maxPool bounds the entries. CometBFT's mempool does not report evictions, so stale entries pile up; the oldest are evicted.
	maxPool = 100_000
	// maxPoolBytes bounds the size of raws. Beyond it the bytes of the oldest transactions are dropped.
	maxPoolBytes = 256 << 20
	// pendingBlocks is the number of blocks for which a waiting transaction excludes others with the same nonce.
	pendingBlocks = 20
	// maxPoolClasses bounds the size of waiting DECLAREs, which are kept decoded.
	maxPoolClasses = 16 << 20
	// maxSenderBytes bounds the size of one account's waiting DECLAREs. Otherwise one account could exclude those of others, at
	// no cost, with nonces that are never reached. The largest DECLARE fits.
	maxSenderBytes = maxPoolClasses / 4
)

// declare returns the waiting DECLARE with the given bytes.
func (p *pool) declare(raw []byte) (decodedTx, bool) {
	id := sha256.Sum256(raw)
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.declares[id]
	return d, ok
}

// roomFor rejects a DECLARE if its size exceeds the room left for DECLAREs.
func (p *pool) roomFor(size int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.classes+size > maxPoolClasses {
		return reject(executor.UnexpectedError, fmt.Sprintf("busy: DECLAREs of %d bytes are waiting, at most %d may; send it again later", p.classes, maxPoolClasses))
	}
	return nil
}

// roomOf rejects a new DECLARE if its size exceeds the room left for its account.
func (p *pool) roomOf(sender, hash felt.Felt, size int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byHash.Contains(hash) {
		return nil
	}
	if n := p.senders[sender]; n+size > maxSenderBytes {
		return reject(executor.UnexpectedError, fmt.Sprintf("busy: DECLAREs of %d bytes of account %v are waiting, at most %d may; send it again later", n, sender, maxSenderBytes))
	}
	return nil
}

// stuck reports whether a transaction with a later nonce has waited pendingBlocks blocks or more and no waiting transaction has the
// account's current nonce.
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

// add adds a transaction and reports whether it is new.
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

// committed removes the transactions of a committed block.
func (p *pool) committed(receipts []starknet.Receipt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range receipts {
		p.remove(receipts[i].TransactionHash)
	}
}

// at returns the waiting transaction of a sender with a nonce, if it has waited fewer than pendingBlocks blocks.
func (p *pool) at(sender felt.Felt, nonce, height uint64) (felt.Felt, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hash, ok := p.nonces[poolNonce{sender, nonce}]
	e, _ := p.byHash.Peek(hash)
	return hash, ok && height < e.height+pendingBlocks
}

// fail marks a transaction for eviction by the next recheck.
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

// get reports whether a transaction waits, and returns its bytes, or nil if they were dropped.
func (p *pool) get(hash felt.Felt) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	raw, _ := p.raws.Peek(hash)
	return raw, p.byHash.Contains(hash)
}
