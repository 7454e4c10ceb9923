package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/starkd/starkd/app"
	"github.com/starkd/starkd/cairo/casm"
	cairoos "github.com/starkd/starkd/cairo/os"
	"github.com/starkd/starkd/crypto/felt"
	"github.com/starkd/starkd/prover/block"
	"github.com/starkd/starkd/prover/block/headers"
	"github.com/starkd/starkd/prover/block/statement"
	"github.com/starkd/starkd/prover/stone"
	"github.com/starkd/starkd/starknet/constants"
	"github.com/starkd/starkd/watcher/proofstore"
)

// batch holds blocks that are proved together.
type batch struct {
	all    []*candidate // in order, those without transactions included
	blocks []*candidate // those with something to prove
	// ready gives the runs of the OS program as soon as they are made. When it is closed, unproven and err are set.
	ready    chan *part
	unproven []cairoos.Unproven // their Ref.Block is an index in blocks
	err      error              // why the blocks cannot be proved
	cancel   context.CancelFunc // ends the making of runs

	parts []*part // the proved runs
}

// part is a run of the OS program on some of a batch's transactions, and its proof.
type part struct {
	transactions []cairoos.Ref // their Block is an index in batch.blocks
	steps        uint64
	run          run // dropped when it is proved
	proof        *block.Proof
	took         time.Duration
}

func newBatch(all []*candidate) *batch {
	b := &batch{all: all}
	for _, c := range all {
		if c.trace != nil {
			b.blocks = append(b.blocks, c)
		}
	}
	return b
}

// record executes a verified block again and records its calls.
func (w *Watcher) record(ctx context.Context, b *Block, results []statement.Result) (*candidate, error) {
	defer w.metrics.phase("record")()
	trace, err := w.app.TraceCalls(ctx, uint64(b.Height), w.engine, cairoos.MaxWords(w.config.MaxSteps))
	if err != nil { // the replica has executed the block: its store is damaged, or execution is not deterministic
		return nil, permanent{fmt.Errorf("watcher: executing block %d again: %w", b.Height, err)}
	}
	return &candidate{height: uint64(b.Height), weight: weigh(trace), block: b, results: results, trace: trace, input: osBlock(trace)}, nil
}

// prepare begins to run the OS program on the blocks of a batch, in a goroutine that ends with ctx.
func (w *Watcher) prepare(ctx context.Context, b *batch) {
	ctx, b.cancel = context.WithCancel(ctx)
	b.ready, b.unproven, b.err, b.parts = make(chan *part, 1), nil, nil, nil
	go func() {
		defer close(b.ready)
		b.err = w.guard("running the OS program", func() (err error) {
			b.unproven, err = w.runs(ctx, b)
			return err
		})
	}()
}

// runs makes the runs of the OS program on the blocks of a batch, and returns the transactions that are in none.
func (w *Watcher) runs(ctx context.Context, b *batch) ([]cairoos.Unproven, error) {
	stop := new(atomic.Bool)
	defer context.AfterFunc(ctx, func() { stop.Store(true) })()
	var blocks []*cairoos.Block
	for _, c := range b.blocks {
		blocks = append(blocks, c.input)
	}
	options := cairoos.Options{Layout: w.system.format().Layout(), MaxSteps: w.maxSteps(), Stop: stop}
	var failed []cairoos.Unproven
	each := 1 // blocks of a run
	if w.system.format() != statement.FormatStone {
		each = len(blocks)
	}
	started := time.Now()
	for first := 0; first < len(blocks); first += each {
		left, err := cairoos.RunParts(blocks[first:min(first+each, len(blocks))], options, func(made cairoos.Part) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := &part{steps: uint64(len(made.Trace.Registers))}
			for _, ref := range made.Transactions {
				ref.Block += first
				p.transactions = append(p.transactions, ref)
			}
			var err error
			if p.run, err = w.system.prepare(made.Trace); err != nil {
				return err
			}
			w.metrics.phases.WithLabelValues("run").Add(time.Since(started).Seconds())
			defer func() { started = time.Now() }()
			select {
			case b.ready <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			return nil, err
		}
		for _, u := range left {
			u.Block += first
			failed = append(failed, u)
		}
	}
	return failed, nil
}

// prove proves the runs of a batch that prepare has begun. If a run needs more memory than the prover may take, prove makes shorter runs.
func (w *Watcher) prove(ctx context.Context, b *batch) error {
	for {
		err := w.proveParts(ctx, b)
		b.cancel()
		for range b.ready { // the goroutine of prepare has ended
		}
		if err == nil || ctx.Err() != nil || !w.shorten(err) {
			return err
		}
		w.log.Warn("the prover has too little memory for a run; it makes shorter ones", "steps", w.maxSteps(), "err", err)
		w.prepare(ctx, b)
	}
}

func (w *Watcher) proveParts(ctx context.Context, b *batch) error {
	for p := range b.ready {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.progress.begin(b, p)
		started := time.Now()
		var err error
		if p.proof, err = w.system.prove(ctx, &p.run, w.progress.stage); err != nil {
			return err
		}
		p.run, p.took = run{}, time.Since(started)
		w.metrics.proving.Observe(p.took.Seconds())
		w.metrics.phases.WithLabelValues("prove").Add(p.took.Seconds())
		b.parts = append(b.parts, p)
		w.progress.end(p)
	}
	if b.err == nil {
		w.measure(b)
	}
	return b.err
}

// measure keeps how many steps the blocks of a proved batch took.
func (w *Watcher) measure(b *batch) {
	var weight, steps uint64
	transactions := 0
	for _, c := range b.blocks {
		weight += c.weight
	}
	for _, p := range b.parts {
		steps += p.steps
		transactions += len(p.transactions)
	}
	w.progress.measured(weight, steps)
	w.lag.measured(transactions, steps)
}

// proveBlock records, proves and finishes one block alone. The bundle is nil if no transaction of the block can be proved.
func (w *Watcher) proveBlock(ctx context.Context, b *Block, results []statement.Result) (*proofstore.Record, []byte, error) {
	c, err := w.record(ctx, b, results)
	if err != nil {
		return nil, nil, err
	}
	one := newBatch([]*candidate{c})
	w.prepare(ctx, one)
	if err := w.prove(ctx, one); err != nil {
		return nil, nil, refusedProof(b.Height, err)
	}
	return w.finish(one, 0)
}

// finish returns the record and the bundle of block number i of a batch that is proved. The bundle is nil if no transaction of the block can be
// proved. It has each proof with transactions of the block; the proof may have those of other blocks too. finish collects the witness that the
// statement needs and checks the bundle against the signed headers. Transactions that cannot be proved are in no run; the bundle has their signed
// results instead.
func (w *Watcher) finish(b *batch, i int) (*proofstore.Record, []byte, error) {
	defer w.metrics.phase("finish")()
	c := b.blocks[i]
	record := newRecord(c.trace)
	if record.Status == proofstore.Empty {
		return record, nil, nil
	}
	proof := &block.Bundle{Chain: c.block.Light.ChainID, Block: c.height}
	for _, p := range b.parts {
		security := w.system.security(p.steps)
		entry := proofstore.Entry{
			Block: record.Block, Part: len(proof.Proofs), ProgramHash: w.system.format().ProgramHash().String(), Layout: w.system.format().Layout(),
			Steps: p.steps, SecurityBits: security.Conjectured, ProvenBits: security.Proven, ProvingMS: p.took.Milliseconds(),
		}
		for _, t := range p.transactions {
			if t.Block == i {
				entry.Transactions = append(entry.Transactions, record.Transactions[t.Transaction])
			}
		}
		if len(entry.Transactions) > 0 {
			proof.Proofs, record.Proofs = append(proof.Proofs, p.proof), append(record.Proofs, entry)
		}
	}
	var failed []cairoos.Unproven
	for _, u := range b.unproven {
		if u.Block == i {
			failed = append(failed, u)
		}
	}
	unproven, err := unprovenOf(c.trace, failed)
	if err != nil {
		return nil, nil, err
	}
	addUnproven(record, unproven)
	if len(proof.Proofs) == 0 {
		record.Status = proofstore.NotProved
		return record, nil, nil
	}
	if err := w.witness(c.block, c.results, c.trace, unproven, proof); err != nil {
		return nil, nil, err
	}
	anchor, err := headers.Verify(proof, &headers.Trust{Genesis: w.trusted})
	if err != nil {
		return nil, nil, &SelfCheckError{c.block.Height, err}
	}
	verdict, err := block.Check(proof, anchor, w.policy())
	if err != nil {
		return nil, nil, &SelfCheckError{c.block.Height, err}
	}
	bundle, err := proof.Encode()
	if err != nil {
		return nil, nil, err
	}
	if len(bundle) > stone.MaxProofJSON {
		return tooLarge(newRecord(c.trace), len(bundle)), nil, nil
	}
	addCoverage(record, verdict.Outcome.Transactions)
	record.Status, record.StateRoot = proofstore.Proved, anchor.After.String()
	return record, bundle, nil
}

// tooLarge returns the record of a block whose bundle of size bytes is too large for verifiers: all its transactions are unproven.
func tooLarge(record *proofstore.Record, size int) *proofstore.Record {
	record.Status = proofstore.NotProved
	for _, hash := range record.Transactions {
		record.Unproven = append(record.Unproven, proofstore.Unproven{
			Transaction: hash, Reason: fmt.Sprintf("the proof of the block has %d bytes, verifiers read at most %d", size, stone.MaxProofJSON),
		})
	}
	return record
}

// osBlock returns a recorded block as the input of the OS.
func osBlock(trace *app.BlockTrace) *cairoos.Block {
	block := &cairoos.Block{
		ChainID: trace.ChainID, Number: trace.Header.Number, Timestamp: trace.Header.Timestamp, Sequencer: trace.Header.Sequencer,
	}
	for i := range trace.Transactions {
		t := &trace.Transactions[i]
		block.Transactions = append(block.Transactions, cairoos.Transaction{Info: *t.Info, Reverted: t.Outcome.Receipt.Reverted, Calls: t.Calls})
	}
	return block
}

// newRecord returns the record of a block without proofs.
func newRecord(trace *app.BlockTrace) *proofstore.Record {
	record := &proofstore.Record{Block: trace.Header.Number, Transactions: []string{}, Proofs: []proofstore.Entry{}}
	for i := range trace.Transactions {
		record.Transactions = append(record.Transactions, trace.Transactions[i].Info.Hash.String())
	}
	if len(record.Transactions) == 0 {
		record.Status = proofstore.Empty
	}
	return record
}

// unprovenOf returns the transactions that cannot be proved, each with its reason and its state diff.
func unprovenOf(trace *app.BlockTrace, failed []cairoos.Unproven) ([]statement.Unproven, error) {
	var unproven []statement.Unproven
	for _, e := range failed {
		u := statement.Unproven{Index: e.Transaction}
		if cannot, ok := errors.AsType[*cairoos.UnprovableError](e.Err); ok {
			u.Reason = statement.Reason{Builtin: cannot.Builtin, Syscall: string(cannot.Syscall), Class: cannot.Class, Selector: cannot.Selector}
		} else if long, ok := errors.AsType[*cairoos.TooLongError](e.Err); ok {
			u.Reason = statement.Reason{MaxSteps: long.MaxSteps}
		} else {
			return nil, e.Err
		}
		diff, err := trace.Transactions[e.Transaction].Outcome.Diff.MarshalBinary()
		if err != nil {
			return nil, err
		}
		u.Diff = diff
		unproven = append(unproven, u)
	}
	return unproven, nil
}

// validationsOf returns the effects of the signature checks of the proven transactions, which Stone's proofs do not cover: events, messages and state
// changes.
func validationsOf(trace *app.BlockTrace, unproven []statement.Unproven) []statement.Validation {
	var validations []statement.Validation
	for i := range trace.Transactions {
		left := trace.Transactions[i].Outcome.Validation
		if left == nil || slices.ContainsFunc(unproven, func(u statement.Unproven) bool { return u.Index == i }) {
			continue
		}
		v := statement.Validation{Index: i, Events: left.Events, Messages: left.Messages}
		for _, e := range left.Storage {
			v.Storage = append(v.Storage, statement.SlotChange(e))
		}
		if !left.ClassHash.IsZero() {
			v.Class = &left.ClassHash
		}
		validations = append(validations, v)
	}
	return validations
}

// addUnproven adds the unproven transactions to a record.
func addUnproven(record *proofstore.Record, unproven []statement.Unproven) {
	for i := range unproven {
		u := &unproven[i]
		record.Unproven = append(record.Unproven, proofstore.Unproven{
			Transaction: record.Transactions[u.Index], Reason: u.Reason.String(), Builtin: u.Reason.Builtin, Syscall: u.Reason.Syscall,
		})
	}
}

// addCoverage sets for each proof of a record which frames of its transactions are proven and which are not.
func addCoverage(record *proofstore.Record, outcomes []statement.TransactionOutcome) {
	for i := range record.Proofs {
		entry := &record.Proofs[i]
		covered, unprovenParts := map[string]bool{}, map[string]bool{}
		for _, t := range outcomes {
			if slices.Contains(entry.Transactions, t.Hash.String()) {
				for _, call := range t.Calls {
					covered[call.Kind.String()] = true
				}
				for _, frame := range t.UnprovenParts {
					unprovenParts[frame] = true
				}
			}
		}
		entry.Proven, entry.UnprovenParts = slices.Sorted(maps.Keys(covered)), slices.Sorted(maps.Keys(unprovenParts))
	}
}

// witness adds to a bundle everything that a verifier needs besides the proofs.
func (w *Watcher) witness(b *Block, results []statement.Result, trace *app.BlockTrace, unproven []statement.Unproven, proof *block.Bundle) error {
	store, height := w.app.Store(), uint64(b.Height)
	_, roots, _, err := store.Header(height - 1)
	if err != nil {
		return permanent{err}
	}
	var failed error // of reading the replica
	e := &block.WitnessInput{
		Transactions: b.Txs, Results: results, Unproven: unproven,
		Before: &watchedState{store.At(height - 1), &failed},
		Class: watched(&failed, func(hash felt.Felt) (*casm.Class, error) {
			class, err := store.At(height).Class(hash)
			if err != nil {
				return nil, err
			}
			return casm.DecodeClass(class.Casm)
		}),
		Tries: &statement.Tries{
			ContractsRoot: roots.ContractsRoot, ClassesRoot: roots.ClassesRoot,
			Nodes: &watchedNodes{store, &failed}, Contract: watched(&failed, store.ContractAt(height-1)),
		},
	}
	if w.system.format() == statement.FormatStone {
		e.Validations = validationsOf(trace, unproven)
	}
	for i, signed := range []*cmttypes.SignedHeader{b.Light.SignedHeader, b.Next.SignedHeader} {
		if e.Headers[i], err = cmtjson.Marshal(signed); err != nil {
			return err
		}
	}
	signed := &block.Bundle{Chain: proof.Chain, Block: proof.Block, Headers: e.Headers}
	signed.Witness.Results = results
	for _, tx := range b.Txs {
		signed.Witness.Transactions = append(signed.Witness.Transactions, tx)
	}
	if e.Anchor, err = headers.Verify(signed, &headers.Trust{Genesis: w.trusted}); err != nil {
		return err
	}
	if height >= constants.BlockHashLag {
		_, old, _, err := store.Header(height - constants.BlockHashLag)
		if err != nil {
			return permanent{err}
		}
		e.OldBlockHash = &old.BlockHash
	}
	for i := range trace.Transactions {
		e.Calls = append(e.Calls, trace.Transactions[i].Calls)
	}
	err = proof.Complete(e)
	if failed != nil {
		return permanent{fmt.Errorf("watcher: block %d: reading the state before it: %w", height, failed)}
	}
	return err
}
