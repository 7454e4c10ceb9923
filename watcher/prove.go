package watcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	"github.com/starkd/starkd/watcher/queue"
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

	work []byte    // the input of the batch's job, for a pool
	job  queue.Job // its Input is set once it is stored
	plan uint64    // first block of the plan that ends with this batch, 0 for none

	demand demand // how the batch is proved, for a pool
}

// heights returns the heights of the blocks with something to prove.
func (b *batch) heights() []uint64 {
	var heights []uint64
	for _, c := range b.blocks {
		heights = append(heights, c.height)
	}
	return heights
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
	options := cairoos.Options{Layout: w.system.format().Layout(), MaxSteps: w.config.MaxSteps, MaxAlone: w.config.MaxAlone}
	trace, err := w.app.TraceCalls(ctx, uint64(b.Height), w.engine, options.MaxWords())
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil { // the replica has executed the block: its store is damaged, or execution is not deterministic
		return nil, permanent{fmt.Errorf("watcher: executing block %d again: %w", b.Height, err)}
	}
	return &candidate{height: uint64(b.Height), weight: weigh(trace), block: b, results: results, trace: trace, input: osBlock(trace)}, nil
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
	f, err := w.finish(one, []int{0})
	if err != nil {
		return nil, nil, err
	}
	return f.records[0], f.bundle, nil
}

// finished is the result of the blocks of one bundle: their records, in order, and the bundle, nil if no transaction of them can be proved.
type finished struct {
	records []*proofstore.Record
	bundle  []byte
	stored  *proofstore.Bundle // the bundle's description, once it is stored
}

// groups returns the indices of a batch's blocks that share a bundle: those of one proof, or one block that is in several proofs or in none.
func (b *batch) groups() [][]int {
	var groups [][]int
	part := map[int]int{} // the first part of each block
	for i, p := range b.parts {
		if len(p.transactions) == 0 {
			part[p.block] = i
		}
		for _, t := range p.transactions {
			if _, ok := part[t.Block]; !ok {
				part[t.Block] = i
			}
		}
	}
	for i := range b.blocks {
		in, ok := part[i]
		if n := len(groups); ok && n > 0 {
			if before, ok := part[groups[n-1][0]]; ok && before == in {
				groups[n-1] = append(groups[n-1], i)
				continue
			}
		}
		groups = append(groups, []int{i})
	}
	return groups
}

// finish returns the result of the blocks of a group of a batch that is proved. It collects the witness that the statement needs and checks the bundle
// against the signed headers. Transactions that cannot be proved are in no run; the bundle has their signed results instead.
func (w *Watcher) finish(b *batch, group []int) (*finished, error) {
	defer w.spent("finish", time.Now())
	f := new(finished)
	proof := &block.Bundle{Chain: b.blocks[group[0]].block.Light.ChainID, Block: b.blocks[group[0]].height}
	for _, i := range group {
		f.records = append(f.records, newRecord(b.blocks[i].trace))
	}
	if len(group) == 1 && f.records[0].Status == proofstore.Empty {
		return f, nil
	}
	for _, p := range b.parts {
		security := w.system.security(p.steps)
		used := false
		for k, i := range group {
			record := f.records[k]
			entry := proofstore.Entry{
				Block: record.Block, Part: len(proof.Proofs), ProgramHash: w.system.format().ProgramHash().String(), Layout: w.system.format().Layout(),
				Steps: p.steps, SecurityBits: security.Conjectured, ProvenBits: security.Proven, ProvingMS: p.took.Milliseconds(),
			}
			for _, t := range p.transactions {
				if t.Block == i {
					entry.Transactions = append(entry.Transactions, record.Transactions[t.Transaction])
				}
			}
			if len(p.transactions) == 0 && p.block == i {
				entry.Transactions = []string{}
				used, record.Proofs = true, append(record.Proofs, entry)
			} else if len(entry.Transactions) > 0 {
				used, record.Proofs = true, append(record.Proofs, entry)
			}
		}
		if used {
			proof.Proofs = append(proof.Proofs, p.proof)
		}
	}
	var inputs []*block.WitnessInput
	var failed error // of reading the replica
	classes := map[felt.Felt]*casm.Class{}
	for k, i := range group {
		c := b.blocks[i]
		var left []cairoos.Unproven
		for _, u := range b.unproven {
			if u.Block == i {
				left = append(left, u)
			}
		}
		unproven, err := unprovenOf(c.trace, left)
		if err != nil {
			return nil, err
		}
		addUnproven(f.records[k], unproven)
		if len(proof.Proofs) == 0 {
			f.records[k].Status = proofstore.NotProved
			continue
		}
		input, err := w.witnessInput(c.block, c.results, c.trace, unproven, classes, &failed)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, input)
	}
	if len(proof.Proofs) == 0 {
		return f, nil
	}
	err := proof.CompleteRange(inputs)
	if failed != nil {
		return nil, permanent{fmt.Errorf("watcher: block %d: reading the state before it: %w", proof.Block, failed)}
	}
	if err != nil {
		return nil, err
	}
	anchors, err := headers.VerifyRange(proof, &headers.Trust{Genesis: w.trusted})
	if err != nil {
		return nil, &SelfCheckError{int64(proof.Block), err}
	}
	verdict, err := block.CheckRange(proof, anchors, w.policy())
	if err != nil {
		return nil, &SelfCheckError{int64(proof.Block), err}
	}
	if f.bundle, err = proof.Encode(); err != nil {
		return nil, err
	}
	if size := len(f.bundle); size > stone.MaxProofJSON {
		if len(group) > 1 {
			return nil, fmt.Errorf("watcher: the bundle of %d blocks has %d bytes", len(group), size)
		}
		return &finished{records: []*proofstore.Record{tooLarge(newRecord(b.blocks[group[0]].trace), size)}}, nil
	}
	for k, record := range f.records {
		addCoverage(record, verdict.Blocks[k].Outcome.Transactions)
		record.Status, record.StateRoot = proofstore.Proved, anchors[k].After.String()
		if len(record.Unproven) == len(record.Transactions) {
			record.Status = proofstore.NotProved
		}
	}
	return f, nil
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
		if class, ok := trace.Transactions[e.Transaction].Outcome.BilledBySteps(); ok {
			u.Reason = statement.Reason{CairoSteps: true, Class: class}
		} else if cannot, ok := errors.AsType[*cairoos.UnprovableError](e.Err); ok {
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

// witness adds to a bundle of one block everything that a verifier needs besides the proofs.
func (w *Watcher) witness(b *Block, results []statement.Result, trace *app.BlockTrace, unproven []statement.Unproven, proof *block.Bundle) error {
	var failed error // of reading the replica
	e, err := w.witnessInput(b, results, trace, unproven, map[felt.Felt]*casm.Class{}, &failed)
	if err == nil {
		err = proof.Complete(e)
	}
	if failed != nil {
		return permanent{fmt.Errorf("watcher: block %d: reading the state before it: %w", b.Height, failed)}
	}
	return err
}

// witnessInput returns what a block's witness is made of. Errors of reading the replica, which come later, are kept in failed, and classes that are read in
// classes, so that blocks of one bundle share them.
func (w *Watcher) witnessInput(b *Block, results []statement.Result, trace *app.BlockTrace, unproven []statement.Unproven, classes map[felt.Felt]*casm.Class,
	failed *error) (*block.WitnessInput, error) {
	store, height := w.app.Store(), uint64(b.Height)
	_, roots, _, err := store.Header(height - 1)
	if err != nil {
		return nil, permanent{err}
	}
	e := &block.WitnessInput{
		Transactions: b.Txs, Results: results, Unproven: unproven,
		Before: &watchedState{store.At(height - 1), failed},
		Class: watched(failed, func(hash felt.Felt) (*casm.Class, error) {
			if known := classes[hash]; known != nil {
				return known, nil
			}
			class, err := store.At(height).Class(hash)
			if err != nil {
				return nil, err
			}
			classes[hash], err = casm.DecodeClass(class.Casm)
			return classes[hash], err
		}),
		Tries: &statement.Tries{
			ContractsRoot: roots.ContractsRoot, ClassesRoot: roots.ClassesRoot,
			Nodes: &watchedNodes{store, failed}, Contract: watched(failed, store.ContractAt(height-1)),
		},
	}
	if w.system.format() == statement.FormatStone {
		e.Validations = validationsOf(trace, unproven)
	}
	for i, signed := range []*cmttypes.SignedHeader{b.Light.SignedHeader, b.Next.SignedHeader} {
		if e.Headers[i], err = cmtjson.Marshal(signed); err != nil {
			return nil, err
		}
	}
	signed := &block.Bundle{Chain: b.Light.ChainID, Block: height, Headers: e.Headers}
	signed.Witness.Results = results
	for _, tx := range b.Txs {
		signed.Witness.Transactions = append(signed.Witness.Transactions, tx)
	}
	if e.Anchor, err = headers.Verify(signed, &headers.Trust{Genesis: w.trusted}); err != nil {
		return nil, err
	}
	if height >= constants.BlockHashLag {
		_, old, _, err := store.Header(height - constants.BlockHashLag)
		if err != nil {
			return nil, permanent{err}
		}
		e.OldBlockHash = &old.BlockHash
	}
	for i := range trace.Transactions {
		e.Calls = append(e.Calls, trace.Transactions[i].Calls)
	}
	return e, nil
}
