// Package app is the deterministic chain: it validates transactions, executes blocks and stores the state. Of consensus it
// knows only [Block], and of Cairo only cairo.Engine.
//
// Blocks are processed one at a time. [App.Propose] builds a block on this node, [App.Process] checks a proposed block,
// [App.Finalize] executes a decided block and returns its app hash, and [App.Commit] makes it durable. A block is executed
// once: the first of these methods that executes it caches the result for the others.
//
// Block numbers are consensus heights. Block 0 is the genesis state ([App.InitGenesis]). The app hash is the Starknet state
// commitment.
package app

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/starkd/starkd/app/executor"
	"github.com/starkd/starkd/app/state"
	"github.com/starkd/starkd/cairo"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/internal/parallel"
	"github.com/starkd/starkd/starknet"
	"github.com/starkd/starkd/starknet/constants"
	"github.com/starkd/starkd/starknet/finality"
)

// Config is the settings of one node. They do not change the results of blocks.
type Config struct {
	// PendingNonces is how far a transaction's nonce may be ahead of its account's nonce in the mempool. 0 means 64.
	PendingNonces uint64
	// CompileQueue is the largest number of DECLAREs' classes that may wait to be compiled. Beyond it DECLAREs are rejected.
	// 0 means 16.
	CompileQueue int
	// BlockSteps is the largest number of VM steps in a block that this node proposes, so that the block can be proved. 0 means
	// no bound. Other nodes do not check it, because steps are not part of consensus. executor.Outcome says how they are counted.
	BlockSteps uint64
	// Parallel is the number of cores that execute a block. 0 means all, 1 one transaction after the other.
	Parallel int
}

func (c *Config) setDefaults() {
	if c.PendingNonces == 0 {
		c.PendingNonces = 64
	}
	if c.CompileQueue == 0 {
		c.CompileQueue = 16
	}
	if c.Parallel == 0 {
		c.Parallel = parallel.Workers()
	}
}

// App is the chain on one node. Its methods may be called concurrently.
type App struct {
	store     *state.Store
	exec      *executor.Executor
	config    Config
	pool      pool
	decoded   decoded
	validated validated
	classes   compiling
	// genesis is nil before InitGenesis.
	genesis    atomic.Pointer[Genesis]
	listener   atomic.Pointer[starknet.Listener]
	background *background

	mu        sync.Mutex // guards the fields below; held while a block runs, so that one block runs at a time
	runs      *simplelru.LRU[[32]byte, *run]
	finalized *run // the finalized block that Commit has not stored yet, else nil

	pace  atomic.Pointer[Pace]
	tally aheadTally
	skew  felt.Felt // makes predictions of the sequencer's balance wrong in tests
}

// New returns the chain whose blocks are in store. The engine must be safe for concurrent use. compile must return the official
// compiler's output; nil means executor.CompileClass. The App must be closed before the store's database.
func New(store *state.Store, engine cairo.Engine, compile executor.Compile, config Config) (*App, error) {
	config.setDefaults()
	a := &App{
		store: store, exec: &executor.Executor{Engine: engine, Classes: executor.NewClasses(compile)}, config: config,
		runs: newLRU[[32]byte, *run](maxRuns), decoded: newDecoded(), validated: newValidated(), background: newBackground(),
	}
	a.pool.reset()
	a.classes = newCompiling(a.exec.Classes, a.background, config.CompileQueue)
	if store.Head() == nil {
		return a, nil
	}
	b, err := store.Genesis()
	if err != nil {
		return nil, err
	}
	g, err := decodeGenesis(b)
	if err != nil {
		return nil, fmt.Errorf("app: stored genesis: %w", err)
	}
	a.genesis.Store(g)
	a.background.run(a.precompileRecent)
	return a, nil
}

// Info returns the height and the app hash of the latest durable block, or 0 and nil before genesis.
func (a *App) Info() (height uint64, appHash []byte) {
	head := a.store.Head()
	if head == nil {
		return 0, nil
	}
	return head.Height, appHashOf(head.StateRoot)
}

func appHashOf(root felt.Felt) []byte {
	b := root.Bytes()
	return b[:]
}

// Block is a block as consensus knows it.
type Block struct {
	Height    uint64
	Timestamp uint64 // seconds since 1970, of the block's header
	Proposer  []byte // the validator's address
	Txs       [][]byte
	// LastCommit is the votes for the block before. Propose and Process use it on a chain with Genesis.ProofVotes; a decided block needs none.
	LastCommit *LastCommit
}

// id returns a hash of everything that the block's run depends on, except the state before it.
func (b *Block) id() [32]byte {
	h := sha256.New()
	word := func(v uint64) { h.Write(binary.BigEndian.AppendUint64(nil, v)) }
	word(b.Height)
	word(b.Timestamp)
	word(uint64(len(b.Proposer)))
	h.Write(b.Proposer)
	for _, tx := range b.Txs {
		word(uint64(len(tx)))
		h.Write(tx)
	}
	return [32]byte(h.Sum(nil))
}

// TxResult is the result of a transaction in a block, or of the validators' statements, whose Data is finality.Result. All fields except Err are part of the hash of results that consensus
// agrees on.
type TxResult struct {
	Code      uint32 // 0, or the executor.Reason of the rejection
	Data      []byte // canonical starknet.Result, or finality.Result; nil if rejected
	GasWanted uint64 // the L2 gas bound
	GasUsed   uint64 // L2 gas
	Err       error  // the rejection, or nil
}

// run is the execution of a block on the state before it.
type run struct {
	app      *App
	block    Block
	env      *executor.Block
	overlay  *state.Overlay
	executed []starknet.Transaction // accepted, in order
	receipts []starknet.Receipt
	results  []TxResult // of every transaction, in order
	gas      uint64     // L2 gas of all transactions
	sierra   uint64     // Sierra gas of all transactions
	steps    uint64     // VM steps of all transactions
	// proposing leaves out DECLAREs whose class is not compiled yet.
	proposing bool
	versions  *state.Versions // the base of overlay if the block runs on several cores, else nil
	ahead     *ahead          // nil if transactions do not run before their turn

	once    sync.Once // seal
	sealErr error
	sealed  *starknet.Block // set by seal
	change  *state.Change   // set by seal
}

// errOrder is the error of a call that consensus must not make in the app's current state.
var errOrder = errors.New("app: call out of order")

// next checks that a block follows the head.
func (a *App) next(b *Block) error {
	head := a.store.Head()
	if head == nil {
		return fmt.Errorf("%w: block %d before genesis", errOrder, b.Height)
	}
	if b.Height != head.Height+1 {
		return fmt.Errorf("%w: block %d after block %d", errOrder, b.Height, head.Height)
	}
	return nil
}

// environment returns the block as its transactions see it.
func environment(g *Genesis, number, timestamp uint64, sequencer felt.Felt) *executor.Block {
	return &executor.Block{
		Number: number, Timestamp: timestamp, Sequencer: sequencer, ChainID: g.chainID, L2GasPrice: g.GasPrices.L2Gas.Fri, FeeToken: g.FeeToken,
	}
}

// begin starts a run of a block.
func (a *App) begin(b *Block) (*run, error) {
	g := a.genesis.Load()
	r := &run{app: a, block: *b, env: environment(g, b.Height, b.Timestamp, g.Sequencer(b.Proposer))}
	base := a.store.Latest()
	if a.config.Parallel > 1 && len(b.Txs) > 1 {
		r.versions = state.NewVersions(base)
		base = r.versions.Base()
	}
	r.overlay = state.NewOverlay(base)
	return r, a.openBlock(r.overlay, b.Height)
}

// openBlock makes the change that precedes a block's transactions: it stores the hash of the block ten blocks earlier where contracts can
// read it.
func (a *App) openBlock(st *state.Overlay, height uint64) error {
	if height < constants.BlockHashLag {
		return nil
	}
	_, old, _, err := a.store.Header(height - constants.BlockHashLag)
	if err != nil {
		return err
	}
	st.SetStorage(starknet.BlockHashAddress, felt.FromUint64(old.Height), old.BlockHash)
	return nil
}

// execute runs one transaction at the end of the block.
func (r *run) execute(raw []byte) error {
	take := r.attempt
	if r.ahead != nil {
		take = r.ahead.take
	}
	e, err := take(raw)
	if err != nil {
		return err
	}
	e.changes.MergeInto(r.overlay)
	receipt := e.outcome.Receipt
	r.executed, r.receipts, r.results = append(r.executed, e.tx), append(r.receipts, receipt), append(r.results, e.result)
	r.gas += receipt.Resources.L2Gas
	r.sierra += e.outcome.SierraGas
	r.steps += e.outcome.Steps
	return nil
}

// executed is a transaction that was not rejected.
type executed struct {
	tx      starknet.Transaction
	outcome *executor.Outcome
	result  TxResult
	changes *state.Overlay
}

// attempt runs a transaction on the block's state, without changing it.
func (r *run) attempt(raw []byte) (*executed, error) {
	tx, hash, err := r.app.decode(raw, r.env.ChainID)
	if err != nil {
		return nil, err
	}
	a, err := r.app.exec.Attempt(r.overlay, r.env, tx, r.options(hash))
	if err != nil {
		return nil, err
	}
	defer a.End()
	r.app.validated.put(hash, a.Validated())
	out, err := a.Finish()
	if err != nil {
		return nil, err
	}
	return newExecuted(tx, out, a.Changes())
}

// options returns the options with which a block executes a transaction.
func (r *run) options(hash felt.Felt) executor.Options {
	return executor.Options{Hash: hash, Diff: true, Compiled: r.proposing, Brief: true, Keep: true, Validated: r.app.validated.get(hash)}
}

func newExecuted(tx starknet.Transaction, out *executor.Outcome, changes *state.Overlay) (*executed, error) {
	digest, err := out.Diff.Digest()
	if err != nil {
		return nil, err
	}
	data, err := (&starknet.Result{Receipt: out.Receipt, Diff: digest}).MarshalBinary()
	if err != nil {
		return nil, err
	}
	result := TxResult{Data: data, GasWanted: tx.Fields().ResourceBounds.L2Gas.MaxAmount, GasUsed: out.Receipt.Resources.L2Gas}
	return &executed{tx, out, result, changes}, nil
}

// runBlock executes a decided or proposed block, or returns the cached run. With strict it stops at the first rejected
// transaction and returns the rejection.
func (a *App) runBlock(b *Block, strict bool) (*run, error) {
	if r, ok := a.runs.Get(b.id()); ok {
		return r, nil
	}
	r, err := a.begin(b)
	if err != nil {
		return nil, err
	}
	defer r.close()
	for i, raw := range b.Txs {
		step := r.execute
		switch {
		case i == 0 && a.genesis.Load().ProofVotes && finality.IsCommit(raw):
			step = r.recordVotes
		case r.ahead == nil:
			if err := r.lookAhead(slices.Values(b.Txs[i:])); err != nil {
				return nil, err
			}
		}
		err := step(raw)
		if err == nil {
			continue
		}
		rejection, ok := errors.AsType[*executor.Rejection](err)
		if !ok {
			return nil, fmt.Errorf("app: transaction %d of block %d: %w", i, b.Height, err)
		}
		if strict {
			return nil, fmt.Errorf("app: transaction %d of block %d: %w", i, b.Height, rejection)
		}
		r.results = append(r.results, TxResult{Code: uint32(rejection.Reason), Err: rejection})
	}
	a.remember(r)
	return r, nil
}

// maxRuns bounds the cached runs of one height. Consensus rounds that fail leave runs behind.
const maxRuns = 4

func (a *App) remember(r *run) {
	a.runs.Add(r.block.id(), r)
}

// seal computes the state root and the header of a block, once. Process starts it in the background while validators vote. If
// the block is not decided, the result is discarded (it may have been computed on a newer store).
func (r *run) seal() error {
	r.once.Do(func() { r.sealErr = r.computeSeal() })
	return r.sealErr
}

func (r *run) computeSeal() error {
	diff, err := r.overlay.Diff()
	if err != nil {
		return err
	}
	if r.change, err = r.app.store.Apply(diff); err != nil {
		return err
	}
	head := r.app.store.Head()
	b := &starknet.Block{
		Header:       r.app.genesis.Load().header(r.block.Height, r.block.Timestamp, r.env.Sequencer),
		Transactions: r.executed, Receipts: r.receipts,
	}
	b.Parent, b.StateRoot = head.BlockHash, r.change.Commitment
	b.Seal(r.executed, r.receipts, diff)
	b.BlockHash = b.Hash()
	r.sealed = b
	return nil
}

// Finalized is the result of a decided block.
type Finalized struct {
	AppHash   []byte
	BlockHash felt.Felt
	Results   []TxResult // of every transaction, in order
}

// Finalize executes a decided block. Nothing is durable before Commit; a node that stops before it executes the block again. A
// rejected transaction has no effects. An honest majority does not decide a block with one.
func (a *App) Finalize(b *Block) (*Finalized, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.next(b); err != nil {
		return nil, err
	}
	r, err := a.runBlock(b, false)
	if err != nil {
		return nil, err
	}
	if err := r.seal(); err != nil {
		return nil, err
	}
	a.finalized = r
	return &Finalized{AppHash: appHashOf(r.sealed.StateRoot), BlockHash: r.sealed.BlockHash, Results: r.results}, nil
}

// Commit makes the last finalized block and its changes durable, in one atomic batch.
func (a *App) Commit() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.finalized
	if r == nil {
		return fmt.Errorf("%w: commit without a finalized block", errOrder)
	}
	declared := r.overlay.Declared()
	if err := a.store.Commit(r.sealed, r.change, declared); err != nil {
		return err
	}
	a.finalized = nil
	a.runs.Purge()
	a.pool.committed(r.receipts)
	for i := range r.receipts {
		a.validated.drop(r.receipts[i].TransactionHash)
	}
	for _, class := range declared {
		a.exec.Classes.Declared(class.Hash, class.Definition)
		a.precompile(class.Hash)
	}
	a.tellCommitted()
	return nil
}
